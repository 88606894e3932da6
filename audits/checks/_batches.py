"""The evaluation data in batches: what models are asked, beside the label and the weight of each row. Worker only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.checks._outcomes import labels_in, require_two
from audits.checks._rows import Rows, quoted
from audits.checks._tasks import BINARY, Task
from audits.checks._weighing import weight_of
from audits.checks.base import EvidenceError
from audits.measurements import Interval, MetricValue
from audits.statistics import intervals, moments
from audits.statistics.moments import Moments

Array = np.ndarray[Any, Any]

#: Beside the features, under names that no column has.
_LABEL, _WEIGHT, _GROUP = "asked: label", "asked: weight", "asked: group "


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows: `frame` has the features, `label` texts (or numbers in regression), `groups` the sensitive texts.

    `weight` is 1 where rows are not weighed. Rows without a label are left out.
    """

    frame: Any
    label: Array
    weight: Array
    groups: dict[str, Array]

    def only(self, places: Array) -> Batch:
        """The rows at these places."""
        groups = {name: own[places] for name, own in self.groups.items()}
        return Batch(self.frame.iloc[places], self.label[places], self.weight[places], groups)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """The open rows, the columns that models are asked about, and how the rows are weighed."""

    rows: Rows
    task: Task
    features: Sequence[str]
    label: str
    weight: str | None

    def labelled(self) -> int:
        """How many rows have a label."""
        return int(self.rows.ask(f"SELECT count({quoted(self.label)}) FROM typed")[0][0])

    def batches(self, sensitive: Sequence[str] = ()) -> Iterator[Batch]:
        """Every row that has a label, in file order and bounded memory."""
        label = self.rows.as_label(self.label) if self.task.kind == BINARY else quoted(self.label)
        more = {_LABEL: label, _WEIGHT: f"CAST({self.weight or '1'} AS DOUBLE)"}
        more |= {f"{_GROUP}{i}": f"CAST({quoted(name)} AS VARCHAR)" for i, name in enumerate(sensitive)}
        for piece in self.rows.batches(self.features, more=more):
            frame = piece[piece[_LABEL].notna()].reset_index(drop=True)
            groups = {name: frame[f"{_GROUP}{i}"].to_numpy(dtype=object) for i, name in enumerate(sensitive)}
            kind = object if self.task.kind == BINARY else float
            yield Batch(
                frame[list(self.features)],
                frame[_LABEL].to_numpy(dtype=kind),
                frame[_WEIGHT].to_numpy(dtype=float),
                groups,
            )


def prepare(rows: Rows, task: Task, features: Sequence[str], weights: str) -> Asked:
    """Raises EvidenceError: no features, no target, a target or weight that cannot be one.

    Labels without the positive one are refused: every answer of both models would be wrong, and neither the worse one.
    """
    if not features:
        raise EvidenceError("signature.features", "must name the columns the model takes")
    for name in features:
        rows.column(name)
    label = rows.one_tagged("target") or task.target
    if label is None or label not in {column.name for column in rows.dataset.columns}:
        raise EvidenceError("target", "no column is tagged target, so no error can grow")
    if task.kind != BINARY:
        rows.require_numeric(label, "target")
    elif labels := labels_in(rows, label):
        require_two(labels, label, task)
    return Asked(rows=rows, task=task, features=features, label=label, weight=weight_of(rows, weights))


def errors_of(predictions: Array, label: Array, task: Task) -> Array:
    """1 where a decision is wrong and 0 where it is right; in regression the absolute error.

    Binary decisions are right where both sides say positive or neither does: a model may know the other class by
    another name than the data (0 and 2 beside a positive 1), as wherever labels stand beside decisions.
    """
    if task.kind == BINARY:
        return np.asarray((predictions == task.positive_label) != (label == task.positive_label), dtype=float)
    errors: Array = np.abs(np.asarray(predictions, dtype=float) - label)
    return errors


def mean_value(metric: str, found: Moments, level: float, feature: str = "") -> MetricValue:
    """Student's interval; where every row says the same, the rule of three keeps it from claiming certainty."""
    interval = moments.interval(found, level)
    if interval is not None and found.variance == 0.0:
        reach = intervals.proportion(0, found.size, level).high or 0.0
        interval = Interval(found.mean - reach, found.mean + reach, level, "clopper-pearson")
    return MetricValue(metric=metric, value=found.mean, n=found.rows, feature=feature, interval=interval)
