"""Asking a model, inside the child process, as its signature says. Files are read by `audits.checks.scorers`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.checks._rows import Rows, canonical
from audits.checks._tasks import BINARY, REGRESSION, Task
from audits.checks.base import EvidenceError
from audits.evidence import ModelEvidence


def load_model(model: ModelEvidence) -> Any:
    """What can be asked. Raises EvidenceError: none held, refused format or type, damaged trees."""
    from audits.checks.scorers import read_artifact  # noqa: PLC0415 - heavy

    return read_artifact(model)


def feature_frame(rows: Rows, task: Task, where: str = "") -> Any:
    """The model's features as a DataFrame in the order of the signature. Raises EvidenceError."""
    if not task.features:
        raise EvidenceError("signature.features", "must name the columns the model takes")
    return rows.frame(task.features, where)


def feature_batches(rows: Rows, task: Task) -> Iterator[Any]:
    """What `feature_frame` gives, in pieces of bounded memory. Raises EvidenceError."""
    if not task.features:
        raise EvidenceError("signature.features", "must name the columns the model takes")
    return rows.batches(task.features)


@dataclass(frozen=True, slots=True)
class Answers:
    """What the model said, one entry a row: `predictions` are canonical texts of labels, or numbers in regression."""

    predictions: np.ndarray[Any, Any]
    scores: np.ndarray[Any, Any] | None


def ask(model: Any, frame: Any, task: Task) -> Answers:
    """Predict every row; the positive class is taken from the score where a threshold is declared.

    Raises EvidenceError when the model cannot take the rows, does not know the positive label, or answers no numbers.
    """
    try:
        if task.kind == REGRESSION:
            numbers = np.asarray(model.predict(frame), dtype=float).ravel()
            return Answers(_finite(numbers, len(frame)), None)
        scores = _scores(model, frame, task)
        if scores is not None and task.threshold is not None:
            other = next(label for label in _labels(model) if label != task.positive_label)
            selected = scores >= task.threshold
            return Answers(np.array([task.positive_label if one else other for one in selected], dtype=object), scores)
        predicted = np.array([canonical(_item(value)) for value in np.asarray(model.predict(frame))], dtype=object)
        return Answers(predicted, scores)
    except EvidenceError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError, IndexError) as error:
        raise EvidenceError("model", f"cannot score the rows: {error}") from error


def positive_index(model: Any, task: Task) -> int:
    """Where the positive label stands in `classes_`. Raises EvidenceError unless the model has just two classes."""
    labels = _labels(model)
    if len(labels) != 2:  # noqa: PLR2004 - binary
        raise EvidenceError("model", f"knows {len(labels)} classes; {BINARY} has two")
    if task.positive_label not in labels:
        raise EvidenceError(
            "signature.positive_label",
            f"{task.positive_label} is not a class of the model, which knows {', '.join(labels)}",
        )
    return labels.index(task.positive_label)


def _labels(model: Any) -> list[str]:
    return [canonical(_item(value)) for value in getattr(model, "classes_", ())]


def _item(value: Any) -> Any:
    return value.item() if isinstance(value, np.generic) else value


def _scores(model: Any, frame: Any, task: Task) -> np.ndarray[Any, Any] | None:
    index = positive_index(model, task)
    if not hasattr(model, "predict_proba"):
        if task.threshold is not None:
            raise EvidenceError("signature.threshold", "is declared, but the model has no predict_proba to apply it to")
        return None
    return _finite(np.asarray(model.predict_proba(frame), dtype=float)[:, index], len(frame))


def _finite(numbers: np.ndarray[Any, Any], rows: int) -> np.ndarray[Any, Any]:
    if numbers.shape != (rows,) or not np.isfinite(numbers).all():
        raise EvidenceError("model", "answered something other than one finite number a row")
    return numbers
