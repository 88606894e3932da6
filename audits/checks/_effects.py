"""What the pictures are drawn from: single attributions, accumulated local effects, correlated features. Worker only.

Values of people are told as ranks in tenths only, and for a limited number of rows without any identity. Accumulated
local effects (Apley & Zhu 2020) compare a row with itself moved to the edge of its bin, so unlike partial dependence
they never ask about combinations that do not occur.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from scipy.stats import rankdata

from audits.checks._attribute import Attribution, translated
from audits.checks._explainers import Explainer
from audits.measurements import Table

Array = np.ndarray[Any, Any]
_SWARM_ROWS, _SWARM_FEATURES = 120, 8
_EFFECT_ROWS, _EFFECT_FEATURES, _BINS, _FEWEST_VALUES = 500, 4, 10, 4
_PLACES = 6
#: A correlation and the two features it is between.
Pair = tuple[float, tuple[str, str]]


def swarm(attribution: Attribution, rows: pd.DataFrame, features: Sequence[str], order: Array) -> Table:
    """(feature, attribution, rank of the value in tenths or None): one output only, strongest features first."""
    found: list[tuple[Any, ...]] = []
    if attribution.phi.shape[2] == 1:
        for index in order[:_SWARM_FEATURES]:
            name = features[index]
            values = attribution.phi[:_SWARM_ROWS, index, 0]
            ranks = tenths(rows[name], range(len(values)))
            found += [(name, round(float(v), _PLACES), rank) for v, rank in zip(values, ranks, strict=True)]
    return Table(("feature", "attribution", "value_rank"), tuple(found))


def tenths(column: pd.Series, chosen: Sequence[int]) -> list[float | None]:
    """The rank of each chosen value in the column, 0 lowest to 1 highest, in tenths; None without order or value."""
    numbers = np.sort(column.dropna().to_numpy(dtype=float)) if is_numeric_dtype(column) else np.zeros(0)
    if not len(numbers) or numbers[0] == numbers[-1]:
        return [None] * len(chosen)
    asked = column.iloc[list(chosen)].to_numpy(dtype=float)
    below, upto = (np.searchsorted(numbers, asked, side=side) for side in ("left", "right"))
    ranks = np.round((below + upto - 1) / 2 / (len(numbers) - 1), 1)
    return [None if np.isnan(value) else float(rank) for value, rank in zip(asked, ranks, strict=True)]


def effects(explainer: Explainer, rows: pd.DataFrame, order: Array) -> Table:
    """(feature, value, effect, rows in the bin) for the strongest numeric features, centred on 0; one output only."""
    found: list[tuple[Any, ...]] = []
    few = rows.iloc[:_EFFECT_ROWS].reset_index(drop=True)
    numeric = [rows.columns[index] for index in order if _is_number(rows.iloc[:, index])]
    for name in [n for n in numeric if few[n].nunique() >= _FEWEST_VALUES][:_EFFECT_FEATURES]:
        found += translated(partial(_local_effects, explainer, few, name))
    return Table(("feature", "value", "effect", "rows"), tuple(found))


def _local_effects(explainer: Explainer, few: pd.DataFrame, name: str) -> list[tuple[Any, ...]]:
    numbers = few[name].astype(float)
    present = few[numbers.notna()].reset_index(drop=True)
    numbers = present[name].astype(float).to_numpy()
    edges = np.unique(np.quantile(numbers, np.linspace(0, 1, _BINS + 1), method="nearest"))
    place = np.clip(np.searchsorted(edges, numbers, side="left"), 1, len(edges) - 1)
    kind = present[name].dtype
    high = explainer.answer(present.assign(**{name: edges[place].astype(kind)}))
    low = explainer.answer(present.assign(**{name: edges[place - 1].astype(kind)}))
    if high.shape[1] != 1:
        return []
    counts = np.bincount(place, minlength=len(edges))
    steps = np.bincount(place, weights=(high - low)[:, 0], minlength=len(edges)) / np.maximum(counts, 1)
    curve = np.cumsum(steps)
    middle = (curve[1:] + curve[:-1]) / 2
    curve = curve - float(np.average(middle, weights=counts[1:]))
    return [
        (name, float(edge), round(float(effect), _PLACES), int(count))
        for edge, effect, count in zip(edges, curve, counts, strict=True)
    ]


def strongest_correlation(rows: pd.DataFrame) -> Pair | None:
    """Largest |Spearman| between two numeric features, and which; None with fewer than two."""
    numeric = [name for name in rows.columns if _is_number(rows[name]) and len(rows[name].unique()) > 1]
    if len(numeric) < 2:  # noqa: PLR2004 - a pair
        return None
    filled = rows[numeric].astype(float)
    ranks = rankdata(filled.fillna(filled.median()).to_numpy(), axis=0)
    found = np.abs(np.corrcoef(ranks, rowvar=False))
    np.fill_diagonal(found, 0.0)
    first, second = np.unravel_index(int(found.argmax()), found.shape)
    return float(found[first, second]), (numeric[first], numeric[second])


def _is_number(column: pd.Series) -> bool:
    return bool(is_numeric_dtype(column) and not is_bool_dtype(column))
