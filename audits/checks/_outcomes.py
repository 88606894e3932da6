"""Labels beside predictions: the relation from which fairness and performance are computed.

Predictions come from the column tagged `prediction`, else from the column tagged `score` with the declared threshold,
else from the model itself, asked here. A prediction that is not one of the labels is refused, because a library that
compares it with 1 would find nobody selected in any group and call that fair.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from audits.checks._condensed import Condensing, open_condensed
from audits.checks._rows import NUMERIC, Rows, literal, open_rows, quoted
from audits.checks._tasks import BINARY, MULTICLASS, RANKING, REGRESSION, Task, read_task
from audits.checks.base import EvidenceError
from audits.evidence import DatasetEvidence, Evidence

EVALUATION = "evaluation"
MOST_CLASSES = 100
#: The decision at the threshold, where rows are condensed and the score itself is no longer there.
DECIDED = "_decided"


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`rows.connection` holds the view `outcomes`: the typed columns and `_label`, `_prediction`, `_score`.

    Where the rows are condensed, each line of it stands for several rows, and `_score` is NULL.

    In a binary task label and prediction are 1 (positive), 0 or NULL (missing); in regression they are numbers.
    `_score` is NULL where none is known. `origin` says where the predictions come from.
    """

    rows: Rows
    task: Task
    origin: str
    has_scores: bool
    inputs: dict[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counting:
    """What a check that only counts needs: the columns of its groups, and what weights mean to it."""

    columns: Sequence[str]
    weights: str


def read_outcomes(
    evidence: Evidence, kinds: Collection[str] = (BINARY, REGRESSION), counting: Counting | None = None
) -> Outcomes:
    """Open the evaluation data and set labels beside predictions. Raises EvidenceError naming what is wrong.

    The rows stay in the file and `outcomes` is a view. Where the model itself has to be asked, it is asked in batches,
    and of each row only the answer is held (9 bytes). For `counting` they are condensed, unless the model is asked.
    """
    task = read_task(evidence.model, kinds)
    rows = _open(evidence.datasets[EVALUATION], task, counting)
    inputs = dict(rows.inputs)
    labels = _labels(rows, task)
    label = _label(rows, task, labels)
    prediction_column, score_column = rows.one_tagged("prediction"), rows.one_tagged("score")
    has_scores = score_column is not None
    table, joined = "condensed" if rows.condensed else "typed", ""
    if prediction_column is not None:
        prediction, origin = _given(rows, task, prediction_column, labels), f"column {prediction_column}"
    elif task.kind == RANKING:
        prediction, origin = "CAST(NULL AS DOUBLE)", f"the order of {score_column}"
    elif score_column is not None and task.kind == BINARY:
        prediction, origin = _thresholded(rows, task, score_column)
    else:
        has_scores = _ask_model(evidence, rows, task)
        prediction, origin = '"_asked"', "the model, asked about every row"
        joined = " POSITIONAL JOIN asked"
        inputs["model"] = evidence.model.digest
    score = '"_asked_score"' if joined else "CAST(NULL AS DOUBLE)"
    if score_column is not None:
        rows.require_numeric(score_column, "score")
        score = score if rows.condensed else quoted(score_column)
    rows.ask(
        f"CREATE TEMP VIEW outcomes AS SELECT {table}.*, {label} AS _label, {prediction} AS _prediction, "
        f"{score} AS _score FROM {table}{joined}"
    )
    return Outcomes(rows, task, origin, has_scores, inputs)


def read_labels(evidence: Evidence, role: str, counting: Counting) -> Outcomes:
    """The labels of one dataset without any predictions. Raises EvidenceError: not binary, no target."""
    task = read_task(evidence.model, kinds=(BINARY,))
    rows = _open(evidence.datasets[role], task, counting, labels_only=True)
    label = _label(rows, task, _labels(rows, task))
    if rows.one_tagged("target") is None and task.target not in {column.name for column in rows.dataset.columns}:
        raise EvidenceError("target", f"no column of {rows.where} is tagged target")
    table = "condensed" if rows.condensed else "typed"
    rows.ask(f"CREATE TEMP VIEW outcomes AS SELECT {table}.*, {label} AS _label FROM {table}")
    return Outcomes(rows, task, "nowhere", has_scores=False, inputs=dict(rows.inputs))


def _open(dataset: DatasetEvidence, task: Task, counting: Counting | None, *, labels_only: bool = False) -> Rows:
    """The rows in the file, condensed where only counts are wanted and no model is asked.

    Whatever is wrong with the tags is left to be refused by those who use the columns.
    """
    predictions, scores, weights = (dataset.tagged(tag) for tag in ("prediction", "score", "weight"))
    thresholded = not (labels_only or predictions)
    read = (*(scores if thresholded else ()), *weights)
    types = {column.name: column.type for column in dataset.columns}
    can_decide = not thresholded or (len(scores) == 1 and task.kind == BINARY and task.threshold is not None)
    sound = len(weights) <= 1 and all(types[name] in NUMERIC for name in read)
    if counting is None or not (can_decide and sound):
        return open_rows(dataset, streamed=True)
    targets = dataset.tagged("target") or ((task.target,) if task.target else ())
    wanted = Condensing(
        columns=(*targets, *(() if labels_only else predictions), *counting.columns),
        marks={DECIDED: _at_threshold(scores[0], task)} if thresholded else {},
        read=read,
        weight=weights[0] if weights and counting.weights != "ignored" else None,
        weights=counting.weights,
    )
    return open_condensed(dataset, wanted)


def _labels(rows: Rows, task: Task) -> list[str]:
    """The labels of a binary target, up to 20 of them."""
    name = _target(rows, task)
    return [] if name is None or task.kind != BINARY else labels_in(rows, name)


def _target(rows: Rows, task: Task) -> str | None:
    name = rows.one_tagged("target")
    return task.target if name is None and task.target in {column.name for column in rows.dataset.columns} else name


def _label(rows: Rows, task: Task, labels: list[str]) -> str:
    """SQL of the label. Without a target column it is NULL everywhere, so nothing that needs one is estimable."""
    name = _target(rows, task)
    if name is None:
        return "CAST(NULL AS DOUBLE)"
    if task.kind == MULTICLASS:
        return _class(rows, name)
    if task.kind != BINARY:
        rows.require_numeric(name, "target")
        return quoted(name)
    require_two(labels, name, task)
    return _is_positive(rows, name, task)


def require_two(labels: list[str], name: str, task: Task) -> None:
    """Raises EvidenceError: the `labels` of the binary target `name` lack the positive one, or are more than two."""
    if task.positive_label not in labels:
        raise EvidenceError(
            "signature.positive_label",
            f"{task.positive_label} does not occur in {name}, which holds {_shown(labels)}; declare the positive label",
        )
    if len(labels) > 2:  # noqa: PLR2004 - binary
        raise EvidenceError(name, f"holds {_shown(labels)}: a binary target has two labels")


def _class(rows: Rows, name: str) -> str:
    """SQL of a class label. Raises EvidenceError where there are so many that they must be something else."""
    [(found,)] = rows.ask(f"SELECT count(DISTINCT {rows.as_label(name)}) FROM {rows.values_of(name)}")
    if found > MOST_CLASSES:
        raise EvidenceError(name, f"holds {found} different values; class labels may be at most {MOST_CLASSES}")
    return rows.as_label(name)


def _given(rows: Rows, task: Task, name: str, labels: list[str]) -> str:
    if task.kind == MULTICLASS:
        return _class(rows, name)
    if task.kind != BINARY:
        rows.require_numeric(name, "prediction")
        return quoted(name)
    known = {task.positive_label, *labels}
    found = set(labels_in(rows, name))
    strangers = sorted(str(label) for label in found - known)
    # The text 1.0 is not the label 1, and must not be taken for the other one.
    misspelt = ({_as_number(label) for label in strangers} & {_as_number(label) for label in known}) - {None}
    if misspelt or len(known | found) > 2 or (strangers and len(known) == 2):  # noqa: PLR2004 - binary
        raise EvidenceError(
            name,
            f"holds {_shown(strangers)}, which are not labels; tag probabilities as score and declare a threshold",
        )
    return _is_positive(rows, name, task)


def _thresholded(rows: Rows, task: Task, name: str) -> tuple[str, str]:
    rows.require_numeric(name, "score")
    if task.threshold is None:
        raise EvidenceError("signature.threshold", f"must be declared to turn the scores in {name} into decisions")
    return DECIDED if rows.condensed else _at_threshold(name, task), f"column {name} at threshold {task.threshold!r}"


def _at_threshold(name: str, task: Task) -> str:
    return f"CASE WHEN {quoted(name)} IS NULL THEN NULL WHEN {quoted(name)} >= {task.threshold!r} THEN 1 ELSE 0 END"


def _ask_model(evidence: Evidence, rows: Rows, task: Task) -> bool:
    """Leave the view `asked` (_asked, _asked_score), in file order; whether there are scores."""
    import pyarrow as pa  # noqa: PLC0415 - heavy

    # Counting what is in the file needs neither a model nor NumPy.
    from audits.checks._models import ask, feature_batches, load_model  # noqa: PLC0415

    model = load_model(evidence.model)
    pieces, has_scores = [], False
    for frame in feature_batches(rows, task):
        answers = ask(model, frame, task)
        has_scores = answers.scores is not None
        predicted = answers.predictions
        if task.kind == BINARY:
            asked = pa.array((predicted == task.positive_label).astype("int8"))
        else:
            asked = pa.array(predicted, from_pandas=True)
        scores = pa.nulls(len(frame), pa.float64()) if answers.scores is None else pa.array(answers.scores)
        pieces.append(pa.record_batch([asked, scores], names=["_asked", "_asked_score"]))
    rows.connection.register("_asked_batches", pa.Table.from_batches(pieces))
    rows.ask("CREATE TEMP TABLE asked AS SELECT * FROM _asked_batches")
    rows.connection.unregister("_asked_batches")
    return has_scores


def _is_positive(rows: Rows, name: str, task: Task) -> str:
    if rows.column(name).type in NUMERIC and (number := _as_number(task.positive_label)) is not None:
        return f"CASE WHEN {quoted(name)} IS NULL THEN NULL WHEN {quoted(name)} = {number} THEN 1 ELSE 0 END"
    positive = literal(str(task.positive_label))
    return f"CASE WHEN {quoted(name)} IS NULL THEN NULL WHEN {rows.as_label(name)} = {positive} THEN 1 ELSE 0 END"


def _as_number(label: str | None) -> str | None:
    """A label as an SQL number, so that numbers are compared as numbers; None where it is none."""
    try:
        number = float(str(label))
    except ValueError:
        return None
    return (str(int(number)) if number.is_integer() else repr(number)) if math.isfinite(number) else None


def labels_in(rows: Rows, name: str) -> list[str]:
    """Up to 20 distinct labels, missing left out."""
    rows.column(name)
    texts = rows.ask(
        f"SELECT DISTINCT {rows.as_label(name)} FROM {rows.values_of(name)} WHERE {quoted(name)} IS NOT NULL "
        "ORDER BY 1 LIMIT 20"
    )
    return [text for (text,) in texts]


def _shown(labels: list[str]) -> str:
    return ", ".join(labels[:5]) + (", ..." if len(labels) > 5 else "")  # noqa: PLR2004
