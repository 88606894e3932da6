"""Do two answers of the same check agree? Figure by figure: identical, within a tolerance, or differing. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

#: Relative. The order of floating-point sums may differ between processors; nothing else may.
TOLERANCE = 1e-9


class Agreement(StrEnum):
    """How two answers stand to each other; NOT_REPEATED where there is no second answer to compare."""

    IDENTICAL = "identical"
    WITHIN_TOLERANCE = "within-tolerance"
    DIFFERENT = "different"
    NOT_REPEATED = "not-repeated"


@dataclass(frozen=True, slots=True)
class Difference:
    """One figure on which two answers do not agree exactly. None where only one of them has it."""

    figure: str
    recorded: Any
    again: Any
    tolerated: bool = False

    def __str__(self) -> str:
        """For people."""
        return f"{self.figure}: {_said(self.recorded)} on record, {_said(self.again)} now"


def differences(recorded: Mapping[str, Any], again: Mapping[str, Any], tolerance: float) -> tuple[Difference, ...]:
    """Every figure that differs between two documents of `Measurement.to_document`; counts and words are exact."""
    return tuple(_walk("", _by_name(recorded), _by_name(again), tolerance))


def agreement_of(found: tuple[Difference, ...]) -> Agreement:
    """What the differences amount to."""
    if not found:
        return Agreement.IDENTICAL
    return Agreement.WITHIN_TOLERANCE if all(entry.tolerated for entry in found) else Agreement.DIFFERENT


def _by_name(document: Mapping[str, Any]) -> dict[str, Any]:
    """Values by their label and cells by row and column, so that a difference says what it is about."""
    values: dict[str, Any] = {}
    for entry in document["values"]:
        where = f"{entry['feature']}={entry['group']}" if entry["group"] else entry["feature"]
        label = f"{entry['metric']}[{where}]" if where else entry["metric"]
        values[label if label not in values else f"{label} (again, {len(values)})"] = entry
    tables = {
        f"table {name}": {
            "columns": list(table["columns"]),
            **{
                f"row {number}": dict(zip(table["columns"], row, strict=True))
                for number, row in enumerate(table["rows"], 1)
            },
        }
        for name, table in document["tables"].items()
    }
    inputs = {f"input {name}": digest for name, digest in document["inputs"].items()}
    return {**values, **tables, **inputs, "notes": list(document["notes"])}


def _walk(path: str, recorded: Any, again: Any, tolerance: float) -> Iterator[Difference]:
    if isinstance(recorded, Mapping) and isinstance(again, Mapping):
        for name in dict.fromkeys([*recorded, *again]):
            yield from _walk(f"{path}, {name}" if path else str(name), recorded.get(name), again.get(name), tolerance)
    elif recorded != again or isinstance(recorded, bool) is not isinstance(again, bool):
        yield Difference(path, recorded, again, tolerated=_close(recorded, again, tolerance))


def _close(recorded: Any, again: Any, tolerance: float) -> bool:
    """Whether two measured numbers are as good as equal. What was counted is an int, and exact."""
    if not (isinstance(recorded, float | int) and isinstance(again, float | int)):
        return False
    if float not in (type(recorded), type(again)):
        return False
    return math.isclose(recorded, again, rel_tol=tolerance, abs_tol=tolerance * 1e-3)


def _said(value: Any) -> str:
    text = "nothing" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:117]}…"  # noqa: PLR2004  (a line of a terminal)
