"""Finds and erases what the records hold of a person, so that every proof stays and the name cannot be had back.

The ledger holds pseudonyms and salted commitments only. Erasing empties a text and its salt together, in the rows and
beside the ledger; the entry that tells of it names the commitments, and layer D accepts no other gap.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import connection, models
from django.db.models import Q

from registry.errors import StillSeenError
from registry.immutability import ERASED
from registry.models import ErasableText, LedgerEntry, Person
from registry.rows import Table, forget_commitments, note_new, tables

if TYPE_CHECKING:
    from psycopg.errors import Diagnostic

CHUNK = 2000
SHORTEST = 3
#: Seconds that a rewrite waits for those who still see the database as it was before.
PATIENCE = 60.0
# A snapshot's horizon is the oldest transaction of the whole server: a rewrite keeps what a writer in another database,
# or a prepared transaction, began before. Who only reads counts in this database alone.
_OLDER = (
    "SELECT pg_snapshot_xmin(pg_current_snapshot()) < %s::xid8 OR EXISTS (SELECT FROM pg_stat_activity "
    "WHERE datname = current_database() AND pid <> pg_backend_pid() AND age(backend_xmin) > age(%s::xid8::xid))"
)
_STILL_SEEN = "Somebody still reads what was erased, so it cannot be overwritten yet."
_IDENTITY = ("username", "first_name", "last_name", "email")


@dataclass(frozen=True, slots=True)
class Names:
    """By what a person is known here, now and formerly. First names alone belong to too many."""

    known: tuple[str, ...]

    @property
    def pattern(self) -> re.Pattern[str]:
        """Any of the names as whole words, however they are capitalised."""
        return re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in self.known), re.IGNORECASE)

    def in_column(self, column: str) -> Q:
        """Rows whose column may hold a name; `pattern` decides."""
        return reduce(or_, (Q(**{f"{column}__icontains": name}) for name in self.known))


@dataclass(slots=True)
class Traces:
    """Erasable columns by table and key, and the commitments of what they and the ledger's facts hold.

    `sharing` are other people who were told of in the same transaction with the same word, such as a first name.
    """

    rows: dict[str, dict[Any, set[str]]] = field(default_factory=dict)
    commitments: set[str] = field(default_factory=set)
    sharing: set[str] = field(default_factory=set)

    @property
    def count(self) -> int:
        """Rows in which something is erased."""
        return sum(map(len, self.rows.values()))


def names_of(person: Person) -> Names:
    """Every name the person has or had here, as the ledger's erasable texts still know them."""
    told = [texts for label, key, texts in _told_texts() if (label, key) == (Person._meta.label_lower, str(person.pk))]
    former = ErasableText.objects.filter(commitment__in=_commitments(told, _IDENTITY), text__isnull=False)
    by_commitment = dict(former.values_list("commitment", "text"))
    known = {person.get_username(), person.get_full_name(), person.email}
    lasts = {person.last_name}
    first = last = ""
    for texts in told:
        for column in ("username", "email"):
            known.add(by_commitment.get(texts.get(column, ""), "") or "")
        first = by_commitment.get(texts.get("first_name", ""), first) or first
        last = by_commitment.get(texts.get("last_name", ""), last) or last
        lasts.add(last)
        known.add(f"{first} {last}".strip() if first and last else "")
    others = Person.objects.exclude(pk=person.pk)
    known |= {name for name in lasts if name and not others.filter(last_name__iexact=name).exists()}
    return Names(tuple(sorted((name for name in known if len(name) >= SHORTEST), key=len, reverse=True)))


def find(person: Person, names: Names) -> Traces:
    """Where the person's names stand in erasable places. The person's own row is the caller's."""
    traces = Traces()
    for table in tables().values():
        if table.texts and table.model is not Person:
            found = dict(_in_table(table, person, names))
            if found:
                traces.rows[table.label] = found
    others: dict[str, set[str]] = {}
    mine = (Person._meta.label_lower, str(person.pk))
    for label, key, texts in _told_texts():
        if (label, key) == mine:
            traces.commitments.update(texts.values())
        elif label == mine[0]:
            for value in texts.values():
                others.setdefault(value, set()).add(key)
        else:
            columns = traces.rows.get(label, {}).get(key, set())
            traces.commitments.update(value for name, value in texts.items() if name in columns)
    beside = ErasableText.objects.filter(names.in_column("text")).values_list("commitment", "text")
    traces.commitments |= {name for name, text in beside if names.pattern.search(text or "") and name not in others}
    traces.sharing = {key for name in traces.commitments for key in others.get(name, ())}
    return traces


