"""Why one person was decided about in this way, and what would have changed it.

Supports AI Act Art. 86 and GDPR Art. 15(1)(h) as read in CJEU C-203/22: the procedure and principles actually applied,
in a form that can be understood. It runs in the same child process as every check, and is not on the list of checks a
policy can name: its answer is about a person and never becomes an observation (`audits.individuals`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class IndividualParameters:
    """`row` is the person's features, each as `name=value` (an empty value is missing).

    `mutable` lists what the person could change: `income=+` only upwards, `debts=-` only downwards, `job` either way.
    At most `most_changes` features are changed together; values are only those that occur in the training data.
    """

    row: tuple[str, ...] = ()
    mutable: tuple[str, ...] = ()
    most_changes: int = 3
    reasons: int = 4
    background_rows: int = 500
    candidates: int = 12

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        for name, low, high in (
            ("most_changes", 1, 4),
            ("reasons", 1, 20),
            ("background_rows", 20, 10_000),
            ("candidates", 2, 50),
        ):
            if not low <= getattr(self, name) <= high:
                raise ParameterError(name, f"must be between {low} and {high}")
        _ = self.values, self.directions

    @property
    def values(self) -> dict[str, str]:
        """The row by feature. Raises ParameterError."""
        found: dict[str, str] = {}
        for index, entry in enumerate(self.row):
            name, equals, value = entry.partition("=")
            if not (name and equals) or name in found:
                raise ParameterError(f"row[{index}]", "must be <feature>=<value>, each feature once")
            found[name] = value
        return found

    @property
    def directions(self) -> dict[str, int]:
        """Mutable features: +1 only upwards, -1 only downwards, 0 either way. Raises ParameterError."""
        found: dict[str, int] = {}
        for index, entry in enumerate(self.mutable):
            name, equals, sign = entry.rpartition("=")
            name = name if equals else entry
            if not name or name in found or (equals and sign not in {"+", "-"}):
                raise ParameterError(f"mutable[{index}]", "must be <feature>, <feature>=+ or <feature>=-, each once")
            found[name] = {"+": 1, "-": -1}.get(sign, 0) if equals else 0
        return found


class IndividualExplanation:
    """Explains one decision."""

    id: ClassVar[str] = "explainability.individual"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "Explanation of one decision"
    needs: ClassVar[frozenset[str]] = frozenset({"model", "train"})
    Parameters: ClassVar[type[IndividualParameters]] = IndividualParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "score": "Probability of the positive label.",
        "threshold": "The score from which on the decision is the positive label.",
        "decision": "1 where the decision is the positive label, else 0.",
        "reasons_stability": "Share of the main reasons that two other backgrounds leave in place.",
        "counterfactual_score": "The score after the nearest feasible change.",
        "counterfactual_changes": "How many features the nearest feasible change touches.",
    }

    def measure(self, evidence: Evidence, parameters: IndividualParameters) -> Measurement:
        """Explain. Raises EvidenceError: not a binary model, a feature missing or unknown, a value of a wrong type."""
        from audits.checks._individual import measure_individual  # noqa: PLC0415 - heavy

        return measure_individual(evidence, parameters)
