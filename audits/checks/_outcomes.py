"""Labels beside predictions: the relation from which fairness and performance are computed.

Predictions come from the column tagged `prediction`, else from the column tagged `score` with the declared threshold,
else from the model itself, asked here. A prediction that is not one of the labels is refused, because a library that
compares it with 1 would find nobody selected in any group and call that fair.
"""

from __future__ import annotations

import math
from collections.abc import Collection
from dataclasses import dataclass

import pyarrow as pa

from audits.checks._models import (
    BINARY,
    MULTICLASS,
    RANKING,
    REGRESSION,
    Task,
    ask,
    feature_batches,
    load_model,
    read_task,
)
from audits.checks._rows import NUMERIC, Rows, literal, open_rows, quoted
from audits.checks.base import EvidenceError
from audits.evidence import Evidence

EVALUATION = "evaluation"
MOST_CLASSES = 100


@dataclass(frozen=True, slots=True)
class Outcomes:
    """`rows.connection` holds the view `outcomes`: the typed columns and `_label`, `_prediction`, `_score`.

    In a binary task label and prediction are 1 (positive), 0 or NULL (missing); in regression they are numbers.
    `_score` is NULL where none is known. `origin` says where the predictions come from.
    """

    rows: Rows
    task: Task
    origin: str
    has_scores: bool
    inputs: dict[str, str]
    weight: str | None = None


def read_outcomes(evidence: Evidence, kinds: Collection[str] = (BINARY, REGRESSION)) -> Outcomes:
    """Open the evaluation data and set labels beside predictions. Raises EvidenceError naming what is wrong.

    The rows stay in the file and `outcomes` is a view. Where the model itself has to be asked, it is asked in batches,
    and of each row only the answer is held (9 bytes).
    """
    task = read_task(evidence.model, kinds)
    rows = open_rows(evidence.datasets[EVALUATION], streamed=True)
    inputs = dict(rows.inputs)
    label = _label(rows, task)
    prediction_column, score_column = rows.one_tagged("prediction"), rows.one_tagged("score")
    has_scores = score_column is not None
    if prediction_column is not None:
        prediction, origin = _given(rows, task, prediction_column), f"column {prediction_column}"
        source = "typed"
    elif task.kind == RANKING:
        prediction, origin, source = "CAST(NULL AS DOUBLE)", f"the order of {score_column}", "typed"
    elif score_column is not None and task.kind == BINARY:
        prediction, origin = _thresholded(rows, task, score_column)
        source = "typed"
    else:
        has_scores = _ask_model(evidence, rows, task)
        prediction, origin = '"_asked"', "the model, asked about every row"
        source = "typed POSITIONAL JOIN asked"
        inputs["model"] = evidence.model.digest
    if score_column is not None:
        _require_numeric(rows, score_column, "score")
        score = quoted(score_column)
    else:
        score = '"_asked_score"' if source != "typed" else "CAST(NULL AS DOUBLE)"
    rows.ask(
        f"CREATE TEMP VIEW outcomes AS SELECT typed.*, {label} AS _label, {prediction} AS _prediction, "
        f"{score} AS _score FROM {source}"
    )
    weight = rows.one_tagged("weight")
    return Outcomes(rows, task, origin, has_scores, inputs, weight)


def read_labels(evidence: Evidence, role: str) -> Outcomes:
    """The labels of one dataset without any predictions. Raises EvidenceError: not binary, no target."""
    task = read_task(evidence.model, kinds=(BINARY,))
    rows = open_rows(evidence.datasets[role], streamed=True)
    label = _label(rows, task)
    if rows.one_tagged("target") is None and task.target not in {column.name for column in rows.dataset.columns}:
        raise EvidenceError("target", f"no column of {rows.where} is tagged target")
    rows.ask(f"CREATE TEMP VIEW outcomes AS SELECT typed.*, {label} AS _label FROM typed")
    return Outcomes(rows, task, "nowhere", has_scores=False, inputs=dict(rows.inputs), weight=rows.one_tagged("weight"))


