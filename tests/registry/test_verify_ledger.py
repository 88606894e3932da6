"""`manage.py verify_ledger`: what it says and how it ends."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from registry import ledger
from registry.events import Event
from tests import intruder

pytestmark = pytest.mark.django_db


@pytest.fixture
def checkpoint(tmp_path: Path) -> Path:
    """A checkpoint that was kept elsewhere, of a ledger that grew since."""
    for _ in range(5):
        ledger.append(Event.REPORT_READ, subject="promotion:1")
    path = tmp_path / "kept.checkpoint"
    path.write_text(ledger.publish_checkpoint().note)
    ledger.append(Event.REPORT_READ, subject="promotion:1")
    return path


def verified(*arguments: str) -> str:
    out = StringIO()
    call_command("verify_ledger", *arguments, stdout=out)
    return out.getvalue()


def failed(*arguments: str) -> tuple[int, str, str]:
    out = StringIO()
    with pytest.raises(CommandError) as raised:
        call_command("verify_ledger", *arguments, stdout=out)
    return raised.value.returncode, str(raised.value), out.getvalue()


def test_an_honest_ledger_agrees_and_says_with_what(checkpoint: Path, tmp_path: Path) -> None:
    receipt = tmp_path / "3.tlog-proof"
    receipt.write_text(ledger.receipt(3).text)

    said = verified("--from-checkpoint", str(checkpoint), "--receipt", str(receipt))

    assert "all agree (A bodies, D rows, B kept.checkpoint, C 3.tlog-proof)" in said


@pytest.mark.usefixtures("checkpoint")
def test_without_a_checkpoint_it_says_what_it_cannot_see() -> None:
    assert "Only a checkpoint kept elsewhere" in verified()


@pytest.mark.usefixtures("checkpoint")
def test_it_ends_with_1_and_names_the_first_bad_entry() -> None:
    index = ledger.size() - 3
    intruder.edit_body(index, intruder.altered(intruder.bodies()[index], actor="p-other"))

    code, word, said = failed()

    assert code == 1
    assert f"The first bad entry is {index}." in word
    assert f"[A] entry {index}: the body does not have the stored leaf hash" in said


@pytest.mark.usefixtures("checkpoint")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite keeps text in a column of bytes")
def test_text_in_place_of_bytes_is_a_bad_entry_like_any_other() -> None:
    index = ledger.size() - 2
    intruder.run('UPDATE registry_ledgerentry SET body = CAST(body AS TEXT) WHERE "index" = %s', index)

    code, word, _ = failed()

    assert code == 1
    assert f"The first bad entry is {index}." in word


def test_a_rewritten_ledger_is_found_by_the_checkpoint(checkpoint: Path) -> None:
    intruder.rewrite(lambda bodies: [*bodies[:-3], *bodies[-2:]])

    assert verified("--without-rows")
    code, _, said = failed("--from-checkpoint", str(checkpoint), "--without-rows")

    assert code == 1
    assert said.startswith("[B] ")


@pytest.mark.parametrize("arguments", [("--from-checkpoint", "/nowhere"), ("--key", "no key")])
def test_what_cannot_be_read_is_neither_yes_nor_no(arguments: tuple[str, str]) -> None:
    assert failed(*arguments)[0] == 2


@pytest.mark.usefixtures("checkpoint")
@pytest.mark.skipif(connection.vendor != "sqlite", reason="only SQLite keeps what is no text in a column of texts")
def test_what_the_database_cannot_hand_out_is_neither_yes_nor_no() -> None:
    intruder.run("UPDATE registry_ledgerentry SET event = CAST(x'ff' AS TEXT) WHERE \"index\" = 1")

    code, word, _ = failed()

    assert code == 2
    assert word.startswith("The ledger could not be verified: ")
