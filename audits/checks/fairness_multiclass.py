"""How a decision between several classes treats groups of people.

Each class against all others (one-vs-rest): the group's rate of being assigned the class, its recall and its precision,
and the widest gaps of these over the groups, exactly as in `fairness.group_metrics` for the two-way decision "this
class or not". The feature of a value is written `sex | grade=A`. Over the classes: accuracy (Wilson), and the means of
recall and of F1 over the classes that occur in the group (macro), resampled from the group's confusion table.

Gaps of assignment concern every class, also those nobody wants: a limit may name the feature `sex | grade=A` of the
class that matters. Supports AI Act Art. 10(2)(f)-(g) and 15(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import GroupingParameters
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class MulticlassParameters(GroupingParameters):
    """Beside the common ones. `missing_tolerated`: share of rows without label or prediction. `resamples`: of means."""

    missing_tolerated: float = 0.01
    resamples: int = 1000

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        GroupingParameters.__post_init__(self)
        if not 0 <= self.missing_tolerated < 1:
            raise ParameterError("missing_tolerated", "must be at least 0 and below 1")
        if not 200 <= self.resamples <= 100_000:  # noqa: PLR2004 - fewer give no tail
            raise ParameterError("resamples", "must be between 200 and 100000")


class MulticlassFairness:
    """Counts label by prediction per group, then looks at each class by itself and at all."""

    id: ClassVar[str] = "fairness.multiclass"
    version: ClassVar[str] = "2"
    title: ClassVar[str] = "Group fairness of decisions between classes"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[MulticlassParameters]] = MulticlassParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "accuracy": "Share of the group that is assigned its own class.",
        "macro_recall": "Mean over the classes of the share of each that is recognised.",
        "macro_f1": "Mean over the classes of the harmonic mean of precision and recall.",
        "accuracy_equality_difference": "Highest minus lowest accuracy of the groups.",
        "selection_rate": "Share of the group that is assigned the class.",
        "true_positive_rate": "Share of the group's members of the class that are assigned it.",
        "precision": "Share of those of the group assigned the class that belong to it.",
        "demographic_parity_difference": "Highest minus lowest share of the groups that is assigned the class.",
        "equal_opportunity_difference": "Highest minus lowest share of the class that is recognised.",
        "predictive_parity_difference": "Highest minus lowest precision for the class.",
    }

    def measure(self, evidence: Evidence, parameters: MulticlassParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no labels, more values than classes can have."""
        from audits.checks._multiclass import measure_multiclass  # noqa: PLC0415 - heavy

        return measure_multiclass(evidence, parameters)
