"""Canonical bytes and digests: one value has exactly one byte string, and one digest, on every machine for ever.

Canonical JSON is RFC 8785 (JCS). What it cannot carry without loss is refused instead of rounded: NaN and infinity,
integers outside ±(2^53 - 1), keys that are not text, lone surrogates, and every Python type that is not JSON.
"""

from __future__ import annotations

import hashlib
import re
from decimal import Decimal
from pathlib import Path
from typing import Any

import rfc8785

from registry.errors import AssayError

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
_CHUNK = 1 << 20


class CanonicalError(AssayError, ValueError):
    """The value has no canonical JSON form. `field` says where in the value, as `$.metrics[0].value`."""

    code = "not-canonical"

    def __init__(self, path: str, problem: str) -> None:
        super().__init__(f"{path}: {problem}", field=path)


def canonical_json(value: Any) -> bytes:
    """The RFC 8785 bytes of `value`: None, bool, int, float, str, and lists, tuples and str-keyed dicts of these.

    Raises CanonicalError naming the first place that cannot be written. `Decimal` is refused on purpose: whether
    "0.20" and "0.2" are the same limit is for the caller to say, by passing text.
    """
    try:
        return rfc8785.dumps(value)
    except (ValueError, RecursionError):
        # The slow walk happens only on refusal: it finds the place, which the encoder does not tell.
        _refuse(value, "$", depth=0)
        raise CanonicalError("$", "cannot be written as canonical JSON") from None


def digest(content: bytes) -> str:
    """`sha256:<64 lower-case hex digits>` of the bytes."""
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def digest_of(value: Any) -> str:
    """The digest of the canonical JSON of `value`. Raises CanonicalError."""
    return digest(canonical_json(value))


def digest_file(path: Path | str) -> str:
    """The digest of a file's content, read in pieces of 1 MiB. Raises OSError."""
    running = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            running.update(chunk)
    return f"sha256:{running.hexdigest()}"


def is_digest(text: object) -> bool:
    """Whether `text` is a digest in the one accepted spelling. Anything else, of any type, is not."""
    return isinstance(text, str) and _DIGEST.fullmatch(text) is not None


# Deeper than any honest document, shallower than the interpreter's stack.
_MAX_DEPTH = 200


def _refuse(value: Any, path: str, *, depth: int) -> None:
    """Raise CanonicalError for the first unwritable place at or below `path`; return when there is none."""
    if depth > _MAX_DEPTH:
        raise CanonicalError(path, f"is nested deeper than {_MAX_DEPTH} levels")
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise CanonicalError(path, f"key {key!r} is not text")
            _refuse(key, path, depth=depth)
            _refuse(item, f"{path}.{key}", depth=depth + 1)
    elif isinstance(value, list | tuple):
        for position, item in enumerate(value):
            _refuse(item, f"{path}[{position}]", depth=depth + 1)
    else:
        problem = _scalar_problem(value)
        if problem:
            raise CanonicalError(path, problem)


def _scalar_problem(value: Any) -> str:
    """Why this scalar cannot be written, or "" when it can."""
    if isinstance(value, Decimal):
        return "is a Decimal; pass it as text, so that its digits are kept"
    if value is not None and not isinstance(value, bool | int | float | str):
        return f"is {type(value).__name__}, which JSON does not have"
    try:
        rfc8785.dumps(value)
    except rfc8785.IntegerDomainError:
        return "is an integer beyond 2^53 - 1; pass it as text"
    except rfc8785.FloatDomainError:
        return f"is {value}, which JSON does not have"
    except ValueError:
        return "holds a lone surrogate, which UTF-8 cannot carry"
    return ""
