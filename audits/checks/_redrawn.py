"""Sums over rows drawn with replacement: what the intervals of shares and rankings rest on. Worker only."""

from __future__ import annotations

from typing import Any

import numpy as np

from audits.checks._compiled import compiled

Array = np.ndarray[Any, Any]


def redrawn_sums(values: Array, resamples: int, seed: int, *, groups: Array | None = None, count: int = 1) -> Array:
    """Resamples x groups x columns: sums of `values` (rows x columns) over as many rows drawn as there are.

    `groups` is the number of each row's group, below `count`. Each resample is added up in the order of the rows; the
    linear algebra library would split them among its threads, and the last digit would tell how many.
    """
    dice, size = np.random.default_rng(seed), len(values)
    held = np.ascontiguousarray(values, dtype=float)
    numbers = np.zeros(size, np.int64) if groups is None else np.asarray(groups, dtype=np.int64)
    sums, times = np.zeros((resamples, count, values.shape[1])), np.empty(size, np.int64)
    for resample in range(resamples):
        _added(dice.integers(0, size, size), times, numbers, held, sums[resample])
    return sums


@compiled("void(int64[::1], int64[::1], int64[::1], float64[:, ::1], float64[:, ::1])")
def _added(drawn: Array, times: Array, groups: Array, values: Array, sums: Array) -> None:
    """Every row as often as it was drawn, to the sums of its group; `times` is room for that."""
    for row in range(len(times)):
        times[row] = 0
    for place in range(len(drawn)):
        times[drawn[place]] += 1
    for row in range(len(times)):
        if times[row] > 0:
            for column in range(values.shape[1]):
                sums[groups[row], column] += times[row] * values[row, column]


def normalised(sums: Array) -> Array:
    """Divided by their sum along the last axis; 0 where that is 0."""
    totals = sums.sum(axis=-1, keepdims=True)
    shares: Array = np.divide(sums, totals, out=np.zeros_like(sums), where=totals > 0)
    return shares
