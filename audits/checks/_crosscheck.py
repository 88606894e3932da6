"""Our attributions of trees and linear models beside those of shap's own explainers of the same model. Worker only.

shap is given what the library fitted, never our reading of it. It keeps thresholds in 32 bits, so a value that lies on
one takes another branch there than in the model: a whole leaf apart, in every row when it is a background value. Values
are therefore moved off the thresholds by two steps of 32 bits before both explain them, and what differs then is an
error in one of the two.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from audits.checks._ensembles import Array, Ensemble
from audits.checks._explainers import Explainer, LinearModel, TreeModel
from audits.checks._shap import shap
from audits.measurements import MetricValue
from audits.statistics import intervals

_ROWS, _BACKGROUND, _LEAVES, _SAME = 20, 20, 20_000, 1e-4
_MOVES = 10


def beside_shap(
    explainer: Explainer, rows: pd.DataFrame, background: pd.DataFrame, level: float
) -> Iterator[MetricValue]:
    """`library_agreement` and `library_difference`; not estimable where shap cannot explain the model, with why."""
    few, reference = rows.iloc[:_ROWS], background.iloc[:_BACKGROUND]
    n = len(few)
    try:
        apart, scale = _apart(explainer, few, reference)
    except _NotComparableError as reason:
        for metric in ("library_agreement", "library_difference"):
            yield MetricValue(metric=metric, value=None, n=n, not_estimable=str(reason))
        return
    relative = apart / scale if scale else apart
    same = int((relative <= _SAME).sum())
    yield MetricValue(metric="library_agreement", value=same / n, n=n, interval=intervals.proportion(same, n, level))
    yield MetricValue(metric="library_difference", value=float(relative.max()), n=n)


class _NotComparableError(Exception):
    """There is no explainer of shap's to compare with; the text says why."""


def _apart(explainer: Explainer, few: pd.DataFrame, reference: pd.DataFrame) -> tuple[Array, float]:
    """(largest difference in each row, widest distance of an answer from the base)."""
    if not isinstance(explainer, LinearModel | TreeModel):
        raise _NotComparableError("a model that can only be asked has method_agreement")
    rows, background = explainer.columns.matrix(few), explainer.columns.matrix(reference)
    if isinstance(explainer, TreeModel):
        if explainer.ensemble.leaves > _LEAVES:
            raise _NotComparableError(f"more than {_LEAVES:,} leaves are not explained twice")
        rows, background = (_off_thresholds(matrix, explainer.ensemble) for matrix in (rows, background))
    _, mine = explainer.explain_columns(rows, background)
    theirs = explainer.columns.grouped(explainer.sign * _by_shap(explainer, rows, background))
    if isinstance(explainer, TreeModel) and theirs.shape[2] > mine.shape[2]:
        theirs = theirs[:, :, explainer.chosen]
    if theirs.shape != mine.shape:
        raise _NotComparableError(f"shap answers {theirs.shape[2]} outputs, and the model has {mine.shape[2]}")
    return np.abs(theirs - mine).max(axis=(1, 2)), float(np.abs(mine.sum(axis=1)).max())


def _by_shap(explainer: LinearModel | TreeModel, rows: Array, background: Array) -> Array:
    """Rows x columns x outputs. Whatever shap cannot read it says by an exception of any kind."""
    masker = shap.maskers.Independent(background, max_samples=len(background))
    try:
        if isinstance(explainer, LinearModel):
            found = shap.LinearExplainer(explainer.original, masker).shap_values(rows)
        else:
            found = shap.TreeExplainer(explainer.original, masker).shap_values(rows, check_additivity=False)
        values: Array = np.asarray(found, dtype=float).reshape(*rows.shape, -1)
    except Exception as error:
        raise _NotComparableError(f"shap cannot explain this model: {error}"[:300]) from error
    return values


def _off_thresholds(matrix: Array, ensemble: Ensemble) -> Array:
    """Values that equal a threshold of their column in 32 bits, moved below it until they equal none."""
    moved = matrix.copy()
    for column in range(matrix.shape[1]):
        cuts = np.unique(
            np.concatenate([one.threshold[(one.left >= 0) & (one.feature == column)] for one in ensemble.trees])
        ).astype(np.float32)
        values = moved[:, column].astype(np.float32)
        for _ in range(_MOVES):
            on = np.isin(values, cuts)
            if not on.any():
                break
            lower = np.nextafter(np.nextafter(values, np.float32(-np.inf)), np.float32(-np.inf))
            values = np.where(on, lower, values)
            moved[on, column] = values[on]
    return moved
