"""Which models saw one record: fingerprints come in under a key nobody here knows, and go when the data goes."""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction
from rest_framework.test import APIClient

from governance.access.tokens import Scope
from governance.models import PromotionRequest
from governance.promotions import complete
from registry.datasets import withdraw_dataset_version
from registry.errors import InvalidInputError
from registry.fingerprints import MOST, receive_fingerprints
from registry.models import FingerprintBatch, LedgerEntry, Person, RecordFingerprint
from registry.reconciliation import reconcile
from tests.governance.api.conftest import Connect, refused
from tests.people import World, dataset_version, fair_rows

SENT = "/api/v1/datasets/patients/versions/1/fingerprints/"
REMOVED = f"{SENT}remove/"
SEARCH = "/api/v1/datasets/fingerprints/search/"
KEY = b"kept in the clinic's own safe"


def print_of(name: str, key: bytes = KEY) -> str:
    text = json.dumps({"name": name}, sort_keys=True, separators=(",", ":"))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def batch(*names: str, **changes: Any) -> dict[str, Any]:
    return {"key_id": "clinic-2026", "values": [print_of(name) for name in names], **changes}


def send(client: APIClient, *names: str, to: str = SENT) -> Any:
    answer = client.post(to, batch(*names), format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def search(client: APIClient, name: str) -> Any:
    answer = client.post(SEARCH, {"key_id": "clinic-2026", "value": print_of(name)}, format="json")
    assert answer.status_code == 200, answer.content
    return answer.json()


def told(event: str) -> list[dict[str, Any]]:
    return [json.loads(bytes(entry.body)) for entry in LedgerEntry.objects.filter(event=event).order_by("index")]


def test_a_planted_record_is_found_in_what_was_made_from_it_and_nowhere_else(
    connect: Connect, approved: PromotionRequest, world: World, maya: Person, mel: Person, dora: Person
) -> None:
    complete(actor=mel, request=approved)
    derived = dataset_version(maya, "patients-cleaned", fair_rows(300), derived_from=[world.evaluation])
    other = dataset_version(maya, "visitors", fair_rows(200))
    world.version(b"made from the derived data", datasets={"evaluation": derived})
    world.version(b"made without", datasets={"evaluation": other})
    send(connect(maya), "Ina Ito", "Jon Juarez")
    send(connect(maya), "Kim Kowalski", to="/api/v1/datasets/visitors/versions/1/fingerprints/")

    found = search(connect(dora), "Ina Ito")

    assert found["datasets"] == [{"dataset": "patients", "number": 1, "withdrawn_at": None}]
    assert [(one["version"], one["stages"]) for one in found["models"]] == [(1, ["staging"]), (2, [])]
    assert {one["clean_version"] for one in found["models"]} == {3}
    assert (found["models_not_shown"], found["asked"], found["not_asked"]) == (0, 2, 1)
    assert [one["version"] for one in search(connect(dora), "Kim Kowalski")["models"]] == [3]
    nobody = search(connect(dora), "Lea Lund")
    assert (nobody["datasets"], nobody["models"]) == ([], [])


def test_withdrawn_data_still_answers(connect: Connect, world: World, maya: Person, dora: Person) -> None:
    send(connect(maya), "Ina Ito")
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="Ina asked", kind="consent")
    assert search(connect(dora), "Ina Ito")["datasets"][0]["withdrawn_at"]


def test_the_same_values_sent_again_change_nothing(connect: Connect, world: World, maya: Person) -> None:
    client = connect(maya)
    assert send(client, "Ina Ito", "Jon Juarez", "Ina Ito") == {"kept": 2, "repeated": 1}
    entries = LedgerEntry.objects.count()
    assert send(client, "Ina Ito", "Jon Juarez") == {"kept": 0, "repeated": 2}
    assert LedgerEntry.objects.count() == entries
    assert send(client, "Jon Juarez", "Kim Kowalski") == {"kept": 1, "repeated": 1}
    assert RecordFingerprint.objects.count() == 3


def test_another_key_is_another_fingerprint(connect: Connect, world: World, maya: Person) -> None:
    send(connect(maya), "Ina Ito")
    connect(maya).post(SENT, batch("Jon Juarez", key_id="clinic-2027"), format="json")
    answer = connect(maya).post(SEARCH, {"key_id": "clinic-2027", "value": print_of("Ina Ito")}, format="json")
    assert answer.json()["datasets"] == []


def test_the_ledger_tells_of_batches_and_searches_and_never_of_a_value(
    connect: Connect, world: World, maya: Person, dora: Person
) -> None:
    send(connect(maya), "Ina Ito", "Jon Juarez")
    search(connect(dora), "Ina Ito")
    [received] = told("fingerprints.received")
    made = FingerprintBatch.objects.get()
    assert received["facts"].items() >= {"batch": made.pk, "key_id": "clinic-2026", "count": 2}.items()
    assert set(received["rows"]) == {f"registry.fingerprintbatch:{made.pk}"}
    [searched] = told("fingerprints.searched")
    assert searched["facts"] == {"key_id": "clinic-2026", "dataset_versions": 1, "model_versions": 0}
    assert searched["actor"] == dora.pseudonym
    bodies = b"".join(bytes(entry.body) for entry in LedgerEntry.objects.all())
    assert print_of("Ina Ito").encode() not in bodies
    assert list(reconcile()) == []


