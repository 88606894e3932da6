"""Counting rows, identifiers and times that both datasets hold. Worker only."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from typing import Any

import numpy as np

from audits.checks import _single
from audits.checks._prints import cells, held, prints, repeated
from audits.checks._rows import PARQUET_TYPES, Rows, canonical, literal, open_rows, quoted
from audits.checks._sufficient import shares
from audits.checks.lineage_leakage import LeakageParameters
from audits.evidence import DatasetEvidence, Evidence
from audits.measurements import Measurement, MetricValue
from audits.statistics import intervals

TRAIN, EVALUATION = "train", "evaluation"
NOT_DESCRIBING = frozenset({"identifier", "prediction", "score", "weight", "timestamp"})
#: The metrics that are a number of rows over another.
COUNTED = frozenset(
    {
        "exact_overlap_fraction",
        "near_overlap_fraction",
        "training_twin_fraction",
        "identifier_overlap_fraction",
        "temporal_overlap_fraction",
    }
)
#: With fewer columns "all but one" is nearly nothing.
FEWEST_FOR_NEAR = 4

Array = np.ndarray[Any, Any]
Pair = tuple[Array, Array]


def measure_leakage(evidence: Evidence, parameters: LeakageParameters) -> Measurement:
    """Everything; see `lineage_leakage`. In memory: 16 bytes a row and column, and one column at a time."""
    train, rows = (_opened(evidence.datasets[role]) for role in (TRAIN, EVALUATION))
    found = _Found(rows, train, parameters)
    found.read(evidence.model.signature)
    values = [*found.overlaps(), _identifiers(rows, train, parameters.level), _times(rows, train, parameters.level)]
    values += found.target_values()
    counted = shares(values, COUNTED)
    return Measurement(values=tuple(values), inputs={**rows.inputs, **train.inputs}, tables={"shares": counted})


def _opened(dataset: DatasetEvidence) -> Rows:
    """One column after the other is read: cheap from Parquet, but a CSV would be parsed anew each time."""
    return open_rows(dataset, streamed=dataset.media_type in PARQUET_TYPES)


class _Found:
    """What one pass over the shared columns leaves: fingerprints of rows and cells, and an area for each feature.

    Each pair is (evaluation, training).
    """

    def __init__(self, rows: Rows, train: Rows, parameters: LeakageParameters) -> None:
        self.rows, self.train, self.parameters = rows, train, parameters
        self.exact: Pair | None = None
        self.near: list[Pair] = []
        self.areas: list[MetricValue] = []
        self.no_target = ""

    def read(self, signature: Mapping[str, Any]) -> None:
        """Read every shared column once. Raises EvidenceError where a file cannot be read."""
        labels = self._labels(signature)
        target, features = self.rows.one_tagged("target"), set(self.rows.dataset.tagged("feature"))
        for name in _shared(self.rows, self.train):
            values = cells(self.rows, name), cells(self.train, name)
            whole = prints(values[0], name), prints(values[1], name)
            self.exact = whole if self.exact is None else (self.exact[0] ^ whole[0], self.exact[1] ^ whole[1])
            digits = self.parameters.digits
            self.near.append((prints(values[0], name, digits), prints(values[1], name, digits)))
            if labels is not None and name != target and name in features:
                self.areas.append(self._area(name, values, labels))

    def _labels(self, signature: Mapping[str, Any]) -> tuple[Pair, Pair] | None:
        """(positives, known) of both datasets; None, with the reason kept, where there are no two classes."""
        target, positive = self.rows.one_tagged("target"), signature.get("positive_label")
        if target is None or self.train.one_tagged("target") != target:
            self.no_target = "the two have no target column in common"
        elif positive is None:
            self.no_target = "the model names no positive label: only two classes can be told apart by an area"
        if self.no_target or target is None:
            return None
        word = literal(canonical(positive))
        found = []
        for one in (self.rows, self.train):
            asked = one.arrays(
                f"SELECT coalesce({one.as_label(target)} = {word}, false) AS hit, "
                f"{quoted(target)} IS NOT NULL AS known FROM typed"
            )
            found.append((np.asarray(asked["hit"], dtype=bool), np.asarray(asked["known"], dtype=bool)))
        return found[0], found[1]

    def _area(self, name: str, values: Pair, labels: tuple[Pair, Pair]) -> MetricValue:
        learnt, given = _single.bins_of(values[1], values[0], self.parameters.bins)
        (hits, known), (train_hits, train_known) = labels
        area = _single.area((learnt[train_known], train_hits[train_known]), (given[known], hits[known]))
        if area is None:
            reason = "one of the two classes does not occur"
            return MetricValue(metric="target_auc", value=None, n=self.rows.total, feature=name, not_estimable=reason)
        value, interval = _single.folded(area, self.parameters.level)
        return MetricValue(metric="target_auc", value=value, n=self.rows.total, feature=name, interval=interval)

    def overlaps(self) -> list[MetricValue]:
        """Exact and near rows, and the twins within training."""
        n, level = self.rows.total, self.parameters.level
        if self.exact is None:
            reason = "the two share no describing column of the same type"
            metrics = ("exact_overlap_fraction", "near_overlap_fraction", "training_twin_fraction")
            return [MetricValue(metric=metric, value=None, n=n, not_estimable=reason) for metric in metrics]
        ours, theirs = self.exact
        found = [
            _share("exact_overlap_fraction", int(held(ours, theirs).sum()), n, level),
            _share("training_twin_fraction", repeated(theirs), self.train.total, level),
        ]
        if len(self.near) < FEWEST_FOR_NEAR:
            reason = f"fewer than {FEWEST_FOR_NEAR} describing columns: all but one would be nearly nothing"
            return [*found, MetricValue(metric="near_overlap_fraction", value=None, n=n, not_estimable=reason)]
        return [*found, _share("near_overlap_fraction", self._near(), n, level)]

    def _near(self) -> int:
        """Rows with a training row that differs in one column at most."""
        ours, theirs = _whole(self.near)
        near = held(ours, theirs)
        for mine, other in self.near:
            waiting = np.flatnonzero(~near)
            near[waiting] = held((ours ^ mine)[waiting], theirs ^ other)
        return int(near.sum())

    def target_values(self) -> list[MetricValue]:
        """`target_auc` of each feature, and the worst."""
        known = [value for value in self.areas if value.value is not None]
        if not known:
            reason = self.no_target or "no feature could be measured against the target"
            n = self.rows.total
            return [*self.areas, MetricValue(metric="worst_target_auc", value=None, n=n, not_estimable=reason)]
        worst = max(known, key=lambda value: value.value or 0.0)
        overall = MetricValue(metric="worst_target_auc", value=worst.value, n=worst.n, interval=worst.interval)
        return [*self.areas, overall]


def _whole(pairs: list[Pair]) -> Pair:
    """Fingerprints of the rows from those of their cells."""
    return reduce(np.bitwise_xor, [mine for mine, _ in pairs]), reduce(np.bitwise_xor, [other for _, other in pairs])


def _shared(rows: Rows, train: Rows) -> list[str]:
    others = {column.name: column.type for column in train.dataset.columns}
    return [
        column.name
        for column in rows.dataset.columns
        if others.get(column.name) == column.type and not NOT_DESCRIBING.intersection(column.tags)
    ]


def _identifiers(rows: Rows, train: Rows, level: float) -> MetricValue:
    """By all columns that both tag identifier, together; a row without one is left out."""
    metric = "identifier_overlap_fraction"
    names = [name for name in rows.dataset.tagged("identifier") if name in train.dataset.tagged("identifier")]
    if not names:
        reason = "the two share no column tagged identifier"
        return MetricValue(metric=metric, value=None, n=rows.total, not_estimable=reason)
    ours, theirs = (_people(one, names) for one in (rows, train))
    if not ours.size:
        return MetricValue(metric=metric, value=None, n=0, not_estimable="no evaluation row has an identifier")
    return _share(metric, int(held(ours, theirs).sum()), int(ours.size), level)


def _people(rows: Rows, names: list[str]) -> Array:
    known = " AND ".join(f"{quoted(name)} IS NOT NULL" for name in names)
    text = f"concat_ws(chr(31), {', '.join(map(rows.as_text, names))})"
    return np.asarray(rows.arrays(f"SELECT hash({text}) AS cell FROM typed WHERE {known}")["cell"], dtype=np.uint64)


def _times(rows: Rows, train: Rows, level: float) -> MetricValue:
    metric = "temporal_overlap_fraction"
    ours, theirs = rows.one_tagged("timestamp"), train.one_tagged("timestamp")
    if ours is None or theirs is None or rows.column(ours).type != train.column(theirs).type:
        reason = "the two have no column of the same type that is tagged timestamp"
        return MetricValue(metric=metric, value=None, n=rows.total, not_estimable=reason)
    [(newest,)] = train.ask(f"SELECT CAST(max({quoted(theirs)}) AS VARCHAR) FROM typed")
    kinds = {"datetime": "TIMESTAMP", "string": "VARCHAR"}
    then = f"CAST({literal(str(newest))} AS {kinds.get(rows.column(ours).type, 'DOUBLE')})"
    counted = f"SELECT count(*) FILTER (WHERE {quoted(ours)} <= {then}), count({quoted(ours)}) FROM typed"
    [(early, known)] = rows.ask(counted) if newest is not None else [(0, 0)]
    if not known:
        return MetricValue(metric=metric, value=None, n=0, not_estimable="no time is known on one of the sides")
    return _share(metric, early, known, level)


def _share(metric: str, count: int, total: int, level: float) -> MetricValue:
    interval = intervals.proportion(count, total, level)
    return MetricValue(metric=metric, value=count / total, n=total, interval=interval)
