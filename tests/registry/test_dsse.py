"""Attestations: tools of others verify them, and nothing that was changed, replayed or signed by another passes."""

from __future__ import annotations

import base64
import copy
import json
import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from registry.canonical import CanonicalError, canonical_json, digest
from registry.dsse import (
    AttestationError,
    Decision,
    gate_decision,
    pre_authentication_encoding,
    sign_statement,
    verification_summary,
    verify_envelope,
)
from tests.programs import needs

KEY = ec.derive_private_key(7, ec.SECP256R1())
STRANGER = ec.derive_private_key(8, ec.SECP256R1())
DECISION = Decision(
    is_open=True,
    subject="credit/3",
    subject_digest=digest(b"artifact"),
    verifier="https://assay.example",
    resource="https://assay.example/models/credit/3/production",
    policy="high_risk/2",
    policy_digest=digest(b"policy"),
    stage="production",
    decided_at="2026-11-21T09:00:00Z",
    valid_until="2027-02-19T09:00:00Z",
    details={"blocking": [], "reviews": [{"role": "risk_officer", "verdict": "approve"}]},
)


def test_the_encoding_is_the_one_of_the_dsse_text() -> None:
    assert pre_authentication_encoding("http://example.com/HelloWorld", b"hello world") == (
        b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    )


@given(st.text(max_size=9), st.binary(max_size=9), st.text(max_size=9), st.binary(max_size=9))
def test_no_two_contents_share_an_encoding(kind: str, payload: bytes, other_kind: str, other: bytes) -> None:
    same = pre_authentication_encoding(kind, payload) == pre_authentication_encoding(other_kind, other)
    assert same == ((kind, payload) == (other_kind, other))


def test_an_open_gate_reads_as_passed_and_a_closed_one_as_failed() -> None:
    passed = verification_summary(DECISION)
    assert passed["subject"] == [{"name": "credit/3", "digest": {"sha256": DECISION.subject_digest[7:]}}]
    assert passed["predicateType"] == "https://slsa.dev/verification_summary/v1"
    assert passed["predicate"]["verificationResult"] == "PASSED"
    assert passed["predicate"]["verifiedLevels"] == ["ASSAY_STAGE_PRODUCTION"]
    failed = verification_summary(replace(DECISION, is_open=False))["predicate"]
    assert (failed["verificationResult"], failed["verifiedLevels"]) == ("FAILED", [])


def test_the_detailed_statement_says_until_when_and_why() -> None:
    predicate = gate_decision(replace(DECISION, is_open=False))["predicate"]
    assert predicate["decision"] == "closed"
    assert predicate["validUntil"] == "2027-02-19T09:00:00Z"
    assert predicate["details"]["reviews"][0]["role"] == "risk_officer"


@pytest.mark.parametrize("field", ["subject_digest", "policy_digest"])
@pytest.mark.parametrize("wrong", ["", "latest", "sha256:abc", "md5:" + "0" * 32])
def test_no_statement_is_made_about_something_without_a_digest(field: str, wrong: str) -> None:
    with pytest.raises(AttestationError, match="no digest"):
        verification_summary(replace(DECISION, **{field: wrong}))  # type: ignore[arg-type]


def test_a_decision_that_cannot_be_written_exactly_is_not_signed() -> None:
    with pytest.raises(CanonicalError):
        sign_statement(gate_decision(replace(DECISION, details={"rate": float("nan")})), KEY)


def test_what_was_signed_comes_back() -> None:
    statement = gate_decision(DECISION)
    envelope = sign_statement(statement, KEY)
    assert base64.b64decode(envelope["payload"]) == canonical_json(statement)
    assert verify_envelope(json.loads(json.dumps(envelope)), KEY.public_key()) == statement


def _with_payload(change: Any) -> dict[str, Any]:
    envelope = sign_statement(gate_decision(replace(DECISION, is_open=False)), KEY)
    statement = json.loads(base64.b64decode(envelope["payload"]))
    change(statement)
    return {**envelope, "payload": base64.b64encode(canonical_json(statement)).decode()}


