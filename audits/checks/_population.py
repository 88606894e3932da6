"""Groups of the data beside a stated population. Worker only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from audits.checks._rows import Rows, quoted
from audits.checks.data_quality_columns import QualityParameters
from audits.checks.grouping import parse_shares
from audits.measurements import Interval, MetricValue, Table
from audits.statistics import intervals

NO_POPULATION = "the policy states no population to compare with"


def representation(rows: Rows, parameters: QualityParameters) -> tuple[list[MetricValue], Table]:
    """As `_representation`, with the table (feature, group, rows, known, expected) of its counts."""
    counted: list[tuple[Any, ...]] = []
    values = list(_representation(rows, parameters, counted))
    return values, Table(("feature", "group", "rows", "known", "expected"), tuple(counted))


def _representation(rows: Rows, parameters: QualityParameters, counted: list[tuple[Any, ...]]) -> Iterator[MetricValue]:
    """Ratios of shares by group, the smallest one, and who belongs to none. Raises EvidenceError: no such column."""
    stated = parse_shares(parameters.population)
    if not stated:
        for metric in ("representation_ratio", "worst_representation_ratio", "outside_population_fraction"):
            yield MetricValue(metric=metric, value=None, n=rows.total, not_estimable=NO_POPULATION)
        return
    ratios: list[MetricValue] = []
    for name, shares in stated.items():
        found = rows.ask(
            f"SELECT {rows.as_label(name)}, count(*) FROM typed WHERE {quoted(name)} IS NOT NULL GROUP BY 1"
        )
        counts = {str(label): int(count) for label, count in found}
        known = sum(counts.values())
        for group, share in shares.items():
            ratios.append(_ratio(name, group, counts.get(group, 0), known, share, parameters))
            counted.append((name, group, counts.get(group, 0), known, share))
        outside = rows.total - sum(count for group, count in counts.items() if group in shares)
        yield MetricValue(
            metric="outside_population_fraction",
            value=outside / rows.total,
            n=rows.total,
            feature=name,
            interval=intervals.proportion(outside, rows.total, parameters.level),
        )
    yield from ratios
    least = min(
        (value for value in ratios if value.value is not None), key=lambda value: value.value or 0.0, default=None
    )
    metric = "worst_representation_ratio"
    if least is None:
        yield MetricValue(metric=metric, value=None, n=rows.total, not_estimable="no row names its group")
    else:
        yield MetricValue(metric=metric, value=least.value, n=least.n, interval=least.interval)


def _ratio(name: str, group: str, count: int, known: int, share: float, parameters: QualityParameters) -> MetricValue:
    metric = "representation_ratio"
    if not known:
        return MetricValue(
            metric=metric, value=None, n=0, feature=name, group=group, not_estimable="no row names its group"
        )
    found = intervals.proportion(count, known, parameters.level)
    high = None if found.high is None else found.high / share
    interval = Interval((found.low or 0.0) / share, high, found.level, found.method)
    ratio = count / known / share
    return MetricValue(metric=metric, value=ratio, n=known, feature=name, group=group, interval=interval)
