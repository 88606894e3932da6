"""The trees of scikit-learn's own estimators as arrays, in the margin the estimator adds up. Worker only."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn import dummy, ensemble, tree

from audits.checks._ensembles import Array, Ensemble, TreeArrays

BOOSTED = (
    ensemble.GradientBoostingClassifier,
    ensemble.GradientBoostingRegressor,
    ensemble.HistGradientBoostingClassifier,
    ensemble.HistGradientBoostingRegressor,
)
FORESTS = (
    ensemble.RandomForestClassifier,
    ensemble.RandomForestRegressor,
    ensemble.ExtraTreesClassifier,
    ensemble.ExtraTreesRegressor,
    tree.DecisionTreeClassifier,
    tree.DecisionTreeRegressor,
)
_HISTOGRAM = (ensemble.HistGradientBoostingClassifier, ensemble.HistGradientBoostingRegressor)
_SINGLE = (tree.DecisionTreeClassifier, tree.DecisionTreeRegressor)


def is_tree(estimator: Any) -> bool:
    """One of scikit-learn's own tree models; a subclass may predict otherwise."""
    return type(estimator) in (*BOOSTED, *FORESTS)


def has_native_categories(estimator: Any) -> bool:
    """TreeSHAP would read categorical splits of HistGradientBoosting as thresholds, wrong by whole log-odds."""
    flags = getattr(estimator, "is_categorical_", None)
    return flags is not None and bool(np.any(flags))


def ensemble_of(estimator: Any) -> Ensemble | None:
    """The trees, or None where what is added up is more than trees and a constant."""
    if type(estimator) in _HISTOGRAM:
        return _histogram(estimator)
    if type(estimator) in FORESTS:
        grown = [estimator] if type(estimator) in _SINGLE else estimator.estimators_
        trees = [_arrays(one.tree_, 1 / len(grown)) for one in grown]
        return Ensemble(trees=trees, offset=np.zeros(trees[0].worth.shape[1]), seen_as=np.float32)
    if not (estimator.init_ == "zero" or isinstance(estimator.init_, dummy.DummyClassifier | dummy.DummyRegressor)):
        return None
    stages = estimator.estimators_
    outputs = stages.shape[1]
    trees = [
        _placed(_arrays(stage[output].tree_, estimator.learning_rate), output, outputs)
        for stage in stages
        for output in range(outputs)
    ]
    # What every row starts from; the public interface does not tell it.
    start = estimator._raw_predict_init(np.zeros((1, estimator.n_features_in_), dtype=np.float32))  # noqa: SLF001
    return Ensemble(trees=trees, offset=np.asarray(start, dtype=float).reshape(-1), seen_as=np.float32)


def _arrays(grown: Any, scale: float) -> TreeArrays:
    left, right = np.asarray(grown.children_left), np.asarray(grown.children_right)
    goes_left = np.asarray(grown.missing_go_to_left, dtype=bool)
    return TreeArrays(
        left=left,
        right=right,
        default=np.where(goes_left, left, right),
        feature=np.asarray(grown.feature),
        threshold=np.asarray(grown.threshold, dtype=float),
        worth=np.asarray(grown.value, dtype=float)[:, 0, :] * scale,
    )


def _histogram(estimator: Any) -> Ensemble:
    # The predictors have no public name; skops files hold them under this one.
    stages = estimator._predictors  # noqa: SLF001
    outputs = len(stages[0])
    trees = []
    for stage in stages:
        for output, predictor in enumerate(stage):
            nodes = predictor.nodes
            leaf = nodes["is_leaf"].astype(bool)
            left, right = (np.where(leaf, -1, nodes[side].astype(np.int64)) for side in ("left", "right"))
            one = TreeArrays(
                left=left,
                right=right,
                default=np.where(nodes["missing_go_to_left"].astype(bool), left, right),
                feature=np.where(leaf, -1, nodes["feature_idx"].astype(np.int64)),
                threshold=nodes["num_threshold"].astype(float),
                worth=np.where(leaf, nodes["value"], 0.0).astype(float)[:, None],
            )
            trees.append(_placed(one, output, outputs))
    start: Array = np.asarray(estimator._baseline_prediction, dtype=float).reshape(-1)  # noqa: SLF001
    return Ensemble(trees=trees, offset=start)


def _placed(one: TreeArrays, output: int, outputs: int) -> TreeArrays:
    """A tree of one output among several."""
    if outputs == 1:
        return one
    values = np.zeros((len(one.left), outputs))
    values[:, output] = one.worth[:, 0]
    return TreeArrays(one.left, one.right, one.default, one.feature, one.threshold, values)
