"""What a ledger entry says about the rows it stands for, so that editing a row afterwards contradicts the ledger.

Each app registers its tables once (`registry/reconcilers.py` and its siblings). From then on every row that is saved
waits, inside its transaction, for the entry of the change, and that entry answers for it:

    "rows": {"governance.review:7": {"digest": "sha256:…", "texts": {"reason": "sha256:…"}}}

The digest covers the columns; an erasable text is told by a salted commitment instead, so that erasing it leaves every
proof and every digest as it was. A row for which no entry came is told by an entry of its own right after the commit:
no code path changes a registered table in silence. What goes around Django's models is found by reconciling.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.db import connection, models, transaction
from django.db.models.signals import m2m_changed, post_delete, post_save

from registry.canonical import digest, digest_of

Commit = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """How the rows of one model are told.

    `texts` are erasable columns. `omits` are columns that change without an entry, each for a reason given where it is
    registered. `also` adds what lies in other tables (a many-to-many relation). Of a row that is told several times the
    newest telling counts.
    """

    model: type[models.Model]
    texts: tuple[str, ...] = ()
    omits: tuple[str, ...] = ()
    also: Callable[[Any], Mapping[str, Any]] | None = None

    @property
    def label(self) -> str:
        """`<app>.<model>` in lower case."""
        return self.model._meta.label_lower

    def digest_of(self, row: models.Model) -> str:
        """Over every column but the erasable and omitted ones, of a row as it was read from the database."""
        columns = {
            field.attname: _plain(getattr(row, field.attname))
            for field in self.model._meta.concrete_fields
            if field.attname not in (*self.texts, *self.omits)
        }
        return digest_of(columns | dict(self.also(row) if self.also else {}))

    def told(self, row: models.Model | None, texts: Iterable[str], commit: Commit) -> dict[str, Any]:
        """The entry's words about a row: its digest and commitments of `texts`, or that it is gone."""
        if row is None:
            return {"deleted": True}
        committed = {name: commit(text) for name in texts if (text := getattr(row, name))}
        return {"digest": self.digest_of(row), **({"texts": committed} if committed else {})}


class _Waiting:
    """A saved row that no entry tells of yet.

    It is kept as a commit hook, because Django forgets exactly those hooks whose savepoint or transaction is rolled
    back. If it is still untold when the hook runs, it is told alone.
    """

    def __init__(self, table: Table, key: Any, texts: tuple[str, ...]) -> None:
        self.table, self.key, self.texts = table, key, texts
        self.told_by: _Told | None = None

    def __call__(self) -> None:
        if self.told_by is None:
            _tell_alone(self)


class _Told:
    """Marks, as a commit hook too, that an entry was written; it disappears with the entry."""

    def __call__(self) -> None:
        """Nothing is left to do at commit."""


_tables: dict[str, Table] = {}
_alone: list[Callable[[], None]] = []


def reconciles(
    model: type[models.Model],
    *,
    texts: Iterable[str] = (),
    omits: Iterable[str] = (),
    also: Callable[[Any], Mapping[str, Any]] | None = None,
    relations: Iterable[type[models.Model]] = (),
) -> None:
    """Register a table whose rows the ledger answers for. Called once a table when the apps are ready.

    `relations` are the many-to-many tables that `also` reads: a change of theirs is a change of the row.
    """
    table = Table(model=model, texts=tuple(texts), omits=tuple(omits), also=also)
    _tables[table.label] = table
    post_save.connect(_saved, sender=model, dispatch_uid=f"ledger.{table.label}")
    post_delete.connect(_deleted, sender=model, dispatch_uid=f"ledger.{table.label}")
    for relation in relations:
        m2m_changed.connect(_related, sender=relation, dispatch_uid=f"ledger.{relation._meta.label_lower}")


def tables() -> Mapping[str, Table]:
    """The registered tables by label."""
    return _tables


def tells_alone(write: Callable[[], None]) -> None:
    """Register what writes an entry for the rows that wait (`ledger.settle`)."""
    _alone[:] = [write]


