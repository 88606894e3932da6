"""Confidence intervals, each from its published formula. Worker only: imports SciPy where a quantile needs it.

Sources: Wilson (1927); Clopper & Pearson (1934); Newcombe (1998), method 10, for differences of proportions, with
Tukey's studentised range in place of the normal quantile where the widest of several differences is wanted (the MOVER
of Zou & Donner 2008, made simultaneous); Walter (1975) for the adjusted log ratio; DeLong (1988) on the logit scale.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special, stats

from audits.measurements import Interval

LEVEL = 0.95
SMALL = 40


def normal_quantile(level: float) -> float:
    """Two-sided: 1.96 for 0.95."""
    return float(special.ndtri(0.5 + level / 2))


@lru_cache(maxsize=256)
def simultaneous_quantile(groups: int, level: float) -> float:
    """What replaces 1.96 so that all pairwise differences of `groups` rates are covered at once; 1.96 for two."""
    if groups <= 2:  # noqa: PLR2004 - a pair has one difference
        return normal_quantile(level)
    return float(stats.studentized_range.ppf(level, groups, math.inf)) / math.sqrt(2)


def wilson_bounds(count: int, total: int, z: float) -> tuple[float, float]:
    """Wilson's score bounds for `count` of `total`; 0 ≤ low ≤ rate ≤ high ≤ 1."""
    rate = count / total
    spread = z * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    centre = rate + z * z / (2 * total)
    shrink = 1 + z * z / total
    low = 0.0 if count == 0 else (centre - spread) / shrink
    high = 1.0 if count == total else (centre + spread) / shrink
    return max(0.0, low), min(1.0, high)


