"""Shapley attributions of one model on one sample, by the method that fits the model. Worker only.

Every method returns the base value, one attribution per row and source feature, and beside them the output of the real
model in the same space, asked through its own predict method.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import ensemble, linear_model, tree

from audits.checks._columns import split
from audits.checks._models import REGRESSION, Task, positive_index
from audits.checks._treeshap import explain_trees
from audits.checks.base import EvidenceError

Array = np.ndarray[Any, Any]

_LINEAR = (
    linear_model.LinearRegression,
    linear_model.Ridge,
    linear_model.Lasso,
    linear_model.ElasticNet,
    linear_model.LogisticRegression,
    linear_model.LogisticRegressionCV,
)
_BOOSTED = (
    ensemble.GradientBoostingClassifier,
    ensemble.GradientBoostingRegressor,
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)
_FORESTS = (
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
    tree.DecisionTreeClassifier,
    tree.DecisionTreeRegressor,
)


@dataclass(frozen=True, slots=True)
class Attribution:
    """`values` is rows x features; `outputs` what the real model answers; `covered` the features that reach it."""

    base: float
    values: Array
    outputs: Array
    method: str
    space: str
    covered: frozenset[str]

    @property
    def additivity_error(self) -> float:
        """Largest |base + Σ attributions - output| over the rows."""
        return float(np.abs(self.base + self.values.sum(axis=1) - self.outputs).max())


def attribute(model: Any, task: Task, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> Attribution:
    """Explain `sample` against `background`. Raises EvidenceError where the model cannot score them."""
    try:
        parts = split(model, task.features)
        if parts is not None:
            front, estimator, sources = parts
            if type(estimator) in _LINEAR:
                return _linear(model, task, (front, estimator, sources), sample, background)
            if is_tree(estimator) and not has_native_categories(estimator):
                return _trees(model, task, (front, estimator, sources), sample, background)
        return _walks(model, task, sample, background, seed)
    except EvidenceError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise EvidenceError("model", f"cannot be explained on these rows: {error}") from error


def is_tree(estimator: Any) -> bool:
    """One of scikit-learn's own tree models; a subclass may predict otherwise."""
    return type(estimator) in (*_BOOSTED, *_FORESTS)


def has_native_categories(estimator: Any) -> bool:
    """TreeSHAP reads categorical splits of HistGradientBoosting as thresholds and is wrong by whole log-odds."""
    flags = getattr(estimator, "is_categorical_", None)
    return flags is not None and bool(np.any(flags))


def _matrix(front: Any, frame: pd.DataFrame) -> Array:
    transformed = frame if front is None else front.transform(frame)
    if hasattr(transformed, "toarray"):
        transformed = transformed.toarray()
    matrix: Array = np.asarray(transformed, dtype=float)
    return matrix


def _grouped(values: Array, sources: Sequence[str], features: Sequence[str]) -> Array:
    """Sum the columns of each source feature."""
    if values.shape[1] != len(sources):
        raise ValueError("the explainer saw another number of columns than the model")
    position = {name: index for index, name in enumerate(features)}
    grouped = np.zeros((values.shape[0], len(features)))
    for column, source in enumerate(sources):
        grouped[:, position[source]] += values[:, column]
    return grouped


def _linear(
    model: Any, task: Task, parts: tuple[Any, Any, list[str]], sample: pd.DataFrame, background: pd.DataFrame
) -> Attribution:
    """Closed form: φ = w (x - mean of the background)."""
    front, estimator, sources = parts
    weights = np.asarray(estimator.coef_, dtype=float).reshape(-1)
    intercept = float(np.asarray(estimator.intercept_, dtype=float).reshape(-1)[0])
    rows, means = _matrix(front, sample), _matrix(front, background).mean(axis=0)
    if weights.shape != means.shape:
        raise ValueError("the model answers more than one number a row")
    sign = 1.0 if task.kind == REGRESSION or positive_index(model, task) == 1 else -1.0
    outputs = model.predict(sample) if task.kind == REGRESSION else model.decision_function(sample)
    return Attribution(
        base=sign * (intercept + float(means @ weights)),
        values=_grouped(sign * (rows - means) * weights, sources, task.features),
        outputs=sign * np.asarray(outputs, dtype=float).reshape(-1),
        method="linear closed form, interventional",
        space="predicted number" if task.kind == REGRESSION else "log-odds",
        covered=frozenset(sources),
    )


