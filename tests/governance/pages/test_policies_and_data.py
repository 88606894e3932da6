"""Drafting, activating and recalling policies, and withdrawing data, on their pages."""

from __future__ import annotations

import io
from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from governance.decisions import ask_gate
from governance.models import PolicyVersion, PromotionRequest
from governance.pages.policy_pages import compared
from governance.policy_versions import draft_policy
from governance.promotions import complete
from registry.models import DatasetWithdrawal, ModelVersion, Person
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD
from tests.stories import POLICY

DRAFT = "policy-draft"
STRICTER = POLICY.replace('at_most: "0.20"', 'at_most: "0.10"')
SIGNED = {"reason": "agreed in the board", "password": PASSWORD}
RECALL = SIGNED | {"kind": "consent"}
ACCEPTED = {
    "role": "data_protection_officer",
    "justification": "Nobody can be singled out.",
    "measures": "Retraining in March.",
    "expires_on": (timezone.now() + timedelta(days=10)).date().isoformat(),
    "password": PASSWORD,
}


def address(name: str, number: int = 2) -> str:
    return reverse(name, args=["house_rules", number])


@pytest.fixture
def second(policy: PolicyVersion, carla: Person) -> PolicyVersion:
    """Carla's stricter draft."""
    return draft_policy(actor=carla, source=STRICTER)


def test_carla_drafts_from_pasted_text_and_from_a_file(
    policy: PolicyVersion, carla: Person, signed_in: Browser
) -> None:
    client = signed_in(carla)
    assert client.post(reverse(DRAFT), {"source": STRICTER}).status_code == 302
    other = io.BytesIO(POLICY.replace('"0.20"', '"0.15"').encode())
    assert client.post(reverse(DRAFT), {"source": "", "file": other}).status_code == 302

    assert [version.current_status for version in PolicyVersion.objects.order_by("number")] == [
        "active",
        "draft",
        "draft",
    ]


def test_a_mistake_is_shown_with_its_line(policy: PolicyVersion, carla: Person, signed_in: Browser) -> None:
    wrong = POLICY.replace("mode:", "mood:").replace("evidence_max_age_days: 30", "evidence_max_age_days: soon")
    line = wrong.splitlines().index("    evidence_max_age_days: soon") + 1

    answer = signed_in(carla).post(reverse(DRAFT), {"source": wrong})

    assert answer.status_code == 422
    assert answer.context["wrong_line"] == line
    assert f"line {line}" in answer.context["form"].errors["source"][0]
    assert PolicyVersion.objects.count() == 1


@pytest.mark.parametrize("source", ["", "   "])
def test_an_empty_draft_is_refused(carla: Person, signed_in: Browser, source: str) -> None:
    answer = signed_in(carla).post(reverse(DRAFT), {"source": source})

    assert answer.status_code == 422
    assert not PolicyVersion.objects.exists()


def test_victor_drafts_nothing(policy: PolicyVersion, victor: Person, signed_in: Browser) -> None:
    assert signed_in(victor).post(reverse(DRAFT), {"source": STRICTER}).status_code == 422
    assert PolicyVersion.objects.count() == 1


def test_the_page_shows_what_a_draft_changes(second: PolicyVersion, rosa: Person, signed_in: Browser) -> None:
    answer = signed_in(rosa).get(address("policy-version"))

    changed = [(line.sign, line.text.strip()) for line in answer.context["difference"] if line.sign in "+−"]
    assert changed == [("−", 'at_most: "0.20"'), ("+", 'at_most: "0.10"')]


def test_a_comparison_leaves_out_what_is_the_same() -> None:
    old = [str(number) for number in range(40)]
    new = [*old[:5], "five and a half", *old[5:30], *old[31:]]

    lines = compared("\n".join(old), "\n".join(new))

    assert [line.text for line in lines if line.sign == "+"] == ["five and a half"]
    assert [(line.text, line.old) for line in lines if line.sign == "−"] == [("30", 31)]
    assert [line.sign for line in lines].count("…") == 1
    assert compared("same", "same") == []


