"""`/models/{slug}/versions/`: immutable versions and their artifacts."""

from __future__ import annotations

from typing import Any

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
from governance.api.registered_models import person_named
from governance.api.visibility import model_for, version_for
from registry.models import Blob, ModelVersion
from registry.versions import VersionDescription, register_version, store_artifact

EXAMPLE = OpenApiExample(
    "A version with its data",
    value={
        "artifact_digest": "sha256:" + "0" * 64,
        "artifact_format": "skops",
        "framework": "scikit-learn 1.7",
        "signature": {
            "task": "binary_classification",
            "features": ["age", "bmi", "bp"],
            "target": "progressed",
            "positive_label": 1,
        },
        "code_revision": "9775071",
        "datasets": {"train": "patients-train/1", "evaluation": "patients-test/1"},
    },
    request_only=True,
)


class VersionBody(StrictSerializer):
    """What whoever trained the version declares about it."""

    artifact_digest = serializers.CharField(max_length=71, help_text="sha256:<hex> of the file that will be uploaded")
    artifact_format = serializers.CharField(
        max_length=20, help_text="skops, onnx, xgboost-json, xgboost-ubj, lightgbm-text or remote-endpoint"
    )
    signature = serializers.DictField(help_text="task, features, target, positive_label, threshold")
    framework = serializers.CharField(max_length=80, allow_blank=True, default="")
    source_run = serializers.CharField(max_length=200, allow_blank=True, default="")
    code_revision = serializers.CharField(max_length=80, allow_blank=True, default="")
    metrics = serializers.DictField(default=dict, help_text="As declared; shown, never judged")
    datasets = serializers.DictField(
        child=serializers.CharField(max_length=100), default=dict, help_text="role → <dataset>/<number>"
    )
    run_author = serializers.CharField(max_length=150, required=False, help_text="User name of who trained it")


class VersionDocument(serializers.ModelSerializer[ModelVersion]):
    """A model version. `artifact_held` says whether its file has been uploaded."""

    model = serializers.CharField(source="model.slug", read_only=True)
    artifact_held = serializers.BooleanField(read_only=True)
    datasets = serializers.SerializerMethodField()
    run_author = serializers.CharField(source="run_author.username", default=None, read_only=True, allow_null=True)
    created_by = serializers.CharField(source="created_by.username", read_only=True)

    class Meta:
        model = ModelVersion
        fields = (
            "model",
            "number",
            "artifact_digest",
            "artifact_format",
            "artifact_held",
            "framework",
            "signature",
            "source_run",
            "run_author",
            "code_revision",
            "metrics",
            "datasets",
            "record_digest",
            "created_by",
            "created_at",
        )

    @extend_schema_field({"type": "object", "additionalProperties": {"type": "string"}})
    def get_datasets(self, version: ModelVersion) -> dict[str, str]:
        """By role: <dataset>/<number>."""
        return {use.role: str(use.dataset_version) for use in version.inputs.all()}


class BlobDocument(serializers.ModelSerializer[Blob]):
    """Content that is kept."""

    class Meta:
        model = Blob
        fields = ("digest", "size", "media_type", "created_at")


class VersionFilter(Filters):
    """By what the file is."""

    class Meta:
        model = ModelVersion
        fields = ("artifact_digest", "artifact_format", "code_revision")


def with_parts(versions: QuerySet[ModelVersion]) -> QuerySet[ModelVersion]:
    """The rows with everything that `VersionDocument` reads, in a fixed number of queries."""
    held = Exists(Blob.objects.filter(digest=OuterRef("artifact_digest")))
    return (
        versions.select_related("model", "created_by", "run_author")
        .prefetch_related("inputs__dataset_version__dataset")
        .annotate(artifact_held=held)
    )


def version_document(version: ModelVersion) -> dict[str, Any]:
    """One version as the API shows it."""
    return dict(VersionDocument(with_parts(ModelVersion.objects.all()).get(pk=version.pk)).data)


class VersionList(ApiView):
    """The versions of one model, and new ones."""

    scopes = {"GET": READING, "POST": (Scope.REGISTRY_WRITE,)}
    serializer_class = VersionDocument
    filterset_class = VersionFilter
    ordering_fields = ("number", "created_at")
    ordering = ("-number",)
    queryset = ModelVersion.objects.none()

    @extend_schema(
        summary="List the versions of a model", tags=["versions"], responses={200: VersionDocument(many=True)}
    )
    def get(self, request: Request, slug: str) -> Response:
        """Newest first."""
        return self.page(with_parts(ModelVersion.objects.filter(model=model_for(request, slug))))

    @extend_schema(
        summary="Register a version",
        tags=["versions"],
        request=VersionBody,
        responses={201: VersionDocument},
        examples=[EXAMPLE],
    )
    @idempotent()
    def post(self, request: Request, slug: str) -> Response:
        """Declares the version; its file follows with PUT and must have the declared digest."""
        model = model_for(request, slug, permission=None)
        fields = self.body(VersionBody)
        datasets = {
            role: dataset_version_named(name, field=f"datasets.{role}") for role, name in fields.pop("datasets").items()
        }
        author = person_named(fields.pop("run_author", None), field="run_author")
        version = register_version(
            actor=self.actor,
            model=model,
            description=VersionDescription(datasets=datasets, run_author=author, **fields),
        )
        return created(version_document(version), request.build_absolute_uri(f"{version.number}/"))


class VersionDetail(ApiView):
    """One version."""

    scopes = {"GET": (*READING, Scope.GATE_READ)}
    serializer_class = VersionDocument

    @extend_schema(summary="Read a version", tags=["versions"])
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Everything that was declared about it."""
        return conditional(request, version_document(version_for(request, slug, number)))


class ArtifactUpload(ApiView):
    """The file of one version."""

    scopes = {"PUT": (Scope.REGISTRY_WRITE,)}
    parser_classes = (RawBody,)
    serializer_class = BlobDocument

    @extend_schema(
        summary="Upload the artifact",
        tags=["versions"],
        request={"application/octet-stream": OpenApiTypes.BINARY},
        responses={200: BlobDocument},
    )
    def put(self, request: Request, slug: str, number: int) -> Response:
        """The bytes themselves. Refused: another digest (422), pickle and everything built on it (415)."""
        version = version_for(request, slug, number, permission=None)
        with spooled_content(request) as content:
            blob = store_artifact(actor=self.actor, version=version, content=content)
        return Response(BlobDocument(blob).data)
