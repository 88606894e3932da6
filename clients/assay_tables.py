"""The tables of one check in the evidence, read with care: whoever forges a report writes what he likes into them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from assay_common import TamperedError

TOLERANCE = 1e-9

Line = Mapping[str, Any]
#: Metric, feature and group to the figure; two numbers where only bounds of it follow; None where it does not follow.
#: Raises KeyError, ZeroDivisionError or ValueError where the tables contradict that there is such a figure.
Compute = Callable[[str, str, str], "float | tuple[float, float] | None"]

#: How many rows; everything else that is computed with is a number.
_COUNTS = frozenset({"count", "rows", "n", "wrong", "slices", "favoured", "train", "evaluation", "among_the_top"})
_NUMBERS = frozenset(
    {
        "weight",
        "squares",
        "wrong_weight",
        "favoured_weight",
        "sum",
        "total",
        "known",
        "expected",
        "mean_score",
        "positives",
    }
    | {"negatives", "won", "squared_error", "mean_exposure", "mean_abs", "excess", "share", "error", "below", "size"}
    | {
        "rest_below",
        "rest",
        "share_current",
        "share_new",
        "mean_error",
        "mean_distance",
        "mean_prediction",
        "mean_square",
    }
    | {"positives_above", "negatives_above", "true_positive_rate", "false_positive_rate", "low", "high"}
    | {"p", "p_holm", "p_benjamini_hochberg", "variance"}
)


@dataclass(frozen=True)
class Tables:
    """The tables of one check by name, its parameters, and every figure that it states."""

    tables: Mapping[str, Any]
    parameters: Mapping[str, Any] = field(default_factory=dict)
    stated: Mapping[tuple[str, str, str], Any] = field(default_factory=dict)

    def lines(self, name: str, *columns: str) -> list[dict[str, Any]]:
        """The rows of a table that has at least these columns; [] where there is none. Raises TamperedError."""
        table = self.tables.get(name)
        if not isinstance(table, dict) or not isinstance(table.get("columns"), list):
            return []
        if not set(columns) <= {column for column in table["columns"] if isinstance(column, str)}:
            return []
        try:
            lines = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        except (KeyError, TypeError, ValueError):
            raise _malformed(name, "its rows are not of its columns") from None
        for line in lines:
            _read(name, line)
        return lines

    def columns(self, name: str) -> tuple[str, ...]:
        """The names of a table's columns; none where there is no such table."""
        table = self.tables.get(name)
        columns = table.get("columns") if isinstance(table, dict) else None
        return tuple(column for column in columns if isinstance(column, str)) if isinstance(columns, list) else ()

    @property
    def guarded(self) -> bool:
        """Whether small counts were withheld or shown together, so that not everything follows from what is shown."""
        threshold = self.parameters.get("suppress_below")
        return isinstance(threshold, int) and threshold > 1

    def number(self, name: str, default: float) -> float:
        """A parameter. Raises TamperedError where it is none."""
        value = self.parameters.get(name, default)
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise TamperedError(f"the parameter {name} in the evidence is malformed")
        return value


def _read(name: str, line: Line) -> None:
    """Raise TamperedError for a count that is none, and for anything that is no finite number where one belongs."""
    for column, cell in line.items():
        if column in _COUNTS and (isinstance(cell, bool) or not isinstance(cell, int) or cell < 0):
            raise _malformed(name, f"{column} is {cell!r}")
        if column in _NUMBERS and cell is not None and (isinstance(cell, bool) or not _is_number(cell)):
            raise _malformed(name, f"{column} is {cell!r}")
        if isinstance(cell, list | dict):
            raise _malformed(name, f"{column} is {cell!r}")


def _is_number(cell: object) -> bool:
    return isinstance(cell, int | float) and math.isfinite(cell)


def _malformed(name: str, problem: str) -> TamperedError:
    return TamperedError(f"the table of counts {name!r} in the evidence is malformed: {problem}")


def weight(line: Line, count: str = "count") -> float:
    """What the rows of a line weigh: their number, unless the table says otherwise."""
    return float(line["weight"] if line.get("weight") is not None else line[count])


def require(label: str, stated: object, computed: float | tuple[float, float]) -> None:
    """Raise TamperedError unless the stated number is the computed one, or lies within the computed bounds."""
    low, high = computed if isinstance(computed, tuple) else (computed, computed)
    good = isinstance(stated, int | float) and (
        low <= stated <= high
        or any(math.isclose(end, stated, rel_tol=TOLERANCE, abs_tol=TOLERANCE) for end in (low, high))
    )
    if not good:
        found = f"{low:.12g} to {high:.12g}" if isinstance(computed, tuple) else f"{computed:.12g}"
        raise TamperedError(f"{label} is stated as {stated}, but its counts give {found}")
