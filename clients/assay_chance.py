"""Probabilities that checks state, from their definitions, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import lru_cache
from statistics import NormalDist

_STEPS, _TINY = 10_000, 1e-300
_HALVINGS, _NEAR, _MANY = 200, 1e-13, 10_000
MOST_TRIALS = 100_000  # beyond, exact sums take too long


def normal_quantile(share: float) -> float:
    """The value below which that share of a standard normal lies."""
    return NormalDist().inv_cdf(share)


def normal_above(value: float) -> float:
    """The chance that a standard normal is above."""
    return math.erfc(value / math.sqrt(2)) / 2


def chi_squared_above(value: float, freedom: int) -> float:
    """The chance that chi-squared with so many degrees of freedom is above: the upper incomplete gamma function."""
    a, x = freedom / 2, value / 2
    if x <= 0:
        return 1.0
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    if x < a + 1:
        term = total = 1 / a
        for step in range(1, _STEPS):
            term *= x / (a + step)
            total += term
            if term < total * 1e-17:
                break
        return 1 - front * total
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    fraction = d
    for step in range(1, _STEPS):
        factor = -step * (step - a)
        b += 2
        d = factor * d + b or _TINY
        c = b + factor / c or _TINY
        d = 1 / d
        fraction *= d * c
        if abs(d * c - 1) < 1e-16:  # noqa: PLR2004 - as near as doubles come
            break
    return front * fraction


def hypergeometric_at_least(hits: int, total: int, marked: int, drawn: int) -> float:
    """The chance that `drawn` of `total`, of which `marked` are marked, hold at least `hits` marked ones."""
    upward = True
    if 2 * drawn > total:
        drawn, hits, upward = total - drawn, marked - hits, not upward
    if 2 * marked > total:
        marked, hits, upward = total - marked, drawn - hits, not upward
    few, many = sorted((marked, drawn))
    chance = math.prod((total - many - step) / (total - step) for step in range(few))
    below = above = 0.0
    for found in range(few + 1):
        if found <= hits:
            below += chance
        if found >= hits:
            above += chance
        chance *= (marked - found) * (drawn - found) / ((found + 1) * (total - marked - drawn + found + 1))
    return min(1.0, above if upward else below)


def fair_coin(first: int, second: int) -> float | None:
    """Two-sided p-value of so many against so many throws of a fair coin; None where there are too many to sum up."""
    throws, fewer = first + second, min(first, second)
    if not throws or first == second:
        return 1.0
    if throws > MOST_TRIALS:
        return None
    term = whole = 1
    for step in range(fewer):
        term = term * (throws - step) // (step + 1)
        whole += term
    return min(1.0, 2 * (whole / 2**throws if throws < 1000 else _quotient(whole, throws)))  # noqa: PLR2004


def _quotient(whole: int, throws: int) -> float:
    """The quotient whole / 2**throws, of numbers that no float holds."""
    shift = max(0, whole.bit_length() - 64)
    return math.ldexp(float(whole >> shift), shift - throws)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values, in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, least = [0.0] * len(p_values), 1.0
    for rank in range(len(order), 0, -1):
        least = min(least, p_values[order[rank - 1]] * len(order) / rank)
        adjusted[order[rank - 1]] = least
    return adjusted


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjusted p-values that control the chance of any false discovery, in the order given."""
    order = sorted(range(len(p_values)), key=p_values.__getitem__)
    adjusted, most = [0.0] * len(p_values), 0.0
    for rank, place in enumerate(order):
        most = max(most, min(1.0, p_values[place] * (len(order) - rank)))
        adjusted[place] = most
    return adjusted


def equal_rates(hits: int, size: int, others: int, rest: int) -> float:
    """Fisher's two-sided test: the chance of every table with these margins that is no likelier than this one."""
    whole, marked = size + rest, hits + others
    possible = range(max(0, marked - rest), min(size, marked) + 1)
    logs = [-sum(math.lgamma(n + 1) for n in (k, size - k, marked - k, rest - marked + k)) for k in possible]
    most = max(logs)
    chances = [math.exp(one - most) for one in logs]
    seen = chances[hits - possible[0]] * (1 + 1e-7)
    return min(1.0, math.fsum(one for one in chances if one <= seen) / math.fsum(chances)) if whole else 1.0


