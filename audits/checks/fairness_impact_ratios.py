"""Impact ratios as New York City Local Law 144 asks to publish them (6 RCNY § 5-300 to 5-304).

`mode: selection` takes the decisions, and the rate is the share selected. `mode: scoring` takes the score, and the rate
is the share of the category that scores above the median of everybody; a score at the median is not above it. The
impact ratio of a category is its rate divided by the highest rate, unrounded. A category with less than `least_share`
of the rows (2 % there) is left out of the comparison, never silently: it is listed with its size and the reason. People
without a known category are counted and are no category. Where more rows than `missing_tolerated` have no decision or
score, no ratio is estimable. The usual reading adds the four-fifths rule of 29 CFR
1607.4(D), which is no part of that law.

Intervals: score intervals (Koopman 1984) against the comparator, for all pairs at once, because the comparator itself
was picked by its rate. Name `sensitive` columns for sex and for race/ethnicity and set `depth: 2` for their
intersection, as the law asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import MissingParameters
from audits.evidence import Evidence
from audits.measurements import Measurement

MODES = ("selection", "scoring")


@dataclass(frozen=True, slots=True)
class ImpactParameters(MissingParameters):
    """Beside the common ones. `mode`: selection or scoring. `least_share`: of the rows, below which one is left out."""

    mode: str = "selection"
    least_share: float = 0.02
    depth: int = 2

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        MissingParameters.__post_init__(self)
        if self.mode not in MODES:
            raise ParameterError("mode", f"must be one of {', '.join(MODES)}")
        if not 0 <= self.least_share < 0.5:  # noqa: PLR2004 - half would leave one category
            raise ParameterError("least_share", "must be at least 0 and below 0.5")


class ImpactRatios:
    """Rates of categories beside the most favoured one."""

    id: ClassVar[str] = "fairness.impact_ratios"
    version: ClassVar[str] = "4"
    title: ClassVar[str] = "Impact ratios of selection or scoring"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[ImpactParameters]] = ImpactParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "category_share": "Share of the category among people whose category is known.",
        "missing_prediction_fraction": "Share of rows without a decision, or without a score.",
        "unknown_category_count": "People whose category is not known.",
        "selection_rate": "Share of the category that is selected.",
        "scoring_rate": "Share of the category that scores above the median of everybody.",
        "impact_ratio": "Rate of the category divided by the highest rate of any category.",
        "lowest_impact_ratio": "Lowest impact ratio of any category that is compared.",
    }

    def measure(self, evidence: Evidence, parameters: ImpactParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no decisions, or no scores in scoring mode."""
        from audits.checks._impact import measure_impact  # noqa: PLC0415 - heavy

        return measure_impact(evidence, parameters)
