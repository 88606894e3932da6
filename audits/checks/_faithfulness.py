"""Does the explanation describe this model? Questions put to the model itself. Worker only.

Deletion and insertion follow Petsiuk et al. (2018), the randomisation test Adebayo et al. (2018). All of it is asked of
a few rows and a few background rows, in the space that is explained, with several outputs taken together.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype
from scipy.stats import rankdata

from audits.checks._asked import second_opinion
from audits.checks._attribute import explain, translated
from audits.checks._explainers import Explainer, Walks
from audits.checks._mixed import entering, mixed
from audits.checks._redrawn import redrawn_sums
from audits.checks._shares import Resampled
from audits.checks.explainability_shap import ExplanationParameters
from audits.measurements import MetricValue
from audits.statistics import intervals

Array = np.ndarray[Any, Any]
TRIAL_ROWS, TRIAL_BACKGROUND, HALF_ROWS = 40, 10, 100
_RANKABLE, _REASONS, _TWINS = 3, 3, 3
_NO_MOVE = 1e-9


class Trials:
    """Questions about one explainer, `rows` and `background`, all drawn by `seed`."""

    def __init__(
        self,
        explainer: Explainer,
        rows: pd.DataFrame,
        background: pd.DataFrame,
        parameters: ExplanationParameters,
        seed: int,
    ) -> None:
        self._explainer, self._parameters, self._seed = explainer, parameters, seed
        self._rows, self._background = rows, background
        self._few = rows.iloc[:TRIAL_ROWS].reset_index(drop=True)
        self._reference = background.iloc[:: max(1, len(background) // TRIAL_BACKGROUND)][
            :TRIAL_BACKGROUND
        ].reset_index(drop=True)
        self._mine = explain(explainer, self._few, self._reference, seed)
        self._second = (
            second_opinion(explainer, background, parameters.high_correlation)
            if isinstance(explainer, Walks)
            else Walks.of(explainer)
        )

    @property
    def second_method(self) -> str:
        """The name of what `method_agreement` compares with."""
        return self._second.method

    def measure(self) -> Iterator[MetricValue]:
        """Stability, faithfulness, agreement and the randomisation test."""
        yield from self._stability()
        yield self._rerun()
        yield from self._faithfulness()
        yield self._agreement()
        yield self._randomisation()

    # -- stability ----------------------------------------------------------------------------------------------------
    def _stability(self) -> Iterator[MetricValue]:
        """Two disjoint halves of rows, each against its own half of the background; and one half against both."""
        generator = np.random.default_rng(self._seed + 1)
        rows, references = (_halves(frame, generator) for frame in (self._rows, self._background))
        rows = [part.iloc[:HALF_ROWS].reset_index(drop=True) for part in rows]
        first = explain(self._explainer, rows[0], references[0], self._seed + 1).absolute
        both = explain(self._explainer, pd.concat(rows, ignore_index=True), references[1], self._seed + 2).absolute
        other, second = both[: len(first)], both[len(first) :]
        yield self._correlation("rank_stability", first, second)
        kept = [len(set(a) & set(b)) / len(a) for a, b in zip(_top(first), _top(other), strict=True)]
        yield self._mean("top_reasons_stability", np.array(kept))

    def _rerun(self) -> MetricValue:
        """The same rows and background again with other random orders: 0 for exact methods."""
        again = explain(self._explainer, self._few, self._reference, self._seed + 4)
        scale = float(self._mine.absolute.sum(axis=1).mean()) or 1.0
        apart = float(np.abs(again.phi - self._mine.phi).max()) / scale
        return MetricValue(metric="rerun_difference", value=apart, n=len(self._few))

    # -- faithfulness -------------------------------------------------------------------------------------------------
    def _faithfulness(self) -> Iterator[MetricValue]:
        """Areas under the deletion and insertion curves, as shares of the way from the base value to the answer.

        Deletion takes features out, the strongest for the answer first: a faithful order falls fast. Insertion puts
        them in: it rises fast. The gain is what the order beats a random one by in deletion.
        """
        values, n = self._towards()
        if values is None:
            reason = "no answer of the model differs from its mean"
            for metric in ("deletion_area", "insertion_area", "random_deletion_area", "faithfulness_gain"):
                yield MetricValue(metric=metric, value=None, n=n, not_estimable=reason)
            return
        best = np.argsort(-values, axis=1, kind="stable")
        generator = np.random.default_rng(self._seed + 5)
        luck = np.argsort(generator.random(values.shape), axis=1)
        deletion, insertion, random = self._areas(np.stack([best[:, ::-1], best, luck[:, ::-1]]))
        yield self._mean("deletion_area", deletion)
        yield self._mean("insertion_area", insertion)
        yield self._mean("random_deletion_area", random)
        yield self._mean("faithfulness_gain", random - deletion)

    def _towards(self) -> tuple[Array | None, int]:
        """Attributions in the direction of the row's own answer, for the output that moved most."""
        moved = self._mine.outputs - self._mine.base
        self._output = np.abs(moved).argmax(axis=1)
        here = np.arange(len(moved))
        self._way = moved[here, self._output]
        self._scale = float(np.abs(self._way).mean())
        if self._scale == 0.0:
            return None, len(moved)
        towards: Array = np.sign(self._way)[:, None] * self._mine.phi[here, :, self._output]
        return towards, len(moved)

    def _areas(self, orders: Array) -> Array:
        """Mean over the curves (curves x rows) as features enter in the order of each row; backwards it is a deletion.

        The model is asked once, about every row at every stage against every background row. `orders` is curves x rows
        x features.
        """
        curves, size, width = orders.shape
        stages = entering(orders.reshape(-1, width)).reshape(-1, size, width)
        asked = translated(lambda: self._explainer.answer(mixed(self._few, self._reference, stages)))
        answers = asked.reshape(width + 1, curves, len(self._reference), size, -1).mean(axis=(0, 2))
        moved = answers[:, np.arange(size), self._output] - self._mine.base[self._output]
        areas: Array = np.sign(self._way) * moved / self._scale
        return areas

    # -- the explainer beside others ----------------------------------------------------------------------------------
    def _agreement(self) -> MetricValue:
        """Rank correlation of importances with a second method: walks for what does not walk itself, else shap's."""
        theirs = explain(self._second, self._few, self._reference, self._seed + 6).absolute
        return self._correlation("method_agreement", self._mine.absolute, theirs)

    def _randomisation(self) -> MetricValue:
        """Mean rank correlation, row by row, with explanations of models that forgot what they learnt: a control.

        An explanation that stays as it was would describe the data or the method, and not the model.
        """
        if self._few.shape[1] < _RANKABLE:
            return self._not_ranked()
        found = []
        for turn in range(_TWINS):
            theirs = translated(partial(self._forgetful, self._seed + 7 + turn))
            found.append(_spearman(*(part.reshape(len(self._few), -1) for part in (self._mine.phi, theirs))))
        known = np.array(found)
        known = known[:, ~np.isnan(known).any(axis=0)].mean(axis=0)
        return self._mean("randomisation_correlation", known) if len(known) else self._not_ranked()

    def _forgetful(self, seed: int) -> Array:
        twin = self._explainer.randomised(np.random.default_rng(seed), self._background)
        return twin.explain(self._few, self._reference, seed)[1]

    def _not_ranked(self) -> MetricValue:
        reason = "there is no ranking to compare"
        return MetricValue(metric="randomisation_correlation", value=None, n=len(self._few), not_estimable=reason)

    # -- values -------------------------------------------------------------------------------------------------------
    def _mean(self, metric: str, sample: Array) -> MetricValue:
        interval = intervals.mean(sample, self._parameters.level)
        return MetricValue(metric=metric, value=float(sample.mean()), n=len(sample), interval=interval)

    def _correlation(self, metric: str, first: Array, second: Array) -> MetricValue:
        return rank_correlation(metric, first, second, self._parameters, self._seed)


