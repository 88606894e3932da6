"""The ledger from outside: checkpoints (C2SP), proofs (RFC 6962), receipts (`.tlog-proof`), what a report embeds."""

from __future__ import annotations

import base64
import datetime as dt
import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from assay_common import Outcome, TamperedError, UnverifiableError, library
from assay_keys import Key, Keys

RECEIPT_HEADER = "c2sp.org/tlog-proof@v1"


@dataclass(frozen=True)
class Head:
    """What a checkpoint says of a log. `note` is the whole signed text."""

    origin: str
    size: int
    root: bytes
    note: str

    @classmethod
    def parse(cls, note: str, what: str, error: type[Exception]) -> Head:
        """Read it; says nothing about who signed. Raises `error`."""
        try:
            origin, size, root = note.split("\n\n", 1)[0].split("\n")[:3]
            decoded = base64.b64decode(root, validate=True)
            if not origin or not re.fullmatch(r"0|[1-9][0-9]{0,18}", size, re.ASCII) or len(decoded) != 32:  # noqa: PLR2004
                raise ValueError  # noqa: TRY301
        except ValueError:
            raise error(f"{what} is not a checkpoint") from None
        return cls(origin, int(size), decoded, note)

    @property
    def document(self) -> dict[str, Any]:
        """For the answer in JSON."""
        return {"origin": self.origin, "size": self.size, "root": base64.b64encode(self.root).decode()}


# -- Who signed -------------------------------------------------------------------------------------------------------
def require_signed(head: Head, keys: Keys, seen_at: dt.datetime | None, what: str) -> Key:
    """The key of the log that signed, once its signature counts at `seen_at`. Every key of the log is tried.

    Raises TamperedError, or UnverifiableError for a key outside its time.
    """
    candidates = keys.of_log(head.origin)
    for key in candidates:
        if _signed_by(head, key.note_key, what):
            key.require_fit(seen_at, what)
            return key
    raise TamperedError(f"{what} is not signed by a key of the log in --keys")


def _signed_by(head: Head, public: bytes, what: str) -> bool:
    """Whether the note bears that key's signature. Raises TamperedError for a line of the key that is wrong."""
    ed25519 = library("cryptography.hazmat.primitives.asymmetric.ed25519")
    text, _, lines = head.note.rpartition("\n\n")
    text += "\n"
    key_id = hashlib.sha256(head.origin.encode() + b"\n\x01" + public).digest()[:4]
    for line in lines.splitlines():
        mark, _, encoded = line.rpartition(" ")
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if mark == f"\N{EM DASH} {head.origin}" and content[:4] == key_id:
            try:
                ed25519.Ed25519PublicKey.from_public_bytes(public).verify(content[4:], text.encode())
            except Exception:  # noqa: BLE001
                raise TamperedError(f"the signature on {what} is not one of the log's key") from None
            return True
    return False


# -- Proofs -----------------------------------------------------------------------------------------------------------
def leaf_hash(body: bytes) -> bytes:
    """RFC 6962, 2.1."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """RFC 6962, 2.1."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def require_included(index: int, leaf: bytes, proof: Sequence[bytes], head: Head, where: str) -> None:
    """Fold the proof (RFC 9162, 2.1.3.2). Raises TamperedError when it leads elsewhere than to the head."""
    if not 0 <= index < head.size:
        raise TamperedError(f"{where} is outside the log of {head.size} entries that the checkpoint states")
    current, last = leaf, head.size - 1
    for sibling in proof:
        if last == 0:
            raise TamperedError(f"{where}: its proof is too long")
        if index & 1 or index == last:
            current = node_hash(sibling, current)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            current = node_hash(current, sibling)
        index, last = index >> 1, last >> 1
    if last or current != head.root:
        raise TamperedError(f"{where} is not in the log that the checkpoint states: its proof leads elsewhere")


