"""ONNX models, run by ONNX Runtime on one thread. Worker only.

Taken are graphs with one input of shape rows x columns, or with one input a column. Classes: a matrix with a
probability for each class, or one probability a row; regression: one number a row.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime

from audits.checks._ensembles import Array
from audits.checks.base import EvidenceError
from audits.checks.scorers import Declared, numeric
from audits.checks.scorers._onnx_graph import examine
from audits.evidence import ModelEvidence

_TYPES = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(string)": object,
    "tensor(bool)": np.bool_,
}
_FLOATS = ("tensor(float)", "tensor(double)")
_REGRESSION = "regression"
_SUM_TOLERANCE = 1e-3


class OnnxScorer:
    """A graph asked as a scikit-learn model is."""

    def __init__(self, session: Any, declared: Declared) -> None:
        self._session = session
        self._inputs = session.get_inputs()
        self._declared = declared
        self._output = _output(session, declared.task)
        if declared.task != _REGRESSION:
            width = self._output.shape[1] if len(self._output.shape) > 1 else 1
            count = len(declared.labels or (0, 1)) if not isinstance(width, int) else max(2, width)
            self.classes_ = declared.classes(count)

    def _ask(self, frame: Any) -> Array:
        if len(self._inputs) == 1:
            [given] = self._inputs
            feed = {given.name: numeric(frame, _kind(given))}
        else:
            feed = {
                given.name: frame[[name]].to_numpy(dtype=_kind(given))
                for given, name in zip(self._inputs, self._declared.features, strict=True)
            }
        try:
            [answered] = self._session.run([self._output.name], feed)
        except Exception as error:  # the runtime's exceptions have no common base of their own
            raise EvidenceError("model", f"the ONNX graph fails on these rows: {str(error)[:300]}") from error
        return np.asarray(answered, dtype=float).reshape(len(frame), -1)

    def predict(self, frame: Any) -> Array:
        """Labels, or numbers in regression."""
        if self._declared.task == _REGRESSION:
            numbers = self._ask(frame)
            if numbers.shape[1] != 1:
                raise EvidenceError("model", f"answers {numbers.shape[1]} numbers a row where one belongs")
            return numbers[:, 0]
        labels: Array = np.array(self.classes_, dtype=object)[self.predict_proba(frame).argmax(axis=1)]
        return labels

    def predict_proba(self, frame: Any) -> Array:
        """Rows x classes. Raises EvidenceError where the graph answers something other than probabilities."""
        answered = self._ask(frame)
        if answered.shape[1] == 1:
            answered = np.column_stack([1 - answered[:, 0], answered[:, 0]])
        off = np.abs(answered.sum(axis=1) - 1).max(initial=0.0)
        if answered.shape[1] != len(self.classes_) or answered.min(initial=0.0) < 0 or not off < _SUM_TOLERANCE:
            raise EvidenceError(
                "model", f"output {self._output.name} holds no probabilities; end the graph with softmax"
            )
        return answered


def read(model: ModelEvidence) -> OnnxScorer:
    """The examined graph, ready to run. Raises EvidenceError."""
    declared = Declared.by(model)
    content = model.path.read_bytes() if model.path else b""
    examine(content, len(declared.features))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    options.use_deterministic_compute = True
    options.log_severity_level = 4
    try:
        # From bytes, so that no path of the file can be resolved against a folder.
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise EvidenceError("model", f"the ONNX file cannot be loaded: {str(error)[:300]}") from error
    inputs = session.get_inputs()
    if len(inputs) == 1:
        shape = inputs[0].shape
        if len(shape) != 2 or not isinstance(shape[1], int):  # noqa: PLR2004 - rows x columns
            raise EvidenceError(
                "model", f"takes an input of shape {shape}; rows x columns with a fixed width is needed"
            )
        declared.require_columns(shape[1])
    else:
        declared.require_columns(len(inputs), [given.name for given in inputs])
    return OnnxScorer(session, declared)


def _kind(given: Any) -> Any:
    if given.type not in _TYPES:
        raise EvidenceError("model", f"input {given.name} is a {given.type}, which cannot be filled from columns")
    return _TYPES[given.type]


def _output(session: Any, task: str) -> Any:
    """The last output of numbers with probabilities (or the number): converters put the label first."""
    found = [output for output in session.get_outputs() if output.type in _FLOATS and len(output.shape) <= 2]  # noqa: PLR2004
    if not found:
        kinds = ", ".join(f"{output.name}: {output.type}" for output in session.get_outputs())
        wanted = "a number" if task == _REGRESSION else "probabilities (convert with zipmap=False)"
        raise EvidenceError("model", f"has no output with {wanted}; it has {kinds}")
    return found[-1]
