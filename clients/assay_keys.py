"""`keys.json`: the published keys, each with its purpose and the time in which its signatures count.

A retired key's signatures count within its window. What a compromised key signed counts only where something else
shows that it is older than the compromise.
"""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay_common import UnverifiableError, library

#: Clocks of two hosts differ, and a key's window is written to the second.
SLACK = dt.timedelta(minutes=5)


@dataclass(frozen=True)
class Key:
    """One entry of keys.json."""

    purpose: str
    key_id: str
    status: str
    valid_from: dt.datetime | None
    valid_until: dt.datetime | None
    compromised_since: dt.datetime | None
    public_key: str
    origin: str = ""
    note_key: bytes = b""

    def require_fit(self, seen_at: dt.datetime | None, what: str) -> None:
        """Raise unless `what` counts, of which it is certain that it existed at `seen_at` (None: nothing is certain).

        The start of a key's window is that of its certificate and tells nothing that its signature does not.
        """
        if self.compromised_since is not None and (seen_at is None or seen_at >= self.compromised_since):
            raise UnverifiableError(
                f"{what} is signed with a {self.purpose} key that was in other hands since "
                f"{self.compromised_since:%Y-%m-%d %H:%M} UTC, and nothing shows that it is older"
            )
        if self.status == "retired" and self.valid_until and seen_at and seen_at > self.valid_until + SLACK:
            raise UnverifiableError(
                f"{what} is signed with a {self.purpose} key that went out of use on {self.valid_until:%Y-%m-%d %H:%M} "
                f"UTC, before it was made"
            )


class Keys:
    """The document, read once."""

    def __init__(self, path: Path) -> None:
        """Raises UnverifiableError for a file that is no keys.json."""
        self.path = path
        try:
            self._keys = [_key(entry) for entry in json.loads(path.read_bytes())["keys"]]
        except (OSError, ValueError, LookupError, TypeError, AttributeError) as error:
            raise UnverifiableError(f"--keys {path} cannot be read: {error!r}") from None

    def of(self, purpose: str) -> Iterator[Key]:
        """Every key that ever served a purpose."""
        return (key for key in self._keys if key.purpose == purpose)

    def by_id(self, purpose: str, key_id: str) -> Key:
        """The one with that digest. Raises UnverifiableError."""
        for key in self.of(purpose):
            if key.key_id == key_id:
                return key
        raise UnverifiableError(f"--keys {self.path} names no {purpose} key {key_id}")

    def of_log(self, origin: str) -> list[Key]:
        """Every key that signed checkpoints under that name. Raises UnverifiableError when there is none."""
        found = [key for key in self.of("ledger") if key.origin == origin]
        if not found:
            raise UnverifiableError(f"--keys {self.path} names no key for the log {origin}")
        return found


def key_id_of(public: bytes) -> str:
    """The digest by which keys.json names a public key in DER (SubjectPublicKeyInfo)."""
    return f"sha256:{hashlib.sha256(public).hexdigest()}"


def load(key: Key) -> Any:
    """The public key. Raises UnverifiableError when the text is another key than the entry names, or none."""
    serialization = library("cryptography.hazmat.primitives.serialization")
    try:
        public = serialization.load_pem_public_key(key.public_key.encode())
        der = public.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    except ValueError as error:
        raise UnverifiableError(f"the {key.purpose} key in --keys cannot be read: {error}") from None
    if key_id_of(der) != key.key_id:
        raise UnverifiableError(f"the {key.purpose} key in --keys is not the one that its digest names")
    return public


def moment(text: object) -> dt.datetime | None:
    """A time in ISO 8601 with its zone; None for nothing. Raises ValueError."""
    if text is None or text == "":
        return None
    if not isinstance(text, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:.]+(Z|[+-]\d\d:\d\d)", text):
        raise ValueError(f"{text!r} is no time")
    return dt.datetime.fromisoformat(text)


def _key(entry: Mapping[str, Any]) -> Key:
    vkey = entry.get("vkey", "")
    material = base64.b64decode(vkey.split("+", 2)[2], validate=True) if vkey else b""
    if vkey and (material[:1] != b"\x01" or len(material) != 33):  # noqa: PLR2004 - type and Ed25519 key
        raise ValueError(f"the note key {vkey!r}")
    return Key(
        purpose=entry["purpose"],
        key_id=entry["key_id"],
        status=entry.get("status", "active"),
        valid_from=moment(entry.get("valid_from")),
        valid_until=moment(entry.get("valid_until")),
        compromised_since=moment(entry.get("compromised_since")),
        public_key=entry["public_key"],
        origin=vkey.split("+", 1)[0],
        note_key=material[1:],
    )