@pytest.mark.parametrize(
    "change",
    [
        lambda statement: statement["predicate"].update(decision="open"),
        lambda statement: statement["predicate"].update(validUntil="2099-01-01T00:00:00Z"),
        lambda statement: statement["predicate"].update(stage="development"),
        lambda statement: statement["subject"][0]["digest"].update(sha256="0" * 64),
    ],
)
def test_a_changed_decision_is_refused(change: Any) -> None:
    with pytest.raises(AttestationError, match="no signature"):
        verify_envelope(_with_payload(change), KEY.public_key())


def test_the_key_is_what_counts_not_the_name_it_is_given() -> None:
    forged = sign_statement(gate_decision(DECISION), STRANGER)
    forged["signatures"][0]["keyid"] = sign_statement({}, KEY)["signatures"][0]["keyid"]
    with pytest.raises(AttestationError, match="no signature"):
        verify_envelope(forged, KEY.public_key())


def test_one_good_signature_among_others_is_enough() -> None:
    envelope = sign_statement(gate_decision(DECISION), KEY)
    envelope["signatures"].insert(0, sign_statement(gate_decision(DECISION), STRANGER)["signatures"][0])
    assert verify_envelope(envelope, KEY.public_key())["predicate"]["decision"] == "open"


@pytest.mark.parametrize(
    "change",
    [
        {"payload": "***"},
        {"payload": None},
        {"signatures": None},
        {"signatures": [{}]},
        {"signatures": ["x"]},
        {"signatures": []},
        {"payloadType": "text/plain"},
    ],
)
def test_a_malformed_envelope_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(AttestationError):
        verify_envelope({**sign_statement(gate_decision(DECISION), KEY), **change}, KEY.public_key())


@pytest.mark.parametrize("missing", ["payload", "payloadType", "signatures"])
def test_an_incomplete_envelope_is_refused(missing: str) -> None:
    envelope = copy.deepcopy(sign_statement(gate_decision(DECISION), KEY))
    del envelope[missing]
    with pytest.raises(AttestationError, match="no DSSE envelope"):
        verify_envelope(envelope, KEY.public_key())


def test_a_signature_over_something_else_makes_no_statement() -> None:
    with pytest.raises(AttestationError, match="no in-toto statement"):
        verify_envelope(sign_statement({"hello": "world"}, KEY), KEY.public_key())


def test_securesystemslib_verifies_it() -> None:
    library = pytest.importorskip("securesystemslib.dsse", reason="securesystemslib is not installed")
    from securesystemslib.exceptions import VerificationError
    from securesystemslib.signer import SSlibKey  # type: ignore[attr-defined]

    document = sign_statement(gate_decision(DECISION), KEY)
    key_id = document["signatures"][0]["keyid"]
    pem = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    key = SSlibKey(key_id, "ecdsa", "ecdsa-sha2-nistp256", {"public": pem})
    assert key_id in library.Envelope.from_dict(copy.deepcopy(document)).verify([key], 1)
    document["payload"] = base64.b64encode(b"{}").decode()
    with pytest.raises(VerificationError):
        library.Envelope.from_dict(document).verify([key], 1)


@needs("openssl")
@pytest.mark.parametrize("tampered", [False, True])
def test_openssl_verifies_it(tmp_path: Path, tampered: bool) -> None:  # noqa: FBT001
    envelope = sign_statement(gate_decision(DECISION), KEY)
    payload = base64.b64decode(envelope["payload"])
    signed = pre_authentication_encoding(envelope["payloadType"], payload + b" " * tampered)
    (tmp_path / "signed").write_bytes(signed)
    (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
    (tmp_path / "key").write_bytes(KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo))
    command = ["openssl", "dgst", "-sha256", "-verify", "key", "-signature", "sig", "signed"]
    assert (subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0) is not tampered
