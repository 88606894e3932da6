"""Area under the ROC curve from counts per distinct score, with DeLong's variance.

`positives[i]` and `negatives[i]` are the numbers (or summed weights) of rows with the i-th smallest score. Sources:
DeLong, DeLong & Clarke-Pearson (1988) for the variance by placements; Newcombe (2006) for the logit scale; Kallus &
Zhou (2019) for the cross-group area; Zou & Donner (2008) for differences of independent areas.
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

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Area:
    """Chance that a positive scores above a negative, ties counted half; `n` is the smaller side."""

    value: float
    variance: float
    n: float


def effective(total: float, squares: float) -> float:
    """Kish's effective number of a weighted sample: the square of the sum over the sum of squares."""
    return total * total / squares if squares > 0 else 0.0


def area(positives: Array, negatives: Array, effective_numbers: tuple[float, float] | None = None) -> Area | None:
    """The area, or None where one side is empty. Weighted sums need their `effective_numbers` for the variance."""
    all_positive, all_negative = float(positives.sum()), float(negatives.sum())
    if all_positive <= 0 or all_negative <= 0:
        return None
    below = (np.cumsum(negatives) - negatives / 2) / all_negative
    above = (all_positive - np.cumsum(positives) + positives / 2) / all_positive
    value = float((positives * below).sum() / all_positive)
    sizes = effective_numbers or (all_positive, all_negative)
    variance = _spread(below, positives / all_positive, sizes[0]) + _spread(above, negatives / all_negative, sizes[1])
    return Area(min(1.0, max(0.0, value)), variance, min(sizes))


def _spread(placements: Array, shares: Array, size: float) -> float:
    """Variance of a mean of placements; 0 where one value is all there is."""
    if size <= 1:
        return 0.0
    centre = float((placements * shares).sum())
    return float(((placements - centre) ** 2 * shares).sum()) / (size - 1)


def of_scores(positives: Array, negatives: Array) -> Area | None:
    """The area from the scores themselves."""
    scores, places = np.unique(np.concatenate([positives, negatives]), return_inverse=True)
    ones, zeros = (
        np.bincount(part, minlength=scores.size).astype(float)
        for part in (places[: positives.size], places[positives.size :])
    )
    return area(ones, zeros)


def interval(found: Area, level: float) -> Interval:
    """DeLong on the logit scale.

    At an area of exactly 0 or 1 DeLong's variance is 0 and would claim certainty: there the bound is Clopper-Pearson's
    for the smaller side, all of which agreed.
    """
    value = found.value
    if found.n <= 1 or found.variance <= 0.0 or not 0 < value < 1:
        exact = intervals.proportion(value * found.n, found.n, level)
        low, high = min(exact.low or 0.0, value), max(1.0 if exact.high is None else exact.high, value)
        return Interval(low, high, level, exact.method)
    centre = math.log(value / (1 - value))
    spread = intervals.normal_quantile(level) * math.sqrt(found.variance) / (value * (1 - value))
    low, high = special.expit(np.array([centre - spread, centre + spread]))
    return Interval(float(low), float(high), level, "delong-logit")


def difference(first: Area, second: Area, level: float) -> Interval:
    """For the difference of two areas of independent samples: the square-and-add of their own intervals."""
    ours, theirs = interval(first, level), interval(second, level)
    return intervals.recovered(
        (first.value, ours.low or 0.0, 1.0 if ours.high is None else ours.high),
        (second.value, theirs.low or 0.0, 1.0 if theirs.high is None else theirs.high),
        level,
        "delong-mover",
    )


def widest(found: Sequence[Area], level: float) -> tuple[float, Interval]:
    """Highest minus lowest area, with an interval that covers every pairwise difference at once."""
    z = intervals.simultaneous_quantile(len(found), level)
    wider = 2 * special.ndtr(z) - 1
    bounds = []
    for one in found:
        own = interval(one, float(wider))
        bounds.append((one.value, own.low or 0.0, 1.0 if own.high is None else own.high))
    pair = len(found) == 2  # noqa: PLR2004
    return intervals.widest_of(bounds, level, "delong-mover" if pair else "delong-mover-tukey")