def test_rosa_puts_a_draft_into_force_and_its_author_cannot(
    second: PolicyVersion, carla: Person, rosa: Person, signed_in: Browser
) -> None:
    assert signed_in(carla).post(address("policy-activate"), SIGNED).status_code == 422
    assert second.current_status == "draft"
    assert signed_in(rosa).post(address("policy-activate"), SIGNED | {"password": "guess"}).status_code == 422
    assert second.current_status == "draft"
    assert signed_in(rosa).get(address("policy-activate"), SIGNED).status_code == 200
    assert second.current_status == "draft"

    assert signed_in(rosa).post(address("policy-activate"), SIGNED).status_code == 302
    assert second.current_status == "active"


def test_a_superuser_puts_no_policy_into_force(second: PolicyVersion, ada: Person, signed_in: Browser) -> None:
    assert signed_in(ada).post(address("policy-activate"), SIGNED).status_code == 422
    assert second.current_status == "draft"


def test_a_recall_closes_the_gate(
    approved: PromotionRequest, version: ModelVersion, rosa: Person, signed_in: Browser
) -> None:
    assert ask_gate(version=version, stage="staging").is_open

    assert signed_in(rosa).post(address("policy-recall", 1), SIGNED).status_code == 302

    assert not ask_gate(version=version, stage="staging").is_open


def test_dora_withdraws_data_and_its_models_are_named_first(
    approved: PromotionRequest, version: ModelVersion, dora: Person, signed_in: Browser
) -> None:
    client, url = signed_in(dora), reverse("dataset-withdraw", args=["patients", 1])
    assert str(version) in client.get(url).content.decode()
    assert client.post(url, RECALL | {"password": "guess"}).status_code == 422
    assert not DatasetWithdrawal.objects.exists()

    assert client.post(url, RECALL).status_code == 302

    assert not ask_gate(version=version, stage="staging").is_open


def test_victor_withdraws_no_data(approved: PromotionRequest, victor: Person, signed_in: Browser) -> None:
    url = reverse("dataset-withdraw", args=["patients", 1])

    assert signed_in(victor).post(url, RECALL).status_code == 422
    assert not DatasetWithdrawal.objects.exists()


def test_the_page_of_a_recall_shows_where_it_reaches_and_the_way_out(
    approved: PromotionRequest, version: ModelVersion, dora: Person, mel: Person, signed_in: Browser
) -> None:
    complete(actor=mel, request=approved)
    client, url = signed_in(dora), reverse("dataset-withdraw", args=["patients", 1])
    assert client.post(url, RECALL | {"kind": "mood"}).status_code == 422
    assert client.post(url, RECALL).status_code == 302

    page = client.get(url).content.decode()
    assert "consent was withdrawn" in page
    assert "no later version was made without it" in page
    assert "1 version, 1 of them in use now" in page
    answer = reverse("risk-accept", args=["care-priority", 1, DatasetWithdrawal.objects.get().pk])
    assert answer in page

    assert client.get(answer).status_code == 200
    assert client.post(answer, ACCEPTED | {"password": "guess"}).status_code == 422
    assert client.post(answer, ACCEPTED | {"expires_on": "2020-01-01"}).status_code == 422
    assert not ask_gate(version=version, stage="staging").is_open
    assert client.post(answer, ACCEPTED).status_code == 302
    assert ask_gate(version=version, stage="staging").is_open
    assert "Dora Dahl answers until" in client.get(url).content.decode()


def test_rosa_sees_the_page_and_answers_for_nothing(
    approved: PromotionRequest, version: ModelVersion, dora: Person, rosa: Person, signed_in: Browser
) -> None:
    signed_in(dora).post(reverse("dataset-withdraw", args=["patients", 1]), RECALL)
    answer = reverse("risk-accept", args=["care-priority", 1, DatasetWithdrawal.objects.get().pk])
    client = signed_in(rosa)
    assert "No group of yours may accept this risk" in client.get(answer).content.decode()
    assert client.post(answer, ACCEPTED).status_code == 422
    assert not ask_gate(version=version, stage="staging").is_open


def test_there_is_nothing_to_answer_for_without_a_withdrawal(
    version: ModelVersion, dora: Person, signed_in: Browser
) -> None:
    assert signed_in(dora).get(reverse("risk-accept", args=["care-priority", 1, 1])).status_code == 404
