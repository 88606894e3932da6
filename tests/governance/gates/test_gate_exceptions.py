"""What may keep a gate open for a while, or close it later: conditions, emergencies, delegates, prohibitions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta, timezone
from typing import Any

import pytest

from audits.criteria import Outcome
from governance.gates import BrokenGlassFact, ConditionFact, Decision, Verdict
from governance.gates.emergencies import glass_ends, is_upheld
from governance.gates.facts import OVERRIDABLE, ReasonCode
from governance.policies import BreakGlassRule, Exclusion, Gate, Mode, Quorum
from tests.governance.facts import (
    CIRCUMSTANCES,
    DAY,
    FINDINGS,
    NOW,
    REVIEWS,
    codes,
    criterion,
    decided,
    disregarded,
    finding,
    gate,
    plan,
    review,
    waiver,
)

HOUR = timedelta(hours=1)
BREAKABLE = gate(break_glass=BreakGlassRule(allowed=True, max_hours=24, review_days=3))
FAILED = (finding("accuracy", Outcome.NOT_SATISFIED), finding("gap"))


def glass(**changes: Any) -> BrokenGlassFact:
    facts: dict[str, Any] = {
        "invoked_by": "rosa",
        "invoked_at": NOW - HOUR,
        "expires_at": NOW + 5 * HOUR,
        "review_due_at": NOW + 2 * DAY,
    }
    return BrokenGlassFact(**{**facts, **changes})


def broken(of: Gate = BREAKABLE, fact: BrokenGlassFact | None = None, **changes: Any) -> Decision:
    """A gate that a failed finding and missing reviews keep closed, with the glass broken."""
    circumstances = replace(CIRCUMSTANCES, broken_glass=fact or glass(), **changes.pop("circumstances", {}))
    facts: dict[str, Any] = {"findings": FAILED, "reviews": (), "circumstances": circumstances}
    return decided(of, **{**facts, **changes})


# -- Conditions -------------------------------------------------------------------------------------------------------
def test_a_condition_that_is_not_due_leaves_the_gate_open_until_then() -> None:
    due = ConditionFact(text="Retrain with the new codes.", due_at=NOW + DAY, met=False)
    decision = decided(circumstances=replace(CIRCUMSTANCES, conditions=(due,)))
    assert decision.is_open
    assert decision.valid_until == NOW + DAY


@pytest.mark.parametrize("due_at", [NOW, NOW - DAY])
def test_a_condition_that_fell_due_closes_the_gate_and_says_which(due_at: Any) -> None:
    due = ConditionFact(text="Retrain with the new codes.", due_at=due_at, met=False)
    decision = decided(circumstances=replace(CIRCUMSTANCES, conditions=(due,)))
    assert codes(decision) == ["condition-unmet"]
    assert "Retrain with the new codes." in decision.blocking[0].explanation
    assert f"{due_at:%Y-%m-%d}" in decision.blocking[0].explanation


def test_a_condition_that_was_met_neither_closes_nor_limits() -> None:
    met = ConditionFact(text="Done.", due_at=NOW - DAY, met=True)
    decision = decided(circumstances=replace(CIRCUMSTANCES, conditions=(met,)))
    assert decision.is_open
    assert decision.valid_until == decided().valid_until


def test_one_unmet_condition_among_met_ones_closes() -> None:
    conditions = tuple(ConditionFact(text=str(n), due_at=NOW - DAY, met=n != 1) for n in range(3))
    assert codes(decided(circumstances=replace(CIRCUMSTANCES, conditions=conditions))) == ["condition-unmet"]


# -- Emergencies ------------------------------------------------------------------------------------------------------
def test_broken_glass_opens_and_names_what_it_set_aside() -> None:
    decision = broken()
    assert decision.is_open
    assert {reason.code for reason in decision.overridden} == {
        ReasonCode.FINDING_NOT_SATISFIED,
        ReasonCode.QUORUM_MISSING,
    }
    assert [reason.subject for reason in decision.met if reason.code is ReasonCode.GLASS_BROKEN] == ["rosa"]
    assert [missing.role for missing in decision.missing_reviews] == ["model_validator", "risk_officer"]
    assert decision.valid_until == NOW + 5 * HOUR
    words = next(reason.explanation for reason in decision.met if reason.code is ReasonCode.GLASS_BROKEN)
    assert "3 reasons" in words
    assert "2026-11-20 17:00 UTC" in words
    assert [entry["code"] for entry in decision.to_document()["overridden"]] == [
        str(reason.code) for reason in decision.overridden
    ]


def test_glass_broken_over_an_open_gate_changes_nothing() -> None:
    decision = decided(BREAKABLE, circumstances=replace(CIRCUMSTANCES, broken_glass=glass()))
    assert decision == decided(BREAKABLE)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"expires_at": NOW}, "glass-expired"),
        ({"expires_at": NOW - HOUR}, "glass-expired"),
        ({"invoked_at": NOW + timedelta(seconds=1), "expires_at": NOW + HOUR}, "glass-from-the-future"),
        ({"expires_at": NOW + 23 * HOUR + timedelta(seconds=1)}, "glass-not-allowed"),
        ({"review_due_at": NOW - HOUR + 3 * DAY + timedelta(seconds=1)}, "glass-not-allowed"),
        ({"review_due_at": NOW}, "glass-unreviewed"),
        ({"review_due_at": NOW, "upheld_by": frozenset({"victor"})}, "glass-unreviewed"),
        ({"review_due_at": NOW, "upheld_by": frozenset({"victor", "rosa"})}, "glass-unreviewed"),
        ({"objected_by": frozenset({"victor"})}, "glass-objected"),
        ({"objected_by": frozenset({"otto"}), "upheld_by": frozenset({"victor", "vera"})}, "glass-objected"),
    ],
)
def test_broken_glass_does_not_count(changes: dict[str, Any], code: str) -> None:
    decision = broken(fact=glass(**changes))
    assert not decision.is_open
    assert code in disregarded(decision)
    assert decision.overridden == ()
    assert [reason.subject for reason in decision.disregarded if str(reason.code) == code] == ["rosa"]


def test_a_gate_without_the_rule_cannot_be_opened_in_an_emergency() -> None:
    decision = broken(gate())
    assert not decision.is_open
    assert disregarded(decision) == ["glass-not-allowed"]


@pytest.mark.parametrize(("invoked_at", "expires_at"), [(NOW, NOW + 24 * HOUR), (NOW - 24 * HOUR, NOW + HOUR / 60)])
def test_the_longest_emergency_is_allowed_and_no_longer(invoked_at: Any, expires_at: Any) -> None:
    decision = broken(fact=glass(invoked_at=invoked_at, expires_at=expires_at, review_due_at=NOW + DAY))
    assert decision.is_open == (expires_at - invoked_at <= 24 * HOUR)


def test_two_others_who_uphold_it_let_it_last_after_the_review_deadline() -> None:
    upheld = glass(upheld_by=frozenset({"victor", "vera"}), invoked_at=NOW - 20 * HOUR, review_due_at=NOW - HOUR)
    assert is_upheld(upheld)
    assert broken(fact=replace(upheld, expires_at=NOW + HOUR)).valid_until == NOW + HOUR


def test_an_unreviewed_emergency_ends_at_the_review_deadline() -> None:
    early = glass(review_due_at=NOW + HOUR)
    assert glass_ends(early) == NOW + HOUR
    assert broken(fact=early).valid_until == NOW + HOUR


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"circumstances": {"withdrawn_inputs": ("patients/1",)}}, "input-withdrawn"),
        ({"circumstances": {"policy_recalled": True}}, "policy-recalled"),
        ({"circumstances": {"incidents": ("I-1",)}}, "incident-open"),
        ({"circumstances": {"decommissioned": True}}, "version-decommissioned"),
        ({"reviews": (review("victor", "model_validator", Verdict.REJECT),)}, "review-rejected"),
        ({"subject_digest": ""}, "subject-unknown"),
        ({"findings": (*FAILED, finding("gap"))}, "finding-repeated"),
        ({"findings": (*FAILED, finding("other"))}, "finding-unplanned"),
        ({"findings": FAILED[:1]}, "finding-missing"),
        ({"findings": (finding("accuracy", measured_at=NOW + DAY), finding("gap"))}, "evidence-from-the-future"),
    ],
)
def test_no_emergency_sets_this_aside(changes: dict[str, Any], code: str) -> None:
    decision = broken(**changes)
    assert not decision.is_open
    assert codes(decision) == [code]


def test_old_evidence_can_be_set_aside_and_does_not_shorten_the_emergency() -> None:
    old = tuple(finding(name, measured_at=NOW - 40 * DAY) for name in ("accuracy", "gap"))
    assert broken(findings=old).valid_until == NOW + 5 * HOUR


def test_what_runs_out_during_the_emergency_still_ends_it() -> None:
    due = ConditionFact(text="x", due_at=NOW + HOUR, met=False)
    assert broken(circumstances={"conditions": (due,)}).valid_until == NOW + HOUR


# -- What is prohibited -----------------------------------------------------------------------------------------------
PROHIBITED = (
    criterion("scores", prohibited_practice=True, waivable=True),
    criterion("scores", controls=("aia-5-1-c",), waivable=True),
)


@pytest.mark.parametrize("marked", PROHIBITED, ids=["declared", "by its control"])
@pytest.mark.parametrize("outcome", [entry for entry in Outcome if entry is not Outcome.SATISFIED])
@pytest.mark.parametrize("mode", list(Mode))
def test_a_prohibited_practice_is_neither_waived_nor_overridden_nor_only_warned_of(
    marked: Any, outcome: Outcome, mode: Mode
) -> None:
    strict = replace(BREAKABLE, plan=plan(marked), mode=mode)
    decision = broken(
        strict,
        findings=(finding("scores", outcome, waivable=True),),
        reviews=REVIEWS,
        waivers=(waiver("scores"),),
    )
    assert codes(decision) == ["finding-prohibited"]
    assert "waiver-not-allowed" in disregarded(decision)
    assert not decision.may_pass


def test_a_satisfied_limit_on_a_prohibited_practice_opens_as_any_other() -> None:
    assert decided(gate(plan=plan(PROHIBITED[0])), findings=(finding("scores"),)).is_open


def test_controls_that_only_look_like_article_five_prohibit_nothing() -> None:
    assert not criterion("x", controls=("aia-50-1", "aia-15-1")).prohibited


# -- Modes ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", list(Mode))
def test_a_closed_gate_says_closed_in_every_mode_and_lets_pass_only_where_it_is_not_enforced(mode: Mode) -> None:
    decision = decided(gate(mode=mode), findings=FAILED)
    assert not decision.is_open
    assert decision.enforced == (mode is Mode.ENFORCE)
    assert decision.may_pass == (mode is not Mode.ENFORCE)
    assert decision.to_document()["mode"] == str(mode)


@pytest.mark.parametrize("mode", list(Mode))
def test_an_open_gate_lets_pass_in_every_mode(mode: Mode) -> None:
    assert decided(gate(mode=mode)).may_pass


@pytest.mark.parametrize("mode", [Mode.WARN, Mode.DRY_RUN])
def test_withdrawn_data_holds_back_in_every_mode(mode: Mode) -> None:
    withdrawn = replace(CIRCUMSTANCES, withdrawn_inputs=("patients/1",))
    assert not decided(gate(mode=mode), findings=FAILED, circumstances=withdrawn).may_pass


def test_only_what_is_listed_can_be_set_aside() -> None:
    assert {str(code) for code in OVERRIDABLE} == {
        "finding-not-satisfied",
        "finding-inconclusive",
        "finding-error",
        "finding-timed-out",
        "finding-not-run",
        "evidence-expired",
        "changes-requested",
        "quorum-missing",
        "condition-unmet",
    }


# -- Delegates --------------------------------------------------------------------------------------------------------
TWO_VALIDATORS = gate(quorum=(Quorum(role="model_validator", count=2),))


def test_a_delegate_fills_the_seat_of_whoever_is_away() -> None:
    stands_in = review("otto", "model_validator", on_behalf_of="victor")
    assert decided(reviews=(stands_in, REVIEWS[1])).is_open


@pytest.mark.parametrize(
    "approvals",
    [
        (review("victor", "model_validator"), review("otto", "model_validator", on_behalf_of="victor")),
        (review("otto", "model_validator", on_behalf_of="victor"), review("victor", "model_validator")),
        (
            review("otto", "model_validator", on_behalf_of="victor"),
            review("nina", "model_validator", on_behalf_of="victor"),
        ),
    ],
    ids=["person first", "delegate first", "two delegates"],
)
def test_one_voice_fills_one_seat_however_many_speak_with_it(approvals: Any) -> None:
    decision = decided(TWO_VALIDATORS, reviews=approvals)
    assert not decision.is_open
    assert "review-authority-used" in disregarded(decision)
    assert [(entry.needed, entry.have) for entry in decision.missing_reviews] == [(2, 1)]


def test_delegates_of_two_people_fill_two_seats() -> None:
    approvals = (
        review("otto", "model_validator", on_behalf_of="victor"),
        review("nina", "model_validator", on_behalf_of="vera"),
    )
    assert decided(TWO_VALIDATORS, reviews=approvals).is_open


def test_of_two_delegates_the_first_one_counts() -> None:
    early = review("otto", "model_validator", on_behalf_of="victor", at=NOW - 2 * HOUR)
    late = review("nina", "model_validator", on_behalf_of="victor", at=NOW - HOUR)
    decision = decided(TWO_VALIDATORS, reviews=(late, early))
    assert [reason.subject for reason in decision.disregarded] == ["nina"]


@pytest.mark.parametrize(("delegator", "what"), [("maya", "requested"), ("mel", "registered"), ("tom", "trained")])
def test_who_speaks_for_somebody_concerned_does_not_count(delegator: str, what: str) -> None:
    strict = gate(exclude=tuple(Exclusion))
    stands_in = review("otto", "model_validator", on_behalf_of=delegator)
    decision = decided(strict, reviews=(stands_in, REVIEWS[1]))
    assert disregarded(decision) == ["reviewer-excluded"]
    assert what in decision.disregarded[0].explanation


def test_findings_are_needed_for_every_criterion_with_or_without_an_emergency() -> None:
    assert broken(findings=()).blocking
    assert decided(BREAKABLE, findings=FINDINGS).is_open


@pytest.mark.parametrize("verdict", [Verdict.ABSTAIN, Verdict.REQUEST_CHANGES])
def test_a_delegate_does_not_speak_for_somebody_who_spoke(verdict: Verdict) -> None:
    own = review("victor", "model_validator", verdict)
    decision = decided(reviews=(own, review("otto", "model_validator", on_behalf_of="victor"), REVIEWS[1]))
    assert "review-authority-used" in disregarded(decision)


def test_evidence_that_runs_out_at_this_very_moment_does_not_end_the_emergency() -> None:
    old = tuple(finding(name, measured_at=NOW - 30 * DAY) for name in ("accuracy", "gap"))
    assert broken(findings=old).valid_until == NOW + 5 * HOUR


def test_the_longest_time_to_look_at_it_is_allowed() -> None:
    assert broken(fact=glass(review_due_at=NOW - HOUR + 3 * DAY)).is_open


# -- Waivers at their edges -------------------------------------------------------------------------------------------
def test_a_waiver_that_nobody_decided_does_not_count() -> None:
    decision = decided(findings=(FINDINGS[0], finding("gap", Outcome.INCONCLUSIVE)), waivers=(waiver(decided_by=""),))
    assert disregarded(decision) == ["waiver-self-decided"]
    assert not decision.is_open


def test_a_waiver_counts_from_the_very_moment_it_was_granted() -> None:
    gap = (FINDINGS[0], finding("gap", Outcome.INCONCLUSIVE))
    assert decided(findings=gap, waivers=(waiver(decided_at=NOW),)).is_open


def test_times_in_documents_are_utc_whatever_zone_they_came_in() -> None:
    east = NOW.astimezone(timezone(timedelta(hours=9)))
    assert decided(now=east).to_document()["decided_at"] == "2026-11-20T12:00:00Z"
