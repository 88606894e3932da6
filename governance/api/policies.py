"""`/policies/`: drafts, and their activation by somebody else than the author."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response, created
from governance.api.bodies import JSONBody, PolicyBody, SignedBody, StrictSerializer
from governance.api.conditional import conditional
from governance.api.idempotency import idempotent
from governance.api.pagination import Filters
from governance.api.permissions import READING
from governance.models import PolicyVersion
from governance.policies import metric_choice
from governance.policies.diffs import Bearing, differences
from governance.policy_versions import activate_policy, draft_policy
from governance.simulations import simulate
from registry.authority import require
from registry.errors import InvalidInputError, UnknownSubjectError

VIEW = "governance.view_policyversion"


class PolicySourceBody(StrictSerializer):
    """The text of a policy."""

    source = serializers.CharField(  # type: ignore[assignment]  # DRF takes declared fields off the class
        max_length=200_000, trim_whitespace=False, help_text="YAML"
    )


class ActivationBody(SignedBody):
    """The signature under an activation."""

    reason = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class PolicyVersionDocument(serializers.ModelSerializer[PolicyVersion]):
    """A policy version; `digest` covers `document`."""

    slug = serializers.CharField(source="policy.slug", read_only=True)
    title = serializers.CharField(source="policy.title", read_only=True)
    status = serializers.CharField(read_only=True)
    author = serializers.CharField(source="author.username", read_only=True)

    class Meta:
        model = PolicyVersion
        fields = ("slug", "number", "title", "status", "digest", "author", "created_at")


class PolicyTextDocument(PolicyVersionDocument):
    """A policy version with its text."""

    class Meta(PolicyVersionDocument.Meta):
        fields = (*PolicyVersionDocument.Meta.fields, "source", "document")  # type: ignore[assignment]


class PolicyFilter(Filters):
    """By name and standing."""

    slug = django_filters.CharFilter(field_name="policy__slug")
    status = django_filters.ChoiceFilter(choices=[(name, name) for name in ("draft", "active", "retired", "recalled")])

    class Meta:
        model = PolicyVersion
        fields = ("slug", "status")


def policy_document(version: PolicyVersion) -> dict[str, Any]:
    """One policy version as the API shows it."""
    found = PolicyVersion.objects.with_status().select_related("policy", "author").get(pk=version.pk)
    return dict(PolicyTextDocument(found).data)


def policy_version_named(slug: str, number: int) -> PolicyVersion:
    """The policy version. Raises UnknownSubjectError."""
    found = PolicyVersion.objects.select_related("policy", "author").filter(policy__slug=slug, number=number).first()
    if found is None:
        raise UnknownSubjectError(f"There is no policy version {slug}/{number}.", field="policy")
    return found


class PolicyList(ApiView):
    """All policy versions, and new drafts."""

    scopes = {"GET": (*READING, Scope.POLICY_WRITE), "POST": (Scope.POLICY_WRITE,)}
    untied_only = ("POST",)
    parser_classes = (JSONBody, PolicyBody)
    serializer_class = PolicyVersionDocument
    filterset_class = PolicyFilter
    ordering_fields = ("created_at", "number")
    ordering = ("policy__slug", "-number")
    queryset = PolicyVersion.objects.none()

    @extend_schema(summary="List policy versions", tags=["policies"], responses={200: PolicyVersionDocument(many=True)})
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Newest version of each policy first."""
        require(self.actor, VIEW)
        return self.page(PolicyVersion.objects.with_status().select_related("policy", "author"))

    @extend_schema(
        summary="Draft a policy version",
        tags=["policies"],
        request={"application/json": PolicySourceBody, "application/yaml": {"type": "string"}},
        responses={201: PolicyTextDocument},
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """A draft decides nothing until somebody else activates it. Faults name the field and the line."""
        version = draft_policy(actor=self.actor, **self.body(PolicySourceBody))
        where = f"{version.policy.slug}/versions/{version.number}/"
        return created(policy_document(version), request.build_absolute_uri(where))


class PolicyDetail(ApiView):
    """One policy version."""

    scopes = {"GET": (*READING, Scope.POLICY_WRITE)}
    serializer_class = PolicyTextDocument

    @extend_schema(summary="Read a policy version", tags=["policies"])
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Its text, its digest and whether it is in force."""
        require(self.actor, VIEW)
        return conditional(request, policy_document(policy_version_named(slug, number)))


class MetricChoiceDocument(serializers.Serializer[Any]):
    """The questions that lead to a fairness measure; a policy keeps its answers under `metric_choice`."""

    first = serializers.CharField(help_text="the question with which it begins")
    questions = serializers.ListField(child=serializers.DictField(), help_text="id, text, help, options")
    proposals = serializers.ListField(child=serializers.DictField(), help_text="id, title, why, measures")


class MetricChoiceTree(ApiView):
    """The decision tree of fairness measures."""

    scopes = {"GET": (*READING, Scope.POLICY_WRITE)}
    serializer_class = MetricChoiceDocument

    @extend_schema(summary="Read the tree that leads to a fairness measure", tags=["policies"])
    def get(self, request: Request) -> Response:
        """Each option leads to a further question or to a proposal."""
        require(self.actor, VIEW)
        return conditional(request, metric_choice.to_document())


class PolicyActivate(ApiView):
    """Putting a draft into force."""

    scopes = {"POST": (Scope.POLICY_WRITE,)}
    untied_only = ("POST",)
    serializer_class = PolicyTextDocument

    @extend_schema(
        summary="Activate a policy version",
        tags=["policies"],
        request=ActivationBody,
        responses={200: PolicyTextDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        """Signed by somebody else than its author; the version in force before is retired."""
        version = policy_version_named(slug, number)
        activate_policy(actor=self.actor, policy_version=version, **self.body(ActivationBody))
        return Response(policy_document(version))


class ChangeDocument(serializers.Serializer[Any]):
    """One rule that changed: where, from what to what, and which way it leans."""

    path = serializers.CharField()
    before = serializers.JSONField(allow_null=True)
    after = serializers.JSONField(allow_null=True)
    bearing = serializers.ChoiceField(choices=[str(bearing) for bearing in Bearing])


class DiffDocument(serializers.Serializer[Any]):
    """What changed from one version of a policy to another one."""

    policy = serializers.CharField()
    against = serializers.CharField(allow_null=True)
    changes = ChangeDocument(many=True)


class PolicyDiff(ApiView):
    """What a policy version changes."""

    scopes = {"GET": (*READING, Scope.POLICY_WRITE)}
    serializer_class = DiffDocument
    filter_backends = ()

    @extend_schema(
        summary="Compare two versions of a policy",
        tags=["policies"],
        parameters=[
            OpenApiParameter("against", OpenApiTypes.INT, description="Number of the other one; the one before if none")
        ],
        responses={200: DiffDocument},
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """Rule by rule, in the order of the text; a moved entry is no change. Without a version before: no changes."""
        require(self.actor, VIEW)
        version = policy_version_named(slug, number)
        asked = request.query_params.get("against")
        other = _before(version) if asked is None else policy_version_named(slug, _number(asked))
        changes = differences(other.rules, version.rules) if other else ()
        document = {
            "policy": str(version),
            "against": str(other) if other else None,
            "changes": [change.to_document() for change in changes],
        }
        return conditional(request, document)


class SimulationDocument(serializers.Serializer[Any]):
    """What a version would have said of every promotion ever decided, and how it differs from the one before."""

    policy = serializers.CharField()
    promotions = serializers.IntegerField()
    counts = serializers.DictField(child=serializers.IntegerField())
    changed = serializers.ListField(child=serializers.DictField())
    changes = serializers.ListField(child=serializers.DictField())


class PolicySimulate(ApiView):
    """The policy time machine."""

    scopes = {"POST": (Scope.POLICY_WRITE,)}
    untied_only = ("POST",)
    serializer_class = SimulationDocument

    @extend_schema(
        summary="Replay all past promotions under a policy version",
        tags=["policies"],
        request=None,
        responses={200: SimulationDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        """Who would be newly blocked or released. Changes nothing; it reads every model, so only drafters may."""
        require(self.actor, "governance.draft_policy")
        version = policy_version_named(slug, number)
        before = _before(version)
        changes = differences(before.rules, version.rules) if before else ()
        return Response({**simulate(version).to_document(), "changes": [change.to_document() for change in changes]})


def _before(version: PolicyVersion) -> PolicyVersion | None:
    """The version before this one, None for the first."""
    rows = PolicyVersion.objects.filter(policy=version.policy_id, number__lt=version.number)
    return rows.select_related("policy").order_by("-number").first()


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 10):  # noqa: PLR2004
        raise InvalidInputError("Give the number of a version.", field="against")
    return int(text)
