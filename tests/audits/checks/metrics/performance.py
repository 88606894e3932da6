"""The audit of `performance.metrics`, as decisions, numbers and times, and of `performance.comparison`."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import numpy as np
import skops.io
from scipy import special
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from audits.checks.performance_comparison import PerformanceComparison
from audits.checks.performance_metrics import PerformanceMetrics, PerformanceParameters
from audits.evidence import Evidence
from audits.measurements import Measurement
from registry.canonical import digest_file
from tests.audits.checks.diabetes import patient_evidence, pipeline
from tests.audits.checks.evidence_files import dataset
from tests.audits.checks.metrics.audited import SECOND_FORMULA, SKLEARN, Audited, Figures, Rows, Subject, Tags, written

DECIDED: Tags = {"y": ("integer", ("target",)), "s": ("number", ("score",))}
PREDICTED: Tags = {"y": ("number", ("target",)), "p": ("number", ("prediction",))}
WEIGHT: Tags = {"w": ("number", ("weight",))}
REGRESSION: dict[str, Any] = {"task": "regression", "positive_label": None}
QUANTILE = 0.8


def everybody(function: Callable[[Rows], float]) -> Callable[[Rows], Figures]:
    return lambda people: {("", ""): function(people)}


def one(value: float) -> Figures:
    return {("", ""): value}


# -- Decisions and scores ----------------------------------------------------------------------------------------------
def small_scores(path: Path) -> Evidence:
    return written(path, {"y": [1, 1, 0, 0], "s": [0.9, 0.4, 0.6, 0.1]}, DECIDED)


def scores(*, weighted: bool) -> Rows:
    random = np.random.default_rng(21)
    s = np.round(random.uniform(0.02, 0.98, 700), 2)
    w = np.round(random.uniform(0.2, 3, 700), 3) if weighted else np.ones(700)
    y = random.binomial(1, s).astype(float)
    y[[3, 8]] = np.nan
    return Rows({"y": y, "s": s, "w": w}, weighted)


def drawn_scores(path: Path, held: Rows) -> Evidence:
    y = np.array([None if np.isnan(value) else int(value) for value in held["y"]], dtype=object)
    return written(path, {**held.columns, "y": y}, {**DECIDED, **WEIGHT} if held.weighted else DECIDED)


def of_decisions(function: Callable[..., Any]) -> Callable[[Rows], Figures]:
    def value(people: Rows) -> float:
        own = people.known("y")
        return float(function(own["y"].astype(int), (own["s"] >= 0.5).astype(int), sample_weight=own["w"]))

    return everybody(value)


def of_scores(function: Callable[..., Any]) -> Callable[[Rows], Figures]:
    def value(people: Rows) -> float:
        own = people.known("y")
        return float(function(own["y"].astype(int), own["s"], sample_weight=own["w"]))

    return everybody(value)


def scored(name: str) -> dict[str, Audited]:
    """The two counts that both kinds of task have; two rows have no label."""
    return {
        "rows_scored": Audited(one(4), everybody(lambda people: len(people.known(*name))), SECOND_FORMULA),
        "missing_fraction": Audited(
            one(0.0), everybody(lambda people: 1 - len(people.known(*name)) / len(people)), SECOND_FORMULA
        ),
    }


BY_SCORE = {
    **scored("y"),
    "accuracy": Audited(one(0.5), of_decisions(metrics.accuracy_score), SKLEARN),
    "precision": Audited(one(0.5), of_decisions(metrics.precision_score), SKLEARN),
    "recall": Audited(one(0.5), of_decisions(metrics.recall_score), SKLEARN),
    "f1": Audited(one(0.5), of_decisions(metrics.f1_score), SKLEARN),
    "log_loss": Audited(one(-(math.log(0.9) + math.log(0.4)) / 2), of_scores(metrics.log_loss), SKLEARN),
    "brier": Audited(one(0.185), of_scores(metrics.brier_score_loss), SKLEARN),
    "roc_auc": Audited(one(0.75), of_scores(metrics.roc_auc_score), SKLEARN),
}


# -- Numbers -----------------------------------------------------------------------------------------------------------
def small_numbers(path: Path) -> Evidence:
    """Errors 1, 0, -2 and 1 around a mean of 2.5."""
    return written(path, {"y": [1, 2, 3, 4], "p": [2, 2, 1, 5]}, PREDICTED, **REGRESSION)


def numbers(*, weighted: bool) -> Rows:
    random = np.random.default_rng(22)
    y = random.normal(50, 12, 600)
    w = np.round(random.uniform(0.2, 3, 600), 3) if weighted else np.ones(600)
    p = y + random.normal(1, 5, 600)
    p[[0, 9]] = np.nan
    return Rows({"y": y, "p": p, "w": w}, weighted)


def drawn_numbers(path: Path, held: Rows) -> Evidence:
    return written(path, held.columns, {**PREDICTED, **WEIGHT} if held.weighted else PREDICTED, **REGRESSION)


def of_numbers(function: Callable[..., Any], **more: Any) -> Callable[[Rows], Figures]:
    def value(people: Rows) -> float:
        own = people.known("y", "p")
        return float(function(own["y"], own["p"], sample_weight=own["w"], **more))

    return everybody(value)


BY_NUMBER = {
    **scored("yp"),
    "mae": Audited(one(1.0), of_numbers(metrics.mean_absolute_error), SKLEARN),
    "rmse": Audited(one(math.sqrt(1.5)), of_numbers(metrics.root_mean_squared_error), SKLEARN),
    "r2": Audited(one(1 - 6 / 5), of_numbers(metrics.r2_score), SKLEARN),
    "quantile_loss": Audited(
        one((0.2 * 1 + 0.8 * 2 + 0.2 * 1) / 4), of_numbers(metrics.mean_pinball_loss, alpha=QUANTILE), SKLEARN
    ),
}


# -- Times, told by a clock of our own ---------------------------------------------------------------------------------
class Timed(PerformanceMetrics):
    """The check with a clock that takes these milliseconds for each answer."""

    def __init__(self, milliseconds: Callable[[], np.ndarray]) -> None:
        self._milliseconds = milliseconds

    def measure(self, evidence: Evidence, parameters: PerformanceParameters) -> Measurement:
        with mock.patch.object(time, "perf_counter_ns", self._ticks().__next__):
            return super().measure(evidence, parameters)

    def _ticks(self) -> Iterator[float]:
        now = 0.0
        for taken in self._milliseconds():
            yield now
            now += taken * 1e6
            yield now


def times(*, weighted: bool) -> Rows:
    random = np.random.default_rng(23)
    return Rows({"ms": np.round(random.gamma(2, 4, 200), 3) if not weighted else np.ones(200), "w": np.ones(200)})


def quick_model(path: Path, _: Rows | None = None) -> Evidence:
    return patient_evidence(path, pipeline(LogisticRegression()), latency_ms=40)


def percentile(q: float, declared: float = 1.0) -> Callable[[Rows], Figures]:
    return everybody(lambda people: float(np.quantile(people["ms"], q, method="inverted_cdf")) / declared)


#: 1, 2, … 100 milliseconds: half take at most 50, 95 % at most 95.
BY_HAND = Timed(lambda: np.arange(1.0, 101.0))
BY_LOT = Timed(lambda: times(weighted=False)["ms"])
NUMPY = "NumPy 2.4.6 (inverted distribution function)"
BY_TIME = {
    "latency_p50_ms": (50.0, percentile(0.5)),
    "latency_p95_ms": (95.0, percentile(0.95)),
    "latency_p95_of_declared": (95 / 40, percentile(0.95, 40)),
}


class TimedBoth(Timed):
    """The small case where a hundred answers are asked for, else the drawn one."""

    def __init__(self) -> None:
        super().__init__(lambda: np.zeros(0))

    def measure(self, evidence: Evidence, parameters: PerformanceParameters) -> Measurement:
        return (BY_HAND if parameters.latency_asks == 100 else BY_LOT).measure(evidence, parameters)


# -- The version in the stage ------------------------------------------------------------------------------------------
COMPARED: Tags = {"x": ("number", ("feature",)), "y": ("integer", ("target",))}
#: The new version selects from x = 1 on, the current one from x = 0 on.
NEW, CURRENT = 1.0, 0.0


def selecting_from(border: float) -> LogisticRegression:
    """A logistic curve of slope 1 that crosses one half at the border."""
    model = LogisticRegression()
    model.classes_, model.coef_, model.intercept_ = np.array([0, 1]), np.array([[1.0]]), np.array([-border])
    model.n_features_in_, model.feature_names_in_ = 1, np.array(["x"], dtype=object)
    return model


def both(path: Path, columns: dict[str, Any]) -> Evidence:
    held = dataset(path / "e.csv", columns, COMPARED, "evaluation")
    given = patient_evidence(path, selecting_from(NEW), features=["x"])
    current = path / "current.skops"
    skops.io.dump(selecting_from(CURRENT), current)
    reference = dataclasses.replace(given.model, name="risk/0", path=current, digest=digest_file(current))
    return dataclasses.replace(given, reference_model=reference, datasets={"evaluation": held})


def patients(*, weighted: bool) -> Rows:
    random = np.random.default_rng(25)
    x = random.normal(size=300)
    y = (x + random.normal(size=300) > 0.3).astype(float)
    return Rows({"x": x, "y": y, "w": np.ones(300)}, weighted)


def answers(people: Rows) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Decisions of both, then scores of both, straight from SciPy's logistic curve."""
    first, second = (special.expit(people["x"] - border) for border in (NEW, CURRENT))
    return first >= 0.5, second >= 0.5, first, second


