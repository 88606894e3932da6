"""What a person could do with a request, for offering buttons and saying why one is missing. The verbs decide."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import gettext as _

from audits.criteria import Outcome
from audits.reports.filters import role as role_said
from audits.reports.tongue import ours
from governance.access.reviewers import delegation_for
from governance.access.roles import roles_of
from governance.errors import RoleNotHeldError
from governance.evaluation import separation_problem
from governance.models import BreakGlass, Condition, Delegation, PromotionRequest, Review
from registry.authority import permits
from registry.models import Person

State = PromotionRequest.State


@dataclass(frozen=True, slots=True, kw_only=True)
class Abilities:
    """`review_roles` are the roles asked for that the person holds; `review_problem` says why they cannot review."""

    review_roles: tuple[str, ...]
    review_problem: str
    ask_waiver: bool
    decide_waiver_roles: tuple[str, ...]
    withdraw: bool
    rerun: bool
    complete: bool
    break_glass: bool
    read_report: bool


def of(person: Person, request: PromotionRequest) -> Abilities:
    """What `person` could do now."""
    model = request.version.model
    may_request = permits(person, "registry.request_promotion", model)
    deciding = request.state in (State.BLOCKED, State.IN_REVIEW)
    roles = review_roles(person, request)
    return Abilities(
        review_roles=roles,
        review_problem=review_problem(person, request, roles),
        ask_waiver=deciding and bool(waivable(request)) and permits(person, "registry.request_waiver", model),
        decide_waiver_roles=waiver_roles(person, request) if deciding else (),
        withdraw=request.is_open and (person.pk == request.requested_by_id or may_request),
        rerun=deciding and may_request,
        complete=request.state == State.APPROVED and permits(person, "registry.complete_promotion", model),
        break_glass=not glass_problem(person, request),
        read_report=may_read_report(person, request),
    )


def may_read_report(person: Person, request: PromotionRequest) -> bool:
    """Whether the person may read the reports of this model."""
    return person.is_superuser or permits(person, "registry.read_report", request.version.model)


def review_roles(person: Person, request: PromotionRequest) -> tuple[str, ...]:
    """Roles that the gate asks for and in which the person may review, for themselves or for somebody who is away."""
    model = request.version.model
    lent = Delegation.objects.live(timezone.now()).for_model(model).filter(delegate=person)
    held = roles_of(person, "registry.review_promotion", model) | set(lent.values_list("role", flat=True))
    return tuple(quorum.role for quorum in request.gate.quorum if quorum.role in held)


def stands_in(person: Person, request: PromotionRequest, roles: tuple[str, ...]) -> list[Delegation]:
    """The delegations through which the person would review in one of `roles`: on whose behalf, and until when."""
    found = []
    for role in roles:
        try:
            found.append(delegation_for(person, role, request))
        except RoleNotHeldError:
            continue  # whoever lent it holds it no more
    return [delegation for delegation in found if delegation is not None]


def review_problem(person: Person, request: PromotionRequest, roles: tuple[str, ...]) -> str:
    """One sentence why the person cannot review this request now, or ""."""
    if request.state == State.AUDITING:
        return _("The checks are still running.")
    if request.state not in (State.BLOCKED, State.IN_REVIEW):
        return _("The request is {state}.").format(state=ours(request.get_state_display()))
    if person.is_service:
        return _("A service account cannot review; a human being must decide.")
    if not roles:
        asked = ", ".join(role_said(quorum.role) for quorum in request.gate.quorum)
        return _("This gate asks for a review as {roles}; you hold none of these roles for this model.").format(
            roles=asked
        )
    spoken = request.reviews.filter(round=request.round, reviewer=person).exclude(verdict=Review.Verdict.COMMENT)
    if spoken.exists():
        return _("You have reviewed this round already; a person counts once.")
    return ours(separation_problem(request, person, timezone.now()))


def waiver_roles(person: Person, request: PromotionRequest) -> tuple[str, ...]:
    """Roles in which the person decides waivers of this model; none for somebody too close to the request."""
    if person.is_service or separation_problem(request, person, timezone.now()):
        return ()
    return tuple(sorted(roles_of(person, "registry.decide_waiver", request.version.model)))


def waivable(request: PromotionRequest) -> list[tuple[str, str]]:
    """Findings that block and that the policy lets somebody waive: criterion id and explanation."""
    gate = request.gate
    if not gate.waivers.allowed:
        return []
    allowed = {criterion.id for criterion in gate.criteria if criterion.waivable and not criterion.prohibited}
    findings = request.run.findings.exclude(outcome=Outcome.SATISFIED)
    return [(finding.criterion_id, finding.explanation) for finding in findings if finding.criterion_id in allowed]


def glass_problem(person: Person, request: PromotionRequest) -> str:
    """One sentence why the person cannot open this gate in an emergency, or ""."""
    if not permits(person, "registry.break_glass", request.version.model):
        return _("No group of yours may open a gate of this model in an emergency.")
    if not request.gate.break_glass.allowed:
        return _("The policy does not let anybody open this gate in an emergency.")
    if request.state not in (State.BLOCKED, State.IN_REVIEW):
        return _("The request is {state}: there is no closed gate to open.").format(
            state=ours(request.get_state_display())
        )
    if BreakGlass.objects.filter(request=request, round=request.round).exists():
        return _("The glass was broken in this round already; an emergency is not prolonged.")
    return ""


def glass_view_roles(person: Person, request: PromotionRequest) -> tuple[str, ...]:
    """Roles in which the person may look at broken glass of this model. Nobody stands in for this."""
    return tuple(sorted(roles_of(person, "registry.review_promotion", request.version.model)))


def glass_view_problem(person: Person, broken: BreakGlass, roles: tuple[str, ...]) -> str:
    """One sentence why the person cannot give a view of this emergency, or ""."""
    if person.pk == broken.invoked_by_id:
        return _("You broke the glass, so two others must look at it.")
    if person.is_service or not roles:
        return _("You review this model in no role, so others must look at this.")
    if broken.reviews.filter(reviewer=person).exists():
        return _("You have given your view already; a person counts once.")
    return ours(separation_problem(broken.request, person, timezone.now()))


def condition_problem(person: Person, condition: Condition, request: PromotionRequest) -> str:
    """One sentence why the person cannot confirm this condition, or ""."""
    if hasattr(condition, "met"):
        return _("This condition is confirmed already.")
    try:
        delegation_for(person, condition.review.role, request)
    except RoleNotHeldError as error:
        return ours(error.problem)
    return ours(separation_problem(request, person, timezone.now()))
