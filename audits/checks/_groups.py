"""Rates per group, each group against the rest, and the widest gaps: arithmetic on count cells.

Worker only. A rate without a denominator is never 0: it is not estimable, and so is everything compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from audits.checks import _intervals
from audits.checks._cells import MISSING, Cells, CellTable, summed
from audits.measurements import Interval, MetricValue

Count = tuple[int, int]

#: metric -> (count and denominator, what an empty denominator means, needs predictions, needs labels)
RATES: Mapping[str, tuple[Callable[[Cells], Count], str, bool, bool]] = {
    "selection_rate": (lambda c: c.selected, "no predictions", True, False),
    "true_positive_rate": (lambda c: c.true_positives, "no actual positives", True, True),
    "false_positive_rate": (lambda c: c.false_positives, "no actual negatives", True, True),
    "precision": (lambda c: c.precise, "nobody predicted positive", True, True),
    "negative_predictive_value": (lambda c: c.negative_precise, "nobody predicted negative", True, True),
    "accuracy": (lambda c: c.correct, "no rows with both label and prediction", True, True),
    "prevalence": (lambda c: c.prevalent, "no labels", False, True),
}

#: Signed differences of a group to everybody else.
DIFFERENCES = {
    "selection_rate_difference": "selection_rate",
    "true_positive_rate_difference": "true_positive_rate",
    "false_positive_rate_difference": "false_positive_rate",
    "precision_difference": "precision",
    "accuracy_difference": "accuracy",
}

#: Highest minus lowest over the groups.
GAPS = {
    "demographic_parity_difference": "selection_rate",
    "equal_opportunity_difference": "true_positive_rate",
    "predictive_equality_difference": "false_positive_rate",
    "predictive_parity_difference": "precision",
    "accuracy_equality_difference": "accuracy",
}


def compare_groups(table: CellTable, missing_tolerated: float, level: float) -> tuple[MetricValue, ...]:
    """All values, feature by feature; overall rates first."""
    everybody = summed(next(iter(table.features.values())).values())
    barred = _barred(everybody, missing_tolerated)
    values = [
        _fraction("missing_prediction_fraction", (everybody.missing_predictions, everybody.rows), level),
        _fraction("missing_label_fraction", (everybody.missing_labels, everybody.rows), level),
    ]
    values += [_rate(metric, everybody, "", "", barred, level) for metric in RATES]
    for feature, groups in table.features.items():
        values.extend(_of_feature(feature, groups, missing_tolerated, level))
    return tuple(values)


def _of_feature(
    feature: str, groups: Mapping[str, Cells], missing_tolerated: float, level: float
) -> Iterator[MetricValue]:
    everybody = summed(groups.values())
    barred = _barred(everybody, missing_tolerated)
    missing = groups[MISSING].rows if MISSING in groups else 0
    yield _fraction("missing_sensitive_fraction", (missing, everybody.rows), level, feature)
    for group, cells in groups.items():
        size = cells.rows
        yield MetricValue(metric="group_size", value=float(size), n=size, feature=feature, group=group)
        for metric in RATES:
            yield _rate(metric, cells, feature, group, barred, level)
        rest = summed(other for name, other in groups.items() if name != group)
        yield from _against_rest(cells, rest, feature, group, barred, level)
    reason = "every sensitive value is missing" if missing == everybody.rows else ""
    if not reason and len(groups) < 2:  # noqa: PLR2004 - a comparison
        reason = f"there is only the group {next(iter(groups))}"
    yield from _over_groups(feature, groups, barred, reason, level)


def _barred(everybody: Cells, tolerated: float) -> dict[str, str]:
    """Why a rate cannot be estimated from anybody, because too much of what it needs is missing."""
    rows = everybody.rows
    no_predictions = everybody.missing_predictions > tolerated * rows
    no_labels = everybody.missing_labels > tolerated * rows
    reasons = {}
    for metric, (_, _, needs_predictions, needs_labels) in RATES.items():
        if needs_predictions and no_predictions:
            reasons[metric] = f"{everybody.missing_predictions} of {rows} rows have no prediction, more than tolerated"
        elif needs_labels and no_labels:
            reasons[metric] = f"{everybody.missing_labels} of {rows} rows have no label, more than tolerated"
    return reasons


def _fraction(metric: str, count: Count, level: float, feature: str = "") -> MetricValue:
    value, n = count[0] / count[1], count[1]
    return MetricValue(
        metric=metric, value=value, n=n, feature=feature, interval=_intervals.proportion(*count, level=level)
    )


def _rate(metric: str, cells: Cells, feature: str, group: str, barred: Mapping[str, str], level: float) -> MetricValue:
    count, empty, _, _ = RATES[metric]
    hits, total = count(cells)
    if reason := barred.get(metric) or ("" if total else empty):
        return MetricValue(metric=metric, value=None, n=total, feature=feature, group=group, not_estimable=reason)
    interval = _intervals.proportion(hits, total, level)
    return MetricValue(metric=metric, value=hits / total, n=total, feature=feature, group=group, interval=interval)


def _against_rest(
    cells: Cells, rest: Cells, feature: str, group: str, barred: Mapping[str, str], level: float
) -> Iterator[MetricValue]:
    for name, metric in DIFFERENCES.items():
        reason, own, others = _pair(metric, cells, rest, barred)
        n = min(own[1], others[1])
        if reason:
            yield MetricValue(metric=name, value=None, n=n, feature=feature, group=group, not_estimable=reason)
        else:
            value = own[0] / own[1] - others[0] / others[1]
            interval = _intervals.difference(own, others, level)
            yield MetricValue(metric=name, value=value, n=n, feature=feature, group=group, interval=interval)
    reason, own, others = _pair("selection_rate", cells, rest, barred)
    n = min(own[1], others[1])
    if not reason and others[0] == 0:
        reason = "nobody outside the group is selected"
    name = "selection_rate_ratio_to_rest"
    if reason:
        yield MetricValue(metric=name, value=None, n=n, feature=feature, group=group, not_estimable=reason)
    else:
        value = (own[0] / own[1]) / (others[0] / others[1])
        interval = _intervals.ratio(own, others, level)
        yield MetricValue(metric=name, value=value, n=n, feature=feature, group=group, interval=interval)


def _pair(metric: str, cells: Cells, rest: Cells, barred: Mapping[str, str]) -> tuple[str, Count, Count]:
    count, empty, _, _ = RATES[metric]
    own, others = count(cells), count(rest)
    reason = barred.get(metric, "")
    if not reason and not own[1]:
        reason = f"the group has {empty}"
    if not reason and not others[1]:
        reason = f"the rest has {empty}"
    return reason, own, others


def _over_groups(
    feature: str, groups: Mapping[str, Cells], barred: Mapping[str, str], reason: str, level: float
) -> Iterator[MetricValue]:
    gaps: dict[str, MetricValue] = {}
    for name, metric in GAPS.items():
        why, counts = _all_counts(metric, groups, barred, reason)
        gaps[name] = _gap(name, feature, why, counts, level)
    yield from gaps.values()
    yield _lowest_ratio(feature, *_all_counts("selection_rate", groups, barred, reason), level)
    # Each of the two gaps at half the error, so that together they keep the level.
    split = 1 - (1 - level) / 2
    halves = []
    for metric in ("true_positive_rate", "false_positive_rate"):
        why, counts = _all_counts(metric, groups, barred, reason)
        halves.append(_gap("equalized_odds_difference", feature, why, counts, split))
    yield _larger(halves, level)


def _all_counts(
    metric: str, groups: Mapping[str, Cells], barred: Mapping[str, str], reason: str
) -> tuple[str, list[Count]]:
    count, empty, _, _ = RATES[metric]
    counts = {group: count(cells) for group, cells in groups.items()}
    hollow = [group for group, (_, total) in counts.items() if not total]
    why = reason or barred.get(metric, "")
    if not why and hollow:
        why = f"{empty} in {', '.join(hollow)}"
    return why, list(counts.values())


def _gap(name: str, feature: str, why: str, counts: Sequence[Count], level: float) -> MetricValue:
    n = min(total for _, total in counts)
    if why:
        return MetricValue(metric=name, value=None, n=n, feature=feature, not_estimable=why)
    rates = [hits / total for hits, total in counts]
    interval = _intervals.widest_difference(counts, level)
    return MetricValue(metric=name, value=max(rates) - min(rates), n=n, feature=feature, interval=interval)


def _lowest_ratio(feature: str, why: str, counts: Sequence[Count], level: float) -> MetricValue:
    name, n = "selection_rate_ratio", min(total for _, total in counts)
    if not why and not any(hits for hits, _ in counts):
        why = "nobody is selected in any group"
    if why:
        return MetricValue(metric=name, value=None, n=n, feature=feature, not_estimable=why)
    rates = [hits / total for hits, total in counts]
    interval = _intervals.lowest_ratio(counts, level)
    return MetricValue(metric=name, value=min(rates) / max(rates), n=n, feature=feature, interval=interval)


def _larger(halves: Sequence[MetricValue], level: float) -> MetricValue:
    """Equalized odds: the larger of two gaps, covered because each is covered."""
    first = halves[0]
    n = min(half.n for half in halves)
    for half in halves:
        if half.value is None:
            return MetricValue(
                metric=half.metric, value=None, n=n, feature=half.feature, not_estimable=half.not_estimable
            )
    intervals = [half.interval for half in halves if half.interval is not None]
    interval = Interval(
        max(interval.low or 0.0 for interval in intervals),
        max(1.0 if interval.high is None else interval.high for interval in intervals),
        level,
        f"{intervals[0].method}-bonferroni",
    )
    value = max(half.value for half in halves if half.value is not None)
    return MetricValue(metric=first.metric, value=value, n=n, feature=first.feature, interval=interval)
