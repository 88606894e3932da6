"""A witness (C2SP tlog-witness): a small second program on another host that never signs two histories of one log.

It keeps, for each log it knows, the newest checkpoint it cosigned, and writes it to disk before it answers. It needs
no database and none of the service's settings: `python manage.py witness --help`.
"""

from __future__ import annotations

import base64
import fcntl
import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import TypedDict

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from registry.cosignatures import WitnessKey, cosign
from registry.merkle import EMPTY_ROOT, ProofError, verify_consistency
from registry.notes import Checkpoint, NoteError, NoteKey, open_checkpoint

MAX_BODY = 1 << 16
MAX_PROOF = 63
SIZE_TYPE = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: 200 carries the cosignature line, 409 the size the witness knows."""

    status: HTTPStatus
    text: str = ""
    content_type: str = "text/plain; charset=utf-8"


class _Seen(TypedDict):
    """The newest checkpoint of one log that was cosigned; the root in hex."""

    size: int
    root: str


class Witness:
    """Cosigns checkpoints of the logs it knows. `folder` holds its key and its memory."""

    def __init__(
        self, folder: Path, name: str, logs: Mapping[str, NoteKey], clock: Callable[[], float] = time.time
    ) -> None:
        self.folder, self.name, self.logs, self.clock = folder, name, dict(logs), clock
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._private = _key(folder / "witness.key.pem")

    @property
    def key(self) -> WitnessKey:
        """What others verify its cosignatures with."""
        return WitnessKey(self.name, self._private.public_key().public_bytes_raw())

    def add_checkpoint(self, body: bytes) -> Answer:
        """Answer one `POST /add-checkpoint`."""
        try:
            old, proof, note = _request(body)
            origin = note.partition("\n")[0]
        except (ValueError, NoteError) as error:
            return Answer(HTTPStatus.BAD_REQUEST, f"{error}\n")
        key = self.logs.get(origin)
        if key is None:
            return Answer(HTTPStatus.NOT_FOUND, "This witness does not know that log.\n")
        try:
            head = open_checkpoint(note, key)
        except NoteError as error:
            return Answer(HTTPStatus.FORBIDDEN, f"{error}\n")
        if old > head.size:
            return Answer(HTTPStatus.BAD_REQUEST, "The checkpoint is smaller than the old size.\n")
        with self._memory() as memory:
            known: _Seen = memory.get(origin) or {"size": 0, "root": EMPTY_ROOT.hex()}
            problem = _objection(old, proof, head, known["size"], bytes.fromhex(known["root"]))
            if problem is not None:
                return problem
            memory[origin] = {"size": head.size, "root": head.root.hex()}
        return Answer(HTTPStatus.OK, cosign(self.name, self._private, head.text, int(self.clock())))

    @contextmanager
    def _memory(self) -> Iterator[dict[str, _Seen]]:
        """What was cosigned last, under a lock. It is on disk when the block has ended, or the block raised."""
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.folder / "state.json"
            memory = json.loads(path.read_bytes()) if path.exists() else {}
            before = json.dumps(memory, sort_keys=True)
            yield memory
            after = json.dumps(memory, sort_keys=True)
            if after != before:
                _replace(path, after.encode())


def serve(witness: Witness, host: str, port: int) -> HTTPServer:
    """An HTTP server for `witness`; the caller runs it. Requests are answered one at a time."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            length = self.headers.get("Content-Length", "")
            if self.path != "/add-checkpoint":
                answer = Answer(HTTPStatus.NOT_FOUND, "Checkpoints go to /add-checkpoint.\n")
            elif not length.isdecimal() or int(length) > MAX_BODY:
                answer = Answer(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"At most {MAX_BODY} bytes.\n")
            else:
                answer = witness.add_checkpoint(self.rfile.read(int(length)))
            content = answer.text.encode()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    Handler.timeout = 10  # seconds; a caller that stalls must not keep the others out
    return HTTPServer((host, port), Handler)


def request_body(old: int, proof: list[bytes], note: str) -> bytes:
    """The body of `add-checkpoint`, as a log sends it."""
    lines = [f"old {old}", *(base64.b64encode(part).decode() for part in proof), "", ""]
    return ("\n".join(lines) + note).encode()


def _request(body: bytes) -> tuple[int, list[bytes], str]:
    head, separator, note = body.decode().partition("\n\n")
    first, *rest = head.split("\n")
    if not separator or not first.startswith("old ") or not first[4:].isdecimal() or len(rest) > MAX_PROOF:
        raise ValueError("The request is: old <size>, proof lines, an empty line, the checkpoint.")
    return int(first[4:]), [base64.b64decode(line, validate=True) for line in rest], note


def _objection(old: int, proof: list[bytes], head: Checkpoint, size: int, root: bytes) -> Answer | None:
    """Why this checkpoint is not cosigned, given the newest one that was; None when it extends that one."""
    if old != size or (old == head.size and head.root != root):
        return Answer(HTTPStatus.CONFLICT, f"{size}\n", SIZE_TYPE)
    if size == 0:
        return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, "An empty log needs no proof.\n") if proof else None
    try:
        verify_consistency(old=size, new=head.size, old_root=root, new_root=head.root, proof=proof)
    except ProofError as error:
        return Answer(HTTPStatus.UNPROCESSABLE_ENTITY, f"{error}\n")
    return None


def _key(path: Path) -> Ed25519PrivateKey:
    if not path.exists():
        private = Ed25519PrivateKey.generate()
        pem = private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(pem)
    key = serialization.load_pem_private_key(path.read_bytes(), None)
    if not isinstance(key, Ed25519PrivateKey):
        raise NoteError(f"{path} is not an Ed25519 key")
    return key


def _replace(path: Path, content: bytes) -> None:
    """Write whole or not at all, and durably."""
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    Path(stream.name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
