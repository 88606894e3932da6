from __future__ import annotations

import io
from typing import Any

import pytest

from registry import storage
from registry.canonical import digest
from registry.errors import (
    ArtifactRefusedError,
    AssayError,
    DigestMismatchError,
    DuplicateError,
    EvidenceMissingError,
    InvalidInputError,
    PermissionRefusedError,
)
from registry.models import Blob, LedgerEntry, ModelVersion, Person
from registry.versions import VersionDescription, register_model, register_version, store_artifact
from tests.people import SIGNATURE, World, dataset_version, fair_rows


def description(**changes: Any) -> VersionDescription:
    facts = {"artifact_digest": digest(b"bytes"), "artifact_format": "skops", "signature": SIGNATURE, **changes}
    return VersionDescription(**facts)


def test_versions_count_from_one_and_are_told_to_the_ledger(world: World) -> None:
    first, second = world.version(b"one"), world.version(b"two")
    assert (first.number, second.number) == (1, 2)
    assert first.record_digest != second.record_digest
    told = LedgerEntry.objects.filter(event="version.registered").values_list("subject", flat=True)
    assert list(told) == ["version:care-priority/1", "version:care-priority/2"]


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"artifact_digest": "abc"}, "artifact_digest"),
        ({"artifact_digest": "sha256:" + "G" * 64}, "artifact_digest"),
        ({"artifact_format": "pickle"}, "artifact_format"),
        ({"signature": {}}, "signature.task"),
        ({"signature": {**SIGNATURE, "features": []}}, "signature.features"),
        ({"signature": {**SIGNATURE, "features": "age"}}, "signature.features"),
        ({"signature": {**SIGNATURE, "features": ["age", "outcome"]}}, "signature.features"),
        ({"signature": {**SIGNATURE, "target": None}}, "signature.target"),
        ({"signature": {k: v for k, v in SIGNATURE.items() if k != "positive_label"}}, "signature.positive_label"),
        ({"signature": {**SIGNATURE, "threshold": 2}}, "signature.threshold"),
        ({"signature": {**SIGNATURE, "threshold": True}}, "signature.threshold"),
    ],
)
def test_a_version_that_contradicts_itself_is_refused(world: World, changes: dict[str, Any], field: str) -> None:
    before = LedgerEntry.objects.count()
    with pytest.raises(InvalidInputError) as refusal:
        register_version(actor=world.author, model=world.model, description=description(**changes))
    assert refusal.value.field == field
    assert not ModelVersion.objects.exists()
    assert LedgerEntry.objects.count() == before


@pytest.mark.parametrize(
    ("signature", "field"),
    [
        ({**SIGNATURE, "target": "diagnosis"}, "signature.target"),
        ({**SIGNATURE, "features": ["shoe"]}, "signature.features"),
    ],
)
def test_an_unknown_column_is_named(world: World, maya: Person, signature: dict[str, Any], field: str) -> None:
    rows = [{name: value for name, value in row.items() if name != "prediction"} for row in fair_rows(40)]
    columns = [{"name": name, "type": "string", "tags": []} for name in rows[0]]
    bare = dataset_version(maya, "bare", rows, columns=columns)
    with pytest.raises(InvalidInputError, match="bare/1 has no column") as refusal:
        register_version(
            actor=maya, model=world.model, description=description(signature=signature, datasets={"train": bare})
        )
    assert refusal.value.field == field


def test_an_unknown_role_of_a_dataset_is_refused(world: World) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        register_version(
            actor=world.author, model=world.model, description=description(datasets={"holdout": world.evaluation})
        )
    assert refusal.value.field == "datasets"


def test_the_same_bytes_are_one_version(world: World) -> None:
    world.version(b"one")
    with pytest.raises(DuplicateError):
        world.version(b"one")


def test_an_outsider_registers_nothing(world: World, otto: Person, ada: Person) -> None:
    for person in (otto, ada):
        with pytest.raises(PermissionRefusedError):
            register_version(actor=person, model=world.model, description=description())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"slug": "Not A Slug"}, "slug"),
        ({"slug": "x" * 81}, "slug"),
        ({"intended_purpose": " "}, "intended_purpose"),
        ({"risk_class": "cosy"}, "risk_class"),
        ({"role": "bystander"}, "role"),
    ],
)
def test_a_model_that_says_too_little_is_refused(maya: Person, changes: dict[str, str], field: str) -> None:
    facts = {"slug": "a", "name": "A", "intended_purpose": "b", "risk_class": "high", **changes}
    with pytest.raises(InvalidInputError) as refusal:
        register_model(actor=maya, **facts)  # type: ignore[arg-type]
    assert refusal.value.field == field


# -- The bytes --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "error"),
    [
        (b"", AssayError),
        (b"\x80\x04\x95\x05\x00\x00\x00\x00\x00\x00\x00K\x01.", ArtifactRefusedError),
        (b"not a model at all", AssayError),
    ],
    ids=["empty", "pickle", "text"],
)
def test_bytes_that_are_no_accepted_model_are_not_kept(world: World, content: bytes, error: type[Exception]) -> None:
    version = world.version(content)
    kept = Blob.objects.count()
    with pytest.raises(error):
        store_artifact(actor=world.author, version=version, content=io.BytesIO(content))
    assert Blob.objects.count() == kept
    assert not storage.holds(version.artifact_digest)


def test_content_is_verified_whenever_it_is_read(world: World) -> None:
    blob = storage.store_bytes(b"evidence", media_type="text/plain")
    assert storage.read_bytes(blob.digest) == b"evidence"
    with storage.local_copy(blob.digest) as path:
        path.chmod(0o644)
        path.write_bytes(b"evidencE")
    with pytest.raises(DigestMismatchError):
        storage.read_bytes(blob.digest)


def test_what_was_never_stored_is_missing(db: None) -> None:
    with pytest.raises(EvidenceMissingError):
        storage.read_bytes("sha256:" + "0" * 64)
    for name in ("sha256:../../etc/passwd", "sha256:" + "/" * 64, ""):
        with pytest.raises(InvalidInputError):
            storage.read_bytes(name)


def test_other_bytes_than_declared_are_not_kept() -> None:
    with pytest.raises(DigestMismatchError):
        storage.store_stream(io.BytesIO(b"b"), media_type="text/plain", declared=digest(b"a"))
    with pytest.raises(InvalidInputError):
        storage.store_stream(io.BytesIO(b"long"), media_type="text/plain", declared=digest(b"long"), limit=3)
