"""How well one column tells two classes apart: each bin scores as its share of positives elsewhere. Worker only."""

from __future__ import annotations

from typing import Any

import numpy as np

from audits.measurements import Interval
from audits.statistics import roc

Array = np.ndarray[Any, Any]
#: Quantiles are read off this many cells at most, evenly spread over the file.
SAMPLE = 100_000
#: So many cells at a time stay in the processor's cache.
_BLOCK = 1 << 14


def bins_of(learnt: Array, given: Array, bins: int) -> tuple[Array, Array]:
    """The bin of each cell of both columns, decided by `learnt`: quantiles of numbers, or the most frequent words."""
    if learnt.dtype == np.float64:
        known = learnt[~np.isnan(learnt)]
        sample = known[:: max(1, known.size // SAMPLE)]
        edges = np.unique(np.quantile(sample, np.linspace(0, 1, bins + 1)[1:-1])) if sample.size else sample

        return _placed(learnt, edges), _placed(given, edges)
    words, counts = np.unique(learnt, return_counts=True)
    frequent = np.sort(words[np.argsort(-counts, kind="stable")[:bins]])

    def name(values: Array) -> Array:
        places = np.minimum(np.searchsorted(frequent, values), frequent.size - 1)
        return np.where(frequent[places] == values, places, frequent.size)

    return name(learnt), name(given)


def _placed(values: Array, edges: Array) -> Array:
    """How many edges each is not below; one more than there are edges where it is missing.

    A comparison with each edge in turn is vectorised, a binary search is not; for the few edges of bins it is faster.
    """
    found = np.empty(values.size, dtype=np.int64)
    for start in range(0, values.size, _BLOCK):
        block = values[start : start + _BLOCK]
        places = np.where(np.isnan(block), edges.size + 1, 0).astype(np.int16)
        for edge in edges:
            places += block >= edge
        found[start : start + _BLOCK] = places
    return found


def area(learnt: tuple[Array, Array], given: tuple[Array, Array]) -> roc.Area | None:
    """(bins, positives) twice: scores of the bins from the first, the ranking from the second. None for one class.

    A score is the share of positives in the bin, drawn towards the overall share by one row: a bin nobody learnt
    from scores as the average.
    """
    size = int(max(learnt[0].max(initial=0), given[0].max(initial=0))) + 1
    total = np.bincount(learnt[0], minlength=size).astype(float)
    hits = np.bincount(learnt[0], weights=learnt[1].astype(float), minlength=size)
    if not total.sum():
        return None
    scores = (hits + hits.sum() / total.sum()) / (total + 1)
    seen = np.bincount(given[0], minlength=size).astype(float)
    ones = np.bincount(given[0], weights=given[1].astype(float), minlength=size)
    _, places = np.unique(np.round(scores, 12), return_inverse=True)
    return roc.area(
        np.bincount(places, weights=ones),
        np.bincount(places, weights=seen - ones),
    )


def folded(found: roc.Area, level: float) -> tuple[float, Interval]:
    """The area and its interval as distance from a coin: 0.1 tells as much as 0.9."""
    interval = roc.interval(found, level)
    low, high = interval.low or 0.0, 1.0 if interval.high is None else interval.high
    if found.value >= 0.5:  # noqa: PLR2004 - a coin
        return found.value, Interval(min(max(low, 0.5), found.value), high, level, interval.method)
    value = 1 - found.value
    return value, Interval(min(max(1 - high, 0.5), value), max(1 - low, value), level, interval.method)
