"""Bounds of means, of calibration and of the distance of distributions, computed again from their tables."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from functools import partial

from assay_intervals import Bounds, Reach, pair_of, proportion, require_bounds, student, widest_mean
from assay_tables import Line, Tables, weight

_Place = tuple[str, str]
#: Mean, biased variance, effective number of rows.
_Moments = tuple[float, float, float]


def _by_place(lines: Iterable[Line]) -> dict[_Place, list[Line]]:
    found: dict[_Place, list[Line]] = {}
    for line in lines:
        found.setdefault((line["feature"], line["group"]), []).append(line)
    return found


def _total(lines: Iterable[Line]) -> tuple[float, float]:
    """Weight and its squares."""
    pairs = [(weight(line, "n"), line["n"] if line.get("squares") is None else line["squares"]) for line in lines]
    return math.fsum(pair[0] for pair in pairs), math.fsum(pair[1] for pair in pairs)


def _size(lines: Sequence[Line]) -> float:
    return pair_of(0.0, _total(lines))[1]


def sizes_of(lines: Iterable[Line]) -> dict[_Place, float]:
    """The effective number of rows of each group."""
    return {place: _size(own) for place, own in _by_place(lines).items()}


# -- Calibration -------------------------------------------------------------------------------------------------------
def reach_of_reliability(tables: Tables, level: float) -> Reach | None:
    """`reliability`: bins of the score. The bounds that the table itself states are checked at once."""
    columns = ("feature", "group", "bin", "n", "mean_score", "positives", "low", "high", "squared_error")
    groups = _by_place(tables.lines("reliability", *columns))
    for (feature, group), lines in groups.items():
        for line in lines:
            label = f"the interval of bin {line['bin']} of {feature}={group} in the table reliability"
            require_bounds(label, (line["low"], line["high"]), partial(_of_bin, line, level))

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        own = [lines for place, lines in groups.items() if place[0] == feature and feature]
        if metric == "calibration_gap":
            return student(*_gap(groups[feature, group]), level)
        if metric == "calibration_gap_difference":
            return widest_mean([_gap(lines) for lines in own], level)
        if tables.guarded:
            return None  # neighbouring bins may be shown as one
        if metric == "expected_calibration_error":
            return _calibration_error(groups[feature, group], level, small)
        if metric == "worst_group_expected_calibration_error":
            found = [_calibration_error(lines, 1 - (1 - level) / len(own), small) for lines in own]
            return max(low for low, _ in found), max(high for _, high in found)
        return None

    return reach if groups else None


def _of_bin(line: Line, level: float, small: float) -> Bounds:
    return proportion(_share(line), level, small)


def _share(line: Line) -> tuple[float, float]:
    """Positives of a bin, and its rows; whole numbers where rows do not weigh differently."""
    count, total = pair_of(line["positives"] * weight(line, "n"), _total([line]))
    return (round(count), total) if line.get("weight") is None else (count, total)


def _gap(lines: Sequence[Line]) -> _Moments:
    """Of score minus label."""
    total = _total(lines)[0]
    mean = math.fsum(weight(line, "n") * (line["mean_score"] - line["positives"]) for line in lines) / total
    squares = math.fsum(weight(line, "n") * line["squared_error"] for line in lines) / total
    return mean, max(0.0, squares - mean * mean), _size(lines)


def _calibration_error(lines: Sequence[Line], level: float, small: float) -> tuple[float, float]:
    """Whatever the true shares are within their intervals, all bins at once."""
    whole, each = _total(lines)[0], 1 - (1 - level) / len(lines)
    value = low = high = 0.0
    for line in lines:
        part, mean = weight(line, "n") / whole, line["mean_score"]
        ends = proportion(_share(line), each, small)
        value += part * abs(line["positives"] - mean)
        high += part * max(abs(end - mean) for end in ends)
        low += 0.0 if ends[0] <= mean <= ends[1] else part * min(abs(end - mean) for end in ends)
    return min(low, value), max(high, value)


# -- Sums --------------------------------------------------------------------------------------------------------------
_NEVER_BELOW_0 = {"log_loss", "brier", "mae", "quantile_loss", "squared_error"}


def reach_of_sums(tables: Tables, level: float) -> Reach | None:
    """`sums`: means with the spread of what was summed, and shares of rows as sums of ones."""
    columns = ("metric", "feature", "group", "rows", "weight", "squares", "sum", "variance")
    lines = {(line["metric"], line["feature"], line["group"]): line for line in tables.lines("sums", *columns)}

    def reach(metric: str, feature: str, group: str, small: float) -> Bounds | None:
        line = lines.get(("squared_error" if metric == "rmse" else metric, feature, group))
        if line is None:
            return None
        if metric.endswith("_flips"):
            return proportion(pair_of(line["sum"], (line["weight"], line["squares"])), level, small)
        found = _of_mean(line, level, small)
        if metric != "rmse" or found is None:
            return found
        return math.sqrt(found[0]), math.sqrt(found[1])

    return reach if lines else None


def _of_mean(line: Line, level: float, small: float) -> tuple[float, float] | None:
    """Student's; of changes that are the same in every row the rule of three, which claims no certainty."""
    mean, size = line["sum"] / line["weight"], pair_of(0.0, (line["weight"], line["squares"]))[1]
    found = student(mean, line["variance"], size, level)
    if found is None or line["metric"] in _NEVER_BELOW_0:
        return found and (max(0.0, found[0]), found[1])
    if line["variance"] == 0:
        reach = proportion((0.0, size), level, small)[1]
        return mean - reach, mean + reach
    return found


