"""Policies: what is read, what is refused and where, and which one applies to a model."""

from __future__ import annotations

import copy
import json
from contextlib import suppress
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.criteria import DecideOn
from governance.errors import NoPolicyError
from governance.policies import (
    Mode,
    Policy,
    PolicyContradictionError,
    PolicyError,
    PolicyShapeError,
    PolicyUnknownNameError,
    PolicyUnreadableError,
    Quorum,
    Selection,
    Vocabulary,
    gate_for,
    parse_policy,
    plan_for,
    policy_from_document,
    select_policy,
)

TEXT = """\
slug: house_rules
title: House rules
selects:
  risk_classes: [high]
stages:
  - name: development
  - name: staging
    exclusive: true
  - name: production
gates:
  - name: to-staging
    from: development
    to: staging
    evidence_max_age_days: 30
    decision_valid_days: 60
    waivers: {allowed: true, max_days: 20}
    checks:
      - check: fairness.group_metrics
        parameters: {level: 0.9}
      - check: lineage.completeness
    criteria:
      - id: gap
        check: fairness.group_metrics
        metric: demographic_parity_difference
        at_most: "0.20"
        minimum_n: 30
        waivable: true
        reason: One in five is more than this use can explain.
        set_by: the model risk board
        controls: [aia-10-2-f]
      - id: origin
        check: lineage.completeness
        metric: cycles
        at_most: "0"
        decide_on: point
        reason: Output that returns into training amplifies its errors.
        set_by: the model risk board
    reviews:
      quorum:
        - role: model_validator
          count: 2
        - role: risk_officer
      exclude: [requester, version_author]
"""


def accept(check: str, parameters: Any) -> None:
    """Only fairness.group_metrics takes a parameter, and that is a level."""
    for name, value in parameters.items():
        if check != "fairness.group_metrics" or name != "level" or not 0 < value < 1:
            error = ValueError(f"{name}: {check} takes no such value")
            error.field = name  # type: ignore[attr-defined]
            raise error


VOCABULARY = Vocabulary(
    checks={"fairness.group_metrics": ["demographic_parity_difference"], "lineage.completeness": ["cycles"]},
    controls={"aia-10-2-f"},
    validate_parameters=accept,
)


def parsed(text: str = TEXT) -> Policy:
    return parse_policy(text, vocabulary=VOCABULARY)


def document() -> dict[str, Any]:
    """The policy as it was written, ready to be spoilt."""
    plain: dict[str, Any] = yaml.safe_load(TEXT)
    return plain


def refused(text: str) -> PolicyError:
    with pytest.raises(PolicyError) as refusal:
        parsed(text)
    return refusal.value


# -- What is read -----------------------------------------------------------------------------------------------------
def test_a_policy_is_read_with_its_defaults() -> None:
    policy = parsed()
    gate = policy.gates[0]
    assert (policy.slug, policy.description, policy.selects) == ("house_rules", "", Selection(risk_classes=("high",)))
    assert [(stage.name, stage.exclusive) for stage in policy.stages] == [
        ("development", False),
        ("staging", True),
        ("production", False),
    ]
    assert (gate.from_stage, gate.to_stage, gate.mode) == ("development", "staging", Mode.ENFORCE)
    assert (gate.waivers.allowed, gate.waivers.max_days) == (True, 20)
    assert gate.quorum == (Quorum(role="model_validator", count=2), Quorum(role="risk_officer", count=1))
    assert [str(exclusion) for exclusion in gate.exclude] == ["requester", "version_author"]
    assert (str(gate.criteria[0].at_most), gate.criteria[0].decide_on) == ("0.20", DecideOn.INTERVAL)
    assert (gate.checks[0].parameters, gate.checks[0].timeout_seconds, gate.checks[0].memory_mb) == (
        {"level": 0.9},
        120,
        2048,
    )


def test_waivers_are_not_allowed_unless_the_policy_says_so() -> None:
    silent = document()
    del silent["gates"][0]["waivers"]
    silent["gates"][0]["criteria"][0]["waivable"] = False
    assert policy_from_document(silent, vocabulary=VOCABULARY).gates[0].waivers.allowed is False


