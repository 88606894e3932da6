"""What a token is for. What its person may do is asked by the verbs and by `visibility`, never here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from governance.access.tokens import Scope
from governance.api.authentication import grant_of
from governance.api.errors import ScopeMissingError, TokenTiedError

if TYPE_CHECKING:
    from rest_framework.views import APIView

#: Whoever may write or judge a thing may look at it.
READING = (Scope.REPORT_READ, Scope.REGISTRY_WRITE, Scope.PROMOTION_REQUEST, Scope.REVIEW_WRITE)


class ScopedAccess(BasePermission):
    """Each view declares `scopes` for each method: any one of them is enough. A method without an entry is refused."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        """False when nobody is signed in. Raises ScopeMissingError or TokenTiedError."""
        if not request.user.is_authenticated:
            return False
        method = "GET" if request.method == "HEAD" else str(request.method)
        if method.lower() not in view.http_method_names or not hasattr(view, method.lower()):
            return True  # DRF answers 405 itself
        wanted = _declared(view, method)
        grant = grant_of(request)
        if grant is None:
            return bool(wanted)
        if not grant.scopes.intersection(wanted):
            names = " or ".join(wanted) or "none: this cannot be done with a token"
            raise ScopeMissingError(f"The token lacks the scope for this: {names}.")
        if grant.models is not None and method in getattr(view, "untied_only", ()):
            raise TokenTiedError("The token is tied to single models; this concerns all of them.")
        return True


def _declared(view: Any, method: str) -> tuple[Scope, ...]:
    scopes: dict[str, tuple[Scope, ...]] = getattr(view, "scopes", {})
    return scopes.get(method, ())
