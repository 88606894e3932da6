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
#: What stands in place of a text that was erased. The one change that a record takes.
ERASED = "[erased]"

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


def protect_but_erasable(table: str, *texts: str) -> RunPython:
    """As `protect`, but each of `texts` may become `ERASED`, and nothing else, when a person is erased."""

    def install(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        _protect_but_erasable(editor, table, texts)

    def restore(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        _protect(editor, table)

    return RunPython(install, restore, elidable=False)


def protect_but_removable(table: str) -> RunPython:
    """As `protect`, but rows may be deleted: for personal data, which must not stay for the record's sake."""

    def install(_apps: Apps, editor: BaseDatabaseSchemaEditor) -> None:
        _protect(editor, table)
        if editor.connection.vendor != "postgresql":
            editor.execute(f'DROP TRIGGER "{table}_keep_delete"')
            return
        name = f"{table}_keep_row"
        editor.execute(f'DROP TRIGGER "{name}" ON "{table}"')
        editor.execute(
            f'CREATE TRIGGER "{name}" BEFORE UPDATE ON "{table}" FOR EACH ROW EXECUTE FUNCTION assay_refuse_change()'
        )
        editor.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{name}"')

    return RunPython(install, _for_each((table,), _release), elidable=False)


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


_POSTGRES_ERASER = f"""
CREATE OR REPLACE FUNCTION assay_erase_only() RETURNS trigger AS $$
DECLARE kept jsonb := to_jsonb(OLD); given jsonb := to_jsonb(NEW); name text; erases boolean := false;
BEGIN
    FOREACH name IN ARRAY TG_ARGV LOOP
        IF given ->> name = '{ERASED}' AND kept ->> name <> '{ERASED}' THEN
            kept := kept - name; given := given - name; erases := true;
        END IF;
    END LOOP;
    IF erases AND kept = given THEN RETURN NEW; END IF;
    RAISE EXCEPTION '% {MESSAGE}: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'restrict_violation';
END;
$$ LANGUAGE plpgsql;
"""


def _protect_but_erasable(editor: BaseDatabaseSchemaEditor, table: str, texts: tuple[str, ...]) -> None:
    _protect(editor, table)
    if editor.connection.vendor == "postgresql":
        editor.execute(_POSTGRES_ERASER, params=None)
        name, arguments = f"{table}_keep_row", ", ".join(f"'{text}'" for text in texts)
        editor.execute(f'DROP TRIGGER "{name}" ON "{table}"')
        for kept, event, run in (
            (name, "UPDATE", f"assay_erase_only({arguments})"),
            (f"{table}_keep_delete", "DELETE", "assay_refuse_change()"),
        ):
            editor.execute(f'CREATE TRIGGER "{kept}" BEFORE {event} ON "{table}" FOR EACH ROW EXECUTE FUNCTION {run}')
            editor.execute(f'ALTER TABLE "{table}" ENABLE ALWAYS TRIGGER "{kept}"')
        return
    with editor.connection.cursor() as cursor:
        columns = [column.name for column in editor.connection.introspection.get_table_description(cursor, table)]
    same = " AND ".join(
        f'(NEW."{name}" IS OLD."{name}"{_or_erased(name) if name in texts else ""})' for name in columns
    )
    some = " OR ".join(f"(NEW.\"{name}\" = '{ERASED}' AND OLD.\"{name}\" <> '{ERASED}')" for name in texts)
    editor.execute(f'DROP TRIGGER "{table}_keep_update"')
    editor.execute(
        f'CREATE TRIGGER "{table}_keep_update" BEFORE UPDATE ON "{table}" WHEN NOT (({same}) AND ({some})) '
        f"BEGIN SELECT RAISE(ABORT, '{table} {MESSAGE}: UPDATE refused'); END"
    )


def _or_erased(name: str) -> str:
    return f" OR NEW.\"{name}\" = '{ERASED}'"


def _release(editor: BaseDatabaseSchemaEditor, table: str) -> None:
    names = ("row", "delete", "statement") if editor.connection.vendor == "postgresql" else ("update", "delete")
    for name in names:
        on_table = f' ON "{table}"' if editor.connection.vendor == "postgresql" else ""
        editor.execute(f'DROP TRIGGER IF EXISTS "{table}_keep_{name}"{on_table}')