def test_text_and_document_make_the_same_policy_with_the_same_digest() -> None:
    policy = parsed()
    again = policy_from_document(json.loads(json.dumps(policy.to_document())), vocabulary=VOCABULARY)
    assert again == policy
    assert again.digest == policy.digest
    assert policy_from_document(document()).digest == policy.digest


def test_layout_does_not_change_the_digest_but_every_word_does() -> None:
    shuffled = yaml.safe_dump(document(), sort_keys=True)
    assert parsed(shuffled).digest == parsed().digest
    assert parsed(TEXT.replace('"0.20"', '"0.2"')).digest != parsed().digest
    assert parsed(TEXT.replace("One in five", "A fifth")).digest != parsed().digest


def test_a_pinned_policy_stays_readable_after_a_check_is_gone() -> None:
    stored = document()
    stored["gates"][0]["checks"][0]["check"] = stored["gates"][0]["criteria"][0]["check"] = "fairness.retired"
    assert policy_from_document(stored).gates[0].criteria[0].check == "fairness.retired"
    with pytest.raises(PolicyUnknownNameError):
        policy_from_document(stored, vocabulary=VOCABULARY)


def test_the_plan_of_a_gate_carries_its_checks_and_criteria() -> None:
    gate = parsed().gates[0]
    plan = plan_for(gate)
    assert (plan.checks, plan.criteria) == (gate.checks, gate.criteria)
    assert plan.digest == plan_for(parsed().gates[0]).digest


def test_there_is_no_way_where_there_is_no_gate() -> None:
    policy = parsed()
    assert gate_for(policy, "development", "staging") is policy.gates[0]
    assert gate_for(policy, "staging", "development") is None
    assert gate_for(policy, "development", "production") is None


# -- What is not YAML that we read ------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        pytest.param("", None, "is empty", id="empty"),
        pytest.param("# nothing\n", None, "is empty", id="comment-only"),
        pytest.param("a: [1,\n", 2, "expected the node content", id="unfinished"),
        pytest.param("a: 1\n\tb: 2\n", 2, "cannot start any token", id="tab"),
        pytest.param("a: \x07\n", None, "not YAML", id="control-character"),
        pytest.param("a: 1\n---\nb: 2\n", 2, "found another document", id="two-documents"),
        pytest.param("a: 1\nb: 2\na: 3\n", 3, "the key a is given twice", id="duplicate-key"),
        pytest.param("a: &x 1\nb: *x\n", 1, "anchors and aliases", id="anchor"),
        pytest.param("a: *x\n", 1, "anchors and aliases", id="alias"),
        pytest.param("<<: {a: 1}\n", 1, "is not text", id="merge-key"),
        pytest.param("1: a\n", 1, "the key '1' is not text", id="number-as-key"),
        pytest.param("on: a\n", 1, "the key 'on' is not text", id="truth-as-key"),
        pytest.param("[1, 2]: a\n", 1, "is not text", id="list-as-key"),
        pytest.param("a:\n  b: 2026-01-01\n", 2, "read by YAML as timestamp", id="date"),
        pytest.param("a: !!binary aGk=\n", 1, "read by YAML as binary", id="binary"),
        pytest.param("a: !!set {b}\n", 1, "read by YAML as set", id="set"),
        pytest.param("a: !!python/object:os.system x\n", 1, "which a policy does not have", id="python-object"),
        pytest.param("a: .nan\n", 1, ".nan is not a finite number", id="not-a-number"),
        pytest.param("a: -.inf\n", 1, "-.inf is not a finite number", id="infinity"),
        pytest.param(f"a: {'9' * 5000}\n", 1, "a number that cannot be read", id="endless-number"),
        pytest.param("a: !!int x\n", 1, "a number that cannot be read", id="no-number"),
        pytest.param("[" * 5000, 1, "nested deeper than 20", id="deep"),
        pytest.param("a" * 200_001, None, "at most 200000", id="long"),
    ],
)
def test_anything_but_plain_yaml_is_refused_with_its_line(text: str, line: int | None, problem: str) -> None:
    error = refused(text)
    assert isinstance(error, PolicyUnreadableError)
    assert (error.code, error.line) == ("policy-unreadable", line)
    assert problem in str(error)


