"""Decisions, receipts and exported ledgers: three distinct verdicts, and what disagrees is named."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry import dsse
from registry.canonical import digest_of
from registry.keys import Keyring
from tests.clients.desk import AUTHENTIC, TAMPERED, UNVERIFIABLE, Desk, Log

AT = "2026-11-21T10:00:00.000000Z"


def decision(**changed: Any) -> dsse.Decision:
    facts: dict[str, Any] = {
        "is_open": True,
        "subject": "care-priority/2",
        "subject_digest": "sha256:" + "a" * 64,
        "verifier": "https://assay.example",
        "resource": "https://assay.example/models/care-priority/versions/2#production",
        "policy": "policy:high_risk/1",
        "policy_digest": "sha256:" + "b" * 64,
        "stage": "production",
        "decided_at": AT,
        "valid_until": "2126-11-21T10:00:00.000000Z",
        "details": {"blocking": []},
    }
    return dsse.Decision(**{**facts, **changed})


def envelope(desk: Desk, **changed: Any) -> dict[str, Any]:
    return dsse.sign_statement(dsse.gate_decision(decision(**changed)), desk.keyring.gate_key)


def told(event: str = "gate.decided", **facts: Any) -> dict[str, Any]:
    return {"event": event, "subject": "promotion:1", "at": AT, "facts": facts}


# -- Decisions --------------------------------------------------------------------------------------------------------
def test_a_decision_and_its_summary_alone_or_in_a_sigstore_bundle_are_authentic(desk: Desk) -> None:
    summary = dsse.sign_statement(dsse.verification_summary(decision()), desk.keyring.gate_key)
    for document in (envelope(desk), summary, dsse.sigstore_bundle(envelope(desk)), dsse.sigstore_bundle(summary)):
        outcome = desk.check("decision.json", json.dumps(document), "--keys", desk.keys)
        assert (outcome.exit_code, outcome.problem) == (AUTHENTIC, "")
        assert outcome.facts["decision"] == "open"
        assert outcome.facts["stage"] == "production"
        assert outcome.facts["artifact"] == "sha256:" + "a" * 64


def test_the_ledger_vouches_for_a_decision(desk: Desk) -> None:
    signed = envelope(desk)
    log = Log(0, told=[told(), told(envelope=digest_of(signed))])
    receipt = desk.put("decision.tlog-proof", log.receipt(1, desk.keyring))
    outcome = desk.check("decision.json", json.dumps(signed), "--keys", desk.keys, "--receipt", receipt)
    assert outcome.exit_code == AUTHENTIC, outcome.problem
    assert "the ledger tells of this very statement" in outcome.held


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (told("review.recorded"), "tells of review.recorded"),
        (told(envelope="sha256:" + "0" * 64), "statement with another digest"),
    ],
)
def test_the_receipt_of_another_entry_does_not_vouch_for_it(desk: Desk, entry: dict[str, Any], words: str) -> None:
    receipt = desk.put("other.tlog-proof", Log(0, told=[entry]).receipt(0, desk.keyring))
    outcome = desk.check("decision.json", json.dumps(envelope(desk)), "--keys", desk.keys, "--receipt", receipt)
    assert outcome.exit_code == TAMPERED
    assert words in outcome.problem


def _payload(document: dict[str, Any]) -> dict[str, Any]:
    statement = json.loads(base64.b64decode(document["payload"]))
    statement["predicate"]["decision"] = "open!"
    return {**document, "payload": base64.b64encode(json.dumps(statement).encode()).decode()}


@pytest.mark.parametrize(
    ("change", "exit_code", "words"),
    [
        (_payload, TAMPERED, "the statement was changed"),
        (lambda d: {**d, "payloadType": "text/plain"}, TAMPERED, "the statement was changed"),
        (lambda d: {**d, "signatures": [{**d["signatures"][0], "sig": "AAAA"}]}, TAMPERED, "was changed"),
        (lambda d: {**d, "signatures": [{**d["signatures"][0], "keyid": "x", "sig": "AAAA"}]}, UNVERIFIABLE, "nobody"),
        (lambda d: {**d, "signatures": []}, UNVERIFIABLE, "no signature"),
        (lambda d: {**d, "payload": "%"}, UNVERIFIABLE, "no DSSE envelope"),
        (lambda d: {"mediaType": "application/x", "dsseEnvelope": d}, UNVERIFIABLE, "no DSSE envelope"),
        (lambda d: {"envelope": d}, UNVERIFIABLE, "no DSSE envelope"),
    ],
)
def test_a_changed_decision_is_found(desk: Desk, change: Callable[..., Any], exit_code: int, words: str) -> None:
    outcome = desk.check(
        "decision.json", " " + json.dumps(change(envelope(desk))).removeprefix("["), "--keys", desk.keys
    )
    assert outcome.exit_code == exit_code, outcome.problem
    if not isinstance(change({**envelope(desk)}), list):
        assert words in outcome.problem


def test_four_hundred_turned_bits_of_a_decision_are_all_found(desk: Desk) -> None:
    signed = envelope(desk)
    raw = bytearray(base64.b64decode(signed["payload"]))
    for at in range(0, len(raw) * 8, max(1, len(raw) * 8 // 400)):
        raw[at // 8] ^= 1 << at % 8
        changed = {**signed, "payload": base64.b64encode(raw).decode()}
        assert desk.check("decision.json", json.dumps(changed), "--keys", desk.keys).exit_code == TAMPERED
        raw[at // 8] ^= 1 << at % 8


def test_a_statement_of_another_service_is_not_verified(desk: Desk, tmp_path: Path) -> None:
    other = Keyring.open(tmp_path / "keys", create=True)
    signed = dsse.sign_statement(dsse.gate_decision(decision()), other.gate_key)
    assert desk.check("decision.json", json.dumps(signed), "--keys", desk.keys).exit_code == UNVERIFIABLE


def test_a_decision_without_keys_is_not_verified(desk: Desk) -> None:
    assert "--keys" in desk.check("decision.json", json.dumps(envelope(desk))).problem


# -- Receipts ---------------------------------------------------------------------------------------------------------
LOG = Log(0, told=[told(number=number) for number in range(9)])


def test_a_receipt_proves_the_entry_that_it_carries(desk: Desk) -> None:
    outcome = desk.check("r.tlog-proof", LOG.receipt(4, desk.keyring), "--keys", desk.keys)
    assert outcome.exit_code == AUTHENTIC, outcome.problem
    assert outcome.facts["entry"] == {"index": 4, "event": "gate.decided", "subject": "promotion:1", "at": AT}


def test_a_receipt_without_its_entry_needs_it(desk: Desk) -> None:
    bare = LOG.receipt(4, desk.keyring, body=b"")
    assert desk.check("r.tlog-proof", bare, "--keys", desk.keys).exit_code == UNVERIFIABLE
    body = desk.put("body.json", LOG.bodies[4])
    assert desk.check("r.tlog-proof", bare, "--keys", desk.keys, "--entry", body).exit_code == AUTHENTIC
    other = desk.put("body.json", LOG.bodies[5])
    assert desk.check("r.tlog-proof", bare, "--keys", desk.keys, "--entry", other).exit_code == TAMPERED


def test_a_receipt_that_carries_another_entry_is_found(desk: Desk) -> None:
    outcome = desk.check("r.tlog-proof", LOG.receipt(4, desk.keyring, body=LOG.bodies[5]), "--keys", desk.keys)
    assert (outcome.exit_code, "ledger entry 4" in outcome.problem) == (TAMPERED, True)


def test_a_receipt_under_another_key_is_found(desk: Desk, tmp_path: Path) -> None:
    other = Keyring.open(tmp_path / "keys", create=True)
    assert desk.check("r.tlog-proof", LOG.receipt(4, other), "--keys", desk.keys).exit_code == TAMPERED


def test_no_turned_character_of_a_receipt_passes(desk: Desk) -> None:
    text = LOG.receipt(4, desk.keyring)
    for at in range(0, len(text) - 1, 7):
        changed = text[:at] + chr(ord(text[at]) ^ 1) + text[at + 1 :]
        outcome = desk.check("r.tlog-proof", changed, "--keys", desk.keys)
        assert outcome.exit_code != AUTHENTIC, (at, text[at])


# -- Exported ledgers -------------------------------------------------------------------------------------------------
def test_an_export_as_folder_or_zip_is_authentic(desk: Desk, tmp_path: Path) -> None:
    folder = LOG.export(tmp_path / "ledger", desk.keyring)
    packed = shutil.make_archive(str(tmp_path / "ledger"), "zip", folder)
    kept = desk.keep(LOG.note(5, desk.keyring))
    receipt = desk.put("r.tlog-proof", LOG.receipt(4, desk.keyring))
    for path in (folder, Path(packed)):
        outcome = desk.look(path, "--keys", desk.keys, "--checkpoint", kept, "--receipt", receipt)
        assert outcome.exit_code == AUTHENTIC, outcome.problem
        assert outcome.skipped == []


def _edit(bodies: list[bytes]) -> list[bytes]:
    return [*bodies[:3], bodies[3].replace(b'"number":3', b'"number":7'), *bodies[4:]]


REWRITES: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "edit": _edit,
    "delete": lambda bodies: bodies[:3] + bodies[4:],
    "insert": lambda bodies: [*bodies[:3], bodies[0], *bodies[3:]],
    "reorder": lambda bodies: [*bodies[:2], bodies[3], bodies[2], *bodies[4:]],
    "back-date": lambda bodies: [*bodies[:3], bodies[3].replace(b"2026-", b"2025-"), *bodies[4:]],
    "truncate": lambda bodies: bodies[:4],
}


@pytest.mark.parametrize("name", REWRITES)
def test_a_rewritten_log_with_the_right_signature_is_found_by_papers_kept_elsewhere(
    desk: Desk, tmp_path: Path, name: str
) -> None:
    rewritten = Log(0, told=[json.loads(body) for body in REWRITES[name](LOG.bodies)])
    folder = rewritten.export(tmp_path / "ledger", desk.keyring)
    receipt = desk.put("r.tlog-proof", LOG.receipt(3, desk.keyring))
    assert desk.look(folder, "--keys", desk.keys).exit_code == AUTHENTIC
    kept = desk.keep(LOG.note(5, desk.keyring))
    found = desk.look(folder, "--keys", desk.keys, "--checkpoint", kept)
    assert (found.exit_code, "cut back" in found.problem) == (TAMPERED, name == "truncate")
    assert desk.look(folder, "--keys", desk.keys, "--receipt", receipt).exit_code == TAMPERED


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("tile/entries/000.p/9", lambda raw: raw.replace(b'"number":3', b'"number":7'), "ledger entry 3 was changed"),
        ("tile/entries/000.p/9", lambda raw: raw[:-1], "ledger entry 8 is cut short"),
        ("tile/entries/000.p/9", lambda raw: raw[: len(raw) // 9 * 8], "holds 8 entries"),
        ("tile/0/000.p/9", lambda raw: bytes(32) + raw[32:], "ledger entry 0 was changed"),
        ("checkpoint", lambda raw: raw.replace(b"\n9\n", b"\n8\n"), "missing"),
    ],
)
def test_a_changed_export_names_the_entry(
    desk: Desk, tmp_path: Path, name: str, content: Callable[[bytes], bytes], words: str
) -> None:
    folder = LOG.export(tmp_path / "ledger", desk.keyring)
    (folder / name).write_bytes(content((folder / name).read_bytes()))
    outcome = desk.look(folder, "--keys", desk.keys)
    assert outcome.exit_code == TAMPERED, outcome.problem
    assert words in outcome.problem


def test_an_export_without_tiles_of_hashes_is_still_computed(desk: Desk, tmp_path: Path) -> None:
    folder = LOG.export(tmp_path / "ledger", desk.keyring)
    shutil.rmtree(folder / "tile/0")
    assert desk.look(folder, "--keys", desk.keys).exit_code == AUTHENTIC
    bundle = folder / "tile/entries/000.p/9"
    bundle.write_bytes(bundle.read_bytes().replace(b'"number":3', b'"number":7'))
    assert "do not make the tree" in desk.look(folder, "--keys", desk.keys).problem
