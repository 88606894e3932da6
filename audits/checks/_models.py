"""Loading a model artifact and asking it, inside the child process.

The artifact's digest was verified before; here its format is sniffed again, its types are held against a fixed
allow-list of ours, and its tree arrays are examined before the first prediction.
"""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from typing import Any

import numpy as np
from skops.io import load
from skops.io.exceptions import UntrustedTypesFoundException

from audits.checks._rows import Rows, canonical
from audits.checks._trees import check_trees
from audits.checks.base import EvidenceError
from audits.evidence import ModelEvidence
from registry.artifacts import require_scorable, sniff_format
from registry.errors import AssayError

#: Types beyond those skops trusts by itself. Never the answer of `get_untrusted_types`: that would be the file
#: vouching for itself. The two tree types are safe only together with `check_trees`.
ALLOWED_TYPES = (
    "numpy.dtype",
    "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor",
    "sklearn.tree._tree.Tree",
)

BINARY = "binary_classification"
REGRESSION = "regression"


@dataclass(frozen=True, slots=True)
class Task:
    """How the model is to be asked, from its signature."""

    kind: str
    features: tuple[str, ...]
    target: str | None
    positive_label: str | None
    threshold: float | None


def read_task(model: ModelEvidence) -> Task:
    """The signature, examined. Raises EvidenceError naming the entry."""
    signature = model.signature
    kind = signature.get("task")
    if kind not in (BINARY, REGRESSION):
        raise EvidenceError("signature.task", f"{kind!r} cannot be measured yet; {BINARY} and {REGRESSION} can")
    features = tuple(signature.get("features") or ())
    if not all(isinstance(name, str) for name in features):
        raise EvidenceError("signature.features", "must be a list of column names")
    positive = signature.get("positive_label")
    if kind == BINARY and positive is None:
        raise EvidenceError("signature.positive_label", "must say which label of the target is the positive one")
    threshold = signature.get("threshold")
    if threshold is not None and (isinstance(threshold, bool) or not isinstance(threshold, int | float)):
        raise EvidenceError("signature.threshold", "must be a number")
    return Task(
        kind=kind,
        features=features,
        target=signature.get("target"),
        positive_label=None if positive is None else canonical(positive),
        threshold=None if threshold is None else float(threshold),
    )


def load_model(model: ModelEvidence) -> Any:
    """The estimator in the artifact. Raises EvidenceError: none held, refused format or type, damaged trees."""
    if model.path is None:
        raise EvidenceError("model", f"no artifact of {model.name} is held, so it cannot be asked")
    try:
        require_scorable(sniff_format(model.path, declared=model.format))
    except AssayError as error:
        raise EvidenceError("model", str(error)) from error
    try:
        loaded = load(model.path, trusted=list(ALLOWED_TYPES))
    except UntrustedTypesFoundException as error:
        raise EvidenceError("model", f"holds types that are not allowed here: {error}") from error
    except (ValueError, TypeError, KeyError, AttributeError, ImportError, zipfile.BadZipFile) as error:
        raise EvidenceError("model", f"the skops file cannot be loaded: {error}") from error
    if not hasattr(loaded, "predict"):
        raise EvidenceError("model", f"{type(loaded).__name__} has no predict")
    check_trees(loaded)
    return loaded


def feature_frame(rows: Rows, task: Task, where: str = "") -> Any:
    """The model's features as a DataFrame in the order of the signature. Raises EvidenceError."""
    if not task.features:
        raise EvidenceError("signature.features", "must name the columns the model takes")
    return rows.frame(task.features, where)


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
