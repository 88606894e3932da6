"""What the model's answers rest on: Shapley attributions, and how far the attributions themselves can be relied on.

A sample of evaluation rows is explained against a background of training rows (of evaluation rows where no training
data is held); both are drawn by the run's seed, and the background is pinned by digest. The game is interventional:
a feature that is absent takes the background's values. By type of model: linear models in closed form, log-odds or the
predicted number; tree ensembles by TreeSHAP, in the margin the ensemble adds up (log-odds; probability for forests);
everything else by walks from background row to explained row along random orders of the features and their reverse,
in probability. Columns made from one source column (one-hot) are added up to it.

Additivity is checked against the *real* model's output in the same space, not against the explainer's own copy, and
HistGradientBoosting with native categorical splits is never given to TreeSHAP, which is silently wrong on it.
Supports AI Act Art. 13(1), 13(3)(b)(iv) and Art. 86.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class ExplanationParameters:
    """`sample_rows` are explained against `background_rows`; fewer where the data holds fewer.

    `sensitive`: columns whose share is asked; empty means those tagged sensitive. `level`, `resamples`: of intervals.
    """

    sample_rows: int = 300
    background_rows: int = 100
    sensitive: tuple[str, ...] = ()
    level: float = 0.95
    resamples: int = 500

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        for name, low, high in (
            ("sample_rows", 20, 100_000),
            ("background_rows", 10, 10_000),
            ("resamples", 200, 100_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(name, f"must be between {low} and {high}")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")


class ShapExplanation:
    """Explains a sample and measures the explanation."""

    id: ClassVar[str] = "explainability.shap"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Explanation of the model's answers"
    needs: ClassVar[frozenset[str]] = frozenset({"model", "evaluation"})
    Parameters: ClassVar[type[ExplanationParameters]] = ExplanationParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "rows_explained": "Evaluation rows that were explained.",
        "additivity_error": "Largest distance of base value plus attributions from the model's real output.",
        "mean_abs_shap_share": "The feature's share of all absolute attribution.",
        "top_feature_share": "The largest share of any feature: how concentrated the model is.",
        "sensitive_share": "Share of absolute attribution on sensitive columns.",
        "rank_stability": "Rank correlation of importances between two disjoint halves of rows and background.",
        "features_covered": "Share of the declared features that reach the model.",
    }

    def measure(self, evidence: Evidence, parameters: ExplanationParameters) -> Measurement:
        """Explain and measure. Raises EvidenceError: artifact refused or damaged, columns absent, rows not scorable."""
        from audits.checks._explain import measure_explanation  # noqa: PLC0415 - heavy

        return measure_explanation(evidence, parameters)
