"""Which models a person may look at: by a group's permission, or because they stand in for somebody who reviews."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils import timezone

from governance.access.roles import HeldRoles, held_roles
from governance.models import Delegation
from registry.authority import models_permitting, require
from registry.errors import PermissionRefusedError
from registry.models import Person, RegisteredModel

VIEW = "registry.view_registeredmodel"
REVIEW = "registry.review_promotion"


def models_seen_by(person: Person) -> QuerySet[RegisteredModel]:
    """Every model the person may look at. Who reviews for somebody away must be able to read what they decide on."""
    seen = models_permitting(person, VIEW)
    lent = _lent(person)
    return seen if lent is None else RegisteredModel.objects.filter(Q(pk__in=seen.values("pk")) | lent)


def require_sight(person: Person, model: RegisteredModel) -> None:
    """Raises PermissionRefusedError unless the person may look at the model."""
    try:
        require(person, VIEW, model)
    except PermissionRefusedError:
        if not models_seen_by(person).filter(pk=model.pk).exists():
            raise


def roles_lent_to(person: Person) -> list[tuple[Delegation, HeldRoles]]:
    """The delegations in force that the person holds, each with what its delegator reviews by themselves."""
    if not person.is_active or person.is_service:
        return []
    live = Delegation.objects.live(timezone.now()).filter(delegate=person).select_related("delegator")
    return [(delegation, held_roles(delegation.delegator, REVIEW)) for delegation in live]


def _lent(person: Person) -> Q | None:
    """The models on which somebody lent the person a role that they hold there; None when nobody did."""
    chosen: Q | None = None
    for delegation, held in roles_lent_to(person):
        # Not an empty condition: joined with "or", it would vanish instead of standing for every model.
        here = Q(pk__isnull=False) if delegation.model_id is None else Q(pk=delegation.model_id)
        if delegation.role not in held.everywhere:
            here &= Q(pk__in=held.models_for({delegation.role}))
        chosen = here if chosen is None else chosen | here
    return chosen
