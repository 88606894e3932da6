"""The rates of one group, and of one group beside everybody else: arithmetic on count cells. Worker only.

A rate without a denominator is never 0: it is not estimable, and so is everything compared with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from audits.checks._cells import Cells, Share
from audits.checks._suppression import Withheld
from audits.measurements import Interval, MetricValue
from audits.statistics import inequality, intervals, resampling, significance

RESAMPLES = 1000


@dataclass(frozen=True, slots=True)
class Rate:
    """How a rate comes from cells. `empty` says what an empty denominator means; `safe_below` when it is withheld."""

    share: Callable[[Cells], Share]
    empty: str
    needs_predictions: bool = True
    needs_labels: bool = True
    withheld_from: Withheld = Withheld.CELLS


RATES: Mapping[str, Rate] = {
    "selection_rate": Rate(lambda c: c.selected, "no predictions", True, False, Withheld.TOTALS),
    "true_positive_rate": Rate(lambda c: c.predicted(1, label=1), "no actual positives"),
    "false_negative_rate": Rate(lambda c: c.predicted(0, label=1), "no actual positives"),
    "false_positive_rate": Rate(lambda c: c.predicted(1, label=0), "no actual negatives"),
    "true_negative_rate": Rate(lambda c: c.predicted(0, label=0), "no actual negatives"),
    "precision": Rate(lambda c: c.labelled(1, prediction=1), "nobody predicted positive"),
    "false_discovery_rate": Rate(lambda c: c.labelled(0, prediction=1), "nobody predicted positive"),
    "negative_predictive_value": Rate(lambda c: c.labelled(0, prediction=0), "nobody predicted negative"),
    "false_omission_rate": Rate(lambda c: c.labelled(1, prediction=0), "nobody predicted negative"),
    "accuracy": Rate(lambda c: c.correct, "no rows with both label and prediction"),
    "prevalence": Rate(lambda c: c.prevalent, "no labels", False, True, Withheld.TOTALS),
}

#: Signed differences of a group to everybody else.
DIFFERENCES = {
    "selection_rate_difference": "selection_rate",
    "true_positive_rate_difference": "true_positive_rate",
    "false_positive_rate_difference": "false_positive_rate",
    "precision_difference": "precision",
    "accuracy_difference": "accuracy",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """Where a value belongs and what bars it: `barred` maps a rate to the reason why nobody has it.

    `constant` says that everybody gets the same decision: equal by emptiness, which is no comparison.
    """

    feature: str
    group: str = ""
    level: float = 0.95
    seed: int = 0
    barred: Mapping[str, str]
    withheld: Withheld = Withheld.NOTHING
    threshold: int = 0
    constant: str = ""

    def reason(self, metric: str) -> str:
        """Why the rate may not be shown here, or ""."""
        if self.withheld >= RATES[metric].withheld_from:
            return f"withheld: a count is below the disclosure threshold of {self.threshold}, or would give one away"
        return self.barred.get(metric, "")

    def value(self, metric: str, value: float, n: int, interval: Interval | None) -> MetricValue:
        """A measured value of this group."""
        return MetricValue(metric=metric, value=value, n=n, feature=self.feature, group=self.group, interval=interval)

    def nothing(self, metric: str, reason: str, n: int = 0) -> MetricValue:
        """A value that cannot be estimated, or may not be shown; then its number of rows is not shown either."""
        shown = 0 if self.withheld else n
        return MetricValue(
            metric=metric, value=None, n=shown, feature=self.feature, group=self.group, not_estimable=reason
        )


def same_decision(everybody: Cells) -> str:
    """Why decisions cannot be compared: there is but one of them; or ""."""
    selected = everybody.selected
    if selected.rows and selected.hits.rows in (0, selected.rows):
        return f"every prediction is {'positive' if selected.hits.rows else 'negative'}, so nothing is decided"
    return ""


def barred(everybody: Cells, tolerated: float) -> dict[str, str]:
    """Why a rate cannot be estimated from anybody, because too much of what it needs is missing."""
    rows = everybody.rows
    no_predictions = everybody.missing_predictions > tolerated * rows
    no_labels = everybody.missing_labels > tolerated * rows
    reasons = {}
    for metric, rate in RATES.items():
        if rate.needs_predictions and no_predictions:
            reasons[metric] = f"{everybody.missing_predictions} of {rows} rows have no prediction, more than tolerated"
        elif rate.needs_labels and no_labels:
            reasons[metric] = f"{everybody.missing_labels} of {rows} rows have no label, more than tolerated"
    return reasons


def rates(cells: Cells, scene: Scene) -> Iterator[MetricValue]:
    """Every rate of a group, treatment equality and the two inequality indices."""
    for metric, rate in RATES.items():
        share = rate.share(cells)
        if reason := scene.reason(metric) or ("" if share.rows else rate.empty):
            yield scene.nothing(metric, reason, share.rows)
        else:
            yield scene.value(metric, share.value, share.rows, intervals.proportion(*share.pair, scene.level))
    yield _treatment(cells, scene)
    yield from _inequality(cells, scene)


def treatment_bounds(cells: Cells, level: float) -> tuple[float, float, float, int] | None:
    """False negatives per false positive, its bounds and its rows; None without false positives.

    The false negatives among all errors are a proportion p, and the ratio is p / (1 - p).
    """
    missed, wronged = cells.inner(1, 0), cells.inner(0, 1)
    if not wronged.weight:
        return None
    errors = Share(missed, missed + wronged)
    found = intervals.proportion(*errors.pair, level)
    high = 1.0 if found.high is None else found.high
    return errors.value / (1 - errors.value), _odds(found.low or 0.0), _odds(high), errors.rows


def _odds(share: float) -> float:
    return share / (1 - share) if share < 1 else math.inf


def _treatment(cells: Cells, scene: Scene) -> MetricValue:
    metric = "treatment_equality"
    found = treatment_bounds(cells, scene.level)
    if reason := scene.reason("accuracy") or ("" if found else "no false positives"):
        return scene.nothing(metric, reason)
    assert found is not None  # noqa: S101 - said by the reason
    value, low, high, n = found
    return scene.value(metric, value, n, Interval(low, high if math.isfinite(high) else None, scene.level, "odds"))


def _inequality(cells: Cells, scene: Scene) -> Iterator[MetricValue]:
    """Resampled from three counts: right decisions, false positives, false negatives; one draw serves both indices."""
    counts = [cells.correct.hits, cells.inner(0, 1), cells.inner(1, 0)]
    total = counts[0] + counts[1] + counts[2]
    reason = scene.reason("accuracy") or ("" if total.rows else "no rows with both label and prediction")
    if not reason and not counts[0].weight + counts[1].weight:
        reason = "nobody benefits: every row is a positive that was passed over"
    if reason:
        yield scene.nothing("generalized_entropy", reason, total.rows)
        yield scene.nothing("theil_index", reason, total.rows)
        return
    shares = np.array([tally.weight for tally in counts]) / total.weight
    drawn = resampling.redrawn(shares * total.effective, RESAMPLES, scene.seed, smoothing=0.5)
    right, wronged = drawn[:, 0] / drawn.sum(axis=1), drawn[:, 1] / drawn.sum(axis=1)
    for metric, index in (("generalized_entropy", inequality.generalized_entropy), ("theil_index", inequality.theil)):
        value = max(0.0, float(index(shares[0], shares[1])))
        yield scene.value(metric, value, total.rows, resampling.percentile(index(right, wronged), value, scene.level))


def against_rest(cells: Cells, rest: Cells, scene: Scene) -> Iterator[MetricValue]:
    """The group minus, and over, everybody else; what could have been seen at all."""
    for name, metric in DIFFERENCES.items():
        reason, own, others = _pair(metric, cells, rest, scene)
        if reason:
            yield scene.nothing(name, reason, min(own.rows, others.rows))
        else:
            interval = intervals.difference(own.pair, others.pair, scene.level)
            yield scene.value(name, own.value - others.value, min(own.rows, others.rows), interval)
    yield _average_odds(cells, rest, scene)
    reason, own, others = _pair("selection_rate", cells, rest, scene)
    n = min(own.rows, others.rows)
    ratio_reason = reason or ("" if others.hits.weight else "nobody outside the group is selected")
    if ratio_reason:
        yield scene.nothing("selection_rate_ratio_to_rest", ratio_reason, n)
    else:
        interval = intervals.ratio(own.pair, others.pair, scene.level)
        yield scene.value("selection_rate_ratio_to_rest", own.value / others.value, n, interval)
    name = "minimum_detectable_difference"
    if reason:
        yield scene.nothing(name, reason, n)
    else:
        pooled = (own.pair[0] + others.pair[0]) / (own.pair[1] + others.pair[1])
        least = significance.minimum_detectable_difference(pooled, own.pair[1], others.pair[1], scene.level)
        yield scene.value(name, least, n, None)


def _pair(metric: str, cells: Cells, rest: Cells, scene: Scene) -> tuple[str, Share, Share]:
    rate = RATES[metric]
    own, others = rate.share(cells), rate.share(rest)
    reason = scene.reason(metric) or scene.constant
    if not reason and not own.rows:
        reason = f"the group has {rate.empty}"
    if not reason and not others.rows:
        reason = f"the rest has {rate.empty}"
    return reason, own, others


def _average_odds(cells: Cells, rest: Cells, scene: Scene) -> MetricValue:
    """Half the sum of the differences in false and true positive rate.

    Those rest on different rows, so the halves of their intervals add by squares (Zou & Donner 2008).
    """
    name, value, below, above, n = "average_odds_difference", 0.0, 0.0, 0.0, []
    for metric in ("true_positive_rate", "false_positive_rate"):
        reason, own, others = _pair(metric, cells, rest, scene)
        if reason:
            return scene.nothing(name, reason, min(own.rows, others.rows))
        found = intervals.difference(own.pair, others.pair, scene.level)
        gap = own.value - others.value
        value += gap / 2
        below = math.hypot(below, (gap - (found.low or 0.0)) / 2)
        above = math.hypot(above, ((found.high or 0.0) - gap) / 2)
        n.append(min(own.rows, others.rows))
    return scene.value(
        name, value, min(n), Interval(value - below, value + above, scene.level, "miettinen-nurminen-mover")
    )


def p_values(groups: Mapping[str, tuple[Cells, Cells, Scene]]) -> list[tuple[str, str, float]]:
    """(metric, group, p) of every group against everybody else, where both have the rate and may show it."""
    found = []
    for metric in DIFFERENCES.values():
        for group, (cells, rest, scene) in groups.items():
            reason, own, others = _pair(metric, cells, rest, scene)
            if not reason:
                found.append((metric, group, significance.two_proportions(own.pair, others.pair)))
    return found
