"""Do sensitive facts about people reach the model, under their own name or in disguise?

*Under their own name*: features of the model that carry a tag special_category, pii, sensitive or proxy_suspected, on
the evaluation data or on any column they were made from. Tags follow the steps between columns that emitters told of
(OpenLineage's columnLineage) and the columns that the registered data have of the features, whatever the columns are
called on the way. Where nobody told of any step between columns of a dataset, and along registered derivations, they
follow names instead, and the table `origins` and a note say so. A tag is taken off by a card that names the column, or
by a step whose every way is declared as `masking: true`; never by a new name, and never by silence. A step that only
chooses, joins, groups or orders rows is told apart (`tags_selecting`). Of a feature that comes from a column whose
origin nobody told, although data behind it hold tags, nothing is known: it has no value, and that is never a pass.

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
    """Counts features that carry sensitive tags, and measures how far the others stand in for them."""

    id: ClassVar[str] = "lineage.special_categories"
    version: ClassVar[str] = "2"
    title: ClassVar[str] = "Special categories and proxies"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation", "lineage"})
    Parameters: ClassVar[type[SpecialParameters]] = SpecialParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "special_features": "Features of the model that carry the tag special_category.",
        "personal_features": "Features of the model that carry the tag pii.",
        "sensitive_features": "Features of the model that carry the tag sensitive.",
        "suspected_features": "Features of the model that carry the tag proxy_suspected.",
        "tags_lost": "Features that carry a tag from upstream which the evaluation data do not show.",
        "tags_selecting": "Features whose rows a tagged column chose, joined, grouped or ordered.",
        "tags_masked": "Features for which a tag ended at a step declared as masking.",
        "followed_by_name": "Features that were followed by name past data without column lineage.",
        "untold_features": "Features from a column of untold origin, with tagged data behind it.",
        "proxy_auc": "How well the feature alone tells a group of the attribute from all others, 0.5 to 1.",
        "proxy_information": "Share of the attribute's entropy that the feature takes away, 0 to 1.",
        "worst_proxy_auc": "The largest area of any feature that is not itself sensitive.",
    }

    def measure(self, evidence: Evidence, parameters: SpecialParameters) -> Measurement:
        """Measure. Raises EvidenceError: unreadable or empty file, a declared column that is absent."""
        from audits.checks._proxies import measure_special  # noqa: PLC0415 - heavy

        return measure_special(evidence, parameters)
