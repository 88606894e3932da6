"""Whether groups are selected alike among people who are alike in what may be decided on.

A difference in selection can vanish, or appear, within strata such as department or qualification (Bickel, Hammel &
O'Connell 1975). Each group beside the rest: the common difference of selection rates over strata and the common odds
ratio (Mantel & Haenszel 1959), with the intervals of Sato (1989) and of Robins, Breslow & Greenland (1986); the
p-value of Cochran, Mantel & Haenszel; the p-value of Breslow, Day & Tarone that the odds ratio is the same in all
strata: below it, one number does not describe them. Over all groups: the largest common difference, whatever its sign,
every group covered at once. Conditional demographic disparity as in `fairness.dataset_bias`.

Which strata are legitimate is a decision of the policy: a stratum that is itself the product of discrimination explains
it away. Where more rows than `missing_tolerated` have no decision, nothing is estimable. The table `strata` holds the
counts. Supports AI Act Art. 10(2)(f)-(g); EU Charter Art. 21.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import MissingParameters
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class ConditionalParameters(MissingParameters):
    """Beside the common ones. `strata`: the columns within whose values people are compared; at least one."""

    strata: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        MissingParameters.__post_init__(self)
        if not self.strata:
            raise ParameterError("strata", "must name at least one column within whose values people are compared")


class ConditionalParity:
    """Counts decisions per stratum and group."""

    id: ClassVar[str] = "fairness.conditional_parity"
    version: ClassVar[str] = "2"
    title: ClassVar[str] = "Selection among comparable people"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[ConditionalParameters]] = ConditionalParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "missing_prediction_fraction": "Share of rows without a decision.",
        "conditional_selection_difference": "Selection rate of the group minus the rest's, common to the strata.",
        "conditional_odds_ratio": "Odds of selection in the group over those of the rest, common to the strata.",
        "conditional_p_value": "Chance of such a difference if all strata selected alike (Cochran-Mantel-Haenszel).",
        "homogeneity_p_value": "Chance of such unlike strata if all had the same odds ratio (Breslow-Day-Tarone).",
        "largest_conditional_difference": "Largest common difference of any group, whatever its sign.",
    }

    def measure(self, evidence: Evidence, parameters: ConditionalParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no binary decision, an unknown stratum."""
        from audits.checks._conditional import measure_conditional  # noqa: PLC0415 - heavy

        return measure_conditional(evidence, parameters)
