"""Count cells per group: the sufficient statistics of every metric of a binary decision.

One pass over the rows gives, for each sensitive feature and each of its groups, the number of rows with each label and
prediction. Everything else is arithmetic on these counts, so the cells are the evidence and anybody can recompute it.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from audits.checks._outcomes import Outcomes
from audits.checks._rows import NUMERIC, Rows, quoted
from audits.checks.base import EvidenceError, ParameterError
from audits.measurements import Table

MISSING = "(missing)"
JOINED_BY = " & "
MANY_NUMBERS = 12

Bit = int | None


@dataclass(frozen=True, slots=True)
class Cells:
    """Counts of one group. Rows whose label or prediction is missing count in `rows`, and only where they can."""

    counts: Mapping[tuple[Bit, Bit], int]

    def _sum(self, label: tuple[Bit, ...], prediction: tuple[Bit, ...]) -> int:
        return sum(n for (y, p), n in self.counts.items() if y in label and p in prediction)

    @property
    def rows(self) -> int:
        """All rows of the group."""
        return sum(self.counts.values())

    @property
    def missing_predictions(self) -> int:
        """Rows without a prediction."""
        return self._sum((0, 1, None), (None,))

    @property
    def missing_labels(self) -> int:
        """Rows without a label."""
        return self._sum((None,), (0, 1, None))

    @property
    def selected(self) -> tuple[int, int]:
        """Predicted positive, of all with a prediction."""
        return self._sum((0, 1, None), (1,)), self._sum((0, 1, None), (0, 1))

    @property
    def true_positives(self) -> tuple[int, int]:
        """Predicted positive, of those whose label is positive."""
        return self._sum((1,), (1,)), self._sum((1,), (0, 1))

    @property
    def false_positives(self) -> tuple[int, int]:
        """Predicted positive, of those whose label is negative."""
        return self._sum((0,), (1,)), self._sum((0,), (0, 1))

    @property
    def precise(self) -> tuple[int, int]:
        """Label positive, of those predicted positive."""
        return self._sum((1,), (1,)), self._sum((0, 1), (1,))

    @property
    def negative_precise(self) -> tuple[int, int]:
        """Label negative, of those predicted negative."""
        return self._sum((0,), (0,)), self._sum((0, 1), (0,))

    @property
    def correct(self) -> tuple[int, int]:
        """Label and prediction agree, of those that have both."""
        return self._sum((1,), (1,)) + self._sum((0,), (0,)), self._sum((0, 1), (0, 1))

    @property
    def prevalent(self) -> tuple[int, int]:
        """Label positive, of all with a label."""
        return self._sum((1,), (0, 1, None)), self._sum((0, 1), (0, 1, None))


def summed(cells: Iterable[Cells]) -> Cells:
    """The cells of the union of disjoint groups."""
    total: defaultdict[tuple[Bit, Bit], int] = defaultdict(int)
    for one in cells:
        for key, count in one.counts.items():
            total[key] += count
    return Cells(dict(total))


@dataclass(frozen=True, slots=True)
class CellTable:
    """For each feature its groups in stable order. The union of a feature's groups is all rows."""

    features: Mapping[str, Mapping[str, Cells]]
    notes: tuple[str, ...] = ()

    def to_table(self) -> Table:
        """(feature, group, label, prediction, count); a missing label or prediction is None."""
        return Table(
            ("feature", "group", "label", "prediction", "count"),
            tuple(
                (feature, group, label, prediction, count)
                for feature, groups in self.features.items()
                for group, cells in groups.items()
                for (label, prediction), count in sorted(cells.counts.items(), key=_order)
            ),
        )


def _order(item: tuple[tuple[Bit, Bit], int]) -> tuple[int, int]:
    return tuple(2 if bit is None else bit for bit in item[0])  # type: ignore[return-value]


