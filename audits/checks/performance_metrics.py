"""How well the model predicts on the evaluation data, each number with its interval.

Binary: accuracy, precision, recall (Wilson; Clopper-Pearson below 40), F1 (resampled counts), log loss and Brier score
(mean over rows, Student), area under the ROC curve (DeLong on the logit scale). Regression: MAE (Student), RMSE (square
root of the interval of the mean squared error), R² (seeded bootstrap). Rows without label or prediction are counted,
and above the tolerated share nothing is estimable. Supports AI Act Art. 15(1)-(3).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class PerformanceParameters:
    """`missing_tolerated`: share of rows without label or prediction above which nothing is estimable.

    `level`: of all intervals. `resamples`: for the two metrics without a closed form (F1, R²).
    """

    missing_tolerated: float = 0.01
    level: float = 0.95
    resamples: int = 1000

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not 0 <= self.missing_tolerated < 1:
            raise ParameterError("missing_tolerated", "must be at least 0 and below 1")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        if not 200 <= self.resamples <= 100_000:  # noqa: PLR2004 - fewer give no tail
            raise ParameterError("resamples", "must be between 200 and 100000")


class PerformanceMetrics:
    """Scores the evaluation data."""

    id: ClassVar[str] = "performance.metrics"
    version: ClassVar[str] = "1"
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
    }

    def measure(self, evidence: Evidence, parameters: PerformanceParameters) -> Measurement:
        """Measure. Raises EvidenceError: no target, labels that are not labels, scores outside [0, 1]."""
        from audits.checks._scores import measure_performance  # noqa: PLC0415 - heavy

        return measure_performance(evidence, parameters)
