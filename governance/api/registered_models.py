"""`/models/`: what models there are, what each is for and who answers for it."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response, created
from governance.api.bodies import StrictSerializer
from governance.api.conditional import conditional
from governance.api.idempotency import idempotent
from governance.api.pagination import Filters
from governance.api.permissions import READING
from governance.api.visibility import model_for, models_for
from registry.errors import InvalidInputError
from registry.models import Person, RegisteredModel, StageAssignment
from registry.versions import register_model

EXAMPLE = OpenApiExample(
    "A high-risk model",
    value={
        "slug": "care-priority",
        "name": "Care programme priority",
        "intended_purpose": "Orders patients for a voluntary care programme; a nurse decides.",
        "risk_class": "high",
        "affected_persons": "Adult patients of the programme",
    },
    request_only=True,
)


class ModelBody(StrictSerializer):
    """What is said about a new model."""

    slug = serializers.CharField(max_length=80)
    name = serializers.CharField(max_length=200)
    intended_purpose = serializers.CharField(max_length=10_000, help_text="As the instructions for use will say it.")
    risk_class = serializers.CharField(max_length=16, help_text="minimal, limited or high")
    role = serializers.CharField(max_length=16, default="provider", help_text="provider or deployer")
    affected_persons = serializers.CharField(max_length=10_000, allow_blank=True, default="")
    tags = serializers.ListField(child=serializers.CharField(max_length=60), max_length=50, default=list)
    owner = serializers.CharField(
        max_length=150, required=False, help_text="User name; by default whoever registers it"
    )


class ModelDocument(serializers.ModelSerializer[RegisteredModel]):
    """A registered model."""

    owner = serializers.CharField(source="owner.username", read_only=True)

    class Meta:
        model = RegisteredModel
        fields = (
            "slug",
            "name",
            "owner",
            "intended_purpose",
            "role",
            "risk_class",
            "affected_persons",
            "tags",
            "created_at",
        )


class StageDocument(serializers.Serializer[StageAssignment]):
    """Which version is in a stage now, since when, and by which decision. `version` is null in an emptied stage."""

    stage = serializers.CharField()
    version = serializers.IntegerField(source="version.number", allow_null=True, default=None)
    assigned_at = serializers.DateTimeField()
    decision_digest = serializers.CharField()


class ModelWithStages(ModelDocument):
    """A registered model and what is in its stages."""

    stages = serializers.SerializerMethodField()

    class Meta(ModelDocument.Meta):
        fields = (*ModelDocument.Meta.fields, "stages")  # type: ignore[assignment]

    @extend_schema(responses=StageDocument(many=True))
    def get_stages(self, model: RegisteredModel) -> list[dict[str, Any]]:
        """The newest assignment of each stage."""
        rows = StageAssignment.objects.current().filter(model=model).select_related("version").order_by("stage")
        return [dict(StageDocument(row).data) for row in rows]


class ModelFilter(Filters):
    """By who answers for it and how risky it is."""

    owner = django_filters.CharFilter(field_name="owner__username")

    class Meta:
        model = RegisteredModel
        fields = ("risk_class", "role", "owner")


class ModelList(ApiView):
    """All models, and new ones."""

    scopes = {"GET": READING, "POST": (Scope.REGISTRY_WRITE,)}
    untied_only = ("POST",)
    serializer_class = ModelDocument
    filterset_class = ModelFilter
    ordering_fields = ("slug", "created_at", "risk_class")
    ordering = ("slug",)
    queryset = RegisteredModel.objects.none()

    @extend_schema(summary="List registered models", tags=["models"], responses={200: ModelDocument(many=True)})
    def get(self, request: Request) -> Response:
        """Every model the caller may see."""
        return self.page(models_for(request).select_related("owner"))

    @extend_schema(
        summary="Register a model",
        tags=["models"],
        request=ModelBody,
        responses={201: ModelDocument},
        examples=[EXAMPLE],
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """A name for versions to come; its risk class decides which policy applies."""
        fields = self.body(ModelBody)
        owner = person_named(fields.pop("owner", None), field="owner")
        model = register_model(actor=self.actor, owner=owner, **fields)
        return created(ModelDocument(model).data, request.build_absolute_uri(f"{model.slug}/"))


class ModelDetail(ApiView):
    """One model."""

    scopes = {"GET": (*READING, Scope.GATE_READ)}
    serializer_class = ModelWithStages

    @extend_schema(summary="Read a model", tags=["models"])
    def get(self, request: Request, slug: str) -> Response:
        """What it is for, who answers for it, and which version is in which stage."""
        return conditional(request, ModelWithStages(model_for(request, slug)).data)


def person_named(username: str | None, *, field: str) -> Person | None:
    """The person of that user name, None for None. Raises InvalidInputError."""
    if username is None:
        return None
    person = Person.objects.filter(username=username, is_active=True).first()
    if person is None:
        raise InvalidInputError(f"There is no active person {username}.", field=field)
    return person
