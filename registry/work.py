"""Reliable work on any broker. The row is the truth, the message is a wake-up (see registry.models.work).

Loses nothing on kill -9: a lease that is not renewed runs out, and the sweep wakes another worker. Does nothing twice:
the effect is written in one transaction that still owns the lease.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from django.conf import settings
from django.db import connection, transaction
from django.db.models import F, Q
from django.utils import timezone

from registry import ledger
from registry.errors import LeaseLostError
from registry.models import WorkItem

log = logging.getLogger("assay.work")

Effect = Callable[[], None]


class Performer(Protocol):
    """Does one kind of work.

    `perform` does the long part outside any transaction and returns the effect, which is run inside one, once.
    `gave_up` returns the effect that records the failure after the last attempt.
    """

    def perform(self, payload: Mapping[str, Any]) -> Effect:
        """Do the work; any exception counts as a failed attempt."""
        ...

    def gave_up(self, payload: Mapping[str, Any], error: str) -> Effect:
        """The effect of having failed for good."""
        ...


@dataclass(frozen=True, slots=True)
class Claim:
    """A work item that this worker owns until its lease ends."""

    item_id: int
    kind: str
    payload: Mapping[str, Any]
    owner: str
    attempt: int


_performers: dict[str, Performer] = {}
_wake: list[Callable[[int], None]] = []


def performs(kind: str, performer: Performer) -> None:
    """Register who does `kind`. Called once per kind when the apps are ready."""
    _performers[kind] = performer


def wakes(send: Callable[[int], None]) -> None:
    """Register how a worker is woken (the Celery task does so)."""
    _wake[:] = [send]


def enqueue(*, kind: str, key: str, payload: Mapping[str, Any]) -> WorkItem:
    """Ask for work, once per `key`. The worker is woken after the surrounding transaction has committed."""
    item, created = WorkItem.objects.get_or_create(
        key=key, defaults={"kind": kind, "payload": dict(payload), "created_at": timezone.now()}
    )
    if created:
        transaction.on_commit(lambda: _send(item.pk))
    return item


def perform(item_id: int) -> bool:
    """Claim the item, do it, write its effect. False when somebody else has it or it is finished."""
    claim = _claim(item_id)
    if claim is None:
        return False
    performer = _performers[claim.kind]
    try:
        with _renewed(claim):
            effect = performer.perform(claim.payload)
        _finish(claim, effect, WorkItem.State.DONE)
    except LeaseLostError:
        log.warning("work item %s was taken over by another worker", item_id)
        return False
    except Exception as error:  # the worker must survive whatever its work raises, and the row must say what it was
        log.exception("work item %s failed (attempt %s)", item_id, claim.attempt)
        _failed(claim, performer, f"{type(error).__name__}: {error}")
    return True


def sweep() -> int:
    """Wake workers for everything that is due: queued, or leased by a worker that stopped renewing."""
    due = list(_due(WorkItem.objects.all()).order_by("pk").values_list("pk", flat=True)[:1000])
    for item_id in due:
        _send(item_id)
    return len(due)


def perform_all() -> int:
    """Do everything due in this process, until nothing is left (the demo's `--once` and tests)."""
    count = 0
    while True:
        item_id = _due(WorkItem.objects.all()).order_by("pk").values_list("pk", flat=True).first()
        if item_id is None:
            return count
        count += perform(item_id)


def _send(item_id: int) -> None:
    for send in _wake:
        try:
            send(item_id)
        except Exception:  # a broker that is down loses no work: the sweep sends it again
            log.exception("could not wake a worker for item %s; the sweep will", item_id)


def _due(items: Any) -> Any:
    now = timezone.now()
    return items.filter(
        Q(state=WorkItem.State.QUEUED, lease_until=None)
        | Q(state=WorkItem.State.QUEUED, lease_until__lte=now)
        | Q(state=WorkItem.State.LEASED, lease_until__lte=now)
    )


def _claim(item_id: int) -> Claim | None:
    """One conditional UPDATE: of any number of workers exactly one gets the row."""
    owner = f"{socket.gethostname()}:{os.getpid()}:{uuid.uuid4().hex[:8]}"
    taken = _due(WorkItem.objects.filter(pk=item_id)).update(
        state=WorkItem.State.LEASED, owner=owner, lease_until=_lease_end(), attempts=F("attempts") + 1
    )
    if not taken:
        return None
    item = WorkItem.objects.get(pk=item_id)
    return Claim(item.pk, item.kind, item.payload, owner, item.attempts)


def _lease_end() -> Any:
    return timezone.now() + timedelta(seconds=settings.ASSAY_LEASE_SECONDS)


def _owned(claim: Claim) -> Any:
    return WorkItem.objects.filter(
        pk=claim.item_id, owner=claim.owner, attempts=claim.attempt, state=WorkItem.State.LEASED
    )


@contextmanager
def _renewed(claim: Claim) -> Iterator[None]:
    """Renew the lease from a thread of its own while the block runs."""
    stop = threading.Event()

    def renew() -> None:
        try:
            while not stop.wait(settings.ASSAY_LEASE_SECONDS / 3):
                _owned(claim).update(lease_until=_lease_end())
        finally:
            connection.close()

    if connection.in_atomic_block:  # tests and callers inside a transaction: a second connection would wait for it
        yield
        return
    thread = threading.Thread(target=renew, name=f"lease-{claim.item_id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _finish(claim: Claim, effect: Effect, state: WorkItem.State) -> None:
    """Effect and end of the work in one transaction, only while the lease is still ours."""
    with transaction.atomic():
        if not _owned(claim).select_for_update().exists():
            raise LeaseLostError("The lease of this work ran out and another worker took it.")
        effect()
        ledger.settle()
        _owned(claim).update(state=state, finished_at=timezone.now(), lease_until=None)


def _failed(claim: Claim, performer: Performer, error: str) -> None:
    """Back to the queue with a growing pause, or given up with the failure as the result."""
    if claim.attempt < settings.ASSAY_WORK_ATTEMPTS:
        pause = timedelta(seconds=2**claim.attempt)
        _owned(claim).update(
            state=WorkItem.State.QUEUED, owner="", lease_until=timezone.now() + pause, last_error=error[:4000]
        )
        return
    _owned(claim).update(last_error=error[:4000])
    try:
        _finish(claim, performer.gave_up(claim.payload, error), WorkItem.State.DEAD)
    except LeaseLostError:
        log.warning("work item %s was taken over by another worker", claim.item_id)
