"""Two versions explained on the same rows. Worker only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audits.checks._attribute import Attribution, explain, explainer_for
from audits.checks._explainers import Explainer
from audits.checks._faithfulness import rank_correlation
from audits.checks._models import load_model
from audits.checks._redrawn import normalised, redrawn_sums
from audits.checks._rows import open_rows
from audits.checks._sampling import drawn
from audits.checks._shares import CONSTANT
from audits.checks._tasks import BINARY, MULTICLASS, REGRESSION, Task, read_task
from audits.checks.base import EvidenceError
from audits.checks.explainability_change import ChangeParameters
from audits.evidence import Evidence, ModelEvidence
from audits.measurements import Measurement, MetricValue, Table
from audits.statistics import intervals
from registry.canonical import digest

Array = np.ndarray[Any, Any]
_EVALUATION, _TRAIN, _SMALLEST = "evaluation", "train", 20


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two versions."""

    task: Task
    explainer: Explainer

    @classmethod
    def of(cls, model: ModelEvidence) -> _Side:
        task = read_task(model, (BINARY, MULTICLASS, REGRESSION))
        if not task.features:
            raise EvidenceError("signature.features", f"of {model.name} must name the columns the model takes")
        return cls(task, explainer_for(load_model(model), task))

    def explained(self, rows: pd.DataFrame, background: pd.DataFrame, seed: int) -> Attribution:
        names = list(self.task.features)
        return explain(self.explainer, rows[names], background[names], seed)

    def absolute(self, found: Attribution, features: list[str]) -> Array:
        """Rows x `features`, 0 for those this version does not take."""
        columns = {name: found.absolute[:, index] for index, name in enumerate(self.task.features)}
        return np.column_stack([columns.get(name, np.zeros(len(found.outputs))) for name in features])


def measure_change(evidence: Evidence, parameters: ChangeParameters) -> Measurement:
    """See `explainability_change`."""
    current = evidence.reference_model
    if current is None:
        raise EvidenceError("reference_model", f"nothing is in {parameters.stage} to compare with")
    new, old = _Side.of(evidence.model), _Side.of(current)
    if (new.task.kind, new.task.positive_label) != (old.task.kind, old.task.positive_label):
        raise EvidenceError("signature.task", f"{evidence.model.name} and {current.name} answer different questions")
    features = list(dict.fromkeys((*new.task.features, *old.task.features)))
    held = open_rows(evidence.datasets[_EVALUATION])
    source = open_rows(evidence.datasets[_TRAIN]) if _TRAIN in evidence.datasets else held
    generator = np.random.default_rng(evidence.seed)
    background = drawn(source.frame(features), parameters.background_rows, generator)
    asks = new.explainer.asks or old.explainer.asks
    most = min(parameters.rows, parameters.walked_rows) if asks else parameters.rows
    rows = drawn(held.frame(features), most, generator)
    if len(rows) < _SMALLEST:
        raise EvidenceError(held.where, f"has {len(rows)} rows; an explanation needs {_SMALLEST}")
    found = [side.explained(rows, background, evidence.seed) for side in (new, old)]
    after, before = (side.absolute(one, features) for side, one in zip((new, old), found, strict=True))
    values, table = _compared(features, after, before, parameters, evidence.seed)
    for metric, more, less in (("features_gained", new, old), ("features_lost", old, new)):
        number = len(set(more.task.features) - set(less.task.features))
        values.append(MetricValue(metric=metric, value=float(number), n=len(features)))
    return Measurement(
        values=tuple(values),
        inputs={
            **held.inputs,
            **source.inputs,
            "model": evidence.model.digest,
            "reference_model": current.digest,
            "background": digest(background.to_csv(index=False).encode()),
        },
        tables={"change": table},
        notes=(
            f"Compared with {current.name}, which is in {parameters.stage}, on {len(rows)} of {held.total} rows.",
            f"Methods: {found[0].method} in {found[0].space}, {found[1].method} in {found[1].space}.",
        ),
    )


def _compared(
    features: list[str], after: Array, before: Array, parameters: ChangeParameters, seed: int
) -> tuple[list[MetricValue], Table]:
    n = len(after)
    if not (after.sum() and before.sum()):
        names = ("share_change", "largest_share_change", "rank_agreement")
        return [MetricValue(metric=name, value=None, n=n, not_estimable=CONSTANT) for name in names], Table((), ())
    shares = [normalised(part.mean(axis=0, keepdims=True))[0] for part in (after, before)]
    change = shares[0] - shares[1]
    drawn_after, drawn_before = np.split(
        redrawn_sums(np.hstack([after, before]), parameters.resamples, seed)[:, 0], 2, 1
    )
    drawn_change = normalised(drawn_after) - normalised(drawn_before)
    order = np.argsort(-np.abs(change), kind="stable")
    values, rows = [], []
    for index in order:
        point = float(change[index])
        interval = intervals.percentile(drawn_change[:, index], point, parameters.level, "bootstrap")
        values.append(MetricValue(metric="share_change", value=point, n=n, feature=features[index], interval=interval))
        rows.append((features[index], float(shares[1][index]), float(shares[0][index]), point))
    largest = float(np.abs(change).max())
    interval = intervals.percentile(np.abs(drawn_change).max(axis=1), largest, parameters.level, "bootstrap")
    values.append(MetricValue(metric="largest_share_change", value=largest, n=n, interval=interval))
    values.append(rank_correlation("rank_agreement", after, before, parameters, seed))
    return values, Table(("feature", "share_current", "share_new", "change"), tuple(rows))
