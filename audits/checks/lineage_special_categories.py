"""Do sensitive facts about people reach the model, under their own name or in disguise?

*Under their own name*: features of the model that are tagged special_category, pii, sensitive or proxy_suspected, and
columns that lost such a tag on the way: a dataset upstream tags the column, a later one holds a column of the same name
without the tag, and its card does not say so. A tag is taken off by naming the column on the card, never by silence.

*In disguise*: how well each feature alone tells the groups of a sensitive attribute apart. `proxy_auc` is the area
under the ROC curve of one group against all others, folded to 0.5-1, the largest over the groups; each bin of the
feature scores as the group's share in it among the rows of the other folds (cross-validated, so a feature with many
values gains nothing by learning rows by heart), with DeLong's interval, widened by Bonferroni over the groups.
`proxy_information` is the share of the attribute's entropy that the feature takes away (mutual information over
entropy, with the Miller-Madow correction), with a multinomial bootstrap interval. Neither says that the feature is
used wrongly; a high value asks for a reason. A numeric attribute with more than ten values is cut at its quartiles.

Sources: Feldman et al. 2015 (predictability of the protected attribute as measure of disparate impact); DeLong et al.
1988; Miller 1955. Supports GDPR Art. 9 and 22(4), AI Act Art. 4a and 10(2)(f).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class SpecialParameters:
    """`folds` of the cross-validation, `bins` of a feature, `minimum_group`: rows of a group that is told apart."""

    folds: int = 5
    bins: int = 20
    minimum_group: int = 20
    level: float = 0.95
    resamples: int = 500

    def __post_init__(self) -> None:
        """Values that measure nothing."""
        limits = {"folds": (2, 20), "bins": (2, 200), "minimum_group": (5, 10_000), "resamples": (200, 100_000)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ParameterError(name, f"must be between {least} and {most}")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")


class SpecialCategories:
    """Counts sensitive columns among the features, and measures how far the others stand in for them."""

    id: ClassVar[str] = "lineage.special_categories"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Special categories and proxies"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation", "lineage"})
    Parameters: ClassVar[type[SpecialParameters]] = SpecialParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "special_features": "Features of the model that are tagged special_category.",
        "personal_features": "Features of the model that are tagged pii.",
        "sensitive_features": "Features of the model that are tagged sensitive.",
        "suspected_features": "Features of the model that are tagged proxy_suspected.",
        "tags_lost": "Features whose column carries a tag upstream that nobody took off.",
        "proxy_auc": "How well the feature alone tells a group of the attribute from all others, 0.5 to 1.",
        "proxy_information": "Share of the attribute's entropy that the feature takes away, 0 to 1.",
        "worst_proxy_auc": "The largest area of any feature that is not itself sensitive.",
    }

    def measure(self, evidence: Evidence, parameters: SpecialParameters) -> Measurement:
        """Measure. Raises EvidenceError: unreadable or empty file, a declared column that is absent."""
        from audits.checks._proxies import measure_special  # noqa: PLC0415 - heavy

        return measure_special(evidence, parameters)
