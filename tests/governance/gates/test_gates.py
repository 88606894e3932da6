"""The gate: opens for exactly one state of affairs, and names whatever is different from it."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from audits.criteria import Outcome
from governance.gates import Circumstances, FindingFact, GateOutcome, MissingReview, ReviewFact, Verdict, WaiverFact
from governance.policies import Exclusion, Mode, Quorum, WaiverRule
from tests.governance.facts import (
    CIRCUMSTANCES,
    DAY,
    FINDINGS,
    NOW,
    REVIEWS,
    SUBJECT,
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


def test_all_satisfied_and_approved_by_two_people_in_two_roles_is_open() -> None:
    decision = decided()
    assert decision.outcome is GateOutcome.OPEN
    assert decision.is_open
    assert decision.enforced
    assert (decision.blocking, decision.missing_reviews, decision.waived, decision.disregarded) == ((), (), (), ())
    assert [(str(reason.code), reason.subject) for reason in decision.met] == [
        ("criterion-satisfied", "accuracy"),
        ("criterion-satisfied", "gap"),
        ("quorum-filled", "model_validator"),
        ("quorum-filled", "risk_officer"),
    ]


# -- Findings ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SATISFIED])
def test_nothing_but_satisfied_opens(outcome: Outcome) -> None:
    decision = decided(findings=(finding("accuracy", outcome), finding("gap")))
    assert not decision.is_open
    assert codes(decision) == [f"finding-{outcome}"]
    assert decision.blocking[0].explanation == "accuracy was looked at."
    assert decision.valid_until is None


def test_an_outcome_nobody_knows_blocks_as_an_error() -> None:
    unknown: Any = "fantastic"
    assert codes(decided(findings=(finding("accuracy", unknown), finding("gap")))) == ["finding-error"]


@pytest.mark.parametrize(
    ("findings", "blocking"),
    [
        pytest.param((), ["finding-missing", "finding-missing"], id="none"),
        pytest.param((finding("gap"),), ["finding-missing"], id="one-missing"),
        pytest.param((*FINDINGS, finding("gap")), ["finding-repeated"], id="one-twice"),
        pytest.param((*FINDINGS, finding("other")), ["finding-unplanned"], id="one-of-another-plan"),
    ],
)
def test_each_criterion_has_exactly_one_finding(findings: tuple[FindingFact, ...], blocking: list[str]) -> None:
    assert codes(decided(findings=findings)) == blocking


@pytest.mark.parametrize(
    ("age", "blocking"),
    [
        (30 * DAY - timedelta(microseconds=1), []),
        (30 * DAY, ["evidence-expired"]),
        (300 * DAY, ["evidence-expired"]),
        (timedelta(0), []),
        (-timedelta(microseconds=1), ["evidence-from-the-future"]),
    ],
    ids=["just-young-enough", "at-the-limit", "long-ago", "now", "tomorrow"],
)
def test_evidence_has_an_age(age: timedelta, blocking: list[str]) -> None:
    decision = decided(findings=(finding("accuracy", measured_at=NOW - age), finding("gap")))
    assert codes(decision) == blocking


def test_a_waiver_does_not_make_old_evidence_young() -> None:
    old = finding("gap", Outcome.INCONCLUSIVE, measured_at=NOW - 31 * DAY)
    assert codes(decided(findings=(finding("accuracy"), old), waivers=(waiver(),))) == ["evidence-expired"]


# -- Waivers ----------------------------------------------------------------------------------------------------------
UNSURE = (finding("accuracy"), finding("gap", Outcome.INCONCLUSIVE))


def test_a_live_waiver_by_somebody_else_opens_and_stays_visible() -> None:
    decision = decided(findings=UNSURE, waivers=(waiver(),))
    assert decision.is_open
    assert [(str(reason.code), reason.subject, reason.explanation) for reason in decision.waived] == [
        ("criterion-waived", "gap", "gap was looked at. Waived until 2026-12-10.")
    ]
    assert "gap" not in [reason.subject for reason in decision.met]
    assert decision.valid_until == NOW + 20 * DAY


WAIVERS_THAT_DO_NOT_COUNT = [
    pytest.param(waiver(granted=False), "waiver-refused", id="refused"),
    pytest.param(waiver(expires_at=NOW), "waiver-expired", id="expires-now"),
    pytest.param(waiver(expires_at=NOW - DAY / 2), "waiver-expired", id="expired"),
    pytest.param(waiver(decided_by="maya"), "waiver-self-decided", id="decided-by-who-asked"),
    pytest.param(waiver(requested_by="", decided_by=""), "waiver-self-decided", id="decided-by-nobody"),
    pytest.param(waiver(requested_by="tom", decided_by="maya"), "waiver-self-decided", id="decided-by-the-requester"),
    pytest.param(waiver(decided_by="mel"), "waiver-self-decided", id="decided-by-the-author"),
    pytest.param(waiver(decided_at=NOW + DAY), "waiver-from-the-future", id="decided-tomorrow"),
    pytest.param(waiver(expires_at=NOW + 90 * DAY), "waiver-too-long", id="longer-than-the-policy-allows"),
    pytest.param(waiver("accuracy"), "waiver-not-allowed", id="of-what-cannot-be-waived"),
    pytest.param(waiver("other"), "waiver-without-finding", id="of-another-gate"),
]


@pytest.mark.parametrize(("given", "code"), WAIVERS_THAT_DO_NOT_COUNT)
def test_any_other_waiver_changes_nothing_and_is_named(given: WaiverFact, code: str) -> None:
    findings = (
        UNSURE if given.criterion_id != "accuracy" else (finding("accuracy", Outcome.INCONCLUSIVE), finding("gap"))
    )
    decision = decided(findings=findings, waivers=(given,))
    assert codes(decision) == ["finding-inconclusive"]
    assert disregarded(decision) == [code]


def test_a_waiver_of_exactly_the_longest_time_counts() -> None:
    assert decided(findings=UNSURE, waivers=(waiver(expires_at=NOW + 89 * DAY),)).is_open


def test_a_gate_that_allows_no_waivers_ignores_them() -> None:
    strict = gate(waivers=WaiverRule(allowed=False))
    assert codes(decided(strict, findings=UNSURE, waivers=(waiver(),))) == ["finding-inconclusive"]


def test_a_finding_that_is_not_waivable_is_not_waived_whatever_the_policy_says() -> None:
    prohibited = finding("gap", Outcome.NOT_SATISFIED, waivable=False)
    assert codes(decided(findings=(finding("accuracy"), prohibited), waivers=(waiver(),))) == ["finding-not-satisfied"]


def test_a_waiver_does_not_stand_in_for_a_finding() -> None:
    assert codes(decided(findings=(finding("accuracy"),), waivers=(waiver(),))) == ["finding-missing"]


def test_a_waiver_on_a_satisfied_finding_is_not_used() -> None:
    decision = decided(waivers=(waiver(expires_at=NOW + DAY),))
    assert decision.waived == ()
    assert decision.valid_until == NOW + 29 * DAY


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_waivers_the_longer_one_is_used(order: int) -> None:
    both = (waiver(expires_at=NOW + DAY), waiver(expires_at=NOW + 3 * DAY))[::order]
    assert decided(findings=UNSURE, waivers=both).valid_until == NOW + 3 * DAY


# -- Reviews ----------------------------------------------------------------------------------------------------------
def test_nobody_has_reviewed() -> None:
    decision = decided(reviews=())
    assert codes(decision) == ["quorum-missing", "quorum-missing"]
    assert decision.missing_reviews == (MissingReview("model_validator", 1, 0), MissingReview("risk_officer", 1, 0))
    assert decision.blocking[0].explanation == "0 of 1 approvals as model_validator, by different people."


APPROVALS_THAT_DO_NOT_COUNT = [
    pytest.param({"person": "maya"}, "reviewer-excluded", id="requester"),
    pytest.param({"person": "mel"}, "reviewer-excluded", id="version-author"),
    pytest.param({"person": "dan"}, "reviewer-excluded", id="delegate"),
    pytest.param({"eligible": False}, "reviewer-not-eligible", id="role-lost-since"),
    pytest.param({"subject_digest": "sha256:" + "b" * 64}, "review-of-another-subject", id="earlier-round"),
    pytest.param({"subject_digest": ""}, "review-of-another-subject", id="of-nothing"),
    pytest.param({"at": NOW + timedelta(microseconds=1)}, "review-from-the-future", id="dated-ahead"),
    pytest.param({"at": NOW - 90 * DAY}, "review-expired", id="too-old"),
]


@pytest.mark.parametrize(("changes", "code"), APPROVALS_THAT_DO_NOT_COUNT)
def test_an_approval_that_does_not_count_fills_no_seat_and_is_named(changes: dict[str, Any], code: str) -> None:
    weak = replace(REVIEWS[0], **changes)
    decision = decided(reviews=(weak, REVIEWS[1]), circumstances=replace(CIRCUMSTANCES, excluded=frozenset({"dan"})))
    assert codes(decision) == ["quorum-missing"]
    assert decision.missing_reviews == (MissingReview("model_validator", 1, 0),)
    assert disregarded(decision) == [code]


def test_the_reason_for_not_being_eligible_is_told() -> None:
    lost = replace(REVIEWS[0], eligible=False, ineligible_reason="the role was withdrawn on Monday")
    assert "the role was withdrawn on Monday" in decided(reviews=(lost,)).disregarded[0].explanation


def test_whoever_trained_it_is_excluded_where_the_policy_says_so() -> None:
    reviews = (review("tom", "model_validator"), REVIEWS[1])
    assert decided(reviews=reviews).is_open
    strict = gate(exclude=(Exclusion.REQUESTER, Exclusion.RUN_AUTHOR))
    assert codes(decided(strict, reviews=reviews)) == ["quorum-missing"]


def test_the_author_may_approve_where_the_policy_does_not_exclude_them_but_the_requester_never() -> None:
    lax = gate(exclude=())
    assert decided(lax, reviews=(review("mel", "model_validator"), REVIEWS[1])).is_open
    assert not decided(lax, reviews=(review("maya", "model_validator"), REVIEWS[1])).is_open


@pytest.mark.parametrize(
    ("verdict", "code"), [(Verdict.REJECT, "review-rejected"), (Verdict.REQUEST_CHANGES, "changes-requested")]
)
def test_one_objection_closes_a_full_quorum(verdict: Verdict, code: str) -> None:
    decision = decided(reviews=(*REVIEWS, review("vera", "model_validator", verdict)))
    assert codes(decision) == [code]
    assert decision.blocking[0].subject == "vera"


def test_an_objection_by_somebody_concerned_counts_because_it_only_protects() -> None:
    assert codes(decided(reviews=(*REVIEWS, review("maya", "model_validator", Verdict.REJECT)))) == ["review-rejected"]


@pytest.mark.parametrize(
    "changes",
    [{"eligible": False}, {"subject_digest": "sha256:" + "b" * 64}, {"at": NOW + DAY}],
    ids=["no-reviewer", "another-round", "dated-ahead"],
)
def test_an_objection_that_does_not_count_closes_nothing(changes: dict[str, Any]) -> None:
    rejection = replace(review("otto", "model_validator", Verdict.REJECT), **changes)
    assert decided(reviews=(*REVIEWS, rejection)).is_open


@pytest.mark.parametrize("verdict", [Verdict.ABSTAIN, Verdict.COMMENT])
def test_neither_abstaining_nor_commenting_fills_a_seat(verdict: Verdict) -> None:
    assert codes(decided(reviews=(replace(REVIEWS[0], verdict=verdict), REVIEWS[1]))) == ["quorum-missing"]


def test_a_comment_beside_an_approval_is_harmless_an_abstention_is_not() -> None:
    assert decided(reviews=(*REVIEWS, review("victor", "model_validator", Verdict.COMMENT))).is_open
    decision = decided(reviews=(*REVIEWS, review("victor", "model_validator", Verdict.ABSTAIN)))
    assert codes(decision) == ["quorum-missing"]
    assert disregarded(decision) == ["review-contradicted"]


# -- Quorum -----------------------------------------------------------------------------------------------------------
def of(*seats: tuple[str, int]) -> tuple[Quorum, ...]:
    return tuple(Quorum(role=role, count=count) for role, count in seats)


@pytest.mark.parametrize(
    ("quorum", "approvals", "missing"),
    [
        pytest.param(of(("a", 1), ("b", 1)), "x:a x:b", {"b": (1, 0)}, id="one-person-fills-one-seat-only"),
        pytest.param(of(("a", 2)), "x:a x:a", {"a": (2, 1)}, id="one-person-counts-once-per-role"),
        pytest.param(of(("a", 2)), "x:a y:a", {}, id="two-people"),
        pytest.param(of(("a", 1), ("b", 1)), "x:a x:b y:a", {}, id="moved-to-where-needed"),
        pytest.param(of(("b", 1), ("a", 1)), "x:a x:b y:a", {}, id="moved-whatever-the-order"),
        pytest.param(of(("a", 1), ("b", 1), ("c", 1)), "x:a x:b y:b y:c z:a", {}, id="a-chain-of-moves"),
        pytest.param(of(("a", 1), ("b", 1), ("c", 1)), "x:a x:b y:a y:b", {"c": (1, 0)}, id="a-role-nobody-has"),
        pytest.param(of(("a", 1)), "x:b", {"a": (1, 0)}, id="a-role-nobody-asked-for"),
        pytest.param(of(("a", 3)), "x:a y:a", {"a": (3, 2)}, id="one-short"),
    ],
)
def test_seats(quorum: tuple[Quorum, ...], approvals: str, missing: dict[str, tuple[int, int]]) -> None:
    pairs = [approval.split(":") for approval in approvals.split()]
    decision = decided(gate(quorum=quorum), reviews=tuple(review(person, role) for person, role in pairs))
    assert {entry.role: (entry.needed, entry.have) for entry in decision.missing_reviews} == missing
    assert decision.is_open is not bool(missing)


@pytest.mark.parametrize("quorum", [(), of(("model_validator", 0))], ids=["empty", "of-zero"])
def test_a_gate_that_asks_for_nobody_never_opens(quorum: tuple[Quorum, ...]) -> None:
    assert codes(decided(gate(quorum=quorum))) == ["no-reviewers"]


# -- Circumstances ----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("changes", "code", "subject"),
    [
        ({"withdrawn_inputs": ("dataset:patients/3",)}, "input-withdrawn", "dataset:patients/3"),
        ({"policy_recalled": True}, "policy-recalled", "policy"),
        ({"incidents": ("INC-7",)}, "incident-open", "INC-7"),
    ],
)
def test_circumstances_close_a_gate_that_was_open(changes: dict[str, Any], code: str, subject: str) -> None:
    circumstances: Circumstances = replace(CIRCUMSTANCES, **changes)
    decision = decided(circumstances=circumstances)
    assert codes(decision) == [code]
    assert decision.blocking[0].subject == subject


def test_without_a_subject_nothing_counts() -> None:
    unsigned = tuple(replace(entry, subject_digest="") for entry in REVIEWS)
    assert codes(decided(subject_digest="", reviews=unsigned)) == [
        "subject-unknown",
        "quorum-missing",
        "quorum-missing",
    ]


# -- Until when -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("findings", "reviews", "waivers", "until"),
    [
        pytest.param(FINDINGS, REVIEWS, (), NOW + 29 * DAY, id="evidence"),
        pytest.param(
            FINDINGS,
            (replace(REVIEWS[0], at=NOW - 80 * DAY), REVIEWS[1]),
            (),
            NOW + 10 * DAY,
            id="the-older-approval",
        ),
        pytest.param(
            FINDINGS,
            (replace(REVIEWS[0], at=NOW - 80 * DAY), *REVIEWS, review("vera", "model_validator")),
            (),
            NOW + 29 * DAY,
            id="a-second-approval-takes-over",
        ),
        pytest.param(UNSURE, REVIEWS, (waiver(expires_at=NOW + DAY),), NOW + DAY, id="waiver"),
    ],
)
def test_an_open_gate_says_until_when(
    findings: tuple[FindingFact, ...],
    reviews: tuple[ReviewFact, ...],
    waivers: tuple[WaiverFact, ...],
    until: datetime,
) -> None:
    facts: dict[str, Any] = {"findings": findings, "reviews": reviews, "waivers": waivers}
    assert decided(**facts).valid_until == until
    assert decided(**facts, now=until - timedelta(microseconds=1)).is_open
    assert not decided(**facts, now=until).is_open


def test_a_naive_time_is_an_error_not_a_decision() -> None:
    with pytest.raises(TypeError):
        decided(now=NOW.replace(tzinfo=None))


# -- Modes and the document -------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("mode", "enforced"), [(Mode.ENFORCE, True), (Mode.WARN, False), (Mode.DRY_RUN, False)])
def test_a_mode_changes_what_a_closed_gate_means_never_whether_it_is_closed(mode: Mode, enforced: bool) -> None:  # noqa: FBT001
    decision = decided(gate(mode=mode), findings=())
    assert (decision.mode, decision.enforced, decision.is_open) == (str(mode), enforced, False)


def test_the_document_is_plain_json_with_utc_times() -> None:
    here = NOW.astimezone(timezone(timedelta(hours=5)))
    document = decided(
        findings=UNSURE, waivers=(waiver(),), reviews=(*REVIEWS, review("otto", "x")), now=here
    ).to_document()
    assert json.loads(json.dumps(document)) == document
    assert document["decision"] == "open"
    assert document["decided_at"] == "2026-11-20T12:00:00Z"
    assert document["valid_until"] == "2026-12-10T12:00:00Z"
    assert document["subject_digest"] == SUBJECT
    assert document["waived"] == [
        {"code": "criterion-waived", "subject": "gap", "explanation": "gap was looked at. Waived until 2026-12-10."}
    ]
    closed = decided(reviews=()).to_document()
    assert closed["valid_until"] is None
    assert closed["missing_reviews"][0] == {"role": "model_validator", "needed": 1, "have": 0}


def test_reasons_are_given_for_every_defect_at_once() -> None:
    decision = decided(
        gate(plan=plan(criterion("accuracy"), criterion("gap", waivable=True), criterion("third"))),
        findings=(finding("accuracy", Outcome.TIMED_OUT), finding("gap", Outcome.ERROR)),
        reviews=REVIEWS[:1],
    )
    assert codes(decision) == ["finding-timed-out", "finding-error", "finding-missing", "quorum-missing"]
