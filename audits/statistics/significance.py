"""Tests of one and of many hypotheses, and what a sample could have shown at all.

Sources: Fisher's exact test below five expected, else the score test of two proportions; Holm (1979); Benjamini &
Hochberg (1995); Fleiss, Levin & Paik (2003), section 4.3, for the minimum detectable difference.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import special

from audits.statistics.intervals import Count, normal_quantile

FEW = 5.0
POWER = 0.8

Array = np.ndarray[Any, Any]


def two_proportions(first: Count, second: Count) -> float:
    """Two-sided p-value for equal rates; each is (count, total > 0). Weighted samples give effective numbers."""
    total = first[1] + second[1]
    hits = first[0] + second[0]
    if hits <= 0 or hits >= total:
        return 1.0
    pooled = hits / total
    least = min(first[1], second[1]) * min(pooled, 1 - pooled)
    if least < FEW and all(float(count).is_integer() for count in (*first, *second)):
        return _fisher(int(first[0]), int(first[1]), int(hits), int(total))
    spread = math.sqrt(pooled * (1 - pooled) * (1 / first[1] + 1 / second[1]))
    return float(2 * special.ndtr(-abs(first[0] / first[1] - second[0] / second[1]) / spread))


def _fisher(hits: int, size: int, all_hits: int, total: int) -> float:
    """The summed chance of every table with these margins that is no likelier than the one seen."""
    possible = np.arange(max(0, all_hits - (total - size)), min(size, all_hits) + 1)
    logs = -(
        special.gammaln(possible + 1)
        + special.gammaln(size - possible + 1)
        + special.gammaln(all_hits - possible + 1)
        + special.gammaln(total - size - all_hits + possible + 1)
    )
    chances = np.exp(logs - logs.max())
    seen = chances[hits - possible[0]]
    return float(min(1.0, chances[chances <= seen * (1 + 1e-7)].sum() / chances.sum()))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the chance of any false discovery in the family."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.minimum(1.0, np.maximum.accumulate(np.asarray(p_values, dtype=float)[order] * factors))
    return _unsorted(stepped, order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the share of false discoveries in the family."""
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) / np.arange(1, len(p_values) + 1)
    raised = np.asarray(p_values, dtype=float)[order] * factors
    stepped = np.minimum(1.0, np.minimum.accumulate(raised[::-1])[::-1])
    return _unsorted(stepped, order)


def _unsorted(ordered: Array, order: Array) -> list[float]:
    answer = np.empty(len(ordered))
    answer[order] = ordered
    return [float(p) for p in answer]


def minimum_detectable_difference(pooled: float, first: float, second: float, level: float) -> float:
    """The difference of two rates around `pooled` that samples of these sizes show with power 0.8, at most 1.

    A pooled rate of 0 or 1 is taken half a row inside, so that nothing looks detectable for free.
    """
    total = first + second
    inside = min(max(pooled, 0.5 / total), 1 - 0.5 / total)
    reach = normal_quantile(level) + float(special.ndtri(POWER))
    return min(1.0, reach * math.sqrt(inside * (1 - inside) * (1 / first + 1 / second)))
