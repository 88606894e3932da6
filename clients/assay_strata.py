"""Groups compared within strata, and the labels of groups: Mantel-Haenszel, Breslow-Day, distances of distributions."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from assay_chance import chi_squared_above
from assay_intervals import (
    SMALL,
    Bounds,
    Pair,
    Reach,
    difference,
    pair_of,
    proportion,
    two_sided,
    widest_difference,
)
from assay_tables import Compute, Line, Tables, weight

TOGETHER = "(small strata together)"

#: Feature -> stratum -> group -> value -> (weight, squares of weights).
Counted = dict[str, dict[str, dict[str, dict[Any, tuple[float, float]]]]]


def _counted(lines: Iterable[Line], outcome: str) -> Counted:
    found: Counted = {}
    for line in lines:
        own = found.setdefault(line["feature"], {}).setdefault(line["stratum"], {}).setdefault(line["group"], {})
        squares = line["count"] if line.get("squares") is None else line["squares"]
        before = own.get(line[outcome], (0.0, 0.0))
        own[line[outcome]] = (before[0] + weight(line), before[1] + squares)
    return found


@dataclass(frozen=True)
class _Side:
    """Hits and all of one side, in effective numbers (Kish): the square of the weights' sum over the sum of squares."""

    hits: float
    total: float

    @classmethod
    def of(cls, cells: Iterable[Mapping[Any, tuple[float, float]]]) -> _Side | None:
        """None where nobody is on this side."""
        parts = [(value, pair) for own in cells for value, pair in own.items() if value is not None]
        whole, squares = (sum(pair[place] for _, pair in parts) for place in (0, 1))
        if not whole:
            return None
        total = whole * whole / squares
        return cls(sum(pair[0] for value, pair in parts if value == 1) / whole * total, total)


_Pairs = list[tuple[_Side, _Side]]


def _pairs(strata: Mapping[str, Mapping[str, Any]], group: str) -> _Pairs:
    """The group and the rest in each stratum that holds both."""
    found = []
    for members in strata.values():
        own = _Side.of([members.get(group, {})])
        rest = _Side.of(cells for name, cells in members.items() if name != group)
        if own and rest:
            found.append((own, rest))
    return found


# -- Decisions within strata -------------------------------------------------------------------------------------------
def of_strata(tables: Tables) -> Compute | None:
    """`strata`: the common difference, odds ratio and tests of each group against the rest."""
    features = _counted(tables.lines("strata", "feature", "stratum", "group", "prediction", "count"), "prediction")

    def compute(metric: str, feature: str, group: str) -> float | None:
        strata = features.get(feature)
        if not strata or TOGETHER in strata:
            return None
        groups = sorted({name for members in strata.values() for name in members})
        if metric == "largest_conditional_difference" and not group:
            return max(abs(_common_difference(_pairs(strata, name))) for name in groups)
        if metric not in _COMPARED or not group:
            return None
        if group not in groups:
            raise KeyError(group)
        return _COMPARED[metric](_pairs(strata, group))

    return compute if features else None


def _common_difference(pairs: _Pairs) -> float:
    """Mantel and Haenszel's common risk difference."""
    weights = [own.total * rest.total / (own.total + rest.total) for own, rest in pairs]
    gaps = [own.hits / own.total - rest.hits / rest.total for own, rest in pairs]
    return math.fsum(w * gap for w, gap in zip(weights, gaps, strict=True)) / math.fsum(weights)


def _common_odds_ratio(pairs: _Pairs) -> float:
    """Mantel and Haenszel's common odds ratio."""
    top = math.fsum(own.hits * (rest.total - rest.hits) / (own.total + rest.total) for own, rest in pairs)
    return top / math.fsum((own.total - own.hits) * rest.hits / (own.total + rest.total) for own, rest in pairs)


def _common_test(pairs: _Pairs) -> float:
    """P-value of Cochran, Mantel and Haenszel, without continuity correction."""
    apart = spread = 0.0
    for own, rest in pairs:
        whole, hits = own.total + rest.total, own.hits + rest.hits
        expected = own.total * hits / whole
        apart += own.hits - expected
        if whole != 1:
            spread += expected * rest.total * (whole - hits) / (whole * (whole - 1))
    return chi_squared_above(apart * apart / spread, 1) if spread > 0 else 1.0


def _homogeneity(pairs: _Pairs) -> float:
    """P-value of Breslow and Day with Tarone's correction."""
    ratio = _common_odds_ratio(pairs)
    squares = apart = whole = 0.0
    for own, rest in pairs:
        hits = own.hits + rest.hits
        if ratio == 1:
            expected = own.total * hits / (own.total + rest.total)
        else:
            linear = rest.total - hits + ratio * (own.total + hits)
            root = math.sqrt(linear * linear - 4 * (ratio - 1) * ratio * own.total * hits)
            expected = (linear - root) / (2 * (ratio - 1))
        parts = expected, own.total - expected, hits - expected, rest.total - hits + expected
        variance = 1 / sum(1 / part for part in parts)
        squares += (own.hits - expected) ** 2 / variance
        apart += own.hits - expected
        whole += variance
    return chi_squared_above(max(0.0, squares - apart * apart / whole), len(pairs) - 1)


