"""Model files that can be asked: one module a format, each of which examines the file before the first prediction.

Worker only. A scorer is what `read` of its module answers. It speaks as scikit-learn does (`predict`; for classes also
`predict_proba` and `classes_`), and a booster also hands out its trees as a `Boosted` so that they can be explained.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from pandas.api.types import is_numeric_dtype

from audits.checks.base import EvidenceError
from audits.evidence import ModelEvidence
from registry.artifacts import ArtifactFormat, require_scorable, sniff_format
from registry.errors import AssayError


def read_artifact(model: ModelEvidence) -> Any:
    """The scorer of the artifact. Raises EvidenceError: none held, format refused, file damaged or not allowed."""
    if model.path is None:
        raise EvidenceError("model", f"no artifact of {model.name} is held, so it cannot be asked")
    try:
        found = sniff_format(model.path, declared=model.format)
        require_scorable(found)
    except AssayError as error:
        raise EvidenceError("model", str(error)) from error
    return _reader(found)(model)


def _reader(found: ArtifactFormat) -> Callable[[ModelEvidence], Any]:
    # Each reader loads a library of its own; only the one that is needed is loaded.
    if found is ArtifactFormat.SKOPS:
        from audits.checks.scorers.skops_file import read  # noqa: PLC0415 - heavy
    elif found is ArtifactFormat.ONNX:
        from audits.checks.scorers.onnx_file import read  # noqa: PLC0415 - heavy
    elif found is ArtifactFormat.LIGHTGBM_TEXT:
        from audits.checks.scorers.lightgbm_file import read  # noqa: PLC0415 - heavy
    elif found is ArtifactFormat.REMOTE_ENDPOINT:
        from audits.checks.scorers.endpoint import read  # noqa: PLC0415 - heavy
    else:
        from audits.checks.scorers.xgboost_file import read  # noqa: PLC0415 - heavy
    return read


@dataclass(frozen=True, slots=True)
class Declared:
    """What the signature says about the columns a file takes and the labels it answers."""

    features: tuple[str, ...]
    task: str
    labels: tuple[Any, ...] | None

    @classmethod
    def by(cls, model: ModelEvidence) -> Declared:
        """From the signature. Raises EvidenceError for a task or labels that cannot be read."""
        labels = model.signature.get("labels")
        if labels is not None and (not isinstance(labels, list | tuple) or len(set(map(str, labels))) != len(labels)):
            raise EvidenceError("signature.labels", "must list each label once, in the order of the model's outputs")
        return cls(
            features=tuple(model.signature.get("features") or ()),
            task=str(model.signature.get("task")),
            labels=None if labels is None else tuple(labels),
        )

    def require_columns(self, count: int, names: Sequence[str] = ()) -> None:
        """The file takes just these columns, in this order. Raises EvidenceError.

        A file that knows its columns by other names, or in another order, would answer without complaint and wrongly.
        """
        if count != len(self.features):
            problem = f"names {len(self.features)} columns, and the model takes {count}"
            raise EvidenceError("signature.features", problem)
        for mine, theirs in zip(self.features, names, strict=False):
            if mine != theirs:
                raise EvidenceError("signature.features", f"has {mine} where the model file has {theirs}")

    def classes(self, count: int) -> tuple[Any, ...]:
        """The label of each class: as declared, else 0, 1, ... Raises EvidenceError where their number differs."""
        if self.labels is None:
            return tuple(range(count))
        if len(self.labels) != count:
            raise EvidenceError("signature.labels", f"has {len(self.labels)} labels, and the model has {count} classes")
        return self.labels


def numeric(frame: Any, dtype: Any) -> Any:
    """The rows as a matrix. Raises EvidenceError naming the first column that holds no numbers."""
    for name in frame.columns:
        if not is_numeric_dtype(frame[name]):
            raise EvidenceError(str(name), "holds text, and this kind of model file takes numbers only")
    return frame.to_numpy(dtype=dtype)
