"""The rows of the ledger in SQL: an append is one call on PostgreSQL and three or four short statements on SQLite.

An entry is written with every change, so what it costs, everything costs. Through the ORM these statements take several
times as long to be put together as to be executed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from django.db import InternalError, connection

from registry import merkle
from registry.errors import LedgerError
from registry.models import LedgerEntry, LedgerHead, LedgerNode

T = TypeVar("T")

#: So many nodes are asked for in one statement; SQLite bounds the depth of an expression.
MOST_PLACES = 400

_HEAD, _ENTRY, _NODE = (model._meta.db_table for model in (LedgerHead, LedgerEntry, LedgerNode))
_TAKE = (
    f"INSERT INTO {_HEAD} (id, size) VALUES (1, 1) "  # noqa: S608 - names of our own tables
    f"ON CONFLICT (id) DO UPDATE SET size = {_HEAD}.size + 1 RETURNING size"
)
_APPEND = "SELECT assay_append_entry(%s, %s, %s, %s)"
_COLUMNS = ("index", "body", "leaf_hash", "event", "subject")
_WRITE = f'INSERT INTO {_ENTRY} ("index", body, leaf_hash, event, subject) VALUES (%s, %s, %s, %s, %s)'  # noqa: S608
_COMPLETE = f"INSERT INTO {_NODE} (level, position, hash) VALUES "  # noqa: S608
_READ = f"SELECT level, position, hash FROM {_NODE} WHERE "  # noqa: S608

Place = tuple[int, int]
#: Body, leaf hash, event, subject.
NewEntry = tuple[bytes, bytes, str, str]


def append(entry: NewEntry) -> LedgerEntry:
    """Insert an entry under the next index, and the tree nodes it completes. Raises LedgerError where one is missing.

    Locks the head until the transaction ends, so writers stand in a line.
    """
    index = _append_in_one_call(entry) if connection.vendor == "postgresql" else _append_step_by_step(entry)
    return LedgerEntry.from_db(connection.alias, _COLUMNS, (index, *entry))


def _append_in_one_call(entry: NewEntry) -> int:
    with connection.cursor() as cursor:
        try:
            cursor.execute(_APPEND, entry)
        except InternalError as error:
            raise LedgerError(str(error).partition("\n")[0]) from error
        return int(cursor.fetchone()[0])


def _append_step_by_step(entry: NewEntry) -> int:
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        index = int(cursor.fetchone()[0]) - 1
        nodes = with_nodes(lambda read: merkle.append_nodes(index, entry[1], read))
        cursor.execute(_WRITE, (index, *entry))
        complete = _COMPLETE + ", ".join(["(%s, %s, %s)"] * len(nodes))
        cursor.execute(complete, [part for node in nodes for part in node])
        return index


def with_nodes(compute: Callable[[merkle.ReadNode], T]) -> T:
    """What `compute` makes of stored nodes, which are read in one query. Raises LedgerError where one is missing.

    Which nodes a root or a proof needs follows from sizes alone, so a first run without hashes finds them.
    """
    wanted: list[Place] = []

    def take_note(level: int, position: int) -> bytes:
        wanted.append((level, position))
        return bytes(merkle.HASH_SIZE)

    compute(take_note)
    found = _read_nodes(wanted)

    def look_up(level: int, position: int) -> bytes:
        try:
            return found[level, position]
        except KeyError:
            raise LedgerError(f"Node {level}/{position} of the ledger is missing.") from None

    return compute(look_up)


def _read_nodes(places: Iterable[Place]) -> Mapping[Place, bytes]:
    """The hashes of the nodes at these places, as far as they are there."""
    wanted = list(dict.fromkeys(places))
    found: dict[Place, bytes] = {}
    with connection.cursor() as cursor:
        for start in range(0, len(wanted), MOST_PLACES):
            part = wanted[start : start + MOST_PLACES]
            condition = " OR ".join(["(level = %s AND position = %s)"] * len(part))
            cursor.execute(_READ + condition, [number for place in part for number in place])
            found |= {(int(level), int(position)): bytes(value) for level, position, value in cursor.fetchall()}
    return found
