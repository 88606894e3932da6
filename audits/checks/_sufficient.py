"""Small tables that are enough to compute a value again: counts with their weights, shares, sums, and areas. Pure.

The verifier (`clients/assay_numbers.py`) knows them by name and columns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from typing import Any

from audits.counting.question import Tally
from audits.measurements import MetricValue, Table
from audits.statistics.moments import Moments

SHARES = ("metric", "feature", "group", "count", "total")
SUMS = ("metric", "feature", "group", "rows", "weight", "squares", "sum", "variance")
AREAS = ("metric", "feature", "group", "positives", "negatives", "won")


def weight_columns(*, weighted: bool) -> tuple[str, ...]:
    """What follows the column of counts where rows weigh differently."""
    return ("weight", "squares") if weighted else ()


def counted(tally: Tally, *, weighted: bool) -> tuple[Any, ...]:
    """The number of rows, and their weight and its squares where rows weigh differently."""
    return (tally.rows, tally.weight, tally.squares) if weighted else (tally.rows,)


def shares(values: Iterable[MetricValue], metrics: Collection[str]) -> Table:
    """How many of how many stand behind each share among `values`, whose `n` is what it is a share of."""
    rows = tuple(
        (value.metric, value.feature, value.group, round(value.value * value.n), value.n)
        for value in values
        if value.metric in metrics and value.value is not None
    )
    return Table(SHARES, rows)


def sum_row(metric: str, feature: str, found: Moments, weight: float) -> tuple[Any, ...]:
    """A mean as the sum of rows that weigh so much, with all that its interval needs."""
    return metric, feature, "", found.rows, weight, weight * weight / found.size, found.mean * weight, found.variance


def area_row(value: MetricValue, positives: float, negatives: float) -> tuple[Any, ...]:
    """An area under the curve as pairs: those in which the positive scored higher, ties counted half."""
    won = (value.value or 0.0) * positives * negatives
    whole = positives.is_integer() and negatives.is_integer()
    return value.metric, value.feature, value.group, positives, negatives, round(2 * won) / 2 if whole else won
