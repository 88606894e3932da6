"""Which counts of which groups may not be published, because they would tell about few people. Pure.

A count between 1 and the threshold is withheld, and with it whatever would give it away by subtraction: a lone withheld
group among published ones (the total would tell), and a withheld group whose parts in a finer table are all published.
This is primary suppression with complements along every line of the tables (Hundepool et al. 2012, chapter 4). It does
not protect against bounds found by linear programming over several tables; a policy that fears those raises the
threshold or measures fewer intersections.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import IntEnum

from audits.checks._cells import Cells, CellTable, summed


class Withheld(IntEnum):
    """How much of a group is withheld; each step includes the ones before."""

    NOTHING = 0
    CELLS = 1  # label by prediction; the totals of both are published
    TOTALS = 2  # those too; only the number of rows is published
    SIZE = 3  # even that


Levels = dict[str, dict[str, Withheld]]


def _counts(cells: Cells, level: Withheld) -> list[int]:
    """The counts whose smallness asks for that level."""
    if level is Withheld.SIZE:
        return [cells.rows]
    if level is Withheld.TOTALS:
        labels = [cells.total(label=(bit,)).rows for bit in (0, 1, None)]
        return labels + [cells.total(prediction=(bit,)).rows for bit in (0, 1, None)]
    return [tally.rows for tally in cells.counts.values()]


def _small(cells: Cells, level: Withheld, threshold: int) -> bool:
    return any(0 < number < threshold for number in _counts(cells, level))


def levels_of(table: CellTable, threshold: int) -> Levels:
    """What of each group is withheld at `threshold`; nothing at 0 or 1."""
    levels: Levels = {feature: dict.fromkeys(groups, Withheld.NOTHING) for feature, groups in table.features.items()}
    for level in (Withheld.SIZE, Withheld.TOTALS, Withheld.CELLS):
        for feature, groups in table.features.items():
            for group, cells in groups.items():
                if _small(cells, level, threshold):
                    levels[feature][group] = max(levels[feature][group], level)
        while _completed(table, levels, level, threshold):
            pass
    return levels


def _completed(table: CellTable, levels: Levels, level: Withheld, threshold: int) -> bool:
    """Raise one more group to `level` where one can be told by subtraction; whether there was any."""
    for feature in table.features:
        for line in _lines(table, feature):
            hidden = [group for group in line if levels[feature][group] >= level]
            if hidden and _tells(table.features[feature], hidden, level, threshold):
                spare = [group for group in line if group not in hidden and table.features[feature][group].rows]
                if spare:
                    _raise(table, levels, feature, spare, level)
                    return True
    return _refined(table, levels, level)


def _tells(groups: Mapping[str, Cells], hidden: list[str], level: Withheld, threshold: int) -> bool:
    """Whether the difference of the total and what is published gives away a single group or a small count."""
    return len(hidden) == 1 or _small(summed(groups[group] for group in hidden), level, threshold)


def _lines(table: CellTable, feature: str) -> Iterator[list[str]]:
    """Sets of groups whose sum is published elsewhere: those that differ in one column only."""
    parts = table.parts.get(feature, {})
    width = len(table.columns.get(feature, (feature,)))
    for away in range(width):
        lines: dict[tuple[str, ...], list[str]] = {}
        for group in table.features[feature]:
            values = parts.get(group, (group,) * width)
            lines.setdefault(values[:away] + values[away + 1 :], []).append(group)
        yield from lines.values()


def _refined(table: CellTable, levels: Levels, level: Withheld) -> bool:
    """A withheld group needs a withheld part in every finer table, else its parts sum to it."""
    for feature, columns in table.columns.items():
        for finer, others in table.columns.items():
            if len(others) <= len(columns) or not set(columns) < set(others):
                continue
            for group, values in table.parts[feature].items():
                if levels[feature].get(group, Withheld.NOTHING) < level:
                    continue
                places = [others.index(name) for name in columns]
                inside = [part for part, of in table.parts[finer].items() if tuple(of[i] for i in places) == values]
                if inside and all(levels[finer][part] < level for part in inside):
                    _raise(table, levels, finer, inside, level)
                    return True
    return False


def _raise(table: CellTable, levels: Levels, feature: str, among: list[str], level: Withheld) -> None:
    """The smallest of the groups is withheld too."""
    smallest = min(among, key=lambda group: (table.features[feature][group].rows, group))
    levels[feature][smallest] = level
