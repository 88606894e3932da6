from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from django.apps import apps
from django.contrib.auth.models import Group
from django.db import connection, transaction

from registry import ledger
from registry.errors import LedgerError
from registry.events import Event
from registry.models import Dataset, ErasableText, LedgerEntry, Person
from registry.reconciliation import reconcile
from registry.rows import tables
from tests.people import World

#: Tables the ledger does not answer for, each for a reason.
UNTOLD = {
    "registry.ledgerhead": "the ledger itself",
    "registry.ledgerentry": "the ledger itself",
    "registry.ledgernode": "the ledger itself",
    "registry.checkpoint": "signed, and compared with the tree",
    "registry.erasabletext": "its key is the commitment of its content",
    "registry.blob": "its key is the digest of its content, verified whenever it is read",
    "registry.workitem": "what workers are doing; its effects are told",
    "registry.lineageevent": "told through its delivery, by its digest",
    "registry.recordfingerprint": "told through its batch, by a salted commitment",
    "registry.mlflowmodel": "what was seen last elsewhere; the snapshots behind it are told as lineage events",
    "registry.lineagenode": "derived from events and records, and built anew from them",
    "registry.lineageedge": "derived, like the nodes",
    "registry.lineagecolumnedge": "derived, like the nodes",
    "governance.failedcredential": "a count of wrong codes that runs out; each refusal is told",
    "governance.pendingstatement": "what is about to be signed, for minutes; the review that comes of it is told",
    "governance.idempotencykey": "answers kept for a repeated request; decides nothing",
}


def newest() -> dict[str, Any]:
    entry = LedgerEntry.objects.order_by("-index").first()
    assert entry is not None
    return {"index": entry.index, **json.loads(bytes(entry.body))}


def rows_of(entry: dict[str, Any]) -> dict[str, Any]:
    return dict(entry.get("rows", {}))


def append() -> None:
    ledger.append(Event.REPORT_READ, subject="promotion:1")


def test_every_table_of_the_product_is_told_or_named_with_its_reason() -> None:
    ours = {
        model._meta.label_lower
        for app in ("registry", "audits", "governance")
        for model in apps.get_app_config(app).get_models()
    }

    assert ours - set(tables()) - set(UNTOLD) == set()
    assert set(UNTOLD) <= ours


def test_an_entry_tells_of_the_rows_its_change_saved(world: World) -> None:
    version = world.version()

    told = rows_of(newest())

    assert set(told) >= {f"registry.modelversion:{version.pk}", f"registry.versioninput:{version.inputs.get().pk}"}
    assert list(reconcile()) == []


def test_a_row_is_told_once_for_each_change(world: World) -> None:
    world.version()
    append()

    assert rows_of(newest()) == {}


def test_a_row_of_a_savepoint_that_was_rolled_back_is_not_told(maya: Person) -> None:
    with transaction.atomic():
        Dataset.objects.create(slug="never", name="never", owner=maya)
        transaction.set_rollback(True)

    append()

    assert not [name for name in rows_of(newest()) if name.startswith("registry.dataset:")]


def test_a_row_whose_entry_was_rolled_back_is_told_by_the_next(maya: Person) -> None:
    dataset = Dataset.objects.create(slug="kept", name="kept", owner=maya)
    with transaction.atomic():
        append()
        transaction.set_rollback(True)

    append()

    assert f"registry.dataset:{dataset.pk}" in rows_of(newest())


def test_a_deleted_row_is_told_to_be_gone(maya: Person) -> None:
    dataset = Dataset.objects.create(slug="gone", name="gone", owner=maya)
    append()
    key = dataset.pk
    dataset.delete()
    append()

    assert rows_of(newest()) == {f"registry.dataset:{key}": {"deleted": True}}
    assert list(reconcile()) == []


def test_a_change_of_groups_is_a_change_of_the_person(maya: Person) -> None:
    append()
    maya.groups.add(Group.objects.create(name="reviewers of the night"))
    append()

    assert f"registry.person:{maya.pk}" in rows_of(newest())
    assert list(reconcile()) == []


def test_names_stand_in_an_entry_only_as_commitments(maya: Person) -> None:
    append()
    bodies = b"".join(bytes(body) for body in LedgerEntry.objects.values_list("body", flat=True))

    assert b"Medina" not in bodies
    assert ErasableText.objects.filter(text="Medina").exists()
    assert set(rows_of(newest())[f"registry.person:{maya.pk}"]["texts"]) == {"username", "first_name", "last_name"}


def test_the_same_text_in_facts_and_row_has_one_commitment(db: None) -> None:
    del db
    assert ledger.commit_text("one reason") == ledger.commit_text("one reason")
    assert ledger.commit_text("one reason") != ledger.commit_text("another")


@pytest.mark.django_db(transaction=True)
def test_a_row_saved_outside_of_any_verb_gets_an_entry_of_its_own() -> None:
    group = Group.objects.create(name="made in a shell")

    entry = newest()

    assert entry["event"] == "row.changed"
    assert entry["subject"] == f"auth.group:{group.pk}"
    assert list(reconcile()) == []


@pytest.mark.django_db(transaction=True)
def test_signing_in_changes_nothing_that_is_told() -> None:
    person = Person.objects.create_user("nina", password="a long enough one")
    size = ledger.size()
    person.last_login = datetime(2026, 1, 1, tzinfo=UTC)
    person.save(update_fields=["last_login"])

    assert ledger.size() == size


def test_an_entry_is_refused_outside_a_transaction() -> None:
    assert not connection.in_atomic_block
    with pytest.raises(LedgerError):
        append()
