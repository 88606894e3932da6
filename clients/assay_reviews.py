"""Reviews that people signed with their own key: a WebAuthn assertion whose challenge is the statement's SHA-256."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from assay_common import Outcome, TamperedError, library
from assay_keys import key_id_of

STATEMENT = "assay.review/1"
PRESENT_AND_VERIFIED = 0x05  # flags of the authenticator: somebody was there, and proved to be its owner
_BOUND = ("verdict", "role", "subject_digest")


def check_reviews(evidence: Mapping[str, Any], outcome: Outcome) -> None:
    """Verify every assertion; raise on the first that is not one over what the report says of the review."""
    reviews = evidence.get("reviews") or []
    confirmed = {(facts.get("person"), facts.get("key")) for facts in _confirmations(evidence)}
    signed = 0
    for review in reviews:
        assertion = review.get("assertion")
        if not assertion:
            continue
        who = f"the review of {review.get('name') or 'a person whose name was erased'}"
        statement, key = _verified(assertion, who)
        for name in _BOUND:
            if statement.get(name) != review.get(name):
                raise TamperedError(
                    f"{who} is shown with the {name} {review.get(name)!r}, signed was {statement.get(name)!r}"
                )
        if (statement.get("reviewer"), key) not in confirmed:
            raise TamperedError(
                f"{who} is signed with a key that the embedded ledger does not tell to be that person's"
            )
        signed += 1
    if signed:
        outcome.held.append(f"{signed} reviews are signed with the security keys of those who gave them")
    if len(reviews) > signed:
        outcome.skipped.append(f"{len(reviews) - signed} reviews by password or code: the service vouches for those")


def _confirmations(evidence: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """What the entries, proven before, tell of keys that a second person confirmed."""
    for entry in (evidence.get("ledger") or {}).get("entries") or []:
        try:
            body = json.loads(base64.b64decode(entry["body"]))
            if body.get("event") == "authenticator.confirmed":
                yield body["facts"]
        except (KeyError, TypeError, ValueError, AttributeError):
            continue


def _verified(assertion: Mapping[str, Any], who: str) -> tuple[Mapping[str, Any], str]:
    """The signed statement, and the digest of the key that signed it. Raises TamperedError."""
    try:
        text = assertion["statement"].encode()
        client = base64.b64decode(assertion["client_data"], validate=True)
        device = base64.b64decode(assertion["authenticator_data"], validate=True)
        signature = base64.b64decode(assertion["signature"], validate=True)
        public = base64.b64decode(assertion["public_key"], validate=True)
        told, statement = json.loads(client), json.loads(text)
        challenge = base64.urlsafe_b64decode(told["challenge"] + "==")
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise TamperedError(f"{who}: its signature is malformed ({error!r})") from None
    if told.get("type") != "webauthn.get" or challenge != hashlib.sha256(text).digest():
        raise TamperedError(f"{who}: the security key signed another statement")
    if statement.get("type") != STATEMENT:
        raise TamperedError(f"{who}: what was signed is no review")
    if len(device) < 37 or device[32] & PRESENT_AND_VERIFIED != PRESENT_AND_VERIFIED:  # noqa: PLR2004 - digest, flags, counter
        raise TamperedError(f"{who}: the security key did not see its owner")
    if not _signed(public, signature, device + hashlib.sha256(client).digest()):
        raise TamperedError(f"{who}: its signature does not hold")
    return statement, key_id_of(public)


def _signed(public: bytes, signature: bytes, message: bytes) -> bool:
    """By ES256, EdDSA or RS256, whichever the key is for."""
    hashes = library("cryptography.hazmat.primitives.hashes")
    asymmetric = "cryptography.hazmat.primitives.asymmetric"
    try:
        key = library("cryptography.hazmat.primitives.serialization").load_der_public_key(public)
        ec, rsa = library(f"{asymmetric}.ec"), library(f"{asymmetric}.rsa")
        if isinstance(key, ec.EllipticCurvePublicKey):
            key.verify(signature, message, ec.ECDSA(hashes.SHA256()))
        elif isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, message, library(f"{asymmetric}.padding").PKCS1v15(), hashes.SHA256())
        else:
            key.verify(signature, message)
    except Exception:  # noqa: BLE001 - not a signature of this key, whatever the reason
        return False
    return True
