"""Choosing a fairness measure in the editor, from the first question into the text of the draft."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from django.urls import reverse

from governance.models import PolicyVersion
from governance.policy_versions import draft_policy
from governance.reports.facts import choice_facts
from registry.models import Person
from tests.governance.pages.conftest import Browser
from tests.stories import POLICY

URL, DRAFT = "metric-choice", "policy-draft"
ACTS_ON = {"answer-acts_on": "decision", "reason-acts_on": "Each case gets a yes or no."}
LABEL = {"answer-label": "doubtful", "reason-label": "It records what people decided."}
REASONS = {"answer-reasons": "none", "reason-reasons": "No column explains unlike rates."}
ALL = {**ACTS_ON, **LABEL, **REASONS}


def asked(answer: object) -> list[str]:
    form = answer.context["form"]  # type: ignore[attr-defined]
    return [name.removeprefix("answer-") for name in form.fields if name.startswith("answer-")]


def test_each_answer_brings_the_next_question(carla: Person, policy: PolicyVersion, signed_in: Browser) -> None:
    client = signed_in(carla)
    assert asked(client.get(reverse(URL))) == ["acts_on"]
    second = client.post(reverse(URL), ACTS_ON)
    assert (second.status_code, asked(second)) == (200, ["acts_on", "label"])
    assert second.context["form"].initial["reason-acts_on"] == ACTS_ON["reason-acts_on"]
    assert asked(client.post(reverse(URL), {**ACTS_ON, **LABEL})) == ["acts_on", "label", "reasons"]


def test_the_last_answer_brings_the_proposal_and_the_text(
    carla: Person, policy: PolicyVersion, signed_in: Browser
) -> None:
    answer = signed_in(carla).post(reverse(URL), ALL)
    assert answer.context["proposal"].title == "Equal selection"
    assert "question: acts_on" in answer.context["text"]
    assert "Equal selection" in answer.content.decode()


def test_the_answers_go_into_the_text_of_the_draft_and_nothing_is_stored_yet(
    carla: Person, policy: PolicyVersion, signed_in: Browser
) -> None:
    where = f"{reverse(URL)}?{urlencode({'from': 'house_rules/1'})}"
    client = signed_in(carla)
    source = client.post(where, {**ALL, "put": "1"}).context["form"].initial["source"]
    assert source.startswith(POLICY.rstrip())
    assert PolicyVersion.objects.count() == 1

    assert client.post(reverse(DRAFT), {"source": source}).status_code == 302

    kept = PolicyVersion.objects.get(number=2).rules.metric_choice
    assert kept is not None
    assert (kept.answers[0].answer, kept.answers[0].reason) == ("decision", ACTS_ON["reason-acts_on"])
    page = client.get(reverse("policy-version", args=["house_rules", 2])).content.decode()
    assert "Why this fairness measure" in page
    assert LABEL["reason-label"] in page


@pytest.mark.parametrize(
    "given",
    [{**ACTS_ON, "reason-acts_on": " "}, {**ACTS_ON, "answer-acts_on": "vibes"}, {"reason-acts_on": "why not"}],
    ids=["no-reason", "unknown-answer", "no-answer"],
)
def test_an_answer_without_its_reason_or_off_the_tree_goes_no_further(
    carla: Person, policy: PolicyVersion, signed_in: Browser, given: dict[str, str]
) -> None:
    answer = signed_in(carla).post(reverse(URL), given)
    assert answer.status_code == 422
    assert answer.context["proposal"] is None


def test_another_answer_changes_the_way(carla: Person, policy: PolicyVersion, signed_in: Browser) -> None:
    changed = {**ALL, "answer-label": "trustworthy"}
    assert asked(signed_in(carla).post(reverse(URL), changed)) == ["acts_on", "label", "harm"]


def test_whoever_may_not_draft_may_look_and_is_not_offered_the_text(
    victor: Person, policy: PolicyVersion, signed_in: Browser
) -> None:
    assert b'name="put"' not in signed_in(victor).post(reverse(URL), ALL).content


@pytest.mark.django_db
def test_the_report_prints_the_answers_in_words(carla: Person, policy: PolicyVersion, signed_in: Browser) -> None:
    text = signed_in(carla).post(reverse(URL), ALL).context["text"]
    version = draft_policy(actor=carla, source=f"{POLICY}{text}")
    facts = choice_facts(version.rules.metric_choice)
    assert facts is not None
    assert facts.answers[0] == ("What do people act on?", "a decision, yes or no", ACTS_ON["reason-acts_on"])
    assert (facts.led_to, facts.departure) == ("Equal selection", "")
    assert choice_facts(policy.rules.metric_choice) is None
