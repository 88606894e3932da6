"""Signed notes, checkpoints and receipts in the text formats of C2SP, which any transparency-log client can read.

`signed-note`: a text, an empty line, then one line per signature. `tlog-checkpoint`: a note whose text names a log, its
size and its root. `tlog-proof`: an index, an inclusion proof and the checkpoint it leads to, in one file: the receipt.
Only Ed25519 (signature type 1) is read or written.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from registry.errors import AssayError
from registry.merkle import HASH_SIZE, leaf_hash, verify_inclusion

PROOF_HEADER = "c2sp.org/tlog-proof@v1"

_ED25519 = b"\x01"
_MARK = "\N{EM DASH} "
_MAX_NOTE = 1 << 20
_MAX_SIGNATURES = 64
_NUMBER = re.compile(r"0|[1-9][0-9]{0,18}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f]")


class NoteError(AssayError, ValueError):
    """A note, checkpoint or receipt is malformed, or no trusted key signed it."""

    code = "note-invalid"


@dataclass(frozen=True, slots=True)
class NoteKey:
    """The public half of a note key. `encoded` is the `vkey` text that Go's `note.NewVerifier` takes."""

    name: str
    public: bytes

    def __post_init__(self) -> None:
        """Refuse names that would make a signature line ambiguous."""
        if not self.name or "+" in self.name or any(character.isspace() for character in self.name):
            raise NoteError(f"{self.name!r} is no key name: it must be non-empty, without spaces and plus signs")
        if len(self.public) != 32:  # noqa: PLR2004 - the size of an Ed25519 key
            raise NoteError(f"the public key of {self.name} is not 32 bytes long")

    @property
    def key_id(self) -> bytes:
        """SHA-256(name ‖ LF ‖ type ‖ public key), its first four bytes."""
        return hashlib.sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    @property
    def encoded(self) -> str:
        """`<name>+<key id in hex>+<base64 of type and key>`."""
        return f"{self.name}+{self.key_id.hex()}+{_b64(_ED25519 + self.public)}"

    @classmethod
    def parse(cls, encoded: str) -> NoteKey:
        """Read `encoded`. Raises NoteError; the key id must be the one of this name and key."""
        name, _, rest = encoded.partition("+")
        key_id, _, material = rest.partition("+")
        public = _unb64(material, "the key")
        if public[:1] != _ED25519:
            raise NoteError("the key is not of type Ed25519")
        key = cls(name, public[1:])
        if key.key_id.hex() != key_id:
            raise NoteError(f"the key id of {name} does not belong to its key")
        return key


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A name with the private key that signs under it."""

    name: str
    private: Ed25519PrivateKey

    @property
    def key(self) -> NoteKey:
        """The public half."""
        return NoteKey(self.name, self.private.public_key().public_bytes_raw())

    def line(self, text: str) -> str:
        """The signature line over `text`."""
        return f"{_MARK}{self.name} {_b64(self.key.key_id + self.private.sign(text.encode()))}\n"


def sign_note(text: str, *signers: NoteSigner) -> str:
    """The note: `text`, an empty line, one line per signer. Raises NoteError on a text that no note may hold."""
    if not text.endswith("\n") or _CONTROL.search(text):
        raise NoteError("the text of a note must end with a newline and hold no other control character")
    if not signers:
        raise NoteError("a note needs a signer")
    return text + "\n" + "".join(signer.line(text) for signer in signers)


def open_note(note: str, keys: Iterable[NoteKey]) -> str:
    """The text of `note`, once at least one of `keys` is seen to have signed it and none of them wrongly.

    Signatures by other keys are ignored, as the format asks. Raises NoteError.
    """
    text, signatures = _split_note(note)
    known = {(key.name, key.key_id): key for key in keys}
    signed = False
    for name, key_id, signature in signatures:
        key = known.get((name, key_id))
        if key is None:
            continue
        try:
            Ed25519PublicKey.from_public_bytes(key.public).verify(signature, text.encode())
        except InvalidSignature:
            raise NoteError(f"the signature of {name} is not one over this text") from None
        signed = True
    if not signed:
        raise NoteError("no trusted key signed this note")
    return text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The head of a log: `origin` names the log, `root` is the tree head over its first `size` entries."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """The body that is signed."""
        lines = [self.origin, str(self.size), _b64(self.root), *self.extensions]
        return "".join(f"{line}\n" for line in lines)

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a body. Raises NoteError. Says nothing about who signed it: use `open_checkpoint`."""
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() or not all(lines):  # noqa: PLR2004 - three lines and their last newline
            raise NoteError("a checkpoint has three or more lines, none of them empty")
        origin, size, root, *extensions = lines
        checkpoint = cls(origin, _number(size, "the size"), _unb64(root, "the root"), tuple(extensions))
        if len(checkpoint.root) != HASH_SIZE:
            raise NoteError("the root of the checkpoint is not a SHA-256")
        return checkpoint


