"""Labels and decisions mean the same however the file writes them; what cannot be the same is refused by name.

A library that compares a text with the number 1 finds nobody selected in any group and calls that fair.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import skops.io
from pyarrow import parquet
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from audits.checks.base import Check, EvidenceError
from audits.checks.fairness_calibration import Calibration
from audits.checks.fairness_conditional_parity import ConditionalParity
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.checks.fairness_impact_ratios import ImpactRatios
from audits.checks.fairness_multiclass import MulticlassFairness
from audits.checks.fairness_slices import WorstSlices
from audits.checks.performance_comparison import PerformanceComparison
from audits.checks.performance_metrics import PerformanceMetrics
from audits.checks.robustness_perturbation import Perturbation
from audits.evidence import Column, DatasetEvidence, Evidence
from audits.measurements import MetricValue
from registry.canonical import digest_file
from tests.audits.checks.diabetes import TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import dataset, evidence, measured, number

ROWS = 240
PARQUET, ARROW = "application/vnd.apache.parquet", "application/vnd.apache.arrow.file"


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file writes 0 and 1: `column` of the file, its `declared` type, the `positive` label, and its `words`.

    `words` are the labels as the checks write them; encodings with the same words are the same labels.
    """

    column: Callable[[list[int]], pa.Array]
    declared: str
    positive: Any
    words: tuple[str, str] = ("0", "1")


def of_type(kind: pa.DataType) -> Callable[[list[int]], pa.Array]:
    return lambda bits: pa.array(bits).cast(kind)


def named(*names: Any) -> Callable[[list[int]], pa.Array]:
    return lambda bits: pa.array([names[bit] for bit in bits])


def categorical(*names: Any) -> Callable[[list[int]], pa.Array]:
    """As pandas hands its categories over: a dictionary and an index into it."""
    return lambda bits: pa.array(pd.Categorical([names[bit] for bit in bits], categories=names))


ENCODINGS: Mapping[str, Encoding] = {
    "integer": Encoding(of_type(pa.int64()), "integer", 1),
    "float": Encoding(of_type(pa.float64()), "number", 1.0),
    "string": Encoding(named("no", "yes"), "string", "yes", ("no", "yes")),
    "bool": Encoding(of_type(pa.bool_()), "boolean", True),
    "categorical": Encoding(categorical("no", "yes"), "string", "yes", ("no", "yes")),
}
OTHERS: Mapping[str, Encoding] = {
    "digits": Encoding(named("0", "1"), "string", "1"),
    "small integer": Encoding(of_type(pa.uint8()), "integer", True),
    "single": Encoding(of_type(pa.float32()), "number", 1),
    "whole float": Encoding(of_type(pa.float64()), "integer", 1),
    "decimal": Encoding(named(Decimal("0.0"), Decimal("1.0")), "number", 1),
    "word of truth": Encoding(of_type(pa.bool_()), "string", "true", ("false", "true")),
    "float as text": Encoding(named("0.0", "1.0"), "string", "1.0", ("0.0", "1.0")),
    "categorical of digits": Encoding(categorical("0", "1"), "integer", 1),
}
CHECKS: Mapping[str, tuple[Check, dict[str, Any]]] = {
    "group_metrics": (GroupMetrics(), {}),
    "impact_ratios": (ImpactRatios(), {}),
    "conditional_parity": (ConditionalParity(), {"strata": ["t"]}),
    "slices": (WorstSlices(), {"least_rows": 5}),
    "multiclass": (MulticlassFairness(), {"resamples": 200}),
    "dataset_bias": (DatasetBias(), {}),
    "calibration": (Calibration(), {}),
    "performance": (PerformanceMetrics(), {"resamples": 200}),
}
#: These look at no decisions.
BLIND_TO_DECISIONS = {"dataset_bias"}