def chance(wrong_now: int, unequal: int) -> float:
    """McNemar's exact test: twice the smaller tail of so many coins, at most 1."""
    tail: float = sum(math.comb(unequal, k) for k in range(min(wrong_now, unequal - wrong_now) + 1)) / 2**unequal
    return min(1.0, 2 * tail)


def more_errors(people: Rows) -> float:
    first, second, _, _ = answers(people)
    return float(metrics.zero_one_loss(people["y"], first) - metrics.zero_one_loss(people["y"], second))


def more_loss(people: Rows) -> float:
    _, _, first, second = answers(people)
    return float(metrics.brier_score_loss(people["y"], first) - metrics.brier_score_loss(people["y"], second))


def unlike(people: Rows) -> float:
    first, second, _, _ = answers(people)
    return float(metrics.zero_one_loss(first, second))


def unlikely(people: Rows) -> float:
    first, second, _, _ = answers(people)
    only_now, only_before = (
        int(((a != people["y"]) & (b == people["y"])).sum()) for a, b in ((first, second), (second, first))
    )
    return chance(only_now, only_now + only_before)


#: Both are right about the first two; between the borders only the current version selects, rightly.
FEW = {"x": [-1.0, 2.0, *[0.5] * 6], "y": [0, 1, *[1] * 6]}


