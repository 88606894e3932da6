"""Who may open a page, and how a page is served: signed in, never cached, no foreign or inline code."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, cast

from csp.constants import NONE, SELF
from csp.decorators import csp_replace
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponseBase
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters

from governance.access.sight import models_seen_by
from governance.models import PromotionRequest
from registry.authority import permits
from registry.models import ModelVersion, Person, RegisteredModel

P = ParamSpec("P")

#: Nothing is loaded from elsewhere, no script or style stands in the page itself, no form leads away.
STRICT_POLICY = {
    "default-src": [NONE],
    "script-src": [SELF],
    "style-src": [SELF],
    "img-src": [SELF, "data:"],
    "font-src": [SELF],
    "connect-src": [SELF],
    "form-action": [SELF],
    "base-uri": [NONE],
    "frame-ancestors": [NONE],
    "object-src": [NONE],
}

Page = Callable[Concatenate[HttpRequest, P], HttpResponseBase]


def strict_page(view: Page[P]) -> Page[P]:
    """A page for people who are signed in, served under `STRICT_POLICY` and never cached."""
    return cast("Page[P]", csp_replace(STRICT_POLICY)(never_cache(login_required(view))))


def deciding_page(view: Page[P]) -> Page[P]:
    """A strict page whose form carries a password: it is kept out of error reports."""
    return strict_page(sensitive_post_parameters("password", "otp", "code", "assertion")(view))


def person_of(request: HttpRequest) -> Person:
    """The signed-in person. Raises PermissionDenied for anybody else."""
    if not isinstance(request.user, Person):
        raise PermissionDenied("Sign in first.")
    return request.user


def visible_models(person: Person) -> QuerySet[RegisteredModel]:
    """Models that the person may look at: by a group's permission, or because they stand in for somebody there.

    A superuser may read everything, as in the admin. Reading gives no vote: the verbs ask the groups only.
    """
    if person.is_active and person.is_superuser:
        return RegisteredModel.objects.all()
    return models_seen_by(person)


def require_sight(person: Person, permission: str) -> None:
    """Raises PermissionDenied unless a group of the person holds `permission` on everything, or they are superuser."""
    if not (person.is_active and person.is_superuser) and not permits(person, permission):
        raise PermissionDenied("No group of yours lets you see this.")


def requests_seen_by(person: Person) -> QuerySet[PromotionRequest]:
    """Promotion requests of the models that the person may look at."""
    return PromotionRequest.objects.filter(version__model__in=visible_models(person))


def found(rows: QuerySet[Any], **lookup: Any) -> Any:
    """The one row. Raises Http404 alike for a row that is not there and for one that may not be seen."""
    row = rows.filter(**lookup).first()
    if row is None:
        raise Http404("There is no such page, or you may not see it.")
    return row


def visible_request(request: HttpRequest, key: Any) -> PromotionRequest:
    """The promotion request with everything that its pages name, or Http404."""
    rows = requests_seen_by(person_of(request)).select_related(
        "version__model__owner",
        "version__created_by",
        "version__run_author",
        "policy_version__policy",
        "run",
        "requested_by",
    )
    return cast("PromotionRequest", found(rows, pk=key))


def visible_version(request: HttpRequest, slug: str, number: int) -> ModelVersion:
    """The model version, or Http404."""
    rows = ModelVersion.objects.filter(model__in=visible_models(person_of(request)))
    return cast(
        "ModelVersion",
        found(rows.select_related("model__owner", "created_by", "run_author"), model__slug=slug, number=number),
    )