def drawn() -> dict[str, list[Any]]:
    """Labels and decisions that differ between the groups, so that a column read wrongly changes every figure."""
    random = np.random.default_rng(11)
    g, t = random.choice(["a", "b"], ROWS), random.choice(["u", "v"], ROWS)
    y = (random.random(ROWS) < np.where(g == "a", 0.6, 0.35)).astype(int)
    p = np.where(random.random(ROWS) < np.where(g == "a", 0.8, 0.65), y, 1 - y)
    s = np.clip(0.3 + 0.4 * y + random.normal(0, 0.2, ROWS), 0, 1)
    return {"y": y.tolist(), "p": p.tolist(), "s": s.tolist(), "g": g.tolist(), "t": t.tolist()}


def written(folder: Path, name: str, label: Encoding, decision: Encoding, media_type: str = PARQUET) -> Evidence:
    columns = drawn()
    arrays = {"y": label.column(columns["y"]), "p": decision.column(columns["p"])}
    table = pa.table({**{key: pa.array(values) for key, values in columns.items()}, **arrays})
    path = folder / "rows"
    if media_type == PARQUET:
        parquet.write_table(table, path)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table)
    declared = (
        Column("y", label.declared, ("target",)),
        Column("p", decision.declared, ("prediction",)),
        Column("s", "number", ("score",)),
        Column("g", "string", ("sensitive",)),
        Column("t", "string", ("feature",)),
    )
    role = "train" if name == "dataset_bias" else "evaluation"
    held = DatasetEvidence(
        role=role, name=f"{role}/1", digest=digest_file(path), path=path, media_type=media_type, columns=declared
    )
    task = "multiclass_classification" if name == "multiclass" else "binary_classification"
    return evidence(held, signature={"task": task, "positive_label": label.positive, "threshold": 0.5})


def figures(
    folder: Path, name: str, label: Encoding, decision: Encoding, media_type: str = PARQUET
) -> list[MetricValue]:
    """Every value, those of a class under the number of the class."""
    check, parameters = CHECKS[name]
    answer = measured(check, written(folder, name, label, decision, media_type), **parameters)
    numbered = {f"g | y={word}": f"g | y={number}" for number, word in enumerate(label.words)}
    renamed = [replace(one, feature=numbered.get(one.feature, one.feature)) for one in answer.values]  # noqa: PD011 - no DataFrame
    return sorted(renamed, key=lambda one: (one.metric, one.feature, one.group))


@cache
def of_integers(folder: Path, name: str) -> list[MetricValue]:
    found = figures(folder, name, ENCODINGS["integer"], ENCODINGS["integer"])
    assert any(one.value for one in found)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("encodings")


@pytest.mark.parametrize("label", ENCODINGS)
@pytest.mark.parametrize("name", CHECKS)
def test_every_pair_of_encodings_gives_the_figures_of_integers_or_is_refused(
    folder: Path, name: str, label: str
) -> None:
    own = ENCODINGS[label]
    for decision in ENCODINGS.values():
        if name in BLIND_TO_DECISIONS or decision.words == own.words:
            assert figures(folder, name, own, decision) == of_integers(folder, name)
        else:
            with pytest.raises(EvidenceError, match=r"^(p: holds .* not labels|prediction: shares no class)"):
                figures(folder, name, own, decision)


@pytest.mark.parametrize("encoding", OTHERS)
@pytest.mark.parametrize("name", ["group_metrics", "multiclass", "dataset_bias"])
def test_less_usual_encodings_give_the_figures_of_integers(folder: Path, name: str, encoding: str) -> None:
    own = OTHERS[encoding]
    assert figures(folder, name, own, own) == of_integers(folder, name)


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_an_arrow_file_with_its_own_categories_gives_the_figures_of_integers(folder: Path, encoding: str) -> None:
    own = ENCODINGS[encoding]
    assert figures(folder, "group_metrics", own, own, ARROW) == of_integers(folder, "group_metrics")


