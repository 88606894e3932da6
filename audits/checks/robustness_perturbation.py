"""How much the model gives way when its input is a little wrong (AI Act Art. 15(4)).

Four kinds of change, each with the seed of the run: `noise` adds to every number a normal draw of `noise` of its
standard deviation; `bound` moves every number by at most `bound` of itself, up or down; `missing` takes `missing` of
the values of every feature away; `swap` exchanges `missing` of the values of a feature among people. Each is done to
all features at once, and to each feature alone where `each` asks for it. `shift` is the population as it could become:
every group of the sensitive columns alone.

A drop is the error rate (in regression the mean absolute error) after the change minus before, on the same rows: the
interval is that of paired differences (Student). A flip is a decision that changes, whether for better or worse; it
has Wilson's interval. A shift is the group's error rate minus everybody's. A model that cannot take missing values
answers with an error, and then the drop is not estimable and says so.

The file is streamed and only the rows that are asked are held. They are drawn alike and weighed afterwards, with Kish's
effective number in every interval. Rows that are counts of many people are refused: their people would all have to be
changed in the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks.base import ParameterError
from audits.checks.grouping import WEIGHTS
from audits.evidence import Evidence
from audits.measurements import Measurement


@dataclass(frozen=True, slots=True)
class PerturbationParameters:
    """How much is changed. `rows`: at most so many are asked, drawn by the seed. `each`: also feature by feature.

    `weights`: what the column tagged weight means: sampling, how many people a row stands for, or ignored.
    """

    noise: float = 0.1
    bound: float = 0.05
    missing: float = 0.05
    each: bool = False
    rows: int = 5000
    level: float = 0.95
    weights: str = "sampling"

    def __post_init__(self) -> None:
        """Ranges that the types cannot say."""
        if not 0 < self.noise <= 10:  # noqa: PLR2004 - ten deviations leave nothing of a value
            raise ParameterError("noise", "must be above 0 and at most 10")
        for name in ("bound", "missing"):
            if not 0 < getattr(self, name) <= 1:
                raise ParameterError(name, "must be above 0 and at most 1")
        if self.rows < 50:  # noqa: PLR2004 - fewer show nothing
            raise ParameterError("rows", "must be at least 50")
        if not 0.5 <= self.level < 1:  # noqa: PLR2004 - less than a coin's confidence is a mistake
            raise ParameterError("level", "must be at least 0.5 and below 1")
        if self.weights not in WEIGHTS or self.weights == "counts":
            raise ParameterError("weights", "must be sampling or ignored: people who were counted cannot be changed")


class Perturbation:
    """Asks the model about changed rows."""

    id: ClassVar[str] = "robustness.perturbation"
    version: ClassVar[str] = "5"
    title: ClassVar[str] = "Robustness against changed input"
    needs: ClassVar[frozenset[str]] = frozenset({"evaluation", "model"})
    Parameters: ClassVar[type[PerturbationParameters]] = PerturbationParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "error_before": "Error rate, or mean absolute error, on the rows as they are.",
        "noise_drop": "How much the error grows when numbers carry noise.",
        "bound_drop": "How much the error grows when numbers move within the bound.",
        "missing_drop": "How much the error grows when values are missing.",
        "swap_drop": "How much the error grows when values are exchanged among people.",
        "noise_flips": "Share of decisions that noise changes.",
        "bound_flips": "Share of decisions that a move within the bound changes.",
        "missing_flips": "Share of decisions that missing values change.",
        "swap_flips": "Share of decisions that exchanged values change.",
        "shift_drop": "Error of the group alone minus that of everybody.",
    }

    def measure(self, evidence: Evidence, parameters: PerturbationParameters) -> Measurement:
        """Measure. Raises EvidenceError: no model, no labels, no such features, unfit weights."""
        from audits.checks._perturbation import measure_perturbation  # noqa: PLC0415 - heavy

        return measure_perturbation(evidence, parameters)
