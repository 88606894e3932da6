from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.access.tokens import Scope
from governance.models import Classification, PromotionRequest
from registry.models import ModelVersion, Person
from tests.governance.api.conftest import Connect, refused
from tests.governance.law.test_classification_rules import PLAIN
from tests.people import PASSWORD, World

BASE = "/api/v1/models/care-priority/"
TOMORROW = (timezone.now().date() + timedelta(days=1)).isoformat()
BODY: dict[str, Any] = {"answers": PLAIN, "reasons": "Read with the owner.", "password": PASSWORD}
ANSWER: dict[str, Any] = {
    "control_id": "aia-annex4-5",
    "answer": "See the file.",
    "expires_on": TOMORROW,
    "password": PASSWORD,
}


def test_a_legal_reviewer_classifies_over_the_api(connect: Connect, carla: Person, world: World) -> None:
    client = connect(carla)
    answer = client.post(f"{BASE}classifications/", BODY, format="json")
    assert (answer.status_code, answer.json()["outcome"]) == (201, "minimal")
    assert client.get(f"{BASE}classifications/").json()["results"][0]["printed_name"] == "Carla Conti"
    assert client.get(BASE).json()["risk_class"] == "minimal"


@pytest.mark.parametrize(
    ("changes", "status", "code", "field"),
    [
        ({"password": "guess"}, 403, "wrong-credential", "password"),
        ({"answers": {**PLAIN, "profiling": "no"}}, 422, "invalid-input", "profiling"),
        ({"reasons": ""}, 422, "invalid-input", "reasons"),
    ],
)
def test_a_classification_that_is_not_whole_is_refused(
    connect: Connect, carla: Person, world: World, changes: dict[str, Any], status: int, code: str, field: str
) -> None:
    refused(connect(carla).post(f"{BASE}classifications/", {**BODY, **changes}, format="json"), status, code, field)
    assert not Classification.objects.exists()


def test_who_may_not_classify_is_told_so(connect: Connect, maya: Person, otto: Person, world: World) -> None:
    for who in (maya, otto):
        refused(connect(who).post(f"{BASE}classifications/", BODY, format="json"), 403, "permission-refused")
    scoped = connect(maya, Scope.REPORT_READ).post(f"{BASE}classifications/", BODY, format="json")
    refused(scoped, 403, "scope-missing")


def test_a_signed_answer_fills_its_point(connect: Connect, rosa: Person, version: ModelVersion) -> None:
    client = connect(rosa)
    assert client.post(f"{BASE}attestations/", ANSWER, format="json").status_code == 201
    found = {point["control"]: point for point in client.get(f"{BASE}dossier/").json()["points"]}
    assert found["aia-annex4-5"]["status"] == "answered by a person"
    assert found["aia-annex4-2-h"]["status"] == "to be completed"


def test_a_draft_is_read_and_a_final_one_refused(connect: Connect, rosa: Person, version: ModelVersion) -> None:
    client = connect(rosa, Scope.REPORT_READ)
    text = client.get(f"{BASE}dossier/", {"format": "markdown", "kind": "dpia"})
    assert text["Content-Type"] == "text/markdown; charset=utf-8"
    assert "to be completed by Maya Medina" in text.content.decode()
    refused(client.get(f"{BASE}dossier/", {"final": "true"}), 409, "dossier-incomplete", "final")


@pytest.mark.parametrize(
    ("question", "status", "code", "field"),
    [
        ({"kind": "annex-x"}, 422, "invalid-input", "kind"),
        ({"version": "-1"}, 422, "invalid-input", "version"),
        ({"version": "9"}, 404, "unknown-subject", "version"),
        ({"as_of": "soon"}, 422, "invalid-input", "as_of"),
        ({"final": "yes"}, 422, "invalid-input", "final"),
        ({"format": "docx"}, 406, "format-unavailable", "format"),
    ],
)
def test_a_document_that_there_is_not_is_named(
    connect: Connect, rosa: Person, version: ModelVersion, question: dict[str, str], status: int, code: str, field: str
) -> None:
    refused(connect(rosa).get(f"{BASE}dossier/", question), status, code, field)


def test_the_coverage_counts_and_names_law_and_records_of_the_day(
    connect: Connect, rosa: Person, otto: Person, in_review: PromotionRequest
) -> None:
    client = connect(rosa)
    told = [
        client.get(f"{BASE}versions/1/coverage/", {"as_of": day}).json()
        for day in ("2026-06-30", "2027-06-30", "2028-12-31")
    ]
    assert [answer["frameworks"] for answer in told] == [{}, *2 * ({"EU AI Act": {"evidence supports": 2}},)]
    assert [answer["records_of"] == answer["as_of"] for answer in told] == [True, False, False]
    effects = [answer["controls"][0]["facts"]["effective"] for answer in told[1:]]
    assert effects[0].startswith("upcoming, applies from 2 December 2027")
    assert effects[1].startswith("binding")
    for day in ("1999-01-01", "2999-01-01", "yesterday"):
        for place in ("versions/1/coverage/", "dossier/"):
            refused(client.get(f"{BASE}{place}", {"as_of": day}), 422, "invalid-input", "as_of")
    refused(connect(otto).get(f"{BASE}versions/1/coverage/"), 403, "permission-refused")
    refused(connect(otto).get(f"{BASE}dossier/"), 403, "permission-refused")
