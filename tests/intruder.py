"""Somebody who owns the database: changes rows behind the product's back, and can recompute the whole tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from registry import merkle
from registry.canonical import canonical_json


@contextmanager
def triggers_set_aside() -> Iterator[None]:
    """The owner of a database can drop any trigger; here they come back afterwards."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # a table with deferred checks under way cannot be altered
            cursor.execute("SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal")
            found = cursor.fetchall()
            for table, name in found:
                cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{name}"')
            yield
            for table, name in found:
                cursor.execute(f'ALTER TABLE {table} ENABLE ALWAYS TRIGGER "{name}"')
            return
        cursor.execute("SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
        triggers = cursor.fetchall()
        for name, _ in triggers:
            cursor.execute(f'DROP TRIGGER "{name}"')
        yield
        for _, sql in triggers:
            cursor.execute(sql)


def run(sql: str, *values: Any) -> None:
    """One statement, behind the triggers' back."""
    with triggers_set_aside(), connection.cursor() as cursor:
        cursor.execute(sql, values)


def bodies() -> list[bytes]:
    with connection.cursor() as cursor:
        cursor.execute('SELECT body FROM registry_ledgerentry ORDER BY "index"')
        return [bytes(body) for (body,) in cursor.fetchall()]


def altered(body: bytes, **changes: Any) -> bytes:
    """The entry with other words, in canonical form."""
    return canonical_json({**json.loads(body), **changes})


def edit_body(index: int, body: bytes) -> None:
    """One entry, and nothing else."""
    run('UPDATE registry_ledgerentry SET body = %s WHERE "index" = %s', body, index)


def rewrite(change: Callable[[list[bytes]], list[bytes]]) -> None:
    """Replace the log by `change` of its bodies, with every hash, copy and the head made to fit.

    The checkpoints kept here go, because without the log's key they cannot be signed anew.
    """
    wanted = change(bodies())
    frontier = merkle.Frontier()
    with triggers_set_aside(), connection.cursor() as cursor:
        for table in ("registry_ledgerentry", "registry_ledgernode", "registry_checkpoint"):
            cursor.execute(f"DELETE FROM {table}")
        for index, body in enumerate(wanted):
            told, leaf = json.loads(body), merkle.leaf_hash(body)
            cursor.execute(
                'INSERT INTO registry_ledgerentry ("index", body, leaf_hash, event, subject)'
                " VALUES (%s, %s, %s, %s, %s)",
                [index, body, leaf, told["event"], told["subject"]],
            )
            for level, position, value in frontier.append(leaf):
                cursor.execute(
                    "INSERT INTO registry_ledgernode (level, position, hash) VALUES (%s, %s, %s)",
                    [level, position, value],
                )
        cursor.execute("UPDATE registry_ledgerhead SET size = %s", [len(wanted)])
