"""`/integrations/mlflow/`: what was seen last on MLflow servers, and the webhook that hints at more."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import authentication, exceptions, serializers
from rest_framework.request import Request as ApiRequest

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.idempotency import idempotent
from governance.api.permissions import READING
from governance.api.promotion_documents import ANY_OBJECT
from registry.authority import require
from registry.connectors.mlflow import DIGEST_NOTE
from registry.models import MlflowModel, Person
from registry.tasks import pull_mlflow

TOLERANCE_SECONDS = 300
_GATHER_SECONDS = 10
_REFUSED = "The signature is missing, old or wrong."


class MlflowSignature(authentication.BaseAuthentication):
    """HMAC-SHA256 over delivery id, time and body with ASSAY_MLFLOW_WEBHOOK_SECRET, as MLflow signs its deliveries."""

    def authenticate(self, request: ApiRequest) -> tuple[Person, None]:
        """The account that answers for imports. The same refusal for whatever is wrong."""
        secret: str = settings.ASSAY_MLFLOW_WEBHOOK_SECRET
        at = request.headers.get("X-MLflow-Timestamp", "")
        told = f"{request.headers.get('X-MLflow-Delivery-Id', '')}.{at}.".encode() + request._request.body  # noqa: SLF001
        wanted = base64.b64encode(hmac.new(secret.encode(), told, hashlib.sha256).digest()).decode()
        given = request.headers.get("X-MLflow-Signature", "")
        fresh = at.isascii() and at.isdigit() and abs(time.time() - int(at)) <= TOLERANCE_SECONDS
        right = hmac.compare_digest(f"v1,{wanted}".encode(), given.encode())
        actor = Person.objects.filter(username=settings.ASSAY_MLFLOW_ACTOR, is_active=True).first()
        if not secret or not fresh or not right or actor is None:
            raise exceptions.AuthenticationFailed(_REFUSED)
        return actor, None

    def authenticate_header(self, request: ApiRequest) -> str:  # noqa: ARG002  (DRF's signature)
        """Makes a refusal a 401."""
        return 'MLflow-Signature realm="assay"'


class HintDocument(serializers.Serializer[Any]):
    """Whether a look at the servers follows, or one is on its way already."""

    accepted = serializers.BooleanField()
    queued = serializers.BooleanField()


class MlflowModelDocument(serializers.ModelSerializer[MlflowModel]):
    """A registered model as it was seen last. `digest_note` says what MLflow's dataset digests are worth."""

    digest_note = serializers.SerializerMethodField()

    class Meta:
        model = MlflowModel
        fields = ("server", "name", "aliases", "seen_at", "digest_note")

    def get_digest_note(self, model: MlflowModel) -> str:  # noqa: ARG002  (the same for all)
        """In words."""
        return DIGEST_NOTE


class MlflowList(ApiView):
    """What was seen last."""

    scopes = {"GET": READING}
    untied_only = ("GET",)
    serializer_class = MlflowModelDocument
    filter_backends = ()
    queryset: QuerySet[MlflowModel] = MlflowModel.objects.none()

    @extend_schema(summary="List the models on MLflow servers", tags=["integrations"])
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """With the full map of aliases and the time of the last look."""
        require(self.actor, "registry.view_modelversion")
        return self.page(MlflowModel.objects.all())


class MlflowWebhook(ApiView):
    """A hint only: what it says is not believed, the server is asked."""

    scopes = {"POST": (Scope.LINEAGE_WRITE,)}
    authentication_classes = (MlflowSignature,)
    serializer_class = HintDocument
    filter_backends = ()
    queryset = None

    @extend_schema(
        summary="Receive a webhook of MLflow",
        tags=["integrations"],
        auth=[],
        request={"application/json": ANY_OBJECT},
        parameters=[OpenApiParameter("X-MLflow-Signature", str, OpenApiParameter.HEADER, required=True)],
        responses={202: HintDocument},
    )
    @idempotent()
    def post(self, request: Request) -> Response:  # noqa: ARG002
        """Signed as MLflow does. Several hints within ten seconds are one look at the servers."""
        queued = cache.add("mlflow-hint", 1, _GATHER_SECONDS)
        if queued:
            pull_mlflow.apply_async(countdown=_GATHER_SECONDS)
        return Response({"accepted": True, "queued": queued}, status=202)