_COMPARED = {
    "conditional_selection_difference": _common_difference,
    "conditional_odds_ratio": _common_odds_ratio,
    "conditional_p_value": _common_test,
    "homogeneity_p_value": _homogeneity,
}


def effective_sides(tables: Tables) -> dict[str, dict[str, tuple[float, float]]]:
    """Feature to group to the effective numbers of it and of the rest, in the strata that hold both."""
    features = _counted(tables.lines("strata", "feature", "stratum", "group", "prediction", "count"), "prediction")
    found = {}
    for feature, strata in features.items():
        if TOGETHER not in strata:
            pairs = {name: _pairs(strata, name) for members in strata.values() for name in members}
            found[feature] = {
                name: (math.fsum(own.total for own, _ in both), math.fsum(rest.total for _, rest in both))
                for name, both in pairs.items()
            }
    return found


def reach_of_strata(tables: Tables, level: float) -> Reach | None:
    """`strata`: the bounds of the common difference and of the common odds ratio."""
    features = _counted(tables.lines("strata", "feature", "stratum", "group", "prediction", "count"), "prediction")

    def reach(metric: str, feature: str, group: str, _small: float) -> Bounds | None:
        strata = features.get(feature)
        if not strata or TOGETHER in strata:
            return None
        if metric == "largest_conditional_difference" and not group:
            groups = sorted({name for members in strata.values() for name in members})
            each = two_sided(1 - (1 - level) / len(groups))
            found = [_sato(_pairs(strata, name), each) for name in groups]
            nearest = (0.0 if low <= 0 <= high else min(abs(low), abs(high)) for low, high in found)
            return max(nearest), max(max(abs(low), abs(high)) for low, high in found)
        if metric == "conditional_selection_difference":
            return _sato(_pairs(strata, group), two_sided(level))
        return _robins(_pairs(strata, group), two_sided(level)) if metric == "conditional_odds_ratio" else None

    return reach if features else None


def _sato(pairs: _Pairs, z: float) -> tuple[float, float]:
    """Bounds of the common difference of rates (Sato 1989)."""
    value, first, second, weights = _common_difference(pairs), 0.0, 0.0, 0.0
    for own, rest in pairs:
        whole = own.total + rest.total
        first += (own.total**2 * rest.hits - rest.total**2 * own.hits) / whole**2
        first += own.total * rest.total * (rest.total - own.total) / (2 * whole**2)
        second += (own.hits * (rest.total - rest.hits) + rest.hits * (own.total - own.hits)) / (2 * whole)
        weights += own.total * rest.total / whole
    spread = z * math.sqrt(max(0.0, value * first + second)) / weights
    return max(-1.0, value - spread), min(1.0, value + spread)


def _robins(pairs: _Pairs, z: float) -> tuple[float, float]:
    """Bounds of the common odds ratio (Robins, Breslow & Greenland 1986)."""
    with_it = against = both = mixed = neither = 0.0
    for own, rest in pairs:
        whole, lost, rest_lost = own.total + rest.total, own.total - own.hits, rest.total - rest.hits
        agree, differ = (own.hits + rest_lost) / whole, (lost + rest.hits) / whole
        up, down = own.hits * rest_lost / whole, lost * rest.hits / whole
        with_it, against = with_it + up, against + down
        both, mixed, neither = both + agree * up, mixed + agree * down + differ * up, neither + differ * down
    variance = both / (2 * with_it**2) + mixed / (2 * with_it * against) + neither / (2 * against**2)
    reach = math.exp(z * math.sqrt(variance))
    return with_it / against / reach, with_it / against * reach


# -- Labels of the training data ---------------------------------------------------------------------------------------
def of_labels(tables: Tables) -> Compute | None:
    """`labels`: how unevenly groups and their labels are spread."""
    features = _counted(tables.lines("labels", "feature", "stratum", "group", "label", "count"), "label")

    def compute(metric: str, feature: str, group: str) -> float | None:
        strata = features.get(feature)
        if not strata:
            return None
        groups = _over_strata(strata)
        if metric == "label_difference_range" and not group:
            rates = [hits / total for hits, total in groups.values()]
            return max(rates) - min(rates)
        if metric == "conditional_disparity":
            return None if TOGETHER in strata else _conditional_disparity(strata, group)
        return _of_labels(metric, groups, group) if group else None

    return compute if features else None


