"""Intervals of rates and means from counts and moments, each from its published formula, in plain Python.

Wilson (1927), Clopper & Pearson (1934), Miettinen & Nurminen (1985), Koopman (1984), Newcombe (1998), Walter (1975),
Zou & Donner (2008), Student and Welch. A count and its total may be Kish's effective numbers of weighted rows.
"""

from __future__ import annotations

import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence

from assay_chance import beta_quantile, crossing, normal_above, normal_quantile, student_quantile, widest_quantile
from assay_common import TamperedError

Pair = tuple[float, float]
#: Lower and upper bound; None where there is none.
Bounds = tuple[float, float | None]
#: An estimate, and a bound below and above it.
Estimate = tuple[float, float, float]

#: Metric, feature, group, and below how many rows a rate is exact, to its bounds; None where they do not follow.
Reach = Callable[[str, str, str, float], "Bounds | None"]

SMALL = 40
#: Sums of weights carry crumbs, so what lies on the limit to the last digits may have been taken for either side.
_EDGES = (SMALL, SMALL - 1e-6, SMALL + 1e-6)
#: Bounds are found by search, and their closed forms lose digits where a group has few rows and another a million.
TOLERANCE = 1e-5
MOST_FOR_TUKEY, MOST_FOR_SCORES = 200, 24
_INSIDE, _FAR = 1e-12, 60.0


def require_bounds(label: str, stated: tuple[object, object], compute: Callable[[float], Bounds | None]) -> bool:
    """Whether the bounds follow (else False); raise TamperedError where they are others than those stated."""
    first = compute(SMALL)
    if first is None:
        return False
    if not any(found is not None and all(map(_near, stated, found)) for found in map(compute, _EDGES)):
        told, given = (" to ".join(map(_written, pair)) for pair in (stated, first))
        raise TamperedError(f"{label} is stated as {told}, but its counts give {given}")
    return True


def _near(stated: object, found: float | None) -> bool:
    if stated is None or found is None:
        return stated is found
    if isinstance(stated, bool) or not isinstance(stated, int | float):
        return False
    return math.isclose(stated, found, rel_tol=TOLERANCE, abs_tol=TOLERANCE)


def _written(bound: object) -> str:
    return "unbounded" if bound is None else f"{bound:.9g}" if isinstance(bound, int | float) else repr(bound)


def two_sided(level: float) -> float:
    """1.96 for 0.95."""
    return normal_quantile(0.5 + level / 2)


def simultaneous(groups: int, level: float) -> float:
    """What replaces 1.96 so that all pairs of so many groups are covered at once."""
    if groups <= 2:  # noqa: PLR2004 - a pair has one difference
        return two_sided(level)
    if groups > MOST_FOR_TUKEY:
        return two_sided(1 - (1 - level) / (groups * (groups - 1) / 2))
    return widest_quantile(groups, level) / math.sqrt(2)


def pair_of(hits: float, total: tuple[float, float]) -> Pair:
    """Count and total, of a weight and its squares in effective numbers. Raises ZeroDivisionError: nobody is there."""
    weighed, squares = total
    if squares == weighed:
        return hits, weighed
    number = weighed * weighed / squares
    return hits / weighed * number, number


def wilson(count: float, total: float, z: float) -> tuple[float, float]:
    """Score bounds of one rate."""
    rate, doubt = count / total, z * z / total
    spread = math.sqrt(doubt * (rate * (1 - rate) + doubt / 4))
    low = 0.0 if count == 0 else (rate + doubt / 2 - spread) / (1 + doubt)
    high = 1.0 if count == total else (rate + doubt / 2 + spread) / (1 + doubt)
    return min(max(0.0, low), rate), max(min(1.0, high), rate)


def proportion(pair: Pair, level: float, small: float = SMALL) -> tuple[float, float]:
    """One rate: exact where there are fewer rows than `small`."""
    count, total = pair
    if total >= small:
        return wilson(count, total, two_sided(level))
    tail = (1 - level) / 2
    low = 0.0 if count == 0 else beta_quantile(tail, count, total - count + 1)
    high = 1.0 if count == total else beta_quantile(1 - tail, count + 1, total - count)
    return low, high


