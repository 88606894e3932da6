"""Which dataset versions hold one record (GDPR Art. 15 and 17), asked by a keyed digest that only its holder can make.

A fingerprint is HMAC-SHA256 under a key that never comes here, so nobody can try out names against what is kept. It is
still pseudonymous personal data (GDPR Recital 26), and is removed again once the data is withdrawn.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from registry import ledger
from registry.authority import require
from registry.closures import models_made_with
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import DatasetVersion, FingerprintBatch, Person, RecordFingerprint
from registry.rows import commitment

#: Values in one call.
MOST = 10_000

_KEY_ID = re.compile(r"[A-Za-z0-9._:-]{1,80}", re.ASCII)
_VALUE = re.compile(r"[0-9a-f]{64}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Received:
    """How many fingerprints were new, and how many were held already or came twice."""

    kept: int
    repeated: int


@dataclass(frozen=True, slots=True)
class Found:
    """The dataset versions that hold a record, and how many were asked and could not be asked under that key."""

    datasets: tuple[DatasetVersion, ...]
    asked: int
    not_asked: int


@transaction.atomic
def receive_fingerprints(*, actor: Person, version: DatasetVersion, key_id: str, values: Sequence[str]) -> Received:
    """Keep the fingerprints of rows of `version`: 64 lower-case hex digits each, at most MOST in one call, all or none.

    Those held already under the key change nothing. Raises PermissionRefusedError, or InvalidInputError naming the
    field, also once the fingerprints of the version were removed.
    """
    version = DatasetVersion.objects.select_for_update().get(pk=version.pk)
    require(actor, "registry.add_datasetversion")
    _require_key_id(key_id)
    if not 1 <= len(values) <= MOST:
        raise InvalidInputError(f"One call brings 1 to {MOST} fingerprints.", field="values")
    told = {_read(text, f"values[{index}]") for index, text in enumerate(values)}
    batches = FingerprintBatch.objects.filter(dataset_version=version)
    if batches.filter(removed_at__isnull=False).exists():
        raise InvalidInputError(
            f"The fingerprints of {version} were removed, and are not taken again.", field="version"
        )
    held = RecordFingerprint.objects.filter(batch__in=batches.filter(key_id=key_id), value__in=told)
    fresh = sorted(told - {bytes(value) for value in held.values_list("value", flat=True)})
    if fresh:
        _keep(actor, version, key_id, fresh)
    return Received(kept=len(fresh), repeated=len(values) - len(fresh))


@transaction.atomic
def remove_fingerprints(*, actor: Person, version: DatasetVersion) -> int:
    """Delete every fingerprint of a withdrawn `version` with the salts of what the ledger says of them; how many.

    Raises PermissionRefusedError, or InvalidInputError while the version is not withdrawn.
    """
    version = DatasetVersion.objects.select_for_update().get(pk=version.pk)
    require(actor, "registry.add_datasetwithdrawal")
    if not DatasetVersion.objects.withdrawn().filter(pk=version.pk).exists():
        raise InvalidInputError(f"{version} is not withdrawn. Withdraw it first.", field="version")
    batches = list(FingerprintBatch.objects.filter(dataset_version=version, removed_at__isnull=True))
    if not batches:
        return 0
    removed, _ = RecordFingerprint.objects.filter(batch__in=batches).delete()
    for batch in batches:
        batch.salt, batch.removed_at = b"", timezone.now()
        batch.save(update_fields=["salt", "removed_at"])
    ledger.append(
        Event.FINGERPRINTS_REMOVED,
        subject=f"dataset:{version}",
        actor=actor,
        facts={"batches": len(batches), "count": removed},
    )
    return removed


@transaction.atomic
def search_fingerprint(*, actor: Person, key_id: str, value: str) -> Found:
    """The dataset versions, withdrawn ones too, that hold the record. The entry of the ledger does not hold the value.

    Raises PermissionRefusedError, or InvalidInputError also where no data can be asked under the key: "nothing found"
    would not be true.
    """
    require(actor, "registry.view_datasetversion")
    _require_key_id(key_id)
    wanted = _read(value, "value")
    asked = _fingerprinted(key_id).count()
    if not asked:
        raise InvalidInputError(f"No dataset version has fingerprints under the key {key_id}.", field="key_id")
    holding = FingerprintBatch.objects.filter(key_id=key_id, fingerprints__value=wanted)
    found = DatasetVersion.objects.filter(pk__in=holding.values("dataset_version"))
    datasets = tuple(found.select_related("dataset", "withdrawal", "lineage_node").order_by("dataset__slug", "number"))
    ledger.append(
        Event.FINGERPRINT_SEARCHED,
        subject="fingerprints",
        actor=actor,
        facts={
            "key_id": key_id,
            "dataset_versions": len(datasets),
            "model_versions": models_made_with(*datasets).count(),
        },
    )
    return Found(datasets, asked, DatasetVersion.objects.count() - asked)


def contents_of(batch: FingerprintBatch) -> dict[str, Any]:
    """What the ledger says of a batch besides its columns: a salted commitment of the fingerprints held now."""
    values = (bytes(value) for value in batch.fingerprints.values_list("value", flat=True))
    return {"values": commitment(bytes(batch.salt), "\n".join(sorted(value.hex() for value in values)))}


def _keep(actor: Person, version: DatasetVersion, key_id: str, values: Sequence[bytes]) -> None:
    batch = FingerprintBatch.objects.create(
        dataset_version=version,
        key_id=key_id,
        count=len(values),
        salt=secrets.token_bytes(32),
        received_by=actor,
        received_at=timezone.now(),
    )
    RecordFingerprint.objects.bulk_create(RecordFingerprint(batch=batch, value=value) for value in values)
    ledger.append(
        Event.FINGERPRINTS_RECEIVED,
        subject=f"dataset:{version}",
        actor=actor,
        facts={"batch": batch.pk, "key_id": key_id, "count": len(values), "digest": contents_of(batch)["values"]},
    )


def _fingerprinted(key_id: str) -> QuerySet[DatasetVersion]:
    under_key = FingerprintBatch.objects.filter(key_id=key_id, removed_at__isnull=True)
    return DatasetVersion.objects.filter(pk__in=under_key.values("dataset_version"))


def _require_key_id(key_id: str) -> None:
    if not _KEY_ID.fullmatch(key_id):
        raise InvalidInputError("key_id is 1 to 80 letters, digits, dots, colons, dashes or _.", field="key_id")


def _read(text: str, field: str) -> bytes:
    # The answer never repeats the text: whoever errs may have sent a name.
    if not _VALUE.fullmatch(text):
        raise InvalidInputError("A fingerprint is HMAC-SHA256 as 64 lower-case hex digits.", field=field)
    return bytes.fromhex(text)
