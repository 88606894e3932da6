"""Building blocks of planted cases: small data files and records, made by lot with a fixed seed."""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from audits.controls import Control
from audits.evidence import Column, DatasetEvidence, Evidence, ModelEvidence
from registry.canonical import digest_file

Plant = Callable[[Path], tuple[Control, ...]]
Columns = Mapping[str, Sequence[Any]]
#: A column's type and its one tag.
Tags = Mapping[str, tuple[str, str]]

ROWS, SEED = 240, 11
UNKNOWN = "sha256:" + "0" * 64
SIGNATURE: Mapping[str, Any] = {
    "task": "binary_classification",
    "features": [],
    "target": "y",
    "positive_label": 1,
    "threshold": 0.5,
}


def lot() -> random.Random:
    """The same draws every time."""
    return random.Random(SEED)  # noqa: S311 - a plant, not a secret


def dataset(path: Path, columns: Columns, tags: Tags, role: str = "evaluation") -> DatasetEvidence:
    """The columns as a CSV file at `path`; only those in `tags` are declared."""
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    return DatasetEvidence(
        role=role,
        name="planted",
        digest=digest_file(path),
        path=path,
        media_type="text/csv",
        columns=tuple(Column(name, kind, (tag,)) for name, (kind, tag) in tags.items()),
    )


def evidence(
    *datasets: DatasetEvidence, model: ModelEvidence | None = None, reference: ModelEvidence | None = None, **told: Any
) -> Evidence:
    """The datasets by role; without a model one that holds no file. `told` changes its signature."""
    return Evidence(
        model=model or artifact(None, **told),
        reference_model=reference,
        datasets={one.role: one for one in datasets},
        seed=SEED,
    )


def artifact(path: Path | None, **told: Any) -> ModelEvidence:
    """A skops file, or the record of a model whose file is not held."""
    return ModelEvidence(
        name="planted",
        digest=UNKNOWN if path is None else digest_file(path),
        format="skops",
        path=path,
        signature={**SIGNATURE, **told},
    )
