"""What changed between two versions of a policy, as data. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Any

from governance.policies.values import Policy

#: By what the entries of these lists are recognised again, so that a moved entry is no change.
_KEYS = {"stages": "name", "gates": "name", "checks": "check", "criteria": "id", "quorum": "role"}


class Bearing(StrEnum):
    """Which way a change leans, where that can be told from the field alone."""

    STRICTER = "stricter"
    LOOSER = "looser"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Change:
    """One difference at `path`, as `gates[to-staging].criteria[gap].at_most`. An absent side is None."""

    path: str
    before: Any
    after: Any
    bearing: Bearing

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {"path": self.path, "before": self.before, "after": self.after, "bearing": str(self.bearing)}


def differences(before: Policy, after: Policy) -> tuple[Change, ...]:
    """Every change from one version to the other, in the order of the documents. Empty when they say the same."""
    return tuple(_between(before.to_document(), after.to_document(), ""))


def _between(before: Any, after: Any, path: str) -> Iterator[Change]:
    if before == after:
        return
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for name in (*before, *(name for name in after if name not in before)):
            place = f"{path}.{name}" if path else name
            yield from _between(before.get(name), after.get(name), place)
    elif _is_keyed(path, before) and _is_keyed(path, after):
        key = _KEYS[_last(path)]
        old, new = ({entry[key]: entry for entry in entries} for entries in (before, after))
        for name in (*old, *(name for name in new if name not in old)):
            yield from _between(old.get(name), new.get(name), f"{path}[{name}]")
    else:
        yield Change(path, before, after, _bearing(path, before, after))


def _is_keyed(path: str, value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str) and _last(path) in _KEYS


def _last(path: str) -> str:
    """The name of the field at the end of a path, or of the list when the path ends in one of its entries."""
    return path.rpartition(".")[2].partition("[")[0]


#: Fields of which less is stricter, and of which more is.
_LESS = {"at_most", "evidence_max_age_days", "decision_valid_days", "max_days", "max_hours", "review_days"}
_MORE = {"at_least", "minimum_n", "count"}
#: Fields that are stricter when false, and when true.
_UNLESS = {"waivable", "allowed"}
_IF = {"exclusive", "prohibited_practice"}

#: Choices of which these are the strictest; one that is left out is None.
_STRICTEST: dict[str, tuple[str | None, ...]] = {"mode": ("enforce",), "incidents": ("any", None)}


def _bearing(path: str, before: Any, after: Any) -> Bearing:
    name = _last(path)
    if path.endswith("]") and name in ("criteria", "quorum", "checks") and None in (before, after):
        return Bearing.STRICTER if before is None else Bearing.LOOSER
    if name in (_LESS | _MORE) and not isinstance(before, bool):
        return _numeric(name, before, after)
    if name in (_UNLESS | _IF):
        return Bearing.STRICTER if bool(after) == (name in _IF) else Bearing.LOOSER
    if name in _STRICTEST:
        strictest = _STRICTEST[name]
        return Bearing.STRICTER if after in strictest else Bearing.LOOSER if before in strictest else Bearing.OTHER
    if name == "exclude" and isinstance(before, list) and isinstance(after, list):
        return _of_sets(set(before), set(after))
    return Bearing.OTHER


def _numeric(name: str, before: Any, after: Any) -> Bearing:
    """A limit that appears is stricter, one that disappears looser."""
    if before is None or after is None:
        return Bearing.STRICTER if before is None else Bearing.LOOSER
    less = Decimal(str(after)) < Decimal(str(before))
    return Bearing.STRICTER if less == (name in _LESS) else Bearing.LOOSER


def _of_sets(before: set[str], after: set[str]) -> Bearing:
    """More people excluded is stricter."""
    if before < after:
        return Bearing.STRICTER
    return Bearing.LOOSER if after < before else Bearing.OTHER
