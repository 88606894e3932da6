"""A signed gate decision: a DSSE envelope around an in-toto statement, alone or in a Sigstore bundle."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay_common import Outcome, TamperedError, UnverifiableError, library
from assay_keys import Key, Keys, load, moment

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT = "https://in-toto.io/Statement/v1"
SUMMARY = "https://slsa.dev/verification_summary/v1"
DECISION = "urn:assay:gate-decision:v1"
_BUNDLE = re.compile(r"application/vnd\.dev\.sigstore\.bundle(\.v0\.3\+json|\+json;version=0\.[123])")


@dataclass(frozen=True)
class Envelope:
    """What was read, not yet believed."""

    document: Mapping[str, Any]
    payload: bytes
    kind: str
    signatures: tuple[tuple[str, bytes], ...]

    @property
    def signed(self) -> bytes:
        """The pre-authentication encoding of DSSE."""
        return b"DSSEv1 %d %b %d %b" % (len(self.kind.encode()), self.kind.encode(), len(self.payload), self.payload)

    @property
    def digest(self) -> str:
        """The digest by which the ledger names the envelope: of its canonical JSON, which here has ASCII text only."""
        text = json.dumps(self.document, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        return f"sha256:{hashlib.sha256(text.encode()).hexdigest()}"


def read_envelope(document: Any) -> Envelope:
    """The envelope in a JSON document. Raises UnverifiableError for one that holds none."""
    try:
        if "dsseEnvelope" in document:
            if not _BUNDLE.fullmatch(document.get("mediaType", "")):
                raise ValueError(f"the bundle is of type {document.get('mediaType')!r}")  # noqa: TRY301
            document = document["dsseEnvelope"]
        signatures = tuple(
            (str(entry.get("keyid", "")), base64.b64decode(entry["sig"], validate=True))
            for entry in document["signatures"]
        )
        payload = base64.b64decode(document["payload"], validate=True)
        kind = str(document["payloadType"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UnverifiableError(f"this is no DSSE envelope: {error}") from None
    if not signatures:
        raise UnverifiableError("the envelope bears no signature")
    return Envelope(document, payload, kind, signatures)


def check_attestation(envelope: Envelope, keys: Keys | None, outcome: Outcome, entry: Mapping[str, Any] | None) -> None:
    """The statement, once it is signed by a key that counts; with `entry`, the ledger knows this very envelope.

    `entry` is one that a receipt has proven. Raises TamperedError or UnverifiableError.
    """
    if keys is None:
        raise UnverifiableError("a decision is signed with the service's gate key: give --keys keys.json")
    key = _signer(envelope, keys)
    statement = _statement(envelope)
    predicate = statement["predicate"]
    stated = _moment(predicate.get("decidedAt") or predicate.get("timeVerified"))
    if entry is not None:
        _require_entry(envelope, entry)
        outcome.held.append("the ledger tells of this very statement")
    # What somebody states about themselves is no proof of time; an entry of the ledger is, by another key.
    key.require_fit(_moment(entry["at"]) if entry else None, "the statement")
    if key.status == "retired" and stated is not None:
        key.require_fit(stated, "the statement")
    outcome.held.insert(0, f"signed with the service's {key.status} gate key, {key.key_id[:19]}…")
    if entry is None:
        outcome.skipped.append("that the ledger tells of it: give --receipt with the .tlog-proof of the decision")
    outcome.facts |= _facts(statement, predicate)
    until = _moment(predicate.get("validUntil"))
    if until is not None and until < dt.datetime.now(dt.UTC):
        outcome.skipped.append(
            f"whether it still holds: it was valid until {until:%Y-%m-%d %H:%M} UTC; ask the gate again"
        )


def _signer(envelope: Envelope, keys: Keys) -> Key:
    """The gate key that signed. Every key is tried: the key id in an envelope is a hint, and nothing more."""
    ec, hashes = (
        library("cryptography.hazmat.primitives.asymmetric.ec"),
        library("cryptography.hazmat.primitives.hashes"),
    )
    tried = list(keys.of("gate"))
    if not tried:
        raise UnverifiableError("--keys names no gate key")
    for key in tried:
        public = load(key)
        for _, signature in envelope.signatures:
            try:
                public.verify(signature, envelope.signed, ec.ECDSA(hashes.SHA256()))
            except Exception:  # noqa: BLE001, S112 - not by this key, whatever the reason
                continue
            return key
    named = {key_id for key_id, _ in envelope.signatures}
    if named & {key.key_id for key in tried}:
        raise TamperedError("the statement was changed: its signature is not one of the gate key that it names")
    raise UnverifiableError("the statement is signed by nobody whose key is in --keys")


def _statement(envelope: Envelope) -> dict[str, Any]:
    if envelope.kind != PAYLOAD_TYPE:
        raise UnverifiableError(f"the envelope holds {envelope.kind!r}, not {PAYLOAD_TYPE}")
    try:
        statement: dict[str, Any] = json.loads(envelope.payload)
        known = statement["_type"] == STATEMENT and statement["predicateType"] in {SUMMARY, DECISION}
        if not known or not isinstance(statement["predicate"], dict) or not statement["subject"][0]["digest"]["sha256"]:
            raise ValueError(f"a statement about {statement.get('predicateType')!r}")  # noqa: TRY301
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise UnverifiableError(f"the signed statement is none that this verifier knows: {error}") from None
    return statement


def _require_entry(envelope: Envelope, entry: Mapping[str, Any]) -> None:
    facts = entry.get("facts") or {}
    if entry.get("event") != "gate.decided":
        raise TamperedError(f"the receipt is of another entry: it tells of {entry.get('event')}, not of a decision")
    if envelope.digest not in {facts.get("envelope"), facts.get("summary")}:
        raise TamperedError("the receipt is of another entry: the ledger tells of a statement with another digest")


def _facts(statement: Mapping[str, Any], predicate: Mapping[str, Any]) -> dict[str, Any]:
    subject = statement["subject"][0]
    decision = predicate.get("decision") or {"PASSED": "open"}.get(str(predicate.get("verificationResult")), "closed")
    return {
        "decision": decision,
        "stage": predicate.get("stage") or str(predicate.get("resourceUri", "")).rpartition("#")[2],
        "subject": subject.get("name", ""),
        "artifact": f"sha256:{subject['digest']['sha256']}",
        "decided_at": predicate.get("decidedAt") or predicate.get("timeVerified"),
        "valid_until": predicate.get("validUntil"),
    }


def _moment(text: object) -> dt.datetime | None:
    try:
        return moment(text)
    except ValueError as error:
        raise UnverifiableError(f"the signed statement is none that this verifier knows: {error}") from None