def continues(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Whether the tree `new` begins with the tree `old` (RFC 9162, 2.1.4.2), for 0 < old < new."""
    if not 0 < old < new or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    then = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            then, now = node_hash(sibling, then), node_hash(sibling, now)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            now = node_hash(now, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and then == old_root and now == new_root


# -- A receipt --------------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Receipt:
    """A `.tlog-proof`. `body` is the entry that it carries, authenticated by nothing but its proof."""

    index: int
    proof: tuple[bytes, ...]
    head: Head
    body: bytes

    @classmethod
    def read(cls, path: Path) -> Receipt:
        """Raises UnverifiableError for a file that is none."""
        try:
            text = path.read_text("utf-8")
            lead, separator, note = text.partition("\n\n")
            header, *lines = lead.split("\n")
            extra = lines.pop(0).removeprefix("extra ") if lines and lines[0].startswith("extra ") else ""
            number = lines.pop(0).removeprefix("index ")
            if header != RECEIPT_HEADER or not separator or not re.fullmatch(r"0|[1-9][0-9]{0,18}", number, re.ASCII):
                raise ValueError("it does not begin as one")  # noqa: TRY301
            proof = tuple(base64.b64decode(line, validate=True) for line in lines)
            body = base64.b64decode(extra, validate=True)
        except (OSError, ValueError, IndexError) as error:
            raise UnverifiableError(f"{path} is no receipt: {error}") from None
        return cls(int(number), proof, Head.parse(note, f"the checkpoint in {path.name}", UnverifiableError), body)


def check_receipt(receipt: Receipt, keys: Keys | None, outcome: Outcome, *, body: bytes = b"") -> dict[str, Any]:
    """The entry, once it is proven to be in a log whose signed head the receipt holds.

    `body` is the entry as it was kept elsewhere, where the receipt carries none. Raises TamperedError, and
    UnverifiableError without the keys: a head that anybody could have signed proves nothing.
    """
    if body and receipt.body and body != receipt.body:
        raise TamperedError(f"the receipt is of another entry than the one given: it carries entry {receipt.index}")
    content = body or receipt.body
    if not content:
        raise UnverifiableError("the receipt carries no entry; give the entry's body with --entry")
    if keys is None:
        raise UnverifiableError("a receipt rests on the log's signature: give --keys keys.json")
    where = f"ledger entry {receipt.index}"
    require_included(receipt.index, leaf_hash(content), receipt.proof, receipt.head, where)
    key = require_signed(receipt.head, keys, None, "the checkpoint of the receipt")
    try:
        entry: dict[str, Any] = json.loads(content)
        told = f"{entry['event']} of {entry['subject']} at {entry['at']}"
    except (ValueError, KeyError, TypeError):
        raise UnverifiableError(f"{where} is in the log, but not written as this verifier knows it") from None
    outcome.held.append(f"{where} is in the log {receipt.head.origin} at size {receipt.head.size}: {told}")
    outcome.held.append(f"the checkpoint is signed by the log's {key.status} key")
    outcome.facts["entry"] = {"index": receipt.index, **{name: entry[name] for name in ("event", "subject", "at")}}
    outcome.facts["checkpoint"] = receipt.head.document
    return entry


# -- What a report embeds ---------------------------------------------------------------------------------------------
def check_ledger(
    evidence: Mapping[str, Any], keys: Keys | None, kept: Path | None, outcome: Outcome, seen_at: dt.datetime | None
) -> None:
    """Each entry under the checkpoint, the checkpoint under the log's key, the history under a kept checkpoint."""
    ledger = evidence.get("ledger") or {}
    note = ledger.get("checkpoint") or ""
    if not note:
        if keys or kept or ledger.get("entries"):
            raise UnverifiableError("the report embeds no ledger checkpoint to check")
        outcome.skipped.append("the ledger: this report embeds no checkpoint")
        return
    head = Head.parse(note, "the embedded checkpoint", TamperedError)
    entries = ledger.get("entries") or []
    for number, entry in enumerate(entries):
        _check_entry(number, entry, head)
    outcome.held.append(f"{len(entries)} ledger entries are in the log {head.origin} at size {head.size}")
    outcome.facts["checkpoint"] = head.document
    if keys is None:
        outcome.skipped.append("the log's own signature on the checkpoint: give --keys keys.json to check it")
    else:
        require_signed(head, keys, seen_at, "the embedded checkpoint")
        outcome.held.append("the checkpoint is signed by the log's key")
    if kept is None:
        outcome.skipped.append("the log's history: give --checkpoint with one that was kept elsewhere to check it")
    else:
        _check_history(ledger, kept, head)
        outcome.held.append("the log's history agrees with the checkpoint that was kept elsewhere")


def _check_entry(number: int, entry: Mapping[str, Any], head: Head) -> None:
    try:
        index = entry["index"]
        leaf = leaf_hash(base64.b64decode(entry["body"], validate=True))
        proof = [bytes.fromhex(sibling) for sibling in entry["proof"]]
        if not isinstance(index, int):
            raise TypeError  # noqa: TRY301
    except (KeyError, TypeError, ValueError):
        raise TamperedError(f"item {number} of the ledger entries is malformed") from None
    require_included(index, leaf, proof, head, f"ledger entry {index}")


def read_kept(kept: Path, origin: str, what: str) -> Head:
    """A checkpoint that was kept elsewhere. Raises UnverifiableError when it is none, or one of another log."""
    try:
        head = Head.parse(kept.read_text("utf-8"), f"--checkpoint {kept}", UnverifiableError)
    except (OSError, UnicodeDecodeError) as error:
        raise UnverifiableError(f"--checkpoint {kept} cannot be read: {error}") from None
    if head.origin != origin:
        raise UnverifiableError(f"--checkpoint is of the log {head.origin}, {what} is of {origin}")
    return head


def _check_history(ledger: Mapping[str, Any], kept: Path, embedded: Head) -> None:
    """Same log, and one of the two checkpoints continues the other."""
    other = read_kept(kept, embedded.origin, "the report")
    if other.size == embedded.size:
        if other.root != embedded.root:
            raise TamperedError(
                f"the log shows two histories: at size {other.size} the kept checkpoint has another root"
            )
        return
    old, new = sorted([other, embedded], key=lambda head: head.size)
    for proof in ledger.get("consistency") or []:
        if isinstance(proof, dict) and (proof.get("old"), proof.get("new")) == (old.size, new.size):
            try:
                hashes = [bytes.fromhex(sibling) for sibling in proof["proof"]]
            except (KeyError, TypeError, ValueError):
                raise TamperedError("the consistency proof in the report is malformed") from None
            if not continues(old.size, new.size, old.root, new.root, hashes):
                raise TamperedError(
                    f"the log shows two histories: size {new.size} does not continue the kept size {old.size}"
                )
            return
    raise UnverifiableError(
        f"the kept checkpoint is of size {other.size}, the report's of size {embedded.size}, and the report embeds no "
        f"proof that one continues the other; ask the service for the consistency proof from {old.size} to {new.size}"
    )
