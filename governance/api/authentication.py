"""Who is calling: a bearer token, or a browser session with its CSRF token."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rest_framework import authentication, exceptions
from rest_framework.request import Request

from governance.access.tokens import find_token
from registry.models import Person


@dataclass(frozen=True, slots=True)
class Grant:
    """What a token allows at most. `models` are the slugs it is tied to, None for a token made for every model."""

    token_id: int
    scopes: frozenset[str]
    models: frozenset[str] | None


class TokenAuthentication(authentication.BaseAuthentication):
    """`Authorization: Bearer <token>`. The same answer for unknown, expired and revoked: nothing to probe."""

    def authenticate(self, request: Request) -> tuple[Person, Grant] | None:
        """The person behind the token and its grant, None without such a header."""
        scheme, _, secret = request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return None
        token = find_token(secret.strip())
        if token is None:
            raise exceptions.AuthenticationFailed("The token is unknown, expired or revoked.")
        named = frozenset(token.registered_models.values_list("slug", flat=True))
        tied = token.tied or bool(named)
        return token.person, Grant(token.pk, frozenset(token.scopes), named if tied else None)

    def authenticate_header(self, request: Request) -> str:  # noqa: ARG002  (DRF's signature)
        """Makes a missing or wrong token a 401."""
        return 'Bearer realm="assay"'


class SessionAuthentication(authentication.SessionAuthentication):
    """A signed-in person in a browser; unsafe methods need the CSRF token."""

    def enforce_csrf(self, request: Request) -> None:
        """Raises PermissionDenied with a code of its own."""
        try:
            super().enforce_csrf(request)
        except exceptions.PermissionDenied as error:
            raise exceptions.PermissionDenied(str(error.detail), code="csrf-failed") from error


def grant_of(request: Request) -> Grant | None:
    """The grant of the token, None for a session, which is limited only by what the person may do."""
    grant: Any = request.auth
    return grant if isinstance(grant, Grant) else None
