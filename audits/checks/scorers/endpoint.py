"""A model that answers at an address. Worker only; the service's broker does the asking (`audits.questions`).

Every answer is taken for hostile: its shape, its numbers and the model it claims to come from are examined.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

import numpy as np
from pandas.api.types import is_numeric_dtype

from audits.checks._ensembles import Array
from audits.checks.base import EvidenceError
from audits.checks.scorers import Declared, numeric
from audits.evidence import ModelEvidence
from audits.questions import QuestionError, ask
from registry.endpoints import Endpoint, Protocol
from registry.errors import AssayError

ROWS_A_QUESTION = 2_000
_REGRESSION = "regression"
_SUM_TOLERANCE = 1e-3


class EndpointScorer:
    """An endpoint asked as a scikit-learn model is."""

    def __init__(self, endpoint: Endpoint, artifact: str, declared: Declared) -> None:
        self._endpoint, self._artifact, self._task = endpoint, artifact, declared.task
        self._declared = declared
        if declared.task != _REGRESSION:
            self.classes_ = declared.labels or (0, 1)

    def predict(self, frame: Any) -> Array:
        """Labels, or numbers in regression."""
        if self._task == _REGRESSION:
            return self._ask(frame, 1)[:, 0]
        labels: Array = np.array(self.classes_, dtype=object)[self.predict_proba(frame).argmax(axis=1)]
        return labels

    def predict_proba(self, frame: Any) -> Array:
        """Rows x classes. With two classes the endpoint may answer the probability of the second alone."""
        classes = len(self.classes_)
        answered = self._ask(frame, classes)
        if answered.shape[1] == 1 and classes == 2:  # noqa: PLR2004 - one probability tells the other
            answered = np.column_stack([1 - answered[:, 0], answered[:, 0]])
        off = np.abs(answered.sum(axis=1) - 1).max(initial=0.0)
        if answered.shape[1] != classes or answered.min(initial=0.0) < 0 or not off < _SUM_TOLERANCE:
            raise EvidenceError("model", f"{self._endpoint.url} answered numbers that are no probabilities")
        return answered

    def _ask(self, frame: Any, width: int) -> Array:
        parts = [self._asked(frame.iloc[at : at + ROWS_A_QUESTION]) for at in range(0, len(frame), ROWS_A_QUESTION)]
        if len({part.shape[1] for part in parts}) > 1:
            raise EvidenceError("model", f"{self._endpoint.url} answers now with more numbers a row, now with fewer")
        return np.concatenate(parts) if parts else np.zeros((0, width))

    def _asked(self, frame: Any) -> Array:
        body = _tensors(frame, self._endpoint.inputs) if self._is_open else _split(frame)
        try:
            claimed, content = ask(self._artifact, json.dumps(body, allow_nan=False).encode())
            told = json.loads(content, parse_constant=_no_number)
            numbers = _outputs(told, len(frame)) if self._is_open else _predictions(told, len(frame))
        except QuestionError as error:
            raise EvidenceError("model", f"the endpoint could not be asked: {error}") from error
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise EvidenceError("model", f"{self._endpoint.url} answered something unusable: {error}"[:300]) from error
        if self._is_open and not claimed:
            parameters = told.get("parameters")
            claimed = str(parameters.get("model_digest", "")) if isinstance(parameters, dict) else ""
        self._require_claim(claimed)
        if not np.isfinite(numbers).all():
            raise EvidenceError("model", f"{self._endpoint.url} answered numbers that are not finite")
        return numbers

    @property
    def _is_open(self) -> bool:
        return self._endpoint.protocol is Protocol.OPEN_INFERENCE

    def _require_claim(self, claimed: str) -> None:
        if claimed != self._endpoint.model_digest:
            says = f"says that {claimed[:80]} answered" if claimed else "does not say which model answered"
            raise EvidenceError("model", f"{self._endpoint.url} {says}; registered is {self._endpoint.model_digest}")


def read(model: ModelEvidence) -> EndpointScorer:
    """The endpoint as it was registered. Raises EvidenceError."""
    try:
        endpoint = Endpoint.from_bytes(model.path.read_bytes() if model.path else b"")
    except AssayError as error:
        raise EvidenceError("model", str(error)) from error
    declared = Declared.by(model)
    if not declared.features:
        raise EvidenceError("signature.features", "must name the columns that the endpoint takes")
    return EndpointScorer(endpoint, model.digest, declared)


def _split(frame: Any) -> dict[str, Any]:
    """MLflow's `dataframe_split`; a missing value is null."""
    rows = frame.astype(object).where(frame.notna(), None).to_numpy().tolist()
    return {"dataframe_split": {"columns": [str(name) for name in frame.columns], "data": rows}}


def _tensors(frame: Any, inputs: str) -> dict[str, Any]:
    """Tensors of the open protocol, which knows no missing value."""
    for name in frame.columns:
        if frame[name].isna().any():
            raise EvidenceError(str(name), "has missing values, which this protocol cannot send")
    if inputs == "matrix":
        matrix = numeric(frame, np.float64)
        whole = {"name": "input", "shape": list(matrix.shape), "datatype": "FP64", "data": matrix.ravel().tolist()}
        return {"inputs": [whole]}
    return {"inputs": [_tensor(str(name), frame[name]) for name in frame.columns]}


def _tensor(name: str, column: Any) -> dict[str, Any]:
    text = not is_numeric_dtype(column)
    data = [str(value) for value in column] if text else column.astype(float).tolist()
    return {"name": name, "shape": [len(data), 1], "datatype": "BYTES" if text else "FP64", "data": data}


def _outputs(told: dict[str, Any], rows: int) -> Array:
    """The last output of numbers, as with ONNX: converters put the label first."""
    found = [output for output in told["outputs"] if str(output["datatype"]).startswith("FP")]
    if not found:
        raise ValueError("no output holds floating-point numbers")
    return _matrix(found[-1]["data"], rows)


def _predictions(told: dict[str, Any], rows: int) -> Array:
    return _matrix(told["predictions"], rows)


def _matrix(data: Any, rows: int) -> Array:
    """Rows x numbers from a flat or nested list. Raises ValueError: another number of rows, or other things in it."""
    if not isinstance(data, list):
        raise TypeError("the answer holds no list of numbers")
    flat = data if not data or not isinstance(data[0], list) else [value for row in data for value in row]
    if not all(isinstance(value, int | float) and not isinstance(value, bool) for value in flat):
        raise TypeError("the answer holds something other than numbers")
    nested = bool(data) and isinstance(data[0], list)
    if nested and (len(data) != rows or len({len(row) for row in data}) != 1):
        raise ValueError(f"{rows} rows were sent and {len(data)} answered, or rows of unlike length")
    if not flat or len(flat) % rows:
        raise ValueError(f"{rows} rows were sent and {len(flat)} numbers answered")
    matrix: Array = np.array(flat, dtype=float).reshape(rows, -1)
    return matrix


def _no_number(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")
