"""Which checks would never stop anybody: those that never ran, never failed, always failed, or fail their self-test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from audits.models import Finding, Observation

#: Fewer judgements than this prove no habit.
ENOUGH = 10


#: With these words a skops file is refused for its types (`audits.checks.scorers.skops_file`).
TYPES_REFUSED = "holds types that are not allowed here"


class Condition(StrEnum):
    """What the record of a check suggests to whoever looks after the gates."""

    NEVER_RAN = "never ran"
    NEVER_MEASURED = "never measured"
    SELF_TEST_FAILED = "self-test failed"
    NEVER_FAILED = "never failed"
    ALWAYS_FAILED = "always failed"
    TOO_EARLY = "too early to tell"
    ALIVE = "alive"


#: What each condition means, in the order in which whoever looks after the gates should worry.
MEANINGS: Mapping[Condition, str] = {
    Condition.SELF_TEST_FAILED: "It could not tell a planted bad case from a good one; what it measured was withheld.",
    Condition.NEVER_MEASURED: "Every attempt ended without a number: look at its errors.",
    Condition.ALWAYS_FAILED: "No criterion on it was ever satisfied: the limit or the check may be wrong.",
    Condition.NEVER_FAILED: "It never stopped anybody: its limits may be too wide to mean anything.",
    Condition.NEVER_RAN: "No run has planned it: no policy in use asks for it.",
    Condition.TOO_EARLY: f"Fewer than {ENOUGH} judgements: no habit can be read from them.",
    Condition.ALIVE: "It has let pass and it has stopped.",
}
WORRYING = frozenset(MEANINGS) - {Condition.NEVER_RAN, Condition.TOO_EARLY, Condition.ALIVE}


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckHealth:
    """The whole record of one check: attempts, how many measured, and how its criteria were judged."""

    check: str
    attempts: int = 0
    measured: int = 0
    self_tests_failed: int = 0
    satisfied: int = 0
    not_satisfied: int = 0
    inconclusive: int = 0

    @property
    def condition(self) -> Condition:
        """The first thing to worry about."""
        if not self.attempts:
            return Condition.NEVER_RAN
        if not self.measured:
            return Condition.NEVER_MEASURED
        if self.self_tests_failed:
            return Condition.SELF_TEST_FAILED
        if self.satisfied + self.not_satisfied < ENOUGH:
            return Condition.TOO_EARLY
        if not self.not_satisfied:
            return Condition.NEVER_FAILED
        return Condition.ALIVE if self.satisfied else Condition.ALWAYS_FAILED

    @property
    def meaning(self) -> str:
        """The condition in one sentence."""
        return MEANINGS[self.condition]


def worst_first(health: Iterable[CheckHealth]) -> list[CheckHealth]:
    """What to worry about first, then by id."""
    order = list(MEANINGS)
    return sorted(health, key=lambda one: (order.index(one.condition), one.check))


def refused_types(most: int) -> list[Observation]:
    """The newest observations that ended because a model file holds types nobody has reviewed, one for each run."""
    rows = Observation.objects.filter(document__error__message__icontains=TYPES_REFUSED)
    newest: dict[int, Observation] = {}
    for row in rows.select_related("run__version__model").order_by("-measured_at", "-pk")[: 5 * most]:
        newest.setdefault(row.run_id, row)
    return list(newest.values())[:most]


def check_health(known: Iterable[str]) -> tuple[CheckHealth, ...]:
    """The health of every known check and of every other that was ever asked for, by id; two queries."""
    attempts = {row["check_id"]: row for row in Observation.objects.tally()}
    judged = {row["check"]: row for row in Finding.objects.tally()}
    return tuple(
        CheckHealth(
            check=check,
            attempts=attempts.get(check, {}).get("attempts", 0),
            measured=attempts.get(check, {}).get("measured", 0),
            self_tests_failed=attempts.get(check, {}).get("self_tests_failed", 0),
            satisfied=judged.get(check, {}).get("satisfied", 0),
            not_satisfied=judged.get(check, {}).get("not_satisfied", 0),
            inconclusive=judged.get(check, {}).get("inconclusive", 0),
        )
        for check in sorted({*known, *attempts})
    )