def tell(commit: Commit) -> dict[str, Any]:
    """The `rows` part of the entry that is being written: every row saved in this transaction that still waits."""
    hooks = _waiting()
    if not hooks:
        return {}
    mark = _Told()
    for hook in hooks:
        hook.told_by = mark
    transaction.on_commit(mark)
    return _told(hooks, commit)


def waiting() -> list[str]:
    """Names of the rows saved in this transaction that no entry tells of yet."""
    return [f"{hook.table.label}:{hook.key}" for hook in _waiting()]


def _waiting() -> list[_Waiting]:
    hooks = [hook[1] for hook in connection.run_on_commit]
    written = {hook for hook in hooks if isinstance(hook, _Told)}
    return [hook for hook in hooks if isinstance(hook, _Waiting) and hook.told_by not in written]


def committed(text: str) -> str | None:
    """The commitment that this transaction has already made of `text`, if any."""
    for hook in connection.run_on_commit:
        if isinstance(hook[1], _Committed) and hook[1].text == text:
            return hook[1].commitment
    return None


def note_commitment(text: str, promised: str) -> None:
    """Remember a commitment until the transaction ends."""
    transaction.on_commit(_Committed(text, promised))


def forget_commitments(erased: Collection[str]) -> None:
    """Make no further use, in this transaction, of commitments whose text and salt are gone."""
    connection.run_on_commit = [
        hook
        for hook in connection.run_on_commit
        if not (isinstance(hook[1], _Committed) and hook[1].commitment in erased)
    ]


@dataclass(frozen=True, slots=True)
class _Committed:
    """A text of this transaction with its commitment."""

    text: str
    commitment: str

    def __call__(self) -> None:
        """Nothing is left to do at commit."""


def commitment(salt: bytes, text: str) -> str:
    """SHA-256(salt ‖ text)."""
    return digest(salt + text.encode())


def note(row: models.Model, *, texts: Iterable[str] = ()) -> None:
    """Have the next entry of this transaction tell of `row`. Signals do so for everything saved one by one."""
    table = _tables.get(row._meta.label_lower)
    if table is not None:
        transaction.on_commit(_Waiting(table, row.pk, tuple(texts)))


def note_new(row: models.Model) -> None:
    """As `note`, for a row that is not known to any entry: its texts are told too."""
    table = _tables.get(row._meta.label_lower)
    note(row, texts=table.texts if table else ())


def _saved(instance: models.Model, *, created: bool, raw: bool, update_fields: Any, **_signal: Any) -> None:
    table = _tables[instance._meta.label_lower]
    named = None if update_fields is None else set(update_fields)
    if raw or (named is not None and named <= set(table.omits)):
        return
    note(instance, texts=table.texts if created or named is None else [name for name in table.texts if name in named])


def _deleted(instance: models.Model, **_signal: Any) -> None:
    note(instance)


def _related(instance: models.Model, *, action: str, model: type[models.Model], pk_set: Any, **signal: Any) -> None:
    if not action.startswith("post_"):
        return
    if signal.get("reverse"):
        for row in model._base_manager.filter(pk__in=pk_set or ()):
            note(row)
    else:
        note(instance)


def _told(hooks: Iterable[_Waiting], commit: Commit) -> dict[str, Any]:
    by_table: dict[str, dict[Any, set[str]]] = {}
    for hook in hooks:
        by_table.setdefault(hook.table.label, {}).setdefault(hook.key, set()).update(hook.texts)
    told: dict[str, Any] = {}
    for label, keys in by_table.items():
        table = _tables[label]
        found = {row.pk: row for row in table.model._base_manager.filter(pk__in=list(keys))}
        for key, texts in keys.items():
            told[f"{label}:{key}"] = table.told(found.get(key), sorted(texts), commit)
    return told


def _tell_alone(hook: _Waiting) -> None:
    with transaction.atomic():
        transaction.on_commit(_Waiting(hook.table, hook.key, hook.texts))
        for write in _alone:
            write()


def _plain(value: Any) -> Any:
    """JSON of one column, the same on every database."""
    if value is None or isinstance(value, bool | int | float | list | dict):
        return value
    if isinstance(value, bytes | memoryview):
        return bytes(value).hex()
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return str(value)
