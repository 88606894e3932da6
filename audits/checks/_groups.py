"""Rates per group, each group against the rest, the widest gaps, and the tests: a walk over a cell table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from audits.checks import _gaps, _rates
from audits.checks._cells import MISSING, Cells, CellTable, summed
from audits.checks._disclosure import TOGETHER
from audits.checks._rates import RATES, Scene
from audits.checks._suppression import Withheld, levels_of
from audits.measurements import MetricValue, Table
from audits.statistics import intervals, significance


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How to compare. `suppress_below`: counts from 1 to below it are withheld; `seed` is that of the resampling."""

    missing_tolerated: float = 0.01
    level: float = 0.95
    suppress_below: int = 0
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Compared:
    """The values, the two tables behind them, and what was withheld, in words."""

    values: tuple[MetricValue, ...]
    tables: Mapping[str, Table]
    notes: tuple[str, ...]


def compare_groups(table: CellTable, how: Comparison) -> Compared:
    """All values, feature by feature; overall rates first."""
    everybody = summed(next(iter(table.features.values())).values())
    levels = levels_of(table, how.suppress_below)
    scene = Scene(feature="", level=how.level, seed=how.seed, barred=_rates.barred(everybody, how.missing_tolerated))
    values = [
        _fraction("missing_prediction_fraction", everybody.missing_predictions, everybody.rows, how.level),
        _fraction("missing_label_fraction", everybody.missing_labels, everybody.rows, how.level),
        *_rates.rates(everybody, scene),
    ]
    tests: list[tuple[str, str, str, float, float, float]] = []
    for feature, groups in table.features.items():
        found, rows = _of_feature(feature, groups, levels[feature], how)
        values += found
        tests += rows
    hidden = {f: [g for g, level in groups.items() if level] for f, groups in levels.items()}
    names = ("feature", "metric", "group", "p", "p_holm", "p_benjamini_hochberg")
    return Compared(
        tuple(values),
        {"cells": table.to_table(hidden), "tests": Table(names, tuple(tests))},
        tuple(_withheld_note(feature, groups, how.suppress_below) for feature, groups in hidden.items() if groups),
    )


def _withheld_note(feature: str, groups: list[str], threshold: int) -> str:
    return (
        f"{feature}: counts of {len(groups)} groups are withheld, because one is below {threshold} or would give one "
        f"away; over all groups they are compared as one."
    )


def _of_feature(
    feature: str, groups: Mapping[str, Cells], levels: Mapping[str, Withheld], how: Comparison
) -> tuple[list[MetricValue], list[tuple[str, str, str, float, float, float]]]:
    everybody = summed(groups.values())
    barred = _rates.barred(everybody, how.missing_tolerated)
    constant = _rates.same_decision(everybody)
    rows, missing = everybody.rows, groups[MISSING].rows if MISSING in groups else 0
    over = Scene(feature=feature, level=how.level, seed=how.seed, barred=barred)
    values = []
    if levels.get(MISSING, Withheld.NOTHING) < Withheld.SIZE:
        values.append(_fraction("missing_sensitive_fraction", missing, rows, how.level, feature))
    scenes = {}
    for group, cells in groups.items():
        scene = Scene(
            feature=feature,
            group=group,
            level=how.level,
            seed=how.seed,
            barred=barred,
            withheld=levels[group],
            threshold=how.suppress_below,
            constant=constant,
        )
        scenes[group] = cells, everybody.without(cells), scene
        values += _of_group(*scenes[group])
    reason = "every sensitive value is missing" if missing == rows else ""
    if not reason and len(groups) < 2:  # noqa: PLR2004 - a comparison
        reason = f"there is only the group {next(iter(groups))}"
    compared = {metric: joined(groups, levels, rate.withheld_from) for metric, rate in RATES.items()}
    values += _gaps.over_groups(compared, over, reason or constant or _one_left(compared))
    return values, _tests(feature, scenes)


def _of_group(cells: Cells, rest: Cells, scene: Scene) -> Iterator[MetricValue]:
    if scene.withheld >= Withheld.SIZE:
        yield scene.nothing(
            "group_size", f"withheld: fewer than {scene.threshold} rows, or would give such a group away"
        )
    else:
        yield scene.value("group_size", float(cells.rows), cells.rows, None)
    yield from _rates.rates(cells, scene)
    yield from _rates.against_rest(cells, rest, scene)


def joined(groups: Mapping[str, Cells], levels: Mapping[str, Withheld], limit: Withheld) -> dict[str, Cells]:
    """The groups by which a rate is compared: those of which `limit` is withheld are one."""
    shown = {group: cells for group, cells in groups.items() if levels[group] < limit}
    hidden = [cells for group, cells in groups.items() if levels[group] >= limit]
    return {**shown, TOGETHER: summed(hidden)} if hidden else shown


def _one_left(compared: Mapping[str, Mapping[str, Cells]]) -> str:
    if any(len(groups) < 2 for groups in compared.values()):  # noqa: PLR2004 - a comparison
        return "all groups are withheld together, so nothing is left to compare"
    return ""


def _tests(
    feature: str, scenes: Mapping[str, tuple[Cells, Cells, Scene]]
) -> list[tuple[str, str, str, float, float, float]]:
    """Every group against the rest by five rates: one family a feature, adjusted in two ways."""
    found = _rates.p_values(scenes)
    if not found:
        return []
    p_values = [p for _, _, p in found]
    adjusted = zip(found, significance.holm(p_values), significance.benjamini_hochberg(p_values), strict=True)
    return [(feature, metric, group, p, holm, discovery) for (metric, group, p), holm, discovery in adjusted]


def _fraction(metric: str, count: int, total: int, level: float, feature: str = "") -> MetricValue:
    interval = intervals.proportion(count, total, level)
    return MetricValue(metric=metric, value=count / total, n=total, feature=feature, interval=interval)