def test_twenty_levels_are_read_and_one_more_is_not() -> None:
    deepest = "level: " + "[" * 19 + "]" * 19
    assert isinstance(refused(deepest), PolicyShapeError)
    assert isinstance(refused(deepest.replace("[]", "[[]]")), PolicyUnreadableError)


# -- Shape ------------------------------------------------------------------------------------------------------------
SHAPES = [
    pytest.param("title: House rules\n", "", "title", "is missing", id="missing"),
    pytest.param("slug: house_rules\n", "slug: House Rules\n", "slug", "does not have the form", id="slug"),
    pytest.param("title: House rules", "title: ' '", "title", "must not be empty", id="blank"),
    pytest.param("title: House rules", "title: 7", "title", "must be string, not integer", id="number-for-text"),
    pytest.param("title: House", "colour: red\ntitle: House", "colour", "is not a field here", id="unknown-field"),
    pytest.param('at_most: "0.20"', "at_most: 0.20", "gates[0].criteria[0].at_most", "not number", id="float-limit"),
    pytest.param('at_most: "0.20"', 'at_most: "1e-3"', "gates[0].criteria[0].at_most", "the form", id="exponent"),
    pytest.param('at_most: "0.20"', 'at_most: "NaN"', "gates[0].criteria[0].at_most", "the form", id="nan-limit"),
    pytest.param("minimum_n: 30", "minimum_n: -1", "gates[0].criteria[0].minimum_n", "at least 0", id="negative-n"),
    pytest.param("minimum_n: 30", "minimum_n: true", "gates[0].criteria[0].minimum_n", "not boolean", id="true-for-n"),
    pytest.param(
        "decide_on: point", "decide_on: vibes", "gates[0].criteria[1].decide_on", "interval, point", id="decide-on"
    ),
    pytest.param("count: 2", "count: 0", "gates[0].reviews.quorum[0].count", "at least 1", id="count-of-zero"),
    pytest.param("max_days: 20", "max_days: 400", "gates[0].waivers.max_days", "at most 366", id="endless-waiver"),
    pytest.param("risk_classes: [high]", "risk_classes: [vast]", "selects.risk_classes[0]", "minimal", id="risk"),
    pytest.param("[high]", "[high, high]", "selects.risk_classes", "lists an entry twice", id="repeated-entry"),
    pytest.param(
        "exclude: [requester, version_author]", "exclude: []", "gates[0].reviews.exclude", "at least 1", id="none"
    ),
    pytest.param("    to: staging\n", "", "gates[0].to", "is missing", id="gate-without-end"),
]


@pytest.mark.parametrize(("old", "new", "field", "problem"), SHAPES)
def test_a_wrong_shape_is_refused_with_field_and_line(old: str, new: str, field: str, problem: str) -> None:
    assert old in TEXT
    error = refused(TEXT.replace(old, new, 1))
    assert isinstance(error, PolicyShapeError)
    assert (error.code, error.field) == ("policy-shape", field)
    assert problem in error.problem
    assert error.line is not None
    assert str(error).startswith(f"line {error.line}, {field}: ")


def test_the_line_is_that_of_the_field() -> None:
    assert refused(TEXT.replace("minimum_n: 30", "minimum_n: -1")).line == 26
    assert refused(TEXT.replace("title: House rules", "title: 7")).line == 2
    # A field that is missing has no line of its own: the thing it is missing from has.
    assert refused(TEXT.replace("    to: staging\n", "")).line == 11


def test_of_several_problems_the_first_in_the_text_is_told() -> None:
    assert refused(TEXT.replace("count: 2", "count: 0").replace("minimum_n: 30", "minimum_n: -1")).line == 26


@pytest.mark.parametrize("emptied", ["checks", "criteria"])
def test_a_gate_without_checks_or_criteria_is_refused(emptied: str) -> None:
    spoilt = document()
    spoilt["gates"][0][emptied] = []
    with pytest.raises(PolicyShapeError) as refusal:
        policy_from_document(spoilt)
    assert (refusal.value.field, refusal.value.line) == (f"gates[0].{emptied}", None)


@pytest.mark.parametrize("missing", ["reviews", "quorum"])
def test_a_gate_without_reviewers_is_refused(missing: str) -> None:
    spoilt = document()
    gate = spoilt["gates"][0]
    if missing == "reviews":
        del gate["reviews"]
    else:
        gate["reviews"]["quorum"] = []
    with pytest.raises(PolicyShapeError):
        policy_from_document(spoilt)


