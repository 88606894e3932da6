from __future__ import annotations

import json
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

import assay_verify
from registry import key_history, ledger
from registry.errors import InvalidInputError, UnknownSubjectError
from registry.events import Event
from registry.models import LedgerEntry
from registry.signing import keyring
from registry.verification import verify
from tests import intruder

pytestmark = pytest.mark.django_db
SINCE = datetime(2026, 3, 1, 12, tzinfo=UTC)


def told(event: Event) -> list[str]:
    return list(LedgerEntry.objects.filter(event=event).values_list("subject", flat=True))


def key_of(purpose: str) -> dict[str, Any]:
    return next(entry for entry in key_history.published_keys()["keys"] if entry["purpose"] == purpose)


@pytest.fixture
def rotated(tmp_path: Path, settings: Any) -> str:
    """Keys were in use, signed a checkpoint, and others took their place. The id of the former ledger key."""
    key_history.record_keys()
    ledger.publish_checkpoint()
    former = str(key_of("ledger")["key_id"])
    settings.ASSAY_KEYS = tmp_path / "keys"
    key_history.record_keys()
    return former


def test_each_key_is_told_once() -> None:
    count = key_history.record_keys()

    assert count == len(keyring().published_keys()["keys"]) > 0
    assert key_history.record_keys() == 0
    assert told(Event.KEY_RETIRED) == []


def test_a_key_that_left_the_keyring_is_retired_and_still_published(rotated: str) -> None:
    entry = next(entry for entry in key_history.published_keys()["keys"] if entry["key_id"] == rotated)

    assert entry["status"] == "retired"
    assert entry["valid_from"] <= entry["valid_until"]
    assert entry["vkey"] != key_of("ledger")["vkey"]
    assert f"key:ledger:{rotated}" in told(Event.KEY_RETIRED)


def test_the_keys_in_use_are_published_first(rotated: str) -> None:
    statuses = [entry["status"] for entry in key_history.published_keys()["keys"]]

    assert statuses == sorted(statuses)
    assert rotated not in {entry["key_id"] for entry in keyring().published_keys()["keys"]}


def test_checkpoints_of_a_former_key_still_verify(rotated: str) -> None:
    del rotated
    ledger.publish_checkpoint()

    assert verify().problems == ()


def test_a_compromised_key_is_published_with_the_moment() -> None:
    key_history.record_keys()
    key_history.declare_compromised(key_id=key_of("gate")["key_id"], since=SINCE, reason="the laptop was stolen")

    entry = key_of("gate")

    assert (entry["status"], entry["compromised_since"]) == ("compromised", "2026-03-01T12:00:00.000000Z")
    assert key_of("seal")["status"] == "active"
    assert b"laptop" not in b"".join(bytes(body) for body in LedgerEntry.objects.values_list("body", flat=True))


def test_a_former_key_can_turn_out_to_be_compromised(rotated: str) -> None:
    key_history.declare_compromised(key_id=rotated, since=SINCE, reason="found in a backup")

    entry = next(entry for entry in key_history.published_keys()["keys"] if entry["key_id"] == rotated)

    assert entry["status"] == "compromised"


def test_a_compromise_names_a_known_key_a_moment_and_a_reason() -> None:
    key_history.record_keys()
    known = key_of("seal")["key_id"]

    with pytest.raises(UnknownSubjectError):
        key_history.declare_compromised(key_id="sha256:" + "0" * 64, since=SINCE, reason="stolen")
    with pytest.raises(InvalidInputError, match="what happened"):
        key_history.declare_compromised(key_id=known, since=SINCE, reason=" ")
    with pytest.raises(InvalidInputError, match="time zone"):
        key_history.declare_compromised(key_id=known, since=SINCE.replace(tzinfo=None), reason="stolen")
    assert told(Event.KEY_COMPROMISED) == []


def test_what_is_published_holds_no_private_key(rotated: str) -> None:
    assert rotated
    assert "PRIVATE" not in str(key_history.published_keys())


def test_papers_under_a_former_key_are_no_false_alarm_and_still_find_a_rewritten_log(
    tmp_path: Path, settings: Any
) -> None:
    """Rotated: who kept a checkpoint or a receipt before goes on comparing with it."""
    key_history.record_keys()
    receipt = ledger.receipt(0)
    settings.ASSAY_KEYS = tmp_path / "keys"
    key_history.record_keys()

    assert verify(checkpoints=[receipt.checkpoint], receipts=[receipt.text]).problems == ()
    only = keyring().ledger.key
    assert "cannot be relied on" in verify(checkpoints=[receipt.checkpoint], key=only).problem

    intruder.rewrite(lambda bodies: [intruder.altered(bodies[0], actor="somebody"), *bodies[1:]])
    layers = {problem.layer for problem in verify(checkpoints=[receipt.checkpoint], receipts=[receipt.text]).problems}
    assert {"B", "C"} <= layers


def test_papers_under_a_compromised_key_are_still_compared(rotated: str) -> None:
    """Whoever has the key can sign another history: that is an alarm, and never a reason to be silent."""
    note = ledger.publish_checkpoint().note
    key_history.declare_compromised(key_id=rotated, since=SINCE, reason="a stolen backup")

    assert verify(checkpoints=[note]).problems == ()


def test_an_export_is_computed_again_by_the_strangers_program(rotated: str, tmp_path: Path) -> None:
    call_command("export_ledger", str(tmp_path / "ledger.zip"), stdout=StringIO())
    (tmp_path / "keys.json").write_text(json.dumps(key_history.published_keys()))
    asked = [str(tmp_path / "ledger.zip"), "--keys", str(tmp_path / "keys.json")]
    outcome = assay_verify.verify(assay_verify.parser().parse_args(asked))

    assert (outcome.exit_code, outcome.problem) == (0, "")
    assert outcome.facts["checkpoint"]["size"] == ledger.size()
    with pytest.raises(CommandError, match="already"):
        call_command("export_ledger", str(tmp_path / "ledger.zip"), stdout=StringIO())
