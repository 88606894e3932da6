"""Tables without small counts: groups, strata and bins that would tell about few people are shown as one. Pure.

Groups are chosen by the rules of `_suppression`; joined before anything is measured, so that values, gaps and tables
all rest on what may be shown. Strata and bins are then joined in the tables alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from typing import Any, TypeVar

from audits.checks._cells import Cells, CellTable
from audits.checks._suppression import Withheld, levels_of
from audits.counting.question import Tally

TOGETHER = "(small groups together)"
SMALL_STRATA = "(small strata together)"

#: (feature, group) to the name under which the group is shown, where that is another one.
Shown = Mapping[tuple[str, str], str]
#: Outcome to number of rows.
Counts = Mapping[Any, int]

Layer = TypeVar("Layer", bound=Hashable)


def shown_groups(
    counts: Mapping[str, Mapping[str, Mapping[Any, Tally]]],
    columns: Mapping[str, tuple[str, ...]],
    parts: Mapping[str, Mapping[str, tuple[str, ...]]],
    threshold: int,
) -> tuple[Shown, tuple[str, ...]]:
    """Which groups are joined at `threshold`, and the sentences about it.

    `counts` is feature -> group -> outcome -> tally, `columns` the columns of each feature, `parts` a group's values.
    """
    if threshold < 2:  # noqa: PLR2004 - one row is the least there is
        return {}, ()
    features = {
        feature: {
            group: Cells({(outcome, 0): tally for outcome, tally in own.items()}) for group, own in groups.items()
        }
        for feature, groups in counts.items()
    }
    levels = levels_of(CellTable(features, columns, parts), threshold)
    shown = {
        (feature, group): TOGETHER
        for feature, groups in levels.items()
        for group, level in groups.items()
        if level > Withheld.NOTHING
    }
    notes = []
    for feature in counts:
        joined = sum(where[0] == feature for where in shown)
        if joined:
            notes.append(
                f"{feature}: {joined} groups are shown and compared as one, because a count is below {threshold} or "
                f"would give one away."
            )
    return shown, tuple(notes)


def is_small(counts: Counts, threshold: int) -> bool:
    """Whether any count is from 1 to below `threshold`."""
    return any(0 < number < threshold for number in counts.values())


def pooled_strata(layers: Mapping[Layer, Counts], threshold: int) -> set[Layer]:
    """The layers to be shown as one: those with a small count, and more until their sum has none."""
    small = {name for name, counts in layers.items() if is_small(counts, threshold)}
    rest = sorted(set(layers) - small, key=lambda name: (sum(layers[name].values()), str(name)))
    while small and rest and (len(small) == 1 or is_small(_added([layers[name] for name in small]), threshold)):
        small.add(rest.pop(0))
    return small


def pooled_bins(bins: Sequence[Counts], threshold: int) -> list[tuple[int, int]]:
    """Neighbouring bins joined until no count is small: (first, last) of each run, in order."""
    runs: list[tuple[int, int]] = []
    start = 0
    for index in range(len(bins)):
        if not is_small(_added(bins[start : index + 1]), threshold):
            runs.append((start, index))
            start = index + 1
    if start < len(bins):
        first = runs.pop()[0] if runs else 0
        while runs and is_small(_added(bins[first:]), threshold):
            first = runs.pop()[0]
        runs.append((first, len(bins) - 1))
    return runs


def _added(layers: Sequence[Counts]) -> dict[Any, int]:
    total: dict[Any, int] = {}
    for counts in layers:
        for outcome, number in counts.items():
            total[outcome] = total.get(outcome, 0) + number
    return total
