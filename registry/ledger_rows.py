"""The rows of the ledger in SQL: an append is three or four short statements, and a proof is one.

An entry is written with every change, so what it costs, everything costs. Through the ORM these statements take several
times as long to be put together as to be executed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from django.db import connection

from registry.models import LedgerEntry, LedgerHead, LedgerNode

#: So many nodes are asked for in one statement; SQLite bounds the depth of an expression.
MOST_PLACES = 400

_HEAD, _ENTRY, _NODE = (model._meta.db_table for model in (LedgerHead, LedgerEntry, LedgerNode))
_TAKE = (
    f"INSERT INTO {_HEAD} (id, size) VALUES (1, 1) "  # noqa: S608 - names of our own tables
    f"ON CONFLICT (id) DO UPDATE SET size = {_HEAD}.size + 1 RETURNING size"
)
_COLUMNS = ("index", "body", "leaf_hash", "event", "subject")
_WRITE = f'INSERT INTO {_ENTRY} ("index", body, leaf_hash, event, subject) VALUES (%s, %s, %s, %s, %s)'  # noqa: S608
_COMPLETE = f"INSERT INTO {_NODE} (level, position, hash) VALUES "  # noqa: S608
_READ = f"SELECT level, position, hash FROM {_NODE} WHERE "  # noqa: S608

Place = tuple[int, int]
#: Index, body, leaf hash, event, subject.
EntryRow = tuple[int, bytes, bytes, str, str]


def take_index() -> int:
    """The index of the next entry. Locks the head until the transaction ends, so writers stand in a line."""
    with connection.cursor() as cursor:
        cursor.execute(_TAKE)
        return int(cursor.fetchone()[0]) - 1


def write(row: EntryRow, nodes: Sequence[tuple[int, int, bytes]]) -> LedgerEntry:
    """Insert an entry under its index, and the nodes it completes: (level, position, hash)."""
    complete = _COMPLETE + ", ".join(["(%s, %s, %s)"] * len(nodes))
    parts = [part for node in nodes for part in node]
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":  # both in one statement: a way there and back less
            cursor.execute(f"WITH entry AS ({_WRITE}) {complete}", [*row, *parts])
        else:
            cursor.execute(_WRITE, row)
            cursor.execute(complete, parts)
    return LedgerEntry.from_db(connection.alias, _COLUMNS, row)


def read_nodes(places: Iterable[Place]) -> Mapping[Place, bytes]:
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
