"""The three ways to explain: linear models in closed form, trees exactly, everything else by walks. Worker only.

All are interventional: a feature that is absent takes the values of the background rows. Each explainer can also make
a randomised twin of itself: the same machinery over a model that has forgotten what it learnt.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import numpy as np
import pandas as pd
from sklearn import linear_model as linear

from audits.checks._columns import split
from audits.checks._ensembles import Array, Ensemble
from audits.checks._mixed import entering, mixed
from audits.checks._models import positive_index
from audits.checks._paths import Paths
from audits.checks._sklearn_trees import BOOSTED, ensemble_of, has_native_categories, is_tree
from audits.checks._tasks import BINARY, REGRESSION, Task
from audits.checks._treeshap import explain_trees
from audits.checks.base import EvidenceError

NUMBER = "predicted number"
_LINEAR = (
    linear.LinearRegression,
    linear.Ridge,
    linear.Lasso,
    linear.ElasticNet,
    linear.LogisticRegression,
    linear.LogisticRegressionCV,
)
Answer = Callable[[pd.DataFrame], Array]


class Explainer(Protocol):
    """`answer` asks the real model, rows x outputs, in the space that is explained.

    `exact`: nothing is drawn. `asks`: every row costs questions to the model, so fewer are explained.
    """

    method: str
    space: str
    exact: bool
    asks: bool
    covered: frozenset[str]

    @property
    def answer(self) -> Answer: ...

    def explain(self, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> tuple[Array, Array]:
        """(base value of each output, values: rows x features x outputs)."""
        ...

    def randomised(self, generator: np.random.Generator, background: pd.DataFrame) -> Explainer:
        """The same explainer over a model that forgot what it learnt; `background` tells what values there are."""
        ...


@dataclasses.dataclass(slots=True)
class _Columns:
    """The way from source features to the columns the estimator sees, and back."""

    front: Any | None
    sources: list[str]
    features: tuple[str, ...]

    def matrix(self, frame: pd.DataFrame) -> Array:
        transformed = frame if self.front is None else self.front.transform(frame)
        if hasattr(transformed, "toarray"):
            transformed = transformed.toarray()
        matrix: Array = np.asarray(transformed, dtype=float)
        return matrix

    def grouped(self, values: Array) -> Array:
        """Sum the columns of each source feature."""
        if values.shape[1] != len(self.sources):
            raise ValueError("the explainer saw another number of columns than the model")
        if tuple(self.sources) == self.features:
            return values
        position = {name: index for index, name in enumerate(self.features)}
        grouped = np.zeros((values.shape[0], len(self.features), values.shape[2]))
        for column, source in enumerate(self.sources):
            grouped[:, position[source]] += values[:, column]
        return grouped


@dataclasses.dataclass(slots=True)
class LinearModel:
    """Closed form: φ = w (x - mean of the background). `weights` is columns x outputs and has its sign.

    `original` is what the library fitted, of whose output `sign` is explained.
    """

    columns: _Columns
    weights: Array
    intercept: Array
    answer: Answer
    space: str
    covered: frozenset[str]
    method: str = "linear closed form, interventional"
    exact: bool = True
    asks: bool = False
    original: Any = None
    sign: float = 1.0

    def explain(self, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> tuple[Array, Array]:
        """See `Explainer`; nothing is drawn."""
        del seed
        return self.explain_columns(self.columns.matrix(sample), self.columns.matrix(background))

    def explain_columns(self, rows: Array, background: Array) -> tuple[Array, Array]:
        """What `explain` answers, of rows as the estimator sees them."""
        means = background.mean(axis=0)
        if len(self.weights) != len(means):
            raise ValueError("the model answers another number of columns than it takes")
        values = rows - means
        if self.weights.shape[1] == 1:
            values *= self.weights[:, 0]
            values = values[:, :, None]
        else:
            values = values[:, :, None] * self.weights
        return self.intercept + means @ self.weights, self.columns.grouped(values)

    def randomised(self, generator: np.random.Generator, background: pd.DataFrame) -> LinearModel:
        """Weights dealt out anew."""
        del background
        return dataclasses.replace(self, weights=generator.permutation(self.weights, axis=0))


@dataclasses.dataclass(slots=True)
class TreeModel:
    """TreeSHAP over `ensemble`, of whose outputs `chosen` are explained, times `sign`; `original` as in LinearModel."""

    columns: _Columns
    ensemble: Ensemble
    chosen: list[int]
    sign: float
    answer: Answer
    space: str
    covered: frozenset[str]
    method: str = "TreeSHAP, interventional"
    exact: bool = True
    asks: bool = False
    original: Any = None
    _paths: Paths | None = dataclasses.field(default=None, init=False)

    @property
    def paths(self) -> Paths:
        """The trees, read once."""
        if self._paths is None:
            self._paths = Paths.of(self.ensemble, len(self.columns.sources), self.chosen)
        return self._paths

    def explain(self, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> tuple[Array, Array]:
        """See `Explainer`; nothing is drawn."""
        del seed
        return self.explain_columns(self.columns.matrix(sample), self.columns.matrix(background))

    def explain_columns(self, rows: Array, background: Array) -> tuple[Array, Array]:
        """What `explain` answers, of rows as the estimator sees them."""
        values, bases = explain_trees(self.paths, rows, background)
        return self.sign * bases, self.sign * self.columns.grouped(values)

    def randomised(self, generator: np.random.Generator, background: pd.DataFrame) -> TreeModel:
        """Every tree asks about other columns than it learnt to."""
        del background
        width = len(self.columns.sources)
        trees = []
        for one in self.ensemble.trees:
            dealt = generator.integers(0, width, size=len(one.feature))
            trees.append(dataclasses.replace(one, feature=np.where(one.left >= 0, dealt, one.feature)))
        return dataclasses.replace(self, ensemble=dataclasses.replace(self.ensemble, trees=trees))


class Walks:
    """From each background row to the explained row, one feature at a time, along an order and its reverse.

    The steps of a walk add up to the whole way, so additivity holds by construction; the single values are means over
    2 x background walks.
    """

    exact, asks = False, True

    def __init__(self, answer: Answer, space: str, covered: frozenset[str], reason: str = "") -> None:
        self.method = "permutation walks, interventional" + reason
        self.answer, self.space, self.covered = answer, space, covered

    @classmethod
    def of(cls, other: Explainer) -> Walks:
        """Over the same answers in the same space as another explainer: a second opinion."""
        return cls(other.answer, other.space, other.covered)

    def explain(self, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> tuple[Array, Array]:
        """See `Explainer`; the orders are drawn by `seed`."""
        generator = np.random.default_rng(seed)
        size, width = len(sample), sample.shape[1]
        values: Array | None = None
        base = np.zeros(1)
        for index in range(len(background)):
            order = generator.permutation(width)
            paths = np.stack([order, order[::-1]])
            stages = entering(paths).reshape(-1, 1, width)
            answers = self.answer(mixed(sample, background.iloc[[index]], stages)).reshape(width + 1, 2, size, -1)
            if values is None:
                values, base = np.zeros((size, width, answers.shape[3])), np.zeros(answers.shape[3])
            for turn, path in enumerate(paths):
                values[:, path] += np.diff(answers[:, turn], axis=0).transpose(1, 0, 2)
                base = base + answers[0, turn, 0]
        walks = 2 * len(background)
        if values is None:
            raise ValueError("there is no background row to walk from")
        return base / walks, values / walks

    def randomised(self, generator: np.random.Generator, background: pd.DataFrame) -> Walks:
        """The model reads each column from another one, which takes its place in rank."""
        honest, width = self.answer, background.shape[1]
        shift = generator.permutation(width)
        sources = np.empty(width, dtype=int)
        sources[shift] = np.roll(shift, 1)
        known = [np.unique(background[name].dropna().to_numpy()) for name in background.columns]
        if not all(len(values) for values in known):
            raise ValueError("a column of the background is empty")
        return Walks(lambda frame: honest(_crossed(frame, sources, known)), self.space, self.covered)


def _crossed(frame: pd.DataFrame, sources: Sequence[int] | Array, known: Sequence[Array]) -> pd.DataFrame:
    """Each column filled from another one: by its place among the values known of that one."""
    crossed = {}
    for index, (name, source) in enumerate(zip(frame.columns, sources, strict=True)):
        place = np.searchsorted(known[source], frame.iloc[:, source].to_numpy()) / len(known[source])
        crossed[name] = known[index][np.minimum((place * len(known[index])).astype(int), len(known[index]) - 1)]
    return pd.DataFrame(crossed)


def linear_model(model: Any, task: Task) -> LinearModel | None:
    """The closed form where the model is one of scikit-learn's own linear ones, else None."""
    parts = split(model, task.features)
    if parts is None or type(parts[1]) not in _LINEAR:
        return None
    front, estimator, sources = parts
    weights = np.atleast_2d(np.asarray(estimator.coef_, dtype=float)).T
    intercept = np.resize(np.asarray(estimator.intercept_, dtype=float).reshape(-1), weights.shape[1])
    sign, answer = _signed(model, task)
    return LinearModel(
        columns=_Columns(front, sources, task.features),
        weights=sign * weights,
        intercept=sign * intercept,
        answer=answer,
        space=NUMBER if task.kind == REGRESSION else "log-odds",
        covered=frozenset(sources),
        original=estimator,
        sign=sign,
    )


