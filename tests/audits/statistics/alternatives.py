"""What other intervals would have kept, enumerated: `python -m tests.audits.statistics.alternatives`.

Prints the two tables of docs/statistics.md that stand beside the intervals in use. Sources: Newcombe (1998); Agresti &
Caffo (2000); Zou & Donner (2008) for square and add; Walter (1975).
"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator
from functools import cache

from scipy import optimize, special, stats

from audits.statistics import intervals
from tests.audits.statistics.simulation import coverage, likely

Bounds = tuple[float, float]
CASES = ((200, 0.01, 0.01), (200, 0.01, 0.015), (200, 0.05, 0.05), (1000, 0.01, 0.01))
Z = intervals.normal_quantile(0.95)


def wilson(count: int, total: int) -> Bounds:
    """Of one rate."""
    return intervals.wilson_bounds(count, total, Z)


def jeffreys(count: int, total: int) -> Bounds:
    """Of one rate, from the prior Beta(1/2, 1/2); 0 and 1 are not excluded where nobody or everybody is counted."""
    low, high = (float(special.betaincinv(count + 0.5, total - count + 0.5, tail)) for tail in (0.025, 0.975))
    return 0.0 if count == 0 else low, 1.0 if count == total else high


@cache
def mid_p(count: int, total: int) -> Bounds:
    """Of one rate: Clopper and Pearson's with half of the chance of what was seen."""

    def above(rate: float) -> float:
        return float(stats.binom.sf(count, total, rate) + stats.binom.pmf(count, total, rate) / 2) - 0.025

    def below(rate: float) -> float:
        return float(stats.binom.cdf(count - 1, total, rate) + stats.binom.pmf(count, total, rate) / 2) - 0.025

    low = 0.0 if count == 0 else float(optimize.brentq(above, 1e-12, 1 - 1e-12))
    return low, 1.0 if count == total else float(optimize.brentq(below, 1e-12, 1 - 1e-12))


def square_and_add(own: Callable[[int, int], Bounds], first: int, second: int, size: int) -> Bounds:
    """Of a difference, from the bounds of both rates."""
    (low, high), (other_low, other_high) = own(first, size), own(second, size)
    rates = first / size, second / size
    gap = rates[0] - rates[1]
    below, above = math.hypot(rates[0] - low, other_high - rates[1]), math.hypot(high - rates[0], rates[1] - other_low)
    return gap - below, gap + above


def agresti_caffo(first: int, second: int, size: int) -> Bounds:
    """Of a difference: Wald's with one success and one failure more on either side."""
    rates = [(count + 1) / (size + 2) for count in (first, second)]
    spread = Z * math.sqrt(sum(rate * (1 - rate) for rate in rates) / (size + 2))
    return rates[0] - rates[1] - spread, rates[0] - rates[1] + spread


def walter(first: int, second: int, size: int) -> Bounds:
    """Of a ratio: the logarithm with half a count more on either side."""
    counts, total = (first + 0.5, second + 0.5), size + 0.5
    spread = Z * math.sqrt(max(0.0, sum(1 / count - 1 / total for count in counts)))
    ratio = counts[0] / counts[1]
    return ratio * math.exp(-spread), ratio * math.exp(spread)


def kept(bounds: Callable[[int, int, int], Bounds], size: int, rate: float, other: float, truth: float) -> float:
    """How often the bounds hold the truth, summed over the possible counts."""
    held = whole = 0.0
    for first, chance in likely(size, rate):
        for second, other_chance in likely(size, other):
            low, high = bounds(first, second, size)
            whole += chance * other_chance
            held += chance * other_chance * (low - 1e-9 <= truth <= high + 1e-9)
    return held / whole


def of_differences(size: int, rate: float, other: float) -> Iterator[float]:
    """Ours, Newcombe's, Agresti and Caffo's, square and add of Jeffreys' and of mid-P."""
    yield coverage(size, rate, other)[0]
    yield kept(lambda a, b, n: square_and_add(wilson, a, b, n), size, rate, other, rate - other)
    yield kept(agresti_caffo, size, rate, other, rate - other)
    yield kept(lambda a, b, n: square_and_add(jeffreys, a, b, n), size, rate, other, rate - other)
    yield kept(lambda a, b, n: square_and_add(mid_p, a, b, n), size, rate, other, rate - other)


def of_ratios(size: int, rate: float, other: float) -> Iterator[float]:
    """Ours and Walter's."""
    yield coverage(size, rate, other)[1]
    yield kept(walter, size, rate, other, rate / other)


def lines(case: tuple[int, float, float]) -> tuple[str, str]:
    """The case as a line of either table."""
    size, rate, other = case
    head = f"| {size:,}, {rate:g} and {other:g} |"
    differences, ratios = ("".join(f" {one:.1%} |" for one in of(*case)) for of in (of_differences, of_ratios))
    return head + differences, head + ratios


if __name__ == "__main__":
    for case in CASES:
        sys.stdout.write("\n".join(lines(case)) + "\n")
