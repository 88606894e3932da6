"""Database triggers that refuse UPDATE and DELETE on the append-only tables, on SQLite and PostgreSQL alike.

This is hygiene against accidents and hasty SQL, not proof: whoever owns the database can drop a trigger. Proof comes
from checkpoints and receipts kept elsewhere (`registry.ledger`).
"""

from __future__ import annotations

from collections.abc import Callable

from django.apps.registry import Apps
from django.db.backends.base.schema import BaseDatabaseSchemaEditor
from django.db.migrations.operations import RunPython

MESSAGE = "is part of the record"

_POSTGRES_FUNCTION = f"""
CREATE OR REPLACE FUNCTION assay_refuse_change() RETURNS trigger AS $$
BEGIN
    RAISE EXCEPTION '% {MESSAGE}: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END;
$$ LANGUAGE plpgsql;
"""


def protect(*tables: str) -> RunPython:
    """A migration operation that makes `tables` append-only; its reverse makes them ordinary again."""
    return RunPython(_for_each(tables, _protect), _for_each(tables, _release), elidable=False)


def protect_table(editor: BaseDatabaseSchemaEditor, table: str) -> None:
    """Install the triggers of one table (also used by the restore command)."""
    _protect(editor, table)


def _for_each(
    tables: tuple[str, ...], action: Callable[[BaseDatabaseSchemaEditor, str], None]
) -> Callable[[Apps, BaseDatabaseSchemaEditor], None]:
    def run(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        for table in tables:
            action(editor, table)

    return run


def _protect(editor: BaseDatabaseSchemaEditor, table: str) -> None:
    # Anew each time: on SQLite a migration that rebuilds a table silently loses its triggers.
    _release(editor, table)
    if editor.connection.vendor == "postgresql":
        editor.execute(_POSTGRES_FUNCTION, params=None)  # its percent signs are not placeholders
        # ALWAYS: a session in replica mode is no way around it. TRUNCATE needs its own statement-level trigger.
        for event, level in (("UPDATE OR DELETE", "ROW"), ("TRUNCATE", "STATEMENT")):
            name = f"{table}_keep_{level.lower()}"
            editor.execute(
                f'CREATE TRIGGER "{name}" BEFORE {event} ON "{table}" '
                f"FOR EACH {level} EXECUTE FUNCTION assay_refuse_change()"
            )
            editor.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{name}"')
        return
    for event in ("UPDATE", "DELETE"):
        editor.execute(
            f'CREATE TRIGGER "{table}_keep_{event.lower()}" BEFORE {event} ON "{table}" '
            f"BEGIN SELECT RAISE(ABORT, '{table} {MESSAGE}: {event} refused'); END"
        )


def _release(editor: BaseDatabaseSchemaEditor, table: str) -> None:
    names = ("row", "statement") if editor.connection.vendor == "postgresql" else ("update", "delete")
    for name in names:
        on_table = f' ON "{table}"' if editor.connection.vendor == "postgresql" else ""
        editor.execute(f'DROP TRIGGER IF EXISTS "{table}_keep_{name}"{on_table}')
