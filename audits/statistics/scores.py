"""Score intervals of two rates: what their difference or ratio may be without the data speaking against it.

The bound is where the score test, with the rates estimated under the difference or ratio in question, just stops to
reject. Sources: Miettinen & Nurminen (1985) for the difference, with the closed form of Farrington & Manning (1990);
Koopman (1984) for the ratio. Among the usual intervals these alone keep 95 ± 1.5 % down to two expected events (see
docs/statistics.md). Counts may be effective numbers of weighted rows.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy import optimize

Count = tuple[float, float]

_TINY, _TOLERANCE, _SECANTS = 1e-12, 1e-10, 12
#: A short step alone is no root: after one far astray the secant is so steep that the next hardly moves.
_SETTLED = 1e-6
#: No ratio of counts is as far from 1 as e to the 60th.
_FAR = (-60.0, 60.0)
#: Where all are selected the estimated variance of a logarithm is 0; a search needs a first step.
_LEAST = 1e-6


def difference(first: Count, second: Count, z: float) -> tuple[float, float]:
    """Bounds of rate(first) - rate(second), each (count, total > 0)."""
    gap = first[0] / first[1] - second[0] / second[1]
    near_low, near_high = _agresti_caffo(first, second, z)
    spread = (near_high - near_low) / (2 * z)

    def score(supposed: float) -> float:
        return _difference_score(first, second, supposed)

    low = _crossing(lambda at: score(at) - z, (-1.0, gap), near_low, spread)
    high = _crossing(lambda at: score(at) + z, (gap, 1.0), near_high, spread)
    return min(-1.0 if low is None else low, gap), max(1.0 if high is None else high, gap)


def _agresti_caffo(first: Count, second: Count, z: float) -> tuple[float, float]:
    """Near enough to begin a search from."""
    rates = [(count + 1) / (total + 2) for count, total in (first, second)]
    spread = z * math.sqrt(sum(p * (1 - p) / (n + 2) for p, (_, n) in zip(rates, (first, second), strict=True)))
    return rates[0] - rates[1] - spread, rates[0] - rates[1] + spread


def _crossing(score: Callable[[float], float], within: tuple[float, float], near: float, spread: float) -> float | None:
    """Where a falling score passes 0 inside of `within`; None where it does not.

    A score is almost a line of slope -1/`spread`, so a few secants from `near` find it; else it is bracketed.
    """
    start, end = within[0] + _TINY, within[1] - _TINY
    if start >= end:
        return None
    before = min(max(near, start), end)
    value = score(before)
    at = before + value * spread
    for _ in range(_SECANTS):
        if not start < at < end:
            break
        if abs(at - before) < _TOLERANCE and abs(value) < _SETTLED:
            return at
        found = score(at)
        if found == value:
            break
        before, value, at = at, found, at - found * (at - before) / (found - value)
    if score(start) <= 0 or score(end) >= 0:
        return None
    return float(optimize.brentq(score, start, end, xtol=_TOLERANCE))


def _difference_score(first: Count, second: Count, supposed: float) -> float:
    """Miettinen and Nurminen's statistic; falls as the supposed difference grows."""
    (x1, n1), (x2, n2) = first, second
    rate1, rate2, whole = x1 / n1, x2 / n2, n1 + n2
    own, other = _likeliest(rate1, rate2, n2 / n1, supposed)
    variance = (own * (1 - own) / n1 + other * (1 - other) / n2) * whole / max(whole - 1, _TINY)
    distance = rate1 - rate2 - supposed
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance) if distance else 0.0


def _likeliest(rate1: float, rate2: float, theta: float, supposed: float) -> tuple[float, float]:
    """The likeliest rates that differ by `supposed`; `theta` is the second's rows over the first's."""
    if rate1 == rate2 and rate1 in (0, 1):  # the general form loses half of its digits here
        own = max(0.0, supposed) if rate1 == 0 else min(1.0, 1 + supposed)
        return own, own - supposed
    a = 1 + theta
    b = -(1 + theta + rate1 + theta * rate2 + supposed * (theta + 2))
    c = supposed * supposed + supposed * (2 * rate1 + theta + 1) + rate1 + theta * rate2
    d = -rate1 * supposed * (1 + supposed)
    v = b**3 / (27 * a**3) - b * c / (6 * a * a) + d / (2 * a)
    u = math.copysign(math.sqrt(max(0.0, b * b / (9 * a * a) - c / (3 * a))), v)
    angle = (math.pi + math.acos(min(1.0, max(-1.0, v / u**3)))) / 3 if u else math.pi / 2
    own = min(1.0, max(0.0, 2 * u * math.cos(angle) - b / (3 * a)))
    return own, min(1.0, max(0.0, own - supposed))


def ratio(first: Count, second: Count, z: float) -> tuple[float, float | None]:
    """Bounds of rate(first) / rate(second), of which not both are 0; None where the ratio has no upper bound."""
    # Walter's estimate is finite whatever the counts are: a place to begin the search from.
    (x1, n1), (x2, n2) = ((count + 0.5, total + 0.5) for count, total in (first, second))
    centre = math.log(x1 / n1) - math.log(x2 / n2)
    spread = math.sqrt(max(_LEAST, 1 / x1 - 1 / n1 + 1 / x2 - 1 / n2))

    def score(logarithm: float) -> float:
        return _ratio_score(first, second, math.exp(logarithm))

    low = None if not first[0] else _crossing(lambda at: score(at) - z, _FAR, centre - z * spread, spread)
    high = None if not second[0] else _crossing(lambda at: score(at) + z, _FAR, centre + z * spread, spread)
    return 0.0 if low is None else math.exp(low), None if high is None else math.exp(high)


def _ratio_score(first: Count, second: Count, supposed: float) -> float:
    """Koopman's statistic with its sign; falls as the supposed ratio grows."""
    (x1, n1), (x2, n2) = first, second
    if x1 == n1 and x2 == n2:  # the general form loses half of its digits here
        other = 1 / max(1.0, supposed)
    else:
        a = (n1 + n2) * supposed
        b = n1 * supposed + x1 + n2 + x2 * supposed
        other = 2 * (x1 + x2) / (b + math.sqrt(max(0.0, b * b - 4 * a * (x1 + x2))))
    own = min(1.0, other * supposed)
    variance = own * (1 - own) / n1 + supposed * supposed * other * (1 - other) / n2
    distance = x1 / n1 - supposed * x2 / n2
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance) if distance else 0.0