def sign_checkpoint(checkpoint: Checkpoint, *signers: NoteSigner) -> str:
    """The checkpoint as a signed note."""
    return sign_note(checkpoint.text, *signers)


def open_checkpoint(note: str, key: NoteKey, *, witnesses: Iterable[NoteKey] = ()) -> Checkpoint:
    """The checkpoint in `note`, once the log key is seen to have signed it and its origin is the name of that key.

    A signature by one of `witnesses` must be right where it is present, and never stands in for the log's own.
    Raises NoteError.
    """
    checkpoint = Checkpoint.parse(open_note(note, [key]))
    if checkpoint.origin != key.name:
        raise NoteError(f"the checkpoint is of {checkpoint.origin}, not of {key.name}")
    open_note(note, [key, *witnesses])
    return checkpoint


@dataclass(frozen=True, slots=True)
class Receipt:
    """What is handed to whoever caused an entry: it proves, without us, that entry `index` is in the log.

    `checkpoint` is the signed note. `extra` is carried along and *not* authenticated.
    """

    index: int
    proof: tuple[bytes, ...]
    checkpoint: str
    extra: bytes = b""

    @property
    def text(self) -> str:
        """The `.tlog-proof` file."""
        extra = [f"extra {_b64(self.extra)}"] if self.extra else []
        lines = [PROOF_HEADER, *extra, f"index {self.index}", *map(_b64, self.proof), ""]
        return "\n".join(lines) + "\n" + self.checkpoint

    @classmethod
    def parse(cls, text: str) -> Receipt:
        """Read a `.tlog-proof` file. Raises NoteError."""
        head, separator, checkpoint = text.partition("\n\n")
        header, *lines = head.split("\n")
        if header != PROOF_HEADER or not separator:
            raise NoteError(f"the receipt does not begin with {PROOF_HEADER}")
        extra = _unb64(lines.pop(0)[len("extra ") :], "the extra") if lines and lines[0].startswith("extra ") else b""
        if not lines or not lines[0].startswith("index "):
            raise NoteError("the receipt has no index")
        index = _number(lines.pop(0)[len("index ") :], "the index")
        proof = tuple(_unb64(line, "a hash of the proof") for line in lines)
        return cls(index, proof, checkpoint, extra)

    def verify(self, body: bytes, key: NoteKey) -> Checkpoint:
        """The checkpoint under which `body` is entry `index`. Raises NoteError or ProofError."""
        checkpoint = open_checkpoint(self.checkpoint, key)
        verify_inclusion(
            index=self.index, size=checkpoint.size, leaf=leaf_hash(body), proof=self.proof, root=checkpoint.root
        )
        return checkpoint


def _split_note(note: str) -> tuple[str, list[tuple[str, bytes, bytes]]]:
    """The text, and for each signature line (name, key id, signature)."""
    if len(note) > _MAX_NOTE:
        raise NoteError(f"the note is longer than {_MAX_NOTE} characters")
    if _CONTROL.search(note) or not note.endswith("\n"):
        raise NoteError("a note must end with a newline and hold no other control character")
    text, separator, tail = note.rpartition("\n\n")
    lines = tail.split("\n")[:-1]
    if not separator or not lines or len(lines) > _MAX_SIGNATURES:
        raise NoteError("a note is a text, an empty line and its signatures")
    return text + "\n", [_signature(line) for line in lines]


def _signature(line: str) -> tuple[str, bytes, bytes]:
    name, separator, encoded = line.removeprefix(_MARK).partition(" ")
    if not line.startswith(_MARK) or not name or not separator:
        raise NoteError("a signature line of the note is malformed")
    content = _unb64(encoded, "a signature")
    if len(content) <= 4:  # noqa: PLR2004 - a key id and at least one byte
        raise NoteError("a signature of the note is too short")
    return name, content[:4], content[4:]


def _number(text: str, what: str) -> int:
    if not _NUMBER.fullmatch(text):
        raise NoteError(f"{what} is not a decimal number without leading zeroes")
    return int(text)


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _unb64(text: str, what: str) -> bytes:
    """Strict: one text for one content, so that no two notes with the same meaning differ."""
    try:
        content = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise NoteError(f"{what} is not base64") from None
    if _b64(content) != text:
        raise NoteError(f"{what} is not base64 in its one spelling")
    return content
