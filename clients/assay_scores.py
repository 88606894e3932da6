"""Figures of scores and of predicted numbers: calibration by bins, areas by pairs, means by sums, drift by bins."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

from assay_tables import Compute, Line, Tables, require, weight

FLOOR = 0.5  # rows that a bin of a drift holds at least
SMALL_BINS = "(small bins together)"

_Place = tuple[str, str]


def _by_group(lines: Iterable[Line]) -> dict[_Place, list[Line]]:
    found: dict[_Place, list[Line]] = {}
    for line in lines:
        found.setdefault((line["feature"], line["group"]), []).append(line)
    return found


def _members(found: Iterable[_Place], feature: str) -> list[_Place]:
    """The groups of a feature. Raises KeyError where it has none."""
    members = [place for place in found if place[0] == feature and feature]
    if not members:
        raise KeyError(feature)
    return members


# -- Calibration -------------------------------------------------------------------------------------------------------
def _gap(lines: Sequence[Line]) -> float:
    return _mean(lines, lambda line: line["mean_score"] - line["positives"])


def _brier(lines: Sequence[Line]) -> float:
    return _mean(lines, lambda line: line["squared_error"])


def _calibration_error(lines: Sequence[Line]) -> float:
    return _mean(lines, lambda line: abs(line["mean_score"] - line["positives"]))


def _mean(lines: Sequence[Line], of: Callable[[Line], float]) -> float:
    return math.fsum(weight(line, "n") * of(line) for line in lines) / math.fsum(weight(line, "n") for line in lines)


_OF_BINS = {"calibration_gap": _gap, "brier": _brier, "expected_calibration_error": _calibration_error}


def of_reliability(tables: Tables) -> Compute | None:
    """`reliability`: bins of the score with their mean score, share of positives and mean squared error."""
    columns = ("feature", "group", "bin", "n", "mean_score", "positives", "squared_error")
    groups = _by_group(tables.lines("reliability", *columns))

    def compute(metric: str, feature: str, group: str) -> float | None:
        if "expected_calibration_error" in metric and tables.guarded:
            return None  # neighbouring bins may be shown as one
        if metric in _OF_BINS:
            return _OF_BINS[metric](groups[feature, group])
        if metric == "worst_group_expected_calibration_error":
            return max(_calibration_error(groups[place]) for place in _members(groups, feature))
        if metric == "worst_group_brier":
            return max(_brier(groups[place]) for place in _members(groups, feature))
        base = metric.removesuffix("_difference")
        if metric in {"calibration_gap_difference", "brier_difference"}:
            found = [_OF_BINS[base](groups[place]) for place in _members(groups, feature)]
            return max(found) - min(found)
        return None

    return compute if groups else None


# -- Areas -------------------------------------------------------------------------------------------------------------
def of_areas(tables: Tables) -> Compute | None:
    """`areas`: of all pairs of a positive and a negative, those in which the positive scored higher."""
    lines = tables.lines("areas", "metric", "feature", "group", "positives", "negatives", "won")
    pairs = {(line["metric"], line["feature"], line["group"]): line for line in lines}
    bounds = _bounds(tables)

    def area(metric: str, feature: str, group: str) -> float:
        line = pairs[metric, feature, group]
        return line["won"] / (line["positives"] * line["negatives"])  # type: ignore[no-any-return]

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric in {"auc", "xauc", "xauc_reverse", "roc_auc"}:
            return area(metric, feature, group)
        if metric == "xauc_difference":
            return area("xauc", feature, group) - area("xauc_reverse", feature, group)
        if metric in {"auc_difference", "worst_group_auc"}:
            found = [area(*place) for place in pairs if place[0] == "auc" and place[1] == feature and feature]
            return min(found) if metric == "worst_group_auc" else max(found) - min(found)
        return None

    for (feature, group), limits in bounds.items():
        if ("auc", feature, group) in pairs:
            require(f"auc[{feature}={group}]", area("auc", feature, group), limits)
    return compute if pairs else None


def _bounds(tables: Tables) -> dict[_Place, tuple[float, float]]:
    """What the points of a curve alone say of its area: between the steps below and the steps above them."""
    columns = ("feature", "group", "positives_above", "negatives_above", "true_positive_rate", "false_positive_rate")
    limits = {}
    for place, points in _by_group(tables.lines("roc", *columns)).items():
        totals = [max(point[side] for point in points) for side in ("positives_above", "negatives_above")]
        rates = [
            (point["negatives_above"] / totals[1], point["positives_above"] / totals[0])
            for point in points
            if all(totals)
        ]
        for point, (false, true) in zip(points, rates, strict=False):
            where = f"of {place[0]}={place[1]} in the table roc"
            require(f"true_positive_rate {where}", point["true_positive_rate"], true)
            require(f"false_positive_rate {where}", point["false_positive_rate"], false)
        steps = list(itertools.pairwise(sorted({*rates, (0.0, 0.0), (1.0, 1.0)})))
        below = math.fsum((after[0] - before[0]) * before[1] for before, after in steps)
        above = math.fsum((after[0] - before[0]) * after[1] for before, after in steps)
        limits[place] = below, above
    return limits


# -- Means and distances -----------------------------------------------------------------------------------------------
_MEANS = {"mean_error": "mean_error", "mean_absolute_error": "mean_distance", "mean_prediction": "mean_prediction"}


def of_regression(tables: Tables) -> Compute | None:
    """`errors`: the means of each group; everybody's must be the mean of the groups'."""
    names = (*_MEANS.values(), "mean_square")
    lines = {(line["feature"], line["group"]): line for line in tables.lines("errors", "feature", "group", "n", *names)}
    for feature in {feature for feature, _ in lines if feature}:
        own = [lines[place] for place in _members(lines, feature)]
        for name in names:
            whole = _mean(own, itemgetter(name))
            require(f"{name} of everybody in the table errors", lines["", ""][name], whole)

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric == "root_mean_squared_error":
            return math.sqrt(lines[feature, group]["mean_square"])
        if metric in _MEANS:
            return float(lines[feature, group][_MEANS[metric]])
        if metric == "worst_group_mean_absolute_error":
            return max(float(lines[place]["mean_distance"]) for place in _members(lines, feature))
        base = metric.removesuffix("_difference")
        if base != metric and base in _MEANS:
            found = [float(lines[place][_MEANS[base]]) for place in _members(lines, feature)]
            return max(found) - min(found)
        return None

    return compute if lines else None


def of_widest_gaps(tables: Tables) -> Compute | None:
    """`widest_gaps`: where two distribution functions are furthest apart, and how many rows lie below there."""
    columns = ("metric", "feature", "group", "below", "size", "rest_below", "rest")
    lines = {(line["metric"], line["feature"], line["group"]): line for line in tables.lines("widest_gaps", *columns)}

    def compute(metric: str, feature: str, group: str) -> float | None:
        line = lines.get((metric, feature, group))
        return abs(line["below"] / line["size"] - line["rest_below"] / line["rest"]) if line else None

    return compute if lines else None


def of_sums(tables: Tables) -> Compute | None:
    """`sums`: the sum of something over rows of that weight."""
    lines = tables.lines("sums", "metric", "feature", "group", "weight", "sum")
    means = {(line["metric"], line["feature"], line["group"]): line for line in lines}

    def mean(metric: str, feature: str = "", group: str = "") -> float:
        line = means[metric, feature, group]
        return line["sum"] / line["weight"]  # type: ignore[no-any-return]

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric == "rmse" and ("squared_error", "", "") in means:
            return math.sqrt(mean("squared_error"))
        if metric == "r2" and ("spread", "", "") in means:
            return 1 - mean("squared_error") / mean("spread")
        return mean(metric, feature, group) if (metric, feature, group) in means else None

    return compute if means else None


def of_shares(tables: Tables) -> Compute | None:
    """`shares`: so many rows of so many."""
    lines = tables.lines("shares", "metric", "feature", "group", "count", "total")
    found = {(line["metric"], line["feature"], line["group"]): line for line in lines}

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric == "rows_scored" and ("missing_fraction", "", "") in found:
            line = found["missing_fraction", "", ""]
            return float(line["total"] - line["count"])
        share = found.get((metric, feature, group))
        return share["count"] / share["total"] if share else None

    return compute if found else None


def of_group_errors(tables: Tables) -> Compute | None:
    """`errors_by_group`: the summed error of each group and of everybody, to tell what a group alone would meet."""
    lines = tables.lines("errors_by_group", "feature", "group", "rows", "error")
    found = {(line["feature"], line["group"]): line for line in lines}

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric != "shift_drop" or not group:
            return None
        own, whole = found[feature, group], found["", ""]
        part, everybody = weight(own, "rows"), weight(whole, "rows")
        apart = own["error"] / part - (whole["error"] - own["error"]) / (everybody - part)
        return float(apart * (1 - part / everybody))

    return compute if found else None


# -- Drift and population ----------------------------------------------------------------------------------------------
def of_bins(tables: Tables) -> Compute | None:
    """`bins`, before and after: population stability index and Jensen-Shannon divergence."""
    bins: dict[str, list[tuple[int, int]]] = {}
    pooled = set()
    for line in tables.lines("bins", "feature", "bin", "train", "evaluation"):
        bins.setdefault(line["feature"], []).append((line["train"], line["evaluation"]))
        if line["bin"] == SMALL_BINS:
            pooled.add(line["feature"])

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric == "worst_drift_psi" and not feature:
            return None if pooled else max(_psi(own) for own in bins.values())
        if group or feature not in bins or feature in pooled:
            return None
        return {"drift_psi": _psi, "drift_js": _js}.get(metric, lambda _own: None)(bins[feature])

    return compute if bins else None


def _floored(counts: list[tuple[int, int]]) -> list[tuple[float, float]]:
    floored = [(max(before, FLOOR), max(after, FLOOR)) for before, after in counts]
    whole = [sum(side) for side in zip(*floored, strict=True)]
    return [(before / whole[0], after / whole[1]) for before, after in floored]


def _psi(counts: list[tuple[int, int]]) -> float:
    return sum((q - p) * math.log(q / p) for p, q in _floored(counts))


def _js(counts: list[tuple[int, int]]) -> float:
    total = 0.0
    for p, q in _floored(counts):
        middle = (p + q) / 2
        total += (p * math.log2(p / middle) + q * math.log2(q / middle)) / 2
    return total


def of_population(tables: Tables) -> Compute | None:
    """`population`: each group's share of the rows over its share there."""
    lines = tables.lines("population", "feature", "group", "rows", "known", "expected")
    ratios: Mapping[_Place, float] = {
        (line["feature"], line["group"]): line["rows"] / line["known"] / line["expected"]
        for line in lines
        if line["known"] and line["expected"]
    }

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric == "worst_representation_ratio":
            return min(ratios.values())
        return ratios[feature, group] if metric == "representation_ratio" else None

    return compute if lines else None
