"""What data reached, and who answers for it after a withdrawal."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import extend_schema, extend_schema_field
from rest_framework import serializers

from governance import recalls as verbs
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import StrictSerializer
from governance.api.idempotency import idempotent
from governance.api.pagination import Filters
from governance.api.permissions import READING
from governance.api.references import dataset_version_named
from governance.api.visibility import known_dataset_version, models_for, version_for
from governance.errors import NotAffectedError
from registry import recalls
from registry.authority import require
from registry.models import DatasetVersion, DatasetWithdrawal, ModelVersion, RiskAcceptance


class DescendantDocument(serializers.Serializer[Any]):
    """A model version made or measured with the data, directly or through what was derived from it."""

    model = serializers.CharField(source="model.slug")
    version = serializers.IntegerField(source="number")
    artifact_digest = serializers.CharField()
    owner = serializers.CharField(source="model.owner.username")
    stages = serializers.SerializerMethodField(help_text="Where it is in use now.")
    clean_version = serializers.SerializerMethodField(help_text="A later version that was made without the data.")

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_stages(self, version: ModelVersion) -> list[str]:
        """The stages, in the order of the alphabet."""
        return sorted(self.context["stages"].get(version.pk, ()))

    @extend_schema_field({"type": "integer", "nullable": True})
    def get_clean_version(self, version: ModelVersion) -> int | None:
        """The newest one."""
        newest: int = self.context["clean"].get(version.model_id, 0)
        return newest if newest > version.number else None


def facts_of_descendants(*datasets: DatasetVersion) -> dict[str, Any]:
    """What `DescendantDocument` says of the versions made with `datasets` besides their rows: its context."""
    stages: dict[int, list[str]] = {}
    for row in recalls.affected_deployments(*datasets):
        stages.setdefault(row.version_id or 0, []).append(row.stage)
    return {"stages": stages, "clean": recalls.clean_versions(*datasets)}


class DescendantFilter(Filters):
    """By model."""

    model = django_filters.CharFilter(field_name="model__slug")

    class Meta:
        model = ModelVersion
        fields = ("model",)


class DescendantList(ApiView):
    """Which models saw this data."""

    scopes = {"GET": READING}
    serializer_class = DescendantDocument
    filterset_class = DescendantFilter
    ordering_fields = ("model__slug", "number")
    ordering = ("model__slug", "number")
    queryset = ModelVersion.objects.none()

    @extend_schema(
        summary="List what was made with a dataset version",
        tags=["datasets"],
        responses={200: DescendantDocument(many=True)},
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Before or after a withdrawal; found by one query over the lineage."""
        require(self.actor, "registry.view_datasetversion")
        dataset = known_dataset_version(slug, number)
        rows = recalls.affected_versions(dataset).filter(model__in=models_for(request))
        self.facts = facts_of_descendants(dataset)
        return self.page(rows)

    def get_serializer_context(self) -> dict[str, Any]:
        """With the stages and the ways out."""
        return {**super().get_serializer_context(), "stages": {}, "clean": {}, **getattr(self, "facts", {})}


class AcceptanceBody(StrictSerializer):
    """Why the version may stay in use for a while, and what protects people meanwhile."""

    dataset = serializers.CharField(max_length=100, help_text="The withdrawn dataset version, <dataset>/<number>")
    role = serializers.CharField(max_length=40)
    justification = serializers.CharField(max_length=10_000, allow_blank=True)
    measures = serializers.CharField(max_length=10_000, allow_blank=True)
    expires_at = serializers.DateTimeField()
    password = serializers.CharField(
        max_length=1024, trim_whitespace=False, allow_blank=True, write_only=True, default=""
    )
    otp = serializers.CharField(max_length=12, allow_blank=True, write_only=True, default="")


class AcceptanceDocument(serializers.ModelSerializer[RiskAcceptance]):
    """A signed acceptance of the risk that remains."""

    dataset = serializers.CharField(source="withdrawal.dataset_version", read_only=True)
    kind = serializers.CharField(source="withdrawal.kind", read_only=True)

    class Meta:
        model = RiskAcceptance
        fields = (
            "id",
            "dataset",
            "kind",
            "justification",
            "measures",
            "role",
            "printed_name",
            "method",
            "signed_at",
            "expires_at",
        )


class AcceptanceList(ApiView):
    """The acceptances of one version."""

    scopes = {"GET": READING, "POST": (Scope.REVIEW_WRITE,)}
    serializer_class = AcceptanceDocument

    @extend_schema(
        summary="List risk acceptances",
        tags=["versions"],
        responses={200: AcceptanceDocument(many=True)},
        filters=False,
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Newest first; of several for the same data the newest counts."""
        version = version_for(request, slug, number)
        rows = version.risk_acceptances.select_related("withdrawal__dataset_version__dataset")[:500]
        return Response(AcceptanceDocument(rows, many=True).data)

    @extend_schema(
        summary="Accept the residual risk of withdrawn data",
        tags=["versions"],
        request=AcceptanceBody,
        responses={201: AcceptanceDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Signed by whoever holds the right to, for a limited time. Open requests are measured and reviewed anew."""
        version = version_for(request, slug, number)
        told = self.body(AcceptanceBody)
        dataset = dataset_version_named(told.pop("dataset"), field="dataset")
        withdrawal = DatasetWithdrawal.objects.filter(dataset_version=dataset).first()
        if withdrawal is None:
            raise NotAffectedError(f"{dataset} was not withdrawn.", field="dataset")
        accepted = verbs.accept_risk(actor=self.actor, version=version, withdrawal=withdrawal, **told)
        return Response(AcceptanceDocument(accepted).data, status=201)
