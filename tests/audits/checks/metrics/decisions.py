"""The audit of `fairness.group_metrics`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fairlearn import metrics
from scipy import stats
from sklearn.metrics import accuracy_score, precision_score

from audits.checks.fairness_group_metrics import GroupMetrics
from audits.evidence import Evidence
from tests.audits.checks.metrics.audited import (
    FAIRLEARN,
    SECOND_FORMULA,
    SKLEARN,
    Audited,
    Figures,
    Rows,
    Subject,
    Tags,
    beside_rest,
    drawn_people,
    means,
    over_groups,
    span,
    written,
)

TAGS: Tags = {
    "y": ("integer", ("target",)),
    "p": ("integer", ("prediction",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
}
WEIGHED: Tags = {**TAGS, "w": ("number", ("weight",))}


def small(path: Path) -> Evidence:
    """f: 30 TP, 10 FP, 20 FN, 40 TN and one rejected without a label; m: 50, 20, 10, 20 and one positive undecided."""
    columns: dict[str, list[Any]] = {"y": [None, 1], "p": [0, None], "g": ["f", "m"]}
    for group, counts in {"f": (30, 10, 20, 40), "m": (50, 20, 10, 20)}.items():
        for times, (label, decision) in zip(counts, ((1, 1), (0, 1), (1, 0), (0, 0)), strict=True):
            columns["y"] += [label] * times
            columns["p"] += [decision] * times
            columns["g"] += [group] * times
    return written(path, columns, {name: TAGS[name] for name in ("y", "p", "g")})


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(3, 1200, weighted=weighted)
    random = np.random.default_rng(4)
    y = random.binomial(1, 0.45, 1200).astype(float)
    p = random.binomial(1, np.where(y == 1, 0.6, 0.25) + 0.1 * (people["g"] == "a")).astype(float)
    y[[5, 77, 300]] = np.nan
    p[[6, 77, 500, 900]] = np.nan
    return Rows({**people, "y": y, "p": p}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    whole = {
        name: np.array([None if np.isnan(value) else int(value) for value in held[name]], dtype=object)
        for name in ("y", "p")
    }
    return written(path, {**held.columns, **whole}, WEIGHED if held.weighted else TAGS)


def judged(function: Callable[..., Any], **more: Any) -> Callable[[Rows], float]:
    """A metric of labels and decisions, over the rows that have both."""

    def value(people: Rows) -> float:
        own = people.known("y", "p")
        return float(function(own["y"].astype(int), own["p"].astype(int), sample_weight=own["w"], **more))

    return value


def swapped(people: Rows) -> Rows:
    """Negatives for positives, among the labels."""
    return Rows({**people.columns, "y": 1 - people["y"]}, people.weighted)


def decided(people: Rows) -> float:
    own = people.known("p")
    return float(metrics.selection_rate(own["p"], own["p"], sample_weight=own["w"]))


def prevalent(people: Rows) -> float:
    own = people.known("y")
    return float(metrics.selection_rate(own["y"], own["y"], sample_weight=own["w"]))


tpr, fnr = judged(metrics.true_positive_rate), judged(metrics.false_negative_rate)
fpr, tnr = judged(metrics.false_positive_rate), judged(metrics.true_negative_rate)
accuracy = judged(accuracy_score)
precision = judged(precision_score)
npv = judged(precision_score, pos_label=0)


def of_frame(metric: Callable[..., Any], pick: Callable[[Any], Any], names: tuple[str, ...] = ("y", "p")) -> Any:
    """fairlearn's own comparison over the groups of each feature."""

    def reference(people: Rows) -> Figures:
        own = people.known(*names)
        frame = {
            feature: metrics.MetricFrame(
                metrics=metric,
                y_true=own[names[0]].astype(int),
                y_pred=own[names[-1]].astype(int),
                sensitive_features=groups,
                sample_params={"sample_weight": own["w"]},
            )
            for feature, groups in own.features().items()
        }
        return {(feature, ""): float(pick(one)) for feature, one in frame.items()}

    return reference


def of_fairlearn(function: Callable[..., Any], names: tuple[str, ...] = ("y", "p"), **more: Any) -> Any:
    """One of fairlearn's functions that compare groups."""

    def reference(people: Rows) -> Figures:
        own = people.known(*names)
        y, p = own[names[0]].astype(int), own[names[-1]].astype(int)
        return {
            (feature, ""): float(function(y, p, sensitive_features=groups, sample_weight=own["w"], **more))
            for feature, groups in own.features().items()
        }

    return reference


def _npv(y_true: Any, y_pred: Any, sample_weight: Any) -> float:
    return float(precision_score(y_true, y_pred, pos_label=0, sample_weight=sample_weight))


