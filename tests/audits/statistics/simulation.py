"""What the intervals keep and what the decisions cost, simulated: `python -m tests.audits.statistics.simulation`.

Prints the two tables of docs/statistics.md. Each cell draws its own worlds from a fixed seed, so the tables repeat.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator
from decimal import Decimal

import numpy as np
from scipy import stats

from audits.criteria import Criterion, Outcome, judge
from audits.measurements import Interval, Measurement, MetricValue, ObservationStatus
from audits.statistics import intervals

SIZES = (200, 1000, 10_000, 100_000)
RATES = (0.01, 0.05, 0.1, 0.3, 0.5)
WORLDS, EXACT = 10_000, 2000

#: (true rates, size of each group): equal treatment, and a ratio clearly below and just above four fifths.
SCENES = tuple(
    (rates, size)
    for rates in ((0.3,) * 2, (0.3,) * 5, (0.3, 0.21), (0.3, 0.3, 0.3, 0.3, 0.21), (0.3, 0.255))
    for size in (50, 200, 1000, 10_000)
)


def others(rate: float) -> tuple[float, ...]:
    """The rates it is compared with: the same, and half as much again, at most 0.5."""
    return tuple(dict.fromkeys((rate, min(0.5, round(1.5 * rate, 4)))))


def covers(interval: Interval, truth: float) -> bool:
    """Whether the interval holds the truth."""
    high = math.inf if interval.high is None else interval.high
    return (interval.low or 0.0) - 1e-9 <= truth <= high + 1e-9


def coverage(size: int, rate: float, other: float) -> tuple[float, float]:
    """How often the interval of the difference, and of the ratio, holds the truth: summed over the possible counts.

    Exact but for counts of which both tails together have a chance of 1e-9. Above 2,000 rows, where that is too many,
    drawn. A ratio to nobody has an interval without upper bound; one of nobody to nobody says nothing, and holds.
    """
    if size <= EXACT:
        chances = [likely(size, one) for one in (rate, other)]
        pairs = [((x, y), p * q) for x, p in chances[0] for y, q in chances[1]]
    else:
        seed = [size, round(1000 * rate), round(1000 * other)]
        drawn = np.random.default_rng(seed).binomial(size, [rate, other], (WORLDS, 2))
        found, times = np.unique(drawn, axis=0, return_counts=True)
        pairs = [((x, y), count / WORLDS) for (x, y), count in zip(found.tolist(), times.tolist(), strict=True)]
    kept = ratios = whole = 0.0
    for (first, second), chance in pairs:
        whole += chance
        kept += chance * covers(intervals.difference((first, size), (second, size)), rate - other)
        nobody = not first and not second
        ratios += chance * (nobody or covers(intervals.ratio((first, size), (second, size)), rate / other))
    return kept / whole, ratios / whole


def likely(size: int, rate: float) -> list[tuple[int, float]]:
    """The counts that can occur but for a chance of 1e-9, each with its own."""
    low, high = (int(stats.binom.ppf(tail, size, rate)) for tail in (5e-10, 1 - 5e-10))
    return [(count, float(stats.binom.pmf(count, size, rate))) for count in range(low, high + 1)]


def decisions(rates: tuple[float, ...], size: int, worlds: int = 2000) -> tuple[float, float, float]:
    """Shares of worlds: the point estimate decides wrongly; the interval decides wrongly; the interval waits."""
    limit = Criterion(
        id="c", check="f.g", metric="selection_rate_ratio", reason="r", set_by="s", at_least=Decimal("0.8")
    )
    fair = min(rates) / max(rates) >= 0.8
    drawn = np.random.default_rng([size, len(rates), round(1000 * rates[-1])]).binomial(
        size, rates, (worlds, len(rates))
    )
    naive = wrong = waits = 0
    for counts in drawn.tolist():
        if not any(counts):
            waits += 1
            continue
        value = min(counts) / max(counts)
        naive += (value >= 0.8) != fair
        interval = intervals.lowest_ratio([(count, size) for count in counts])
        measured = MetricValue(metric="selection_rate_ratio", value=value, n=size, feature="g", interval=interval)
        outcome = judge(ObservationStatus.MEASURED, Measurement(values=(measured,), inputs={}), limit).outcome
        waits += outcome is Outcome.INCONCLUSIVE
        wrong += outcome is (Outcome.NOT_SATISFIED if fair else Outcome.SATISFIED)
    return naive / worlds, wrong / worlds, waits / worlds


def lines() -> Iterator[str]:
    """Both tables as Markdown."""
    yield "| rows in each group | rate | other rate | difference covered | ratio covered |"
    yield "|---:|---:|---:|---:|---:|"
    for size in SIZES:
        for rate in RATES:
            for other in others(rate):
                gap, ratio = coverage(size, rate, other)
                yield f"| {size:,} | {rate:g} | {other:g} | {gap:.1%} | {ratio:.1%} |"
    yield ""
    yield "| true rates | rows in each group | truth | 80 % rule wrong | interval wrong | interval waits |"
    yield "|---|---:|---|---:|---:|---:|"
    for rates, size in SCENES:
        naive, wrong, waits = decisions(rates, size)
        fair = "meets the limit" if min(rates) / max(rates) >= 0.8 else "misses the limit"
        shown = ", ".join(f"{rate:g}" for rate in rates)
        yield f"| {shown} | {size:,} | {fair} | {naive:.1%} | {wrong:.1%} | {waits:.1%} |"


if __name__ == "__main__":
    sys.stdout.write("\n".join(lines()) + "\n")
