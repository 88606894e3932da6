"""What the new version rests on beside the one in the stage: the same rows, the same background, both explained.

For each feature its share of mean |attribution| in the new version minus that in the current one; the interval
resamples the rows, the same ones for both. A feature that one of them does not take has the share 0 there. Two versions
may explain in different spaces (a linear model in log-odds, a forest in probability): shares are compared, never sizes.
Supports AI Act Art. 13(3)(b)(iv), 15(1), 43(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class ChangeParameters:
    """`stage`: whose version is the current one. `rows` are explained, for models that need walks `walked_rows`.

    `background_rows`: against how many. `level`, `resamples`: of intervals.
    """

    stage: str = "production"
    rows: int = 1000
    walked_rows: int = 100
    background_rows: int = 100
    level: float = 0.95
    resamples: int = 500

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not self.stage.strip():
            raise ParameterError("stage", "must name the stage whose version is compared with")
        for name, low, high in (
            ("rows", 20, 100_000),
            ("walked_rows", 20, 100_000),
            ("background_rows", 10, 10_000),
            ("resamples", 200, 100_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(name, f"must be between {low} and {high}")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")


class ExplanationChange:
    """Explains both versions and compares."""

    id: ClassVar[str] = "explainability.change"
    version: ClassVar[str] = "2"
    title: ClassVar[str] = "Change of what the answers rest on"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation", "model", "reference_model"})
    Parameters: ClassVar[type[ChangeParameters]] = ChangeParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "share_change": "The feature's share of all absolute attribution minus its share in the current version.",
        "largest_share_change": "The largest change of any feature's share, whatever its sign.",
        "rank_agreement": "Rank correlation of the importances of both versions.",
        "features_gained": "How many features the new version takes that the current one does not.",
        "features_lost": "How many features the current version takes that the new one does not.",
    }

    def measure(self, evidence: Evidence, parameters: ChangeParameters) -> Measurement:
        """Explain both. Raises EvidenceError: a model that cannot be asked, other tasks, columns absent."""
        from audits.checks._change import measure_change  # noqa: PLC0415 - heavy

        return measure_change(evidence, parameters)
