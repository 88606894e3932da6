"""What the OpenAPI document says about every operation: the problem document, and how to sign in."""

from __future__ import annotations

from typing import Any

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter
from rest_framework import serializers

IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="Any text of your own. The same request with the same key creates once and is answered alike.",
)
IF_NONE_MATCH = OpenApiParameter(
    "If-None-Match",
    OpenApiTypes.STR,
    OpenApiParameter.HEADER,
    description="The ETag of the answer you hold; 304 when it is still the answer.",
)


class FieldProblem(serializers.Serializer[Any]):
    """One field at fault."""

    field = serializers.CharField()
    detail = serializers.CharField()


class Problem(serializers.Serializer[Any]):
    """RFC 9457. `code` is stable; `field` names the input at fault; `errors` lists every field of a malformed body."""

    type = serializers.CharField()
    title = serializers.CharField()
    status = serializers.IntegerField()
    code = serializers.CharField()
    detail = serializers.CharField()
    instance = serializers.CharField()
    field = serializers.CharField(required=False)
    line = serializers.IntegerField(required=False)
    retryable = serializers.BooleanField(required=False)
    errors = FieldProblem(many=True, required=False)  # type: ignore[assignment]  # shadows a property, on purpose


class ProblemSchema(AutoSchema):
    """Adds the problem document as the default answer of every operation, and the key to every POST."""

    def get_override_parameters(self) -> list[Any]:
        """The header that makes a POST repeatable."""
        given = list(super().get_override_parameters())
        return [*given, IDEMPOTENCY_KEY] if self.method == "POST" else given

    def _get_response_bodies(self, direction: Any = "response") -> Any:
        bodies = super()._get_response_bodies(direction)
        problem = self.resolve_serializer(Problem, direction)
        bodies["default"] = {
            "description": "A problem: see `code` and `field`.",
            "content": {"application/problem+json": {"schema": problem.ref}},
        }
        return bodies


class TokenScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """Bearer tokens."""

    target_class = "governance.api.authentication.TokenAuthentication"
    name = "token"

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        """HTTP bearer."""
        return {"type": "http", "scheme": "bearer", "description": "A scoped, expiring access token."}


class SessionScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """The browser session."""

    target_class = "governance.api.authentication.SessionAuthentication"
    name = "session"
    priority = 1

    def get_security_definition(self, auto_schema: AutoSchema) -> dict[str, Any]:  # noqa: ARG002
        """The session cookie, with the CSRF header on unsafe methods."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