# -- Differences -------------------------------------------------------------------------------------------------------
def difference(first: Pair, second: Pair, z: float) -> tuple[float, float]:
    """Miettinen & Nurminen: the differences of which the score is within z."""
    gap = first[0] / first[1] - second[0] / second[1]
    low = _falls_to(lambda at: _gap_score(first, second, at) - z, -1.0, gap)
    high = _falls_to(lambda at: _gap_score(first, second, at) + z, gap, 1.0)
    return min(-1.0 if low is None else low, gap), max(1.0 if high is None else high, gap)


def _falls_to(score: Callable[[float], float], low: float, high: float) -> float | None:
    low, high = low + _INSIDE, high - _INSIDE
    return crossing(score, low, high) if low < high else None


def _gap_score(first: Pair, second: Pair, gap: float) -> float:
    """The gap's distance from what was seen over its error, rates as likely as they can be with that gap."""
    (x, n), (y, m) = first, second
    own, other = _likeliest(x / n, y / m, m / n, gap)
    spread = (own * (1 - own) / n + other * (1 - other) / m) * (n + m) / max(n + m - 1, _INSIDE)
    return _over(x / n - y / m - gap, spread)


def _likeliest(p: float, q: float, theta: float, gap: float) -> tuple[float, float]:
    """The closed form of Farrington & Manning (1990); where both rates are 0 or both 1 it would lose digits."""
    if p == q and p in (0, 1):
        own = max(0.0, gap) if p == 0 else min(1.0, 1 + gap)
        return own, own - gap
    a, b = 1 + theta, -(1 + theta + p + theta * q + gap * (theta + 2))
    c, d = gap * gap + gap * (2 * p + theta + 1) + p + theta * q, -p * gap * (1 + gap)
    v = (b / (3 * a)) ** 3 - b * c / (6 * a * a) + d / (2 * a)
    u = math.copysign(math.sqrt(max(0.0, (b / (3 * a)) ** 2 - c / (3 * a))), v)
    angle = (math.pi + math.acos(min(1.0, max(-1.0, v / u**3)))) / 3 if u else math.pi / 2
    own = min(1.0, max(0.0, 2 * u * math.cos(angle) - b / (3 * a)))
    return own, min(1.0, max(0.0, own - gap))


def _over(distance: float, variance: float) -> float:
    if variance > 0:
        return distance / math.sqrt(variance)
    return math.copysign(math.inf, distance) if distance else 0.0


def widest_difference(groups: Sequence[Pair], level: float) -> tuple[float, float]:
    """Highest minus lowest rate, all pairs covered at once; Newcombe's where there are too many groups."""
    z = simultaneous(len(groups), level)
    found = _distinct(groups)
    if len(found) <= MOST_FOR_SCORES:
        bounds = [difference(first, second, z) for first, second in itertools.combinations(found, 2)]
        low = max(0.0, *(max(low, -high) for low, high in bounds))
        return low, min(1.0, max(max(-low, high) for low, high in bounds))
    low, high = widest([(count / total, *wilson(count, total, z)) for count, total in groups])
    return low, min(1.0, high)


def _distinct(groups: Iterable[Pair]) -> list[Pair]:
    """Groups of equal numbers once, or twice where there are several."""
    return [group for group, often in Counter(groups).items() for _ in range(min(often, 2))]


def widest(found: Sequence[Estimate]) -> tuple[float, float]:
    """Highest minus lowest of independent estimates (Zou & Donner), each with bounds that cover all at once."""
    low = high = 0.0
    for first, second in itertools.permutations(_distinct_estimates(found), 2):
        gap = first[0] - second[0]
        low = max(low, gap - math.hypot(first[0] - first[1], second[2] - second[0]))
        high = max(high, gap + math.hypot(first[2] - first[0], second[0] - second[1]))
    return low, high


def _distinct_estimates(found: Iterable[Estimate]) -> list[Estimate]:
    return [one for one, often in Counter(found).items() for _ in range(min(often, 2))]


