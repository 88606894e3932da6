"""Gate decisions as in-toto statements in DSSE envelopes, which any admission controller can verify without us.

The payload is canonical JSON; the signature is ECDSA P-256 over SHA-256 of the pre-authentication encoding, in DER.
`verification_summary` is the common form (SLSA VSA v1), `gate_decision` our own with all reasons; both name the
artifact by digest.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from registry.canonical import canonical_json, digest, is_digest
from registry.errors import AssayError

PAYLOAD_TYPE = "application/vnd.in-toto+json"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
SUMMARY_TYPE = "https://slsa.dev/verification_summary/v1"
BUNDLE_TYPE = "application/vnd.dev.sigstore.bundle.v0.3+json"
DECISION_TYPE = "urn:assay:gate-decision:v1"

_SIGNATURE = ec.ECDSA(hashes.SHA256())


class AttestationError(AssayError, ValueError):
    """An envelope is malformed, not signed by the key given, or about something else."""

    code = "attestation-invalid"


def pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    """What is signed: `DSSEv1`, then type and payload, each with its length in bytes."""
    kind = payload_type.encode()
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(payload), payload)


def key_id(key: ec.EllipticCurvePublicKey) -> str:
    """The digest of the public key in DER. A hint for finding the key; trust never rests on it."""
    return digest(key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo))


def sign_statement(statement: Mapping[str, Any], key: ec.EllipticCurvePrivateKey) -> dict[str, Any]:
    """The statement in a signed envelope, JSON-ready. Raises CanonicalError."""
    payload = canonical_json(dict(statement))
    signature = key.sign(pre_authentication_encoding(PAYLOAD_TYPE, payload), _SIGNATURE)
    return {
        "payload": base64.b64encode(payload).decode(),
        "payloadType": PAYLOAD_TYPE,
        "signatures": [{"keyid": key_id(key.public_key()), "sig": base64.b64encode(signature).decode()}],
    }


def sigstore_bundle(envelope: Mapping[str, Any]) -> dict[str, Any]:
    """The envelope as a Sigstore bundle v0.3 with a public key in place of a certificate, as sigstore clients read it.

    The bundle names the key by its hint; it holds no entry of a public log, because ours is not one of theirs.
    """
    return {
        "mediaType": BUNDLE_TYPE,
        "verificationMaterial": {"publicKey": {"hint": envelope["signatures"][0]["keyid"]}, "tlogEntries": []},
        "dsseEnvelope": dict(envelope),
    }


def verify_envelope(envelope: Mapping[str, Any], key: ec.EllipticCurvePublicKey) -> dict[str, Any]:
    """The statement in `envelope`, read only after one of its signatures is seen to be by `key`.

    Raises AttestationError.
    """
    try:
        payload = base64.b64decode(envelope["payload"], validate=True)
        kind = envelope["payloadType"]
        signatures = [base64.b64decode(entry["sig"], validate=True) for entry in envelope["signatures"]]
    except (KeyError, TypeError, ValueError, binascii.Error):
        raise AttestationError("this is no DSSE envelope") from None
    if kind != PAYLOAD_TYPE:
        raise AttestationError(f"the envelope holds {kind!r}, not {PAYLOAD_TYPE}")
    signed = pre_authentication_encoding(kind, payload)
    if not any(_is_signature(key, signature, signed) for signature in signatures):
        raise AttestationError("no signature of the envelope is by the key given")
    try:
        statement = json.loads(payload)
    except ValueError:
        raise AttestationError("the signed payload is not JSON") from None
    if not isinstance(statement, dict) or statement.get("_type") != STATEMENT_TYPE:
        raise AttestationError("the signed payload is no in-toto statement")
    return statement


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What both statements are made from. Times are UTC ISO 8601 with `Z`; digests are `sha256:<hex>`.

    `verifier` is the URI of this service, `resource` the URI of the model version and stage, `details` the whole
    decision document (reasons, findings, reviews), already fit for canonical JSON.
    """

    is_open: bool
    subject: str
    subject_digest: str
    verifier: str
    resource: str
    policy: str
    policy_digest: str
    stage: str
    decided_at: str
    valid_until: str
    details: Mapping[str, Any]


def verification_summary(decision: Decision) -> dict[str, Any]:
    """The decision as an in-toto statement with the SLSA verification summary as predicate.

    Open is PASSED, anything else FAILED. The level names the stage, as the format asks of levels that are not SLSA's.
    """
    return _statement(
        decision,
        SUMMARY_TYPE,
        {
            "verifier": {"id": decision.verifier},
            "timeVerified": decision.decided_at,
            "resourceUri": decision.resource,
            "policy": {"uri": decision.policy, "digest": _digest_set(decision.policy_digest)},
            "verificationResult": "PASSED" if decision.is_open else "FAILED",
            "verifiedLevels": [f"ASSAY_STAGE_{decision.stage.upper()}"] if decision.is_open else [],
            "slsaVersion": "1.0",
        },
    )


def gate_decision(decision: Decision) -> dict[str, Any]:
    """The decision as an in-toto statement with every reason and, unlike the summary, the end of its validity."""
    return _statement(
        decision,
        DECISION_TYPE,
        {
            "decision": "open" if decision.is_open else "closed",
            "stage": decision.stage,
            "resourceUri": decision.resource,
            "verifier": {"id": decision.verifier},
            "policy": {"uri": decision.policy, "digest": _digest_set(decision.policy_digest)},
            "decidedAt": decision.decided_at,
            "validUntil": decision.valid_until,
            "details": dict(decision.details),
        },
    )


def _statement(decision: Decision, predicate_type: str, predicate: dict[str, Any]) -> dict[str, Any]:
    return {
        "_type": STATEMENT_TYPE,
        "subject": [{"name": decision.subject, "digest": _digest_set(decision.subject_digest)}],
        "predicateType": predicate_type,
        "predicate": predicate,
    }


def _digest_set(text: str) -> dict[str, str]:
    if not is_digest(text):
        raise AttestationError(f"{text!r} is no digest of the form sha256:<hex>")
    algorithm, _, value = text.partition(":")
    return {algorithm: value}


def _is_signature(key: ec.EllipticCurvePublicKey, signature: bytes, content: bytes) -> bool:
    try:
        key.verify(signature, content, _SIGNATURE)
    except InvalidSignature:
        return False
    return True
