"""Two models on the same rows. Worker only."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy import stats

from audits.checks._models import BINARY, Answers, Task, ask, feature_frame, load_model, read_task
from audits.checks._outcomes import EVALUATION
from audits.checks._perturbation import errors_of, known_rows, labels_of, mean_value
from audits.checks._rows import Rows, open_rows
from audits.checks._sufficient import SUMS
from audits.checks.base import EvidenceError
from audits.checks.performance_comparison import ComparisonParameters
from audits.evidence import Evidence, ModelEvidence
from audits.measurements import Measurement, MetricValue, Table
from audits.statistics import intervals

Array = np.ndarray[Any, Any]


def measure_comparison(evidence: Evidence, parameters: ComparisonParameters) -> Measurement:
    """Ask both: see `performance_comparison`."""
    current = evidence.reference_model
    if current is None:
        raise EvidenceError("reference_model", f"nothing is in {parameters.stage} to compare with")
    rows = open_rows(evidence.datasets[EVALUATION])
    task, answers = _asked(evidence.model, rows)
    other, theirs = _asked(current, rows)
    if (task.kind, task.positive_label) != (other.kind, other.positive_label):
        raise EvidenceError("signature.task", f"{evidence.model.name} and {current.name} answer different questions")
    label = labels_of(rows, task)
    held = known_rows(label)
    if not held.any():
        raise EvidenceError("target", "no row has a label, so neither can be wrong")
    ours, before = (errors_of(one.predictions, label, task)[held] for one in (answers, theirs))
    values = [mean_value("error_increase", "", "", ours - before, parameters.level)]
    tables: dict[str, Table] = {}
    sums = [("error_increase", "", "", int(held.sum()), float((ours - before).sum()))]
    if task.kind == BINARY:
        values += _decisions(answers, theirs, held, (ours, before), parameters.level)
        positive = np.asarray(label == task.positive_label, dtype=float)
        values.append(_brier(answers, theirs, positive, held, parameters.level, sums))
        cells = tuple((new, old, int(((ours == new) & (before == old)).sum())) for new in (0, 1) for old in (0, 1))
        tables["errors"] = Table(("new_wrong", "current_wrong", "count"), cells)
    tables["sums"] = Table(SUMS, tuple(sums))
    inputs = {**rows.inputs, "model": evidence.model.digest, "reference_model": current.digest}
    note = f"Compared with {current.name}, which is in {parameters.stage}."
    return Measurement(values=tuple(values), inputs=inputs, tables=tables, notes=(note,))


def _asked(model: ModelEvidence, rows: Rows) -> tuple[Task, Answers]:
    task = read_task(model)
    return task, ask(load_model(model), feature_frame(rows, task), task)


def _decisions(
    ours: Answers, theirs: Answers, held: Array, errors: tuple[Array, Array], level: float
) -> list[MetricValue]:
    unlike, total = int((ours.predictions != theirs.predictions)[held].sum()), int(held.sum())
    interval = intervals.proportion(unlike, total, level)
    only_new, only_old = (int((errors[i] > errors[1 - i]).sum()) for i in (0, 1))
    unequal = only_new + only_old
    p_value = float(stats.binomtest(only_new, unequal).pvalue) if unequal else 1.0
    return [
        MetricValue(metric="disagreement", value=unlike / total, n=total, interval=interval),
        MetricValue(metric="mcnemar_p_value", value=p_value, n=total),
    ]


def _brier(
    ours: Answers,
    theirs: Answers,
    positive: Array,
    held: Array,
    level: float,
    sums: list[tuple[str, str, str, int, float]],
) -> MetricValue:
    """The growth of the squared distance from score to label; its sum goes to `sums`."""
    scores = [one.scores for one in (ours, theirs) if one.scores is not None]
    if len(scores) < 2:  # noqa: PLR2004 - one for each version
        reason = "one of the versions gives no scores"
        return MetricValue(metric="brier_increase", value=None, n=0, not_estimable=reason)
    first, second = ((score - positive)[held] ** 2 for score in scores)
    sums.append(("brier_increase", "", "", int(held.sum()), float((first - second).sum())))
    return mean_value("brier_increase", "", "", first - second, level)