def tree_model(model: Any, task: Task) -> TreeModel | None:
    """Exact trees where the model is one of scikit-learn's own tree models or a booster read from a file, else None."""
    parts = split(model, task.features)
    if parts is None:
        return None
    front, estimator, sources = parts
    columns, covered = _Columns(front, sources, task.features), frozenset(sources)
    if hasattr(estimator, "ensemble") and hasattr(estimator, "margin"):
        sign = -1.0 if task.kind == BINARY and positive_index(model, task) == 0 else 1.0
        trees: Ensemble = estimator.ensemble
        chosen = list(range(len(trees.offset)))
        answer: Answer = lambda frame: sign * estimator.margin(frame)  # noqa: E731 - an answer like the others
        return TreeModel(
            columns, trees, chosen, sign, answer, estimator.margin_space, covered, original=estimator.booster
        )
    if not is_tree(estimator) or has_native_categories(estimator):
        return None
    read = ensemble_of(estimator)
    if read is None:
        return None
    trees = read
    if type(estimator) in BOOSTED or task.kind == REGRESSION:
        sign, answer = _signed(model, task)
        chosen = list(range(trees.trees[0].worth.shape[1]))
        space = NUMBER if task.kind == REGRESSION else "log-odds"
        return TreeModel(columns, trees, chosen, sign, answer, space, covered, original=estimator)
    answer, space = outputs_of(model, task)
    chosen = [positive_index(model, task)] if task.kind == BINARY else list(range(trees.trees[0].worth.shape[1]))
    return TreeModel(columns, trees, chosen, 1.0, answer, space, covered, original=estimator)


