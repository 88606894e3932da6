"""Who may review a request: by role, without those it concerns, with whoever stands in for somebody."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone

from governance.access.roles import people_with, roles_of
from governance.errors import RoleNotHeldError
from governance.evaluation import REVIEW, separation_problem
from governance.models import Delegation, PromotionRequest
from registry.models import Person


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Somebody who may fill a seat, by themselves or through a delegation."""

    person: Person
    delegation: Delegation | None = None


def reviewers_for(request: PromotionRequest) -> dict[str, list[Reviewer]]:
    """For each role the gate asks for, who may still review this round in it. Delegates come after the holders."""
    now = timezone.now()
    reviewed = set(
        request.reviews.filter(round=request.round).exclude(verdict="comment").values_list("reviewer", flat=True)
    )
    possible: dict[str, list[Reviewer]] = {}
    for quorum in request.gate.quorum:
        holders = people_with(quorum.role, REVIEW, request.version.model).order_by("username")
        candidates = [Reviewer(person) for person in holders]
        live = Delegation.objects.live(now).for_model(request.version.model).filter(role=quorum.role)
        candidates += [
            Reviewer(delegation.delegate, delegation)
            for delegation in live.filter(delegator__in=holders).select_related("delegate", "delegator")
        ]
        possible[quorum.role] = [
            candidate
            for candidate in candidates
            if candidate.person.pk not in reviewed and not _problem(request, candidate)
        ]
    return possible


def delegation_for(person: Person, role: str, request: PromotionRequest) -> Delegation | None:
    """None when `person` holds `role` on this model; else the live delegation that lends it.

    Raises RoleNotHeldError when there is neither.
    """
    model = request.version.model
    if role in roles_of(person, REVIEW, model):
        return None
    live = Delegation.objects.live(timezone.now()).for_model(model).filter(delegate=person, role=role)
    for delegation in live.select_related("delegator").order_by("ends_at"):
        if role in roles_of(delegation.delegator, REVIEW, model):
            return delegation
    raise RoleNotHeldError(f"{person.get_username()} does not review {model.slug} as {role}.", field="role")


def _problem(request: PromotionRequest, candidate: Reviewer) -> str:
    now = timezone.now()
    problem = separation_problem(request, candidate.person, now)
    if not problem and candidate.delegation is not None:
        problem = separation_problem(request, candidate.delegation.delegator, now)
    return problem
