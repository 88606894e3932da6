"""shap's own explainers over a model that can only be asked. Worker only.

shap is handed places in tables of the values that occur, and never the values: it knows numbers only, takes two numbers
that differ by less than a hundred-thousandth for the same (`np.isclose`), and a missing value would spread. The
background is pinned and given whole (`max_samples`; shap cuts it to 100 rows without a word), and no feature is left
out (`l1_reg`; Kernel keeps ten without a word).
"""

from __future__ import annotations

import dataclasses
import importlib.metadata
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_bool_dtype, is_numeric_dtype
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform
from scipy.stats import rankdata
from threadpoolctl import threadpool_limits

from audits.checks._ensembles import Array
from audits.checks._explainers import Answer, Walks
from audits.checks._shap import shap
from audits.checks.base import EvidenceError

#: Up to so many features every coalition is asked about: 64 of them cost two and a half times the time of walks.
MOST_ENUMERATED = 6
#: Beyond it `exact` is refused: 4,096 coalitions of every background row, for each row.
MOST_EXACT = 12
_ORDERS, _ROWS_AT_ONCE = 10, 1_000


@dataclasses.dataclass(frozen=True, slots=True)
class _Places:
    """Rows as places in `known`, a table of values for each column."""

    known: dict[str, Any]
    sample: Array
    background: Array

    @classmethod
    def of(cls, sample: pd.DataFrame, background: pd.DataFrame) -> _Places:
        known, places = {}, []
        for name in sample.columns:
            both = pd.concat([background[name], sample[name]], ignore_index=True)
            found, known[name] = pd.factorize(both, use_na_sentinel=False)
            places.append(found.astype(float))
        matrix = np.column_stack(places)
        return cls(known, matrix[len(background) :], matrix[: len(background)])

    def frame(self, places: Array) -> pd.DataFrame:
        """The rows themselves."""
        found = places.astype(np.int64)
        columns = enumerate(self.known.items())
        return pd.DataFrame({name: values.take(found[:, index]) for index, (name, values) in columns})


Ask = Callable[[Array], Array]
Found = tuple[Any, Any]


