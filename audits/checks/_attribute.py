"""Shapley attributions of one model on one sample, by the method that fits the model. Worker only.

Every method answers the base value and one attribution per row, source feature and output; beside them stands the
output of the real model in the same space, asked through its own predict method.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
import pandas as pd

from audits.checks._asked import explainer_by_asking
from audits.checks._explainers import Explainer, LinearModel, TreeModel, Walks, linear_model, outputs_of, tree_model
from audits.checks._tasks import Task
from audits.checks._treeshap import MOST_CONDITIONS
from audits.checks.base import EvidenceError

Array = np.ndarray[Any, Any]
Result = TypeVar("Result")

#: Leaves above which exact trees give way to walks: an unbounded forest would take minutes and gigabytes.
MOST_LEAVES = 100_000


@dataclass(frozen=True, slots=True)
class Attribution:
    """`phi` is rows x features x outputs; `outputs` (rows x outputs) what the real model answers.

    `base` has an entry an output, `covered` holds the features that reach the model.
    """

    base: Array
    phi: Array
    outputs: Array
    method: str
    space: str
    covered: frozenset[str]

    @property
    def additivity_error(self) -> float:
        """Largest |base + Σ attributions - output| over rows and outputs."""
        return float(np.abs(self.base + self.phi.sum(axis=1) - self.outputs).max())

    @property
    def relative_error(self) -> float:
        """The additivity error as a share of the largest distance of any output from the base value."""
        widest = float(np.abs(self.outputs - self.base).max())
        return self.additivity_error / widest if widest > 0 else self.additivity_error

    @property
    def absolute(self) -> Array:
        """Rows x features: absolute attribution, summed over the outputs."""
        summed: Array = np.abs(self.phi).sum(axis=2)
        return summed


def explainer_for(model: Any, task: Task, asking: str = "auto") -> Explainer:
    """The explainer that fits the model; `asking` names the one for a model that can only be asked.

    Raises EvidenceError where there is no degree to explain.
    """
    found: LinearModel | TreeModel | None = translated(lambda: linear_model(model, task) or tree_model(model, task))
    if found is None:
        return explainer_by_asking(asking, *outputs_of(model, task), task.features)
    reason = _too_large(found) if isinstance(found, TreeModel) else ""
    return Walks(*outputs_of(model, task), found.covered, reason) if reason else found


def _too_large(trees: TreeModel) -> str:
    """Why exact values are not computed, for the name of the method; "" where they are."""
    if trees.ensemble.leaves > MOST_LEAVES:
        return f" (its {trees.ensemble.leaves:,} leaves are too many for exact values)"
    if trees.paths.widest > MOST_CONDITIONS:
        return f" (a path of {trees.paths.widest} features is too long for exact values)"
    return ""


def explain(explainer: Explainer, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> Attribution:
    """Explain `sample` against `background`. Raises EvidenceError where the model cannot score them."""

    def answer() -> Attribution:
        base, values = explainer.explain(sample, background, seed)
        outputs = explainer.answer(sample)
        if not (np.isfinite(values).all() and np.isfinite(outputs).all()):
            raise EvidenceError("model", "has attributions or outputs that are not finite numbers")
        return Attribution(base, values, outputs, explainer.method, explainer.space, explainer.covered)

    return translated(answer)


def attribute(model: Any, task: Task, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> Attribution:
    """Choose an explainer and explain. Raises EvidenceError."""
    return explain(explainer_for(model, task), sample, background, seed)


def translated(work: Callable[[], Result]) -> Result:
    """What `work` answers; whatever a model raises on rows it cannot take becomes an EvidenceError."""
    try:
        return work()
    except EvidenceError:
        raise
    except (ValueError, TypeError, KeyError, IndexError, AttributeError) as error:
        raise EvidenceError("model", f"cannot be explained on these rows: {error}") from error
