"""What waits for a person: reviews they may give and waivers they may decide, found with a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from guardian.models import GroupObjectPermission

from governance.broken_glass import Emergency, emergencies_of
from governance.emergencies import GlassStanding
from governance.evaluation import separation_problem
from governance.models import BreakGlass, PolicyVersion, PromotionRequest, Review, RoleGroup, Waiver
from governance.policies import Exclusion
from registry.models import Person, RegisteredModel

State = PromotionRequest.State


@dataclass(frozen=True, slots=True)
class HeldRoles:
    """The roles in which a person holds one permission: on every model, and on single ones by primary key."""

    everywhere: frozenset[str]
    on_model: dict[int, frozenset[str]]

    def models_for(self, roles: set[str]) -> list[int]:
        """Models on which one of `roles` is held."""
        return [pk for pk, held in self.on_model.items() if held & roles]


def held_roles(person: Person, permission: str) -> HeldRoles:
    """The roles of all the person's groups that carry `permission` (`<app>.<codename>`); none for a service account."""
    if not person.is_active or person.is_service:
        return HeldRoles(frozenset(), {})
    app, codename = permission.split(".")
    everywhere = RoleGroup.objects.filter(
        group__user=person, group__permissions__codename=codename, group__permissions__content_type__app_label=app
    ).values_list("role", flat=True)
    single = GroupObjectPermission.objects.filter(
        group__user=person,
        permission__codename=codename,
        content_type=ContentType.objects.get_for_model(RegisteredModel),
        group__role_group__isnull=False,
    ).values_list("object_pk", "group__role_group__role")
    on_model: dict[int, set[str]] = defaultdict(set)
    for key, role in single:
        on_model[int(key)].add(role)
    return HeldRoles(frozenset(everywhere), {pk: frozenset(roles) for pk, roles in on_model.items()})


def reviews_waiting_for(person: Person) -> QuerySet[PromotionRequest]:
    """Requests in review that ask for a role the person holds, whom nothing excludes and who has not spoken yet."""
    held = held_roles(person, "registry.review_promotion")
    if not (held.everywhere or held.on_model):
        return PromotionRequest.objects.none()
    spoken = Review.objects.filter(request=OuterRef("pk"), round=OuterRef("round"), reviewer=person).exclude(
        verdict=Review.Verdict.COMMENT
    )
    candidates = PromotionRequest.objects.filter(~Exists(spoken), state=State.IN_REVIEW).exclude(requested_by=person)
    pairs = set(candidates.order_by().values_list("policy_version", "gate_name"))
    policies = PolicyVersion.objects.in_bulk([policy for policy, _ in pairs])
    wanted = Q(pk__in=[])
    for policy, gate_name in pairs:
        wanted |= Q(policy_version=policy, gate_name=gate_name) & _suits(policies[policy], gate_name, held, person)
    return candidates.filter(wanted)


def _suits(policy: PolicyVersion, gate_name: str, held: HeldRoles, person: Person) -> Q:
    """The requests of one gate that the person could review."""
    gate = next(gate for gate in policy.rules.gates if gate.name == gate_name)
    roles = {quorum.role for quorum in gate.quorum}
    suits = Q() if held.everywhere & roles else Q(version__model__in=held.models_for(roles))
    if Exclusion.VERSION_AUTHOR in gate.exclude:
        suits &= ~Q(version__created_by=person)
    if Exclusion.RUN_AUTHOR in gate.exclude:
        suits &= ~Q(version__run_author=person)
    return suits


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
    held = held_roles(person, "registry.review_promotion")
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
