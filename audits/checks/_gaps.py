"""The widest gaps over all groups of a feature: arithmetic on count cells. Worker only."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping

from audits.checks._cells import Cells, Share
from audits.checks._rates import RATES, Scene, treatment_bounds
from audits.measurements import Interval, MetricValue
from audits.statistics import intervals

#: Highest minus lowest over the groups.
GAPS = {
    "demographic_parity_difference": "selection_rate",
    "equal_opportunity_difference": "true_positive_rate",
    "predictive_equality_difference": "false_positive_rate",
    "predictive_parity_difference": "precision",
    "negative_predictive_parity_difference": "negative_predictive_value",
    "accuracy_equality_difference": "accuracy",
}

#: Lowest over highest over the groups.
RATIOS = {
    "selection_rate_ratio": "selection_rate",
    "true_positive_rate_ratio": "true_positive_rate",
    "false_positive_rate_ratio": "false_positive_rate",
}

#: The group that fares worst (minimax): the lowest or the highest rate.
WORST = {
    "worst_group_accuracy": ("accuracy", min),
    "worst_group_true_positive_rate": ("true_positive_rate", min),
    "worst_group_false_positive_rate": ("false_positive_rate", max),
}

_EMPTY = {
    "true_positive_rate": "no positive of any group is selected",
    "false_positive_rate": "no negative of any group is selected",
}


def over_groups(compared: Mapping[str, Mapping[str, Cells]], scene: Scene, reason: str) -> Iterator[MetricValue]:
    """All gaps. `compared` maps each rate to the groups that are compared by it (small ones may be joined there)."""
    shares = {metric: {g: RATES[metric].share(c) for g, c in compared[metric].items()} for metric in RATES}
    why = {metric: reason or _hollow(metric, shares[metric], scene) for metric in RATES}
    for name, metric in GAPS.items():
        yield _gap(name, shares[metric], why[metric], scene, scene.level)
    # Each of the two gaps at half the error, so that together they keep the level.
    split = 1 - (1 - scene.level) / 2
    pair = ("true_positive_rate", "false_positive_rate")
    halves = [_gap("equalized_odds_difference", shares[metric], why[metric], scene, split) for metric in pair]
    yield _larger(halves, scene)
    yield _mean_gap(halves, scene)
    for name, metric in RATIOS.items():
        yield _ratio(name, metric, shares[metric], why[metric], scene, scene.level)
    quotients = [_ratio("equalized_odds_ratio", metric, shares[metric], why[metric], scene, split) for metric in pair]
    yield _smaller(quotients, scene)
    yield _treatment(compared["accuracy"], why["accuracy"], scene)
    for name, (metric, worst) in WORST.items():
        yield _worst(name, shares[metric], why[metric], scene, worst is max)


def _hollow(metric: str, shares: Mapping[str, Share], scene: Scene) -> str:
    if reason := scene.reason(metric):
        return reason
    hollow = [group for group, share in shares.items() if not share.rows]
    return f"{RATES[metric].empty} in {', '.join(hollow[:20])}" if hollow else ""


def _gap(name: str, shares: Mapping[str, Share], why: str, scene: Scene, level: float) -> MetricValue:
    n = min(share.rows for share in shares.values())
    if why:
        return scene.nothing(name, why, n)
    found = [share.value for share in shares.values()]
    interval = intervals.widest_difference([share.pair for share in shares.values()], level)
    return scene.value(name, max(found) - min(found), n, interval)


def _ratio(name: str, metric: str, shares: Mapping[str, Share], why: str, scene: Scene, level: float) -> MetricValue:
    n = min(share.rows for share in shares.values())
    if not why and not any(share.hits.weight for share in shares.values()):
        why = _EMPTY.get(metric, "nobody is selected in any group")
    if why:
        return scene.nothing(name, why, n)
    found = [share.value for share in shares.values()]
    interval = intervals.lowest_ratio([share.pair for share in shares.values()], level)
    return scene.value(name, min(found) / max(found), n, interval)


def _larger(halves: list[MetricValue], scene: Scene) -> MetricValue:
    """Equalized odds: the larger of two gaps, covered because each is covered."""
    return _combined("equalized_odds_difference", halves, scene, max)


def _smaller(quotients: list[MetricValue], scene: Scene) -> MetricValue:
    return _combined("equalized_odds_ratio", quotients, scene, min)


def _mean_gap(halves: list[MetricValue], scene: Scene) -> MetricValue:
    return _combined("equalized_odds_mean_difference", halves, scene, lambda pair: sum(pair) / 2)


def _combined(name: str, parts: list[MetricValue], scene: Scene, rule: object) -> MetricValue:
    """A monotone `rule` of two values; its interval is the rule of their bounds, each at half the error."""
    assert callable(rule)  # noqa: S101 - max, min or a mean
    n = min(part.n for part in parts)
    for part in parts:
        if part.value is None:
            return scene.nothing(name, part.not_estimable, n)
    found = [part.interval for part in parts if part.interval is not None]
    low = rule([interval.low or 0.0 for interval in found])
    high = rule([1.0 if interval.high is None else interval.high for interval in found])
    value = rule([part.value for part in parts])
    return scene.value(name, value, n, Interval(low, high, scene.level, f"{found[0].method}-bonferroni"))


def _treatment(groups: Mapping[str, Cells], why: str, scene: Scene) -> MetricValue:
    """Highest minus lowest number of false negatives per false positive; unbounded where a group has few of those."""
    name = "treatment_equality_difference"
    level = 1 - (1 - scene.level) / max(1, len(groups))
    bounds = {group: treatment_bounds(cells, level) for group, cells in groups.items()}
    hollow = [group for group, found in bounds.items() if found is None]
    if not why and hollow:
        why = f"no false positives in {', '.join(hollow[:20])}"
    if why:
        return scene.nothing(name, why)
    known = [found for found in bounds.values() if found is not None]
    values = [found[0] for found in known]
    # Every group is covered at once (Bonferroni), so the gap lies between the nearest and the farthest of all.
    low = max(0.0, max(found[1] for found in known) - min(found[2] for found in known))
    high = max(found[2] for found in known) - min(found[1] for found in known)
    interval = Interval(low, high if math.isfinite(high) else None, scene.level, "odds-bonferroni")
    return scene.value(name, max(values) - min(values), min(found[3] for found in known), interval)


def _worst(name: str, shares: Mapping[str, Share], why: str, scene: Scene, highest: bool) -> MetricValue:  # noqa: FBT001
    """The lowest (highest) rate of any group, with every group covered at once."""
    n = min(share.rows for share in shares.values())
    if why:
        return scene.nothing(name, why, n)
    level = 1 - (1 - scene.level) / len(shares)
    pick = max if highest else min
    found = [intervals.proportion(*share.pair, level) for share in shares.values()]
    low = pick(interval.low or 0.0 for interval in found)
    high = pick(1.0 if interval.high is None else interval.high for interval in found)
    method = "wilson-bonferroni" if len(shares) > 1 else found[0].method
    interval = Interval(low, high, scene.level, method)
    return scene.value(name, pick(share.value for share in shares.values()), n, interval)
