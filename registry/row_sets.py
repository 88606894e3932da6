"""Many rows in one statement with one parameter, which SQLite and PostgreSQL take apart themselves.

For tables that are derived by the thousand. Django binds each cell by itself, and for rows of a few short texts that
costs more than deriving them did; SQLite takes a limited number of parameters besides. Signals are not sent and `save`
is not called.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from django.db import connection, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql.compiler import SQLCompiler

_CASTS = {"JSONField": "jsonb", "BigAutoField": "bigint", "BigIntegerField": "bigint"}


def add(
    model: type[models.Model], columns: Sequence[str], rows: Iterable[Sequence[Any]], *, returning: Sequence[str] = ()
) -> list[tuple[Any, ...]]:
    """Insert in the order given and leave out what a unique constraint holds already.

    Returns the columns asked for of the rows that were inserted.
    """
    given = [list(row) for row in rows]
    if not given:
        return []
    names = ", ".join(_quoted(_column(model, name)) for name in columns)
    values = ", ".join(_cell(model, name, at) for at, name in enumerate(columns))
    asked = ", ".join(_quoted(_column(model, name)) for name in returning)
    sql = f"INSERT INTO {_quoted(model._meta.db_table)} ({names}) SELECT {values} FROM {_elements()} WHERE true"  # noqa: S608
    sql += " ON CONFLICT DO NOTHING" + (f" RETURNING {asked}" if asked else "")
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps(given)])
        return list(cursor.fetchall()) if asked else []


def change(model: type[models.Model], column: str, values: Iterable[tuple[int, Any]]) -> None:
    """Set one column of the rows with these keys."""
    given = [list(pair) for pair in values]
    if not given:
        return
    table, key = _quoted(model._meta.db_table), _quoted(_column(model, "pk"))
    sql = (
        f"UPDATE {table} SET {_quoted(_column(model, column))} = given.new FROM "  # noqa: S608
        f"(SELECT {_cell(model, 'pk', 0)} AS id, {_cell(model, column, 1)} AS new FROM {_elements()}) AS given "
        f"WHERE {table}.{key} = given.id"
    )
    with connection.cursor() as cursor:
        cursor.execute(sql, [json.dumps(given)])


@models.CharField.register_lookup
@models.TextField.register_lookup
class Among(models.Lookup):
    """`name__among=texts`: as `name__in`, with one parameter for any number of texts."""

    lookup_name = "among"
    prepare_rhs = False  # one value of the column is a text, and these are many

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """`column = ANY(array)`, or `column IN (the elements of a JSON array)`."""
        column, given = self.process_lhs(compiler, connection)
        texts: list[str] = list(self.rhs)
        if connection.vendor == "postgresql":
            return f"{column} = ANY(%s)", (*given, texts)
        return f"{column} IN (SELECT value FROM json_each(%s))", (*given, json.dumps(texts))  # noqa: S608  (a column)


def _elements() -> str:
    """A row `value` for each element of the parameter."""
    return "jsonb_array_elements(%s::jsonb) AS element(value)" if _is_postgres() else "json_each(%s)"


def _cell(model: type[models.Model], name: str, at: int) -> str:
    if not _is_postgres():
        return f"json_extract(value, '$[{at}]')"
    field = _field(model, name)
    kind = (field.target_field if isinstance(field, models.ForeignKey) else field).get_internal_type()
    return f"(value->>{at})::{_CASTS[kind]}" if kind in _CASTS else f"value->>{at}"


def _is_postgres() -> bool:
    return connection.vendor == "postgresql"


def _field(model: type[models.Model], name: str) -> models.Field[Any, Any]:
    found = model._meta.pk if name == "pk" else model._meta.get_field(name)
    assert isinstance(found, models.Field)  # noqa: S101 - a column, not a relation from elsewhere
    return found


def _column(model: type[models.Model], name: str) -> str:
    return str(_field(model, name).column)


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)