@pytest.mark.parametrize("nothing", [None, [], "policy", 7, {}])
def test_what_is_no_policy_at_all_is_refused(nothing: Any) -> None:
    with pytest.raises(PolicyShapeError):
        policy_from_document(nothing)


# -- Sense ------------------------------------------------------------------------------------------------------------
CONTRADICTIONS = [
    pytest.param("to: staging", "to: moon", "gates[0].to", "moon is not a stage", id="to-nowhere"),
    pytest.param("from: development", "from: moon", "gates[0].from", "it has development, staging", id="from-nowhere"),
    pytest.param("to: staging", "to: development", "gates[0].to", "leads to another stage", id="to-itself"),
    pytest.param("- name: production", "- name: staging", "stages[2].name", "declared twice", id="stage-twice"),
    pytest.param("[requester, version", "[run_author, version", "gates[0].reviews.exclude", "own request", id="self"),
    pytest.param(
        "role: risk_officer", "role: model_validator", "gates[0].reviews.quorum[0].role", "2 times", id="role"
    ),
    pytest.param("allowed: true", "allowed: false", "gates[0].criteria[0].waivable", "no waivers", id="waivable"),
    pytest.param("risk_classes: [high]", "tags: []", "selects", "selects nothing", id="for-nobody"),
    pytest.param('        at_most: "0.20"\n', "", "gates[0].criteria[0].at_most", "needs at_least", id="no-limit"),
    pytest.param(
        'at_most: "0"',
        'at_most: "0"\n        at_least: "1"',
        "gates[0].criteria[1].at_least",
        "nothing could pass",
        id="x",
    ),
    pytest.param("- id: origin", "- id: gap", "gates[0].criteria", "gap is listed 2 times", id="criterion-twice"),
    pytest.param("      - check: lineage.completeness\n", "", "gates[0].criteria", "is not planned", id="unplanned"),
    pytest.param(
        "- check: lineage.completeness",
        "- check: fairness.group_metrics",
        "gates[0].checks",
        "2 times",
        id="check-twice",
    ),
]


@pytest.mark.parametrize(("old", "new", "field", "problem"), CONTRADICTIONS)
def test_a_policy_that_contradicts_itself_is_refused(old: str, new: str, field: str, problem: str) -> None:
    assert old in TEXT
    error = refused(TEXT.replace(old, new, 1))
    assert isinstance(error, PolicyContradictionError)
    assert (error.code, error.field) == ("policy-contradiction", field)
    assert problem in error.problem
    assert error.line is not None


@pytest.mark.parametrize(
    ("changes", "field"),
    [({}, "gates[1].name"), ({"name": "easier"}, "gates[0].to"), ({"name": "on", "from": "staging"}, "gates[1].to")],
    ids=["same-name", "same-way", "to-itself"],
)
def test_a_second_gate_must_lead_somewhere_else(changes: dict[str, str], field: str) -> None:
    spoilt = document()
    spoilt["gates"].append({**copy.deepcopy(spoilt["gates"][0]), **changes})
    with pytest.raises(PolicyContradictionError) as refusal:
        policy_from_document(spoilt)
    assert refusal.value.field == field


def test_a_number_that_has_no_canonical_form_is_refused_as_a_parameter() -> None:
    error = refused(TEXT.replace("level: 0.9", f"level: {2**60}"))
    assert isinstance(error, PolicyUnreadableError)
    assert (error.field, error.line) == ("gates[0].checks[0].parameters", 19)


# -- Names ------------------------------------------------------------------------------------------------------------
NAMES = [
    pytest.param("metric: cycles", "metric: circles", "gates[0].criteria[1].metric", "it measures cycles", id="metric"),
    pytest.param("[aia-10-2-f]", "[aia-99]", "gates[0].criteria[0].controls[0]", "not a control", id="control"),
    pytest.param("role: risk_officer", "role: oracle", "gates[0].reviews.quorum[1].role", "not a role", id="role"),
    pytest.param(
        "role: risk_officer", "role: auditor", "gates[0].reviews.quorum[1].role", "that reviews", id="auditor"
    ),
    pytest.param(
        "role: risk_officer", "role: administrator", "gates[0].reviews.quorum[1].role", "that reviews", id="ada"
    ),
    pytest.param(
        "level: 0.9", "level: 2", "gates[0].checks[0].parameters.level", "takes no such", id="parameter-value"
    ),
    pytest.param("level: 0.9", "depth: 2", "gates[0].checks[0].parameters.depth", "takes no such", id="parameter"),
]


