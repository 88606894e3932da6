"""What waits for a person: reviews they may give and waivers they may decide, found with a fixed number of queries."""

from __future__ import annotations

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone

from governance.access.reviewers import reviewers_for
from governance.access.roles import HeldRoles, held_roles
from governance.access.sight import REVIEW, roles_lent_to
from governance.broken_glass import Emergency, emergencies_of
from governance.evaluation import separation_problem
from governance.gates.emergencies import GlassStanding
from governance.models import BreakGlass, Delegation, PolicyVersion, PromotionRequest, Review, Waiver
from governance.policies import Exclusion
from registry.models import Person

State = PromotionRequest.State


def reviews_waiting_for(person: Person) -> QuerySet[PromotionRequest]:
    """Requests in review that ask for a role the person holds or was lent, that they may fill and have not filled."""
    held = held_roles(person, REVIEW)
    lent = roles_lent_to(person)
    if not (held.everywhere or held.on_model or lent):
        return PromotionRequest.objects.none()
    spoken = Review.objects.filter(request=OuterRef("pk"), round=OuterRef("round"), reviewer=person).exclude(
        verdict=Review.Verdict.COMMENT
    )
    candidates = PromotionRequest.objects.filter(~Exists(spoken), state=State.IN_REVIEW).exclude(requested_by=person)
    pairs = set(candidates.order_by().values_list("policy_version", "gate_name"))
    policies = PolicyVersion.objects.in_bulk([policy for policy, _ in pairs])
    wanted = Q(pk__in=[])
    for policy, gate_name in pairs:
        wanted |= Q(policy_version=policy, gate_name=gate_name) & _suits(
            policies[policy], gate_name, held, lent, person
        )
    found = candidates.filter(wanted)
    if not Delegation.objects.filter(delegate=person).exists():
        return found
    # Whoever stands in for somebody, or did, may be excluded by that: each request is asked by itself.
    return PromotionRequest.objects.filter(pk__in=[request.pk for request in found if _may_fill(request, person)])


def _may_fill(request: PromotionRequest, person: Person) -> bool:
    return any(entry.person == person for entries in reviewers_for(request).values() for entry in entries)


def _suits(
    policy: PolicyVersion, gate_name: str, held: HeldRoles, lent: list[tuple[Delegation, HeldRoles]], person: Person
) -> Q:
    """The requests of one gate that the person could review, by themselves or for somebody who is away."""
    gate = next(gate for gate in policy.rules.gates if gate.name == gate_name)
    roles = {quorum.role for quorum in gate.quorum}
    suits = _on_models(held, roles)
    for delegation, delegators in lent:
        if delegation.role in roles:
            here = Q() if delegation.model_id is None else Q(version__model=delegation.model_id)
            suits |= here & _on_models(delegators, {delegation.role})
    if Exclusion.VERSION_AUTHOR in gate.exclude:
        suits &= ~Q(version__created_by=person)
    if Exclusion.RUN_AUTHOR in gate.exclude:
        suits &= ~Q(version__run_author=person)
    return suits


def _on_models(held: HeldRoles, roles: set[str]) -> Q:
    # Not an empty condition: joined with "or", it would vanish instead of standing for every request.
    return Q(pk__isnull=False) if held.everywhere & roles else Q(version__model__in=held.models_for(roles))


def waivers_waiting_for(person: Person) -> QuerySet[Waiver]:
    """Undecided waivers of the present round that the person may decide, and did not ask for."""
    held = held_roles(person, "registry.decide_waiver")
    waiting = Waiver.objects.filter(
        decision__isnull=True, round=F("request__round"), request__state__in=(State.BLOCKED, State.IN_REVIEW)
    ).exclude(requested_by=person)
    waiting = waiting.exclude(request__requested_by=person)
    if held.everywhere:
        return waiting
    return waiting.filter(request__version__model__in=list(held.on_model))


def emergencies_waiting_for(person: Person) -> list[Emergency]:
    """Broken glass that nobody has objected to and that still needs the person's view."""
    held = held_roles(person, REVIEW)
    if not (held.everywhere or held.on_model):
        return []
    rows = BreakGlass.objects.exclude(invoked_by=person).exclude(reviews__reviewer=person)
    rows = rows.exclude(reviews__upheld=False).filter(round=F("request__round"))
    if not held.everywhere:
        rows = rows.filter(request__version__model__in=list(held.on_model))
    found = emergencies_of(rows)
    return [
        entry
        for entry in found
        if entry.standing in (GlassStanding.WAITING, GlassStanding.OVERDUE)
        and not separation_problem(entry.broken.request, person, timezone.now())
    ]