def benefits(index: Callable[[Any], Any]) -> Callable[[Rows], float]:
    """The weighted mean of an index of b/mean(b), where b = decision - label + 1."""

    def value(people: Rows) -> float:
        own = people.known("y", "p")
        b = own["p"] - own["y"] + 1
        return float(np.average(index(b / np.average(b, weights=own["w"])), weights=own["w"]))

    return value


def theil(relative: Any) -> Any:
    return np.where(relative > 0, relative * np.log(np.where(relative > 0, relative, 1)), 0)


def missed_for_each_wronged(people: Rows) -> float:
    own = people.known("y", "p")
    missed, wronged = (own["w"][(own["y"] == y) & (own["p"] == 1 - y)].sum() for y in (1, 0))
    return float(missed / wronged)


def detectable(own: Rows, rest: Rows) -> float:
    """(z_0.975 + z_0.8) standard errors of a difference around the pooled rate, of effective numbers."""
    sizes, hits = [], []
    for people in (own.known("p"), rest.known("p")):
        sizes.append(people["w"].sum() ** 2 / (people["w"] ** 2).sum())
        hits.append(np.average(people["p"], weights=people["w"]) * sizes[-1])
    pooled = sum(hits) / sum(sizes)
    reach = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    return float(reach * math.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1])))


def absent(name: str, *, groups: bool = False) -> Callable[[Rows], Figures]:
    """Share of rows without it, whatever they weigh."""
    if groups:
        return lambda people: (
            {(f, ""): float(np.mean([part == "(missing)" for part in people[f]])) for f in ("g", "h")}
            | {("g & h", ""): 0.0}
        )
    return lambda people: {("", ""): float(np.isnan(people[name]).mean())}


F, M, BOTH = ("g", "f"), ("g", "m"), ("g", "")
SELECTED = {"f": 40 / 101, "m": 70 / 100}
RECALL = {"f": 30 / 50, "m": 50 / 60}
WRONGED = {"f": 10 / 50, "m": 20 / 40}

