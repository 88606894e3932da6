"""What the sidebar offers to a person: only places that would let them in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from registry.models import Person


@dataclass(frozen=True, slots=True)
class Place:
    """One link. `current` marks the place that is open now."""

    title: str
    url: str
    icon: str
    current: bool = False


@dataclass(frozen=True, slots=True)
class Section:
    """Links that belong together."""

    title: str
    places: tuple[Place, ...]


_EVERYBODY = ""
_SECTIONS: tuple[tuple[str, tuple[tuple[str, str, str, str], ...]], ...] = (
    (
        "Decide",
        (
            ("Overview", "admin:index", "home", "staff"),
            ("Promotions", "promotions", "gate", _EVERYBODY),
            ("Models", "models", "model", _EVERYBODY),
            ("Policies", "policies", "policy", "governance.view_policyversion"),
            ("Delegations", "delegations", "people", _EVERYBODY),
            ("Authenticators", "authenticators", "key", _EVERYBODY),
        ),
    ),
    (
        "Evidence",
        (
            ("Reports", "reports", "report", _EVERYBODY),
            ("Datasets", "admin:registry_datasetversion_changelist", "data", "staff registry.view_datasetversion"),
            ("Gate health", "gate-health", "gate", "audits.view_observation"),
            ("Ledger", "ledger", "ledger", "registry.view_ledgerentry"),
        ),
    ),
    (
        "Administration",
        (
            ("People", "admin:registry_person_changelist", "people", "staff registry.view_person"),
            ("Erasures", "erasures", "people", "governance.erase_person"),
            ("Access tokens", "admin:governance_accesstoken_changelist", "key", "staff governance.view_accesstoken"),
        ),
    ),
)


def sections(request: HttpRequest) -> list[Section]:
    """The sidebar for whoever sends the request. Django caches their permissions for the length of it."""
    if not isinstance(request.user, Person):
        return []
    person = request.user
    offered = []
    for title, places in _SECTIONS:
        kept = tuple(
            Place(name, url := reverse(route), icon, _is_current(request.path, url))
            for name, route, icon, needs in places
            if all(_has(person, need) for need in needs.split())
        )
        if kept:
            offered.append(Section(title, kept))
    return offered


def _has(person: Person, need: str) -> bool:
    return person.is_staff if need == "staff" else person.has_perm(need)


def _is_current(path: str, url: str) -> bool:
    return path == url if url == reverse("admin:index") else path.startswith(url)


def allowed(permission: str) -> Callable[[HttpRequest], bool]:
    """For the admin's own sidebar: whether the person holds `permission`."""
    return lambda request: request.user.has_perm(permission)
