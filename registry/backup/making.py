"""Makes a copy of database, evidence and newest checkpoint: one moment of the ledger, while others go on writing."""

from __future__ import annotations

import io
import tempfile
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction
from django.utils import timezone

from registry import ledger, storage
from registry.backup.copies import (
    CHECKPOINT,
    DATABASES,
    MANIFEST,
    BackupError,
    Manifest,
    Part,
    Progress,
    Writer,
    evidence_name,
    new_copy,
)
from registry.backup.databases import dump_database
from registry.canonical import digest
from registry.errors import ContentErasedError
from registry.events import Event
from registry.models import Blob, Checkpoint
from registry.verification import consistent_view

SUBJECT = "service:backup"


@dataclass(frozen=True, slots=True)
class _Moment:
    """What the copied database says of itself."""

    size: int
    root: bytes
    note: str
    blobs: tuple[str, ...]


def make_backup(target: Path, *, product: str, with_keys: bool, progress: Progress) -> tuple[Manifest, str]:
    """Write the copy to `target`, then tell the ledger. Returns the manifest and the digest of its file.

    Content that is missing or altered stops it: a copy of a broken record would only be found out when it is needed.
    Raises BackupError, EvidenceMissingError, DigestMismatchError, LedgerError, OSError.
    """
    if connection.vendor not in DATABASES:
        raise BackupError(f"{connection.vendor} cannot be copied.")
    ledger.publish_checkpoint()
    with new_copy(target) as writer:
        moment, parts = _add_database(writer, progress)
        left_out = _add_evidence(writer, moment.blobs, parts, progress)
        parts.append(writer.add(CHECKPOINT, io.BytesIO(moment.note.encode())))
        if with_keys:
            _add_keys(writer, parts)
        manifest = Manifest(
            made_at=ledger.utc_text(timezone.now()),
            product=product,
            engine=connection.vendor,
            ledger_size=moment.size,
            ledger_root=moment.root.hex(),
            parts=tuple(parts),
            left_out=left_out,
        )
        writer.add(MANIFEST, io.BytesIO(manifest.content))
    _tell(manifest, with_keys=with_keys)
    return manifest, digest(manifest.content)


def _tell(manifest: Manifest, *, with_keys: bool) -> None:
    facts = {
        "manifest": digest(manifest.content),
        "entries": manifest.ledger_size,
        "root": manifest.ledger_root,
        "keys": with_keys,
    }
    with transaction.atomic():
        ledger.append(Event.BACKUP_MADE, subject=SUBJECT, facts=facts)


def _add_database(writer: Writer, progress: Progress) -> tuple[_Moment, list[Part]]:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "database"
        with consistent_view():
            size = ledger.size()
            moment = _Moment(
                size=size,
                root=ledger.root(size),
                note=Checkpoint.objects.values_list("note", flat=True)[:1][0],
                blobs=tuple(Blob.objects.order_by("digest").values_list("digest", flat=True)),
            )
            dump_database(copy, progress)
        with copy.open("rb") as stream:
            return moment, [writer.add(DATABASES[connection.vendor], stream)]


def _add_evidence(writer: Writer, blobs: tuple[str, ...], parts: list[Part], progress: Progress) -> tuple[str, ...]:
    """Add each content, verified against its name. Returns the digests of those that were erased."""
    erased: list[str] = []
    for done, content_digest in enumerate(blobs, 1):
        try:
            with storage.local_copy(content_digest) as path, path.open("rb") as stream:
                parts.append(writer.add(evidence_name(content_digest), stream))
        except ContentErasedError:
            erased.append(content_digest)
        progress("files of evidence", done, len(blobs))
    return tuple(erased)


def _add_keys(writer: Writer, parts: list[Part]) -> None:
    for path in sorted(settings.ASSAY_KEYS.iterdir()):
        if path.is_file():
            with path.open("rb") as stream:
                parts.append(writer.add(f"keys/{path.name}", stream))
