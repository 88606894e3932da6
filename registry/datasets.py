"""The verbs on datasets and their versions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from registry import graph, ledger, signals, storage
from registry.authority import require
from registry.canonical import digest_of, is_digest
from registry.errors import DuplicateError, InvalidInputError
from registry.events import Event
from registry.models import Blob, Dataset, DatasetDerivation, DatasetVersion, DatasetWithdrawal, Person
from registry.versions import require_slug

COLUMN_TYPES = ("number", "integer", "string", "boolean", "datetime")
COLUMN_TAGS = (
    "feature",
    "target",
    "sensitive",
    "prediction",
    "score",
    "weight",
    "identifier",
    "pii",
    "special_category",
    "proxy_suspected",
    "timestamp",
    "attribution",
    "base_value",
    "output",
    "artifact_digest",
)
MEDIA_TYPES = ("text/csv", "application/vnd.apache.parquet")


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetDescription:
    """The facts of one dataset version: what it is, where it came from, under which terms it may be used."""

    digest: str
    columns: Sequence[Mapping[str, Any]]
    media_type: str = "text/csv"
    row_count: int | None = None
    source: str = ""
    job: str = ""
    licence: str = ""
    legal_basis: str = ""
    purpose: str = ""
    retention_until: date | None = None
    personal_data: bool = False
    special_categories: Sequence[str] = ()
    derived_from: Sequence[DatasetVersion] = ()


@transaction.atomic
def register_dataset(*, actor: Person, slug: str, name: str, description: str = "") -> Dataset:
    """Register a dataset name. Raises PermissionRefusedError, InvalidInputError or DuplicateError."""
    require(actor, "registry.add_dataset")
    require_slug(slug)
    dataset, created = Dataset.objects.get_or_create(
        slug=slug, defaults={"name": name or slug, "owner": actor, "description": description}
    )
    if not created:
        raise DuplicateError(f"A dataset {slug} is registered already.", field="slug")
    ledger.append(Event.DATASET_REGISTERED, subject=f"dataset:{slug}", actor=actor, facts={"owner": actor.pseudonym})
    return dataset


@transaction.atomic
def register_dataset_version(
    *, actor: Person, dataset: Dataset, description: DatasetDescription, content: BinaryIO | None = None
) -> DatasetVersion:
    """Add the next version of `dataset`, with its content if given.

    Raises PermissionRefusedError, InvalidInputError naming the field, DigestMismatchError, or DuplicateError.
    """
    dataset = Dataset.objects.select_for_update().get(pk=dataset.pk)
    require(actor, "registry.add_datasetversion")
    _require_description(description)
    if dataset.versions.filter(digest=description.digest).exists():
        raise DuplicateError(f"This content is a version of {dataset.slug} already.", field="digest")
    if content is not None:
        storage.store_stream(content, media_type=description.media_type, declared=description.digest)
    number = (dataset.versions.aggregate(newest=Max("number"))["newest"] or 0) + 1
    record = _record(dataset, number, description)
    version = DatasetVersion(
        dataset=dataset,
        number=number,
        digest=description.digest,
        media_type=description.media_type,
        row_count=description.row_count,
        columns=record["columns"],
        source=description.source,
        job=description.job,
        licence=description.licence,
        legal_basis=description.legal_basis,
        purpose=description.purpose,
        retention_until=description.retention_until,
        personal_data=description.personal_data,
        special_categories=list(description.special_categories),
        record_digest=digest_of(record),
        created_by=actor,
        created_at=timezone.now(),
    )
    version.save()
    for parent in description.derived_from:
        DatasetDerivation(child=version, parent=parent).save()
    graph.record_dataset_version(version)
    facts = {
        "digest": version.digest,
        "record_digest": version.record_digest,
        "derived_from": [parent.record_digest for parent in description.derived_from],
        "content_held": content is not None,
    }
    ledger.append(Event.DATASET_VERSION_REGISTERED, subject=f"dataset:{version}", actor=actor, facts=facts)
    return version


def store_dataset_content(*, actor: Person, version: DatasetVersion, content: BinaryIO) -> Blob:
    """Keep the content of a version that was declared without it. Raises DigestMismatchError, InvalidInputError."""
    require(actor, "registry.add_datasetversion")
    with transaction.atomic():
        blob = storage.store_stream(content, media_type=version.media_type, declared=version.digest)
        ledger.append(Event.ARTIFACT_STORED, subject=f"dataset:{version}", actor=actor, facts={"digest": blob.digest})
    return blob


@transaction.atomic
def withdraw_dataset_version(
    *, actor: Person, version: DatasetVersion, reason: str, kind: str = DatasetWithdrawal.Kind.OTHER
) -> DatasetWithdrawal:
    """Forbid any further use of `version`: the gates of all its descendants are closed with this commit.

    Raises PermissionRefusedError, InvalidInputError without a reason, DuplicateError when withdrawn already.
    """
    version = DatasetVersion.objects.select_for_update().get(pk=version.pk)
    require(actor, "registry.add_datasetwithdrawal")
    if not reason.strip():
        raise InvalidInputError("Say why the data is withdrawn.", field="reason")
    if kind not in DatasetWithdrawal.Kind.values:
        raise InvalidInputError(f"The kind is one of {', '.join(DatasetWithdrawal.Kind.values)}.", field="kind")
    if DatasetWithdrawal.objects.filter(dataset_version=version).exists():
        raise DuplicateError(f"{version} is withdrawn already.")
    withdrawal = DatasetWithdrawal(
        dataset_version=version, kind=kind, reason=reason, withdrawn_by=actor, withdrawn_at=timezone.now()
    )
    withdrawal.save()
    signals.dataset_withdrawn.send(sender=DatasetVersion, version=version)
    ledger.append(
        Event.DATASET_WITHDRAWN,
        subject=f"dataset:{version}",
        actor=actor,
        facts={"digest": version.digest, "kind": kind, "reason": ledger.commit_text(reason)},
    )
    return withdrawal


def _record(dataset: Dataset, number: int, description: DatasetDescription) -> dict[str, Any]:
    """The facts that the record digest covers."""
    return {
        "dataset": dataset.slug,
        "number": number,
        "digest": description.digest,
        "media_type": description.media_type,
        "row_count": description.row_count,
        "columns": [
            {"name": column["name"], "type": column.get("type", "string"), "tags": list(column.get("tags", ()))}
            for column in description.columns
        ],
        "source": description.source,
        "job": description.job,
        "licence": description.licence,
        "legal_basis": description.legal_basis,
        "purpose": description.purpose,
        "retention_until": description.retention_until.isoformat() if description.retention_until else None,
        "personal_data": description.personal_data,
        "special_categories": list(description.special_categories),
        "derived_from": [str(parent) for parent in description.derived_from],
    }


def _require_description(description: DatasetDescription) -> None:
    if not is_digest(description.digest):
        raise InvalidInputError("digest is sha256:<64 hex digits>.", field="digest")
    if description.media_type not in MEDIA_TYPES:
        raise InvalidInputError(f"media_type is one of {', '.join(MEDIA_TYPES)}.", field="media_type")
    seen: set[str] = set()
    for index, column in enumerate(description.columns):
        where = f"columns[{index}]"
        name = column.get("name")
        if not isinstance(name, str) or not name:
            raise InvalidInputError("A column has a name.", field=f"{where}.name")
        if name in seen:
            raise InvalidInputError(f"The column {name} is listed twice.", field=f"{where}.name")
        seen.add(name)
        if column.get("type", "string") not in COLUMN_TYPES:
            raise InvalidInputError(f"A column type is one of {', '.join(COLUMN_TYPES)}.", field=f"{where}.type")
        unknown = [tag for tag in column.get("tags", ()) if tag not in COLUMN_TAGS]
        if unknown:
            raise InvalidInputError(
                f"{unknown[0]!r} is no column tag; the tags are {', '.join(COLUMN_TAGS)}.", field=f"{where}.tags"
            )
