"""Confidence intervals of rates, each from its published formula. Worker only: imports SciPy where a quantile needs it.

Sources: Wilson (1927); Clopper & Pearson (1934); Miettinen & Nurminen (1985) for differences and Koopman (1984) for
ratios of proportions (`scores`). Where the widest of several differences is wanted, all pairs are covered at once by
Tukey's studentised range in place of the normal quantile; of more than 24 groups by Newcombe's intervals (1998, method
10) and Walter's adjusted log ratio (1975), which cost less and are a little wider.

A count and its total may be fractions: the effective numbers of a weighted sample (Kish 1965; for the exact interval
Korn & Graubard 1998), of which whole counts are the case with equal weights.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np
from scipy import special, stats

from audits.measurements import Interval
from audits.statistics import scores

LEVEL = 0.95
SMALL = 40

MOST_FOR_TUKEY, MOST_FOR_SCORES = 200, 24
_ROWS = 512

Array = np.ndarray[Any, Any]
Count = tuple[float, float]
Bounds = tuple[float, float, float]


def normal_quantile(level: float) -> float:
    """Two-sided: 1.96 for 0.95."""
    return float(special.ndtri(0.5 + level / 2))


@lru_cache(maxsize=256)
def simultaneous_quantile(groups: int, level: float) -> float:
    """What replaces 1.96 so that all pairwise differences of `groups` rates are covered at once; 1.96 for two.

    Tukey's up to 200 groups, where it can still be computed; Bonferroni's beyond, a little wider.
    """
    if groups <= 2:  # noqa: PLR2004 - a pair has one difference
        return normal_quantile(level)
    if groups > MOST_FOR_TUKEY:
        return normal_quantile(1 - (1 - level) / (groups * (groups - 1) / 2))
    return float(stats.studentized_range.ppf(level, groups, math.inf)) / math.sqrt(2)


def wilson_bounds(count: float, total: float, z: float) -> tuple[float, float]:
    """Wilson's score bounds for `count` of `total`; 0 ≤ low ≤ rate ≤ high ≤ 1."""
    rate = count / total
    spread = z * math.sqrt(rate * (1 - rate) / total + z * z / (4 * total * total))
    centre = rate + z * z / (2 * total)
    shrink = 1 + z * z / total
    low = 0.0 if count == 0 else (centre - spread) / shrink
    high = 1.0 if count == total else (centre + spread) / shrink
    return min(max(0.0, low), rate), max(min(1.0, high), rate)


def proportion(count: float, total: float, level: float = LEVEL) -> Interval:
    """For `count` of `total` > 0: Clopper-Pearson below 40, where exactness is worth its width, Wilson above."""
    if total >= SMALL:
        low, high = wilson_bounds(count, total, normal_quantile(level))
        return Interval(low, high, level, "wilson")
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else float(special.betaincinv(count, total - count + 1, tail))
    high = 1.0 if count == total else float(special.betaincinv(count + 1, total - count, 1 - tail))
    return Interval(low, high, level, "clopper-pearson")


def difference(first: Count, second: Count, level: float = LEVEL) -> Interval:
    """Miettinen and Nurminen's interval for rate(first) - rate(second); each is (count, total > 0)."""
    low, high = scores.difference(first, second, normal_quantile(level))
    return Interval(low, high, level, "miettinen-nurminen")


def recovered(first: Bounds, second: Bounds, level: float, method: str) -> Interval:
    """Zou & Donner's MOVER for first - second; each is (value, low, high) of an independent estimate."""
    gap = first[0] - second[0]
    low = gap - math.hypot(first[0] - first[1], second[2] - second[0])
    high = gap + math.hypot(first[2] - first[0], second[0] - second[1])
    return Interval(low, high, level, method)


def widest_of(bounds: Sequence[Bounds], level: float, method: str) -> tuple[float, Interval]:
    """Highest minus lowest of independent estimates, each (value, low, high) already at the simultaneous level."""
    # Groups of equal numbers are one entry; only a lone group cannot be paired with its like.
    found, times = np.unique(np.array(bounds, dtype=float), axis=0, return_counts=True)
    values, lows, highs = found.T
    below, above = values - lows, highs - values
    low = high = 0.0
    for start in range(0, len(values), _ROWS):
        part = slice(start, start + _ROWS)
        gaps = values[part, None] - values[None, :]
        low = max(low, float((gaps - np.hypot(below[part, None], above[None, :])).max()))
        reach = gaps + np.hypot(above[part, None], below[None, :])
        _alone(reach, start, times)
        high = max(high, float(reach.max()))
    return float(values.max() - values.min()), Interval(low, high, level, method)


def _alone(pairs: Array, start: int, times: Array) -> None:
    """A group that occurs once is no distance from itself."""
    rows = np.arange(pairs.shape[0])
    itself = pairs[rows, rows + start]
    pairs[rows, rows + start] = np.where(times[rows + start] == 1, 0.0, itself)


