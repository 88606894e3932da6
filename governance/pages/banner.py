"""The first thing a reviewer reads: is the gate open, what blocks it, who is missing, until when it holds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from django.utils.translation import gettext as _

from governance.access.reviewers import Reviewer, reviewers_for
from governance.gates.facts import Decision, GateOutcome, ReasonCode
from governance.models import PromotionRequest
from governance.pages.words import BAD, OK, QUIET, WAIT

State = PromotionRequest.State
MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class Blocker:
    """One reason why the gate is closed; `finding` is the criterion to jump to, "" when it is about something else."""

    explanation: str
    finding: str = ""


@dataclass(frozen=True, slots=True)
class MissingRole:
    """A seat of the quorum that nobody has taken, and who could take it."""

    role: str
    needed: int
    have: int
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Banner:
    """The decision in words."""

    tone: str
    shape: str
    title: str
    lead: str
    blocking: tuple[Blocker, ...] = ()
    waived: tuple[str, ...] = ()
    overridden: tuple[str, ...] = ()
    missing: tuple[MissingRole, ...] = ()
    valid_until: datetime | None = None
    enforced: bool = True


def banner_for(request: PromotionRequest, decision: Decision) -> Banner:
    """What the gate says now about a request whose checks have finished."""
    blocking = tuple(
        Blocker(reason.explanation, reason.subject if reason.code.value.startswith(("finding", "evidence")) else "")
        for reason in decision.blocking
        if reason.code is not ReasonCode.QUORUM_MISSING
    )
    # While an emergency holds the gate open nobody reviews: the seats are among what it sets aside.
    missing = _missing(request, decision) if request.is_open and not decision.overridden else ()
    tone, shape, title, lead = _headline(request, decision, blocked=bool(blocking))
    return Banner(
        tone=tone,
        shape=shape,
        title=title,
        lead=lead,
        blocking=() if request.state == State.WITHDRAWN else blocking,
        waived=tuple(reason.explanation for reason in decision.waived),
        overridden=tuple(reason.explanation for reason in decision.overridden),
        missing=missing,
        valid_until=decision.valid_until if request.state in (State.APPROVED, State.COMPLETED) else None,
        enforced=decision.enforced,
    )


def running_banner(request: PromotionRequest) -> Banner:
    """While checks run there is nothing to decide."""
    return Banner(
        tone=QUIET,
        shape="◔",
        title=_("The checks are running"),
        lead=_("The gate to {stage} is closed until they have finished and people have reviewed them.").format(
            stage=request.to_stage
        ),
    )


def _headline(request: PromotionRequest, decision: Decision, *, blocked: bool) -> tuple[str, str, str, str]:
    stage, state = request.to_stage, request.state
    if state == State.WITHDRAWN:
        return (
            QUIET,
            "–",
            _("This request was withdrawn"),
            _("Nothing was decided. The version can be requested again."),
        )
    if state == State.EXPIRED:
        return (
            QUIET,
            "–",
            _("This request has expired"),
            _("Its reviews did not come in time. The version can be requested again."),
        )
    if state == State.REJECTED:
        return BAD, "×", _("This promotion was rejected"), _("A reviewer rejected it; the decision is signed and kept.")
    if state in (State.APPROVED, State.COMPLETED):
        return _approved(stage, decision, done=state == State.COMPLETED)
    if blocked:
        lead = _(
            "What blocks must be mended and measured again, or waived by somebody else where the policy allows it."
        )
        return BAD, "◆", _("The gate to {stage} is closed").format(stage=stage), lead
    lead = _("Every finding is satisfied or waived. The gate opens when the reviews below are there.")
    return WAIT, "○", _("The gate to {stage} waits for reviews").format(stage=stage), lead


def _approved(stage: str, decision: Decision, *, done: bool) -> tuple[str, str, str, str]:
    """After the approval the gate is asked afresh at every look: it may have closed again."""
    if decision.outcome is not GateOutcome.OPEN:
        lead = _("It was approved, but something has changed since. A pipeline that asks now is told: closed.")
        return BAD, "◆", _("The gate to {stage} has closed again").format(stage=stage), lead
    if decision.overridden:
        lead = _("An emergency sets aside what would keep it closed. It ends by itself, and every report shows it.")
        return BAD, "!", _("The gate to {stage} is open by broken glass").format(stage=stage), lead
    lead = (
        _("The version is in {stage}. A pipeline that asks now is told: open.").format(stage=stage)
        if done
        else _("Approved. It may now be put into its stage; the gate is asked again at that moment.")
    )
    return OK, "●", _("The gate to {stage} is open").format(stage=stage), lead


def _missing(request: PromotionRequest, decision: Decision) -> tuple[MissingRole, ...]:
    possible = reviewers_for(request) if decision.missing_reviews else {}
    return tuple(
        MissingRole(missing.role, missing.needed, missing.have, _names(possible.get(missing.role, ())))
        for missing in decision.missing_reviews
    )


def _names(reviewers: Iterable[Reviewer]) -> tuple[str, ...]:
    """At most a handful of names: enough to know whom to ask."""
    return tuple(
        _("{name} (for {other})").format(name=entry.person.printed_name, other=entry.delegation.delegator.printed_name)
        if entry.delegation
        else entry.person.printed_name
        for entry in islice(reviewers, MOST_NAMES)
    )
