"""Bounds of rates, gaps and ratios, computed again from the counts that stand beside them."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from assay_decisions import MISSING
from assay_intervals import (
    Bounds,
    Pair,
    Reach,
    difference,
    lowest_ratio,
    odds,
    pair_of,
    proportion,
    ratio,
    two_sided,
    widest_difference,
)
from assay_shares import BOTH, GAPS, ODDS, RATES, RATIOS, WORST
from assay_tables import Line, Tables, weight

#: (label, prediction) to weight and squares of weights.
Cells = Mapping[tuple[Any, ...], tuple[float, float]]
_RIGHT = ((0, 0), (1, 1))
_DIFFERENCES = {"selection_rate", "true_positive_rate", "false_positive_rate", "precision", "accuracy"}


def _sum(cells: Cells, wanted: Callable[[Any, Any], bool]) -> tuple[float, float]:
    chosen = [amounts for key, amounts in cells.items() if wanted(*key)]
    return sum(one[0] for one in chosen), sum(one[1] for one in chosen)


def rate_pair(metric: str, cells: Cells) -> Pair:
    """Those who count for the rate, of those who could. Raises KeyError for what is no rate."""
    if metric == "accuracy":
        hits = _sum(cells, lambda y, p: (y, p) in _RIGHT)[0]
        return pair_of(hits, _sum(cells, lambda y, p: y in BOTH and p in BOTH))
    labels, predictions, of_labels, of_predictions = RATES[metric]
    hits = _sum(cells, lambda y, p: y in labels and p in predictions)[0]
    return pair_of(hits, _sum(cells, lambda y, p: y in of_labels and p in of_predictions))


def _errors(cells: Cells) -> Pair:
    """False negatives among all errors."""
    missed, wronged = cells.get((1, 0), (0.0, 0.0)), cells.get((0, 1), (0.0, 0.0))
    if not wronged[0]:
        raise ZeroDivisionError
    return pair_of(missed[0], (missed[0] + wronged[0], missed[1] + wronged[1]))


def summed(many: Iterable[Cells]) -> Cells:
    """The union of disjoint groups."""
    total: dict[tuple[Any, ...], tuple[float, float]] = {}
    for cells in many:
        for key, (weighed, squares) in cells.items():
            before = total.get(key, (0.0, 0.0))
            total[key] = before[0] + weighed, before[1] + squares
    return total


def counted(lines: Iterable[Line]) -> dict[str, dict[str, Cells]]:
    """Feature to group to cells, of a table with label, prediction, count and perhaps weight and squares."""
    found: dict[str, dict[str, dict[tuple[Any, ...], tuple[float, float]]]] = {}
    for line in lines:
        own = found.setdefault(line["feature"], {}).setdefault(line["group"], {})
        key = line["label"], line["prediction"]
        before = own.get(key, (0.0, 0.0))
        squares = line["count"] if line.get("squares") is None else line["squares"]
        own[key] = before[0] + weight(line), before[1] + squares
    return {feature: dict(groups) for feature, groups in found.items()}


# -- One group ---------------------------------------------------------------------------------------------------------
def of_rows(metric: str, cells: Cells, level: float, small: float) -> Bounds | None:
    """A figure of these rows alone."""
    if metric in RATES or metric == "accuracy":
        return proportion(rate_pair(metric, cells), level, small)
    return odds(_errors(cells), level, small) if metric == "treatment_equality" else None


def rests(groups: Mapping[str, Cells]) -> dict[str, Cells]:
    """Everybody else beside each group, in one pass there and one back."""
    after: list[Cells] = [{}]
    for cells in reversed(list(groups.values())):
        after.append(summed([cells, after[-1]]))
    found: dict[str, Cells] = {}
    before: Cells = {}
    for name, cells in groups.items():
        after.pop()
        found[name] = summed([before, after[-1]])
        before = summed([before, cells])
    return found


def of_group(metric: str, own: Cells, rest: Cells, level: float, small: float) -> Bounds | None:
    """A figure of one group, alone or beside everybody else."""
    z = two_sided(level)
    if metric == "selection_rate_ratio_to_rest":
        return ratio(rate_pair("selection_rate", own), rate_pair("selection_rate", rest), z)
    if metric == "average_odds_difference":
        return _average_odds(own, rest, z)
    base = metric.removesuffix("_difference")
    if base != metric and base in _DIFFERENCES:
        return difference(rate_pair(base, own), rate_pair(base, rest), z)
    return of_rows(metric, own, level, small)


def _average_odds(own: Cells, rest: Cells, z: float) -> Bounds:
    """Half the sum of two differences that rest on different rows."""
    value = below = above = 0.0
    for metric in ODDS:
        first, second = rate_pair(metric, own), rate_pair(metric, rest)
        low, high = difference(first, second, z)
        gap = first[0] / first[1] - second[0] / second[1]
        value += gap / 2
        below, above = math.hypot(below, (gap - low) / 2), math.hypot(above, (high - gap) / 2)
    return value - below, value + above


# -- Over all groups ---------------------------------------------------------------------------------------------------
def over_groups(metric: str, groups: Mapping[str, Cells], level: float, small: float) -> Bounds | None:
    """A figure over all groups of a feature."""
    half = 1 - (1 - level) / 2
    if metric == "treatment_equality_difference":
        return _treatment(groups, level, small)
    if metric in GAPS:
        return _gap(GAPS[metric], groups, level)
    if metric in RATIOS:
        return _ratio(RATIOS[metric], groups, level)
    if metric in WORST:
        name, pick = WORST[metric]
        each = 1 - (1 - level) / len(groups)
        found = [proportion(rate_pair(name, cells), each, small) for cells in groups.values()]
        return pick(low for low, _ in found), pick(high for _, high in found)
    if metric in _PAIRS:
        of, join = _PAIRS[metric]
        ends = [of(name, groups, half) for name in ODDS]
        return join([low for low, _ in ends]), join([high for _, high in ends])
    return None


def _gap(metric: str, groups: Mapping[str, Cells], level: float) -> tuple[float, float]:
    return widest_difference([rate_pair(metric, cells) for cells in groups.values()], level)


def _ratio(metric: str, groups: Mapping[str, Cells], level: float) -> tuple[float, float]:
    return lowest_ratio([rate_pair(metric, cells) for cells in groups.values()], level)


_PAIRS: Mapping[str, tuple[Callable[..., tuple[float, float]], Callable[[list[float]], float]]] = {
    "equalized_odds_difference": (_gap, max),
    "equalized_odds_mean_difference": (_gap, lambda ends: sum(ends) / 2),
    "equalized_odds_ratio": (_ratio, min),
}


def _treatment(groups: Mapping[str, Cells], level: float, small: float) -> Bounds:
    each = 1 - (1 - level) / len(groups)
    found = [odds(_errors(cells), each, small) for cells in groups.values()]
    lows, highs = [low for low, _ in found], [math.inf if high is None else high for _, high in found]
    high = max(highs) - min(lows)
    return max(0.0, max(lows) - min(highs)), high if math.isfinite(high) else None


# -- Tables ------------------------------------------------------------------------------------------------------------
def reach_of_cells(tables: Tables, level: float) -> Reach | None:
    """`cells`: rates of groups, each against the rest, and the gaps over all."""
    lines = tables.lines("cells", "feature", "group", "label", "prediction", "count")
    features = counted(lines)
    others = {feature: rests(groups) for feature, groups in features.items()}
    rows = counted({**line, "weight": None, "squares": None} for line in lines)  # each once, whatever it weighs

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        chosen = rows if metric.startswith("missing_") else features
        groups = chosen.get(feature, {})
        if tables.guarded and (group not in groups or not (metric in RATES or metric in _ALONE)):
            return None
        if not feature:
            return of_rows(metric, summed(next(iter(chosen.values())).values()), level, small)
        if metric == "missing_sensitive_fraction":
            total = sum(_sum(cells, lambda _y, _p: True)[0] for cells in groups.values())
            return proportion((_sum(groups.get(MISSING, {}), lambda _y, _p: True)[0], total), level, small)
        if group:
            return of_group(metric, groups[group], others[feature][group], level, small)
        return over_groups(metric, groups, level, small)

    return reach if features else None


_ALONE = {"accuracy", "treatment_equality"}


def reach_of_confusion(tables: Tables, level: float) -> Reach | None:
    """`confusion`: the decisions of one binary model, or, with groups, those between classes."""
    classes = counted(tables.lines("confusion", "feature", "group", "label", "prediction", "count"))
    if classes:
        return _of_classes(classes, level)
    lines = tables.lines("confusion", "label", "prediction", "count")
    cells = counted({**line, "feature": "", "group": ""} for line in lines)

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        name = {"recall": "true_positive_rate"}.get(metric, metric)
        return None if feature or group else of_rows(name, cells[""][""], level, small)

    return reach if cells else None


def _of_classes(features: Mapping[str, Mapping[str, Cells]], level: float) -> Reach:
    binary: dict[str, tuple[dict[str, Cells], dict[str, Cells]]] = {}

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        name, _, asked = feature.partition(" | ")
        if name not in features or metric.startswith("macro_"):
            return None
        if feature not in binary:
            groups = {member: _against(own, asked.partition("=")[2]) for member, own in features[name].items()}
            binary[feature] = groups, rests(groups)
        groups, others = binary[feature]
        if group:
            return of_group(metric, groups[group], others[group], level, small)
        return over_groups(metric, groups, level, small)

    return reach


def _against(own: Cells, one: str) -> Cells:
    """The class against all others; without one, right decisions against wrong ones."""
    found = []
    for (label, prediction), amounts in own.items():
        if one:
            found.append({tuple(None if side is None else int(side == one) for side in (label, prediction)): amounts})
        elif label is not None and prediction is not None:
            found.append({(1, int(label == prediction)): amounts})
    return summed(found)
