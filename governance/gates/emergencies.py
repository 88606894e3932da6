"""Whether broken glass counts at this moment. Pure: time and every fact are arguments."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from governance.gates.facts import BrokenGlassFact, ReasonCode
from governance.policies.values import Gate

#: So many people other than who broke the glass must uphold it.
REVIEWERS = 2


class GlassStanding(StrEnum):
    """What the later reviews of an emergency came to."""

    WAITING = "waiting"
    UPHELD = "upheld"
    OBJECTED = "objected"
    OVERDUE = "overdue"


def glass_standing(glass: BrokenGlassFact, now: datetime) -> GlassStanding:
    """Whether others have looked at it: one objection outweighs everything, and silence is no approval."""
    if glass.objected_by:
        return GlassStanding.OBJECTED
    if is_upheld(glass):
        return GlassStanding.UPHELD
    return GlassStanding.OVERDUE if glass.review_due_at <= now else GlassStanding.WAITING


def glass_problem(gate: Gate, glass: BrokenGlassFact, now: datetime) -> tuple[ReasonCode, str] | None:
    """Why this emergency opens nothing, as a code and the end of a sentence; None while it counts."""
    rule = gate.break_glass
    too_long = glass.expires_at - glass.invoked_at > timedelta(hours=rule.max_hours)
    too_late = glass.review_due_at - glass.invoked_at > timedelta(days=rule.review_days)
    problems = (
        (not rule.allowed, ReasonCode.GLASS_NOT_ALLOWED, "is not allowed at this gate"),
        (too_long or too_late, ReasonCode.GLASS_NOT_ALLOWED, "is not allowed for so long"),
        (glass.invoked_at > now, ReasonCode.GLASS_FROM_THE_FUTURE, "bears a date that has not come yet"),
        (bool(glass.objected_by), ReasonCode.GLASS_OBJECTED, "was objected to afterwards"),
        (glass.expires_at <= now, ReasonCode.GLASS_EXPIRED, "has run out"),
        (
            glass.review_due_at <= now and not is_upheld(glass),
            ReasonCode.GLASS_UNREVIEWED,
            "was not upheld by two others in time",
        ),
    )
    return next(((code, words) for applies, code, words in problems if applies), None)


def glass_ends(glass: BrokenGlassFact) -> datetime:
    """The moment at which it stops counting if nothing more happens."""
    return glass.expires_at if is_upheld(glass) else min(glass.expires_at, glass.review_due_at)


def is_upheld(glass: BrokenGlassFact) -> bool:
    """Whether enough people other than who broke it have upheld it."""
    return len(glass.upheld_by - {glass.invoked_by}) >= REVIEWERS