# -- Quantiles ---------------------------------------------------------------------------------------------------------
def crossing(falling: Callable[[float], float], low: float, high: float) -> float | None:
    """Where a falling function passes 0 between `low` and `high`; None where it does not."""
    at_low, at_high = falling(low), falling(high)
    if at_low <= 0 or at_high >= 0:
        return None
    side = 0
    for step in range(_HALVINGS):
        if high - low <= _NEAR * max(1.0, abs(low), abs(high)):
            break
        finite = math.isfinite(at_low) and math.isfinite(at_high)
        # The Illinois variant of the false position; every third step halves, so it cannot creep.
        at = low + (high - low) * at_low / (at_low - at_high) if finite and step % 3 < 2 else (low + high) / 2  # noqa: PLR2004
        value = falling(at)
        if value == 0:
            return at
        if value > 0:
            low, at_low, at_high, side = at, value, at_high / 2 if side > 0 else at_high, 1
        else:
            high, at_high, at_low, side = at, value, at_low / 2 if side < 0 else at_low, -1
    return (low + high) / 2


def beta_below(share: float, a: float, b: float) -> float:
    """The chance that a beta variable is below: the regularised incomplete beta function, by continued fraction."""
    if share <= 0 or share >= 1:
        return float(share > 0)
    if share > (a + 1) / (a + b + 2):
        return 1 - beta_below(1 - share, b, a)
    front = math.exp(
        a * math.log(share) + b * math.log1p(-share) + math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b)
    )
    c, d = 1.0, 1 / (1 - (a + b) * share / (a + 1) or _TINY)
    fraction = d
    for m in range(1, _STEPS):
        before = fraction
        for term in (
            m * (b - m) * share / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * share / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / (1 + term * d or _TINY)
            c = 1 + term / c or _TINY
            fraction *= c * d
        if abs(fraction - before) <= 1e-16 * abs(fraction):
            break
    return front * fraction / a


def beta_quantile(chance: float, a: float, b: float) -> float:
    """The value below which that share of a beta variable lies."""
    found = crossing(lambda share: chance - beta_below(share, a, b), 0.0, 1.0)
    return float(chance > 0) if found is None else found


@lru_cache(maxsize=4096)
def student_quantile(share: float, freedom: float) -> float:
    """The value below which that share, above one half, of Student's t lies."""
    if freedom > _MANY:  # Fisher's expansion around the normal quantile, here good to 1e-12
        z = normal_quantile(share)
        first, second = (z**3 + z) / 4, (5 * z**5 + 16 * z**3 + 3 * z) / 96
        third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
        return z + first / freedom + second / freedom**2 + third / freedom**3

    def excess(logarithm: float) -> float:
        square = math.exp(2 * logarithm)
        return beta_below(freedom / (freedom + square), freedom / 2, 0.5) / 2 - (1 - share)

    found = crossing(excess, -30.0, 60.0)
    return math.inf if found is None else math.exp(found)


@lru_cache(maxsize=256)
def widest_quantile(groups: int, level: float) -> float:
    """Tukey's studentised range of so many known variances: below it lies the range of so many standard normals."""
    step = 0.04
    places = [n * step for n in range(-round(9 / step), round(9 / step))]
    density = [math.exp(-z * z / 2) / math.sqrt(2 * math.pi) for z in places]
    above = [normal_above(z) for z in places]

    def missing(wide: float) -> float:
        inside = (
            p * (normal_above(z - wide) - a) ** (groups - 1) for z, p, a in zip(places, density, above, strict=True)
        )
        return level - groups * step * math.fsum(inside)

    found = crossing(missing, 0.0, 40.0)
    if found is None:
        raise ValueError(f"{groups} groups at the level {level} have no quantile")
    return found
