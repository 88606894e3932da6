"""`/delegations/`: who reviews in whose role while that person is away."""

from __future__ import annotations

from django.db.models import Q
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from governance.access import delegations
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import SignedBody
from governance.api.idempotency import idempotent
from governance.api.registered_models import person_named
from governance.api.visibility import model_for
from governance.models import Delegation
from registry.errors import UnknownSubjectError


class DelegationBody(SignedBody):
    """Whom, in which role of your own, on which model (all without one), from when until when, and why."""

    delegate = serializers.CharField(max_length=150, help_text="User name")
    role = serializers.CharField(max_length=40)
    model = serializers.CharField(max_length=80, required=False)
    starts_at = serializers.DateTimeField(required=False)
    ends_at = serializers.DateTimeField()
    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class DelegationDocument(serializers.ModelSerializer[Delegation]):
    """A delegation; `ended_at` is null unless somebody ended it before its time."""

    delegator = serializers.CharField(source="delegator.username", read_only=True)
    delegate = serializers.CharField(source="delegate.username", read_only=True)
    model = serializers.CharField(source="model.slug", read_only=True, allow_null=True, default=None)
    ended_at = serializers.DateTimeField(source="ending.ended_at", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Delegation
        fields = ("id", "delegator", "delegate", "role", "model", "reason", "starts_at", "ends_at", "ended_at")


class DelegationList(ApiView):
    """Your delegations, and new ones."""

    scopes = {"GET": (Scope.REVIEW_WRITE,), "POST": (Scope.REVIEW_WRITE,)}
    untied_only = ("GET", "POST")
    serializer_class = DelegationDocument
    ordering_fields = ("starts_at", "ends_at")
    ordering = ("-starts_at",)
    queryset = Delegation.objects.none()

    @extend_schema(summary="List your delegations", tags=["reviews"], responses={200: DelegationDocument(many=True)})
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Those that you gave and those that you hold."""
        rows = Delegation.objects.filter(Q(delegator=self.actor) | Q(delegate=self.actor))
        return self.page(rows.select_related("delegator", "delegate", "model", "ending"))

    @extend_schema(
        summary="Delegate a role", tags=["reviews"], request=DelegationBody, responses={201: DelegationDocument}
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Only a role that you hold yourself; what was delegated to you goes no further."""
        fields = self.body(DelegationBody)
        slug, delegate = fields.pop("model", None), person_named(fields.pop("delegate"), field="delegate")
        if delegate is None:
            raise UnknownSubjectError("Name who stands in for you.", field="delegate")
        model = model_for(request, slug, permission=None) if slug else None
        row = delegations.delegate_role(actor=self.actor, delegate=delegate, model=model, **fields)
        return Response(DelegationDocument(row).data, status=201)


class DelegationEnding(ApiView):
    """The end of a delegation before its time."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    untied_only = ("POST",)
    serializer_class = DelegationDocument

    @extend_schema(summary="End a delegation", tags=["reviews"], request=None, responses={200: DelegationDocument})
    @idempotent()
    def post(self, request: Request, key: int) -> Response:  # noqa: ARG002
        """What was reviewed until then stands."""
        rows = Delegation.objects.select_related("delegator", "delegate", "model")
        row = rows.filter(pk=key).first()
        if row is None:
            raise UnknownSubjectError(f"There is no delegation {key}.")
        delegations.end_delegation(actor=self.actor, delegation=row)
        return Response(DelegationDocument(rows.select_related("ending").get(pk=key)).data)