def weight_of(outcomes: Outcomes, meaning: str) -> str | None:
    """SQL of the weight, or None where every row counts once. `meaning` is sampling, counts or ignored.

    Raises EvidenceError: counts without a column of weights; a weight that is missing, negative or, for counts, broken.
    """
    name = outcomes.weight
    if meaning == "ignored":
        return None
    if name is None:
        if meaning == "counts":
            raise EvidenceError("weight", "no column is tagged weight, so the rows cannot be counts")
        return None
    _require_numeric(outcomes.rows, name, "weight")
    place = quoted(name)
    broken = f" OR {place} <> trunc({place})" if meaning == "counts" else ""
    [(wrong, total)] = outcomes.rows.ask(
        f"SELECT count(*) FILTER (WHERE {place} IS NULL OR {place} < 0{broken}), sum({place}) FROM typed"
    )
    if wrong:
        whole = " whole" if meaning == "counts" else ""
        raise EvidenceError(
            name, f"is the weight and must be a{whole} number of at least 0 in every row; {wrong} are not"
        )
    if not total:
        raise EvidenceError(name, "is the weight and 0 in every row, so nothing counts")
    return place


def _label(rows: Rows, task: Task) -> str:
    """SQL of the label. Without a target column it is NULL everywhere, so nothing that needs one is estimable."""
    name = rows.one_tagged("target")
    if name is None and task.target in {column.name for column in rows.dataset.columns}:
        name = task.target
    if name is None:
        return "CAST(NULL AS DOUBLE)"
    if task.kind == MULTICLASS:
        return _class(rows, name)
    if task.kind != BINARY:
        _require_numeric(rows, name, "target")
        return quoted(name)
    labels = _distinct(rows, name)
    if task.positive_label not in labels:
        raise EvidenceError(
            "signature.positive_label",
            f"{task.positive_label} does not occur in {name}, which holds {_shown(labels)}; declare the positive label",
        )
    if len(labels) > 2:  # noqa: PLR2004 - binary
        raise EvidenceError(name, f"holds {_shown(labels)}: a binary target has two labels")
    return _is_positive(rows, name, task)


def _class(rows: Rows, name: str) -> str:
    """SQL of a class label. Raises EvidenceError where there are so many that they must be something else."""
    [(found,)] = rows.ask(f"SELECT count(DISTINCT {rows.as_label(name)}) FROM typed")
    if found > MOST_CLASSES:
        raise EvidenceError(name, f"holds {found} different values; class labels may be at most {MOST_CLASSES}")
    return rows.as_label(name)


def _given(rows: Rows, task: Task, name: str) -> str:
    if task.kind == MULTICLASS:
        return _class(rows, name)
    if task.kind != BINARY:
        _require_numeric(rows, name, "prediction")
        return quoted(name)
    target = rows.one_tagged("target") or task.target
    known = {task.positive_label}
    if target in {column.name for column in rows.dataset.columns}:
        known |= set(_distinct(rows, str(target)))
    found = set(_distinct(rows, name))
    strangers = sorted(str(label) for label in found - known)
    if len(known | found) > 2 or (strangers and len(known) == 2):  # noqa: PLR2004 - binary
        raise EvidenceError(
            name,
            f"holds {_shown(strangers)}, which are not labels; tag probabilities as score and declare a threshold",
        )
    return _is_positive(rows, name, task)


def _thresholded(rows: Rows, task: Task, name: str) -> tuple[str, str]:
    _require_numeric(rows, name, "score")
    if task.threshold is None:
        raise EvidenceError("signature.threshold", f"must be declared to turn the scores in {name} into decisions")
    return f"CASE WHEN {quoted(name)} IS NULL THEN NULL WHEN {quoted(name)} >= {task.threshold!r} THEN 1 ELSE 0 END", (
        f"column {name} at threshold {task.threshold!r}"
    )


def _ask_model(evidence: Evidence, rows: Rows, task: Task) -> bool:
    """Leave the view `asked` (_asked, _asked_score), in file order; whether there are scores."""
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


def _distinct(rows: Rows, name: str) -> list[str | None]:
    """Up to 20 distinct labels, missing left out."""
    rows.column(name)
    texts = rows.ask(
        f"SELECT DISTINCT {rows.as_label(name)} FROM typed WHERE {quoted(name)} IS NOT NULL ORDER BY 1 LIMIT 20"
    )
    return [text for (text,) in texts]


def _require_numeric(rows: Rows, name: str, purpose: str) -> None:
    if rows.column(name).type not in NUMERIC:
        raise EvidenceError(name, f"is the {purpose} and must be declared number or integer")


def _shown(labels: list[str | None] | list[str]) -> str:
    return ", ".join(str(label) for label in labels[:5]) + (", ..." if len(labels) > 5 else "")  # noqa: PLR2004
