"""A WebAuthn authenticator in software: what a security key and a browser would answer, right or wrong on purpose."""

from __future__ import annotations

import hashlib
import json
import secrets
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from webauthn.helpers import bytes_to_base64url

PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


@dataclass
class SoftwareKey:
    """One key. `counter` goes up with each use, as on real ones."""

    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    credential: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    counter: int = 0
    host: str = "127.0.0.1"

    def create(self, options: dict[str, Any]) -> str:
        """The answer to enrolment options."""
        numbers = self.private.public_key().public_numbers()
        cose = cbor2.dumps({1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")})
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + cose
        device = self._device(PRESENT | VERIFIED | ATTESTED) + attested
        attestation = cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": device})
        client = self._client("webauthn.create", options["challenge"], None)
        return self._answer({"clientDataJSON": client, "attestationObject": attestation})

    def get(
        self,
        options: dict[str, Any],
        *,
        origin: str | None = None,
        kind: str = "webauthn.get",
        flags: int = PRESENT | VERIFIED,
        signer: ec.EllipticCurvePrivateKey | None = None,
    ) -> str:
        """The answer to signing options; the keywords make it wrong."""
        self.counter += 1
        device = self._device(flags)
        client = self._client(kind, options["challenge"], origin)
        message = device + hashlib.sha256(client).digest()
        signature = (signer or self.private).sign(message, ec.ECDSA(hashes.SHA256()))
        return self._answer({"clientDataJSON": client, "authenticatorData": device, "signature": signature})

    def _device(self, flags: int) -> bytes:
        return hashlib.sha256(self.host.encode()).digest() + bytes([flags]) + self.counter.to_bytes(4, "big")

    def _client(self, kind: str, challenge: str, origin: str | None) -> bytes:
        told = {"type": kind, "challenge": challenge, "origin": origin or settings.ASSAY_BASE_URL, "crossOrigin": False}
        return json.dumps(told).encode()

    def _answer(self, response: dict[str, bytes]) -> str:
        name = bytes_to_base64url(self.credential)
        encoded = {part: bytes_to_base64url(content) for part, content in response.items()}
        return json.dumps({"id": name, "rawId": name, "type": "public-key", "response": encoded})
