"""From the columns an estimator sees back to the columns people know. Worker only."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder


def split(model: Any, features: Sequence[str]) -> tuple[Any | None, Any, list[str]] | None:
    """(transformer or None, estimator, source feature of each column the estimator sees).

    None where a column cannot be traced to exactly one source; such a model is explained from outside.
    """
    if not isinstance(model, Pipeline):
        return None, model, list(features)
    front, estimator = model[:-1], model.steps[-1][1]
    if not len(front):
        return None, estimator, list(features)
    sources = _sources(front, list(features))
    return None if sources is None else (front, estimator, sources)


def _sources(step: Any, names: list[str]) -> list[str] | None:
    """The source of each output column of `step`, whose input columns come from `names`."""
    if step is None or (isinstance(step, str) and step == "passthrough"):
        return names
    if isinstance(step, Pipeline):
        return _through(step, names)
    if isinstance(step, ColumnTransformer):
        return _side_by_side(step, names)
    if isinstance(step, OneHotEncoder):
        # The public attributes do not tell the number of columns per feature once categories are dropped or merged.
        widths = getattr(step, "_n_features_outs", None)
        if widths is None or len(widths) != len(names):
            return None
        return [name for name, width in zip(names, widths, strict=True) for _ in range(width)]
    return _named(step, names)


def _through(pipeline: Pipeline, names: list[str]) -> list[str] | None:
    current: list[str] | None = names
    for _, step in pipeline.steps:
        if current is None:
            return None
        current = _sources(step, current)
    return current


def _side_by_side(step: ColumnTransformer, names: list[str]) -> list[str] | None:
    given = [str(name) for name in getattr(step, "feature_names_in_", names)]
    placed: dict[int, str] = {}
    for label, transformer, columns in step.transformers_:
        where = step.output_indices_.get(label, slice(0, 0))
        width = where.stop - where.start
        if width == 0 or (isinstance(transformer, str) and transformer == "drop"):
            continue
        chosen = [names[index] for index in _positions(columns, given)]
        sources = _sources(transformer, chosen)
        if sources is None or len(sources) != width:
            return None
        placed.update(zip(range(where.start, where.stop), sources, strict=True))
    return [placed[index] for index in sorted(placed)]


def _positions(columns: Any, given: list[str]) -> list[int]:
    if isinstance(columns, str):
        return [given.index(columns)]
    if isinstance(columns, slice):
        return list(range(*columns.indices(len(given))))
    listed = np.atleast_1d(np.asarray(columns, dtype=object)).tolist()
    if listed and all(isinstance(entry, bool) for entry in listed):
        return [index for index, chosen in enumerate(listed) if chosen]
    return [given.index(entry) if isinstance(entry, str) else int(entry) for entry in listed]


def _named(step: Any, names: list[str]) -> list[str] | None:
    """Scalers, imputers, selectors: every output bears the name of the one input it comes from."""
    if not hasattr(step, "get_feature_names_out"):
        return None
    given = [str(name) for name in getattr(step, "feature_names_in_", [f"x{index}" for index in range(len(names))])]
    try:
        answered = [str(name) for name in step.get_feature_names_out(given)]
    except (ValueError, AttributeError, TypeError):
        return None
    if len(given) != len(names) or any(name not in given for name in answered):
        return None
    return [names[given.index(name)] for name in answered]
