"""The tables behind the curves of a score: its bins per group, and the points of its ROC curves. Worker only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from audits.checks._cells import Share
from audits.checks._disclosure import pooled_bins
from audits.checks._scored import Histogram
from audits.checks._sufficient import counted, weight_columns
from audits.counting.question import Counted, Tally
from audits.measurements import Table
from audits.statistics import intervals

MOST_CURVES, MOST_POINTS = 20, 40
POOLED = "Neighbouring bins of the score are shown as one where a count in any group would be too small."

Lines = list[tuple[Tally, Counted]]
Where = tuple[str, str]
Runs = Sequence[tuple[int, int]]
Array = np.ndarray[Any, Any]


def share_by_bin(lines: Lines, runs: Runs | None = None) -> dict[int, tuple[Share, float]]:
    """Share of positives and mean score of each bin that holds rows, in order; with `runs`, of each run of bins."""
    run_of = {index: first for first, last in runs or () for index in range(first, last + 1)}
    hits: dict[int, Tally] = {}
    totals: dict[int, Tally] = {}
    scores: dict[int, float] = {}
    for tally, line in lines:
        label, index = line.outcomes[0], run_of.get(int(line.outcomes[1]), int(line.outcomes[1]))
        totals[index] = totals.get(index, Tally()) + tally
        scores[index] = scores.get(index, 0.0) + line.sums["score"]
        if label == 1:
            hits[index] = hits.get(index, Tally()) + tally
    return {
        index: (Share(hits.get(index, Tally()), totals[index]), scores[index] / totals[index].weight)
        for index in sorted(totals)
        if totals[index].weight
    }


def published_bins(groups: Mapping[Where, Lines], bins: int, threshold: int) -> list[tuple[int, int]]:
    """The runs of bins that may be shown: the same for all groups, so that none is told by subtraction."""
    if threshold < 2:  # noqa: PLR2004 - one row is the least there is
        return [(index, index) for index in range(bins)]
    counts: list[dict[tuple[Where, int], int]] = [{} for _ in range(bins)]
    for where, lines in groups.items():
        for tally, line in lines:
            label, index = line.outcomes
            own = counts[int(index)]
            own[where, label] = own.get((where, label), 0) + tally.rows
    return pooled_bins(counts, threshold)


def reliability(groups: Mapping[Where, Lines], runs: Runs, level: float, *, weighted: bool) -> Table:
    """(feature, group, bin, n, mean_score, positives, low, high, squared_error[, weight, squares]).

    `positives` is the share of positives with its interval; `squared_error` the mean square of score minus label.
    """
    rows: list[tuple[Any, ...]] = []
    for where, lines in groups.items():
        squared = _sum_by_bin(lines, runs, "error_squared")
        for index, (share, mean) in share_by_bin(lines, runs).items():
            interval = intervals.proportion(*share.pair, level)
            facts = index, share.rows, mean, share.value, interval.low, interval.high
            weights = counted(share.total, weighted=weighted)[1:]
            rows.append((*where, *facts, squared[index] / share.total.weight, *weights))
    columns = ("feature", "group", "bin", "n", "mean_score", "positives", "low", "high", "squared_error")
    return Table((*columns, *weight_columns(weighted=weighted)), tuple(rows))


def _sum_by_bin(lines: Lines, runs: Runs, name: str) -> dict[int, float]:
    run_of = {index: first for first, last in runs for index in range(first, last + 1)}
    sums: dict[int, float] = {}
    for _, line in lines:
        index = run_of.get(int(line.outcomes[1]), int(line.outcomes[1]))
        sums[index] = sums.get(index, 0.0) + line.sums[name]
    return sums


def thresholds(ones: Histogram, zeros: Histogram, edges: Sequence[float] | None) -> Array:
    """Where the curves are told: at `edges`, else at up to 40 scores that part everybody evenly."""
    if edges is not None:
        return np.asarray(edges, dtype=float)
    whole = np.cumsum(sum(ones.counts.values(), np.zeros(ones.values.size)) + sum(zeros.counts.values()))
    if not whole.size or not whole[-1]:
        return np.zeros(0)
    places = np.searchsorted(whole, whole[-1] * np.arange(1, MOST_POINTS) / MOST_POINTS)
    found: Array = np.unique(ones.values[np.minimum(places, ones.values.size - 1)])
    return found


def roc_points(feature: str, ones: Histogram, zeros: Histogram, cuts: Array) -> Iterator[tuple[Any, ...]]:
    """(feature, group, threshold, positives and negatives at or above it, both rates) for the largest groups."""
    largest = sorted(ones.counts, key=lambda group: -float(ones.counts[group].sum() + zeros.counts[group].sum()))
    for group in sorted(largest[:MOST_CURVES]):
        own = ones.counts[group], zeros.counts[group]
        totals = [float(counts.sum()) for counts in own]
        if not all(totals):
            continue
        above = [np.concatenate([np.cumsum(counts[::-1])[::-1], [0.0]]) for counts in own]
        places = np.searchsorted(ones.values, cuts, side="left")
        points = [(float(cut), above[0][at], above[1][at]) for cut, at in zip(cuts, places, strict=True)]
        ends: list[tuple[Any, ...]] = [(0.0, *totals), *points, (None, 0.0, 0.0)]
        for cut, positives, negatives in ends:
            counts = _plain(positives), _plain(negatives)
            yield feature, group, cut, *counts, float(positives) / totals[0], float(negatives) / totals[1]


ROC_COLUMNS = (
    "feature",
    "group",
    "threshold",
    "positives_above",
    "negatives_above",
    "true_positive_rate",
    "false_positive_rate",
)


def _plain(number: Any) -> float | int:
    """Whole sums stay whole."""
    return int(number) if float(number).is_integer() else float(number)