def _signed(model: Any, task: Task) -> tuple[float, Answer]:
    """The real margin: of the positive class where there are two, of each class where there are more."""
    if task.kind == REGRESSION:
        return 1.0, lambda frame: _column(model.predict(frame), len(frame))
    sign = -1.0 if task.kind == BINARY and positive_index(model, task) == 0 else 1.0
    return sign, lambda frame: sign * _column(model.decision_function(frame), len(frame))


def outputs_of(model: Any, task: Task) -> tuple[Answer, str]:
    """The real model's answer as rows x outputs, and the space it is in. Raises EvidenceError."""
    if task.kind == REGRESSION:
        return lambda frame: _column(model.predict(frame), len(frame)), NUMBER
    chosen: Sequence[int] | slice = [positive_index(model, task)] if task.kind == BINARY else slice(None)
    if hasattr(model, "predict_proba"):
        return lambda frame: _column(model.predict_proba(frame), len(frame))[:, chosen], "probability"
    if hasattr(model, "decision_function"):
        return _signed(model, task)[1], "decision function"
    raise EvidenceError("model", "has neither predict_proba nor decision_function, so there is no degree to explain")


def _column(answers: Any, rows: int) -> Array:
    matrix: Array = np.asarray(answers, dtype=float).reshape(rows, -1)
    return matrix
