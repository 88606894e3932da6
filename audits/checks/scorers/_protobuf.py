"""Reading protocol buffers field by field, as far as an ONNX file needs it. Pure.

A general parser would build the whole message, and the ONNX package is a compiler and more. Here nothing is built:
fields are walked in place, every length is held against what is there.
"""

from __future__ import annotations

from collections.abc import Iterator

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_LONGEST_VARINT = 10


class MalformedError(ValueError):
    """The bytes are no protocol buffer."""


def fields(message: memoryview) -> Iterator[tuple[int, int | memoryview]]:
    """(number, value) of each field: an int for varints, the bytes otherwise. Raises MalformedError."""
    at = 0
    while at < len(message):
        key, at = _varint(message, at)
        number, kind = key >> 3, key & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield number, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in (_FIXED32, _FIXED64):
            size = 4 if kind == _FIXED32 else 8
        else:
            raise MalformedError(f"wire type {kind} is not known")
        if at + size > len(message):
            raise MalformedError("a field is longer than the message")
        yield number, message[at : at + size]
        at += size


def integers(value: int | memoryview) -> Iterator[int]:
    """A repeated int64 field, packed or not; negative numbers as such."""
    if isinstance(value, int):
        yield _signed(value)
        return
    at = 0
    while at < len(value):
        number, at = _varint(value, at)
        yield _signed(number)


def text(value: int | memoryview) -> str:
    """A string field. Raises MalformedError."""
    if isinstance(value, int):
        raise MalformedError("a text is expected where a number stands")
    return bytes(value).decode("utf-8", errors="replace")


def inside(value: int | memoryview) -> memoryview:
    """A message field. Raises MalformedError."""
    if isinstance(value, int):
        raise MalformedError("a message is expected where a number stands")
    return value


def _signed(number: int) -> int:
    return number - (1 << 64) if number >> 63 else number


def _varint(message: memoryview, at: int) -> tuple[int, int]:
    number = 0
    for index in range(_LONGEST_VARINT):
        if at + index >= len(message):
            raise MalformedError("a number has no end")
        byte = message[at + index]
        number |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:  # noqa: PLR2004 - the continuation bit
            return number & 0xFFFFFFFFFFFFFFFF, at + index + 1
    raise MalformedError("a number is longer than 64 bits")
