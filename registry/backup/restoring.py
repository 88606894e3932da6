"""Puts a copy back: first everything that can be refused without touching anything, then the proof, then the change."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from django.conf import settings
from django.core.files import File
from django.core.files.storage import default_storage
from django.db import connection, transaction
from django.db.migrations.executor import MigrationExecutor
from django.utils import timezone

from registry import ledger, sinks
from registry.backup.copies import (
    CHECKPOINT,
    DATABASES,
    BackupBrokenError,
    BackupError,
    BackupOutdatedError,
    Manifest,
    Progress,
    Reader,
    open_copy,
)
from registry.backup.databases import Target, target_at
from registry.backup.making import SUBJECT
from registry.canonical import digest, digest_file
from registry.events import Event
from registry.models import Blob, ErasedBlob
from registry.notes import Checkpoint as TreeHead
from registry.storage import path_of
from registry.verification import Verification, verify


@dataclass(frozen=True, slots=True)
class Wish:
    """How a copy is to be put back. `checkpoints` are notes that were kept elsewhere."""

    replace: bool = False
    with_keys: bool = False
    checkpoints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back; `former` says where the state before is kept, "" when there was none."""

    manifest: Manifest
    verification: Verification
    places: tuple[str, ...]
    former: str


def restore_backup(source: Path, wish: Wish, progress: Progress) -> Restored:
    """Verify the copy, put it back, verify the ledger, and tell it. All of it, or nothing is changed.

    Raises BackupBrokenError, BackupOutdatedError, NoteError, BackupError, OSError.
    """
    with open_copy(source) as copy:
        manifest = copy.manifest
        target = target_at(timezone.now().strftime("%Y%m%dT%H%M%SZ"))
        _require_place(manifest, target, wish)
        copy.check(progress)
        own = _text_of(copy, CHECKPOINT)
        folder_notes, places = _known_elsewhere(manifest, own)
        for note in wish.checkpoints:
            _require_not_newer(manifest, note, "the checkpoint given")
        try:
            if wish.with_keys:
                _put_keys(copy)
            _stage(copy, target)
            verification = _verified(manifest, [own, *folder_notes, *wish.checkpoints], progress)
            _put_evidence(copy, progress)
            _tell(copy)
            former = target.activate()
        except BaseException:
            target.discard()
            if wish.with_keys:
                _take_keys_away()
            raise
    return Restored(manifest, verification, tuple(places), former)


# -- Before anything is touched ---------------------------------------------------------------------------------------
def _require_place(manifest: Manifest, target: Target, wish: Wish) -> None:
    if manifest.engine != connection.vendor:
        raise BackupError(f"The copy is of {manifest.engine}, and DATABASE_URL names {connection.vendor}.")
    manifest.named(DATABASES[manifest.engine])
    if target.occupied() and not wish.replace:
        raise BackupError("The database is not empty. With --replace it is kept aside, and the copy takes its place.")
    if not wish.with_keys:
        return
    if not any(name.startswith("keys/") for name in manifest.names):
        raise BackupError("The copy holds no keys: it was made without --with-keys.", field="with-keys")
    if settings.ASSAY_KEYS.exists() and any(settings.ASSAY_KEYS.iterdir()):
        raise BackupError(f"{settings.ASSAY_KEYS} holds keys already; they are never replaced.", field="with-keys")


def _known_elsewhere(manifest: Manifest, own: str) -> tuple[list[str], list[str]]:
    """Notes of the checkpoint folder, and in words what each configured place said. Raises BackupOutdatedError."""
    notes, places = [], []
    if settings.ASSAY_CHECKPOINT_FOLDER:
        newest = max(Path(settings.ASSAY_CHECKPOINT_FOLDER).glob("*.checkpoint"), default=None)
        if newest is not None:
            notes.append(newest.read_text())
            _require_not_newer(manifest, notes[0], newest.name)
        places.append(f"folder: {'holds no checkpoint' if newest is None else f'{newest.name} is not newer'}")
    size = TreeHead.parse(own.rpartition("\n\n")[0] + "\n").size
    for url, seen, trouble in sinks.ask_witnesses(size, own):
        if seen is not None and seen > manifest.ledger_size:
            raise BackupOutdatedError(_outdated(manifest, seen, f"the witness {url}"))
        places.append(f"witness {url}: " + (f"not asked: {trouble}" if seen is None else f"has seen {seen} entries"))
    return notes, places


