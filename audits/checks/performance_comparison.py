"""The new version beside the one that is in the stage now, on the same rows.

Increase in error rate (in regression: in mean absolute error) and in Brier score, new minus current. Both are asked
about every row, so the differences are paired: Student's interval of the mean of the row-by-row differences, and for
decisions McNemar's exact test of the rows that only one gets right. A limit `at_most: "0.01"` on an increase is a test
of non-inferiority with that margin: it is satisfied only when the whole interval lies below the margin.

Both are asked in batches, and of the rows only their joint errors are kept, so memory is bounded. Weighted rows enter
with Kish's effective number. The exact test counts rows: for weighted rows it is not estimable, unless the weights are
counts.

Where no version is in the stage yet there is nothing to compare with, the check does not run, and a gate that asks for
it needs a waiver for the first version. Supports AI Act Art. 15(1)-(3), 72.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import WEIGHTS
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class ComparisonParameters:
    """`stage`: whose version is the reference. `weights`: as for groups, sampling, counts or ignored."""

    stage: str = "production"
    level: float = 0.95
    weights: str = "sampling"

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not self.stage.strip():
            raise ParameterError("stage", "must name the stage whose version is compared with")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        if self.weights not in WEIGHTS:
            raise ParameterError("weights", f"must be one of {', '.join(WEIGHTS)}")


class PerformanceComparison:
    """Asks both models about the evaluation data."""

    id: ClassVar[str] = "performance.comparison"
    version: ClassVar[str] = "5"
    title: ClassVar[str] = "Performance beside the version in the stage"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation", "model", "reference_model"})
    Parameters: ClassVar[type[ComparisonParameters]] = ComparisonParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "error_increase": "Error rate, or mean absolute error, of the new version minus that of the current one.",
        "brier_increase": "Brier score of the new version minus that of the current one.",
        "disagreement": "Share of rows on which both versions decide differently.",
        "mcnemar_p_value": "Chance of such unlike errors if both versions erred equally often.",
    }

    def measure(self, evidence: Evidence, parameters: ComparisonParameters) -> Measurement:
        """Measure. Raises EvidenceError: a model that cannot be asked, other tasks, no labels, unfit weights."""
        from audits.checks._comparison import measure_comparison  # noqa: PLC0415 - heavy

        return measure_comparison(evidence, parameters)
