"""The later fields of a policy: emergencies, review deadlines, prohibited practices. Old digests stay as they were."""

from __future__ import annotations

from typing import Any

import pytest

from governance.policies import BreakGlassRule, OnDeadline, PolicyError, parse_policy, policy_from_document
from tests.governance.policies.test_policies import TEXT, VOCABULARY

GATE = "    to: staging\n"


def parsed(added: str = "", old: str = GATE) -> Any:
    return parse_policy(TEXT.replace(old, old + added, 1), vocabulary=VOCABULARY)


def refused(added: str, old: str = GATE) -> PolicyError:
    with pytest.raises(PolicyError) as caught:
        parsed(added, old)
    return caught.value


def test_a_policy_that_says_nothing_has_no_emergency_and_no_deadline() -> None:
    gate = parsed().gates[0]
    assert gate.break_glass == BreakGlassRule(allowed=False, max_hours=24, review_days=3)
    assert gate.review_deadline_days is None
    assert gate.on_deadline is OnDeadline.ESCALATE


def test_what_is_not_used_is_not_written_so_that_old_digests_stay() -> None:
    document = parsed().to_document()
    assert not {"break_glass", "review_deadline_days", "on_deadline"} & set(document["gates"][0])
    assert "prohibited_practice" not in document["gates"][0]["criteria"][0]


@pytest.mark.parametrize(
    ("added", "expected"),
    [
        ("    break_glass: {allowed: true}\n", BreakGlassRule(allowed=True)),
        (
            "    break_glass: {allowed: true, max_hours: 168, review_days: 30}\n",
            BreakGlassRule(allowed=True, max_hours=168, review_days=30),
        ),
        (
            "    break_glass: {allowed: false, max_hours: 1, review_days: 1}\n",
            BreakGlassRule(allowed=False, max_hours=1, review_days=1),
        ),
    ],
)
def test_an_emergency_rule_is_read_and_written(added: str, expected: BreakGlassRule) -> None:
    policy = parsed(added)
    assert policy.gates[0].break_glass == expected
    assert policy_from_document(policy.to_document()) == policy


@pytest.mark.parametrize("what", ["escalate", "expire"])
def test_a_deadline_is_read_and_written(what: str) -> None:
    policy = parsed(f"    review_deadline_days: 14\n    on_deadline: {what}\n")
    assert (policy.gates[0].review_deadline_days, str(policy.gates[0].on_deadline)) == (14, what)
    assert policy.to_document()["gates"][0]["on_deadline"] == what
    assert policy_from_document(policy.to_document()) == policy


def test_a_deadline_alone_escalates() -> None:
    assert parsed("    review_deadline_days: 1\n").to_document()["gates"][0]["on_deadline"] == "escalate"


@pytest.mark.parametrize(
    ("added", "field"),
    [
        ("    review_deadline_days: 0\n", "gates[0].review_deadline_days"),
        ("    review_deadline_days: 366\n", "gates[0].review_deadline_days"),
        ("    review_deadline_days: 5\n    on_deadline: approve\n", "gates[0].on_deadline"),
        ("    on_deadline: expire\n", "gates[0].on_deadline"),
        ("    break_glass: {}\n", "gates[0].break_glass.allowed"),
        ("    break_glass: {allowed: true, max_hours: 0}\n", "gates[0].break_glass.max_hours"),
        ("    break_glass: {allowed: true, max_hours: 169}\n", "gates[0].break_glass.max_hours"),
        ("    break_glass: {allowed: true, review_days: 0}\n", "gates[0].break_glass.review_days"),
        ("    break_glass: {allowed: true, review_days: 31}\n", "gates[0].break_glass.review_days"),
        ("    break_glass: {allowed: true, reviewers: 0}\n", "gates[0].break_glass.reviewers"),
    ],
)
def test_what_could_not_hold_back_is_refused_with_its_line(added: str, field: str) -> None:
    error = refused(added)
    assert error.field == field
    assert error.line is not None


def test_a_deadline_to_expire_needs_a_deadline() -> None:
    assert "review_deadline_days" in refused("    on_deadline: expire\n").problem


@pytest.mark.parametrize("mark", ["        prohibited_practice: true\n", "        controls: [aia-5-1-c]\n"])
def test_a_prohibited_practice_cannot_be_waivable(mark: str) -> None:
    waivable = "        waivable: true\n"
    assert waivable in TEXT
    text = "\n".join(line for line in TEXT.splitlines() if "controls:" not in line) + "\n"
    with pytest.raises(PolicyError) as caught:
        parse_policy(text.replace(waivable, waivable + mark, 1), vocabulary=VOCABULARY)
    assert caught.value.field == "gates[0].criteria[0].waivable"
    assert "never waived" in caught.value.problem


def test_a_prohibited_practice_is_declared_and_kept() -> None:
    line = "        metric: demographic_parity_difference\n"
    text = TEXT.replace("        waivable: true\n", "", 1)
    policy = parse_policy(text.replace(line, line + "        prohibited_practice: true\n", 1), vocabulary=VOCABULARY)
    assert policy.gates[0].criteria[0].prohibited
    assert policy_from_document(policy.to_document()).gates[0].criteria[0].prohibited_practice