def count_cells(
    outcomes: Outcomes, sensitive: Sequence[str], intersect: Sequence[str], bands: Mapping[str, Sequence[float]]
) -> CellTable:
    """Count in one pass. `intersect` adds the joint groups of its columns; `bands` are cuts of numeric columns."""
    rows = outcomes.rows
    names = list(dict.fromkeys([*sensitive, *intersect]))
    expressions, notes = [], []
    for index, name in enumerate(names):
        expression, note = _group_expression(rows, name, bands.get(name))
        expressions.append(f"{expression} AS g{index}")
        notes.extend(note)
    sets = [[names.index(name)] for name in sensitive]
    if intersect:
        sets.append([names.index(name) for name in intersect])
    columns = [f"g{index}" for index in range(len(names))]
    grouping = ", ".join(f"({', '.join([*(columns[i] for i in chosen), '_label', '_prediction'])})" for chosen in sets)
    counted = rows.ask(
        f"SELECT GROUPING({', '.join(columns)}), {', '.join(columns)}, _label, _prediction, count(*) FROM "
        f"(SELECT {', '.join(expressions)}, _label, _prediction FROM outcomes) GROUP BY GROUPING SETS ({grouping})"
    )
    keys = {_mask(chosen, len(names)): chosen for chosen in sets}
    found: dict[str, dict[str, dict[tuple[Bit, Bit], int]]] = {}
    for mask, *groups, label, prediction, count in counted:
        chosen = keys[mask]
        feature = JOINED_BY.join(names[i] for i in chosen)
        group = JOINED_BY.join(str(groups[i]) for i in chosen)
        found.setdefault(feature, {}).setdefault(group, {})[label, prediction] = int(count)
    order = [JOINED_BY.join(names[i] for i in chosen) for chosen in sets]
    return CellTable(
        {feature: {group: Cells(found[feature][group]) for group in sorted(found[feature])} for feature in order},
        tuple(notes),
    )


def _mask(chosen: Sequence[int], width: int) -> int:
    """GROUPING's bit mask: a bit is set for each column that is not grouped by, the first column highest."""
    return sum(1 << (width - 1 - index) for index in range(width) if index not in chosen)


def _group_expression(rows: Rows, name: str, cuts: Sequence[float] | None) -> tuple[str, list[str]]:
    """SQL of the group, and what is to be said about it. Many different numbers are cut into bands."""
    column, place = rows.column(name), quoted(name)
    plain = f"coalesce({rows.as_text(name)}, '{MISSING}')"
    if column.type not in NUMERIC:
        if cuts is not None:
            raise EvidenceError(name, f"is declared {column.type}; only number and integer columns can have bands")
        return plain, []
    note: list[str] = []
    if cuts is None:
        [(distinct,)] = rows.ask(f"SELECT count(DISTINCT {place}) FROM typed")
        if distinct <= MANY_NUMBERS:
            return plain, []
        [(quartiles,)] = rows.ask(f"SELECT quantile_disc({place}, [0.25, 0.5, 0.75]) FROM typed")
        cuts = sorted({float(cut) for cut in quartiles})
        shown = ", ".join(number_text(cut) for cut in cuts)
        note = [f"{name} holds {distinct} different numbers and was cut at its quartiles {shown}; give bands to choose"]
    cases = [
        f"WHEN {place} IS NULL THEN '{MISSING}'",
        f"WHEN {place} < {cuts[0]!r} THEN 'below {number_text(cuts[0])}'",
    ]
    cases += [
        f"WHEN {place} < {high!r} THEN '{number_text(low)} to below {number_text(high)}'"
        for low, high in itertools.pairwise(cuts)
    ]
    return f"CASE {' '.join(cases)} ELSE '{number_text(cuts[-1])} and above' END", note


def number_text(value: float) -> str:
    """40 for 40.0, 0.5 for 0.5."""
    return str(int(value)) if value.is_integer() else repr(value)


def with_expected(table: CellTable, expected: Iterable[tuple[str, str]]) -> CellTable:
    """Add the groups that were declared and do not occur, with no rows. Raises ParameterError for another feature."""
    features: dict[str, dict[str, Any]] = {feature: dict(groups) for feature, groups in table.features.items()}
    for feature, group in expected:
        if feature not in features:
            raise ParameterError("expected_groups", f"{feature} is not measured; it measures {', '.join(features)}")
        features[feature].setdefault(group, Cells({}))
    return CellTable({feature: dict(sorted(groups.items())) for feature, groups in features.items()}, table.notes)
