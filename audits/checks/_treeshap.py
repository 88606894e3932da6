"""Interventional TreeSHAP on exact split comparisons. Worker only.

shap's interventional algorithm keeps each threshold as a 32-bit float, so a row whose value lies on a threshold can
take another branch in the explainer than in the model: on data with few distinct values that moved single rows by 0.7
log-odds. Only the order of values and thresholds matters to a tree, so both are replaced by whole numbers here: a value
by how many of the feature's thresholds lie below it, the i-th threshold by i + 1/2. These are exact in 32 bits.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shap

Array = np.ndarray[Any, Any]


def explain_trees(estimator: Any, sample: Array, background: Array) -> tuple[Array, Array]:
    """(values: rows x columns x outputs, base value of each output), in the margin that the ensemble adds up.

    The caller guarantees that no split is categorical, and compares with the real model's output.
    """
    ensemble = shap.TreeExplainer(estimator, feature_perturbation="tree_path_dependent").model
    thresholds = _thresholds(ensemble.trees, sample.shape[1])
    coded = {
        "trees": [_coded_tree(tree, thresholds) for tree in ensemble.trees],
        "base_offset": ensemble.base_offset,
        "input_dtype": np.float64,
        "internal_dtype": np.float64,
        "objective": ensemble.objective,
        "tree_output": ensemble.tree_output,
    }
    reference = _coded_rows(background, thresholds, ensemble.input_dtype)
    # Without max_samples shap cuts the background to 100 rows and does not say so.
    masker = shap.maskers.Independent(reference, max_samples=len(reference))
    explainer = shap.TreeExplainer(coded, data=masker, feature_perturbation="interventional", model_output="raw")
    rows = _coded_rows(sample, thresholds, ensemble.input_dtype)
    values = np.asarray(explainer.shap_values(rows, check_additivity=False), dtype=float)
    bases = np.asarray(explainer.expected_value, dtype=float).reshape(-1)
    return values.reshape(*values.shape[:2], -1), bases


def _is_inner(tree: Any) -> Array:
    inner: Array = np.asarray(tree.children_left) >= 0
    return inner


def _thresholds(trees: list[Any], columns: int) -> list[Array]:
    """For each column the sorted thresholds of all trees."""
    features = np.concatenate([np.asarray(tree.features)[_is_inner(tree)] for tree in trees])
    values = np.concatenate([np.asarray(tree.thresholds, dtype=float)[_is_inner(tree)] for tree in trees])
    return [np.unique(values[features == column]) for column in range(columns)]


def _coded_tree(tree: Any, thresholds: list[Array]) -> dict[str, Any]:
    inner = _is_inner(tree)
    codes = np.full(len(inner), -1.0)
    for node in np.flatnonzero(inner):
        codes[node] = np.searchsorted(thresholds[int(tree.features[node])], tree.thresholds[node]) + 0.5
    return {
        "children_left": np.asarray(tree.children_left),
        "children_right": np.asarray(tree.children_right),
        "children_default": np.asarray(tree.children_default),
        "features": np.asarray(tree.features),
        "thresholds": codes,
        "values": np.asarray(tree.values, dtype=float),
        "node_sample_weight": np.asarray(tree.node_sample_weight, dtype=float),
    }


def _coded_rows(rows: Array, thresholds: list[Array], seen_as: Any) -> Array:
    """How many thresholds lie strictly below each value, as the model sees it; a missing value stays missing."""
    seen = rows.astype(seen_as).astype(float)
    coded = np.full(seen.shape, np.nan)
    for column, cuts in enumerate(thresholds):
        present = ~np.isnan(seen[:, column])
        coded[present, column] = np.searchsorted(cuts, seen[present, column], side="left")
    return coded
