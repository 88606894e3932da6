"""Rates, gaps and ratios of binary decisions from counts of (label, prediction); None is a missing one."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any

Counts = dict[tuple[Any, ...], float]
BOTH, _ANY = (0, 1), (0, 1, None)

# metric: labels and predictions of what is counted, then of what it is a share of
RATES: dict[str, tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]] = {
    "selection_rate": (_ANY, (1,), _ANY, BOTH),
    "true_positive_rate": ((1,), (1,), (1,), BOTH),
    "false_negative_rate": ((1,), (0,), (1,), BOTH),
    "false_positive_rate": ((0,), (1,), (0,), BOTH),
    "true_negative_rate": ((0,), (0,), (0,), BOTH),
    "precision": ((1,), (1,), BOTH, (1,)),
    "false_discovery_rate": ((0,), (1,), BOTH, (1,)),
    "negative_predictive_value": ((0,), (0,), BOTH, (0,)),
    "false_omission_rate": ((1,), (0,), BOTH, (0,)),
    "prevalence": ((1,), _ANY, BOTH, _ANY),
    "missing_prediction_fraction": (_ANY, (None,), _ANY, _ANY),
    "missing_label_fraction": ((None,), _ANY, _ANY, _ANY),
}
GAPS = {
    "demographic_parity_difference": "selection_rate",
    "equal_opportunity_difference": "true_positive_rate",
    "predictive_equality_difference": "false_positive_rate",
    "predictive_parity_difference": "precision",
    "negative_predictive_parity_difference": "negative_predictive_value",
    "accuracy_equality_difference": "accuracy",
    "treatment_equality_difference": "treatment_equality",
}
RATIOS = {
    "selection_rate_ratio": "selection_rate",
    "true_positive_rate_ratio": "true_positive_rate",
    "false_positive_rate_ratio": "false_positive_rate",
}
WORST = {
    "worst_group_accuracy": ("accuracy", min),
    "worst_group_true_positive_rate": ("true_positive_rate", min),
    "worst_group_false_positive_rate": ("false_positive_rate", max),
}
ODDS = ("true_positive_rate", "false_positive_rate")


def add(counts: Counts, key: tuple[Any, ...], amount: float) -> None:
    """Count `amount` more under the key."""
    counts[key] = counts.get(key, 0) + amount


def rate(metric: str, counts: Counts) -> float | None:
    """One figure of one set of rows; None for a metric that counts do not give. Raises ZeroDivisionError."""
    if metric == "accuracy":
        hits = counts.get((0, 0), 0) + counts.get((1, 1), 0)
        return hits / sum(n for (y, p), n in counts.items() if y in BOTH and p in BOTH)
    if metric == "treatment_equality":
        return counts.get((1, 0), 0) / counts.get((0, 1), 0)
    if metric in {"generalized_entropy", "theil_index"}:
        return _inequality(metric, counts)
    if metric not in RATES:
        return None
    labels, predictions, of_labels, of_predictions = RATES[metric]
    hits = sum(n for (y, p), n in counts.items() if y in labels and p in predictions)
    return hits / sum(n for (y, p), n in counts.items() if y in of_labels and p in of_predictions)


def _inequality(metric: str, counts: Counts) -> float:
    """Of the benefits prediction - label + 1 (Speicher et al. 2018): alpha 2, or Theil's index (alpha 1)."""
    right = counts.get((0, 0), 0) + counts.get((1, 1), 0)
    benefits = [(right, 1), (counts.get((0, 1), 0), 2), (counts.get((1, 0), 0), 0)]
    total = sum(n for n, _ in benefits)
    mean = sum(n * b for n, b in benefits) / total
    if metric == "generalized_entropy":
        value = (sum(n * b**2 for n, b in benefits) / total / mean**2 - 1) / 2
    else:
        value = sum(n * (b / mean) * math.log(b / mean) for n, b in benefits if n and b) / total
    return max(0.0, value)


def overall_figure(metric: str, groups: Mapping[str, Counts]) -> float | None:
    """A figure of everybody."""
    return rate(metric, _summed(groups.values()))


def group_figure(metric: str, groups: Mapping[str, Counts], group: str) -> float | None:
    """A figure of one group, alone or beside everybody else."""
    own = groups[group]
    rest = _summed(counts for name, counts in groups.items() if name != group)
    if metric == "group_size":
        return float(sum(own.values()))
    if metric == "selection_rate_ratio_to_rest":
        return _known("selection_rate", own) / _known("selection_rate", rest)
    if metric == "average_odds_difference":
        return sum(_known(one, own) - _known(one, rest) for one in ODDS) / 2
    base = metric.removesuffix("_difference")
    if base != metric and (base in RATES or base == "accuracy"):
        return _known(base, own) - _known(base, rest)
    return rate(metric, own)


def gap_of(metric: str, groups: Mapping[str, Counts], missing: str) -> float | None:
    """A figure over all groups of a feature; `missing` names the group of those whose feature is not known."""
    if metric == "missing_sensitive_fraction":
        return sum(groups.get(missing, {}).values()) / sum(sum(counts.values()) for counts in groups.values())
    if metric in GAPS:
        return _spread(GAPS[metric], groups)
    if metric in RATIOS:
        return _ratio(RATIOS[metric], groups)
    if metric in WORST:
        name, pick = WORST[metric]
        return pick(_known(name, counts) for counts in groups.values())
    if metric in _PAIRS:
        each, join = _PAIRS[metric]
        return join([each(one, groups) for one in ODDS])
    return None


def _spread(metric: str, groups: Mapping[str, Counts]) -> float:
    rates = [_known(metric, counts) for counts in groups.values()]
    return max(rates) - min(rates)


def _ratio(metric: str, groups: Mapping[str, Counts]) -> float:
    rates = [_known(metric, counts) for counts in groups.values()]
    return min(rates) / max(rates)


def _known(metric: str, counts: Counts) -> float:
    """A figure that has a definition above."""
    value = rate(metric, counts)
    if value is None:
        raise KeyError(metric)
    return value


def _summed(many: Iterable[Counts]) -> Counts:
    total: Counts = {}
    for counts in many:
        for key, count in counts.items():
            add(total, key, count)
    return total


#: Of the true and the false positive rate together: the figure of each, and what joins the two.
_PAIRS: dict[str, tuple[Callable[[str, Mapping[str, Counts]], float], Callable[[list[float]], float]]] = {
    "equalized_odds_difference": (_spread, max),
    "equalized_odds_mean_difference": (_spread, lambda pair: sum(pair) / 2),
    "equalized_odds_ratio": (_ratio, min),
}
