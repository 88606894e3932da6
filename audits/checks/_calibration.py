"""The arithmetic of calibration and of areas under the curve, per group. Worker only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from audits.checks._cells import Share
from audits.checks._models import BINARY
from audits.checks._outcomes import read_outcomes
from audits.checks._scored import (
    Histogram,
    Scored,
    ask_sums,
    by_group,
    features_of,
    gap_value,
    histograms,
    mean_value,
    missing_reason,
    moments_of,
    open_scored,
    require_scores,
)
from audits.checks.fairness_calibration import CalibrationParameters
from audits.counting.question import Counted, Tally
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals, roc

HELD = "_label IS NOT NULL AND _score IS NOT NULL"
ERROR = "_score - _label"

Lines = list[tuple[Tally, Counted]]
Array = np.ndarray[Any, Any]


def measure_calibration(evidence: Evidence, parameters: CalibrationParameters) -> Measurement:
    """Read, then measure: see `fairness_calibration`."""
    outcomes = read_outcomes(evidence, kinds=(BINARY,))
    require_scores(outcomes)
    scored = open_scored(outcomes, evidence.datasets["evaluation"], parameters)
    missing, reason = missing_reason(scored, "_label + _score", parameters.missing_tolerated)
    bins = parameters.bins
    sums = {
        "score": "_score",
        "error": ERROR,
        "error_squared": f"({ERROR}) * ({ERROR})",
        "brier": f"({ERROR}) * ({ERROR})",
        "brier_squared": f"pow({ERROR}, 4)",
    }
    binned = {"label": "_label", "bin": f"least(CAST(floor(_score * {bins}) AS INTEGER), {bins - 1})"}
    groups = by_group(ask_sums(scored, binned, sums, HELD), parameters.weights)
    values = [missing]
    if reason or not groups:
        why = reason or "no row has both label and score"
        for feature in ("", *(" & ".join(one) for one in scored.groups.sets)):
            values += [
                MetricValue(metric=metric, value=None, n=0, feature=feature, not_estimable=why)
                for metric in ("calibration_gap", "brier", "expected_calibration_error", "auc", *_OVER)
            ]
        return Measurement(values=tuple(values), inputs=outcomes.inputs, notes=scored.notes)
    table: list[tuple[Any, ...]] = []
    for where, lines in groups.items():
        values += _of_group(where, lines, parameters, table)
    for feature, members in features_of(groups).items():
        for metric, name in (("calibration_gap_difference", "error"), ("brier_difference", "brier")):
            found = [moments_of(groups[feature, group], name) for group in members]
            values.append(gap_value(metric, feature, found, parameters.level))
        values.append(_worst_error(feature, [groups[feature, group] for group in members], parameters))
    values += _areas(scored, parameters.level)
    columns = ("feature", "group", "bin", "n", "mean_score", "positives", "low", "high")
    return Measurement(
        values=tuple(values),
        inputs=outcomes.inputs,
        tables={"reliability": Table(columns, tuple(table))},
        notes=scored.notes,
    )


_OVER = ("calibration_gap_difference", "brier_difference", "auc_difference", "worst_group_expected_calibration_error")


def _of_group(
    where: tuple[str, str], lines: Lines, parameters: CalibrationParameters, table: list[tuple[Any, ...]]
) -> Iterator[MetricValue]:
    yield mean_value("calibration_gap", moments_of(lines, "error"), parameters.level, where, None)
    yield mean_value("brier", moments_of(lines, "brier"), parameters.level, where, 0.0)
    found = _bins(lines)
    for index, (share, mean) in found.items():
        interval = intervals.proportion(*share.pair, parameters.level)
        table.append((*where, index, share.rows, mean, share.value, interval.low, interval.high))
    value, interval = calibration_error(found, parameters.level)
    rows = sum(share.rows for share, _ in found.values())
    yield MetricValue(
        metric="expected_calibration_error", value=value, n=rows, feature=where[0], group=where[1], interval=interval
    )


def _bins(lines: Lines) -> dict[int, tuple[Share, float]]:
    """Share of positives and mean score of each bin that holds rows, in order."""
    hits: dict[int, Tally] = {}
    totals: dict[int, Tally] = {}
    scores: dict[int, float] = {}
    for tally, line in lines:
        label, index = line.outcomes
        totals[index] = totals.get(index, Tally()) + tally
        scores[index] = scores.get(index, 0.0) + line.sums["score"]
        if label == 1:
            hits[index] = hits.get(index, Tally()) + tally
    return {
        int(index): (Share(hits.get(index, Tally()), totals[index]), scores[index] / totals[index].weight)
        for index in sorted(totals)
        if totals[index].weight
    }


def calibration_error(bins: dict[int, tuple[Share, float]], level: float) -> tuple[float, Interval]:
    """The error and bounds that hold whatever the true shares are within their intervals, all bins at once."""
    whole = sum(share.total.weight for share, _ in bins.values())
    each = 1 - (1 - level) / len(bins)
    value = low = high = 0.0
    for share, mean in bins.values():
        part = share.total.weight / whole
        found = intervals.proportion(*share.pair, each)
        ends = abs((found.low or 0.0) - mean), abs((1.0 if found.high is None else found.high) - mean)
        value += part * abs(share.value - mean)
        high += part * max(ends)
        if not (found.low or 0.0) <= mean <= (1.0 if found.high is None else found.high):
            low += part * min(ends)
    return value, Interval(min(low, value), max(high, value), level, "wilson-bonferroni")


def _worst_error(feature: str, groups: list[Lines], parameters: CalibrationParameters) -> MetricValue:
    level = 1 - (1 - parameters.level) / len(groups)
    found = [calibration_error(_bins(lines), level) for lines in groups]
    n = min(sum(tally.rows for tally, _ in lines) for lines in groups)
    interval = Interval(
        max(one.low or 0.0 for _, one in found),
        max(one.high or 0.0 for _, one in found),
        parameters.level,
        "wilson-bonferroni",
    )
    metric, value = "worst_group_expected_calibration_error", max(value for value, _ in found)
    return MetricValue(metric=metric, value=value, n=n, feature=feature, interval=interval)


def _areas(scored: Scored, level: float) -> Iterator[MetricValue]:
    """Both classes' histograms of the same score, feature by feature."""
    positives = histograms(scored, "_score", f"{HELD} AND _label = 1")
    negatives = histograms(scored, "_score", f"{HELD} AND _label = 0")
    for index, ((feature, ones), (_, zeros)) in enumerate(zip(positives, negatives, strict=True)):
        yield from _of_feature(feature, *_aligned(ones, zeros), level=level, overall=index == 0)


