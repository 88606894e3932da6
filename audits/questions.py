"""Asking a model that answers elsewhere, from inside a child that has no network: through the parent, and only it.

The child writes a question on the descriptor it was started with and waits for the answer; `audits.broker` decides
what is asked of whom. Each message is its length in eight bytes and its content.
"""

from __future__ import annotations

import os

_LENGTH, _PIECE = 8, 1 << 20
_DIGEST_LENGTH = 71
ANSWERED, REFUSED = b"+", b"-"


class QuestionError(Exception):
    """There is nobody to ask, or the question was refused or not answered; the text says why."""


_descriptor: list[int] = []


def connect(descriptor: int) -> None:
    """From now on questions of this process go to `descriptor`."""
    _descriptor[:] = [descriptor]


def ask(artifact: str, body: bytes) -> tuple[str, bytes]:
    """Send `body` to the endpoint that `artifact` (its digest) describes; (digest the endpoint claims, its answer).

    Raises QuestionError.
    """
    if not _descriptor:
        raise QuestionError("this process has nobody to ask")
    [descriptor] = _descriptor
    _write(descriptor, framed(artifact.encode("ascii").ljust(_DIGEST_LENGTH) + body))
    reply = _read(descriptor, int.from_bytes(_read(descriptor, _LENGTH), "big"))
    if reply[:1] != ANSWERED:
        raise QuestionError(reply[1:].decode(errors="replace"))
    claimed, _, content = reply[1:].partition(b"\n")
    return claimed.decode("ascii", errors="replace"), content


def framed(content: bytes) -> bytes:
    """The content behind its length."""
    return len(content).to_bytes(_LENGTH, "big") + content


def unframed(received: bytearray) -> bytes | None:
    """The first whole message, taken out of `received`; None while it is not complete."""
    end = _LENGTH + announced(received)
    if len(received) < max(end, _LENGTH):
        return None
    message = bytes(received[_LENGTH:end])
    del received[:end]
    return message


def announced(received: bytearray) -> int:
    """How long the first message says it is; 0 while that is not known."""
    return int.from_bytes(received[:_LENGTH], "big") if len(received) >= _LENGTH else 0


def addressed(message: bytes) -> tuple[str, bytes]:
    """Whom a question is for, and its body."""
    return message[:_DIGEST_LENGTH].decode("ascii", errors="replace").strip(), message[_DIGEST_LENGTH:]


def _write(descriptor: int, content: bytes) -> None:
    view = memoryview(content)
    while view:
        view = view[os.write(descriptor, view) :]


def _read(descriptor: int, size: int) -> bytes:
    found = bytearray()
    while len(found) < size:
        piece = os.read(descriptor, min(_PIECE, size - len(found)))
        if not piece:
            raise QuestionError("the service has ended the conversation")
        found += piece
    return bytes(found)
