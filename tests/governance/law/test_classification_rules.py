"""From answers to a class: each branch of the law once, with the law of the day."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from audits.frameworks.catalogue import Catalogue
from governance.law.classification_rules import (
    DPIA,
    EXCEPTIONS,
    GENERAL_PURPOSE,
    PROHIBITED,
    ROLES,
    TRANSPARENCY,
    Answers,
    Classified,
    annex_iii_points,
    classify,
)
from registry.errors import InvalidInputError
from registry.tongue import ours

CATALOGUE = Catalogue.load()
TODAY = date(2026, 11, 20)
PLAIN: dict[str, Any] = {
    "role": "provider",
    "is_ai_system": True,
    "prohibited": [],
    "annex_i": False,
    "annex_iii": [],
    "exception": "",
    "profiling": False,
    "transparency": [],
    "general_purpose": "none",
    "personal_data": False,
    "automated_decision": False,
    "dpia": [],
    "public_service": False,
}


def classified(as_of: date = TODAY, **changes: Any) -> Classified:
    return classify(Answers.from_document({**PLAIN, **changes}, CATALOGUE), CATALOGUE, as_of)


@pytest.mark.parametrize(
    ("changes", "outcome"),
    [
        ({}, "minimal"),
        ({"is_ai_system": False}, "minimal"),
        ({"transparency": ["1"]}, "limited"),
        ({"general_purpose": "gpai-systemic"}, "limited"),
        ({"annex_i": True}, "high"),
        ({"annex_iii": ["5(b)"]}, "high"),
        ({"annex_iii": ["5(b)"], "exception": "a"}, "minimal"),
        ({"annex_iii": ["5(b)"], "exception": "a", "transparency": ["2"]}, "limited"),
        ({"annex_iii": ["5(b)"], "exception": "a", "profiling": True}, "high"),
        ({"annex_i": True, "annex_iii": ["5(b)"], "exception": "a"}, "high"),
        ({"prohibited": ["c"]}, "prohibited"),
        ({"prohibited": ["c"], "annex_iii": ["5(b)"], "exception": "a"}, "prohibited"),
    ],
)
def test_the_class_follows_from_the_answers(changes: dict[str, Any], outcome: str) -> None:
    assert classified(**changes).outcome == outcome


def test_a_practice_is_prohibited_from_its_day_and_strictly_judged_before() -> None:
    assert classified(date(2026, 12, 1), prohibited=["ba"]).outcome == "high"
    assert classified(date(2026, 12, 2), prohibited=["ba"]).outcome == "prohibited"
    assert classified(date(2026, 12, 2), prohibited=["bb"]).risk_class == "high"


def test_profiling_is_a_hard_stop_and_the_steps_say_so() -> None:
    (step,) = classified(annex_iii=["4(a)"], exception="d", profiling=True).steps
    assert "no exception holds" in step.says
    assert step.controls == ("aia-6-3", "aia-annex3-4-a")


def test_the_exception_leaves_documentation_and_registration() -> None:
    found = classified(annex_iii=["4(a)"], exception="b")
    assert {"aia-6-4", "aia-49-2"} <= {name for step in found.steps for name in step.controls}
    assert "aia-6-4" in found.controls
    assert "aia-10-2-f" not in found.controls


@pytest.mark.parametrize(
    ("changes", "due"),
    [
        ({"annex_iii": ["5(b)"]}, True),
        ({"annex_iii": ["4(a)"]}, False),
        ({"annex_iii": ["4(a)"], "public_service": True}, True),
        ({"annex_iii": ["2"], "public_service": True}, False),
        ({"annex_iii": ["5(b)"], "role": "provider"}, False),
        ({"annex_iii": ["5(b)"], "exception": "a"}, False),
        ({"annex_iii": ["5(b)"], "exception": "a", "profiling": True}, True),
        ({"annex_i": True, "public_service": True}, False),
    ],
)
def test_who_assesses_the_impact_on_fundamental_rights(changes: dict[str, Any], due: bool) -> None:  # noqa: FBT001
    assert classified(**{"role": "deployer", **changes}).fria is due


@pytest.mark.parametrize(
    ("personal", "triggers", "due"), [(True, ["a"], True), (True, [], False), (False, ["a"], False)]
)
def test_when_a_data_protection_impact_assessment_is_due(
    personal: bool,  # noqa: FBT001
    triggers: list[str],
    due: bool,  # noqa: FBT001
) -> None:
    assert classified(personal_data=personal, dpia=triggers).dpia is due


def test_the_controls_are_those_of_class_role_and_data() -> None:
    high = classified(annex_iii=["5(b)"], personal_data=True, automated_decision=True)
    assert {"aia-10-2-f", "aia-11-1", "gdpr-22-1"} <= set(high.controls)
    assert not any(CATALOGUE.control(name).applies_to == "deployer" for name in high.controls)
    assert "aia-10-5" not in high.controls
    assert not any(name.startswith("gdpr-") for name in classified(annex_iii=["5(b)"]).controls)
    assert not any(name.startswith("aia-") for name in classified(is_ai_system=False, personal_data=True).controls)


@pytest.mark.parametrize("name", sorted(PLAIN))
def test_no_question_may_be_left_out_or_answered_with_anything_else(name: str) -> None:
    rest = {key: value for key, value in PLAIN.items() if key != name}
    for spoilt in (rest, {**rest, name: "perhaps"}, {**rest, name: None}, {**rest, name: 1}):
        with pytest.raises(InvalidInputError) as refusal:
            Answers.from_document(spoilt, CATALOGUE)
        assert refusal.value.field == name


def test_a_question_that_does_not_exist_is_refused() -> None:
    with pytest.raises(InvalidInputError, match="colour is not a question"):
        Answers.from_document({**PLAIN, "colour": True}, CATALOGUE)


some = st.lists
ANY_ANSWERS = st.fixed_dictionaries(
    {
        "role": st.sampled_from(ROLES),
        "is_ai_system": st.booleans(),
        "prohibited": some(st.sampled_from(PROHIBITED), unique=True),
        "annex_i": st.booleans(),
        "annex_iii": some(st.sampled_from(annex_iii_points(CATALOGUE)), unique=True, max_size=3),
        "exception": st.sampled_from(EXCEPTIONS),
        "profiling": st.booleans(),
        "transparency": some(st.sampled_from(TRANSPARENCY), unique=True),
        "general_purpose": st.sampled_from(GENERAL_PURPOSE),
        "personal_data": st.booleans(),
        "automated_decision": st.booleans(),
        "dpia": some(st.sampled_from(DPIA), unique=True),
        "public_service": st.booleans(),
    }
)


@given(ANY_ANSWERS, st.dates(date(2025, 3, 1), date(2030, 1, 1)))
def test_no_answer_ever_lowers_the_class_of_what_is_listed_and_profiles(document: dict[str, Any], on: date) -> None:
    answers = Answers.from_document(document, CATALOGUE)
    assert Answers.from_document(answers.to_document(), CATALOGUE) == answers
    found = classify(answers, CATALOGUE, on)
    if answers.prohibited or answers.annex_i or (answers.annex_iii and (answers.profiling or not answers.exception)):
        assert found.risk_class == "high"
    for step in found.steps:
        CATALOGUE.controls(step.controls)


@given(ANY_ANSWERS, st.sampled_from([date(2025, 3, 1), TODAY, date(2027, 12, 2)]))
def test_every_conclusion_has_its_german(document: dict[str, Any], on: date) -> None:
    found = classify(Answers.from_document(document, CATALOGUE), CATALOGUE, on)
    with translation.override("de"):
        for step in found.steps:
            german = ours(step.says)
            assert german != step.says
            assert not {"applies", "apply", "the", "point", "is", "from", "by", "to"} & set(german.split()), german