@pytest.mark.parametrize(("old", "new", "field", "problem"), NAMES)
def test_a_name_that_does_not_exist_here_is_refused(old: str, new: str, field: str, problem: str) -> None:
    assert old in TEXT
    error = refused(TEXT.replace(old, new, 1))
    assert isinstance(error, PolicyUnknownNameError)
    assert (error.code, error.field) == ("policy-unknown-name", field)
    assert problem in error.problem
    assert error.line is not None


def test_an_unknown_check_is_refused_and_the_known_ones_are_named() -> None:
    error = refused(TEXT.replace("lineage.completeness", "lineage.guesswork"))
    assert (error.field, error.line) == ("gates[0].checks[1].check", 20)
    assert error.problem == (
        "lineage.guesswork is not an installed check; there are fairness.group_metrics, lineage.completeness"
    )


def test_a_parameter_refused_without_a_name_is_put_on_the_parameters() -> None:
    def refuse(_check: str, _parameters: Any) -> None:
        raise ValueError("together they make no sense")

    with pytest.raises(PolicyUnknownNameError) as refusal:
        parse_policy(TEXT, vocabulary=Vocabulary(checks=VOCABULARY.checks, controls=(), validate_parameters=refuse))
    assert refusal.value.field == "gates[0].checks[0].parameters"


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_a_mutilated_policy_is_read_or_refused_and_never_breaks(data: st.DataObject) -> None:
    lines = TEXT.splitlines(keepends=True)
    start = data.draw(st.integers(0, len(lines) - 1))
    end = data.draw(st.integers(start, min(start + 3, len(lines))))
    filling = data.draw(
        st.sampled_from(["", "x", "- x\n", "  y: [1]\n", "? z\n", "\x00", '"', "*a\n", "{}\n", "é: 1\n"])
    )
    text = "".join(lines[:start]) + filling + "".join(lines[end:])
    # Any other exception than a PolicyError would end this test.
    with suppress(PolicyError):
        read = parsed(text)
        assert read.gates[0].quorum
        assert read.gates[0].criteria


# -- Which one applies ------------------------------------------------------------------------------------------------
def policy(slug: str, **selects: list[str]) -> Policy:
    return policy_from_document({**document(), "slug": slug, "selects": selects})


HIGH = policy("high", risk_classes=["high"])
CREDIT = policy("credit", risk_classes=["high"], tags=["credit", "loan"])
CHURN = policy("churn", models=["churn"])
ALL = (HIGH, CREDIT, CHURN)


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ({"risk_class": "high", "tags": [], "model": "triage"}, "high"),
        ({"risk_class": "high", "tags": ["loan", "eu"], "model": "triage"}, "credit"),
        ({"risk_class": "high", "tags": ["loan"], "model": "churn"}, "churn"),
        ({"risk_class": "minimal", "tags": [], "model": "churn"}, "churn"),
    ],
    ids=["risk-class", "tag-before-risk-class", "name-before-tag", "name-alone"],
)
def test_the_closest_policy_applies(model: dict[str, Any], expected: str) -> None:
    for order in (ALL, ALL[::-1]):
        assert select_policy(order, **model).slug == expected


def test_no_policy_is_a_refusal_with_its_reason() -> None:
    with pytest.raises(
        NoPolicyError, match=r"No policy in force is for model triage \(risk class minimal, tags loan\)"
    ):
        select_policy(ALL, risk_class="minimal", tags=["loan"], model="triage")


def test_two_equally_close_policies_are_a_refusal_that_names_them() -> None:
    with pytest.raises(NoPolicyError, match=r"2 policies are equally for model triage .*: high, other"):
        select_policy((*ALL, policy("other", risk_classes=["high"])), risk_class="high", tags=[], model="triage")


def test_a_selection_of_nothing_is_for_nobody() -> None:
    assert not Selection().matches(risk_class="high", tags=["x"], model="triage")