def _trees(
    model: Any, task: Task, parts: tuple[Any, Any, list[str]], sample: pd.DataFrame, background: pd.DataFrame
) -> Attribution:
    front, estimator, sources = parts
    all_values, bases = explain_trees(estimator, _matrix(front, sample), _matrix(front, background))
    index = 0 if task.kind == REGRESSION else positive_index(model, task)
    # Boosted classifiers have one margin, that of the second class; forests have one probability for each.
    margin = all_values.shape[2] == 1
    sign = -1.0 if margin and task.kind != REGRESSION and index == 0 else 1.0
    values, base = (all_values[:, :, 0 if margin else index], float(bases[0 if margin else index]))
    if task.kind == REGRESSION:
        outputs, space = model.predict(sample), "predicted number"
    elif type(estimator) in _BOOSTED:
        outputs, space = sign * model.decision_function(sample), "log-odds"
    else:
        outputs, space = model.predict_proba(sample)[:, index], "probability"
    return Attribution(
        base=sign * base,
        values=_grouped(sign * values, sources, task.features),
        outputs=np.asarray(outputs, dtype=float).reshape(-1),
        method="TreeSHAP, interventional",
        space=space,
        covered=frozenset(sources),
    )


def _walks(model: Any, task: Task, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> Attribution:
    """From each background row to the explained row, one feature at a time, along an order and its reverse.

    The steps of a walk add up to the whole way, so additivity holds by construction; the single values are means over
    2 x background walks.
    """
    output, space = _output(model, task)
    generator = np.random.default_rng(seed)
    features, size = list(task.features), len(sample)
    values = np.zeros((size, len(features)))
    base = 0.0
    for index in range(len(background)):
        start = background.iloc[[index] * size]
        order = generator.permutation(len(features))
        for path in (order, order[::-1]):
            answers = output(_walk(sample, start, path)).reshape(len(features) + 1, size)
            values[:, path] += np.diff(answers, axis=0).T
            base += float(answers[0, 0])
    walks = 2 * len(background)
    return Attribution(
        base=base / walks,
        values=values / walks,
        outputs=output(sample),
        method="permutation walks, interventional",
        space=space,
        covered=frozenset(features),
    )


def _walk(sample: pd.DataFrame, start: pd.DataFrame, path: Array) -> pd.DataFrame:
    """Every stage of the walk for every row: stage t has the first t features of `path` from `sample`."""
    names = list(sample.columns)
    stages = len(path) + 1
    turn = {int(feature): step for step, feature in enumerate(path)}
    columns = {}
    for position, name in enumerate(names):
        before = turn[position] + 1
        columns[name] = pd.concat([start[name]] * before + [sample[name]] * (stages - before), ignore_index=True)
    return pd.DataFrame(columns)


def _output(model: Any, task: Task) -> tuple[Callable[[pd.DataFrame], Array], str]:
    """The real model's answer in one number a row, and the space it is in."""
    if task.kind == REGRESSION:
        return lambda frame: np.asarray(model.predict(frame), dtype=float).reshape(-1), "predicted number"
    index = positive_index(model, task)
    if hasattr(model, "predict_proba"):
        return lambda frame: np.asarray(model.predict_proba(frame), dtype=float)[:, index], "probability"
    if hasattr(model, "decision_function"):
        sign = 1.0 if index == 1 else -1.0
        return lambda frame: sign * np.asarray(model.decision_function(frame), dtype=float), "decision function"
    raise EvidenceError("model", "has neither predict_proba nor decision_function, so there is no degree to explain")
