"""How a decision between several classes treats groups of people.

Each class against all others (one-vs-rest): the group's rate of being assigned the class, its recall, false positive
rate and precision, the widest gaps of these over the groups and equalized odds, exactly as in `fairness.group_metrics`
for the two-way decision "this class or not". The feature of a value is written `sex | grade=A`. Over the classes:
accuracy (Wilson), and the means of recall and of F1 over the classes that occur in the group (macro), resampled from
the group's confusion table.

Gaps of assignment concern every class, also those nobody wants: a limit may name the feature `sex | grade=A` of the
class that matters. Supports AI Act Art. 10(2)(f)-(g) and 15(1).
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
class MulticlassParameters(MissingParameters):
    """Beside the common ones. `missing_tolerated`: share of rows without label or prediction. `resamples`: of means."""

    resamples: int = 1000

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        MissingParameters.__post_init__(self)
        if not 200 <= self.resamples <= 100_000:  # noqa: PLR2004 - fewer give no tail
            raise ParameterError("resamples", "must be between 200 and 100000")


class MulticlassFairness:
    """Counts label by prediction per group, then looks at each class by itself and at all."""

    id: ClassVar[str] = "fairness.multiclass"
    version: ClassVar[str] = "3"
    title: ClassVar[str] = "Group fairness of decisions between classes"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[MulticlassParameters]] = MulticlassParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "accuracy": "Share of the group that is assigned its own class.",
        "macro_recall": "Mean over the classes of the share of each that is recognised.",
        "macro_f1": "Mean over the classes of the harmonic mean of precision and recall.",
        "accuracy_equality_difference": "Highest minus lowest accuracy of the groups.",
        "selection_rate": "Share of the group that is assigned the class.",
        "false_positive_rate": "Share of the group's members of other classes that are assigned the class.",
        "true_positive_rate": "Share of the group's members of the class that are assigned it.",
        "precision": "Share of those of the group assigned the class that belong to it.",
        "demographic_parity_difference": "Highest minus lowest share of the groups that is assigned the class.",
        "worst_group_accuracy": "Lowest accuracy of any group.",
        "predictive_equality_difference": "Highest minus lowest share of other classes that is assigned the class.",
        "equalized_odds_difference": "The larger of the gaps in recognising the class and in assigning it wrongly.",
        "equal_opportunity_difference": "Highest minus lowest share of the class that is recognised.",
        "predictive_parity_difference": "Highest minus lowest precision for the class.",
    }

    def measure(self, evidence: Evidence, parameters: MulticlassParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no labels, more values than classes can have."""
        from audits.checks._multiclass import measure_multiclass  # noqa: PLC0415 - heavy

        return measure_multiclass(evidence, parameters)
