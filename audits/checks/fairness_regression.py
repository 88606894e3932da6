"""How a predicted number treats groups of people.

Per group: mean error (prediction - label; negative where the group is underestimated), mean absolute error, root mean
squared error, mean prediction. Each group beside the rest: the Kolmogorov-Smirnov and the Wasserstein-1 distance of
their predictions (statistical parity of scores; Agarwal, Dudík & Wu 2019) and of their errors. Over all groups: highest
minus lowest mean error, mean absolute error and mean prediction; the mean absolute error of the group that fares worst
(bounded group loss, in the same paper).

Means have Student's interval, widest gaps the simultaneous one. The distances have the band of Dvoretzky, Kiefer and
Wolfowitz (Massart 1990) around both distribution functions, which holds for any distribution; for Wasserstein it is
multiplied by the range that was seen.
Supports AI Act Art. 10(2)(f)-(g) and 15(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.grouping import MissingParameters
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class RegressionParameters(MissingParameters):
    """The common ones. `missing_tolerated`: share of rows without label or prediction."""


class RegressionFairness:
    """Sums and histograms of predictions and errors, per group."""

    id: ClassVar[str] = "fairness.regression"
    version: ClassVar[str] = "2"
    title: ClassVar[str] = "Group fairness of predicted numbers"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[RegressionParameters]] = RegressionParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "missing_fraction": "Share of rows without label or prediction.",
        "mean_error": "Mean of prediction minus label in the group, in units of the target.",
        "mean_absolute_error": "Mean distance of prediction and label in the group, in units of the target.",
        "root_mean_squared_error": "Root of the mean squared error in the group, in units of the target.",
        "mean_prediction": "Mean prediction in the group, in units of the target.",
        "prediction_ks": "Largest distance of the distribution functions of predictions, group beside the rest.",
        "prediction_wasserstein": "Mean shift between the distributions of predictions, group beside the rest.",
        "error_ks": "Largest distance of the distribution functions of errors, group beside the rest.",
        "error_wasserstein": "Mean shift between the distributions of errors, group beside the rest.",
        "mean_error_difference": "Highest minus lowest mean error of the groups.",
        "mean_absolute_error_difference": "Highest minus lowest mean absolute error of the groups.",
        "mean_prediction_difference": "Highest minus lowest mean prediction of the groups.",
        "worst_group_mean_absolute_error": "Highest mean absolute error of any group, in units of the target.",
    }

    def measure(self, evidence: Evidence, parameters: RegressionParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no numbers, not a regression."""
        from audits.checks._regression import measure_regression  # noqa: PLC0415 - heavy

        return measure_regression(evidence, parameters)
