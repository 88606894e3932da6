"""The audit of `fairness.multiclass`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fairlearn import metrics
from sklearn.metrics import accuracy_score, f1_score, precision_score, recall_score

from audits.checks.fairness_multiclass import MulticlassFairness
from audits.evidence import Evidence
from tests.audits.checks.metrics.audited import (
    FAIRLEARN,
    SKLEARN,
    Audited,
    Figures,
    Rows,
    Subject,
    Tags,
    drawn_people,
    means,
    over_groups,
    span,
    written,
)

TAGS: Tags = {
    "y": ("string", ("target",)),
    "p": ("string", ("prediction",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
}
TASK: dict[str, Any] = {"task": "multiclass_classification", "positive_label": None}
CLASSES = ("A", "B", "Ç d")


def small(path: Path) -> Evidence:
    columns = {"y": list("xxyyxxyy"), "p": list("xyyyxxxy"), "g": list("aaaabbbb")}
    return written(path, columns, {name: TAGS[name] for name in columns}, **TASK)


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(11, 900, weighted=weighted)
    random = np.random.default_rng(12)
    y = random.choice(CLASSES, 900)
    return Rows({**people, "y": y, "p": np.where(random.random(900) < 0.6, y, random.choice(CLASSES, 900))}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    return written(path, held.columns, {**TAGS, "w": ("number", ("weight",))} if held.weighted else TAGS, **TASK)


def of(function: Callable[..., Any], **more: Any) -> Callable[[Rows], float]:
    return lambda people: float(function(people["y"], people["p"], sample_weight=people["w"], **more))


accuracy = of(accuracy_score)


def one_vs_rest(function: Callable[..., Any]) -> Callable[[Rows], Figures]:
    """Of each group and class."""

    def reference(people: Rows) -> Figures:
        return {
            (f"{feature} | y={one}", group): float(function(own["y"] == one, own["p"] == one, sample_weight=own["w"]))
            for (feature, group), own, _ in people.by_group()
            for one in CLASSES
        }

    return reference


def gaps(function: Callable[..., Any]) -> Callable[[Rows], Figures]:
    """fairlearn's comparison of the groups, class by class."""

    def reference(people: Rows) -> Figures:
        return {
            (f"{feature} | y={one}", ""): float(
                function(people["y"] == one, people["p"] == one, sensitive_features=names, sample_weight=people["w"])
            )
            for feature, names in people.features().items()
            for one in CLASSES
        }

    return reference


def derived(function: Callable[..., Any]) -> Callable[[Rows], Figures]:
    made: Any = metrics.make_derived_metric(
        metric=function, transform="difference", sample_param_names=["sample_weight"]
    )
    return gaps(made)


A, B, BOTH = ("g | y=x", "a"), ("g | y=x", "b"), ("g | y=x", "")

METRICS = {
    "accuracy": Audited({("g", "a"): 0.75, ("g", "b"): 0.75}, means(accuracy, everybody=False), SKLEARN),
    "macro_recall": Audited(
        {("g", "a"): 0.75, ("g", "b"): 0.75}, means(of(recall_score, average="macro"), everybody=False), SKLEARN
    ),
    "macro_f1": Audited(
        {("g", "a"): (2 / 3 + 4 / 5) / 2}, means(of(f1_score, average="macro"), everybody=False), SKLEARN
    ),
    "accuracy_equality_difference": Audited({("g", ""): 0.0}, over_groups(span, accuracy), SKLEARN),
    "worst_group_accuracy": Audited({("g", ""): 0.75}, over_groups(min, accuracy), SKLEARN),
    "selection_rate": Audited({A: 0.25, B: 0.75}, one_vs_rest(metrics.selection_rate), FAIRLEARN),
    "true_positive_rate": Audited({A: 0.5, B: 1.0}, one_vs_rest(metrics.true_positive_rate), FAIRLEARN),
    "false_positive_rate": Audited({A: 0.0, B: 0.5}, one_vs_rest(metrics.false_positive_rate), FAIRLEARN),
    "precision": Audited({A: 1.0, B: 2 / 3}, one_vs_rest(precision_score), SKLEARN),
    "demographic_parity_difference": Audited({BOTH: 0.5}, gaps(metrics.demographic_parity_difference), FAIRLEARN),
    "equal_opportunity_difference": Audited({BOTH: 0.5}, gaps(metrics.equal_opportunity_difference), FAIRLEARN),
    "predictive_equality_difference": Audited({BOTH: 0.5}, derived(metrics.false_positive_rate), FAIRLEARN),
    "equalized_odds_difference": Audited({BOTH: 0.5}, gaps(metrics.equalized_odds_difference), FAIRLEARN),
    "predictive_parity_difference": Audited({BOTH: 1 / 3}, derived(precision_score), FAIRLEARN),
}

SUBJECTS = [Subject(MulticlassFairness(), small, drawn, rows, METRICS, parameters={"depth": 2})]
