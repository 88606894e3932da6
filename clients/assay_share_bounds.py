"""Bounds of shares, impact ratios, representation and paired errors, computed again from their tables."""

from __future__ import annotations

from collections.abc import Callable

from assay_intervals import Bounds, Pair, Reach, lowest_ratio, pair_of, proportion, ratio, simultaneous, student
from assay_tables import Line, Tables, weight

_SAME = 1e-12  # a variance below is of rows that all say the same


def reach_of_shares(tables: Tables, level: float) -> Reach | None:
    """`shares`: so many of so many."""
    found = {
        (line["metric"], line["feature"], line["group"]): (float(line["count"]), float(line["total"]))
        for line in tables.lines("shares", "metric", "feature", "group", "count", "total")
    }
    missing = [pair for (metric, _, _), pair in found.items() if metric == "missing_fraction"]

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        if metric == "worst_missing_fraction" and missing:
            return proportion(max(missing, key=lambda pair: pair[0] / pair[1]), level, small)
        pair = found.get((metric, feature, group))
        return proportion(pair, level, small) if pair else None

    return reach if found else None


def reach_of_population(tables: Tables, level: float) -> Reach | None:
    """`population`: each group's share of the rows over its share there."""
    lines = {
        (line["feature"], line["group"]): line
        for line in tables.lines("population", "feature", "group", "rows", "known", "expected")
        if line["known"] and line["expected"]
    }

    def of_line(line: Line, small: float) -> Bounds:
        low, high = proportion((line["rows"], line["known"]), level, small)
        return low / line["expected"], high / line["expected"]

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        if metric == "worst_representation_ratio":
            return of_line(min(lines.values(), key=lambda line: line["rows"] / line["known"] / line["expected"]), small)
        return of_line(lines[feature, group], small) if metric == "representation_ratio" else None

    return reach if lines else None


def reach_of_impact(tables: Tables, level: float) -> Reach | None:
    """`impact_ratios`: each rate, and over the highest of those large enough."""
    lines = tables.lines("impact_ratios", "feature", "category", "rows", "favoured", "left_out_because")
    features: dict[str, dict[str, Pair]] = {}
    rates: dict[tuple[str, str], float] = {}
    for line in lines:
        place = line["feature"], line["category"]
        hits, total = _of_category(line)
        features.setdefault(place[0], {})[place[1]] = pair_of(hits, total)
        rates[place] = hits / total[0]
    left_out = {(line["feature"], line["category"]) for line in lines if line["left_out_because"]}

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        own = features.get(feature, {})
        kept = {name: pair for name, pair in own.items() if (feature, name) not in left_out}
        if metric == "lowest_impact_ratio" and not group:
            return lowest_ratio(list(kept.values()), level)
        if metric in {"selection_rate", "scoring_rate"}:
            return proportion(own[group], level, small)
        if metric != "impact_ratio":
            return None
        best = max(sorted(kept), key=lambda name: rates[feature, name])
        return (1.0, 1.0) if group == best else ratio(kept[group], kept[best], simultaneous(len(kept), level))

    return reach if lines else None


def _of_category(line: Line) -> tuple[float, tuple[float, float]]:
    """The favoured, all, and the squares of what all weigh. Raises KeyError where these are left out."""
    if line.get("weight") is None:
        return float(line["favoured"]), (float(line["rows"]), float(line["rows"]))
    return line["favoured_weight"], (line["weight"], line["squares"])


def reach_of_errors(tables: Tables, level: float) -> Reach | None:
    """`errors`: what two versions get wrong on the same rows."""
    lines = tables.lines("errors", "new_wrong", "current_wrong", "count")

    def total(wanted: Callable[[Line], bool]) -> tuple[float, float]:
        chosen = [line for line in lines if wanted(line)]
        squares = (line["count"] if line.get("squares") is None else line["squares"] for line in chosen)
        return sum(map(weight, chosen)), sum(squares)

    def reach(metric: str, _feature: str, _group: str, small: float) -> Bounds | None:
        whole = total(lambda _line: True)
        only_new = total(lambda line: line["new_wrong"] and not line["current_wrong"])[0]
        only_old = total(lambda line: line["current_wrong"] and not line["new_wrong"])[0]
        if metric == "disagreement":
            return proportion(pair_of(only_new + only_old, whole), level, small)
        if metric != "error_increase":
            return None
        mean = (only_new - only_old) / whole[0]
        variance = (only_new + only_old) / whole[0] - mean * mean
        size = pair_of(0.0, whole)[1]
        if variance > _SAME:
            return student(mean, variance, size, level)
        rule_of_three = proportion((0.0, size), level, small)[1]
        return mean - rule_of_three, mean + rule_of_three

    return reach if lines else None