def _require_not_newer(manifest: Manifest, note: str, what: str) -> None:
    """Who signed it is seen with the whole ledger at hand; an unsigned one is refused there."""
    size = TreeHead.parse(note.rpartition("\n\n")[0] + "\n").size
    if size > manifest.ledger_size:
        raise BackupOutdatedError(_outdated(manifest, size, what))


def _outdated(manifest: Manifest, size: int, what: str) -> str:
    return (
        f"The copy holds {manifest.ledger_size} entries, and {what} knows {size}: "
        f"entries {manifest.ledger_size} to {size - 1} would be cut off. Take a newer copy."
    )


# -- The proof --------------------------------------------------------------------------------------------------------
def _stage(copy: Reader, target: Target) -> None:
    with tempfile.NamedTemporaryFile() as database:
        copy.read_into(copy.manifest.named(DATABASES[copy.manifest.engine]), database.file)
        database.flush()
        target.stage(Path(database.name))
    _require_same_tables(copy.manifest)
    held = {part.digest for part in copy.manifest.parts} | set(copy.manifest.left_out)
    erased = ErasedBlob.objects.values("digest")
    for content_digest in Blob.objects.exclude(digest__in=erased).values_list("digest", flat=True):
        if content_digest not in held:
            raise BackupBrokenError(f"The database names {content_digest}, and the copy does not hold it.")


def _require_same_tables(manifest: Manifest) -> None:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    own = executor.loader.migrated_apps
    unknown = {key for key in executor.loader.applied_migrations if key[0] in own} - set(
        executor.loader.disk_migrations
    )
    if waiting or unknown:
        raise BackupError(
            f"The copy has the tables of release {manifest.product}, and they are not those of this one. "
            "Restore it with that release, then upgrade."
        )


def _verified(manifest: Manifest, notes: Sequence[str], progress: Progress) -> Verification:
    found = verify(checkpoints=notes, progress=lambda done, total: progress("entries verified", done, total))
    if found.problems:
        raise BackupBrokenError(f"The ledger of the copy does not verify: {found.problem}")
    if (found.size, found.root.hex()) != (manifest.ledger_size, manifest.ledger_root):
        raise BackupBrokenError("The ledger of the copy is not the one that its manifest names.")
    return found


# -- The change -------------------------------------------------------------------------------------------------------
def _put_evidence(copy: Reader, progress: Progress) -> None:
    """Content that is there under its right name stays; what lies there altered is replaced."""
    parts = [part for part in copy.manifest.parts if part.name.startswith("evidence/")]
    for done, part in enumerate(parts, 1):
        name = path_of(part.digest)
        if not _is_there(name, part.digest):
            default_storage.delete(name)
            with tempfile.NamedTemporaryFile() as content:
                copy.read_into(part, content.file)
                content.seek(0)
                default_storage.save(name, File(content.file))
        progress("files of evidence", done, len(parts))


def _is_there(name: str, content_digest: str) -> bool:
    if not default_storage.exists(name):
        return False
    with tempfile.NamedTemporaryFile() as content, default_storage.open(name) as stream:
        for chunk in stream.chunks():
            content.write(chunk)
        content.flush()
        return digest_file(content.name) == content_digest


def _put_keys(copy: Reader) -> None:
    folder: Path = settings.ASSAY_KEYS
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    for part in copy.manifest.parts:
        if part.name.startswith("keys/"):
            path = folder / part.name.removeprefix("keys/")
            path.touch(mode=0o600)
            with path.open("wb") as stream:
                copy.read_into(part, stream)


def _take_keys_away() -> None:
    """The folder was empty before."""
    for path in settings.ASSAY_KEYS.glob("*"):
        path.unlink()


def _text_of(copy: Reader, name: str) -> str:
    with tempfile.TemporaryFile() as stream:
        copy.read_into(copy.manifest.named(name), stream)
        stream.seek(0)
        return stream.read().decode()


def _tell(copy: Reader) -> None:
    facts = {"manifest": digest(copy.content), "entries": copy.manifest.ledger_size, "root": copy.manifest.ledger_root}
    with transaction.atomic():
        ledger.append(Event.BACKUP_RESTORED, subject=SUBJECT, facts=facts)
