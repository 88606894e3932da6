"""`/models/{slug}/stages/`: what was where on a day, and taking versions out of stages or back into them."""

from __future__ import annotations

from datetime import UTC, datetime, time

from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from governance import stages
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import SignedBody, StrictSerializer
from governance.api.idempotency import idempotent
from governance.api.permissions import READING
from governance.api.registered_models import StageDocument
from governance.api.visibility import model_for, version_for
from governance.models import Decommission
from registry.models import StageAssignment


class DayQuestion(StrictSerializer):
    """The query: a day, or none for this moment."""

    on = serializers.DateField(required=False, help_text="YYYY-MM-DD; what was there at the end of that day (UTC)")


class RollBackBody(StrictSerializer):
    """Why, and which earlier version; without `to` the one before."""

    reason = serializers.CharField(max_length=10_000, allow_blank=True)
    to = serializers.IntegerField(min_value=1, max_value=2**31 - 1, required=False)


class RetireBody(StrictSerializer):
    """Out of which stage, and why."""

    stage = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class DecommissionBody(SignedBody):
    """Why, signed."""

    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class DecommissionDocument(serializers.ModelSerializer[Decommission]):
    """A version that is out of use for good."""

    model = serializers.CharField(source="version.model.slug", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    decided_by = serializers.CharField(source="decided_by.username", read_only=True)

    class Meta:
        model = Decommission
        fields = ("model", "version", "reason", "decided_by", "method", "decided_at")


class StageList(ApiView):
    """What is, or was, in the stages of a model."""

    scopes = {"GET": (*READING, Scope.GATE_READ)}
    serializer_class = StageDocument
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        summary="Read the stages of a model",
        tags=["models"],
        parameters=[DayQuestion],
        responses={200: StageDocument(many=True)},
    )
    def get(self, request: Request, slug: str) -> Response:
        """Now, or at the end of the day `on`; stages that were empty then are left out."""
        model = model_for(request, slug)
        question = DayQuestion(data=request.query_params.dict())
        question.is_valid(raise_exception=True)
        day = question.validated_data.get("on")
        rows = StageAssignment.objects.current()
        if day is not None:
            rows = StageAssignment.objects.as_of(datetime.combine(day, time.max, UTC))
        found = rows.filter(model=model).select_related("version").order_by("stage", "place")
        return Response([dict(StageDocument(row).data) for row in found])


class StageRollBack(ApiView):
    """Bringing an earlier version back."""

    scopes = {"POST": (Scope.PROMOTION_REQUEST,)}
    serializer_class = StageDocument

    @extend_schema(summary="Roll back a stage", tags=["models"], request=RollBackBody, responses={201: StageDocument})
    @idempotent()
    def post(self, request: Request, slug: str, stage: str) -> Response:
        """The gate of the earlier version is asked at this moment; closed is a 409."""
        model = model_for(request, slug, permission=None)
        done = stages.roll_back(actor=self.actor, model=model, stage=stage, **self.body(RollBackBody))
        return Response(StageDocument(done).data, status=201)


class VersionRetire(ApiView):
    """Taking a version out of a stage."""

    scopes = {"POST": (Scope.PROMOTION_REQUEST,)}
    serializer_class = StageDocument

    @extend_schema(
        summary="Take a version out of a stage", tags=["models"], request=RetireBody, responses={201: StageDocument}
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Nothing takes its place."""
        version = version_for(request, slug, number, permission=None)
        done = stages.retire_version(actor=self.actor, version=version, **self.body(RetireBody))
        return Response(StageDocument(done).data, status=201)


class VersionDecommission(ApiView):
    """Taking a version out of use for good."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = DecommissionDocument

    @extend_schema(
        summary="Decommission a version",
        tags=["models"],
        request=DecommissionBody,
        responses={201: DecommissionDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Signed and final: out of every stage, open requests withdrawn, all gates closed."""
        version = version_for(request, slug, number, permission=None)
        done = stages.decommission_version(actor=self.actor, version=version, **self.body(DecommissionBody))
        return Response(DecommissionDocument(done).data, status=201)
