"""`/tokens/`: access tokens. The secret is in the one answer to the POST that made it, and nowhere else."""

from __future__ import annotations

from typing import Any

import django_filters
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope, issue_token, revoke_token
from governance.api.base import ApiView, Request, Response, created
from governance.api.bodies import StrictSerializer
from governance.api.idempotency import idempotent
from governance.api.pagination import Filters
from governance.api.registered_models import person_named
from governance.models import AccessToken
from registry.authority import permits
from registry.errors import InvalidInputError, UnknownSubjectError
from registry.models import RegisteredModel

VIEW = "governance.view_accesstoken"


class TokenBody(StrictSerializer):
    """What the token is for, and for how long."""

    label = serializers.CharField(max_length=120)  # type: ignore[assignment]  # DRF takes it off the class
    scopes = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=20)
    models = serializers.ListField(
        child=serializers.CharField(max_length=80), max_length=200, default=list, help_text="Slugs; empty: all"
    )
    expires_at = serializers.DateTimeField(required=False)
    owner = serializers.CharField(max_length=150, required=False, help_text="User name; by default your own")


class TokenDocument(serializers.ModelSerializer[AccessToken]):
    """A token, without its secret."""

    owner = serializers.CharField(source="person.username", read_only=True)
    scopes = serializers.ListField(child=serializers.CharField(), read_only=True)
    models: Any = serializers.SlugRelatedField(source="registered_models", slug_field="slug", many=True, read_only=True)

    class Meta:
        model = AccessToken
        fields = (
            "id",
            "prefix",
            "label",
            "owner",
            "scopes",
            "models",
            "tied",
            "created_at",
            "expires_at",
            "revoked_at",
        )


class IssuedTokenDocument(TokenDocument):
    """A token in the one moment in which its secret is shown."""

    secret = serializers.CharField(read_only=True, allow_null=True)

    class Meta(TokenDocument.Meta):
        fields = (*TokenDocument.Meta.fields, "secret")  # type: ignore[assignment]


class TokenFilter(Filters):
    """By whose it is and whether it was revoked."""

    owner = django_filters.CharFilter(field_name="person__username")
    revoked = django_filters.BooleanFilter(field_name="revoked_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = AccessToken
        fields = ("owner", "revoked")


class TokenList(ApiView):
    """Tokens, and new ones."""

    scopes = {"GET": (Scope.ADMIN,), "POST": (Scope.ADMIN,)}
    untied_only = ("GET", "POST")
    serializer_class = TokenDocument
    filterset_class = TokenFilter
    ordering_fields = ("created_at", "expires_at")
    ordering = ("-created_at",)
    queryset = AccessToken.objects.none()

    @extend_schema(summary="List access tokens", tags=["tokens"], responses={200: TokenDocument(many=True)})
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Your own, or everybody's for whoever may see them."""
        rows = AccessToken.objects.select_related("person").prefetch_related("registered_models")
        return self.page(rows if permits(self.actor, VIEW) else rows.filter(person=self.actor))

    @extend_schema(
        summary="Make an access token",
        tags=["tokens"],
        request=TokenBody,
        responses={201: IssuedTokenDocument},
        examples=[
            OpenApiExample(
                "For a deployment pipeline",
                value={"label": "deploy", "scopes": ["gate:read"], "models": ["care-priority"], "owner": "pipeline"},
                request_only=True,
            )
        ],
    )
    @idempotent(withhold=("secret",))
    def post(self, request: Request) -> Response:
        """Keep the secret now: only its digest stays here. A repeated request with the same key gets null for it."""
        fields = self.body(TokenBody)
        issued = issue_token(
            actor=self.actor,
            owner=person_named(fields.pop("owner", None), field="owner") or self.actor,
            models=_models_named(fields.pop("models")),
            **fields,
        )
        document: dict[str, Any] = {**TokenDocument(issued.token).data, "secret": issued.secret}
        return created(document, request.build_absolute_uri(f"{issued.token.pk}/"))


class TokenRevoke(ApiView):
    """The end of a token."""

    scopes = {"POST": (Scope.ADMIN,)}
    untied_only = ("POST",)
    serializer_class = TokenDocument

    @extend_schema(summary="Revoke an access token", tags=["tokens"], request=None, responses={200: TokenDocument})
    @idempotent()
    def post(self, request: Request, key: int) -> Response:  # noqa: ARG002
        """From this answer on it opens nothing."""
        token = AccessToken.objects.select_related("person").filter(pk=key).first()
        if token is None:
            raise UnknownSubjectError(f"There is no token {key}.")
        revoke_token(actor=self.actor, token=token)
        return Response(TokenDocument(token).data)


def _models_named(slugs: list[str]) -> list[RegisteredModel]:
    found = {model.slug: model for model in RegisteredModel.objects.filter(slug__in=slugs)}
    for index, slug in enumerate(slugs):
        if slug not in found:
            raise InvalidInputError(f"No model {slug} is registered.", field=f"models[{index}]")
    return list(found.values())
