"""Withdrawn data behind a version, and those who answer for it; the later views of an emergency. Pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from governance.gates.emergencies import GlassStanding, glass_standing
from governance.gates.facts import AcceptedRisk, BrokenGlassFact, Decision
from tests.governance.facts import CIRCUMSTANCES, DAY, NOW, decided

INPUT = "patients/1"
INSTANT = timedelta(microseconds=1)


def risk(**changes: Any) -> AcceptedRisk:
    facts = {"withdrawn_input": INPUT, "accepted_by": "dora", "expires_at": NOW + 5 * DAY, "eligible": True}
    return AcceptedRisk(**{**facts, **changes})


def with_risks(*risks: AcceptedRisk, inputs: tuple[str, ...] = (INPUT,)) -> Decision:
    return decided(circumstances=replace(CIRCUMSTANCES, withdrawn_inputs=inputs, accepted_risks=risks))


def blocked(decision: Decision) -> list[tuple[str, str, str]]:
    return [(str(reason.code), reason.subject, reason.explanation) for reason in decision.blocking]


def test_a_risk_that_somebody_answers_for_opens_until_its_day_and_says_so() -> None:
    decision = with_risks(risk())
    assert decision.is_open
    assert decision.valid_until == NOW + 5 * DAY
    (told,) = [reason for reason in decision.met if reason.code == "residual-risk-accepted"]
    day = f"{NOW + 5 * DAY:%Y-%m-%d}"
    assert (told.subject, told.explanation) == (
        INPUT,
        f"{INPUT} has been withdrawn; the residual risk is accepted until {day}.",
    )


def test_of_two_the_one_that_ends_first_counts() -> None:
    assert with_risks(risk(), risk(expires_at=NOW + 2 * DAY)).valid_until == NOW + 2 * DAY


@pytest.mark.parametrize(
    "changes",
    [{"eligible": False}, {"expires_at": NOW}, {"expires_at": NOW - DAY}, {"withdrawn_input": "patients/2"}],
    ids=["may not any more", "ends now", "ended", "of other data"],
)
def test_what_does_not_count_closes(changes: dict[str, Any]) -> None:
    words = f"{INPUT} has been withdrawn, and this version depends on it."
    assert blocked(with_risks(risk(**changes))) == [("input-withdrawn", INPUT, words)]


def test_a_moment_before_its_end_it_counts() -> None:
    assert with_risks(risk(expires_at=NOW + INSTANT)).is_open


def test_every_withdrawn_input_needs_somebody_of_its_own() -> None:
    decision = with_risks(risk(), inputs=("patients/2", INPUT, "patients/3"))
    assert [subject for _, subject, _ in blocked(decision)] == ["patients/2", "patients/3"]


GLASS = BrokenGlassFact(
    invoked_by="rosa", invoked_at=NOW, expires_at=NOW + DAY, review_due_at=NOW + 2 * DAY, upheld_by=frozenset()
)
TWO = frozenset({"victor", "vera"})


@pytest.mark.parametrize(
    ("changes", "now", "standing"),
    [
        ({}, NOW, GlassStanding.WAITING),
        ({}, NOW + 2 * DAY - INSTANT, GlassStanding.WAITING),
        ({}, NOW + 2 * DAY, GlassStanding.OVERDUE),
        ({"upheld_by": frozenset({"victor"})}, NOW + 2 * DAY, GlassStanding.OVERDUE),
        ({"upheld_by": frozenset({"victor", "rosa"})}, NOW, GlassStanding.WAITING),
        ({"upheld_by": TWO}, NOW + 3 * DAY, GlassStanding.UPHELD),
        ({"upheld_by": TWO, "objected_by": frozenset({"dora"})}, NOW, GlassStanding.OBJECTED),
    ],
)
def test_what_the_later_views_come_to(changes: dict[str, Any], now: datetime, standing: GlassStanding) -> None:
    assert glass_standing(replace(GLASS, **changes), now) is standing
