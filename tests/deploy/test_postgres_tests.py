from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator

import pytest

from deploy import postgres_tests


@pytest.fixture
def nobody() -> Iterator[str]:
    """The address of a port that is taken but where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"postgres://assay@127.0.0.1:{taken.getsockname()[1]}/assay"


def test_a_server_that_does_not_answer_is_an_objection_in_words(nobody: str) -> None:
    assert "refused" in (postgres_tests.objection(nobody) or "").lower()


def test_without_a_server_the_run_is_skipped_and_says_how_to_have_it(
    nobody: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv(postgres_tests.VARIABLE, raising=False)
    monkeypatch.setattr(postgres_tests, "LOCAL", nobody)
    assert postgres_tests.main([]) == 0
    said = capsys.readouterr().out
    assert "PostgreSQL tests skipped" in said
    assert "make test DATABASE_URL_TEST_POSTGRES=" in said


def test_a_server_that_was_named_and_does_not_answer_is_a_failure(
    nobody: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv(postgres_tests.VARIABLE, nobody)
    assert postgres_tests.main([]) == 1
    assert "cannot be used" in capsys.readouterr().err


def test_with_a_server_the_tests_with_a_database_run_against_it(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[tuple[list[str], str]] = []

    def start(command: list[str], *, env: dict[str, str], check: bool) -> subprocess.CompletedProcess[str]:
        assert not check, "the code of the tests is passed on, not raised"
        started.append((command, env["DATABASE_URL"]))
        return subprocess.CompletedProcess(command, 5)

    monkeypatch.setenv(postgres_tests.VARIABLE, "postgres://assay@db.example/assay")
    monkeypatch.setattr(postgres_tests, "objection", lambda _url: None)
    monkeypatch.setattr(subprocess, "run", start)
    assert postgres_tests.main(["-x"]) == 5
    assert postgres_tests.main(["--slow", "-x"]) == 5
    url = "postgres://assay@db.example/assay"
    quick = [sys.executable, "-m", "pytest", "-m", "database and not browser and not slow", "-x"]
    slow = [sys.executable, "-m", "pytest", "-m", "database and not browser and slow", "-x"]
    assert started == [(quick, url), (slow, url)]
