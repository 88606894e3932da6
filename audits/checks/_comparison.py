"""Two models on the same rows. Worker only."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy import stats

from audits.checks._batches import Asked, Batch, errors_of, mean_value, prepare
from audits.checks._cells import Share
from audits.checks._models import Answers, ask, load_model
from audits.checks._outcomes import EVALUATION
from audits.checks._rows import open_rows
from audits.checks._sufficient import SUMS, counted, sum_row, weight_columns
from audits.checks._tasks import BINARY, Task, read_task
from audits.checks.base import EvidenceError
from audits.checks.performance_comparison import ComparisonParameters
from audits.counting.question import Tally
from audits.evidence import Evidence, ModelEvidence
from audits.measurements import Measurement, MetricValue, Table
from audits.statistics import intervals
from audits.statistics.moments import Running

Array = np.ndarray[Any, Any]


def measure_comparison(evidence: Evidence, parameters: ComparisonParameters) -> Measurement:
    """Ask both, batch by batch: see `performance_comparison`."""
    current = evidence.reference_model
    if current is None:
        raise EvidenceError("reference_model", f"nothing is in {parameters.stage} to compare with")
    rows = open_rows(evidence.datasets[EVALUATION], streamed=True)
    versions = [_Version(read_task(one), load_model(one)) for one in (evidence.model, current)]
    task = versions[0].task
    if len({(one.task.kind, one.task.positive_label) for one in versions}) > 1:
        raise EvidenceError("signature.task", f"{evidence.model.name} and {current.name} answer different questions")
    for model, one in zip((evidence.model, current), versions, strict=True):
        _require_features(model, one.task)
    features = tuple(dict.fromkeys(name for one in versions for name in one.task.features))
    asked = prepare(rows, task, features, parameters.weights)
    paired = _compare(asked, versions, parameters)
    values = [mean_value("error_increase", paired.errors.moments, parameters.level)]
    tables: dict[str, Table] = {}
    sums = {"error_increase": paired.errors}
    if task.kind == BINARY:
        values += _decisions(paired, asked, parameters)
        values.append(_brier(paired, parameters.level))
        sums |= {} if paired.brier is None else {"brier_increase": paired.brier}
        tables["errors"] = paired.table(weighted=asked.weight is not None and parameters.weights != "counts")
    rows_of_sums = tuple(sum_row(metric, "", one.moments, one.weight) for metric, one in sums.items())
    tables["sums"] = Table(SUMS, rows_of_sums)
    inputs = {**rows.inputs, "model": evidence.model.digest, "reference_model": current.digest}
    note = f"Compared with {current.name}, which is in {parameters.stage}."
    return Measurement(values=tuple(values), inputs=inputs, tables=tables, notes=(note,))


@dataclass(frozen=True, slots=True)
class _Version:
    task: Task
    model: Any

    def ask(self, batch: Batch) -> Answers:
        return ask(self.model, batch.frame[list(self.task.features)], self.task)


@dataclass(slots=True)
class _Paired:
    """What is kept of the rows: (new wrong, current wrong, decided differently) to tally, and two sums of differences.

    `brier` is None as soon as a version gives no scores.
    """

    errors: Running
    brier: Running | None
    cells: dict[tuple[int, int, int], Tally] = field(default_factory=dict)

    def count(self, wrong: tuple[Array, Array], unlike: Array, weight: Array, *, counts: bool) -> None:
        """Add the rows of a batch."""
        code = (4 * wrong[0] + 2 * wrong[1] + unlike).astype(int)
        summed = (np.bincount(code, weights=given, minlength=8) for given in (None, weight, weight * weight))
        for place, (rows, total, squares) in enumerate(zip(*summed, strict=True)):
            if rows:
                key = (place >> 2, place >> 1 & 1, place & 1)
                own = Tally(int(total), total, total) if counts else Tally(int(rows), float(total), float(squares))
                self.cells[key] = self.cells.get(key, Tally()) + own

    def sum(self, new: int | None = None, old: int | None = None, unlike: int | None = None) -> Tally:
        """Over what is not said."""
        wanted = (new, old, unlike)
        matching = (
            tally
            for key, tally in self.cells.items()
            if all(want is None or want == have for want, have in zip(wanted, key, strict=True))
        )
        return sum(matching, Tally())

    def table(self, *, weighted: bool) -> Table:
        """Who erred, with the weights where rows weigh differently."""
        found = {(new, old): self.sum(new, old) for new in (0, 1) for old in (0, 1)}
        rows = tuple((*key, *counted(tally, weighted=weighted)) for key, tally in found.items())
        return Table(("new_wrong", "current_wrong", "count", *weight_columns(weighted=weighted)), rows)


def _require_features(model: ModelEvidence, task: Task) -> None:
    if not task.features:
        raise EvidenceError("signature.features", f"of {model.name} must name the columns the model takes")


def _compare(asked: Asked, versions: list[_Version], parameters: ComparisonParameters) -> _Paired:
    """Both answers to every row that has a label. Raises EvidenceError where none has one."""
    counts = parameters.weights == "counts"
    paired = _Paired(Running(counts=counts), Running(counts=counts))
    task = asked.task
    for batch in asked.batches():
        if not batch.label.size:
            continue
        answers = [version.ask(batch) for version in versions]
        ours, before = (errors_of(one.predictions, batch.label, task) for one in answers)
        paired.errors.add(ours - before, batch.weight)
        if task.kind != BINARY:
            continue
        positives = [one.predictions == task.positive_label for one in answers]
        unlike = positives[0] != positives[1]
        paired.count((ours, before), unlike, batch.weight, counts=counts)
        scores = [one.scores for one in answers if one.scores is not None]
        if len(scores) < len(answers):
            paired.brier = None
        if paired.brier is not None:
            positive = np.asarray(batch.label == task.positive_label, dtype=float)
            paired.brier.add((scores[0] - positive) ** 2 - (scores[1] - positive) ** 2, batch.weight)
    if not paired.errors.rows:
        raise EvidenceError("target", "no row has a label, so neither can be wrong")
    if not paired.errors.weight:
        raise EvidenceError(str(asked.rows.one_tagged("weight")), "is 0 in every row that has a label")
    return paired


def _decisions(paired: _Paired, asked: Asked, parameters: ComparisonParameters) -> list[MetricValue]:
    unlike = Share(paired.sum(unlike=1), paired.sum())
    interval = intervals.proportion(*unlike.pair, parameters.level)
    disagreement = MetricValue(metric="disagreement", value=unlike.value, n=unlike.rows, interval=interval)
    metric = "mcnemar_p_value"
    if asked.weight is not None and parameters.weights != "counts":
        reason = "the exact test counts rows, and weighted rows are no counts; read the interval of error_increase"
        return [disagreement, MetricValue(metric=metric, value=None, n=unlike.rows, not_estimable=reason)]
    only_new, only_old = paired.sum(1, 0).rows, paired.sum(0, 1).rows
    unequal = only_new + only_old
    p_value = float(stats.binomtest(only_new, unequal).pvalue) if unequal else 1.0
    return [disagreement, MetricValue(metric=metric, value=p_value, n=unlike.rows)]


def _brier(paired: _Paired, level: float) -> MetricValue:
    if paired.brier is None:
        reason = "one of the versions gives no scores"
        return MetricValue(metric="brier_increase", value=None, n=0, not_estimable=reason)
    return mean_value("brier_increase", paired.brier.moments, level)
