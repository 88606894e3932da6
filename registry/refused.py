"""Refusals that no verb made: by a model class, by the database, at an edge. Each is told by an entry of its own.

The transaction in which somebody tried is rolled back with the refusal. So the entry waits, and is written when that
transaction has ended: at its commit, at the end of the request or the task, at the latest when the process ends.
"""

from __future__ import annotations

import atexit
import logging
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from django.db import DatabaseError, IntegrityError, connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from registry import immutability, ledger
from registry.errors import AssayError, ImmutableError
from registry.events import Event
from registry.models import LedgerEntry, Person
from registry.signals import change_refused

log = logging.getLogger("assay.refusals")

#: So many wait in one thread at most; what comes after them is counted with the last one.
MOST_WAITING = 100


class HeldByDatabaseError(AssayError, IntegrityError):
    """A trigger of the database refused a statement that goes around the verbs."""

    code = "held-by-database"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What somebody tried (`verb`), on what, and the stable code of the answer. `more` counts equal ones left out.

    `told_at` is index and leaf hash of the entry that tells of it already, unless the transaction around it is undone.
    """

    verb: str
    code: str
    subject: str
    actor: Person | str = ledger.SYSTEM
    facts: Mapping[str, Any] = field(default_factory=dict)
    more: int = 0
    told_at: tuple[int, bytes] | None = None


class _Waiting(threading.local):
    def __init__(self) -> None:
        self.refusals: list[Refusal] = []


_waiting = _Waiting()
_marks: list[str] = [immutability.MESSAGE]


def recognise(mark: str) -> None:
    """Take an error of the database that holds `mark` for a refusal of its triggers."""
    if mark not in _marks:
        _marks.append(mark)


def note(refusal: Refusal) -> None:
    """Have the refusal told: now, or as soon as the transaction around it has ended, however it ends."""
    _add(refusal)
    if connection.in_atomic_block:
        transaction.on_commit(write_waiting)
    else:
        write_waiting()


def tell(refusal: Refusal) -> None:
    """Tell of it now, and once more if that is rolled back with a transaction around it."""
    nested = connection.in_atomic_block
    with transaction.atomic():
        entry = _write(refusal, None)
    if nested:
        _add(replace(refusal, told_at=(entry.index, bytes(entry.leaf_hash))))


def write_waiting(actor: Person | None = None) -> None:
    """Write what waits, in a transaction of its own; `actor` is who did what nobody is named for.

    A refusal stays one when its entry cannot be written: that is logged, and tried again the next time.
    """
    waiting, _waiting.refusals = _waiting.refusals, []
    if not waiting:
        return
    try:
        with transaction.atomic():
            for refusal in waiting:
                if not _is_told(refusal):
                    _write(refusal, actor)
    except Exception:
        log.exception("%d refusals could not be written into the ledger", len(waiting))
        _waiting.refusals = waiting[:MOST_WAITING]


def are_waiting() -> bool:
    """Whether this thread has refusals to write."""
    return bool(_waiting.refusals)


def forget() -> None:
    """Drop what waits in this thread. For tests, whose transactions never end."""
    _waiting.refusals = []


def _add(refusal: Refusal) -> None:
    waiting = _waiting.refusals
    if len(waiting) < MOST_WAITING:
        waiting.append(refusal)
    else:
        waiting[-1] = replace(waiting[-1], more=waiting[-1].more + 1)


def _is_told(refusal: Refusal) -> bool:
    if refusal.told_at is None:
        return False
    index, leaf_hash = refusal.told_at
    return LedgerEntry.objects.filter(index=index, leaf_hash=leaf_hash).exists()


def _write(refusal: Refusal, actor: Person | None) -> LedgerEntry:
    who = actor if actor is not None and refusal.actor == ledger.SYSTEM else refusal.actor
    more = {"more": refusal.more} if refusal.more else {}
    facts = {"verb": refusal.verb, "code": refusal.code, **refusal.facts, **more}
    return ledger.append(Event.ACTION_REFUSED, subject=refusal.subject[:200], actor=who, facts=facts)


# -- What refuses without a verb --------------------------------------------------------------------------------------
def _change_refused(sender: Any, verb: str, key: Any = None, **_signal: Any) -> None:
    subject = sender._meta.label_lower if key is None else f"{sender._meta.label_lower}:{key}"
    note(Refusal(verb=verb, code=ImmutableError.code, subject=subject))


def _executed(execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any) -> Any:  # noqa: FBT001
    """An execute wrapper: a refusal of the triggers gets a stable code and is told."""
    try:
        return execute(sql, params, many, context)
    except DatabaseError as error:
        words = str(error)
        if isinstance(error, HeldByDatabaseError) or not any(mark in words for mark in _marks):
            raise
        note(Refusal(verb="sql", code=HeldByDatabaseError.code, subject=f"table:{words.split(maxsplit=1)[0]}"))
        raise HeldByDatabaseError(words) from error


def _watch(connection: BaseDatabaseWrapper, **_signal: Any) -> None:
    if _executed not in connection.execute_wrappers:
        connection.execute_wrappers.append(_executed)


change_refused.connect(_change_refused, dispatch_uid="registry.refused")
connection_created.connect(_watch, dispatch_uid="registry.refused")
atexit.register(write_waiting)
