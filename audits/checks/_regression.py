"""The arithmetic of predicted numbers, per group. Worker only."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from audits.checks._outcomes import read_outcomes
from audits.checks._scored import (
    Histogram,
    ask_sums,
    by_group,
    features_of,
    gap_value,
    histograms,
    mean_value,
    missing_reason,
    moments_of,
    open_scored,
    worst_value,
)
from audits.checks._sufficient import counted, shares, weight_columns
from audits.checks._tasks import REGRESSION
from audits.checks.fairness_regression import RegressionParameters
from audits.counting.question import Tally
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import distances

HELD = "_label IS NOT NULL AND _prediction IS NOT NULL"
ERROR = "(_prediction - _label)"
MEANS = {"mean_error": "error", "mean_absolute_error": "distance", "mean_prediction": "prediction"}


def measure_regression(evidence: Evidence, parameters: RegressionParameters) -> Measurement:
    """Read, then measure: see `fairness_regression`."""
    outcomes = read_outcomes(evidence, kinds=(REGRESSION,))
    scored = open_scored(outcomes, evidence.datasets["evaluation"], parameters, where=HELD)
    missing, reason = missing_reason(scored, "_label + _prediction", parameters.missing_tolerated)
    if reason:
        metrics = [*MEANS, *(f"{name}_difference" for name in MEANS), "worst_group_mean_absolute_error"]
        barred = [
            MetricValue(metric=metric, value=None, n=0, feature=" & ".join(one), not_estimable=reason)
            for metric in metrics
            for one in scored.groups.sets
        ]
        return Measurement(values=(missing, *barred), inputs=outcomes.inputs, notes=scored.notes)
    terms = {"error": ERROR, "distance": f"abs({ERROR})", "prediction": "_prediction", "square": f"({ERROR} * {ERROR})"}
    sums = {**terms, **{f"{name}_squared": f"{sql} * {sql}" for name, sql in terms.items()}}
    groups = by_group(scored, ask_sums(scored, {}, sums, HELD))
    values, table = [missing], []
    for where, lines in groups.items():
        for metric, name in MEANS.items():
            least = 0.0 if name == "distance" else None
            values.append(mean_value(metric, moments_of(lines, name), parameters.level, where, least))
        squares = mean_value("root_mean_squared_error", moments_of(lines, "square"), parameters.level, where, 0.0)
        values.append(_root(squares))
        whole = counted(sum((tally for tally, _ in lines), Tally()), weighted=scored.weighted)
        table.append((*where, whole[0], *(moments_of(lines, name).mean for name in terms), *whole[1:]))
    for feature, members in features_of(groups).items():
        for metric, name in MEANS.items():
            found = [moments_of(groups[feature, group], name) for group in members]
            values.append(gap_value(f"{metric}_difference", feature, found, parameters.level))
        found = [moments_of(groups[feature, group], "distance") for group in members]
        values.append(worst_value("worst_group_mean_absolute_error", feature, found, parameters.level))
    widest: list[tuple[Any, ...]] = []
    for name, sql in (("prediction", "_prediction"), ("error", ERROR)):
        for feature, histogram in histograms(scored, sql, HELD):
            values += _distances(name, feature, histogram, parameters.level)
            widest += _widest(f"{name}_ks", feature, histogram)
    columns = ("feature", "group", "n", *(f"mean_{name}" for name in terms), *weight_columns(weighted=scored.weighted))
    tables = {"errors": Table(columns, tuple(table)), "shares": shares([missing], {"missing_fraction"})}
    if parameters.suppress_below < 2:  # noqa: PLR2004 - else a count below the widest gap could be a small one
        tables["widest_gaps"] = Table(
            ("metric", "feature", "group", "below", "size", "rest_below", "rest"), tuple(widest)
        )
    return Measurement(
        values=tuple(values),
        inputs=outcomes.inputs,
        tables=tables,
        notes=scored.notes,
    )


def _root(squares: MetricValue) -> MetricValue:
    """The root of a mean of squares, and of its bounds."""
    found = squares.interval
    if found is not None:
        found = Interval(math.sqrt(found.low or 0.0), math.sqrt(found.high or 0.0), found.level, found.method)
    return MetricValue(
        metric=squares.metric,
        value=math.sqrt(squares.value or 0.0),
        n=squares.n,
        feature=squares.feature,
        group=squares.group,
        interval=found,
    )


def _widest(metric: str, feature: str, histogram: Histogram) -> Iterator[tuple[Any, ...]]:
    """Where the two distribution functions are furthest apart: rows at or below it, in the group and in the rest."""
    everybody = sum(histogram.counts.values(), np.zeros(histogram.values.size))
    for group, counts in histogram.counts.items():
        rest = everybody - counts
        if not rest.sum():
            continue
        below, others = np.cumsum(counts), np.cumsum(rest)
        at = int(np.abs(below / below[-1] - others / others[-1]).argmax())
        yield metric, feature, group, float(below[at]), float(below[-1]), float(others[at]), float(others[-1])


def _distances(name: str, feature: str, histogram: Histogram, level: float) -> Iterator[MetricValue]:
    """Each group beside the rest; half of the error for each of the two bands."""
    everybody = sum(histogram.counts.values(), np.zeros(histogram.values.size))
    whole = sum(histogram.sizes.values())
    half = 1 - (1 - level) / 2
    for group, counts in histogram.counts.items():
        rest = everybody - counts
        sizes = histogram.sizes[group], whole - histogram.sizes[group]
        n = round(min(sizes))
        metrics = f"{name}_ks", f"{name}_wasserstein"
        if n < 1:
            for metric in metrics:
                reason = "there is only one group"
                yield MetricValue(metric=metric, value=None, n=0, feature=feature, group=group, not_estimable=reason)
            continue
        shares = counts / counts.sum(), rest / rest.sum()
        reach = sum(distances.band(size, half) for size in sizes)
        spread = float(histogram.values[-1] - histogram.values[0])
        found = distances.cumulative_gap(*shares), distances.wasserstein(histogram.values, *shares)
        for metric, value, scale in zip(metrics, found, (1.0, spread), strict=True):
            bounds = Interval(max(0.0, value - reach * scale), min(scale, value + reach * scale), level, "dkw")
            yield MetricValue(metric=metric, value=value, n=n, feature=feature, group=group, interval=bounds)