# -- Ratios ------------------------------------------------------------------------------------------------------------
def ratio(first: Pair, second: Pair, z: float) -> Bounds:
    """Koopman: the ratios first over second of which the score is within z; they hold the ratio itself."""
    low, high = _score_ratio(first, second, z)
    if not second[0]:
        return low, None
    point = first[0] / first[1] / (second[0] / second[1])
    return min(low, point), None if high is None else max(high, point)


def _score_ratio(first: Pair, second: Pair, z: float) -> Bounds:
    def score(logarithm: float) -> float:
        supposed = math.exp(logarithm)
        (x, n), (y, m) = first, second
        if first == (n, n) and second == (m, m):  # the general form would lose digits
            other = 1 / max(1.0, supposed)
        else:
            b = n * supposed + x + m + y * supposed
            other = 2 * (x + y) / (b + math.sqrt(max(0.0, b * b - 4 * (n + m) * supposed * (x + y))))
        own = min(1.0, other * supposed)
        spread = own * (1 - own) / n + supposed * supposed * other * (1 - other) / m
        return _over(x / n - supposed * y / m, spread)

    low = _falls_to(lambda at: score(at) - z, -_FAR, _FAR) if first[0] else None
    high = _falls_to(lambda at: score(at) + z, -_FAR, _FAR) if second[0] else None
    return 0.0 if low is None else math.exp(low), None if high is None else math.exp(high)


def lowest_ratio(groups: Sequence[Pair], level: float) -> tuple[float, float]:
    """Lowest over highest rate, all pairs covered at once; Walter's where there are too many groups."""
    z = simultaneous(len(groups), level)
    rates = [count / total for count, total in groups]
    point = min(rates) / max(rates)
    found = _distinct(groups)
    low, high = _lowest_scores(found, z) if len(found) <= MOST_FOR_SCORES else _lowest_logs(found, z)
    return min(low, point), max(high, point)


def _lowest_scores(groups: Sequence[Pair], z: float) -> tuple[float, float]:
    low = high = 1.0
    for first, second in itertools.combinations(groups, 2):
        if not first[0] and not second[0]:
            low = 0.0
            continue
        under, over = _score_ratio(first, second, z)
        low = min(low, under, 1 / over if over else 0.0)
        high = min(high, 1.0 if over is None else over, 1 / under if under else 1.0)
    return low, high


def _lowest_logs(groups: Sequence[Pair], z: float) -> tuple[float, float]:
    """Half a row is added to each count."""
    found = [(count + 0.5, total + 0.5) for count, total in groups]
    logs = [(math.log(count / total), max(0.0, 1 / count - 1 / total)) for count, total in found]
    low = high = 0.0
    for (first, one), (second, other) in itertools.permutations(logs, 2):
        reach = z * math.sqrt(one + other)
        low, high = min(low, first - second - reach), min(high, first - second + reach)
    return math.exp(low), min(1.0, math.exp(high))


def odds(pair: Pair, level: float, small: float = SMALL) -> Bounds:
    """Of those counted over the others."""
    low, high = proportion(pair, level, small)
    return low / (1 - low) if low < 1 else math.inf, high / (1 - high) if high < 1 else None


# -- Means -------------------------------------------------------------------------------------------------------------
def student(mean: float, variance: float, size: float, level: float) -> tuple[float, float] | None:
    """Of a mean of `size` rows (effective, if weighted) with that biased variance; None of one row."""
    if size <= 1:
        return None
    reach = student_quantile(0.5 + level / 2, size - 1) * math.sqrt(max(0.0, variance) / (size - 1))
    return mean - reach, mean + reach


def widest_mean(found: Sequence[tuple[float, float, float]], level: float) -> tuple[float, float] | None:
    """Highest minus lowest of means, each (mean, variance, size); None where one is of one row."""
    wider = 1 - 2 * normal_above(simultaneous(len(found), level))
    own = [student(*one, wider) for one in found]
    known = [(one[0], *bounds) for one, bounds in zip(found, own, strict=True) if bounds is not None]
    return widest(known) if len(known) == len(own) else None
