"""JSON as RFC 8259 means it: no NaN, no repeated member, and no text that a database refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any, NoReturn

# NUL is refused by PostgreSQL, a lone surrogate by every encoder.
UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_BLANK = re.compile(r"[ \t\n\r]*")


def loads(text: str) -> Any:
    """The value. Raises ValueError, also for nesting too deep to be read."""
    try:
        return _decoder(text).decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def elements(text: str) -> Iterator[tuple[str, Any]]:
    """Each element of an array, or the one value that is none, with its text as it stands. Raises ValueError."""
    at = _past_blank(text, 0)
    if text[at : at + 1] != "[":
        yield text[at:].rstrip(" \t\n\r"), loads(text)
        return
    at = _past_blank(text, at + 1)
    more = text[at : at + 1] != "]"
    decoder = _decoder(text)
    while more:
        try:
            value, end = decoder.raw_decode(text, at)
        except RecursionError:
            raise ValueError("it is nested too deeply") from None
        _require_storable(value)
        yield text[at:end], value
        at = _past_blank(text, end)
        more = text[at : at + 1] == ","
        at = _past_blank(text, at + 1) if more else at
    if text[at : at + 1] != "]" or _past_blank(text, at + 1) != len(text):
        raise ValueError(f"the list is broken at character {at}")


def _past_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _decoder(text: str) -> json.JSONDecoder:
    """Text by text is looked at only where an escape by number can hide what the whole does not show."""
    return _CAREFUL if "\\u" in text or UNSTORABLE.search(text) else _PLAIN


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member is given twice in one object")
    return found


def _storable_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    for name, value in pairs:
        _require_storable(name)
        _require_storable(value)
    return _object(pairs)


def _require_storable(value: Any) -> None:
    if isinstance(value, str):
        if UNSTORABLE.search(value):
            raise ValueError("a text holds NUL or half a character")
    elif isinstance(value, list):
        for entry in value:
            _require_storable(entry)


_PLAIN = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_object)
_CAREFUL = json.JSONDecoder(parse_constant=_refuse_constant, object_pairs_hook=_storable_object)
