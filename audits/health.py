"""Which checks would never stop anybody: those that never ran, never failed, always failed, or fail their self-test."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from audits.models import Finding, Observation

#: Fewer judgements than this prove no habit.
ENOUGH = 10


class Condition(StrEnum):
    """What the record of a check suggests to whoever looks after the gates."""

    NEVER_RAN = "never ran"
    NEVER_MEASURED = "never measured"
    SELF_TEST_FAILED = "self-test failed"
    NEVER_FAILED = "never failed"
    ALWAYS_FAILED = "always failed"
    TOO_EARLY = "too early to tell"
    ALIVE = "alive"


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
