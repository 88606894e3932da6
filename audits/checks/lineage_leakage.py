"""Did training see what the evaluation asks? Rows, people, time and the target itself.

*Exact*: the share of evaluation rows that equal a training row in every shared column that describes the row (features
and target; not identifiers, outputs, weights or times). *Near*: equal in all of them but one, numbers compared at
about `digits` significant digits. Every column is left out in turn, so at a distance of one column nothing is missed,
unlike with MinHash, which finds a part. Rows are compared by 64-bit fingerprints, which collide by chance about once in
2^64 pairs. With few columns honest strangers coincide, so the share of training rows that
have a twin within the training data stands beside it as a yardstick.

*People*: the share of evaluation rows whose identifier occurs in training. *Time*: the share of evaluation rows that
are not later than the newest training row, by the column tagged timestamp. *Target*: how well each feature alone
predicts the target (area under the ROC curve, folded to 0.5-1): each bin of the feature scores as its share of
positives in training, measured on the evaluation rows, with DeLong's interval. A feature that does it nearly alone was
often written down after the fact. Only these aggregates are kept, never a fingerprint.

Sources: Kaufman et al. 2012, Leakage in Data Mining; Kapoor & Narayanan 2023, Leakage and the reproducibility crisis.
Supports AI Act Art. 10(3) and 9(8).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class LeakageParameters:
    """`digits`: significant digits of numbers in near rows. `bins`: of a feature. `level`: of all intervals."""

    digits: int = 3
    bins: int = 20
    level: float = 0.95

    def __post_init__(self) -> None:
        """Values that measure nothing."""
        if not 1 <= self.digits <= 15:  # noqa: PLR2004 - a double has no more
            raise ParameterError("digits", "must be between 1 and 15")
        if not 2 <= self.bins <= 200:  # noqa: PLR2004 - fewer tell nothing, more are rows
            raise ParameterError("bins", "must be between 2 and 200")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")


class Leakage:
    """Compares the evaluation data with the training data, and each feature with the target."""

    id: ClassVar[str] = "lineage.leakage"
    version: ClassVar[str] = "2"
    title: ClassVar[str] = "Leakage from evaluation into training"
    needs: ClassVar[frozenset[str]] = frozenset({"train", "evaluation"})
    Parameters: ClassVar[type[LeakageParameters]] = LeakageParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "exact_overlap_fraction": "Share of evaluation rows that equal a training row in all describing columns.",
        "near_overlap_fraction": "Share of evaluation rows that equal a training row in all columns but one.",
        "training_twin_fraction": "Share of training rows that equal an earlier training row: what chance gives here.",
        "identifier_overlap_fraction": "Share of evaluation rows whose identifier occurs in training.",
        "temporal_overlap_fraction": "Share of evaluation rows that are not later than the newest training row.",
        "target_auc": "How well the feature alone predicts the target on evaluation rows, 0.5 to 1.",
        "worst_target_auc": "The largest of these over all features.",
    }

    def measure(self, evidence: Evidence, parameters: LeakageParameters) -> Measurement:
        """Measure. Raises EvidenceError: unreadable or empty file, a declared column that is absent."""
        from audits.checks._leakage import measure_leakage  # noqa: PLC0415 - heavy

        return measure_leakage(evidence, parameters)
