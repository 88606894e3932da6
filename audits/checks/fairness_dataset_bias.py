"""What the training data say before any model: the pre-training list of SageMaker Clarify (Hardt et al. 2021).

d is the group, a everybody else; q is the share of positive labels. Class imbalance CI = (n_a - n_d)/(n_a + n_d);
difference in proportions of labels DPL = q_a - q_d; of the two label distributions P_a and P_d: Kullback-Leibler
KL(P_a, P_d), Jensen-Shannon, L2 norm, total variation, and KS, the largest difference of any label; conditional
demographic disparity CDD = sum of n_i DD_i / n over strata with DD = n_d⁰/n⁰ - n_d¹/n¹, where 0 is rejected and 1
accepted. Over all groups: the widest of DPL.

CI has Wilson's interval, DPL the score interval. The label being binary, every distance is a function of two
rates: its bounds are those over both Wilson intervals at once, so that 0 is included where the rates may be equal. CDD
is resampled from the table. Where more rows than `missing_tolerated` have no label, nothing is estimable. Supports AI
Act Art. 10(2)(f)-(g).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.grouping import MissingParameters
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class DatasetBiasParameters(MissingParameters):
    """Beside the common ones. `strata`: columns for the conditional disparity; none leaves it out."""

    strata: tuple[str, ...] = ()


class DatasetBias:
    """Counts labels per group in the training data."""

    id: ClassVar[str] = "fairness.dataset_bias"
    version: ClassVar[str] = "3"
    title: ClassVar[str] = "Bias in the labels of the training data"
    needs: ClassVar[frozenset[str]] = frozenset({"train"})
    Parameters: ClassVar[type[DatasetBiasParameters]] = DatasetBiasParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "missing_label_fraction": "Share of rows without a label.",
        "class_imbalance": "Rows of the rest minus rows of the group, over all rows.",
        "label_difference": "Share of positive labels of the rest minus that of the group (DPL).",
        "kullback_leibler": "Divergence of the label distribution of the rest from that of the group, in nats.",
        "jensen_shannon": "Symmetric divergence of both label distributions, in nats.",
        "lp_norm": "Euclidean distance of both label distributions.",
        "total_variation": "Half the summed differences of both label distributions.",
        "kolmogorov_smirnov": "Largest difference of both label distributions.",
        "conditional_disparity": "Share of the group among the rejected minus among the accepted, within strata (CDD).",
        "label_difference_range": "Highest minus lowest share of positive labels of the groups.",
    }

    def measure(self, evidence: Evidence, parameters: DatasetBiasParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no target, labels that are not binary."""
        from audits.checks._dataset_bias import measure_dataset_bias  # noqa: PLC0415 - heavy

        return measure_dataset_bias(evidence, parameters)
