"""What a model is for, as its signature says: the kinds of tasks that checks can measure. Worker only."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from audits.checks._rows import canonical
from audits.checks.base import EvidenceError
from audits.evidence import ModelEvidence

BINARY = "binary_classification"
MULTICLASS = "multiclass_classification"
REGRESSION = "regression"
RANKING = "ranking"


@dataclass(frozen=True, slots=True)
class Task:
    """How the model is to be asked, from its signature."""

    kind: str
    features: tuple[str, ...]
    target: str | None
    positive_label: str | None
    threshold: float | None


def read_task(model: ModelEvidence, kinds: Collection[str] = (BINARY, REGRESSION)) -> Task:
    """The signature, examined. Raises EvidenceError naming the entry; a task outside `kinds` is refused."""
    signature = model.signature
    kind = signature.get("task")
    if kind not in kinds:
        raise EvidenceError("signature.task", f"{kind!r} cannot be measured by this check; {' and '.join(kinds)} can")
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
        kind=str(kind),
        features=features,
        target=signature.get("target"),
        positive_label=None if positive is None else canonical(positive),
        threshold=None if threshold is None else float(threshold),
    )