def proportion(count: int, total: int, level: float = LEVEL) -> Interval:
    """For `count` of `total` > 0: Clopper-Pearson below 40, where exactness is worth its width, Wilson above."""
    if total >= SMALL:
        low, high = wilson_bounds(count, total, normal_quantile(level))
        return Interval(low, high, level, "wilson")
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(special.betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(special.betaincinv(count + 1, total - count, 1 - tail))
    return Interval(low, high, level, "clopper-pearson")


def difference(first: tuple[int, int], second: tuple[int, int], level: float = LEVEL) -> Interval:
    """Newcombe's interval for rate(first) - rate(second); each is (count, total > 0)."""
    low, high = _newcombe(first, second, normal_quantile(level))
    return Interval(low, high, level, "newcombe")


def _newcombe(first: tuple[int, int], second: tuple[int, int], z: float) -> tuple[float, float]:
    rate1, rate2 = first[0] / first[1], second[0] / second[1]
    low1, high1 = wilson_bounds(*first, z)
    low2, high2 = wilson_bounds(*second, z)
    gap = rate1 - rate2
    return gap - math.hypot(rate1 - low1, high2 - rate2), gap + math.hypot(high1 - rate1, rate2 - low2)


def widest_difference(groups: Sequence[tuple[int, int]], level: float = LEVEL) -> Interval:
    """For max - min of the rates of at least two groups, each (count, total > 0).

    Every pairwise difference is covered at once, so their maximum is too: unlike a bootstrap of max - min, whose lower
    bound leaves zero behind even when all the true rates are equal.
    """
    z = simultaneous_quantile(len(groups), level)
    rates = np.array([count / total for count, total in groups])
    bounds = np.array([wilson_bounds(count, total, z) for count, total in groups])
    below, above = rates - bounds[:, 0], bounds[:, 1] - rates
    gaps = rates[:, None] - rates[None, :]
    lows = gaps - np.hypot(below[:, None], above[None, :])
    highs = gaps + np.hypot(above[:, None], below[None, :])
    np.fill_diagonal(lows, 0.0)
    np.fill_diagonal(highs, 0.0)
    method = "newcombe" if len(groups) == 2 else "newcombe-tukey"  # noqa: PLR2004 - a pair
    return Interval(max(0.0, float(lows.max())), min(1.0, float(highs.max())), level, method)


def ratio(first: tuple[int, int], second: tuple[int, int], level: float = LEVEL) -> Interval:
    """Adjusted log interval for rate(first) / rate(second); the second count must not be 0."""
    low, high = _log_ratio(first, second, normal_quantile(level))
    point = (first[0] / first[1]) / (second[0] / second[1])
    return Interval(min(low, point), max(high, point), level, "adjusted-log")


def _log_ratio(first: tuple[int, int], second: tuple[int, int], z: float) -> tuple[float, float]:
    """Walter's: a half is added to every count, so a rate of 0 or 1 still has a finite, honest width."""
    x1, n1, x2, n2 = first[0] + 0.5, first[1] + 0.5, second[0] + 0.5, second[1] + 0.5
    centre = math.log(x1 / n1) - math.log(x2 / n2)
    spread = z * math.sqrt(max(0.0, 1 / x1 - 1 / n1 + 1 / x2 - 1 / n2))
    return math.exp(centre - spread), math.exp(centre + spread)


def lowest_ratio(groups: Sequence[tuple[int, int]], level: float = LEVEL) -> Interval:
    """For min / max of the rates of at least two groups, not all zero: the lowest of all simultaneous ratios."""
    z = simultaneous_quantile(len(groups), level)
    counts = np.array([count + 0.5 for count, _ in groups])
    totals = np.array([total + 0.5 for _, total in groups])
    logs, variances = np.log(counts / totals), np.maximum(0.0, 1 / counts - 1 / totals)
    centres = logs[:, None] - logs[None, :]
    spreads = z * np.sqrt(variances[:, None] + variances[None, :])
    np.fill_diagonal(spreads, 0.0)
    rates = [count / total for count, total in groups]
    point = min(rates) / max(rates)
    low = min(float(np.exp((centres - spreads).min())), point)
    high = min(1.0, max(float(np.exp((centres + spreads).min())), point))
    method = "adjusted-log" if len(groups) == 2 else "adjusted-log-tukey"  # noqa: PLR2004 - a pair
    return Interval(low, high, level, method)


def mean(sample: np.ndarray[Any, Any], level: float = LEVEL) -> Interval | None:
    """Student's interval for the mean of at least two values; None below."""
    size = int(sample.size)
    if size < 2:  # noqa: PLR2004 - one value has no spread
        return None
    spread = float(special.stdtrit(size - 1, 0.5 + level / 2)) * float(sample.std(ddof=1)) / math.sqrt(size)
    centre = float(sample.mean())
    return Interval(centre - spread, centre + spread, level, "student-t")


def percentile(draws: np.ndarray[Any, Any], point: float, level: float, method: str) -> Interval:
    """The middle `level` of resampled values, widened to hold `point` where skew has pushed it out."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(min(float(low), point), max(float(high), point), level, method)


def area(
    positives: np.ndarray[Any, Any], negatives: np.ndarray[Any, Any], level: float = LEVEL
) -> tuple[float, Interval]:
    """AUC with ties counted half, and DeLong's interval on the logit scale; each side needs at least one score.

    At an AUC of exactly 0 or 1 DeLong's variance is 0 and would claim certainty: there the bound is Clopper-Pearson's
    for the smaller side, all of which agreed.
    """
    pos_in_neg = _placements(positives, negatives)
    neg_in_pos = 1 - _placements(negatives, positives)
    auc = float(pos_in_neg.mean())
    smaller = min(positives.size, negatives.size)
    variance = 0.0
    if smaller > 1:
        variance = float(pos_in_neg.var(ddof=1) / positives.size + neg_in_pos.var(ddof=1) / negatives.size)
    if variance == 0.0 or not 0 < auc < 1:
        exact = proportion(round(auc * smaller), smaller, level)
        low, high = min(exact.low or 0.0, auc), max(1.0 if exact.high is None else exact.high, auc)
        return auc, Interval(low, high, level, "clopper-pearson")
    centre = math.log(auc / (1 - auc))
    spread = normal_quantile(level) * math.sqrt(variance) / (auc * (1 - auc))
    low, high = special.expit(np.array([centre - spread, centre + spread]))
    return auc, Interval(float(low), float(high), level, "delong-logit")


def _placements(scores: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """For each score the share of `others` below it, ties counted half."""
    ordered = np.sort(others)
    below = np.searchsorted(ordered, scores, side="left")
    upto = np.searchsorted(ordered, scores, side="right")
    placements: np.ndarray[Any, Any] = (below + upto) / (2 * others.size)
    return placements
