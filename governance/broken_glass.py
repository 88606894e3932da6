"""The verbs of an emergency: open a closed gate, reasoned and for hours only; two others look at it afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import QuerySet
from django.utils import timezone

from governance import decisions
from governance.access.roles import roles_of
from governance.errors import (
    BreakGlassRefusedError,
    DoubleReviewError,
    RoleNotHeldError,
    SeparationOfDutiesError,
    WrongStateError,
)
from governance.evaluation import REVIEW, glass_fact, separation_problem
from governance.gates.emergencies import REVIEWERS, GlassStanding, glass_problem, glass_standing
from governance.models import BreakGlass, BreakGlassReview, PromotionRequest
from governance.moves import locked
from governance.refusals import recorded, subject_id
from governance.signatures.credentials import prove
from registry import ledger
from registry.authority import require
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import Person

State = PromotionRequest.State


@recorded("request")
def break_glass(
    *,
    actor: Person,
    request: PromotionRequest,
    justification: str,
    hours: int,
    password: str = "",
    otp: str = "",
) -> BreakGlass:
    """Open the gate of a request for `hours` although it is closed. Every later report shows it, in red.

    What is prohibited, withdrawn, recalled or rejected stays closed. Raises PermissionRefusedError,
    WrongCredentialError, WrongStateError, InvalidInputError, or BreakGlassRefusedError.
    """
    request = locked(request)
    require(actor, "registry.break_glass", request.version.model)
    method = prove(actor, password=password, otp=otp)
    _require_emergency(request, justification, hours)
    rule, now = request.gate.break_glass, timezone.now()
    broken = BreakGlass(
        request=request,
        round=request.round,
        justification=justification,
        invoked_by=actor,
        printed_name=actor.printed_name,
        method=method,
        invoked_at=now,
        expires_at=now + timedelta(hours=hours),
        review_due_at=now + timedelta(days=rule.review_days),
    )
    broken.save()
    _tell_broken(broken, actor)
    decisions.advance(request)
    if request.state != State.APPROVED:
        verdict = decisions.evaluate(request, timezone.now())
        raise BreakGlassRefusedError(
            "No emergency opens this gate: " + "; ".join(reason.explanation for reason in verdict.blocking)
        )
    return broken


@recorded("broken")
def review_broken_glass(
    *, actor: Person, broken: BreakGlass, upheld: bool, role: str, reason: str, password: str = "", otp: str = ""
) -> BreakGlassReview:
    """Say afterwards whether it was right. Two who uphold it let it last; one objection closes the gate at once.

    Raises WrongCredentialError, RoleNotHeldError, SeparationOfDutiesError, DoubleReviewError, InvalidInputError.
    """
    request = locked(broken.request)
    method = prove(actor, password=password, otp=otp)
    if role not in roles_of(actor, REVIEW, request.version.model):
        raise RoleNotHeldError(f"{actor.get_username()} does not review as {role}.", field="role")
    if actor.pk == broken.invoked_by_id:
        raise SeparationOfDutiesError("You broke the glass, so two others must look at it.")
    problem = separation_problem(request, actor, timezone.now())
    if problem:
        raise SeparationOfDutiesError(problem)
    if not reason.strip():
        raise InvalidInputError("Give the reason for your view.", field="reason")
    if broken.reviews.filter(reviewer=actor).exists():
        raise DoubleReviewError("You have given your view already; a person counts once.")
    review = BreakGlassReview(
        broken=broken,
        upheld=upheld,
        reason=reason,
        reviewer=actor,
        printed_name=actor.printed_name,
        role=role,
        method=method,
        reviewed_at=timezone.now(),
    )
    review.save()
    ledger.append(
        Event.GLASS_REVIEWED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "round": broken.round,
            "upheld": upheld,
            "role": role,
            "method": method,
            "reason": ledger.commit_text(reason),
        },
    )
    if broken.round == request.round:
        decisions.decide_again(request)
    return review


def _require_emergency(request: PromotionRequest, justification: str, hours: int) -> None:
    """The policy allows it, for so long, and there is a closed gate to open for the first time in this round."""
    rule = request.gate.break_glass
    if not rule.allowed:
        raise BreakGlassRefusedError(f"The policy does not let anybody open {request.gate_name} in an emergency.")
    if not justification.strip():
        raise InvalidInputError("Say what the emergency is.", field="justification")
    if not 1 <= hours <= rule.max_hours:
        raise InvalidInputError(f"An emergency lasts 1 to {rule.max_hours} hours here.", field="hours")
    if request.state not in (State.BLOCKED, State.IN_REVIEW):
        raise WrongStateError(f"The request is {request.get_state_display()}: there is no closed gate to open.")
    if BreakGlass.objects.filter(request=request, round=request.round).exists():
        raise WrongStateError("The glass was broken in this round already; an emergency is not prolonged.")


def _tell_broken(broken: BreakGlass, actor: Person) -> None:
    ledger.append(
        Event.GLASS_BROKEN,
        subject=subject_id(broken.request),
        actor=actor,
        facts={
            "round": broken.round,
            "method": broken.method,
            "expires_at": ledger.utc_text(broken.expires_at),
            "review_due_at": ledger.utc_text(broken.review_due_at),
            "justification": ledger.commit_text(broken.justification),
        },
    )


# -- What became of it ------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Emergency:
    """Broken glass as it stands now: how many uphold it, how many must, and whether it opens the gate at this moment.

    `problem` says why it opens nothing, as the end of a sentence; "" while it does.
    """

    broken: BreakGlass
    standing: GlassStanding
    upheld: int
    problem: str
    needed: int = REVIEWERS

    @property
    def in_force(self) -> bool:
        """Whether it sets aside what closes the gate."""
        return not self.problem


def emergencies_of(rows: QuerySet[BreakGlass]) -> list[Emergency]:
    """Each of `rows` with what became of it, the newest first."""
    now = timezone.now()
    found = rows.select_related(
        "invoked_by", "request__version__model", "request__policy_version__policy"
    ).prefetch_related("reviews__reviewer")
    return [emergency_of(broken, now) for broken in found.order_by("-invoked_at", "-pk")]


def emergency_of(broken: BreakGlass, now: datetime | None = None) -> Emergency:
    """What became of one, at this moment unless another is given."""
    now = now or timezone.now()
    fact = glass_fact(broken)
    problem = glass_problem(broken.request.gate, fact, now)
    words = problem[1] if problem else ""
    if broken.round != broken.request.round:
        words = "belongs to an earlier round"
    return Emergency(broken, glass_standing(fact, now), len(fact.upheld_by - {fact.invoked_by}), words)