# -- Regression --------------------------------------------------------------------------------------------------------
_SPREAD = {"mean_error": "mean_error", "mean_absolute_error": "mean_distance"}


def reach_of_regression(tables: Tables, level: float) -> Reach | None:
    """`errors`: of the error and its size, whose mean square stands in the table too."""
    lines = {
        (line["feature"], line["group"]): line
        for line in tables.lines("errors", "feature", "group", "n", *_SPREAD.values(), "mean_square")
    }

    def moments(line: Line, column: str) -> _Moments:
        mean = line[column]
        return mean, max(0.0, line["mean_square"] - mean * mean), _size([line])

    def reach(metric: str, feature: str, group: str, _small: float) -> Bounds | None:
        own = [line for place, line in lines.items() if place[0] == feature and feature]
        if metric in _SPREAD:
            found = student(*moments(lines[feature, group], _SPREAD[metric]), level)
            return found and (found if metric == "mean_error" else (max(0.0, found[0]), found[1]))
        if metric.removesuffix("_difference") in _SPREAD:
            return widest_mean([moments(line, _SPREAD[metric.removesuffix("_difference")]) for line in own], level)
        if metric != "worst_group_mean_absolute_error":
            return None
        each = 1 - (1 - level) / len(own)
        ends = [student(*moments(line, "mean_distance"), each) for line in own]
        known = [one for one in ends if one is not None]
        if len(known) < len(ends):
            return None
        return max(0.0, *(low for low, _ in known)), max(high for _, high in known)

    return reach if lines else None


def reach_of_widest_gaps(tables: Tables, level: float) -> Reach | None:
    """`widest_gaps`: the band of Dvoretzky, Kiefer & Wolfowitz; `errors` holds the numbers of rows."""
    columns = ("metric", "feature", "group", "below", "size", "rest_below", "rest")
    lines: Mapping[tuple[str, str, str], Line] = {
        (line["metric"], line["feature"], line["group"]): line for line in tables.lines("widest_gaps", *columns)
    }
    sizes = sizes_of(tables.lines("errors", "feature", "group", "n"))

    def reach(metric: str, feature: str, group: str, _small: float) -> Bounds | None:
        line = lines.get((metric, feature, group))
        if line is None:
            return None
        value = abs(line["below"] / line["size"] - line["rest_below"] / line["rest"])
        own = sizes[feature, group]
        rest = sum(size for place, size in sizes.items() if place[0] == feature) - own
        band = sum(math.sqrt(math.log(4 / (1 - level)) / (2 * size)) for size in (own, rest))
        return max(0.0, value - band), min(1.0, value + band)

    return reach if lines else None
