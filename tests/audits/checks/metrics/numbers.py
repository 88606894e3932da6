"""The audit of `fairness.regression`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from fairlearn.metrics import mean_prediction
from scipy import stats
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from audits.checks.fairness_regression import RegressionFairness
from audits.evidence import Evidence
from tests.audits.checks.metrics.audited import (
    FAIRLEARN,
    SCIPY,
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
    "y": ("number", ("target",)),
    "p": ("number", ("prediction",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
}
TASK: dict[str, Any] = {"task": "regression", "positive_label": None}


def small(path: Path) -> Evidence:
    """Errors 1 and 0 in a, -2 and 1 in b."""
    columns = {"y": [1, 2, 3, 4], "p": [2, 2, 1, 5], "g": list("aabb")}
    return written(path, columns, {name: TAGS[name] for name in columns}, **TASK)


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(7, 600, weighted=weighted)
    random = np.random.default_rng(8)
    # Sixteenths, so that a difference of two numbers is exact and equal errors are equal.
    y = np.round(random.normal(10, 3, 600) * 16) / 16
    p = y + np.round(random.normal(0, 1, 600) * 16) / 16 - (people["g"] == "a")
    y[[3, 9]] = np.nan
    return Rows({**people, "y": y, "p": p}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    return written(path, held.columns, {**TAGS, "w": ("number", ("weight",))} if held.weighted else TAGS, **TASK)


def of(function: Callable[..., Any]) -> Callable[[Rows], float]:
    def value(people: Rows) -> float:
        own = people.known("y", "p")
        return float(function(own["y"], own["p"], sample_weight=own["w"]))

    return value


mae, rmse, predicted = of(mean_absolute_error), of(root_mean_squared_error), of(mean_prediction)


def bias(people: Rows) -> float:
    own = people.known("y", "p")
    return float(np.average(own["p"] - own["y"], weights=own["w"]))


def told(people: Rows, name: str) -> tuple[Any, Any]:
    own = people.known("y", "p")
    return own["p"] if name == "prediction" else own["p"] - own["y"], own["w"]


def furthest(name: str) -> Callable[[Rows, Rows], float]:
    """Largest distance of both distribution functions at any value; without weights SciPy's."""

    def value(own: Rows, rest: Rows) -> float:
        (first, weights), (second, others) = told(own, name), told(rest, name)
        if not own.weighted:
            return float(stats.ks_2samp(first, second).statistic)
        return float(
            max(
                abs(weights[first <= at].sum() / weights.sum() - others[second <= at].sum() / others.sum())
                for at in {*first, *second}
            )
        )

    return value


def shift(name: str) -> Callable[[Rows, Rows], float]:
    def value(own: Rows, rest: Rows) -> float:
        (first, weights), (second, others) = told(own, name), told(rest, name)
        return float(stats.wasserstein_distance(first, second, weights, others))

    return value


def absent(people: Rows) -> Figures:
    return {("", ""): 1 - len(people.known("y", "p")) / len(people)}


A, B, BOTH = ("g", "a"), ("g", "b"), ("g", "")
KS = f"{SCIPY}; with weights {SECOND_FORMULA}"

METRICS = {
    "missing_fraction": Audited({("", ""): 0.0}, absent, SECOND_FORMULA),
    "mean_error": Audited({A: 0.5, B: -0.5, ("", ""): 0.0}, means(bias), SECOND_FORMULA),
    "mean_absolute_error": Audited({A: 0.5, B: 1.5}, means(mae), SKLEARN),
    "root_mean_squared_error": Audited({A: 0.5**0.5, B: 2.5**0.5}, means(rmse), SKLEARN),
    "mean_prediction": Audited({A: 2.0, B: 3.0}, means(predicted), FAIRLEARN),
    "prediction_ks": Audited({A: 0.5, B: 0.5}, beside_rest(furthest("prediction")), KS),
    "prediction_wasserstein": Audited({A: 0.5 * 1 + 0.5 * 3}, beside_rest(shift("prediction")), SCIPY),
    "error_ks": Audited({A: 0.5, B: 0.5}, beside_rest(furthest("error")), KS),
    "error_wasserstein": Audited({A: 0.5 * 2}, beside_rest(shift("error")), SCIPY),
    "mean_error_difference": Audited({BOTH: 1.0}, over_groups(span, bias), SECOND_FORMULA),
    "mean_absolute_error_difference": Audited({BOTH: 1.0}, over_groups(span, mae), SKLEARN),
    "mean_prediction_difference": Audited({BOTH: 1.0}, over_groups(span, predicted), FAIRLEARN),
    "worst_group_mean_absolute_error": Audited({BOTH: 1.5}, over_groups(max, mae), SKLEARN),
}

SUBJECTS = [Subject(RegressionFairness(), small, drawn, rows, METRICS, parameters={"depth": 2})]