def _of_labels(metric: str, groups: Mapping[str, tuple[float, float]], group: str) -> float | None:
    """A figure of one group beside the rest."""
    hits, own = groups[group]
    rest_hits, rest = (sum(one[part] for name, one in groups.items() if name != group) for part in (0, 1))
    if metric == "class_imbalance":
        return 1 - 2 * own / (own + rest)
    if metric == "label_difference":
        return rest_hits / rest - hits / own
    return _DISTANCES[metric](rest_hits / rest, hits / own) if metric in _DISTANCES else None


def _over_strata(strata: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[float, float]]:
    """Positive labels and all labels of each group."""
    found: dict[str, tuple[float, float]] = {}
    for members in strata.values():
        for group, cells in members.items():
            ones, zeros = (cells.get(value, (0.0, 0.0))[0] for value in (1, 0))
            before = found.get(group, (0.0, 0.0))
            found[group] = before[0] + ones, before[1] + ones + zeros
    return found


def _conditional_disparity(strata: Mapping[str, Mapping[str, Any]], group: str) -> float:
    """Clarify's CDD: of those without and those with the favourable label the group's share, weighed by stratum."""
    summed = whole = 0.0
    for members in strata.values():
        sums = [sum(cells.get(value, (0.0, 0.0))[0] for cells in members.values()) for value in (0, 1)]
        own = [members.get(group, {}).get(value, (0.0, 0.0))[0] for value in (0, 1)]
        size = sum(sums)
        summed += size * (own[0] / sums[0] - own[1] / sums[1])
        whole += size
    return summed / whole


def _divergence(first: tuple[float, float], second: tuple[float, float]) -> float:
    return sum(p * math.log(p / q) for p, q in zip(first, second, strict=True) if p)


def _jensen_shannon(first: float, second: float) -> float:
    middle = (1 - (first + second) / 2, (first + second) / 2)
    return sum(_divergence((1 - one, one), middle) for one in (first, second)) / 2


_DISTANCES: Mapping[str, Callable[[float, float], float]] = {
    "kullback_leibler": lambda first, second: _divergence((1 - first, first), (1 - second, second)),
    "jensen_shannon": _jensen_shannon,
    "lp_norm": lambda first, second: math.sqrt(2) * abs(first - second),
    "total_variation": lambda first, second: abs(first - second),
    "kolmogorov_smirnov": lambda first, second: abs(first - second),
}


def reach_of_labels(tables: Tables, level: float) -> Reach | None:
    """`labels`: the bounds of what is told of a group's labels beside the others'."""
    features = {
        feature: _with_squares(strata)
        for feature, strata in _counted(
            tables.lines("labels", "feature", "stratum", "group", "label", "count"), "label"
        ).items()
    }

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        groups = features.get(feature, {})
        if metric == "label_difference_range" and not group:
            return widest_difference([pair_of(hits, total) for hits, total in groups.values()], level)
        if group not in groups:
            return None
        others = [one for name, one in groups.items() if name != group]
        hits, total = groups[group]
        rest = sum(one[0] for one in others), (sum(one[1][0] for one in others), sum(one[1][1] for one in others))
        if metric == "class_imbalance":
            everybody = total[0] + rest[1][0], total[1] + rest[1][1]
            low, high = proportion(pair_of(total[0], everybody), level, small)
            return 1 - 2 * high, 1 - 2 * low
        if metric == "label_difference":
            return difference(pair_of(*rest), pair_of(hits, total), two_sided(level))
        return _box(metric, (pair_of(*rest), pair_of(hits, total)), level, small) if metric in _DISTANCES else None

    return reach if features else None


def _with_squares(strata: Mapping[str, Mapping[str, Any]]) -> dict[str, tuple[float, tuple[float, float]]]:
    """Weight of the positive labels of each group, and weight and squares of all its labels, over all strata."""
    found: dict[str, tuple[float, tuple[float, float]]] = {}
    for members in strata.values():
        for group, cells in members.items():
            one, zero = (cells.get(value, (0.0, 0.0)) for value in (1, 0))
            hits, (weighed, squares) = found.get(group, (0.0, (0.0, 0.0)))
            found[group] = hits + one[0], (weighed + one[0] + zero[0], squares + one[1] + zero[1])
    return found


def _box(metric: str, pairs: tuple[Pair, Pair], level: float, small: float = SMALL) -> Bounds:
    """Over both rates' intervals, each at half the error: a convex distance is largest in a corner."""
    boxes = [proportion(pair, 1 - (1 - level) / 2, small) for pair in pairs]
    corners = [_distance(metric, *corner) for corner in itertools.product(*boxes)]
    overlap = boxes[0][0] <= boxes[1][1] and boxes[1][0] <= boxes[0][1]
    high = max(corners)
    return 0.0 if overlap else min(corners), high if math.isfinite(high) else None


def _distance(metric: str, first: float, second: float) -> float:
    """Infinite where what the first holds does not occur in the second."""
    try:
        return _DISTANCES[metric](first, second)
    except (ValueError, ZeroDivisionError):
        return math.inf
