"""How a binary decision treats groups of people, from counts, with intervals that say how far the counts carry.

Per group: selection rate (TP+FP)/n, true positive rate TP/(TP+FN), false positive rate FP/(FP+TN), precision
TP/(TP+FP), negative predictive value TN/(TN+FN), accuracy and prevalence. Each group against the rest of the people:
the signed difference (group - rest) and, for selection, the ratio (group / rest). Over all groups of a feature: the
widest gap, max - min, and for selection min / max.

Names and definitions are those of fairlearn, with which the values agree. Where fairlearn answers 0.0 or NaN because a
group has no positives, no negatives or nobody was selected, the answer here is *not estimable*. The n of a comparison
is the smallest denominator in it, so a limit with a minimum n is undecided exactly where a group is too small.

Missing sensitive values are a group, `(missing)`. Rows without a prediction or a label are counted; above the
tolerated share everything that needs what is missing is not estimable.
Supports AI Act Art. 10(2)(f)-(g) and Art. 15(1); EU Charter Art. 21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import EvidenceError, ParameterError
from audits.checks.grouping import parse_bands, parse_groups
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class GroupParameters:
    """What to compare.

    `sensitive`: columns; empty means those tagged sensitive. `intersect`: columns whose joint groups are added.
    `bands`: cut points of numeric columns, as "age=40,60". `expected_groups`: groups that must be reported even when
    they do not occur, as "sex=f". `missing_tolerated`: share of rows without prediction or label above which nothing
    that needs it is estimable. `level`: of all intervals.
    """

    sensitive: tuple[str, ...] = ()
    intersect: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    expected_groups: tuple[str, ...] = ()
    missing_tolerated: float = 0.01
    level: float = 0.95

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not 0 <= self.missing_tolerated < 1:
            raise ParameterError("missing_tolerated", "must be at least 0 and below 1")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        if len(self.intersect) == 1 or len(set(self.intersect)) != len(self.intersect):
            raise ParameterError("intersect", "must name at least two different columns, or none")
        parse_bands(self.bands)
        parse_groups(self.expected_groups)


class GroupMetrics:
    """Counts cells in one pass and computes every rate, gap and ratio from them."""

    id: ClassVar[str] = "fairness.group_metrics"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Group fairness of decisions"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[GroupParameters]] = GroupParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "group_size": "Rows of the group.",
        "missing_prediction_fraction": "Share of rows without a prediction.",
        "missing_label_fraction": "Share of rows without a label.",
        "missing_sensitive_fraction": "Share of rows whose sensitive value is missing.",
        "selection_rate": "Share of the group that is predicted positive.",
        "true_positive_rate": "Share of the group's actual positives that are predicted positive.",
        "false_positive_rate": "Share of the group's actual negatives that are predicted positive.",
        "precision": "Share of the group's predicted positives that are actually positive.",
        "negative_predictive_value": "Share of the group's predicted negatives that are actually negative.",
        "accuracy": "Share of the group that is predicted correctly.",
        "prevalence": "Share of the group that is actually positive.",
        "selection_rate_difference": "Selection rate of the group minus that of everybody else.",
        "true_positive_rate_difference": "True positive rate of the group minus that of everybody else.",
        "false_positive_rate_difference": "False positive rate of the group minus that of everybody else.",
        "precision_difference": "Precision of the group minus that of everybody else.",
        "accuracy_difference": "Accuracy of the group minus that of everybody else.",
        "selection_rate_ratio_to_rest": "Selection rate of the group divided by that of everybody else.",
        "demographic_parity_difference": "Highest minus lowest selection rate of the groups.",
        "selection_rate_ratio": "Lowest divided by highest selection rate of the groups (the four-fifths rule).",
        "equal_opportunity_difference": "Highest minus lowest true positive rate of the groups.",
        "predictive_equality_difference": "Highest minus lowest false positive rate of the groups.",
        "equalized_odds_difference": "The larger of the gaps in true and in false positive rate.",
        "predictive_parity_difference": "Highest minus lowest precision of the groups.",
        "accuracy_equality_difference": "Highest minus lowest accuracy of the groups.",
    }

    def measure(self, evidence: Evidence, parameters: GroupParameters) -> Measurement:
        """Count and compare. Raises EvidenceError: no sensitive column, labels that are not labels, not binary."""
        from audits.checks._cells import count_cells, with_expected  # noqa: PLC0415 - heavy
        from audits.checks._groups import compare_groups  # noqa: PLC0415 - heavy
        from audits.checks._models import BINARY  # noqa: PLC0415 - heavy
        from audits.checks._outcomes import read_outcomes  # noqa: PLC0415 - heavy

        bands, expected = parse_bands(parameters.bands), parse_groups(parameters.expected_groups)
        dataset = evidence.datasets["evaluation"]
        sensitive = parameters.sensitive or dataset.tagged("sensitive")
        if not sensitive:
            raise EvidenceError("sensitive", "no column is tagged sensitive and none is named; nothing can be compared")
        outcomes = read_outcomes(evidence)
        if outcomes.task.kind != BINARY:
            raise EvidenceError("signature.task", "group metrics need a binary classification")
        table = with_expected(count_cells(outcomes, sensitive, parameters.intersect, bands), expected)
        return Measurement(
            values=compare_groups(table, parameters.missing_tolerated, parameters.level),
            inputs=outcomes.inputs,
            tables={"cells": table.to_table()},
            notes=(f"Predictions come from {outcomes.origin}.", *table.notes),
        )