def widest_difference(groups: Sequence[Count], level: float = LEVEL) -> Interval:
    """For max - min of the rates of at least two groups, each (count, total > 0).

    Every pairwise difference is covered at once, so their maximum is too: unlike a bootstrap of max - min, whose lower
    bound leaves zero behind even when all the true rates are equal.
    """
    z = simultaneous_quantile(len(groups), level)
    found = _distinct(groups)
    if len(found) <= MOST_FOR_SCORES:
        bounds = [scores.difference(first, second, z) for first, second in _pairs(found)]
        low = max(0.0, *(max(low, -high) for low, high in bounds))
        high = max(max(-low, high) for low, high in bounds)
        return Interval(low, min(1.0, high), level, f"miettinen-nurminen{_simultaneous(len(groups))}")
    rates = [(count / total, *wilson_bounds(count, total, z)) for count, total in groups]
    _, wide = widest_of(rates, level, f"newcombe{_simultaneous(len(groups))}")
    return Interval(wide.low, min(1.0, wide.high or 0.0), level, wide.method)


def _distinct(groups: Sequence[Count]) -> list[Count]:
    """Groups of equal numbers once, or twice where there are several: they differ from their like by chance too."""
    times = Counter(groups)
    return [group for group, often in times.items() for _ in range(min(often, 2))]


def _pairs(groups: Sequence[Count]) -> list[tuple[Count, Count]]:
    return list(itertools.combinations(groups, 2))


def _simultaneous(groups: int) -> str:
    """What the name of a method gets where it covers all pairs at once."""
    if groups <= 2:  # noqa: PLR2004 - a pair
        return ""
    return "-tukey" if groups <= MOST_FOR_TUKEY else "-bonferroni"


def ratio(first: Count, second: Count, level: float = LEVEL) -> Interval:
    """Koopman's interval for rate(first) / rate(second), not both 0; no upper bound where the second is 0."""
    low, high = scores.ratio(first, second, normal_quantile(level))
    if not second[0]:
        return Interval(low, None, level, "koopman")
    point = (first[0] / first[1]) / (second[0] / second[1])
    return Interval(min(low, point), None if high is None else max(high, point), level, "koopman")


def lowest_ratio(groups: Sequence[Count], level: float = LEVEL) -> Interval:
    """For min / max of the rates of at least two groups, not all zero: the lowest of all simultaneous ratios."""
    z = simultaneous_quantile(len(groups), level)
    rates = [count / total for count, total in groups]
    point = min(rates) / max(rates)
    distinct = _distinct(groups)
    if len(distinct) <= MOST_FOR_SCORES:
        low, high = _lowest_score(distinct, z)
        return Interval(min(low, point), max(high, point), level, f"koopman{_simultaneous(len(groups))}")
    # A half is added to every count, so a rate of 0 or 1 still has a finite, honest width.
    found, times = np.unique(np.array(groups, dtype=float), axis=0, return_counts=True)
    counts, totals = (found + 0.5).T
    logs, variances = np.log(counts / totals), np.maximum(0.0, 1 / counts - 1 / totals)
    low = high = 0.0
    for start in range(0, len(logs), _ROWS):
        part = slice(start, start + _ROWS)
        centres = logs[part, None] - logs[None, :]
        spreads = z * np.sqrt(variances[part, None] + variances[None, :])
        _alone(spreads, start, times)
        low, high = min(low, float((centres - spreads).min())), min(high, float((centres + spreads).min()))
    method = f"adjusted-log{_simultaneous(len(groups))}"
    return Interval(min(math.exp(low), point), min(1.0, max(math.exp(high), point)), level, method)


def _lowest_score(groups: Sequence[Count], z: float) -> tuple[float, float]:
    """Lowest bounds of all ratios, each taken in both directions; groups of which both have nobody tell nothing."""
    low = high = 1.0
    for first, second in _pairs(groups):
        if first[0] or second[0]:
            under, over = scores.ratio(first, second, z)
            turned = 1 / over if over else 0.0
            low = min(low, under, turned)
            high = min(high, 1.0 if over is None else over, 1 / under if under else 1.0)
        else:
            low = 0.0
    return low, high


def mean(sample: Array, level: float = LEVEL) -> Interval | None:
    """Student's interval for the mean of at least two values; None below."""
    size = int(sample.size)
    if size < 2:  # noqa: PLR2004 - one value has no spread
        return None
    spread = float(special.stdtrit(size - 1, 0.5 + level / 2)) * float(sample.std(ddof=1)) / math.sqrt(size)
    centre = float(sample.mean())
    return Interval(centre - spread, centre + spread, level, "student-t")


def percentile(draws: Array, point: float, level: float, method: str) -> Interval:
    """The middle `level` of resampled values, widened to hold `point` where skew has pushed it out."""
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2])
    return Interval(min(float(low), point), max(float(high), point), level, method)
