"""The planted cases of the checks that are shipped, written into a folder when they are needed.

A check of one's own brings its cases in a method `controls(folder)` that answers `audits.controls.Control` values.
"""

from __future__ import annotations

import csv
import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from audits.checks.base import Check
from audits.controls import Control
from audits.evidence import Column, DatasetEvidence, Evidence, ModelEvidence
from registry.canonical import digest_file

Plant = Callable[[Path], tuple[Control, ...]]
_ROWS, _SEED = 240, 11
_UNKNOWN = "sha256:" + "0" * 64


def controls_of(check: Check, folder: Path) -> tuple[Control, ...]:
    """The planted cases of a check, made in `folder`; none where nobody has planted any."""
    own: Plant | None = getattr(check, "controls", None)
    plant = own or PLANTED.get(check.id)
    if plant is None:
        return ()
    folder.mkdir(exist_ok=True)
    return tuple(plant(folder))


def _fairness(folder: Path) -> tuple[Control, ...]:
    """Decisions by lot, and decisions by group alone."""
    dice = random.Random(_SEED)  # noqa: S311 - a plant, not a secret
    groups = ["a", "b"] * (_ROWS // 2)
    label = [dice.randint(0, 1) for _ in groups]
    lots = [dice.randint(0, 1) for _ in groups]
    good = _decisions(folder / "good.csv", {"y": label, "p": lots, "g": groups})
    bad = _decisions(folder / "bad.csv", {"y": label, "p": [int(group == "a") for group in groups], "g": groups})
    return (Control(metric="demographic_parity_difference", feature="g", good=good, bad=bad, apart=0.5),)


def _performance(folder: Path) -> tuple[Control, ...]:
    """Every decision right, and every decision wrong."""
    label = [0, 1] * (_ROWS // 2)
    groups = ["a"] * _ROWS
    good = _decisions(folder / "good.csv", {"y": label, "p": label, "g": groups})
    bad = _decisions(folder / "bad.csv", {"y": label, "p": [1 - one for one in label], "g": groups})
    return (Control(metric="accuracy", good=good, bad=bad, apart=-0.5),)


def _quality(folder: Path) -> tuple[Control, ...]:
    """Full columns, and one that is half empty and repeats itself."""
    label = [0, 1] * (_ROWS // 2)
    whole: list[Any] = list(range(_ROWS))
    good = _decisions(folder / "good.csv", {"y": label, "p": label, "g": whole})
    holes = [None if index % 2 else index for index in range(_ROWS)]
    bad = _decisions(folder / "bad.csv", {"y": label, "p": label, "g": holes})
    return (Control(metric="worst_missing_fraction", good=good, bad=bad, apart=0.3),)


def _lineage(_: Path) -> tuple[Control, ...]:
    """A dataset with a digest, and one without."""
    return (Control(metric="nodes_missing_digest", good=_record(_UNKNOWN), bad=_record(None), apart=1.0),)


def _explanation(folder: Path) -> tuple[Control, ...]:
    """A model that decides by the sensitive column alone, and one that never looks at it."""
    from pandas import DataFrame  # noqa: PLC0415 - heavy
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415 - heavy
    from skops.io import dump  # noqa: PLC0415 - heavy

    dice = random.Random(_SEED)  # noqa: S311 - a plant, not a secret
    columns = {name: [round(dice.gauss(0, 1), 3) for _ in range(_ROWS)] for name in ("a", "b", "s")}
    rows = list(zip(*columns.values(), strict=True))
    cases = []
    for name, decisive in (("good", 0), ("bad", 2)):
        model = LogisticRegression().fit(DataFrame(columns), [int(row[decisive] > 0) for row in rows])
        model.coef_[0, [index for index in range(3) if index != decisive]] = 0.0
        dump(model, folder / f"{name}.skops")
        tags = {"a": ("number", "feature"), "b": ("number", "feature"), "s": ("number", "sensitive")}
        cases.append(_evidence(_dataset(folder / f"{name}.csv", columns, tags), folder / f"{name}.skops"))
    parameters = {"sample_rows": 40, "background_rows": 20, "resamples": 200}
    good, bad = cases
    return (Control(metric="sensitive_share", good=good, bad=bad, apart=0.8, parameters=parameters),)


PLANTED: Mapping[str, Plant] = {
    "fairness.group_metrics": _fairness,
    "performance.metrics": _performance,
    "data_quality.columns": _quality,
    "lineage.completeness": _lineage,
    "explainability.shap": _explanation,
}


def _decisions(path: Path, columns: Mapping[str, Sequence[Any]]) -> Evidence:
    tags = {"y": ("integer", "target"), "p": ("integer", "prediction"), "g": ("string", "sensitive")}
    return _evidence(_dataset(path, columns, tags))


def _dataset(
    path: Path, columns: Mapping[str, Sequence[Any]], tags: Mapping[str, tuple[str, str]]
) -> Iterable[DatasetEvidence]:
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    declared = tuple(Column(name, kind, (tag,)) for name, (kind, tag) in tags.items())
    yield DatasetEvidence(
        role="evaluation",
        name="planted",
        digest=digest_file(path),
        path=path,
        media_type="text/csv",
        columns=declared,
    )


def _evidence(datasets: Iterable[DatasetEvidence], model: Path | None = None) -> Evidence:
    signature = {
        "task": "binary_classification",
        "features": [] if model is None else ["a", "b", "s"],
        "target": "y",
        "positive_label": 1,
        "threshold": None,
    }
    artifact = ModelEvidence(
        name="planted",
        digest=_UNKNOWN if model is None else digest_file(model),
        format="skops",
        path=model,
        signature=signature,
    )
    return Evidence(model=artifact, datasets={one.role: one for one in datasets}, seed=_SEED)


def _record(digest: str | None) -> Evidence:
    facts = {
        "owner": "p",
        "licence": "l",
        "legal_basis": "b",
        "source": "s",
        "personal_data": False,
        "withdrawn": False,
    }
    lineage = {
        "root": "model:planted/1",
        "nodes": [
            {"id": "dataset:planted/1", "kind": "dataset", "facts": {**facts, "digest": digest}},
            {"id": "model:planted/1", "kind": "model", "facts": {"digest": _UNKNOWN, "owner": "p"}},
        ],
        "edges": [{"source": "dataset:planted/1", "target": "model:planted/1", "role": "train"}],
    }
    artifact = ModelEvidence(name="planted", digest=_UNKNOWN, format="skops", path=None, signature={})
    return Evidence(model=artifact, datasets={}, lineage=lineage, seed=_SEED)
