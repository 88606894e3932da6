"""Two fields of a ledger entry, read by the database out of the exact body: no copy that could differ from it.

Canonical JSON sorts its keys, so every body begins with `{"actor":"…","at":"…"`. The literals stand in the SQL itself,
because SQLite uses an index on an expression only where both are spelt alike.
"""

from __future__ import annotations

from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BinaryField, Func
from django.db.models.sql.compiler import SQLCompiler

_AFTER_ACTOR = b'","at":"'
_ACTOR_STARTS = len(b'{"actor":"') + 1
_TIME_LENGTH = len(b"2026-01-01T00:00:00.000000Z")


class _InBody(Func):
    """Part of the body as bytes. A body of another form, as an intruder might write it, gives what matches nobody."""

    output_field = BinaryField()
    on_sqlite = on_postgresql = ""

    def as_sqlite(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """By `instr`."""
        place = f"instr(%(expressions)s, X'{_AFTER_ACTOR.hex()}')"
        return self.as_sql(compiler, connection, template=self.on_sqlite.replace("PLACE", place), **context)

    def as_postgresql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper, **context: Any) -> Any:
        """By `position`. A negative length would be an error there."""
        place = f"position('\\x{_AFTER_ACTOR.hex()}'::bytea in %(expressions)s)"
        return self.as_sql(compiler, connection, template=self.on_postgresql.replace("PLACE", place), **context)


class ActorInBody(_InBody):
    """`actor`: a pseudonym or `system`."""

    on_sqlite = f"substr(%(expressions)s, {_ACTOR_STARTS}, PLACE - {_ACTOR_STARTS})"
    on_postgresql = f"substring(%(expressions)s from {_ACTOR_STARTS} for greatest(PLACE - {_ACTOR_STARTS}, 0))"


class TimeInBody(_InBody):
    """`at`: UTC to the microsecond, always of the same length, so that order of bytes is order of time."""

    on_sqlite = f"substr(%(expressions)s, PLACE + {len(_AFTER_ACTOR)}, {_TIME_LENGTH})"
    on_postgresql = f"substring(%(expressions)s from PLACE + {len(_AFTER_ACTOR)} for {_TIME_LENGTH})"