@pytest.mark.parametrize("name", [name for name in CHECKS if name not in {"multiclass", *BLIND_TO_DECISIONS}])
def test_a_positive_label_written_otherwise_is_refused(folder: Path, name: str) -> None:
    """1.0 as a text is not the number 1: nobody would be positive, in any group."""
    own = replace(OTHERS["float as text"], positive=1)
    with pytest.raises(EvidenceError, match=r"signature.positive_label: 1 does not occur in y, which holds 0\.0, 1\.0"):
        figures(folder, name, own, own)


def lone(folder: Path, word: str, positive: Any) -> Evidence:
    """The same decision about everybody, and no labels to compare it with."""
    declared = {"p": ("string", ("prediction",)), "g": ("string", ("sensitive",))}
    rows = dataset(folder / "e.csv", {"p": [word] * 4, "g": list("aabb")}, declared, "evaluation")
    return evidence(rows, signature={"positive_label": positive})


def test_a_lone_decision_that_is_the_positive_label_misspelt_is_not_taken_for_the_other_one(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"p: holds 1\.0, which are not labels"):
        measured(GroupMetrics(), lone(tmp_path, "1.0", 1))
    assert number(measured(GroupMetrics(), lone(tmp_path, "yes", "yes")), "selection_rate") == 1.0
    assert number(measured(GroupMetrics(), lone(tmp_path, "0", 1)), "selection_rate") == 0.0


# Models that are asked ------------------------------------------------------------------------------------------------

#: The declared type and the words of labels whose model knows the classes 0 and 1; whether the positive one is its own.
TARGETS = {
    "integer": ("integer", ("0", "1"), True),
    "float": ("number", ("0.0", "1.0"), True),
    "bool": ("boolean", ("false", "true"), True),
    "digits": ("string", ("0", "1"), True),
    "another negative": ("integer", ("2", "1"), True),
    "float as text": ("string", ("0.0", "1.0"), False),
    "string": ("string", ("no", "yes"), False),
    "word of truth": ("string", ("false", "true"), False),
}


@pytest.fixture(scope="module")
def versions() -> tuple[Any, Any]:
    return pipeline(DummyClassifier(strategy="constant", constant=1)), pipeline(LogisticRegression())


def asked(folder: Path, versions: tuple[Any, Any], target: str) -> Evidence:
    """A worse version beside the one in the stage, on patients whose labels are written as `target` says."""
    kind, words, _ = TARGETS[target]
    given = patient_evidence(folder, versions[0])
    own = given.datasets["evaluation"]
    frame = patients().iloc[TRAINING_ROWS:].assign(y=lambda rows: [words[bit] for bit in rows["y"]])
    declared = {one.name: (kind if one.name == "y" else one.type, one.tags) for one in own.columns}
    held = dataset(folder / "own.csv", {name: frame[name].tolist() for name in declared}, declared, "evaluation")
    skops.io.dump(versions[1], folder / "old.skops")
    current = replace(given.model, name="risk/0", path=folder / "old.skops", digest=digest_file(folder / "old.skops"))
    return replace(given, datasets={**given.datasets, "evaluation": held}, reference_model=current)


@pytest.mark.parametrize("check", [PerformanceComparison(), Perturbation()], ids=lambda check: check.id)
@pytest.mark.parametrize("target", TARGETS)
def test_a_worse_version_is_worse_however_the_labels_are_written(
    tmp_path: Path, versions: tuple[Any, Any], target: str, check: Check
) -> None:
    """Labels that no model can answer make every answer of both wrong, which would be no increase at all."""
    given = asked(tmp_path, versions, target)
    if not TARGETS[target][2]:
        with pytest.raises(EvidenceError, match=r"signature\.positive_label: 1 does not occur in y"):
            measured(check, given)
        return
    expected = measured(check, asked(tmp_path, versions, "integer"))
    assert measured(check, given).values == expected.values  # noqa: PD011 - no DataFrame
    if isinstance(check, PerformanceComparison):
        assert number(expected, "error_increase") > 0.1