METRICS = {
    "group_size": Audited({F: 101, M: 101}, means(len, everybody=False), SECOND_FORMULA),
    "missing_prediction_fraction": Audited({("", ""): 1 / 202}, absent("p"), SECOND_FORMULA),
    "missing_label_fraction": Audited({("", ""): 1 / 202}, absent("y"), SECOND_FORMULA),
    "missing_sensitive_fraction": Audited({BOTH: 0.0}, absent("g", groups=True), SECOND_FORMULA),
    "selection_rate": Audited({F: SELECTED["f"], M: 0.7, ("", ""): 110 / 201}, means(decided), FAIRLEARN),
    "true_positive_rate": Audited({F: 0.6, M: 5 / 6, ("", ""): 80 / 110}, means(tpr), FAIRLEARN),
    "false_negative_rate": Audited({F: 0.4, M: 1 / 6}, means(fnr), FAIRLEARN),
    "false_positive_rate": Audited({F: 0.2, M: 0.5, ("", ""): 30 / 90}, means(fpr), FAIRLEARN),
    "true_negative_rate": Audited({F: 0.8, M: 0.5}, means(tnr), FAIRLEARN),
    "precision": Audited({F: 0.75, M: 50 / 70}, means(precision), f"{SKLEARN}; Aequitas 1.1.0, recorded"),
    "false_discovery_rate": Audited(
        {F: 0.25, M: 20 / 70}, means(lambda r: precision(swapped(r))), f"{SKLEARN}; Aequitas 1.1.0, recorded"
    ),
    "negative_predictive_value": Audited({F: 40 / 60, M: 20 / 30}, means(npv), f"{SKLEARN}; Aequitas 1.1.0, recorded"),
    "false_omission_rate": Audited(
        {F: 20 / 60, M: 10 / 30}, means(lambda r: npv(swapped(r))), f"{SKLEARN}; Aequitas 1.1.0, recorded"
    ),
    "accuracy": Audited({F: 0.7, M: 0.7, ("", ""): 0.7}, means(accuracy), SKLEARN),
    "prevalence": Audited({F: 50 / 100, M: 61 / 101}, means(prevalent), FAIRLEARN),
    "treatment_equality": Audited({F: 2.0, M: 0.5, ("", ""): 1.0}, means(missed_for_each_wronged), SECOND_FORMULA),
    "generalized_entropy": Audited(
        {F: ((0.7 + 4 * 0.1) / 0.9**2 - 1) / 2, M: ((0.7 + 4 * 0.2) / 1.1**2 - 1) / 2},
        means(benefits(lambda relative: (relative**2 - 1) / 2)),
        f"{SECOND_FORMULA}; AIF360 0.6.1, recorded",
    ),
    "theil_index": Audited(
        {F: (0.7 * math.log(1 / 0.9) + 0.2 * math.log(2 / 0.9)) / 0.9},
        means(benefits(theil)),
        f"{SECOND_FORMULA}; AIF360 0.6.1, recorded",
    ),
    "selection_rate_difference": Audited(
        {F: 40 / 101 - 0.7, M: 0.7 - 40 / 101}, beside_rest(lambda a, b: decided(a) - decided(b)), FAIRLEARN
    ),
    "true_positive_rate_difference": Audited({F: 0.6 - 5 / 6}, beside_rest(lambda a, b: tpr(a) - tpr(b)), FAIRLEARN),
    "false_positive_rate_difference": Audited({F: -0.3, M: 0.3}, beside_rest(lambda a, b: fpr(a) - fpr(b)), FAIRLEARN),
    "precision_difference": Audited(
        {F: 0.75 - 50 / 70}, beside_rest(lambda a, b: precision(a) - precision(b)), SKLEARN
    ),
    "accuracy_difference": Audited({F: 0.0}, beside_rest(lambda a, b: accuracy(a) - accuracy(b)), SKLEARN),
    "average_odds_difference": Audited(
        {F: (0.6 - 5 / 6 - 0.3) / 2},
        beside_rest(lambda a, b: (tpr(a) - tpr(b) + fpr(a) - fpr(b)) / 2),
        f"{FAIRLEARN}; AIF360 0.6.1, recorded",
    ),
    "selection_rate_ratio_to_rest": Audited(
        {F: 40 / 101 / 0.7, M: 0.7 / (40 / 101)}, beside_rest(lambda a, b: decided(a) / decided(b)), FAIRLEARN
    ),
    "minimum_detectable_difference": Audited(
        {F: (1.959963984540054 + 0.8416212335729143) * math.sqrt(110 / 201 * 91 / 201 * (1 / 101 + 1 / 100))},
        beside_rest(detectable),
        f"{SECOND_FORMULA}, quantiles from SciPy",
    ),
    "demographic_parity_difference": Audited(
        {BOTH: 0.7 - 40 / 101}, of_fairlearn(metrics.demographic_parity_difference, ("p", "p")), FAIRLEARN
    ),
    "equal_opportunity_difference": Audited(
        {BOTH: 5 / 6 - 0.6}, of_fairlearn(metrics.equal_opportunity_difference), FAIRLEARN
    ),
    "predictive_equality_difference": Audited(
        {BOTH: 0.3}, of_frame(metrics.false_positive_rate, lambda frame: frame.difference()), FAIRLEARN
    ),
    "predictive_parity_difference": Audited(
        {BOTH: 0.75 - 50 / 70}, of_frame(precision_score, lambda frame: frame.difference()), FAIRLEARN
    ),
    "negative_predictive_parity_difference": Audited(
        {BOTH: 0.0}, of_frame(_npv, lambda frame: frame.difference()), FAIRLEARN
    ),
    "accuracy_equality_difference": Audited(
        {BOTH: 0.0}, of_frame(accuracy_score, lambda frame: frame.difference()), FAIRLEARN
    ),
    "equalized_odds_difference": Audited({BOTH: 0.3}, of_fairlearn(metrics.equalized_odds_difference), FAIRLEARN),
    "equalized_odds_mean_difference": Audited(
        {BOTH: (0.3 + 5 / 6 - 0.6) / 2}, of_fairlearn(metrics.equalized_odds_difference, agg="mean"), FAIRLEARN
    ),
    "selection_rate_ratio": Audited(
        {BOTH: 40 / 101 / 0.7}, of_fairlearn(metrics.demographic_parity_ratio, ("p", "p")), FAIRLEARN
    ),
    "true_positive_rate_ratio": Audited(
        {BOTH: 0.6 / (5 / 6)}, of_fairlearn(metrics.equal_opportunity_ratio), FAIRLEARN
    ),
    "false_positive_rate_ratio": Audited(
        {BOTH: 0.4}, of_frame(metrics.false_positive_rate, lambda frame: frame.ratio()), FAIRLEARN
    ),
    "equalized_odds_ratio": Audited({BOTH: 0.4}, of_fairlearn(metrics.equalized_odds_ratio), FAIRLEARN),
    "treatment_equality_difference": Audited({BOTH: 1.5}, over_groups(span, missed_for_each_wronged), SECOND_FORMULA),
    "worst_group_accuracy": Audited({BOTH: 0.7}, of_frame(accuracy_score, lambda frame: frame.group_min()), FAIRLEARN),
    "worst_group_true_positive_rate": Audited(
        {BOTH: 0.6}, of_frame(metrics.true_positive_rate, lambda frame: frame.group_min()), FAIRLEARN
    ),
    "worst_group_false_positive_rate": Audited(
        {BOTH: 0.5}, of_frame(metrics.false_positive_rate, lambda frame: frame.group_max()), FAIRLEARN
    ),
    "reference_difference": Audited({("", ""): 0.0}, lambda _: {("", ""): 0.0}, "0 by definition"),
}

SUBJECTS = [Subject(GroupMetrics(), small, drawn, rows, METRICS, parameters={"depth": 2})]
