"""Where the model does worst, found without naming the place: the slices of the data with the highest error rate.

A slice is one value, or a combination of up to `depth` values, of the columns (features and sensitive ones unless
named; numbers in quartiles). Each slice of at least `least_rows` is tested against the rest, one-sided, for a higher
error rate (or lower selection rate), and the family of all slices tested is adjusted by Benjamini & Hochberg (1995;
valid under the positive dependence of overlapping slices), as in Chung et al. (2019). Reported are those that remain
at `discovery_rate`, worst first; the table `slices` lists the worst whether or not they remain.

The excess has a score interval at a level that counts every slice tested (Bonferroni), because the worst of many
looks worse than it is. Supports AI Act Art. 10(2)(f)-(g), 15(1).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import WEIGHTS, validate_threshold, validate_tolerated
from audits.evidence import Evidence
from audits.measurements import Measurement

AIMS = ("error", "rejection")


@dataclass(frozen=True, slots=True)
class SliceParameters:
    """What to search.

    `columns`: empty means features and sensitive ones; at most 30. `bands`: cut points of numeric columns. `depth`: how
    many values are combined. `aim`: error (wrong decisions) or rejection (predicted negative). `shown`: slices in the
    table. `weights`: what the column tagged weight means, as for groups. `suppress_below`: slices with a count from 1
    to below it, inside or outside, are left out. `missing_tolerated`: share of rows without label or prediction above
    which nothing is tested. Columns with more than 50 values are left out, and the notes say so.
    """

    columns: tuple[str, ...] = ()
    bands: tuple[str, ...] = ()
    depth: int = 2
    least_rows: int = 30
    aim: str = "error"
    discovery_rate: float = 0.05
    shown: int = 20
    level: float = 0.95
    weights: str = "sampling"
    suppress_below: int = 0
    missing_tolerated: float = 0.01

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not 1 <= self.depth <= 3:  # noqa: PLR2004 - the number of slices explodes
            raise ParameterError("depth", "must be between 1 and 3")
        if self.least_rows < 2:  # noqa: PLR2004 - a single row is no slice
            raise ParameterError("least_rows", "must be at least 2")
        if self.aim not in AIMS:
            raise ParameterError("aim", f"must be one of {', '.join(AIMS)}")
        if not 0 < self.discovery_rate < 1:
            raise ParameterError("discovery_rate", "must be between 0 and 1")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        validate_threshold(self.suppress_below)
        validate_tolerated(self.missing_tolerated)
        if self.weights not in WEIGHTS:
            raise ParameterError("weights", f"must be one of {', '.join(WEIGHTS)}")
        if not 1 <= self.shown <= 1000:  # noqa: PLR2004 - a table, not a dump
            raise ParameterError("shown", "must be between 1 and 1000")


class WorstSlices:
    """Counts every combination once and tests them all."""

    id: ClassVar[str] = "fairness.slices"
    version: ClassVar[str] = "3"
    title: ClassVar[str] = "Worst slices of the data"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[SliceParameters]] = SliceParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "missing_fraction": "Share of rows without label or prediction, as the search needs them.",
        "slices_tested": "Slices that were large enough to test.",
        "slices_found": "Slices that remain after the control of false discoveries.",
        "slice_excess": "Rate in a slice that was found minus the rate in the rest.",
        "largest_excess": "Largest excess of any slice tested.",
    }

    def measure(self, evidence: Evidence, parameters: SliceParameters) -> Measurement:
        """Measure. Raises EvidenceError: no usable column, not binary, no labels."""
        from audits.checks._slices import measure_slices  # noqa: PLC0415 - heavy

        return measure_slices(evidence, parameters)