@pytest.mark.parametrize("statement", ["DELETE FROM registry_recordfingerprint", "INSERT"])
def test_what_goes_around_the_verbs_is_found(connect: Connect, world: World, maya: Person, statement: str) -> None:
    send(connect(maya), "Ina Ito")
    if statement == "INSERT":
        RecordFingerprint.objects.create(batch=FingerprintBatch.objects.get(), value=bytes(32))
    else:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    [found] = list(reconcile())
    assert found.row.startswith("registry.fingerprintbatch:")


def test_the_database_refuses_to_change_a_fingerprint(connect: Connect, world: World, maya: Person) -> None:
    send(connect(maya), "Ina Ito")
    with pytest.raises(DatabaseError), transaction.atomic():
        RecordFingerprint.objects.update(value=bytes(32))


def test_fingerprints_of_withdrawn_data_are_removed_and_not_taken_again(
    connect: Connect, world: World, maya: Person, dora: Person
) -> None:
    send(connect(maya), "Ina Ito", "Jon Juarez")
    refused(connect(dora).post(REMOVED), 422, "invalid-input", "version")
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="Ina asked", kind="erasure")
    refused(connect(maya).post(REMOVED), 403, "permission-refused")
    assert RecordFingerprint.objects.count() == 2

    assert connect(dora).post(REMOVED).json() == {"removed": 2}

    assert not RecordFingerprint.objects.exists()
    assert bytes(FingerprintBatch.objects.get().salt) == b""
    assert told("fingerprints.removed")[0]["facts"] == {"batches": 1, "count": 2}
    assert list(reconcile()) == []
    assert connect(dora).post(REMOVED).json() == {"removed": 0}
    refused(connect(maya).post(SENT, batch("Ina Ito"), format="json"), 422, "invalid-input", "version")
    lost = connect(dora).post(SEARCH, {"key_id": "clinic-2026", "value": print_of("Ina Ito")}, format="json")
    refused(lost, 422, "invalid-input", "key_id")


@pytest.mark.parametrize(
    ("change", "status", "code", "field"),
    [
        ({"values": [print_of("Ina Ito"), "Ina Ito"]}, 422, "invalid-input", "values[1]"),
        ({"values": [print_of("Ina Ito").upper()]}, 422, "invalid-input", "values[0]"),
        ({"values": [print_of("Ina Ito")[:40]]}, 422, "invalid-input", "values[0]"),
        ({"key_id": "the key of Ina"}, 422, "invalid-input", "key_id"),
        ({"values": []}, 400, "malformed", "values"),
        ({"values": [print_of("Ina Ito")] * (MOST + 1)}, 400, "malformed", "values"),
    ],
)
def test_a_refused_batch_keeps_nothing_and_repeats_no_value(
    connect: Connect, world: World, maya: Person, change: dict[str, Any], status: int, code: str, field: str
) -> None:
    answer = connect(maya).post(SENT, batch("Jon Juarez", **change), format="json")
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.content
    assert field in answer.content.decode()
    assert "Ina" not in answer.content.decode()
    assert not FingerprintBatch.objects.exists()


def test_the_verb_itself_takes_no_more_than_it_says(world: World, maya: Person) -> None:
    values = [print_of(str(number)) for number in range(MOST + 1)]
    with pytest.raises(InvalidInputError) as refusal:
        receive_fingerprints(actor=maya, version=world.evaluation, key_id="clinic-2026", values=values)
    assert refusal.value.field == "values"
    assert (
        receive_fingerprints(actor=maya, version=world.evaluation, key_id="clinic-2026", values=values[:MOST]).kept
        == len(values) - 1
    )


def test_who_may_not_and_what_is_not_there(
    connect: Connect, world: World, maya: Person, dora: Person, otto: Person
) -> None:
    refused(connect(dora).post(SENT, batch("Ina Ito"), format="json"), 403, "permission-refused")
    elsewhere = SENT.replace("versions/1", "versions/9")
    refused(connect(maya).post(elsewhere, batch("Ina Ito"), format="json"), 404, "unknown-subject", "dataset")
    asked = {"key_id": "clinic-2026", "value": print_of("Ina Ito")}
    refused(connect(dora).post(SEARCH, asked, format="json"), 422, "invalid-input", "key_id")
    send(connect(maya), "Jon Juarez")
    refused(connect(otto).post(SEARCH, asked, format="json"), 403, "permission-refused")
    refused(connect(dora).post(SEARCH, {**asked, "value": "Ina Ito"}, format="json"), 422, "invalid-input", "value")
    refused(connect(maya, Scope.GATE_READ).post(SENT, batch("Ina Ito"), format="json"), 403, "scope-missing")


def test_what_a_tied_token_does_not_see_is_counted(connect: Connect, world: World, maya: Person) -> None:
    from registry.versions import register_model

    world.version()
    send(connect(maya), "Ina Ito")
    other = register_model(
        actor=maya,
        slug="other",
        name="Other",
        intended_purpose="Another purpose.",
        risk_class="minimal",
        affected_persons="nobody",
    )
    found = search(connect(maya, models=[other]), "Ina Ito")
    assert (found["models"], found["models_not_shown"]) == ([], 1)
