"""Cosignatures of C2SP tlog-cosignature: a witness states when it saw a checkpoint that extends all it saw before.

Signature type 4: Ed25519 over `cosignature/v1`, the time in Unix seconds and the checkpoint's text. Pure.
"""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from registry.notes import NoteError

_COSIGNATURE = b"\x04"
_MARK = "\N{EM DASH} "
_TIME_BYTES = 8
_SIGNATURE_BYTES = 64


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """The public half of a witness's key. `encoded` is its `vkey`."""

    name: str
    public: bytes

    @property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ LF ‖ type ‖ public key), its first four bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + _COSIGNATURE + self.public).digest()[:4]

    @property
    def encoded(self) -> str:
        """`<name>+<key id in hex>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_COSIGNATURE + self.public).decode()}"

    @classmethod
    def parse(cls, encoded: str) -> WitnessKey:
        """Read `encoded`. Raises NoteError."""
        try:
            name, key_id, material = encoded.split("+", 2)
            raw = base64.b64decode(material, validate=True)
        except ValueError:
            raise NoteError(f"{encoded!r} is no key of a witness") from None
        key = cls(name, raw[1:])
        if raw[:1] != _COSIGNATURE or len(key.public) != 32 or key.key_id.hex() != key_id:  # noqa: PLR2004 - Ed25519
            raise NoteError(f"{encoded!r} is no key of a witness")
        return key

    def verify(self, line: str, text: str) -> int:
        """The time of the cosignature `line` over the checkpoint `text`, in Unix seconds. Raises NoteError."""
        name, _, encoded = line.rstrip("\n").removeprefix(_MARK).partition(" ")
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            content = b""
        if name != self.name or content[:4] != self.key_id or len(content) != 4 + _TIME_BYTES + _SIGNATURE_BYTES:
            raise NoteError(f"the line is no cosignature of {self.name}")
        seconds = int.from_bytes(content[4 : 4 + _TIME_BYTES], "big")
        try:
            Ed25519PublicKey.from_public_bytes(self.public).verify(content[4 + _TIME_BYTES :], _message(text, seconds))
        except InvalidSignature:
            raise NoteError(f"the cosignature of {self.name} is not one over this checkpoint") from None
        return seconds


def cosign(name: str, private: Ed25519PrivateKey, text: str, seconds: int) -> str:
    """The cosignature line of a witness over the checkpoint `text`."""
    key = WitnessKey(name, private.public_key().public_bytes_raw())
    content = key.key_id + seconds.to_bytes(_TIME_BYTES, "big") + private.sign(_message(text, seconds))
    return f"{_MARK}{name} {base64.b64encode(content).decode()}\n"


def _message(text: str, seconds: int) -> bytes:
    return f"cosignature/v1\ntime {seconds}\n{text}".encode()
