"""Who saw the data, and answering for a version, over the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.access.tokens import Scope
from governance.models import PromotionRequest
from governance.promotions import complete
from registry.datasets import withdraw_dataset_version
from registry.models import ModelVersion, Person, RiskAcceptance
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD, World

DESCENDANTS = "/api/v1/datasets/patients/versions/1/descendants/"
ANSWERS = "/api/v1/models/care-priority/versions/1/risk-acceptances/"


def body(**changes: Any) -> dict[str, Any]:
    return {
        "dataset": "patients/1",
        "role": "data_protection_officer",
        "justification": "Nobody can be singled out.",
        "measures": "Retraining in March.",
        "expires_at": (timezone.now() + timedelta(days=10)).isoformat(),
        "password": PASSWORD,
        **changes,
    }


def test_who_saw_the_data_is_told_before_and_after(
    connect: Connect, approved: PromotionRequest, world: World, mel: Person, dora: Person
) -> None:
    complete(actor=mel, request=approved)
    world.version(b"model two", datasets={})
    client = connect(dora)
    [told] = client.get(DESCENDANTS).json()["results"]
    assert (told["model"], told["version"], told["owner"]) == ("care-priority", 1, "maya")
    assert (told["stages"], told["clean_version"]) == (["staging"], 2)
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent withdrawn")
    assert client.get(DESCENDANTS).json()["results"] == [told]
    assert client.get(f"{DESCENDANTS}?model=other").json()["results"] == []


def test_an_outsider_is_told_nothing(connect: Connect, version: ModelVersion, otto: Person) -> None:
    refused(connect(otto).get(DESCENDANTS), 403, "permission-refused")


def test_dora_answers_for_a_version_and_it_is_listed(
    connect: Connect, version: ModelVersion, world: World, dora: Person
) -> None:
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="they asked", kind="erasure")
    client = connect(dora)
    made = client.post(ANSWERS, body(), format="json")
    assert made.status_code == 201, made.content
    assert (made.json()["dataset"], made.json()["kind"]) == ("patients/1", "erasure")
    assert "password" not in made.json()
    assert client.get(ANSWERS).json() == [made.json()]


@pytest.mark.parametrize(
    ("who", "change", "status", "code", "field"),
    [
        ("dora", {"password": "guess"}, 403, "wrong-credential", "password"),
        ("dora", {"dataset": "patients/9"}, 422, "invalid-input", "dataset"),
        ("dora", {"measures": " "}, 422, "invalid-input", "measures"),
        ("dora", {"colour": "blue"}, 400, "malformed", "colour"),
        ("rosa", {}, 403, "role-not-held", "role"),
        ("maya", {}, 403, "role-not-held", "role"),
    ],
)
def test_a_refused_answer_names_its_field(
    connect: Connect,
    version: ModelVersion,
    world: World,
    dora: Person,
    request: pytest.FixtureRequest,
    who: str,
    change: dict[str, Any],
    status: int,
    code: str,
    field: str,
) -> None:
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="they asked")
    client = connect(request.getfixturevalue(who))
    answer = client.post(ANSWERS, body(**change), format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    assert answer.json().get("field", "") in (field, "")
    assert not RiskAcceptance.objects.exists()


def test_nothing_is_accepted_before_a_withdrawal(connect: Connect, version: ModelVersion, dora: Person) -> None:
    refused(connect(dora).post(ANSWERS, body(), format="json"), 409, "not-affected", "dataset")


def test_a_token_for_reading_signs_nothing(connect: Connect, version: ModelVersion, world: World, dora: Person) -> None:
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="they asked")
    refused(connect(dora, Scope.GATE_READ).post(ANSWERS, body(), format="json"), 403, "scope-missing")
