"""Attributions that were computed elsewhere, where no model is held here that could be asked.

They are a dataset in the role `attributions`, one row an explained row. Its columns tagged `attribution` bear the names
of the features; one is tagged `base_value`, one `output` (the model's answer in the same space), and one
`artifact_digest`: every row says whose answers are explained, and the attributions of another model are refused. How
they were made is told by the dataset's source or job.

Measured are what follows from the numbers themselves: whether they add up to the stated output, how they spread over
the features, sensitive columns and groups, and whether two halves of the rows agree. What needs a model (faithfulness,
agreement with a second method, the randomisation test) is not measured; a policy that asks for it needs a model.
Supports AI Act Art. 13(1), 13(3)(b)(iv).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class ProvidedParameters:
    """`sensitive`: features whose share is asked, and columns by whose values groups are compared; empty means tagged.

    `level`, `resamples`: of intervals.
    """

    sensitive: tuple[str, ...] = ()
    level: float = 0.95
    resamples: int = 500

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not 200 <= self.resamples <= 100_000:  # noqa: PLR2004 - fewer give no tail
            raise ParameterError("resamples", "must be between 200 and 100000")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")


class ProvidedAttributions:
    """Reads attributions and measures them."""

    id: ClassVar[str] = "explainability.provided"
    version: ClassVar[str] = "2"
    title: ClassVar[str] = "Attributions computed elsewhere"
    needs: ClassVar[frozenset[str]] = frozenset({"attributions"})
    Parameters: ClassVar[type[ProvidedParameters]] = ProvidedParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "rows_explained": "Rows with attributions.",
        "origin_missing": "1 where neither a source nor a job says how the attributions were made, else 0.",
        "additivity_error": "Largest distance of base value plus attributions from the stated output.",
        "additivity_error_relative": "The additivity error as a share of the widest output's distance from the base.",
        "features_covered": "Share of the declared features that have attributions.",
        "mean_abs_shap_share": "The feature's share of all absolute attribution.",
        "top_feature_share": "The largest share of any feature: how concentrated the model is.",
        "effective_features": "How many equally important features would be as concentrated (exponential of entropy).",
        "sensitive_share": "Share of absolute attribution on sensitive columns.",
        "group_share_difference": "Largest difference of a feature's share between the group and everybody else.",
        "rank_stability": "Rank correlation of importances between two disjoint halves of the rows.",
    }

    def measure(self, evidence: Evidence, parameters: ProvidedParameters) -> Measurement:
        """Measure. Raises EvidenceError: columns missing, rows without numbers, attributions of another model."""
        from audits.checks._provided import measure_provided  # noqa: PLC0415 - heavy

        return measure_provided(evidence, parameters)
