"""Probabilities that checks state, from their definitions, in plain Python."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

_STEPS, _TINY = 10_000, 1e-300
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
