"""Cards are written by whoever may, one revision upon the other, and count for every check from then on."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import DatabaseError, connection, transaction

from audits.runs import evidence_of
from registry.dataset_cards import card_of, declared_card, write_card
from registry.datasets import withdraw_dataset_version
from registry.errors import ImmutableError, InvalidInputError, PermissionRefusedError, StaleCardError
from registry.models import DatasetCard, DatasetVersion, LedgerEntry, ModelVersion, Person
from registry.provenance import lineage_of
from tests.people import World

DOCUMENT: dict[str, Any] = {
    "source": "clinic register",
    "licence": "CC0-1.0",
    "personal_data": True,
    "legal_basis": "6(1)(a)",
    "purposes": ["care planning", "research"],
    "columns": {"age": ["pii", "sensitive"]},
}


def written(actor: Person, version: DatasetVersion, **changes: Any) -> DatasetCard:
    words: dict[str, Any] = {
        "document": DOCUMENT,
        "reason": "Dora asked the clinic.",
        "replaces": card_of(version).digest,
        **changes,
    }
    return write_card(actor=actor, version=version, **words)


def test_what_was_declared_is_the_first_card(world: World) -> None:
    card = card_of(world.evaluation)
    assert (card.legal_basis, card.licence, card.purposes) == ("6(1)(e)", "CC-BY-4.0", ("care planning",))
    assert card.columns == {"sex": ("sensitive",)}
    assert card.owner == world.author.pseudonym


def test_free_words_are_no_legal_basis(world: World) -> None:
    world.evaluation.legal_basis = "they signed something"
    assert (declared_card(world.evaluation).legal_basis, declared_card(world.evaluation).legal_basis_reason) == (
        "",
        "they signed something",
    )


def test_a_revision_counts_from_now_on_and_the_earlier_one_stays(world: World, maya: Person, dora: Person) -> None:
    first = written(maya, world.evaluation)
    second = written(dora, world.evaluation, document={**DOCUMENT, "licence": "MIT"}, owner=dora)
    assert (first.revision, second.revision) == (1, 2)
    assert card_of(world.evaluation).licence == "MIT"
    assert card_of(world.evaluation).owner == dora.pseudonym
    first.refresh_from_db()
    assert first.document["licence"] == "CC0-1.0"
    entry = LedgerEntry.objects.filter(event="dataset-card.written").latest("index")
    facts = json.loads(bytes(entry.body))["facts"]
    assert (facts["digest"], facts["replaces"]) == (second.digest, first.digest)


def test_the_card_reaches_lineage_and_the_columns_of_the_evidence(
    world: World, version: ModelVersion, maya: Person
) -> None:
    row = written(maya, world.evaluation)
    facts = lineage_of(version).by_id["dataset:patients/1"].facts
    assert (facts["card"], facts["licence"], facts["purposes"]) == (
        row.digest,
        "CC0-1.0",
        ["care planning", "research"],
    )
    with evidence_of(version, seed=1) as evidence:
        tags = {column.name: set(column.tags) for column in evidence.datasets["evaluation"].columns}
    assert tags["age"] == {"feature", "pii", "sensitive"}
    assert tags["sex"] == {"sensitive"}  # the card does not name it, so what was declared stays


def test_two_who_write_at_once_do_not_undo_each_other(world: World, maya: Person, dora: Person) -> None:
    seen = card_of(world.evaluation).digest
    written(maya, world.evaluation, replaces=seen)
    with pytest.raises(StaleCardError):
        written(dora, world.evaluation, replaces=seen, document={**DOCUMENT, "licence": "MIT"})
    assert card_of(world.evaluation).licence == "CC0-1.0"


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"reason": " "}, InvalidInputError, "reason"),
        ({"document": {**DOCUMENT, "licence": "free"}}, InvalidInputError, "licence"),
        ({"replaces": "sha256:" + "0" * 64}, StaleCardError, "replaces"),
    ],
)
def test_a_card_that_is_refused_leaves_nothing(
    world: World, maya: Person, change: dict[str, Any], error: type[Exception], field: str
) -> None:
    before = LedgerEntry.objects.count()
    with pytest.raises(error) as refusal:
        written(maya, world.evaluation, **change)
    assert refusal.value.field == field  # type: ignore[attr-defined]
    assert (DatasetCard.objects.count(), LedgerEntry.objects.count()) == (0, before)


def test_the_same_card_again_is_no_revision(world: World, maya: Person) -> None:
    written(maya, world.evaluation)
    with pytest.raises(InvalidInputError, match="Nothing on the card changes"):
        written(maya, world.evaluation)


def test_a_pipeline_answers_for_no_data(world: World, maya: Person, pia: Person) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        written(maya, world.evaluation, owner=pia)
    assert refusal.value.field == "owner"


@pytest.mark.parametrize("who", ["otto", "victor", "ada"])
def test_others_write_no_card(world: World, who: str, request: pytest.FixtureRequest) -> None:
    with pytest.raises(PermissionRefusedError):
        written(request.getfixturevalue(who), world.evaluation)


def test_revisions_and_withdrawals_are_never_changed(world: World, maya: Person, dora: Person) -> None:
    row = written(maya, world.evaluation)
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent withdrawn", kind="consent")
    row.digest = "sha256:" + "0" * 64
    with pytest.raises(ImmutableError):
        row.save()
    for table in ("registry_datasetcard", "registry_datasetwithdrawal"):
        for change in (f"UPDATE {table} SET reason = ''", f"DELETE FROM {table}"):
            with pytest.raises(DatabaseError, match="is part of the record"), transaction.atomic():
                connection.cursor().execute(change)
