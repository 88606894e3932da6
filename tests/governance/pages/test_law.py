"""Classification, answers and coverage by page: step by step, signed, and each refused to whoever may not."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.models import Attestation, Classification, ControlAssignment, PolicyVersion
from registry.canonical import digest
from registry.models import ModelVersion, Person
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD

STEPS: list[dict[str, Any]] = [
    {"role": "deployer", "is_ai_system": "yes"},
    {"prohibited": []},
    {"annex_i": "no", "annex_iii": ["5(b)"], "exception": "", "profiling": "yes"},
    {"transparency": ["1"], "general_purpose": "none"},
    {"personal_data": "yes", "automated_decision": "no", "dpia": ["a"], "public_service": "no"},
]
PAGE = reverse("classification", args=["care-priority"])
WIZARD = reverse("classify", args=["care-priority"])
COVERAGE = reverse("coverage", args=["care-priority", 1])
ANSWER = reverse("control-answer", args=["care-priority", "aia-26-2"])
ASSIGN = reverse("control-assign", args=["care-priority", "aia-26-2"])


def walk(client: Client, steps: list[dict[str, Any]]) -> dict[str, Any]:
    """Answer step after step as a browser does, carrying the hidden inputs on; what would be posted at the end."""
    carried: dict[str, Any] = {}
    for number, answers in enumerate(steps):
        carried |= {f"asked_{name}": "1" for name in answers} | answers
        page = client.post(WIZARD, carried | {"step": number, "go": "on"})
        assert page.status_code == 200, page.content.decode()
    return carried | {"step": len(steps)}


def test_five_steps_a_signature_and_what_follows(
    signed_in: Browser, policy: PolicyVersion, version: ModelVersion, carla: Person
) -> None:
    client = signed_in(carla)
    assert "Nobody has classified this model yet" in client.get(PAGE).content.decode()
    assert client.get(WIZARD).status_code == 200
    last = walk(client, STEPS)
    result = client.post(WIZARD, last | {"go": "on", "step": len(STEPS) - 1}).content.decode()
    for words in ("Annex III, point 5(b)", "fundamental rights impact assessment", "House rules", "model validator"):
        assert words in result
    assert "EU AI Act Annex III, point 5(b)" in result
    assert "aia-annex3" not in result
    assert not Classification.objects.exists()
    signed = client.post(WIZARD, last | {"go": "sign", "reasons": "It scores people.", "password": PASSWORD})
    assert signed.status_code == 302
    assert Classification.objects.get().outcome == "high"
    page = client.get(PAGE).content.decode()
    assert "Carla Conti" in page
    assert "It scores people." in page
    assert "EU AI Act Art. 27(1)</span>" in page


def test_what_is_prohibited_passes_no_gate(
    signed_in: Browser, policy: PolicyVersion, version: ModelVersion, carla: Person
) -> None:
    client = signed_in(carla)
    last = walk(client, [STEPS[0], {"prohibited": ["a"]}, *STEPS[2:]])
    page = client.post(WIZARD, last | {"go": "on", "step": len(STEPS) - 1}).content.decode()
    assert "A prohibited practice passes no gate" in page


def test_a_step_without_an_answer_is_asked_again_and_nothing_is_lost(
    signed_in: Browser, version: ModelVersion, carla: Person
) -> None:
    client = signed_in(carla)
    assert client.post(WIZARD, {"step": 0, "go": "on", "role": "provider"}).status_code == 422
    last = walk(client, STEPS[:2])
    back = client.post(WIZARD, last | {"go": "back"}).content.decode()
    assert 'name="role" value="deployer"' in back


def test_nobody_signs_without_role_or_password(
    signed_in: Browser, version: ModelVersion, carla: Person, maya: Person
) -> None:
    for person, password in ((maya, PASSWORD), (carla, "guess")):
        client = signed_in(person)
        last = walk(client, STEPS)
        refused = client.post(WIZARD, last | {"go": "sign", "reasons": "x", "password": password})
        assert refused.status_code == 422
    assert not Classification.objects.exists()


@pytest.fixture
def classified(signed_in: Browser, version: ModelVersion, carla: Person) -> ModelVersion:
    client = signed_in(carla)
    client.post(WIZARD, walk(client, STEPS) | {"go": "sign", "reasons": "It scores people.", "password": PASSWORD})
    return version


def test_coverage_begins_empty(signed_in: Browser, version: ModelVersion, maya: Person) -> None:
    assert "No control applies yet" in signed_in(maya).get(COVERAGE).content.decode()


def test_coverage_is_filtered_by_framework_status_and_owner(
    signed_in: Browser, classified: ModelVersion, carla: Person
) -> None:
    client = signed_in(carla)
    whole = client.get(COVERAGE).content.decode()
    assert "awaiting a person" in whole
    assert "%" not in whole.partition("<main")[2].replace("%20", ""), "no percentage of anything"
    only = client.get(COVERAGE, {"framework": "GDPR"}).content.decode().partition('id="controls"')[2]
    assert "GDPR Art." in only
    assert "EU AI Act Art." not in only
    assert "No control matches" in client.get(COVERAGE, {"owner": "Nobody"}).content.decode()


def test_the_coverage_tells_law_and_records_of_the_day_it_is_asked_about(
    signed_in: Browser, classified: ModelVersion, carla: Person
) -> None:
    client, day = signed_in(carla), timezone.now().date()
    today = client.get(COVERAGE).content.decode()
    assert client.get(COVERAGE, {"as_of": day.isoformat()}).content.decode().count("<tr>") == today.count("<tr>")
    assert ANSWER in today
    yesterday = client.get(COVERAGE, {"as_of": (day - timedelta(days=1)).isoformat()}).content.decode()
    assert "No control applied on that day" in yesterday
    assert "Law and records as they were at the end (UTC)" in yesterday
    ahead = client.get(COVERAGE, {"as_of": "2029-01-01", "framework": "GDPR"}).content.decode()
    assert "The law as it will stand on 1 January 2029" in ahead
    assert 'value="2029-01-01"' in ahead
    assert "as_of=2029-01-01&amp;framework=GDPR" in ahead
    assert "EU AI Act Art." not in ahead.partition('id="controls"')[2]
    assert ANSWER not in ahead, "what is answered counts from now on"
    assert ASSIGN not in ahead


def test_what_is_owed_is_overdue_on_days_after_it_was_due(
    signed_in: Browser, classified: ModelVersion, carla: Person, rosa: Person
) -> None:
    client, due = signed_in(carla), timezone.now().date() + timedelta(days=9)
    client.post(ASSIGN, {"owner": rosa.pk, "due": due.isoformat()})
    assert "overdue since" not in client.get(COVERAGE).content.decode()
    later = {"as_of": (due + timedelta(days=1)).isoformat(), "owner": "Rosa Reyes"}
    assert "overdue since" in client.get(COVERAGE, later).content.decode()


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ("yesterday", "A day is written YYYY-MM-DD."),
        ("2026-02-30", "A day is written YYYY-MM-DD."),
        ("1999-01-01", "The day lies between 2016-05-24 and"),
        ("2999-01-01", "The day lies between 2016-05-24 and"),
        ("<b>", "A day is written YYYY-MM-DD."),
    ],
)
def test_a_day_that_is_none_is_refused_and_nothing_is_told_for_it(
    signed_in: Browser, classified: ModelVersion, carla: Person, asked: str, said: str
) -> None:
    answered = signed_in(carla).get(COVERAGE, {"as_of": asked, "framework": "GDPR"})
    page = answered.content.decode()
    assert answered.status_code == 422
    assert said in page
    assert "<b>" not in page
    assert "<table" not in page
    assert '<option value="GDPR" selected>' in page
    assert "Law and records as they were" not in page


def test_who_owes_an_answer_gives_it_with_evidence(
    signed_in: Browser, classified: ModelVersion, carla: Person, rosa: Person, dora: Person
) -> None:
    due = (timezone.now() + timedelta(days=9)).date()
    assert "Rosa Reyes (rosa)</option>" in signed_in(carla).get(ASSIGN).content.decode()
    assert signed_in(carla).post(ASSIGN, {"owner": rosa.pk, "due": due.isoformat()}).status_code == 302
    assert ControlAssignment.objects.get().owner == rosa
    told = {"answer": "Two nurses may overrule it.", "expires_on": (due + timedelta(days=90)).isoformat()}
    assert signed_in(dora).post(ANSWER, told | {"password": PASSWORD}).status_code == 422
    file = SimpleUploadedFile("drill.txt", b"we drilled it")
    client = signed_in(rosa)
    assert "Rosa Reyes" in client.get(COVERAGE).content.decode()
    assert client.post(ANSWER, told | {"password": PASSWORD, "evidence": file}).status_code == 302
    signed = Attestation.objects.get()
    assert (signed.printed_name, signed.evidence_digest) == ("Rosa Reyes", digest(b"we drilled it"))
    assert "signed, until" in client.get(COVERAGE).content.decode()


def test_who_may_not_answer_or_assign(signed_in: Browser, classified: ModelVersion, maya: Person, otto: Person) -> None:
    told = {"answer": "x", "expires_on": "2099-01-01", "password": PASSWORD}
    assert signed_in(maya).post(ANSWER, told).status_code == 422
    assert signed_in(maya).post(ASSIGN, {"due": "2099-01-01"}).status_code == 422
    assert signed_in(otto).get(ANSWER).status_code == 404
    assert signed_in(otto).get(COVERAGE).status_code == 404
    assert signed_in(maya).get(reverse("control-answer", args=["care-priority", "aia-0"])).status_code == 404
