"""Whether a score means the same for every group of people.

Per group: mean score minus share of positives (calibration in the large); Brier score, mean of (score - label)²; the
expected calibration error over equal bins of the score, sum of n_b/n · |share of positives - mean score| (Naeini et al.
2015); area under the ROC curve, and the cross-group areas of Kallus & Zhou (2019): a positive of the group above a
negative of the rest (xauc), the reverse, and their difference, which shows who is ranked too low. Over all groups:
highest minus lowest, and the group that fares worst.

Means have Student's interval, areas DeLong's (differences of independent areas by square and add). The interval of the
calibration error takes every bin's share within its own interval at once: the plain error is never 0 by chance, and its
resampled interval would exclude 0 for a perfectly calibrated score; this one does not.

The tables `reliability` and `roc` hold the bins and the ROC points of each group, for the curves. Rows without
label or score are counted; above the tolerated share nothing is estimable. Supports AI Act Art. 10(2)(f)-(g) and 15(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import MissingParameters
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class CalibrationParameters(MissingParameters):
    """Beside the common ones. `bins`: equal parts of [0, 1]. `missing_tolerated`: rows without label or score."""

    bins: int = 10

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        MissingParameters.__post_init__(self)
        if not 2 <= self.bins <= 100:  # noqa: PLR2004 - one bin hides everything
            raise ParameterError("bins", "must be between 2 and 100")


class Calibration:
    """Sums and histograms of the scores, per group."""

    id: ClassVar[str] = "fairness.calibration"
    version: ClassVar[str] = "3"
    title: ClassVar[str] = "Calibration and ranking quality within groups"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[CalibrationParameters]] = CalibrationParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "missing_fraction": "Share of rows without label or score.",
        "calibration_gap": "Mean score of the group minus its share of positives.",
        "brier": "Mean squared distance of score and label in the group.",
        "expected_calibration_error": "Mean distance of score and share of positives over bins of the score.",
        "auc": "Chance that a positive of the group scores above a negative of the group.",
        "xauc": "Chance that a positive of the group scores above a negative of the rest.",
        "xauc_reverse": "Chance that a positive of the rest scores above a negative of the group.",
        "xauc_difference": "xauc minus its reverse; negative where the group is ranked too low.",
        "calibration_gap_difference": "Highest minus lowest calibration gap of the groups.",
        "brier_difference": "Highest minus lowest Brier score of the groups.",
        "auc_difference": "Highest minus lowest area under the curve of the groups.",
        "worst_group_expected_calibration_error": "Highest calibration error of any group.",
        "worst_group_brier": "Highest Brier score of any group.",
        "worst_group_auc": "Lowest area under the curve of any group.",
    }

    def measure(self, evidence: Evidence, parameters: CalibrationParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no scores, scores that are no probabilities."""
        from audits.checks._calibration import measure_calibration  # noqa: PLC0415 - heavy

        return measure_calibration(evidence, parameters)
