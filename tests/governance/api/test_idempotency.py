from __future__ import annotations

from typing import Any

import pytest

from governance.access.tokens import Scope
from governance.models import IdempotencyKey, PromotionRequest, Review
from registry.models import LedgerEntry, Person, RegisteredModel, WorkItem
from tests.governance.api.conftest import Connect, refused
from tests.people import PASSWORD
from tests.stories import measure

MODEL = {"slug": "triage", "name": "Triage", "intended_purpose": "Sort letters.", "risk_class": "minimal"}
MODELS = "/api/v1/models/"
KEY = {"Idempotency-Key": "a1"}


def test_the_same_request_creates_once_and_is_answered_alike(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    first = client.post(MODELS, MODEL, format="json", headers=KEY)
    again = client.post(MODELS, MODEL, format="json", headers=KEY)
    assert (first.status_code, again.status_code) == (201, 201)
    assert (again.json(), again["Location"]) == (first.json(), first["Location"])
    assert ("Idempotent-Replayed" in first, again["Idempotent-Replayed"]) == (False, "true")
    assert LedgerEntry.objects.filter(event="model.registered").count() == 1


def test_without_a_key_the_second_is_a_duplicate(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    client.post(MODELS, MODEL, format="json")
    refused(client.post(MODELS, MODEL, format="json"), 409, "duplicate", "slug")


def test_a_key_for_another_request_is_refused(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    client.post(MODELS, MODEL, format="json", headers=KEY)
    other = client.post(MODELS, {**MODEL, "slug": "other"}, format="json", headers=KEY)
    refused(other, 422, "idempotency-key", "Idempotency-Key")
    elsewhere = client.post("/api/v1/datasets/", MODEL, format="json", headers=KEY)
    refused(elsewhere, 422, "idempotency-key", "Idempotency-Key")
    assert RegisteredModel.objects.count() == 1


def test_a_key_belongs_to_one_person(connect: Connect, maya: Person, mel: Person) -> None:
    connect(maya).post(MODELS, MODEL, format="json", headers=KEY)
    refused(connect(mel).post(MODELS, MODEL, format="json", headers=KEY), 409, "duplicate", "slug")


def test_a_refusal_is_not_remembered_but_recorded(
    connect: Connect, victor: Person, in_review: PromotionRequest
) -> None:
    client = connect(victor)
    path = f"/api/v1/promotions/{in_review.pk}/reviews/"
    body = {
        "verdict": "approve",
        "role": "model_validator",
        "meaning": "approved",
        "reason": "Read.",
        "subject_digest": in_review.subject_digest,
    }
    wrong = client.post(path, {**body, "password": "guessed"}, format="json", headers=KEY)
    refused(wrong, 403, "wrong-credential", "password")
    assert LedgerEntry.objects.filter(event="action.refused").count() == 1
    assert not IdempotencyKey.objects.exists()
    assert client.post(path, {**body, "password": PASSWORD}, format="json", headers=KEY).status_code == 201
    assert client.post(path, {**body, "password": PASSWORD}, format="json", headers=KEY).status_code == 201
    assert Review.objects.count() == 1
    assert PASSWORD not in str(list(IdempotencyKey.objects.values()))


def test_the_secret_of_a_token_is_not_kept_for_a_second_answer(connect: Connect, maya: Person) -> None:
    client = connect(maya, Scope.ADMIN)
    body = {"label": "deploy", "scopes": ["gate:read"]}
    first = client.post("/api/v1/tokens/", body, format="json", headers=KEY).json()
    again = client.post("/api/v1/tokens/", body, format="json", headers=KEY).json()
    assert again == {**first, "secret": None}
    assert first["secret"] not in str(list(IdempotencyKey.objects.values()))


@pytest.mark.parametrize("key", ["", "k" * 201, "a\tb"])
def test_an_unusable_key_is_refused(connect: Connect, maya: Person, key: str) -> None:
    answer = connect(maya).post(MODELS, MODEL, format="json", headers={"Idempotency-Key": key})
    refused(answer, 422, "idempotency-key", "Idempotency-Key")
    assert not RegisteredModel.objects.exists()


def test_work_asked_for_twice_is_done_once(connect: Connect, maya: Person, policy: Any, version: Any) -> None:
    body = {"model": "care-priority", "version": 1, "to_stage": "staging", "reason": "Ready."}
    client = connect(maya)
    ids = {client.post("/api/v1/promotions/", body, format="json", headers=KEY).json()["id"] for _ in range(3)}
    assert len(ids) == PromotionRequest.objects.count() == 1
    assert WorkItem.objects.filter(kind="audit.check").count() == 2  # one for each check
    measure(PromotionRequest.objects.get())
