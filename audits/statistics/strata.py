"""Two groups compared within strata.

Mantel & Haenszel (1959) for the common odds ratio and, without continuity correction, the test; Robins, Breslow &
Greenland (1986) for the ratio's variance; Greenland & Robins (1985) for the common risk difference, with Sato's (1989)
variance; Breslow & Day (1980) with Tarone's (1985) correction for homogeneity.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import special

from audits.measurements import Interval
from audits.statistics.intervals import normal_quantile

Array = np.ndarray[Any, Any]


@dataclass(frozen=True, slots=True)
class Strata:
    """One entry a stratum: hits and totals of the group and of the rest. Strata without both tell nothing: none."""

    hits: Array
    totals: Array
    rest_hits: Array
    rest_totals: Array

    @property
    def whole(self) -> Array:
        """All rows of each stratum."""
        return self.totals + self.rest_totals

    @property
    def weights(self) -> Array:
        """Mantel and Haenszel's weights for the risk difference."""
        weights: Array = self.totals * self.rest_totals / self.whole
        return weights


def risk_difference(strata: Strata, level: float) -> tuple[float, Interval]:
    """The common difference of rates, group minus rest, with Sato's interval."""
    share, rest_share = strata.hits / strata.totals, strata.rest_hits / strata.rest_totals
    weight = float(strata.weights.sum())
    value = float((strata.weights * (share - rest_share)).sum()) / weight
    lost, rest_lost = strata.totals - strata.hits, strata.rest_totals - strata.rest_hits
    first = (strata.totals**2 * strata.rest_hits - strata.rest_totals**2 * strata.hits) / strata.whole**2
    first = first + strata.totals * strata.rest_totals * (strata.rest_totals - strata.totals) / (2 * strata.whole**2)
    second = (strata.hits * rest_lost + strata.rest_hits * lost) / (2 * strata.whole)
    variance = max(0.0, value * float(first.sum()) + float(second.sum())) / weight**2
    spread = normal_quantile(level) * math.sqrt(variance)
    return value, Interval(max(-1.0, value - spread), min(1.0, value + spread), level, "mantel-haenszel-sato")


def odds_ratio(strata: Strata, level: float) -> tuple[float, Interval] | None:
    """The common odds ratio with its log interval; None where a margin is empty in every stratum."""
    lost, rest_lost = strata.totals - strata.hits, strata.rest_totals - strata.rest_hits
    with_it, against = strata.hits * rest_lost / strata.whole, lost * strata.rest_hits / strata.whole
    top, bottom = float(with_it.sum()), float(against.sum())
    if top <= 0 or bottom <= 0:
        return None
    agree, differ = (strata.hits + rest_lost) / strata.whole, (lost + strata.rest_hits) / strata.whole
    variance = (
        (agree * with_it).sum() / (2 * top**2)
        + (agree * against + differ * with_it).sum() / (2 * top * bottom)
        + (differ * against).sum() / (2 * bottom**2)
    )
    value, spread = top / bottom, normal_quantile(level) * math.sqrt(float(variance))
    return value, Interval(value * math.exp(-spread), value * math.exp(spread), level, "robins-breslow-greenland")


def common_test(strata: Strata) -> float:
    """P-value of Cochran, Mantel and Haenszel that the rates are equal in every stratum."""
    all_hits = strata.hits + strata.rest_hits
    expected = strata.totals * all_hits / strata.whole
    with np.errstate(divide="ignore", invalid="ignore"):
        variance = expected * strata.rest_totals * (strata.whole - all_hits) / (strata.whole * (strata.whole - 1))
    whole = float(np.nansum(variance))
    if whole <= 0:
        return 1.0
    return float(special.chdtrc(1, float((strata.hits - expected).sum()) ** 2 / whole))


def homogeneity(strata: Strata) -> float | None:
    """P-value of Breslow and Day, with Tarone's correction, that the odds ratio is the same in every stratum."""
    common = odds_ratio(strata, 0.95)
    if common is None or len(strata.hits) < 2:  # noqa: PLR2004 - a comparison of strata
        return None
    ratio, all_hits = common[0], strata.hits + strata.rest_hits
    expected = _expected(ratio, strata, all_hits)
    parts = expected, strata.totals - expected, all_hits - expected, strata.rest_totals - all_hits + expected
    if any((part <= 0).any() for part in parts):
        return None
    variance = 1 / np.sum([1 / part for part in parts], axis=0)
    statistic = float(((strata.hits - expected) ** 2 / variance).sum())
    statistic -= float((strata.hits - expected).sum()) ** 2 / float(variance.sum())
    return float(special.chdtrc(len(strata.hits) - 1, max(0.0, statistic)))


def _expected(ratio: float, strata: Strata, all_hits: Array) -> Array:
    """The group's hits that the margins and the common odds ratio imply."""
    if ratio == 1:
        even: Array = strata.totals * all_hits / strata.whole
        return even
    linear = strata.rest_totals - all_hits + ratio * (strata.totals + all_hits)
    root = np.sqrt(linear**2 - 4 * (ratio - 1) * ratio * strata.totals * all_hits)
    found: Array = (linear - root) / (2 * (ratio - 1))
    return found
