"""What holds of the gate for any facts whatever."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from itertools import permutations
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from audits.criteria import Outcome
from governance.gates import Circumstances, ReviewFact, Verdict
from governance.gates.quorums import is_full, seated
from governance.policies import Exclusion, Quorum
from tests.governance.facts import CIRCUMSTANCES, DAY, NOW, SUBJECT, decided, finding, gate, review, waiver

PEOPLE = ("maya", "mel", "victor", "vera", "rosa", "dora")
ROLES = ("model_validator", "risk_officer")
pasts = st.integers(0, 120).map(lambda days: NOW - days * DAY)
# Mostly in order, so that a good share of the cases is open before the property changes something.
outcomes = st.sampled_from([Outcome.SATISFIED] * 6 + list(Outcome))
verdicts = st.sampled_from([Verdict.APPROVE] * 8 + list(Verdict))


@st.composite
def reviews(draw: st.DrawFn) -> ReviewFact:
    return review(
        draw(st.sampled_from(PEOPLE)),
        draw(st.sampled_from(ROLES)),
        draw(verdicts),
        at=draw(pasts),
        eligible=draw(st.sampled_from([True, True, True, False])),
        subject_digest=draw(st.sampled_from([SUBJECT, SUBJECT, SUBJECT, "sha256:" + "b" * 64])),
    )


@st.composite
def facts(draw: st.DrawFn) -> dict[str, Any]:
    """Facts of the past, for the gate of `facts.gate`."""
    return {
        "findings": tuple(
            finding(name, draw(outcomes), measured_at=NOW - draw(st.integers(0, 40)) * DAY)
            for name in ("accuracy", "gap")
        ),
        "reviews": tuple(draw(st.lists(reviews(), max_size=6))),
        "waivers": tuple(
            waiver(
                decided_at=NOW - draw(st.integers(0, 60)) * DAY,
                expires_at=NOW + draw(st.integers(-10, 60)) * DAY,
                granted=draw(st.booleans()),
                decided_by=draw(st.sampled_from(PEOPLE)),
            )
            for _ in range(draw(st.integers(0, 2)))
        ),
        "circumstances": draw(
            st.sampled_from([CIRCUMSTANCES] * 5 + [replace(CIRCUMSTANCES, withdrawn_inputs=("dataset:x/1",))])
        ),
        "now": NOW + draw(st.integers(0, 60)) * DAY,
    }


def reopened(before: bool, after: bool) -> bool:  # noqa: FBT001
    return after and not before


@settings(max_examples=40)
@given(facts(), st.data())
def test_taking_an_approval_away_never_opens(given_facts: dict[str, Any], data: st.DataObject) -> None:
    approvals = [entry for entry in given_facts["reviews"] if entry.verdict is Verdict.APPROVE]
    if not approvals:
        return
    gone = data.draw(st.sampled_from(approvals))
    left = tuple(entry for entry in given_facts["reviews"] if entry is not gone)
    assert not reopened(decided(**given_facts).is_open, decided(**{**given_facts, "reviews": left}).is_open)


@settings(max_examples=40)
@given(facts(), reviews())
def test_an_objection_never_opens(given_facts: dict[str, Any], extra: ReviewFact) -> None:
    objection = replace(extra, verdict=Verdict.REJECT)
    more = (*given_facts["reviews"], objection)
    assert not reopened(decided(**given_facts).is_open, decided(**{**given_facts, "reviews": more}).is_open)


@settings(max_examples=40)
@given(facts(), outcomes, st.sampled_from(["accuracy", "gap", "third"]))
def test_one_more_finding_never_opens(given_facts: dict[str, Any], outcome: Outcome, name: str) -> None:
    more = (*given_facts["findings"], finding(name, outcome))
    assert not reopened(decided(**given_facts).is_open, decided(**{**given_facts, "findings": more}).is_open)


@settings(max_examples=40)
@given(
    facts(), st.sampled_from([outcome for outcome in Outcome if outcome is not Outcome.SATISFIED]), st.integers(0, 1)
)
def test_a_finding_that_gets_worse_never_opens(given_facts: dict[str, Any], outcome: Outcome, position: int) -> None:
    worse = list(given_facts["findings"])
    worse[position] = replace(worse[position], outcome=outcome, waivable=False)
    assert not decided(**{**given_facts, "findings": tuple(worse)}).is_open


@settings(max_examples=40)
@given(facts(), st.data())
def test_taking_a_waiver_away_never_opens(given_facts: dict[str, Any], data: st.DataObject) -> None:
    if not given_facts["waivers"]:
        return
    gone = data.draw(st.integers(0, len(given_facts["waivers"]) - 1))
    left = tuple(entry for position, entry in enumerate(given_facts["waivers"]) if position != gone)
    assert not reopened(decided(**given_facts).is_open, decided(**{**given_facts, "waivers": left}).is_open)


@settings(max_examples=40)
@given(facts(), st.sets(st.sampled_from(PEOPLE)))
def test_excluding_somebody_never_opens(given_facts: dict[str, Any], people: set[str]) -> None:
    circumstances: Circumstances = replace(given_facts["circumstances"], excluded=frozenset(people))
    after = decided(**{**given_facts, "circumstances": circumstances})
    assert not reopened(decided(**given_facts).is_open, after.is_open)


@settings(max_examples=40)
@given(facts(), st.integers(0, 400))
def test_time_alone_never_opens(given_facts: dict[str, Any], hours: int) -> None:
    later = decided(**{**given_facts, "now": given_facts["now"] + timedelta(hours=hours)})
    assert not reopened(decided(**given_facts).is_open, later.is_open)


@settings(max_examples=40)
@given(facts())
def test_open_holds_exactly_until_valid_until(given_facts: dict[str, Any]) -> None:
    decision = decided(**given_facts)
    if decision.valid_until is None:
        assert not decision.is_open
        return
    assert decision.is_open
    assert decision.valid_until > given_facts["now"]
    instant = timedelta(microseconds=1)
    assert decided(**{**given_facts, "now": decision.valid_until - instant}).is_open
    assert not decided(**{**given_facts, "now": decision.valid_until}).is_open


@settings(max_examples=40)
@given(facts())
def test_open_means_that_two_different_unconcerned_people_approved_this_subject(given_facts: dict[str, Any]) -> None:
    if not decided(**given_facts).is_open:
        return
    people = {
        role: {
            entry.person
            for entry in given_facts["reviews"]
            if (entry.role, entry.verdict, entry.subject_digest, entry.eligible)
            == (role, Verdict.APPROVE, SUBJECT, True)
        }
        - {"maya", "mel"}
        for role in ROLES
    }
    assert any(one != other for one in people[ROLES[0]] for other in people[ROLES[1]])


@settings(max_examples=40)
@given(facts(), st.randoms())
def test_the_order_of_facts_does_not_matter(given_facts: dict[str, Any], random: Any) -> None:
    shuffled = dict(given_facts)
    for name in ("findings", "reviews", "waivers"):
        shuffled[name] = tuple(random.sample(given_facts[name], len(given_facts[name])))
    one, other = decided(**given_facts), decided(**shuffled)
    assert (one.outcome, one.valid_until, one.missing_reviews) == (
        other.outcome,
        other.valid_until,
        other.missing_reviews,
    )


@settings(max_examples=40)
@given(facts())
def test_a_closed_gate_always_says_why(given_facts: dict[str, Any]) -> None:
    decision = decided(**given_facts)
    assert decision.is_open is not bool(decision.blocking)
    assert all(reason.explanation for reason in (*decision.blocking, *decision.met, *decision.disregarded))


quorums = st.lists(
    st.builds(Quorum, role=st.sampled_from("abc"), count=st.integers(1, 2)),
    min_size=1,
    max_size=3,
    unique_by=lambda entry: entry.role,
)
holdings = st.dictionaries(st.sampled_from("uvwxy"), st.sets(st.sampled_from("abcd"), max_size=3), max_size=5)


@settings(max_examples=40)
@given(quorums, holdings)
def test_seating_is_as_good_as_trying_everything(quorum: list[Quorum], roles_of: dict[str, set[str]]) -> None:
    seats = [entry.role for entry in quorum for _ in range(entry.count)]
    people = sorted(roles_of) + [""] * len(seats)
    best = (
        max(
            sum(role in roles_of.get(person, ()) for person, role in zip(order, seats, strict=True))
            for order in set(permutations(people[: len(roles_of) + len(seats)], len(seats)))
        )
        if len(people) <= 6
        else None
    )
    placed = seated(quorum, roles_of)
    sitting = [person for people_of_role in placed.values() for person in people_of_role]
    assert len(sitting) == len(set(sitting))
    assert all(role in roles_of[person] for role, people_of_role in placed.items() for person in people_of_role)
    if best is not None:
        assert len(sitting) == best
    assert is_full(quorum, roles_of) is (len(sitting) == len(seats))


def test_the_requester_stays_excluded_even_if_a_gate_forgot_to_say_so() -> None:
    forgetful = gate(exclude=())
    assert Exclusion.REQUESTER not in forgetful.exclude
    assert not decided(forgetful, reviews=(review("maya", "model_validator"), review("rosa", "risk_officer"))).is_open
