"""The arithmetic of calibration and of areas under the curve, per group. Worker only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from audits.checks._cells import Share
from audits.checks._outcomes import read_outcomes
from audits.checks._score_tables import (
    POOLED,
    ROC_COLUMNS,
    Lines,
    published_bins,
    reliability,
    roc_points,
    share_by_bin,
    thresholds,
)
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
    worst_value,
)
from audits.checks._sufficient import AREAS, area_row, shares
from audits.checks._tasks import BINARY
from audits.checks.fairness_calibration import CalibrationParameters
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from audits.statistics import intervals, roc

HELD = "_label IS NOT NULL AND _score IS NOT NULL"
ERROR = "_score - _label"

Array = np.ndarray[Any, Any]


def measure_calibration(evidence: Evidence, parameters: CalibrationParameters) -> Measurement:
    """Read, then measure: see `fairness_calibration`."""
    outcomes = read_outcomes(evidence, kinds=(BINARY,))
    require_scores(outcomes)
    scored = open_scored(outcomes, evidence.datasets["evaluation"], parameters, where=HELD, told={"label": "_label"})
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
    groups = by_group(scored, ask_sums(scored, binned, sums, HELD))
    values = [missing]
    if reason or not groups:
        why = reason or "no row has both label and score"
        for feature in ("", *(" & ".join(one) for one in scored.groups.sets)):
            values += [
                MetricValue(metric=metric, value=None, n=0, feature=feature, not_estimable=why)
                for metric in ("calibration_gap", "brier", "expected_calibration_error", "auc", *_OVER)
            ]
        return Measurement(values=tuple(values), inputs=outcomes.inputs, notes=scored.notes)
    for where, lines in groups.items():
        values += _of_group(where, lines, parameters)
    for feature, members in features_of(groups).items():
        for metric, name in (("calibration_gap_difference", "error"), ("brier_difference", "brier")):
            found = [moments_of(groups[feature, group], name) for group in members]
            values.append(gap_value(metric, feature, found, parameters.level))
        briers = [moments_of(groups[feature, group], "brier") for group in members]
        values.append(worst_value("worst_group_brier", feature, briers, parameters.level))
        values.append(_worst_error(feature, [groups[feature, group] for group in members], parameters))
    runs = published_bins(groups, bins, parameters.suppress_below)
    coarse = parameters.suppress_below > 1
    areas, pairs, curves = _areas(scored, parameters.level, [first / bins for first, _ in runs] if coarse else None)
    return Measurement(
        values=(*values, *areas),
        inputs=outcomes.inputs,
        tables={
            "reliability": reliability(groups, runs, parameters.level, weighted=scored.weighted),
            "roc": curves,
            "areas": pairs,
            "shares": shares([missing], {"missing_fraction"}),
        },
        notes=(*scored.notes, *((POOLED,) if len(runs) < bins else ())),
    )


_OVER = (
    "calibration_gap_difference",
    "brier_difference",
    "auc_difference",
    "worst_group_expected_calibration_error",
    "worst_group_brier",
    "worst_group_auc",
)


def _of_group(where: tuple[str, str], lines: Lines, parameters: CalibrationParameters) -> Iterator[MetricValue]:
    yield mean_value("calibration_gap", moments_of(lines, "error"), parameters.level, where, None)
    yield mean_value("brier", moments_of(lines, "brier"), parameters.level, where, 0.0)
    found = share_by_bin(lines)
    value, interval = calibration_error(found, parameters.level)
    rows = sum(share.rows for share, _ in found.values())
    yield MetricValue(
        metric="expected_calibration_error", value=value, n=rows, feature=where[0], group=where[1], interval=interval
    )


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
    found = [calibration_error(share_by_bin(lines), level) for lines in groups]
    n = min(sum(tally.rows for tally, _ in lines) for lines in groups)
    interval = Interval(
        max(one.low or 0.0 for _, one in found),
        max(one.high or 0.0 for _, one in found),
        parameters.level,
        "wilson-bonferroni",
    )
    metric, value = "worst_group_expected_calibration_error", max(value for value, _ in found)
    return MetricValue(metric=metric, value=value, n=n, feature=feature, interval=interval)


def _areas(scored: Scored, level: float, edges: list[float] | None) -> tuple[list[MetricValue], Table, Table]:
    """Both classes' histograms of the same score, feature by feature: areas, their pairs, the points of the curves."""
    positives = histograms(scored, "_score", f"{HELD} AND _label = 1")
    negatives = histograms(scored, "_score", f"{HELD} AND _label = 0")
    values: list[MetricValue] = []
    pairs: list[tuple[Any, ...]] = []
    points: list[tuple[Any, ...]] = []
    for index, ((feature, first), (_, second)) in enumerate(zip(positives, negatives, strict=True)):
        ones, zeros = _aligned(first, second)
        found = list(_of_feature(feature, ones, zeros, level=level, overall=index == 0))
        values += found
        pairs += _pairs(found, ones, zeros)
        points += roc_points(feature, ones, zeros, thresholds(ones, zeros, edges))
    return values, Table(AREAS, tuple(pairs)), Table(ROC_COLUMNS, tuple(points))


def _pairs(found: list[MetricValue], ones: Histogram, zeros: Histogram) -> Iterator[tuple[Any, ...]]:
    """The pairs of a positive and a negative behind each area."""
    own = {group: (float(ones.counts[group].sum()), float(zeros.counts[group].sum())) for group in ones.counts}
    whole = [sum(side) for side in zip(*own.values(), strict=True)]
    for value in found:
        if value.value is None or value.metric not in {"auc", "xauc", "xauc_reverse"}:
            continue
        positives, negatives = own.get(value.group, whole)
        if value.metric == "xauc":
            negatives = whole[1] - negatives
        elif value.metric == "xauc_reverse":
            positives = whole[0] - positives
        yield area_row(value, float(positives), float(negatives))


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