def curve(x: float) -> float:
    return 1 / (1 + math.exp(-x))


COMPARISON = {
    "error_increase": Audited(one(6 / 8), everybody(more_errors), SKLEARN),
    "brier_increase": Audited(
        one(
            (curve(-2) ** 2 - curve(-1) ** 2 + (1 - curve(1)) ** 2 - (1 - curve(2)) ** 2) / 8
            + 6 / 8 * ((1 - curve(-0.5)) ** 2 - (1 - curve(0.5)) ** 2)
        ),
        everybody(more_loss),
        SKLEARN,
    ),
    "disagreement": Audited(one(6 / 8), everybody(unlike), SKLEARN),
    "mcnemar_p_value": Audited(one(2 / 2**6), everybody(unlikely), f"{SECOND_FORMULA} (binomial coefficients)"),
}

SUBJECTS = [
    Subject(PerformanceMetrics(), small_scores, drawn_scores, scores, BY_SCORE, name="performance.metrics, decisions"),
    Subject(
        PerformanceMetrics(),
        small_numbers,
        drawn_numbers,
        numbers,
        BY_NUMBER,
        parameters={"quantile": QUANTILE},
        small_parameters={"quantile": QUANTILE},
        name="performance.metrics, numbers",
    ),
    Subject(
        TimedBoth(),
        quick_model,
        quick_model,
        times,
        {name: Audited(one(by_hand), reference, NUMPY) for name, (by_hand, reference) in BY_TIME.items()},
        parameters={"latency_asks": 200, "latency_warm_up": 0},
        small_parameters={"latency_asks": 100, "latency_warm_up": 0},
        weighs=False,
        name="performance.metrics, times",
    ),
    Subject(
        PerformanceComparison(),
        lambda path: both(path, FEW),
        lambda path, held: both(path, {name: [value.item() for value in held[name]] for name in ("x", "y")}),
        patients,
        COMPARISON,
        weighs=False,
    ),
]
