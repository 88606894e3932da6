"""The tree that leads to a fairness measure: every path ends, and a policy keeps to where its answers lead."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from audits.checks.catalogue import load_checks
from governance import settings
from governance.pages.metric_choice_pages import with_choice
from governance.policies import (
    PolicyContradictionError,
    PolicyShapeError,
    Vocabulary,
    parse_policy,
    policy_from_document,
)
from governance.policies.metric_choice import (
    Answer,
    ChoiceError,
    MetricChoice,
    chosen,
    proposal_of,
    to_document,
    validate,
    walk,
)
from governance.policies.metric_tree import FIRST, PROPOSALS, QUESTIONS
from governance.policy_versions import LIBRARY

Path = tuple[tuple[str, str], ...]


def paths(place: str = FIRST, so_far: Path = ()) -> Iterator[tuple[Path, str]]:
    """Every way through the tree with the proposal at its end."""
    if place in PROPOSALS:
        yield so_far, place
        return
    assert place not in dict(so_far), "the tree goes in a circle"
    for option in QUESTIONS[place].options:
        yield from paths(option.leads_to, (*so_far, (place, option.id)))


PATHS = list(paths())


def choice(path: Path, **more: str) -> MetricChoice:
    return MetricChoice(answers=tuple(Answer(question=q, answer=a, reason="because") for q, a in path), **more)


@pytest.mark.parametrize(("path", "end"), PATHS, ids=["-".join(answer for _, answer in path) for path, _ in PATHS])
def test_every_path_leads_to_its_proposal(path: Path, end: str) -> None:
    assert chosen(choice(path)) is PROPOSALS[end]
    assert proposal_of(path) is PROPOSALS[end]
    assert [question.id for question, _ in walk(path)] == [question for question, _ in path]


def test_every_question_and_every_proposal_can_be_reached() -> None:
    assert {question for path, _ in PATHS for question, _ in path} == set(QUESTIONS)
    assert {end for _, end in PATHS} == set(PROPOSALS)


def test_every_proposed_measure_is_measured_by_an_installed_check() -> None:
    checks = load_checks(settings.ASSAY_CHECKS)
    for proposal in PROPOSALS.values():
        assert proposal.measures
        for check, metric in proposal.measures:
            assert metric in checks[check].metrics, (check, metric)


@pytest.mark.parametrize(
    ("harm", "metric"),
    [
        ("wrongly_selected", "predictive_equality_difference"),
        ("wrongly_passed_over", "equal_opportunity_difference"),
        ("both", "equalized_odds_difference"),
    ],
)
def test_whoever_is_harmed_decides_the_error_that_is_compared(harm: str, metric: str) -> None:
    found = proposal_of([("acts_on", "decision"), ("label", "trustworthy"), ("harm", harm)])
    assert found is not None
    assert found.measures[0] == ("fairness.group_metrics", metric)


@pytest.mark.parametrize("acts_on", ["decision", "score"])
def test_no_measure_that_rests_on_the_label_is_proposed_where_it_cannot_be_trusted(acts_on: str) -> None:
    resting = {"rate_difference", "opportunity", "odds", "calibration", "auc", "precision", "accuracy"}
    ends = [end for path, end in PATHS if path[0][1] == acts_on and ("doubtful" in dict(path).values())]
    assert ends
    for end in ends:
        metrics = {metric for _, metric in PROPOSALS[end].measures} - {"selection_rate_difference"}
        assert not any(word in metric for metric in metrics for word in resting)


@pytest.mark.parametrize(
    ("answers", "steps", "problem"),
    [
        ([("harm", "both")], ("answers", 0, "question"), "the next question is acts_on, not harm"),
        ([("acts_on", "guess")], ("answers", 0, "answer"), "guess is no answer to acts_on"),
        ([("acts_on", "decision")], ("answers",), "the question label is not answered"),
        ([("acts_on", "order"), ("label", "doubtful")], ("answers", 1), "the tree has ended before"),
    ],
)
def test_answers_off_the_tree_are_refused_where_they_leave_it(answers: Any, steps: Any, problem: str) -> None:
    with pytest.raises(ChoiceError, match=problem) as refused:
        chosen(choice(tuple(answers)))
    assert refused.value.steps == steps


ORDER = choice((("acts_on", "order"),))


def test_a_gate_limits_what_the_answers_lead_to_or_the_policy_says_why_not() -> None:
    validate(ORDER, [("fairness.ranking", "lowest_exposure_ratio")])
    with pytest.raises(ChoiceError, match="no gate limits any of") as refused:
        validate(ORDER, [("fairness.group_metrics", "selection_rate_difference")])
    assert refused.value.steps == ("departure",)
    validate(choice((("acts_on", "order"),), departure="Nobody sees the list."), [])


# -- In the text of a policy -------------------------------------------------------------------------------------------
EMPLOYMENT = (LIBRARY / "employment.yaml").read_text(encoding="utf-8")


def read(text: str) -> Any:
    import yaml

    return policy_from_document(yaml.safe_load(text))


def test_a_policy_keeps_its_answers_and_its_digest_covers_them() -> None:
    policy = read(EMPLOYMENT)
    assert policy.metric_choice is not None
    assert policy_from_document(policy.to_document()) == policy
    other = read(EMPLOYMENT.replace("reason: >-\n        Who is invited", "reason: >-\n        Whoever is invited"))
    assert other.digest != policy.digest


def test_a_policy_without_answers_has_the_document_it_always_had() -> None:
    minimal = read((LIBRARY / "minimal.yaml").read_text(encoding="utf-8"))
    assert minimal.metric_choice is None
    assert "metric_choice" not in minimal.to_document()


def test_a_wrong_answer_is_told_with_its_line() -> None:
    spoilt = EMPLOYMENT.replace("answer: doubtful", "answer: dubious")
    checks = {check_id: tuple(check.metrics) for check_id, check in load_checks(settings.ASSAY_CHECKS).items()}
    with pytest.raises(PolicyContradictionError, match="dubious is no answer to label") as refused:
        parse_policy(spoilt, vocabulary=Vocabulary(checks=checks, controls=()))
    assert refused.value.field == "metric_choice.answers[1].answer"
    assert refused.value.line == spoilt.splitlines().index("      answer: dubious") + 1


def test_an_answer_without_a_reason_is_refused() -> None:
    document = read(EMPLOYMENT).to_document()
    del document["metric_choice"]["answers"][0]["reason"]
    with pytest.raises(PolicyShapeError, match="reason"):
        policy_from_document(document)


def test_the_editor_puts_the_answers_in_the_place_of_older_ones() -> None:
    changed = with_choice(EMPLOYMENT, ORDER)
    assert changed.count("metric_choice:") == 1
    assert changed.startswith(EMPLOYMENT[: EMPLOYMENT.index("metric_choice:")])
    between = with_choice("slug: a\nmetric_choice:\n  answers: []\ntitle: b\n", ORDER)
    assert between.startswith("slug: a\nmetric_choice:\n")
    assert between.endswith("title: b\n")
    assert with_choice("slug: a\n", ORDER).startswith("slug: a\nmetric_choice:")


def test_the_tree_as_a_document_is_whole() -> None:
    document = to_document()
    known = {entry["id"] for entry in (*document["questions"], *document["proposals"])}
    assert document["first"] in known
    assert {option["leads_to"] for entry in document["questions"] for option in entry["options"]} <= known
