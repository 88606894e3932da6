"""Is the evaluation data what its owner declared it to be, and is it apart from, yet like, the training data?

Per declared column: share of missing cells, cells that are not of the declared type, cells outside a given range. Over
all: columns with one value, rows that repeat an earlier one, columns nobody declared. Where the training data is held
too: the share of evaluation rows that also occur in it (leakage), and how far each feature has drifted.

Where the policy states a population: each group's share of the rows over its share there, 1 being as represented as it
should be (AI Act Art. 10(3)); the interval is that of the share in the data, the population counts as known.

Drift is an effect size, not a p-value, which flags everything at large n. Binning: numbers at the deciles of the
training data (fewer where they coincide), text by its 20 most frequent training values and one bin for the rest;
missing is a bin of its own; a bin counts at least half a row, so an empty one is not infinitely far.
PSI = Σ (q - p) ln(q / p); JS is the Jensen-Shannon divergence in bits, 0 to 1. Supports AI Act Art. 10(2)-(4).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import parse_ranges, parse_shares, validate_threshold
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class QualityParameters:
    """`ranges`: allowed values of numeric columns, as "age=0..120". `level`: of all intervals.

    `resamples`: for the drift intervals. `suppress_below`: bins of a feature with a count from 1 to below it are one
    in the table `bins`. `population`: whom the data should stand for, as "sex: female=0.51, male=0.49"; where the
    shares come from belongs into the policy's reason.
    """

    ranges: tuple[str, ...] = ()
    level: float = 0.95
    resamples: int = 1000
    suppress_below: int = 0
    population: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        parse_ranges(self.ranges)
        parse_shares(self.population)
        validate_threshold(self.suppress_below)
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        if not 200 <= self.resamples <= 100_000:  # noqa: PLR2004 - fewer give no tail
            raise ParameterError("resamples", "must be between 200 and 100000")


class ColumnQuality:
    """Examines the evaluation data column by column, and against the training data where that is held."""

    id: ClassVar[str] = "data_quality.columns"
    version: ClassVar[str] = "3"
    title: ClassVar[str] = "Data quality and drift"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation"})
    Parameters: ClassVar[type[QualityParameters]] = QualityParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "rows_total": "Rows of the evaluation data.",
        "missing_fraction": "Share of the column's cells that are empty.",
        "worst_missing_fraction": "The largest share of empty cells of any column.",
        "type_violations": "Cells of the column that are not of its declared type.",
        "type_violations_total": "Cells that are not of their declared type.",
        "range_violations": "Cells of the column outside its given range.",
        "range_violations_total": "Cells outside their given range.",
        "constant_columns": "Declared columns that hold at most one value.",
        "undeclared_columns": "Columns of the file that nobody declared.",
        "duplicate_row_fraction": "Share of rows that repeat an earlier row in all declared columns.",
        "train_evaluation_overlap_fraction": "Share of evaluation rows that also occur in the training data.",
        "representation_ratio": "Share of the group in the data over its share in the population.",
        "worst_representation_ratio": "The smallest of these: the group that is missing most.",
        "outside_population_fraction": "Share of rows that belong to no group of the population.",
        "drift_psi": "Population stability index of the feature, evaluation against training.",
        "drift_js": "Jensen-Shannon divergence of the feature in bits, evaluation against training.",
        "worst_drift_psi": "The largest population stability index of any feature.",
    }

    def measure(self, evidence: Evidence, parameters: QualityParameters) -> Measurement:
        """Measure. Raises EvidenceError: unreadable or empty file, a declared column that is absent."""
        from audits.checks._quality import measure_quality  # noqa: PLC0415 - heavy

        return measure_quality(evidence, parameters)
