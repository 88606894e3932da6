"""What a check is given: plain, frozen values that can cross a process border.

No Django here: the worker builds an `Evidence` from the database, sends it to the child process as JSON, and the child
rebuilds it. Paths are read-only files whose digests were verified by the worker just before.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a dataset version as its owner declared it.

    `tags` are words of `registry.datasets.COLUMN_TAGS`: feature, target, sensitive, prediction, score, weight,
    identifier, pii, special_category, timestamp and so on. `type` is one of number, integer, string, boolean, datetime.
    """

    name: str
    type: str = "string"
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetEvidence:
    """A dataset version whose content is held; `role` is a word of `registry.models.VersionInput.Role`."""

    role: str
    name: str
    digest: str
    path: Path
    media_type: str
    columns: tuple[Column, ...]

    def tagged(self, tag: str) -> tuple[str, ...]:
        """Names of the columns that carry `tag`, in declared order."""
        return tuple(column.name for column in self.columns if tag in column.tags)


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEvidence:
    """The model version under audit.

    `path` is None when no artifact is held. `signature` says how to ask the model: `task`
    (binary_classification, regression, ...), `features` (ordered names), `target`, `positive_label`, `threshold`.
    """

    name: str
    digest: str
    format: str
    path: Path | None
    signature: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldContent:
    """What the evidence store holds under the digest of a lineage node. Nobody compared it with the digest yet."""

    node: str
    digest: str
    path: Path


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """Everything one check may look at. `lineage` is the document of `registry.lineage.Graph.to_document`.

    `contents` is what is held of every node upstream, given to checks that need "content" only. `reference_model` is
    the version to compare with, for checks that need one.
    """

    model: ModelEvidence
    datasets: Mapping[str, DatasetEvidence]
    lineage: Mapping[str, Any] = field(default_factory=dict)
    seed: int = 0
    reference_model: ModelEvidence | None = None
    contents: tuple[HeldContent, ...] = ()

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form; `from_document` is its inverse."""
        document = asdict(self)
        document["model"]["path"] = None if self.model.path is None else str(self.model.path)
        if self.reference_model is not None:
            path = self.reference_model.path
            document["reference_model"]["path"] = None if path is None else str(path)
        for entry in (*document["datasets"].values(), *document["contents"]):
            entry["path"] = str(entry["path"])
        return document

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Evidence:
        """Rebuild from `to_document`. Raises KeyError or TypeError on a malformed document."""
        reference = document.get("reference_model")
        datasets = {}
        for role, entry in document["datasets"].items():
            columns = tuple(Column(c["name"], c["type"], tuple(c["tags"])) for c in entry["columns"])
            datasets[role] = DatasetEvidence(**{**entry, "path": Path(entry["path"]), "columns": columns})
        return cls(
            model=_model(document["model"]),
            datasets=datasets,
            lineage=document.get("lineage", {}),
            seed=int(document.get("seed", 0)),
            reference_model=None if reference is None else _model(reference),
            contents=tuple(
                HeldContent(**{**entry, "path": Path(entry["path"])}) for entry in document.get("contents", ())
            ),
        )


def _model(document: Mapping[str, Any]) -> ModelEvidence:
    path = document["path"]
    return ModelEvidence(**{**document, "path": None if path is None else Path(path)})
