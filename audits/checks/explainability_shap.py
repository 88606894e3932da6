"""What the model's answers rest on: Shapley attributions, and how far the attributions themselves can be relied on.

Evaluation rows are explained against a background of training rows (of evaluation rows where no training data is
held); both are drawn by the run's seed, and the background is pinned by digest. As many rows are explained as it takes
to know every feature's share to the wanted precision, and the observation says how many that were. The game is
interventional: a feature that is absent takes the background's values. By type of model: linear models in closed form,
log-odds or the predicted number; tree ensembles, XGBoost and LightGBM by TreeSHAP, in the margin the ensemble adds up
(log-odds; probability for forests). Everything else is asked, in probability: with up to six features by shap's
ExactExplainer over every coalition; with more by walks from background row to explained row along random orders of the
features and their reverse, one order a background row, which needs a sixth to a ninth of the questions of shap's
PermutationExplainer for the same error. `asking` chooses otherwise. Columns made from one source column (one-hot) are
added up to it; with several classes, absolute attributions are added up over them.

Additivity is checked against the *real* model's output in the same space, not against the explainer's own copy, and
HistGradientBoosting with native categorical splits is never given to TreeSHAP, which is silently wrong on it. A forest
with too many leaves for exact values is explained by walks, and the observation says so.

The second method is walks for what is not walked; for walks it is shap's PermutationExplainer, or Owen values where two
columns are correlated by `high_correlation`. Trees and linear models are explained again by shap's TreeExplainer and
LinearExplainer in twenty rows: `library_agreement`.
Supports AI Act Art. 13(1), 13(3)(b)(iv) and Art. 86.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import parse_directions
from audits.evidence import Evidence
from audits.measurements import Measurement

_ASKING = ("auto", "exact", "walks", "permutation", "partition", "kernel")


@dataclass(frozen=True, slots=True)
class ExplanationParameters:
    """`sample_rows` at most are explained against `background_rows`; fewer once every share is within `precision`.

    `walked_rows`: the most for models that can only be asked; `asking` is how these are explained: `auto` (see above),
    `exact` (12 features at most), `walks`, `permutation`, `partition` or `kernel`. `sensitive`: columns whose share is
    asked; empty means those tagged sensitive. `monotone`: declared expectations, as income=+ or debts=-. A feature
    whose association with a sensitive column is at least `proxy_association` counts as its proxy; a correlation of
    `high_correlation` brings the warning. `level`, `resamples`: of intervals.
    """

    sample_rows: int = 10_000
    walked_rows: int = 300
    asking: str = "auto"
    background_rows: int = 100
    precision: float = 0.01
    sensitive: tuple[str, ...] = ()
    monotone: tuple[str, ...] = ()
    proxy_association: float = 0.3
    high_correlation: float = 0.7
    level: float = 0.95
    resamples: int = 500

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        for name, low, high in (
            ("sample_rows", 20, 1_000_000),
            ("walked_rows", 20, 100_000),
            ("background_rows", 10, 10_000),
            ("resamples", 200, 100_000),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(name, f"must be between {low} and {high}")
        if self.asking not in _ASKING:
            raise ParameterError("asking", f"must be one of {', '.join(_ASKING)}")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        for name in ("precision", "proxy_association", "high_correlation"):
            if not 0 < getattr(self, name) <= 1:
                raise ParameterError(name, "must be above 0 and at most 1")
        _ = self.expected

    @property
    def expected(self) -> tuple[tuple[str, int], ...]:
        """`monotone` as (feature, +1 or -1). Raises ParameterError."""
        return parse_directions(self.monotone)


class ShapExplanation:
    """Explains a sample and measures the explanation."""

    id: ClassVar[str] = "explainability.shap"
    version: ClassVar[str] = "5"
    title: ClassVar[str] = "Explanation of the model's answers"
    needs: ClassVar[frozenset[str]] = frozenset({"model", "evaluation"})
    Parameters: ClassVar[type[ExplanationParameters]] = ExplanationParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "rows_explained": "Evaluation rows that were explained.",
        "share_half_width": "Half-width of the confidence interval of the share that is known least.",
        "additivity_error": "Largest distance of base value plus attributions from the model's real output.",
        "additivity_error_relative": "The additivity error as a share of the widest answer's distance from the base.",
        "features_covered": "Share of the declared features that reach the model.",
        "feature_correlation": "Largest rank correlation between two features; above 0.7 attributions divide freely.",
        "mean_abs_shap_share": "The feature's share of all absolute attribution.",
        "top_feature_share": "The largest share of any feature: how concentrated the model is.",
        "effective_features": "How many equally important features would be as concentrated (exponential of entropy).",
        "sensitive_share": "Share of absolute attribution on sensitive columns.",
        "proxy_share": "Share of absolute attribution on features strongly associated with a sensitive column.",
        "proxy_association": "Strongest association (Cramér's V) of the feature with a sensitive column.",
        "group_share_difference": "Largest difference of a feature's share between the group and everybody else.",
        "rank_stability": "Rank correlation of importances between two disjoint halves of rows and background.",
        "top_reasons_stability": "Share of a row's three strongest reasons that another background leaves in place.",
        "rerun_difference": "Largest change of an attribution when explained again, as a share of all attribution.",
        "deletion_area": "Area under the curve as features are taken out, the strongest first: low is faithful.",
        "insertion_area": "Area under the curve as features are put in, the strongest first: high is faithful.",
        "random_deletion_area": "The same area for a random order: what deletion is compared with.",
        "faithfulness_gain": "By how much the explanation's order beats a random one in deletion.",
        "method_agreement": "Rank correlation of importances with those of a second method.",
        "library_agreement": "Share of a few rows for which shap's own explainer finds the same to 1e-4.",
        "library_difference": "Largest difference from shap's own explainer, as a share of the widest answer.",
        "randomisation_correlation": "Rank correlation with the explanation of a model that forgot what it learnt.",
        "monotonicity_violation": "Share of rows whose answer moves against the declared direction of the feature.",
    }

    def measure(self, evidence: Evidence, parameters: ExplanationParameters) -> Measurement:
        """Explain and measure. Raises EvidenceError: artifact refused or damaged, columns absent, rows not scorable."""
        from audits.checks._explain import measure_explanation  # noqa: PLC0415 - heavy

        return measure_explanation(evidence, parameters)
