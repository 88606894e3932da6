"""Means from sums: what is left of a numeric column once its rows are gone.

Student's interval for a mean; for weighted rows with Kish's effective number. Differences of independent means by
Welch (1947), and the widest of several with the simultaneous quantile of `intervals`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from audits.measurements import Interval
from audits.statistics import intervals


@dataclass(frozen=True, slots=True)
class Moments:
    """`rows` rows of effective number `size` with this mean and (biased) variance."""

    rows: int
    size: float
    mean: float
    variance: float

    @classmethod
    def of(cls, rows: int, size: float, weight: float, summed: float, squared: float) -> Moments:
        """From the weighted sum of the values and of their squares. Raises ZeroDivisionError without any weight."""
        mean = summed / weight
        return cls(rows, size, mean, max(0.0, squared / weight - mean * mean))

    @property
    def error(self) -> float:
        """Standard error of the mean; infinite for a single row."""
        return math.sqrt(self.variance / (self.size - 1)) if self.size > 1 else math.inf


@dataclass(slots=True)
class Running:
    """Mean and variance of what arrives in pieces, without its rows (Chan, Golub & LeVeque 1979).

    Unlike sums of squares, nothing cancels where the mean is large. With `counts`, each unit of weight is a row.
    """

    counts: bool = False
    rows: int = 0
    weight: float = 0.0
    squares: float = 0.0
    mean: float = 0.0
    apart: float = 0.0

    def add(self, values: np.ndarray[Any, Any], weights: np.ndarray[Any, Any]) -> None:
        """One more piece."""
        weight = float(weights.sum())
        self.rows += int(weight) if self.counts else values.size
        self.squares += weight if self.counts else float((weights * weights).sum())
        if not weight:
            return
        mean = float((weights * values).sum()) / weight
        step, whole = mean - self.mean, self.weight + weight
        self.apart += float((weights * (values - mean) ** 2).sum()) + step * step * self.weight * weight / whole
        self.mean += step * weight / whole
        self.weight = whole

    @property
    def moments(self) -> Moments:
        """Of everything so far. Raises ZeroDivisionError without any weight."""
        return Moments(self.rows, self.weight**2 / self.squares, self.mean, self.apart / self.weight)


def interval(found: Moments, level: float) -> Interval | None:
    """Student's interval; None where one row is all there is."""
    if found.size <= 1:
        return None
    spread = float(special.stdtrit(found.size - 1, 0.5 + level / 2)) * found.error
    return Interval(found.mean - spread, found.mean + spread, level, "student-t")


def difference(first: Moments, second: Moments, level: float) -> Interval | None:
    """Welch's interval for first - second; None where either has a single row."""
    if first.size <= 1 or second.size <= 1:
        return None
    parts = first.error**2, second.error**2
    whole = sum(parts)
    gap = first.mean - second.mean
    if whole == 0.0:
        return Interval(gap, gap, level, "welch")
    freedom = whole * whole / (parts[0] ** 2 / (first.size - 1) + parts[1] ** 2 / (second.size - 1))
    spread = float(special.stdtrit(freedom, 0.5 + level / 2)) * math.sqrt(whole)
    return Interval(gap - spread, gap + spread, level, "welch")


def widest(found: Sequence[Moments], level: float) -> tuple[float, Interval | None]:
    """Highest minus lowest mean, every pairwise difference covered at once; no interval where a group is one row."""
    z = intervals.simultaneous_quantile(len(found), level)
    wider = float(2 * special.ndtr(z) - 1)
    own = [interval(one, wider) for one in found]
    values = [one.mean for one in found]
    if any(one is None for one in own):
        return max(values) - min(values), None
    bounds = [
        (value, one.low or 0.0, one.high or 0.0) for value, one in zip(values, own, strict=True) if one is not None
    ]
    return intervals.widest_of(bounds, level, "student-mover" if len(found) == 2 else "student-mover-tukey")  # noqa: PLR2004
