"""`/datasets/`: datasets, their immutable versions, and their withdrawal."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Exists, OuterRef, QuerySet
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema, extend_schema_field
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response, created
from governance.api.bodies import RawBody, StrictSerializer, spooled_content
from governance.api.conditional import conditional
from governance.api.idempotency import idempotent
from governance.api.pagination import Filters
from governance.api.permissions import READING
from governance.api.references import dataset_version_named
from governance.api.versions import BlobDocument
from governance.api.visibility import dataset_for, known_dataset, known_dataset_version
from registry import recalls
from registry.authority import require
from registry.datasets import (
    DatasetDescription,
    register_dataset,
    register_dataset_version,
    store_dataset_content,
    withdraw_dataset_version,
)
from registry.models import Blob, Dataset, DatasetVersion, DatasetWithdrawal

EXAMPLE = OpenApiExample(
    "Test data with a sensitive column",
    value={
        "digest": "sha256:" + "0" * 64,
        "media_type": "text/csv",
        "row_count": 110,
        "columns": [
            {"name": "age", "type": "number", "tags": ["feature", "sensitive", "pii"]},
            {"name": "progressed", "type": "integer", "tags": ["target"]},
        ],
        "source": "https://www4.stat.ncsu.edu/~boos/var.select/diabetes.html",
        "licence": "CC-BY-4.0",
        "legal_basis": "6(1)(f) legitimate interest",
        "purpose": "Evaluation",
        "personal_data": True,
        "special_categories": ["health"],
    },
    request_only=True,
)


class DatasetBody(StrictSerializer):
    """A new dataset name."""

    slug = serializers.CharField(max_length=80)
    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class ColumnBody(StrictSerializer):
    """One column: its type, and tags that say what it is to the checks."""

    name = serializers.CharField(max_length=200)
    type = serializers.CharField(max_length=20, default="string")
    tags = serializers.ListField(child=serializers.CharField(max_length=40), max_length=10, default=list)


class DatasetVersionBody(StrictSerializer):
    """What the content is, where it came from, and under which terms it may be used."""

    digest = serializers.CharField(max_length=71)
    media_type = serializers.CharField(max_length=80, default="text/csv")
    row_count = serializers.IntegerField(min_value=0, max_value=2**53, allow_null=True, default=None)
    columns = ColumnBody(many=True, allow_empty=True, max_length=5000)  # type: ignore[call-arg]
    source = serializers.CharField(max_length=500, allow_blank=True, default="")  # type: ignore[assignment]
    job = serializers.CharField(max_length=200, allow_blank=True, default="")
    licence = serializers.CharField(max_length=80, allow_blank=True, default="")
    legal_basis = serializers.CharField(max_length=120, allow_blank=True, default="")
    purpose = serializers.CharField(max_length=300, allow_blank=True, default="")
    retention_until = serializers.DateField(allow_null=True, default=None)
    personal_data = serializers.BooleanField(default=False)
    special_categories = serializers.ListField(child=serializers.CharField(max_length=80), max_length=20, default=list)
    derived_from = serializers.ListField(
        child=serializers.CharField(max_length=100), max_length=200, default=list, help_text="<dataset>/<number> each"
    )


class WithdrawalBody(StrictSerializer):
    """Why the data must not be used any more."""

    kind = serializers.ChoiceField(choices=DatasetWithdrawal.Kind.choices, default=DatasetWithdrawal.Kind.OTHER)
    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class DatasetDocument(serializers.ModelSerializer[Dataset]):
    """A dataset."""

    owner = serializers.CharField(source="owner.username", read_only=True)

    class Meta:
        model = Dataset
        fields = ("slug", "name", "owner", "description", "created_at")


class DatasetVersionDocument(serializers.ModelSerializer[DatasetVersion]):
    """A dataset version. `withdrawn_at` is set once it must not be used any more."""

    dataset = serializers.CharField(source="dataset.slug", read_only=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)
    content_held = serializers.BooleanField(read_only=True)
    withdrawn_at = serializers.DateTimeField(
        source="withdrawal.withdrawn_at", default=None, read_only=True, allow_null=True
    )
    derived_from = serializers.SerializerMethodField()

    class Meta:
        model = DatasetVersion
        fields = (
            "dataset",
            "number",
            "digest",
            "media_type",
            "content_held",
            "row_count",
            "columns",
            "source",
            "job",
            "licence",
            "legal_basis",
            "purpose",
            "retention_until",
            "personal_data",
            "special_categories",
            "derived_from",
            "record_digest",
            "withdrawn_at",
            "created_by",
            "created_at",
        )

    @extend_schema_field({"type": "array", "items": {"type": "string"}})
    def get_derived_from(self, version: DatasetVersion) -> list[str]:
        """<dataset>/<number> of each parent."""
        return [str(derivation.parent) for derivation in version.derived_from.all()]


class AffectedVersion(serializers.Serializer[Any]):
    """A model version whose gates closed."""

    model = serializers.CharField(source="model.slug")
    version = serializers.IntegerField(source="number")


class AffectedDeployment(serializers.Serializer[Any]):
    """Where such a version is in use now."""

    model = serializers.CharField(source="model.slug")
    version = serializers.IntegerField(source="version.number")
    stage = serializers.CharField()


class WithdrawalDocument(serializers.Serializer[Any]):
    """The withdrawal, every model version that was made or measured with the data, and where those are in use."""

    dataset = serializers.CharField()
    withdrawn_at = serializers.DateTimeField()
    affected = AffectedVersion(many=True)
    deployments = AffectedDeployment(many=True)


class DatasetFilter(Filters):
    """By who answers for it."""

    owner = django_filters.CharFilter(field_name="owner__username")

    class Meta:
        model = Dataset
        fields = ("owner",)


class DatasetVersionFilter(Filters):
    """By content, and by whether it may still be used."""

    withdrawn = django_filters.BooleanFilter(field_name="withdrawal", lookup_expr="isnull", exclude=True)

    class Meta:
        model = DatasetVersion
        fields = ("digest", "licence", "personal_data", "withdrawn")


def with_parts(versions: QuerySet[DatasetVersion]) -> QuerySet[DatasetVersion]:
    """The rows with everything that `DatasetVersionDocument` reads."""
    held = Exists(Blob.objects.filter(digest=OuterRef("digest")))
    return (
        versions.select_related("dataset", "created_by", "withdrawal")
        .prefetch_related("derived_from__parent__dataset")
        .annotate(content_held=held)
    )


def version_document(version: DatasetVersion) -> dict[str, Any]:
    """One dataset version as the API shows it."""
    return dict(DatasetVersionDocument(with_parts(DatasetVersion.objects.all()).get(pk=version.pk)).data)


class DatasetList(ApiView):
    """All datasets, and new ones."""

    scopes = {"GET": READING, "POST": (Scope.REGISTRY_WRITE,)}
    serializer_class = DatasetDocument
    filterset_class = DatasetFilter
    ordering_fields = ("slug", "created_at")
    ordering = ("slug",)
    queryset = Dataset.objects.none()

    @extend_schema(summary="List datasets", tags=["datasets"], responses={200: DatasetDocument(many=True)})
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Every dataset."""
        require(self.actor, "registry.view_dataset")
        return self.page(Dataset.objects.select_related("owner"))

    @extend_schema(
        summary="Register a dataset", tags=["datasets"], request=DatasetBody, responses={201: DatasetDocument}
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """A name for versions to come."""
        dataset = register_dataset(actor=self.actor, **self.body(DatasetBody))
        return created(DatasetDocument(dataset).data, request.build_absolute_uri(f"{dataset.slug}/"))


class DatasetDetail(ApiView):
    """One dataset."""

    scopes = {"GET": READING}
    serializer_class = DatasetDocument

    @extend_schema(summary="Read a dataset", tags=["datasets"])
    def get(self, request: Request, slug: str) -> Response:
        """Its name and who answers for it."""
        return conditional(request, DatasetDocument(dataset_for(request, slug)).data)


class DatasetVersionList(ApiView):
    """The versions of one dataset, and new ones."""

    scopes = {"GET": READING, "POST": (Scope.REGISTRY_WRITE,)}
    serializer_class = DatasetVersionDocument
    filterset_class = DatasetVersionFilter
    ordering_fields = ("number", "created_at")
    ordering = ("-number",)
    queryset = DatasetVersion.objects.none()

    @extend_schema(
        summary="List the versions of a dataset", tags=["datasets"], responses={200: DatasetVersionDocument(many=True)}
    )
    def get(self, request: Request, slug: str) -> Response:
        """Newest first."""
        return self.page(with_parts(DatasetVersion.objects.filter(dataset=dataset_for(request, slug))))

    @extend_schema(
        summary="Register a dataset version",
        tags=["datasets"],
        request=DatasetVersionBody,
        responses={201: DatasetVersionDocument},
        examples=[EXAMPLE],
    )
    @idempotent()
    def post(self, request: Request, slug: str) -> Response:
        """Declares the version; its content may follow with PUT and must have the declared digest."""
        dataset = known_dataset(slug)
        fields = self.body(DatasetVersionBody)
        parents = [
            dataset_version_named(name, field=f"derived_from[{index}]")
            for index, name in enumerate(fields.pop("derived_from"))
        ]
        version = register_dataset_version(
            actor=self.actor, dataset=dataset, description=DatasetDescription(derived_from=parents, **fields)
        )
        return created(version_document(version), request.build_absolute_uri(f"{version.number}/"))


class DatasetVersionDetail(ApiView):
    """One dataset version."""

    scopes = {"GET": READING}
    serializer_class = DatasetVersionDocument

    @extend_schema(summary="Read a dataset version", tags=["datasets"])
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Schema, terms, origin, and whether it was withdrawn."""
        require(self.actor, "registry.view_datasetversion")
        return conditional(request, version_document(known_dataset_version(slug, number)))


class ContentUpload(ApiView):
    """The content of one dataset version."""

    scopes = {"PUT": (Scope.REGISTRY_WRITE,)}
    parser_classes = (RawBody,)
    serializer_class = BlobDocument

    @extend_schema(
        summary="Upload the content",
        tags=["datasets"],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: BlobDocument},
    )
    def put(self, request: Request, slug: str, number: int) -> Response:
        """CSV or Parquet, as declared. Another digest is refused (422)."""
        version = known_dataset_version(slug, number)
        with spooled_content(request) as content:
            blob = store_dataset_content(actor=self.actor, version=version, content=content)
        return Response(BlobDocument(blob).data)


class DatasetWithdraw(ApiView):
    """The end of a dataset version."""

    scopes = {"POST": (Scope.REGISTRY_WRITE,)}
    untied_only = ("POST",)
    serializer_class = WithdrawalDocument

    @extend_schema(
        summary="Withdraw a dataset version",
        tags=["datasets"],
        request=WithdrawalBody,
        responses={201: WithdrawalDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        """Forbids its use: the gates of every descendant close with this answer, which lists them."""
        version = known_dataset_version(slug, number)
        withdrawal = withdraw_dataset_version(actor=self.actor, version=version, **self.body(WithdrawalBody))
        answer = {
            "dataset": str(version),
            "withdrawn_at": withdrawal.withdrawn_at,
            "affected": recalls.affected_versions(version),
            "deployments": recalls.affected_deployments(version),
        }
        return Response(WithdrawalDocument(answer).data, status=201)