class Asked:
    """Explains by `way`, one of `WAYS`: values from shap, the base value with them, additivity checked by the caller.

    `partition` answers Owen values, which are another game: features that move together enter together.
    """

    asks = True

    def __init__(self, way: str, answer: Answer, space: str, covered: frozenset[str]) -> None:
        self.way, self.answer, self.space, self.covered = way, answer, space, covered
        self.exact = way in ("exact", "partition")
        self.method = f"{WAYS[way][0]} (shap {importlib.metadata.version('shap')}), interventional"

    def explain(self, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> tuple[Array, Array]:
        """See `Explainer`. Raises EvidenceError where there are too many features for `exact`."""
        if self.way == "exact" and sample.shape[1] > MOST_EXACT:
            raise EvidenceError("asking", f"exact takes {MOST_EXACT} features at most; the model has {sample.shape[1]}")
        parts: list[Array] = []
        base = np.zeros(0)
        with threadpool_limits(1):
            for start in range(0, len(sample), _ROWS_AT_ONCE):
                # shap draws from NumPy's global state; a check has a process of its own.
                np.random.seed((seed + start) % (1 << 32))  # noqa: NPY002
                few = sample.iloc[start : start + _ROWS_AT_ONCE]
                values, expected = self._explained(few, background)
                parts.append(np.asarray(values, dtype=float).reshape(len(few), sample.shape[1], -1))
                base = np.asarray(expected, dtype=float).reshape(-1)
        return base, np.concatenate(parts)

    def _explained(self, few: pd.DataFrame, background: pd.DataFrame) -> Found:
        places = _Places.of(few, background)
        return WAYS[self.way][1](lambda asked: self.answer(places.frame(asked)), places, background)

    def randomised(self, generator: np.random.Generator, background: pd.DataFrame) -> Asked:
        """See `Walks`: the model reads each column from another one."""
        forgetful = Walks.of(self).randomised(generator, background)
        return Asked(self.way, forgetful.answer, self.space, self.covered)


def explainer_by_asking(asking: str, answer: Answer, space: str, features: Sequence[str]) -> Asked | Walks:
    """The one that `asking` names. `auto`: every coalition for few features, else walks."""
    if asking == "auto":
        asking = "exact" if len(features) <= MOST_ENUMERATED else "walks"
    covered = frozenset(features)
    return Walks(answer, space, covered) if asking == "walks" else Asked(asking, answer, space, covered)


def second_opinion(explainer: Walks, background: pd.DataFrame, high: float) -> Asked:
    """Beside walks: Owen values where two numbers are correlated by `high` or more, else shap's permutations."""
    between = _relation(background)
    np.fill_diagonal(between, 0.0)
    way = "partition" if between.size and between.max() >= high else "permutation"
    return Asked(way, explainer.answer, explainer.space, explainer.covered)


def _independent(places: _Places) -> Any:
    return shap.maskers.Independent(places.background, max_samples=len(places.background))


def _told(found: Any) -> Found:
    """(values, base value) of an Explanation; every row has the same base."""
    return found.values, found.base_values[0]  # noqa: PD011 - not a Series


def _exact(ask: Ask, places: _Places, _: pd.DataFrame) -> Found:
    explainer = shap.ExactExplainer(ask, _independent(places))
    found = explainer(places.sample, max_evals=1 << places.sample.shape[1], silent=True)
    return _told(found)


def _permutation(ask: Ask, places: _Places, _: pd.DataFrame) -> Found:
    drawn = int(np.random.randint(1 << 31))  # noqa: NPY002 - the explainer seeds the global state anew
    explainer = shap.PermutationExplainer(ask, _independent(places), seed=drawn)
    found = explainer(places.sample, max_evals=_coalitions(places), silent=True)
    return _told(found)


def _partition(ask: Ask, places: _Places, background: pd.DataFrame) -> Found:
    """What PartitionExplainer comes to when it may ask long enough, here in features² questions and exactly."""
    if places.sample.shape[1] == 1:
        return _exact(ask, places, background)
    tree = linkage(squareform(1 - _relation(background), checks=False), "average")
    masker = shap.maskers.Partition(places.background, max_samples=len(places.background), clustering=tree)
    found = shap.ExactExplainer(ask, masker)(places.sample, max_evals=places.sample.shape[1] ** 2, silent=True)
    return _told(found)


def _kernel(ask: Ask, places: _Places, _: pd.DataFrame) -> Found:
    explainer = shap.KernelExplainer(ask, places.background)
    values = explainer.shap_values(places.sample, nsamples=_coalitions(places), l1_reg=False, silent=True)
    return values, explainer.expected_value


def _coalitions(places: _Places) -> int:
    """There and back along ten orders."""
    width: int = places.sample.shape[1]
    return _ORDERS * (2 * width + 1)


def _relation(background: pd.DataFrame) -> Array:
    """|Spearman| between numeric columns, features x features; 0 where one holds text or is constant, 1 with itself."""
    width = background.shape[1]
    found = np.eye(width)
    numeric = [
        index
        for index, name in enumerate(background.columns)
        if is_numeric_dtype(background[name])
        and not is_bool_dtype(background[name])
        and len(background[name].unique()) > 1
    ]
    if len(numeric) > 1:
        filled = background.iloc[:, numeric].astype(float)
        ranks = rankdata(filled.fillna(filled.median()).to_numpy(), axis=0)
        found[np.ix_(numeric, numeric)] = np.clip(np.nan_to_num(np.abs(np.corrcoef(ranks, rowvar=False))), 0, 1)
    np.fill_diagonal(found, 1.0)
    return found


#: What a policy may ask for: shap's explainer as it is named in the observation, and how it is called.
WAYS: dict[str, tuple[str, Callable[[Ask, _Places, pd.DataFrame], Found]]] = {
    "exact": ("Shapley values over every coalition by ExactExplainer", _exact),
    "permutation": ("ten permutations by PermutationExplainer", _permutation),
    "partition": ("Owen values over correlated columns by the Partition masker", _partition),
    "kernel": ("weighted regression by KernelExplainer", _kernel),
}
