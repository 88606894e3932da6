"""How a binary decision treats groups of people, from counts, with intervals that say how far the counts carry.

Per group, from TP, FP, FN, TN: selection rate (TP+FP)/n; true positive rate TP/(TP+FN) and its complement, the false
negative rate; false positive rate FP/(FP+TN) and the true negative rate; precision (PPV) TP/(TP+FP) and the false
discovery rate; negative predictive value TN/(TN+FN) and the false omission rate; accuracy; prevalence; treatment
equality FN/FP (Berk et al. 2018); generalized entropy and Theil index of the benefits (Speicher et al. 2018).
Each group against the rest of the people: the signed difference (group - rest), for selection also the ratio, the
average odds difference, half of (FPR difference + TPR difference), and the least difference in selection that these
numbers of people would have shown. Over all groups of a feature: the widest gap, max - min (demographic parity, equal
opportunity, predictive parity and equality of accuracy), the lowest ratio, min / max (for selection the four-fifths
rule, in both directions at once), equalized odds as the larger, the mean and the ratio of both gaps (Hardt et al.
2016), and the group that fares worst.

Names and definitions are those of fairlearn. Every run asks fairlearn itself about the same counts and records the
largest difference; more than 1e-9 is an error of the check, and nothing is answered. Where fairlearn answers 0.0 or NaN
because a group has no positives, no negatives or nobody was selected, the answer here is *not estimable*. The n of a
comparison is the smallest denominator in it, so a limit with a minimum n is undecided exactly where a group is too
small.

The table `tests` holds the two-sided test of each group against the rest, adjusted over all groups and rates of a
feature (Holm; Benjamini & Hochberg). The table `cells` is the evidence: whoever has it can recompute every value. Where
`suppress_below` withholds small counts, the groups concerned are compared as one, and the notes say so.

Missing sensitive values are a group, `(missing)`. Rows without a prediction or a label are counted; above the
tolerated share everything that needs what is missing is not estimable.
Supports AI Act Art. 10(2)(f)-(g) and Art. 15(1); EU Charter Art. 21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import MissingParameters, parse_bands, parse_groups
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class GroupParameters(MissingParameters):
    """What to compare, beside the common parameters of groups.

    `intersect`: columns whose joint groups are added whatever the depth. `expected_groups`: groups that must be
    reported even when they do not occur, as "sex=f". `missing_tolerated`: share of rows without prediction or label
    above which nothing that needs it is estimable.
    """

    intersect: tuple[str, ...] = ()
    expected_groups: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        MissingParameters.__post_init__(self)
        if len(self.intersect) == 1 or len(set(self.intersect)) != len(self.intersect):
            raise ParameterError("intersect", "must name at least two different columns, or none")
        parse_groups(self.expected_groups)


class GroupMetrics:
    """Counts cells in one pass and computes every rate, gap and ratio from them."""

    id: ClassVar[str] = "fairness.group_metrics"
    version: ClassVar[str] = "4"
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
        "false_negative_rate": "Share of the group's actual positives that are predicted negative.",
        "false_positive_rate": "Share of the group's actual negatives that are predicted positive.",
        "true_negative_rate": "Share of the group's actual negatives that are predicted negative.",
        "precision": "Share of the group's predicted positives that are actually positive.",
        "false_discovery_rate": "Share of the group's predicted positives that are actually negative.",
        "negative_predictive_value": "Share of the group's predicted negatives that are actually negative.",
        "false_omission_rate": "Share of the group's predicted negatives that are actually positive.",
        "accuracy": "Share of the group that is predicted correctly.",
        "prevalence": "Share of the group that is actually positive.",
        "treatment_equality": "False negatives of the group for each of its false positives.",
        "generalized_entropy": "Inequality of the benefits of the decisions (alpha 2); 0 is equal.",
        "theil_index": "Inequality of the benefits of the decisions (alpha 1); 0 is equal.",
        "selection_rate_difference": "Selection rate of the group minus that of everybody else.",
        "true_positive_rate_difference": "True positive rate of the group minus that of everybody else.",
        "false_positive_rate_difference": "False positive rate of the group minus that of everybody else.",
        "precision_difference": "Precision of the group minus that of everybody else.",
        "accuracy_difference": "Accuracy of the group minus that of everybody else.",
        "average_odds_difference": "Mean of the differences in false and true positive rate to everybody else.",
        "selection_rate_ratio_to_rest": "Selection rate of the group divided by that of everybody else.",
        "minimum_detectable_difference": "Least difference in selection to everybody else that would have been seen.",
        "demographic_parity_difference": "Highest minus lowest selection rate of the groups.",
        "equal_opportunity_difference": "Highest minus lowest true positive rate of the groups.",
        "predictive_equality_difference": "Highest minus lowest false positive rate of the groups.",
        "predictive_parity_difference": "Highest minus lowest precision of the groups.",
        "negative_predictive_parity_difference": "Highest minus lowest negative predictive value of the groups.",
        "accuracy_equality_difference": "Highest minus lowest accuracy of the groups.",
        "equalized_odds_difference": "The larger of the gaps in true and in false positive rate.",
        "equalized_odds_mean_difference": "The mean of the gaps in true and in false positive rate.",
        "selection_rate_ratio": "Lowest divided by highest selection rate of the groups (the four-fifths rule).",
        "true_positive_rate_ratio": "Lowest divided by highest true positive rate of the groups.",
        "false_positive_rate_ratio": "Lowest divided by highest false positive rate of the groups.",
        "equalized_odds_ratio": "The smaller of the ratios of true and of false positive rates.",
        "treatment_equality_difference": "Highest minus lowest number of false negatives for each false positive.",
        "worst_group_accuracy": "Lowest accuracy of any group.",
        "worst_group_true_positive_rate": "Lowest true positive rate of any group.",
        "worst_group_false_positive_rate": "Highest false positive rate of any group.",
        "reference_difference": "Largest distance of any figure from what fairlearn makes of the same counts.",
    }

    def measure(self, evidence: Evidence, parameters: GroupParameters) -> Measurement:
        """Count and compare. Raises EvidenceError: no sensitive column, labels that are not labels, not binary.

        Raises ReferenceDisagreementError: the reference implementation makes something else of the same counts.
        """
        from audits.checks._cells import with_expected  # noqa: PLC0415 - heavy
        from audits.checks._grouping import count_cells, groups_of  # noqa: PLC0415 - heavy
        from audits.checks._groups import Comparison, compare_groups  # noqa: PLC0415 - heavy
        from audits.checks._outcomes import Counting, read_outcomes  # noqa: PLC0415 - heavy
        from audits.checks._second_opinion import second_opinion  # noqa: PLC0415 - heavy
        from audits.checks._tasks import BINARY  # noqa: PLC0415 - heavy

        sensitive = parameters.columns_of(evidence.datasets["evaluation"])
        counting = Counting(columns=(*sensitive, *parameters.intersect), weights=parameters.weights)
        outcomes = read_outcomes(evidence, (BINARY,), counting)
        groups = groups_of(
            outcomes.rows,
            sensitive,
            parse_bands(parameters.bands),
            intersect=parameters.intersect,
            depth=parameters.depth,
            most=parameters.most_groups,
        )
        cells = count_cells(outcomes, groups, parameters.weights)
        table = with_expected(cells, parse_groups(parameters.expected_groups))
        how = Comparison(
            missing_tolerated=parameters.missing_tolerated,
            level=parameters.level,
            suppress_below=parameters.suppress_below,
            seed=evidence.seed,
        )
        compared = compare_groups(table, how)
        opinion = second_opinion(table, compared.values, parameters.suppress_below)
        notes = f"Predictions come from {outcomes.origin}.", *table.notes, *compared.notes, opinion.note
        return Measurement(
            values=(*compared.values, opinion.value),
            inputs=outcomes.inputs,
            tables=compared.tables,
            notes=tuple(note for note in notes if note),
        )
