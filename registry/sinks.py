"""Brings checkpoints off this host, so that whoever rewrites the ledger contradicts what others hold.

Three kinds of places: a folder (a mount that only grows, say), a webhook, and witnesses whose cosignatures are kept
with the checkpoint. Each stage decision and each hour asks for it; a place that does not answer is asked again.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from http.client import CONFLICT, OK
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone

from registry import ledger, outbound, work
from registry.cosignatures import WitnessKey
from registry.errors import AssayError, LedgerError
from registry.events import Event
from registry.models import Checkpoint, LedgerEntry
from registry.witness import request_body

log = logging.getLogger("assay.ledger")

CHECKPOINT_WORK = "registry.checkpoint"
OCCASIONS = frozenset({Event.GATE_DECIDED.value, Event.STAGE_ASSIGNED.value})


class UndeliveredError(LedgerError):
    """A checkpoint did not reach every place it should be kept."""

    code = "checkpoint-undelivered"
    retryable = True


def is_configured() -> bool:
    """Whether there is any place outside."""
    return bool(settings.ASSAY_CHECKPOINT_FOLDER or settings.ASSAY_CHECKPOINT_WEBHOOKS or settings.ASSAY_WITNESSES)


def ask(occasion: str) -> None:
    """Have a worker bring the newest checkpoint to every place, once per `occasion`. Belongs into a transaction."""
    if is_configured():
        work.enqueue(kind=CHECKPOINT_WORK, key=f"checkpoint:{occasion}", payload={})


def entry_written(entry: LedgerEntry, **_signal: Any) -> None:
    """A receiver: a stage decision is an occasion, in its own transaction."""
    if entry.event in OCCASIONS:
        ask(f"entry:{entry.index}")


def deliver() -> Checkpoint:
    """Sign the head, have it witnessed, bring it to every place. Raises UndeliveredError naming those that failed."""
    checkpoint = ledger.publish_checkpoint()
    failures: list[str] = []
    for configured in settings.ASSAY_WITNESSES:
        url, _, encoded = configured.partition("|")
        try:
            checkpoint = _witnessed(checkpoint, url, WitnessKey.parse(encoded))
        except AssayError as error:
            failures.append(f"witness {url}: {error}")
    if settings.ASSAY_CHECKPOINT_FOLDER:
        try:
            _write(Path(settings.ASSAY_CHECKPOINT_FOLDER), checkpoint)
        except OSError as error:
            failures.append(f"folder: {error}")
    for url in settings.ASSAY_CHECKPOINT_WEBHOOKS:
        try:
            _send(url, checkpoint)
        except AssayError as error:
            failures.append(f"webhook {url}: {error}")
    if failures:
        raise UndeliveredError("; ".join(failures))
    return checkpoint


def ask_witnesses(size: int, note: str) -> Iterator[tuple[str, int | None, str]]:
    """What each witness has seen of this ledger: (url, entries, ""), or (url, None, why that could not be found out).

    `note` is a checkpoint of `size` entries. A witness that has cosigned that very head does so again. Raises
    LedgerError where one has cosigned another head of that size.
    """
    for configured in settings.ASSAY_WITNESSES:
        url = configured.partition("|")[0]
        try:
            body = request_body(size, [], note)
            answer = outbound.post(f"{url.rstrip('/')}/add-checkpoint", body, content_type="text/plain; charset=utf-8")
        except AssayError as error:
            yield url, None, str(error)
            continue
        seen = int(answer.content) if answer.status == CONFLICT and answer.content.strip().isdigit() else None
        if seen == size:
            raise LedgerError(f"The witness {url} has cosigned another tree of {size} entries.")
        if answer.status == OK:
            yield url, size, ""
        else:
            yield url, seen, "" if seen is not None else f"it answered {answer.status}"


class CheckpointPerformer:
    """Delivers as work: what fails is tried again later."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Deliver now; nothing is left to write."""
        del payload
        deliver()
        return lambda: None

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:
        """The next occasion delivers a newer checkpoint, which proves this one as well."""
        del payload
        log.error("a checkpoint could not be brought off this host: %s", error)
        return lambda: None


def _witnessed(checkpoint: Checkpoint, url: str, key: WitnessKey) -> Checkpoint:
    """The checkpoint with the cosignature of one witness, stored as a further row."""
    mark = f"\n\N{EM DASH} {key.name} "
    if mark in checkpoint.note:
        return checkpoint
    known = Checkpoint.objects.filter(note__contains=mark).values_list("size", flat=True).first() or 0
    answer = _add_checkpoint(url, known, checkpoint)
    if answer.status == CONFLICT and answer.content.strip().isdigit():  # it knows another size
        answer = _add_checkpoint(url, int(answer.content), checkpoint)
    if answer.status != OK:
        raise LedgerError(f"it answered {answer.status}: {answer.content[:200].decode(errors='replace').strip()}")
    line = answer.content.decode()
    key.verify(line, checkpoint.note.rpartition("\n\n")[0] + "\n")
    cosigned = Checkpoint(size=checkpoint.size, note=checkpoint.note + line, created_at=timezone.now())
    cosigned.save()
    return cosigned


def _add_checkpoint(url: str, old: int, checkpoint: Checkpoint) -> outbound.Answer:
    if old > checkpoint.size:
        raise LedgerError(f"it has seen {old} entries of this ledger, and only {checkpoint.size} are here")
    proof = ledger.consistency_proof(old, checkpoint.size) if 0 < old < checkpoint.size else []
    body = request_body(old, proof, checkpoint.note)
    return outbound.post(f"{url.rstrip('/')}/add-checkpoint", body, content_type="text/plain; charset=utf-8")


def _write(folder: Path, checkpoint: Checkpoint) -> None:
    """One file a checkpoint, never overwritten: the folder may be a mount that takes no changes."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        descriptor = os.open(
            folder / f"{checkpoint.size:012d}-{checkpoint.pk}.checkpoint", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644
        )
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w") as stream:
        stream.write(checkpoint.note)
        stream.flush()
        os.fsync(stream.fileno())


def _send(url: str, checkpoint: Checkpoint) -> None:
    answer = outbound.post(url, checkpoint.note.encode(), content_type="text/plain; charset=utf-8")
    if not 200 <= answer.status < 300:  # noqa: PLR2004
        raise LedgerError(f"it answered {answer.status}")
