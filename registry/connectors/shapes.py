"""Reading what may be anything: the few shapes that the readers of imports ask for, with the place in the refusal."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from registry.connectors.statements import LineageRefusedError


def require_object(value: Any, place: str) -> Mapping[str, Any]:
    """The object. Raises LineageRefusedError."""
    if not isinstance(value, Mapping):
        raise LineageRefusedError("must be an object", field=place.strip(".") or "body")
    return value


def require_text(value: Mapping[str, Any], name: str, place: str = "") -> str:
    """A text that is not empty. Raises LineageRefusedError."""
    found = value.get(name)
    if not isinstance(found, str) or not found:
        raise LineageRefusedError("must be a text that is not empty", field=f"{place}{name}")
    return found


def require_moment(value: Mapping[str, Any], name: str, place: str = "") -> datetime:
    """A moment with its zone, in UTC. Raises LineageRefusedError."""
    try:
        at = datetime.fromisoformat(require_text(value, name, place))
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise LineageRefusedError("must be an ISO 8601 date and time with its zone", field=f"{place}{name}")


def objects(value: Any) -> list[Mapping[str, Any]]:
    """The objects of a list, or the one object that stands for a list; everything else is passed over."""
    entries = value if isinstance(value, list) else [value]
    return [entry for entry in entries if isinstance(entry, Mapping)]


def text(value: Mapping[str, Any], name: str) -> str:
    """A text, "" where there is none."""
    found = value.get(name)
    return found if isinstance(found, str) else ""
