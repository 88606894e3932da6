"""How well the model predicts on the evaluation data, each number with its interval.

Binary: accuracy, precision, recall (Wilson; Clopper-Pearson below 40), F1 (resampled counts), log loss and Brier score
(mean over rows, Student), area under the ROC curve (DeLong on the logit scale). Regression: MAE and quantile (pinball)
loss (Student; Koenker & Bassett 1978), RMSE (square root of the interval of the mean squared error), R² (delta method
on log(1 - R²)). Rows without label or prediction are counted, and above the tolerated share nothing is estimable.

Everything comes from sums over the rows, so memory is bounded and weights count: every interval uses Kish's effective
number. Where the model itself has to be asked, it is asked in batches. With `latency_asks`, single rows are asked and
timed: median and 95th percentile with the interval of order statistics (Conover 1999), and the latter as a multiple of
`latency_ms` in the model's signature. Supports AI Act Art. 15(1)-(3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import WEIGHTS, validate_threshold
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class PerformanceParameters:
    """`missing_tolerated`: share of rows without label or prediction above which nothing is estimable.

    `weights`: what the column tagged weight means, as for groups: sampling, counts or ignored. `level`: of all
    intervals. `resamples`: for F1. `quantile`: of the quantile loss; 0.5 is half the absolute error. `latency_asks`:
    how many single rows are timed, 0 for none, after `latency_warm_up` that are not. `suppress_below`: a confusion
    table with a count from 1 to below it is withheld, and the rates that would tell it.
    """

    missing_tolerated: float = 0.01
    level: float = 0.95
    resamples: int = 1000
    weights: str = "sampling"
    quantile: float = 0.5
    latency_asks: int = 0
    latency_warm_up: int = 20
    suppress_below: int = 0

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not 0 <= self.missing_tolerated < 1:
            raise ParameterError("missing_tolerated", "must be at least 0 and below 1")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        if not 200 <= self.resamples <= 100_000:  # noqa: PLR2004 - fewer give no tail
            raise ParameterError("resamples", "must be between 200 and 100000")
        if self.weights not in WEIGHTS:
            raise ParameterError("weights", f"must be one of {', '.join(WEIGHTS)}")
        if not 0 < self.quantile < 1:
            raise ParameterError("quantile", "must be between 0 and 1")
        if self.latency_asks and not 20 <= self.latency_asks <= 10_000:  # noqa: PLR2004 - fewer have no 95th percentile
            raise ParameterError("latency_asks", "must be 0, or between 20 and 10000")
        if not 0 <= self.latency_warm_up <= 1000:  # noqa: PLR2004 - a warm engine stays warm
            raise ParameterError("latency_warm_up", "must be between 0 and 1000")
        validate_threshold(self.suppress_below)


class PerformanceMetrics:
    """Scores the evaluation data."""

    id: ClassVar[str] = "performance.metrics"
    version: ClassVar[str] = "4"
    title: ClassVar[str] = "Predictive performance"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[PerformanceParameters]] = PerformanceParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "rows_scored": "Rows with both label and prediction.",
        "missing_fraction": "Share of rows without label or prediction.",
        "accuracy": "Share of rows predicted correctly.",
        "precision": "Share of predicted positives that are actually positive.",
        "recall": "Share of actual positives that are predicted positive.",
        "f1": "Harmonic mean of precision and recall.",
        "log_loss": "Mean negative log likelihood of the labels under the scores, in nats.",
        "brier": "Mean squared distance of score and label.",
        "roc_auc": "Chance that a positive scores above a negative, ties counted half.",
        "mae": "Mean absolute error, in units of the target.",
        "rmse": "Root mean squared error, in units of the target.",
        "r2": "Share of the target's variance that is explained.",
        "quantile_loss": "Mean pinball loss at the chosen quantile, in units of the target.",
        "latency_p50_ms": "Half of the single answers took at most so many milliseconds.",
        "latency_p95_ms": "95 % of the single answers took at most so many milliseconds.",
        "latency_p95_of_declared": "The 95th percentile divided by the latency that the signature declares.",
    }

    def measure(self, evidence: Evidence, parameters: PerformanceParameters) -> Measurement:
        """Measure. Raises EvidenceError: no target, labels that are not labels, scores outside [0, 1]."""
        from audits.checks._scores import measure_performance  # noqa: PLC0415 - heavy

        return measure_performance(evidence, parameters)
