"""How each database is copied while others write, and how a copy takes the place of what was there.

A target is staged first: until `activate` the former state can come back with `discard`. SQLite stages in a file
beside, PostgreSQL in the schema while the former one is renamed.
"""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Protocol

from django.db import connection, transaction

from registry.backup.copies import BackupBrokenError, BackupError, Progress

PAGES = 4096  # copied between two reports of progress
PACKAGE = "postgresql-client"
FORMER = "assay_former_"


def dump_database(target: Path, progress: Progress) -> None:
    """Write the moment that the present read transaction sees to `target`. Raises BackupError."""
    if connection.vendor == "sqlite":
        with closing(sqlite3.connect(target)) as copy:
            source = connection.connection
            source.backup(copy, pages=PAGES, progress=lambda _, left, total: progress("pages", total - left, total))
            copy.execute("PRAGMA journal_mode=DELETE")
            if copy.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise BackupError("SQLite finds its own file damaged; see PRAGMA integrity_check.")
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_export_snapshot()")
        (snapshot,) = cursor.fetchone()
    arguments = [f"--snapshot={snapshot}", f"--exclude-schema={FORMER}*", f"--file={target}"]
    _run("pg_dump", "--format=custom", "--no-owner", "--no-privileges", *arguments)


def _run(program: str, *arguments: str) -> None:
    """Run a program of PostgreSQL. What it connects with, the password too, is in its environment only."""
    path = shutil.which(program)
    if path is None:
        raise BackupError(f"{program} is not installed: apt-get install {PACKAGE}, not older than the server.")
    told = connection.settings_dict
    _, given = connection.client.settings_to_cmd_args_env(told, [])
    places = {"PGHOST": told["HOST"], "PGPORT": told["PORT"], "PGUSER": told["USER"], "PGDATABASE": told["NAME"]}
    environment = {**os.environ, **(given or {}), **{name: str(value) for name, value in places.items() if value}}
    done = subprocess.run([path, *arguments], env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BackupError(f"{program} ended with {done.returncode}: {done.stderr.strip()[-600:]}")


class Target(Protocol):
    """The database that a copy is put into."""

    def occupied(self) -> bool:
        """Whether there is anything in it."""

    def stage(self, source: Path) -> None:
        """Have Django's connection read the copy; the former state is kept."""

    def discard(self) -> None:
        """Have everything be as it was."""

    def activate(self) -> str:
        """Make it final. Returns where the former state is kept, "" when there was none."""


class SqliteTarget:
    """A file; the former one stays beside it, with what its write-ahead log holds."""

    def __init__(self, moment: str) -> None:
        self.path = Path(connection.settings_dict["NAME"])
        self.staged = self.path.with_name(f".{self.path.name}.{moment}.restoring")
        self.former = self.path.with_name(f"{self.path.name}.former-{moment}")

    def occupied(self) -> bool:
        """An empty file is what a mere look leaves behind."""
        return self.path.exists() and self.path.stat().st_size > 0

    def stage(self, source: Path) -> None:
        """In the same folder, so that the last step is a rename."""
        self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection.close()
        shutil.copyfile(source, self.staged)
        self.staged.chmod(0o600)
        try:
            with closing(sqlite3.connect(self.staged)) as copy:
                sound = copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        except sqlite3.DatabaseError:
            sound = False
        if not sound:
            raise BackupBrokenError("The database in the copy is damaged.")
        connection.settings_dict["NAME"] = str(self.staged)

    def discard(self) -> None:
        """The former file was never touched."""
        connection.close()
        connection.settings_dict["NAME"] = str(self.path)
        for ending in ("", "-wal", "-shm", "-journal"):
            Path(f"{self.staged}{ending}").unlink(missing_ok=True)

    def activate(self) -> str:
        """The log of writes goes with its file: it would be played into the new one otherwise."""
        connection.close()  # the last connection to close writes its log into the file
        kept = self.occupied()
        for ending in ("-wal", "-shm", ""):
            if Path(f"{self.path}{ending}").exists():
                Path(f"{self.path}{ending}").rename(f"{self.former}{ending}")
        self.staged.rename(self.path)
        connection.settings_dict["NAME"] = str(self.path)
        return str(self.former) if kept else ""


class PostgresTarget:
    """The schema that is searched first; the former one is renamed and stays in the database."""

    def __init__(self, moment: str) -> None:
        self.former = f"{FORMER}{moment.lower()}"
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_schema()")
            (self.schema,) = cursor.fetchone()
        self.staged = self.moved = False

    def occupied(self) -> bool:
        """Any table counts."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_tables WHERE schemaname = %s", [self.schema])
            return bool(cursor.fetchone()[0])

    def stage(self, source: Path) -> None:
        """The copy comes whole or not at all."""
        if self.occupied():
            with transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"ALTER SCHEMA {_quoted(self.schema)} RENAME TO {_quoted(self.former)}")
                cursor.execute(f"CREATE SCHEMA {_quoted(self.schema)}")
            self.moved = True
        self.staged = True
        database = str(connection.settings_dict["NAME"])
        options = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
        _run("pg_restore", *options, f"--dbname={database}", str(source))

    def discard(self) -> None:
        """Drop what was restored; the former schema gets its name back."""
        if not self.staged:
            return
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(f"DROP SCHEMA {_quoted(self.schema)} CASCADE")
            if self.moved:
                cursor.execute(f"ALTER SCHEMA {_quoted(self.former)} RENAME TO {_quoted(self.schema)}")
            else:
                cursor.execute(f"CREATE SCHEMA {_quoted(self.schema)}")

    def activate(self) -> str:
        """Everything is in place already."""
        return f"schema {self.former}" if self.moved else ""


def _quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def target_at(moment: str) -> Target:
    """The configured database. `moment` names what is kept aside, as in 20261121T120000Z."""
    return SqliteTarget(moment) if connection.vendor == "sqlite" else PostgresTarget(moment)
