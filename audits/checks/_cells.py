"""Count cells per group: the sufficient statistics of every metric of a binary decision.

For each sensitive feature and each of its groups, the number of rows with each label and prediction. Everything else is
arithmetic on these counts, so the cells are the evidence and anybody can recompute it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from audits.checks.base import ParameterError
from audits.counting.question import MISSING, Tally
from audits.measurements import Table

__all__ = ["JOINED_BY", "MISSING", "Bit", "CellTable", "Cells", "Share", "summed", "with_expected"]

JOINED_BY = " & "

Bit = int | None
_ALL: tuple[Bit, ...] = (0, 1, None)
_KNOWN: tuple[Bit, ...] = (0, 1)


@dataclass(frozen=True, slots=True)
class Share:
    """So many of so many."""

    hits: Tally
    total: Tally

    @property
    def value(self) -> float:
        """The rate. Raises ZeroDivisionError where nothing is in the denominator."""
        return self.hits.weight / self.total.weight

    @property
    def rows(self) -> int:
        """Rows of the denominator, each once whatever it weighs."""
        return self.total.rows

    @property
    def pair(self) -> tuple[float, float]:
        """(count, total) for interval formulas; for weighted rows the effective numbers with the same rate."""
        if self.total.squares == self.total.weight:
            return self.hits.weight, self.total.weight
        return self.value * self.total.effective, self.total.effective


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of one group. Rows whose label or prediction is missing count in `rows`, and only where they can."""

    counts: Mapping[tuple[Bit, Bit], Tally]

    def total(self, label: tuple[Bit, ...] = _ALL, prediction: tuple[Bit, ...] = _ALL) -> Tally:
        """The sum over the named labels and predictions."""
        found = Tally()
        for (y, p), tally in self.counts.items():
            if y in label and p in prediction:
                found += tally
        return found

    def inner(self, label: int, prediction: int) -> Tally:
        """One of the four cells that have both."""
        return self.counts.get((label, prediction), Tally())

    @property
    def rows(self) -> int:
        """All rows of the group."""
        return sum(tally.rows for tally in self.counts.values())

    @property
    def missing_predictions(self) -> int:
        """Rows without a prediction."""
        return self.total(prediction=(None,)).rows

    @property
    def missing_labels(self) -> int:
        """Rows without a label."""
        return self.total(label=(None,)).rows

    @property
    def selected(self) -> Share:
        """Predicted positive, of all with a prediction."""
        return Share(self.total(prediction=(1,)), self.total(prediction=_KNOWN))

    @property
    def prevalent(self) -> Share:
        """Label positive, of all with a label."""
        return Share(self.total(label=(1,)), self.total(label=_KNOWN))

    @property
    def correct(self) -> Share:
        """Label and prediction agree, of those that have both."""
        return Share(self.inner(1, 1) + self.inner(0, 0), self.total(_KNOWN, _KNOWN))

    def predicted(self, prediction: int, *, label: int) -> Share:
        """Predicted so, of those labelled so."""
        return Share(self.inner(label, prediction), self.total((label,), _KNOWN))

    def labelled(self, label: int, *, prediction: int) -> Share:
        """Labelled so, of those predicted so."""
        return Share(self.inner(label, prediction), self.total(_KNOWN, (prediction,)))

    def without(self, other: Cells) -> Cells:
        """What remains when a group that is part of this one is taken away."""
        left = {}
        for key, tally in self.counts.items():
            gone = other.counts.get(key, Tally())
            rows = tally.rows - gone.rows
            # Sums of fractions leave crumbs: where no row remains, no weight does.
            left[key] = Tally(rows, tally.weight - gone.weight, tally.squares - gone.squares) if rows else Tally()
        return Cells(left)


def summed(cells: Iterable[Cells]) -> Cells:
    """The cells of the union of disjoint groups."""
    total: defaultdict[tuple[Bit, Bit], Tally] = defaultdict(Tally)
    for one in cells:
        for key, tally in one.counts.items():
            total[key] += tally
    return Cells(dict(total))


@dataclass(frozen=True, slots=True)
class CellTable:
    """For each feature its groups in stable order. The union of a feature's groups is all rows.

    `columns` names the columns that make up a feature and `parts` the value of each in a group: one for a plain
    feature, several for an intersection.
    """

    features: Mapping[str, Mapping[str, Cells]]
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    parts: Mapping[str, Mapping[str, tuple[str, ...]]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    weighted: bool = False

    def to_table(self, withheld: Mapping[str, Iterable[str]] | None = None) -> Table:
        """(feature, group, label, prediction, count[, weight, squares]) without the groups that are `withheld`.

        A missing label or prediction is None.
        """
        hidden = {feature: set(groups) for feature, groups in (withheld or {}).items()}
        more = ("weight", "squares") if self.weighted else ()
        return Table(
            ("feature", "group", "label", "prediction", "count", *more),
            tuple(
                (feature, group, *key, tally.rows, *((tally.weight, tally.squares) if self.weighted else ()))
                for feature, groups in self.features.items()
                for group, cells in groups.items()
                if group not in hidden.get(feature, ())
                for key, tally in sorted(cells.counts.items(), key=_order)
            ),
        )


def _order(item: tuple[tuple[Bit, Bit], Any]) -> tuple[int, ...]:
    return tuple(2 if bit is None else bit for bit in item[0])


def with_expected(table: CellTable, expected: Iterable[tuple[str, str]]) -> CellTable:
    """Add the groups that were declared and do not occur, with no rows. Raises ParameterError for another feature."""
    features: dict[str, dict[str, Cells]] = {feature: dict(groups) for feature, groups in table.features.items()}
    for feature, group in expected:
        if feature not in features:
            raise ParameterError("expected_groups", f"{feature} is not measured; it measures {', '.join(features)}")
        features[feature].setdefault(group, Cells({}))
    ordered = {feature: dict(sorted(groups.items())) for feature, groups in features.items()}
    return CellTable(ordered, table.columns, table.parts, table.notes, table.weighted)
