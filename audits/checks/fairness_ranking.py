"""How an ordering by score treats groups of people.

Per group: mean exposure, 1/log2(1 + rank) (Singh & Joachims 2018), rows of equal score sharing theirs; its ratio to the
rest; the share of the group among the top k, its distance from the group's share of all rows, and the ratio of both
(skew). Over all groups: the lowest exposure ratio of two groups, and NDKL (Geyik, Ambler & Kenthapadi 2019) with the
chance that a random order would give as much: NDKL is never 0 by chance, so it is judged beside that chance.

The rows are the candidates of one list, or of several where `query` names the column that tells lists apart; then ranks
start anew in each and the lists' attention is pooled. Weights have no meaning here and are refused unless ignored.
Exposure has Student's interval and, for ratios, Fieller's (1954); shares in the top k have Wilson's. Supports AI Act
Art. 10(2)(f)-(g); DSA Art. 27.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import GroupingParameters
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class RankingParameters(GroupingParameters):
    """Beside the common ones. `top`: places that count as the top of a list. `query`: column of lists, "" for one.

    `orders`: random orders for the chance of NDKL, which is taken over the first `prefix` places of each list.
    """

    top: int = 10
    query: str = ""
    orders: int = 500
    prefix: int = 100

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        GroupingParameters.__post_init__(self)
        if self.top < 1:
            raise ParameterError("top", "must be at least 1")
        if not 100 <= self.orders <= 10_000:  # noqa: PLR2004 - fewer give no tail
            raise ParameterError("orders", "must be between 100 and 10000")
        if not 2 <= self.prefix <= 10_000:  # noqa: PLR2004 - one place has no order
            raise ParameterError("prefix", "must be between 2 and 10000")


class RankingFairness:
    """Orders the rows by score and looks who stands where."""

    id: ClassVar[str] = "fairness.ranking"
    version: ClassVar[str] = "4"
    title: ClassVar[str] = "Attention and top places of groups in rankings"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[RankingParameters]] = RankingParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "exposure": "Mean attention of the group's places, 1 for the first of a list.",
        "exposure_ratio": "Mean attention of the group divided by that of everybody else.",
        "top_share": "Share of the group among the top places.",
        "top_share_difference": "Share of the group among the top places minus its share of all rows.",
        "top_skew": "Share of the group among the top places divided by its share of all rows.",
        "lowest_exposure_ratio": "Lowest divided by highest mean attention of the groups.",
        "ndkl": "Discounted divergence of every prefix from the groups' shares; 0 is proportional.",
        "ndkl_p_value": "Share of random orders with at least this divergence.",
    }

    def measure(self, evidence: Evidence, parameters: RankingParameters) -> Measurement:
        """Measure. Raises EvidenceError: no sensitive column, no score."""
        from audits.checks._ranking import measure_ranking  # noqa: PLC0415 - heavy

        return measure_ranking(evidence, parameters)