def _aligned(ones: Histogram, zeros: Histogram) -> tuple[Histogram, Histogram]:
    """Both over the same values and the same groups."""
    values = np.union1d(ones.values, zeros.values)
    names = sorted({*ones.counts, *zeros.counts})

    def spread(one: Histogram) -> Histogram:
        places = np.searchsorted(values, one.values)
        counts = {}
        for name in names:
            counts[name] = np.zeros(values.size)
            if name in one.counts:
                counts[name][places] = one.counts[name]
        return Histogram(values, counts, {name: one.sizes.get(name, 0.0) for name in names})

    return spread(ones), spread(zeros)


def _of_feature(
    feature: str, ones: Histogram, zeros: Histogram, *, level: float, overall: bool
) -> Iterator[MetricValue]:
    everybody = [sum(one.counts.values(), np.zeros(one.values.size)) for one in (ones, zeros)]
    sizes = [sum(one.sizes.values()) for one in (ones, zeros)]
    if overall:
        yield _area("auc", "", "", roc.area(everybody[0], everybody[1], (sizes[0], sizes[1])), level)
    areas = {}
    for group in ones.counts:
        own = ones.sizes[group], zeros.sizes[group]
        rest = sizes[0] - own[0], sizes[1] - own[1]
        areas[group] = roc.area(ones.counts[group], zeros.counts[group], own)
        yield _area("auc", feature, group, areas[group], level)
        cross = roc.area(ones.counts[group], everybody[1] - zeros.counts[group], (own[0], rest[1]))
        back = roc.area(everybody[0] - ones.counts[group], zeros.counts[group], (rest[0], own[1]))
        yield _area("xauc", feature, group, cross, level)
        yield _area("xauc_reverse", feature, group, back, level)
        yield _difference(feature, group, cross, back, level)
    yield from _over_groups(feature, areas, level)


def _area(metric: str, feature: str, group: str, found: roc.Area | None, level: float) -> MetricValue:
    if found is None:
        reason = "positives or negatives are missing"
        return MetricValue(metric=metric, value=None, n=0, feature=feature, group=group, not_estimable=reason)
    interval = roc.interval(found, level)
    return MetricValue(
        metric=metric, value=found.value, n=round(found.n), feature=feature, group=group, interval=interval
    )


def _difference(feature: str, group: str, cross: roc.Area | None, back: roc.Area | None, level: float) -> MetricValue:
    """Four disjoint samples stand behind the two areas, so they are independent."""
    name = "xauc_difference"
    if cross is None or back is None:
        reason = "positives or negatives are missing"
        return MetricValue(metric=name, value=None, n=0, feature=feature, group=group, not_estimable=reason)
    return MetricValue(
        metric=name,
        value=cross.value - back.value,
        n=round(min(cross.n, back.n)),
        feature=feature,
        group=group,
        interval=roc.difference(cross, back, level),
    )


def _over_groups(feature: str, areas: dict[str, roc.Area | None], level: float) -> Iterator[MetricValue]:
    known = [one for one in areas.values() if one is not None]
    hollow = [group for group, one in areas.items() if one is None]
    reason = f"positives or negatives are missing in {', '.join(hollow[:20])}" if hollow else ""
    if not reason and len(known) < 2:  # noqa: PLR2004 - a comparison
        reason = "there is only one group"
    if reason:
        for metric in ("auc_difference", "worst_group_auc"):
            yield MetricValue(metric=metric, value=None, n=0, feature=feature, not_estimable=reason)
        return
    n = round(min(one.n for one in known))
    value, interval = roc.widest(known, level)
    yield MetricValue(metric="auc_difference", value=value, n=n, feature=feature, interval=interval)
    wide = [roc.interval(one, 1 - (1 - level) / len(known)) for one in known]
    low, high = min(one.low or 0.0 for one in wide), min(1.0 if one.high is None else one.high for one in wide)
    worst = Interval(low, high, level, "delong-bonferroni")
    lowest = min(one.value for one in known)
    yield MetricValue(metric="worst_group_auc", value=lowest, n=n, feature=feature, interval=worst)
