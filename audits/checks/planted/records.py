"""Planted records and columns: complete, and with something missing."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.checks.planted.cases import ROWS, UNKNOWN, Plant, Tags, artifact, dataset, evidence, lot
from audits.controls import Control
from audits.evidence import Evidence, HeldContent
from registry.canonical import digest_file


def _columns(folder: Path) -> tuple[Control, ...]:
    """A full column, and one that is half empty."""
    tags: Tags = {"y": ("integer", "target"), "g": ("string", "feature")}
    labels, full = [0, 1] * (ROWS // 2), list(range(ROWS))
    holes = [None if index % 2 else index for index in full]
    good, bad = (
        evidence(dataset(folder / f"{name}.csv", {"y": labels, "g": cells}, tags))
        for name, cells in (("good", full), ("bad", holes))
    )
    return (Control(metric="worst_missing_fraction", good=good, bad=bad, apart=0.3),)


def _attributions(folder: Path) -> tuple[Control, ...]:
    """Attributions that add up to the output, and the same beside another output."""
    dice = lot()
    columns: dict[str, list[Any]] = {name: [round(dice.gauss(0, 1), 3) for _ in range(ROWS)] for name in "abc"}
    columns |= {"base": [0.5] * ROWS, "model": [UNKNOWN] * ROWS}
    summed = [0.5 + sum(parts) for parts in zip(*(columns[name] for name in "abc"), strict=True)]
    tags: Tags = {
        **dict.fromkeys("abc", ("number", "attribution")),
        "base": ("number", "base_value"),
        "model": ("string", "artifact_digest"),
        "out": ("number", "output"),
    }
    good, bad = (
        evidence(dataset(folder / f"{name}.csv", {**columns, "out": outputs}, tags, "attributions"))
        for name, outputs in (("good", summed), ("bad", summed[::-1]))
    )
    return (Control(metric="additivity_error_relative", good=good, bad=bad, apart=0.5, parameters={"resamples": 200}),)


def _lineage(_: Path) -> tuple[Control, ...]:
    """A dataset with a digest, and one without."""
    return (Control(metric="nodes_missing_digest", good=lineage(digest=UNKNOWN), bad=lineage(digest=None), apart=1.0),)


def _digests(folder: Path) -> tuple[Control, ...]:
    """A file that is what the record says, and one that was changed since."""
    path = folder / "content.csv"
    path.write_text("a\n1\n", encoding="utf-8")
    content = HeldContent(node="dataset:planted/1", digest=digest_file(path), path=path)
    good, bad = (
        dataclasses.replace(lineage(digest=digest), contents=(content,)) for digest in (content.digest, UNKNOWN)
    )
    return (Control(metric="digest_mismatches", good=good, bad=bad, apart=1.0),)


def _purpose(_: Path) -> tuple[Control, ...]:
    """Personal data with a basis, and without."""
    personal = {"personal_data": True, "purposes": ["care"], "retention_until": "2099-12-31", "regions": ["DE"]}
    good, bad = (lineage(legal_basis=basis, **personal) for basis in ("6(1)(a)", ""))
    return (Control(metric="legal_bases_missing", good=good, bad=bad, apart=1.0),)


def _leakage(folder: Path) -> tuple[Control, ...]:
    """Evaluation rows that training never saw, and the training rows again."""
    tags: Tags = {"y": ("integer", "target"), "a": ("number", "feature"), "b": ("number", "feature")}
    dice, labels = lot(), [0, 1] * (ROWS // 2)

    def rows() -> dict[str, list[Any]]:
        return {"y": labels, **{name: [dice.random() for _ in labels] for name in ("a", "b")}}

    seen = rows()
    train = dataset(folder / "train.csv", seen, tags, role="train")
    good, bad = (
        evidence(dataset(folder / f"{name}.csv", columns, tags), train)
        for name, columns in (("good", rows()), ("bad", seen))
    )
    return (Control(metric="exact_overlap_fraction", good=good, bad=bad, apart=0.9),)


def _special(folder: Path) -> tuple[Control, ...]:
    """A feature drawn by lot, and one that is the sensitive attribute under another name."""
    tags: Tags = {"g": ("string", "sensitive"), "x": ("number", "feature")}
    dice = lot()
    groups = [dice.choice("ab") for _ in range(ROWS)]
    columns = {"good": [dice.random() for _ in groups], "bad": [float(group == "a") for group in groups]}
    good, bad = (
        dataclasses.replace(
            evidence(dataset(folder / f"{name}.csv", {"g": groups, "x": cells}, tags)), lineage=lineage().lineage
        )
        for name, cells in columns.items()
    )
    return (Control(metric="worst_proxy_auc", good=good, bad=bad, apart=0.3),)


def lineage(**facts: Any) -> Evidence:
    """A record of one dataset and the model trained on it; `facts` change what is known of the dataset."""
    known = {
        "owner": "p",
        "licence": "l",
        "legal_basis": "b",
        "source": "s",
        "personal_data": False,
        "withdrawn": False,
        **facts,
    }
    record = {
        "root": "model:planted/1",
        "nodes": [
            {"id": "dataset:planted/1", "kind": "dataset", "facts": known},
            {"id": "model:planted/1", "kind": "model", "facts": {"digest": UNKNOWN, "owner": "p"}},
        ],
        "edges": [{"source": "dataset:planted/1", "target": "model:planted/1", "role": "train"}],
    }
    return dataclasses.replace(evidence(model=artifact(None)), lineage=record)


PLANTED: Mapping[str, Plant] = {
    "explainability.provided": _attributions,
    "data_quality.columns": _columns,
    "lineage.completeness": _lineage,
    "lineage.digests": _digests,
    "lineage.leakage": _leakage,
    "lineage.purpose": _purpose,
    "lineage.special_categories": _special,
}