def rank_correlation(metric: str, first: Array, second: Array, how: Resampled, seed: int) -> MetricValue:
    """Spearman's of the mean |attribution|; the interval resamples the rows of both."""
    n, features = len(first) + len(second), first.shape[1]
    if features < _RANKABLE:
        reason = f"a ranking needs three features, and the model has {features}"
        return MetricValue(metric=metric, value=None, n=n, not_estimable=reason)
    point = float(_spearman(*(part.mean(axis=0, keepdims=True) for part in (first, second)))[0])
    if np.isnan(point):
        return MetricValue(metric=metric, value=None, n=n, not_estimable="all features matter equally little")
    draws = [redrawn_sums(part, how.resamples, seed + index)[:, 0] for index, part in enumerate((first, second))]
    known = _spearman(*draws)
    interval = intervals.percentile(known[~np.isnan(known)], point, how.level, "bootstrap")
    return MetricValue(metric=metric, value=point, n=n, interval=interval)


def _halves(frame: pd.DataFrame, generator: np.random.Generator) -> list[pd.DataFrame]:
    order = generator.permutation(len(frame))
    return [frame.iloc[np.sort(chosen)].reset_index(drop=True) for chosen in np.array_split(order, 2)]


def _top(absolute: Array) -> Array:
    """The strongest reasons of each row."""
    return np.argsort(-absolute, axis=1, kind="stable")[:, : min(_REASONS, absolute.shape[1])]


def _spearman(first: Array, second: Array) -> Array:
    """Row by row; NaN where a row has no order."""
    a, b = (rankdata(part, axis=1) for part in (first, second))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    below = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    correlation: Array = np.divide((a * b).sum(axis=1), below, out=np.full(len(a), np.nan), where=below > 0)
    return correlation


def violations(
    explainer: Explainer, rows: pd.DataFrame, expected: Sequence[tuple[str, int]], level: float
) -> Iterator[MetricValue]:
    """For each (feature, +1 or -1) the share of rows whose answer moves the other way as the feature rises.

    The feature walks over nine quantiles of `rows`, the rest of the row stays. For one output only.
    """
    few = rows.iloc[: 5 * TRIAL_ROWS].reset_index(drop=True)
    for name, direction in expected:
        metric, n = "monotonicity_violation", len(few)
        if not is_numeric_dtype(few[name]):
            yield MetricValue(metric=metric, value=None, n=n, feature=name, not_estimable="the column is not a number")
            continue
        grid = np.unique(np.nanquantile(rows[name].astype(float), np.linspace(0.1, 0.9, 9), method="nearest"))
        answers = []
        for stop in grid:
            moved = few.assign(**{name: np.full(n, stop).astype(few[name].dtype)})
            answers.append(translated(partial(explainer.answer, moved)))
        steps = np.diff(np.array(answers), axis=0)
        if steps.shape[-1] != 1 or not len(steps):
            reason = "the model has several outputs" if steps.shape[-1] != 1 else "the column has one value"
            yield MetricValue(metric=metric, value=None, n=n, feature=name, not_estimable=reason)
            continue
        wrong = (direction * steps[:, :, 0] < -_NO_MOVE).any(axis=0)
        interval = intervals.proportion(int(wrong.sum()), n, level)
        yield MetricValue(metric=metric, value=float(wrong.mean()), n=n, feature=name, interval=interval)