def erase(traces: Traces) -> None:
    """Empty the texts, in the rows and beside the ledger. Belongs into the transaction of the entry that tells it."""
    for label, rows in traces.rows.items():
        table = tables()[label]
        for key, columns in rows.items():
            # Not through the manager: that of a record refuses, and the triggers let exactly this pass.
            models.QuerySet(table.model).filter(pk=key).update(**dict.fromkeys(sorted(columns), ERASED))
    wanted = sorted(traces.commitments)
    for start in range(0, len(wanted), 500):
        ErasableText.objects.filter(commitment__in=wanted[start : start + 500]).update(salt=None, text=None)
    forget_commitments(traces.commitments)
    for other in Person.objects.filter(pk__in=traces.sharing):
        note_new(other)


def remains(names: Names) -> list[str]:
    """Every place in any table where a name still stands: `<table>:<key> <column>`."""
    places = []
    for model in apps.get_models():
        for column in model._meta.concrete_fields:
            if not isinstance(column, models.CharField | models.TextField | models.JSONField):
                continue
            rows = model._base_manager.filter(names.in_column(column.name)).values_list("pk", column.name)
            label = model._meta.label_lower
            places += [f"{label}:{pk} {column.name}" for pk, text in rows if names.pattern.search(_as_text(text))]
    return places


def scrub() -> None:
    """Have the database overwrite what was erased. Outside of any transaction; copies and backups are not reached.

    Raises StillSeenError on PostgreSQL while a transaction goes on that began before: a rewrite keeps what it may see.
    """
    if connection.vendor == "postgresql":
        _await_older()
        for table in [ErasableText._meta.db_table, *(table.model._meta.db_table for table in tables().values())]:
            _rewrite(table)
        return
    with connection.cursor() as cursor:
        cursor.execute("VACUUM")
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _await_older() -> None:
    """Until no transaction that a rewrite has to mind is older than the present moment."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_current_xact_id()::text")
        (now,) = cursor.fetchone()
        end = time.monotonic() + PATIENCE
        while True:
            cursor.execute(_OLDER, [now, now])
            if not cursor.fetchone()[0]:
                return
            if time.monotonic() >= end:
                raise StillSeenError(_STILL_SEEN)
            time.sleep(0.1)


def _rewrite(table: str) -> None:
    """Write the table anew without its dead rows, and hear from the database that none was kept.

    The sessions of other roles may be hidden from ours, as are replicas that hold rows back; the database minds them.
    """
    kept: list[str] = []

    def listen(said: Diagnostic) -> None:
        if said.message_detail:  # "<n> dead row versions cannot be removed yet.", in the server's language
            kept.extend(re.findall(r"\d+", said.message_detail)[:1])

    with connection.cursor() as cursor:
        session = connection.connection
        session.add_notice_handler(listen)
        try:
            cursor.execute(f'VACUUM (FULL, ANALYZE, VERBOSE) "{table}"')
        finally:
            session.remove_notice_handler(listen)
    if kept != ["0"]:
        raise StillSeenError(_STILL_SEEN)


def _in_table(table: Table, person: Person, names: Names) -> Iterator[tuple[Any, set[str]]]:
    found: dict[Any, set[str]] = {}
    for column in table.texts:
        if column == "printed_name":  # it is somebody's signature: theirs, or of another person who is called alike
            links = [field.name for field in table.model._meta.concrete_fields if field.related_model is Person]
            signed = reduce(or_, (Q(**{name: person}) for name in links))
            rows = table.model._base_manager.filter(signed).exclude(printed_name=ERASED).values_list("pk", column)
            keys: Iterable[Any] = [pk for pk, _ in rows]
        else:
            rows = table.model._base_manager.filter(names.in_column(column)).values_list("pk", column)
            keys = [pk for pk, text in rows if names.pattern.search(text)]
        for key in keys:
            found.setdefault(str(key), set()).add(column)
    yield from found.items()


def _told_texts() -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """(table, key, commitments by column) of every row that an entry told with texts, oldest first."""
    bodies = LedgerEntry.objects.order_by("index").values_list("body", flat=True)
    for body in bodies.iterator(chunk_size=CHUNK):
        if b'"texts"' not in bytes(body):
            continue
        for name, words in json.loads(bytes(body)).get("rows", {}).items():
            label, _, key = name.partition(":")
            if texts := words.get("texts"):
                yield label, key, texts


def _commitments(told: Iterable[Mapping[str, str]], columns: Iterable[str]) -> set[str]:
    wanted = set(columns)
    return {value for texts in told for name, value in texts.items() if name in wanted}


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
