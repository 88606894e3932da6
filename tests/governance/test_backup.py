"""`manage.py backup` and `restore`: real processes, real databases, real files."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest
from django.conf import settings

from registry.canonical import digest

ROOT = Path(__file__).resolve().parents[2]
FILL = """
from django.db import transaction
from registry import ledger, storage
from registry.events import Event
from registry.key_history import record_keys
record_keys()
with transaction.atomic():
    storage.store_bytes(b"evidence", media_type="text/plain")
    ledger.settle()
"""
SAY = """
from registry import ledger
with __import__("django.db").db.transaction.atomic():
    ledger.append(__import__("registry.events").events.Event.REPORT_READ, subject="promotion:1")
print(ledger.publish_checkpoint().note, end="")
"""
EVENTS = (
    "from registry.models import LedgerEntry\n"
    "print(*LedgerEntry.objects.order_by('index').values_list('event', flat=True))"
)
EVIDENCE = digest(b"evidence").removeprefix("sha256:")


@dataclass
class Service:
    """One installation: a data folder and a database."""

    data: Path
    url: str
    path: str = os.environ["PATH"]

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        told = {"PATH": self.path, "ASSAY_ENV": "development", "ASSAY_DATA": str(self.data), "DATABASE_URL": self.url}
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(command, env=told | environment, cwd=ROOT, capture_output=True, text=True, check=False)

    def does(self, *arguments: str, **environment: str) -> str:
        done = self.run(*arguments, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def shell(self, code: str) -> str:
        return self.does("shell", "--no-imports", "-c", code)

    def refuses(self, code: int, word: str, *arguments: str, **environment: str) -> None:
        done = self.run(*arguments, **environment)
        assert (done.returncode, word in done.stderr) == (code, True), done.stderr


def server() -> str:
    at = settings.DATABASES["default"]
    return f"postgres://{at['USER']}:{at['PASSWORD']}@{at['HOST']}:{at['PORT']}"


def installations(engine: str, folder: Path) -> Iterator[list[Service]]:
    names = [f"backup_{uuid4().hex[:8]}" for _ in range(2)]
    if engine == "sqlite":
        yield [Service(folder / name, f"sqlite:///{folder / name}.sqlite3") for name in names]
        return
    with psycopg.connect(f"{server()}/postgres".replace("postgres://", "postgresql://"), autocommit=True) as admin:
        for name in names:
            admin.execute(f'CREATE DATABASE "{name}"')
        try:
            yield [Service(folder / name, f"{server()}/{name}") for name in names]
        finally:
            for name in names:
                admin.execute(f'DROP DATABASE "{name}" WITH (FORCE)')


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def places(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Service]]:
    """A service with some record, and another one that is still empty."""
    for first, second in installations(request.param, tmp_path_factory.mktemp("services")):
        first.does("migrate", "-v0")
        first.shell(FILL)
        yield [first, second]


@pytest.mark.slow
def test_a_copy_is_put_back_and_never_over_a_newer_ledger(places: list[Service], tmp_path: Path) -> None:
    first, second = places
    copy, older = tmp_path / "copy.tar", tmp_path / "older"
    at_first = first.shell(EVENTS).split()
    first.does("backup", str(older))
    newer = tmp_path / "newer.checkpoint"
    newer.write_text(first.shell(SAY))
    said = first.does("backup", str(copy), "--with-keys")
    assert "keys are not in it" not in said

    second.refuses(1, "would be cut off", "restore", str(older), "--from-checkpoint", str(newer))
    said = second.does("restore", str(copy), "--with-keys", "--from-checkpoint", str(newer))

    assert "ledger and rows agree" in said
    events = second.shell(EVENTS).split()
    assert events[-3:] == ["backup.made", "report.read", "backup.restored"]
    assert first.shell(EVENTS).split()[-3:] == ["backup.made", "report.read", "backup.made"]
    assert (second.data / "evidence" / "sha256" / EVIDENCE[:2] / EVIDENCE).read_bytes() == b"evidence"
    for name in ("ledger.key.pem", "keyring.json"):
        assert (second.data / "keys" / name).read_bytes() == (first.data / "keys" / name).read_bytes()
    assert "all agree" in second.does("verify_ledger", "--from-checkpoint", str(newer))

    before = second.shell(EVENTS)
    second.refuses(2, "not empty", "restore", str(older))
    second.refuses(1, "would be cut off", "restore", str(older), "--replace", "--from-checkpoint", str(newer))
    assert second.shell(EVENTS) == before
    evidence = second.data / "evidence" / "sha256" / EVIDENCE[:2] / EVIDENCE
    evidence.write_bytes(b"swapped")
    assert "What was there before is kept" in second.does("restore", str(older), "--replace")
    assert evidence.read_bytes() == b"evidence"
    assert second.shell(EVENTS).split() == [*at_first, "backup.restored"]


@pytest.mark.slow
def test_a_ledger_that_does_not_verify_leaves_everything_as_it_was(places: list[Service], tmp_path: Path) -> None:
    first, _ = places
    copy = tmp_path / "copy"
    first.does("backup", str(copy))
    events = first.shell(EVENTS)
    foreign = tmp_path / "foreign.checkpoint"
    foreign.write_text((copy / "checkpoint").read_text().replace("development\n", "development\n1", 1))

    first.refuses(1, "would be cut off", "restore", str(copy), "--replace", "--from-checkpoint", str(foreign))
    note = (copy / "checkpoint").read_text().split("\n")
    foreign.write_text("\n".join([note[0], "1", *note[2:]]))
    first.refuses(1, "does not verify", "restore", str(copy), "--replace", "--from-checkpoint", str(foreign))

    assert first.shell(EVENTS) == events
    assert "all agree" in first.does("verify_ledger")


@pytest.mark.slow
def test_a_newer_checkpoint_in_the_folder_refuses_the_copy(places: list[Service], tmp_path: Path) -> None:
    first, _ = places
    copy, kept = tmp_path / "copy", tmp_path / "kept"
    first.does("backup", str(copy))
    kept.mkdir()
    (kept / "000000000999-1.checkpoint").write_text(first.shell(SAY))

    first.refuses(
        1, "000000000999-1.checkpoint knows", "restore", str(copy), "--replace", ASSAY_CHECKPOINT_FOLDER=str(kept)
    )


@pytest.mark.slow
def test_altered_evidence_makes_no_copy(places: list[Service], tmp_path: Path) -> None:
    first, _ = places
    path = first.data / "evidence" / "sha256" / EVIDENCE[:2] / EVIDENCE
    path.write_bytes(b"swapped")
    try:
        first.refuses(1, f"The stored content of sha256:{EVIDENCE} was changed", "backup", str(tmp_path / "copy"))
    finally:
        path.write_bytes(b"evidence")

    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
@pytest.mark.postgres
def test_without_pg_dump_the_package_is_named(tmp_path: Path) -> None:
    for service, _ in installations("postgresql", tmp_path):
        service.does("migrate", "-v0")
        service.path = str(tmp_path)
        service.refuses(2, "apt-get install postgresql-client", "backup", str(tmp_path / "copy"))
        assert not (tmp_path / "copy").exists()


@pytest.mark.slow
@pytest.mark.postgres
def test_the_copy_of_one_engine_is_refused_by_the_other(tmp_path: Path) -> None:
    for (light, _), (heavy, _) in zip(
        installations("sqlite", tmp_path), installations("postgresql", tmp_path), strict=True
    ):
        light.does("migrate", "-v0")
        light.does("backup", str(tmp_path / "copy"))
        heavy.refuses(2, "The copy is of sqlite", "restore", str(tmp_path / "copy"))


@pytest.mark.slow
@pytest.mark.postgres
def test_the_password_stands_on_no_command_line(tmp_path: Path) -> None:
    """A pg_dump in front of the real one writes down what it was called with."""
    for service, _ in installations("postgresql", tmp_path):
        service.does("migrate", "-v0")
        spy = tmp_path / "bin" / "pg_dump"
        spy.parent.mkdir()
        spy.write_text(f'#!/bin/sh\necho "$PGPASSWORD $@" > {tmp_path}/called\nexec {shutil.which("pg_dump")} "$@"\n')
        spy.chmod(0o700)
        service.path = f"{spy.parent}:{service.path}"
        head, _, tail = service.url.partition("@")
        service.url = f"{head.rpartition(':')[0]}:secret-word@{tail}"
        service.does("backup", str(tmp_path / "copy"))

        called = (tmp_path / "called").read_text()
        assert called.startswith("secret-word --format=custom")
        assert called.count("secret-word") == 1
