"""The arithmetic of comparisons within strata. Worker only."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from audits.checks._outcomes import Counting, read_outcomes
from audits.checks._relation import Cells, count_by_stratum, everybody, less
from audits.checks._relation import Strata as Counts
from audits.checks._sufficient import shares
from audits.checks._tasks import BINARY
from audits.checks.fairness_conditional_parity import ConditionalParameters
from audits.counting.question import Tally
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue
from audits.statistics import strata
from audits.statistics.strata import Strata

METRICS = ("conditional_selection_difference", "conditional_odds_ratio", "conditional_p_value", "homogeneity_p_value")


def measure_conditional(evidence: Evidence, parameters: ConditionalParameters) -> Measurement:
    """Count, then compare: see `fairness_conditional_parity`."""
    sensitive = parameters.columns_of(evidence.datasets["evaluation"])
    counting = Counting(columns=(*sensitive, *parameters.strata), weights=parameters.weights)
    outcomes = read_outcomes(evidence, (BINARY,), counting)
    found = count_by_stratum(outcomes, sensitive, parameters.strata, "_prediction", parameters)
    missing, untold = found.missing("missing_prediction_fraction", "decision", parameters)
    values: list[MetricValue] = [missing]
    for feature, counts in found.features.items():
        groups = sorted({group for members in counts.values() for group in members})
        whole = everybody(counts)
        compared = {group: _strata(counts, whole, group) for group in groups}
        constant = untold or _constant(counts)
        for group, one in compared.items():
            values += _of_group(feature, group, one, constant, parameters.level)
        values.append(_largest(feature, compared, constant, parameters.level))
    return Measurement(
        values=tuple(values),
        inputs=outcomes.inputs,
        tables={
            "strata": found.table("prediction", parameters.suppress_below),
            "shares": shares([missing], {missing.metric}),
        },
        notes=(f"Predictions come from {outcomes.origin}.", f"Strata: {', '.join(parameters.strata)}.", *found.notes),
    )


def _strata(counts: Counts, whole: Mapping[str, Cells], group: str) -> Strata:
    """Effective numbers of the group and of the rest, in the strata that hold both; `whole` is of all groups."""
    columns = []
    for stratum, members in counts.items():
        own_hits, own_total = _decided(members.get(group, {}))
        hits, total = _decided(whole[stratum])
        rest_hits, rest_total = less(hits, own_hits), less(total, own_total)
        if own_total.weight and rest_total.weight:
            sizes = own_total.effective, rest_total.effective
            rates = own_hits.weight / own_total.weight, rest_hits.weight / rest_total.weight
            columns.append((rates[0] * sizes[0], sizes[0], rates[1] * sizes[1], sizes[1]))
    found = np.array(columns, dtype=float).reshape(-1, 4)
    return Strata(*found.T)


def _decided(cells: Cells) -> tuple[Tally, Tally]:
    """Selected, and selected or not."""
    hits = cells.get(1, Tally())
    return hits, hits + cells.get(0, Tally())


def _constant(counts: Counts) -> str:
    """Why nothing can be compared: everybody gets the same decision; or ""."""
    seen = {bit for members in counts.values() for cells in members.values() for bit in cells if bit is not None}
    return "every prediction is the same, so nothing is decided" if len(seen) == 1 else ""


def _of_group(feature: str, group: str, one: Strata, constant: str, level: float) -> Iterator[MetricValue]:
    n = round(min(one.totals.sum(), one.rest_totals.sum()))
    if constant or not len(one.hits):
        reason = constant or "no stratum holds both the group and others"
        for metric in METRICS:
            yield MetricValue(metric=metric, value=None, n=0, feature=feature, group=group, not_estimable=reason)
        return
    value, interval = strata.risk_difference(one, level)
    yield MetricValue(metric=METRICS[0], value=value, n=n, feature=feature, group=group, interval=interval)
    odds = strata.odds_ratio(one, level)
    if odds is None:
        reason = "everybody or nobody is selected on one side"
        yield MetricValue(metric=METRICS[1], value=None, n=n, feature=feature, group=group, not_estimable=reason)
    else:
        yield MetricValue(metric=METRICS[1], value=odds[0], n=n, feature=feature, group=group, interval=odds[1])
    yield MetricValue(metric=METRICS[2], value=strata.common_test(one), n=n, feature=feature, group=group)
    alike = strata.homogeneity(one)
    if alike is None:
        reason = "fewer than two strata, or one in which the margins leave no choice"
        yield MetricValue(metric=METRICS[3], value=None, n=n, feature=feature, group=group, not_estimable=reason)
    else:
        yield MetricValue(metric=METRICS[3], value=alike, n=n, feature=feature, group=group)


def _largest(feature: str, compared: Mapping[str, Strata], constant: str, level: float) -> MetricValue:
    """The largest common difference without its sign, all groups covered at once (Bonferroni)."""
    metric = "largest_conditional_difference"
    hollow = [group for group, one in compared.items() if not len(one.hits)]
    n = round(min(min(one.totals.sum(), one.rest_totals.sum()) for one in compared.values()))
    if constant or hollow:
        reason = constant or f"no stratum holds both {', '.join(hollow[:20])} and others"
        return MetricValue(metric=metric, value=None, n=n, feature=feature, not_estimable=reason)
    each = 1 - (1 - level) / len(compared)
    found = [strata.risk_difference(one, each) for one in compared.values()]
    lows = [_nearest(interval) for _, interval in found]
    highs = [max(abs(interval.low or 0.0), abs(interval.high or 0.0)) for _, interval in found]
    interval = Interval(max(lows), max(highs), level, "mantel-haenszel-bonferroni")
    value = max(abs(value) for value, _ in found)
    return MetricValue(metric=metric, value=value, n=n, feature=feature, interval=interval)


def _nearest(interval: Interval) -> float:
    """How near to 0 an interval comes."""
    low, high = interval.low or 0.0, interval.high or 0.0
    return 0.0 if low <= 0 <= high else min(abs(low), abs(high))
