"""Attributions that came as a table: bound to the model they claim to explain, and measured without asking it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audits.checks import _attribute
from audits.checks._tasks import read_task
from audits.checks.base import EvidenceError
from audits.checks.explainability_provided import ProvidedAttributions
from audits.checks.explainability_shap import ShapExplanation
from audits.evidence import Evidence
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import dataset, measured, number, the

CHECK = ProvidedAttributions()
DIGEST = "sha256:" + "d" * 64


def table() -> dict[str, list[Any]]:
    """What shap would have written for real patients: attributions, base value, output, whose answers, and sex."""
    from sklearn.linear_model import LogisticRegression

    model = pipeline(LogisticRegression(max_iter=1000))
    frame = patients().iloc[TRAINING_ROWS:][list(FEATURES)].reset_index(drop=True)
    background = patients().iloc[:100][list(FEATURES)].reset_index(drop=True)
    task = dataclasses.replace(read_task(patient_evidence_signature()), features=FEATURES)
    found = _attribute.attribute(model, task, frame, background, 1)
    columns: dict[str, list[Any]] = {name: found.phi[:, index, 0].tolist() for index, name in enumerate(FEATURES)}
    size = len(frame)
    return {
        **columns,
        "base": [float(found.base[0])] * size,
        "out": found.outputs[:, 0].tolist(),
        "whose": [DIGEST] * size,
        "group": frame["sex"].tolist(),
    }


def patient_evidence_signature() -> Any:
    return Evidence.from_document(
        {
            "model": {
                "name": "risk/1",
                "digest": DIGEST,
                "format": "skops",
                "path": None,
                "signature": {"task": "binary_classification", "features": list(FEATURES), "positive_label": 1},
            },
            "datasets": {},
        }
    ).model


def given(
    folder: Path, columns: dict[str, list[Any]], *, source: str = "shap 0.51 on our host", **tags: str
) -> Evidence:
    declared: dict[str, tuple[str, tuple[str, ...]]] = dict.fromkeys(FEATURES, ("number", ("attribution",)))
    declared["sex"] = ("number", ("attribution", "sensitive"))
    declared |= {
        "base": ("number", ("base_value",)),
        "out": ("number", ("output",)),
        "whose": ("string", ("artifact_digest",)),
        "group": ("string", ("sensitive",)),
    }
    declared = {
        name: (kind, (tags[name],)) if name in tags else (kind, held) for name, (kind, held) in declared.items()
    }
    held = dataset(folder / "attributions.csv", columns, declared, "attributions")
    node = {"id": f"dataset:{held.name}", "kind": "dataset", "facts": {"source": source}}
    lineage = {"root": "model:risk/1", "nodes": [node], "edges": []}
    return Evidence(model=patient_evidence_signature(), datasets={"attributions": held}, lineage=lineage, seed=7)


def test_the_numbers_are_those_of_the_check_that_asks_the_model(tmp_path: Path) -> None:
    answer = measured(CHECK, given(tmp_path, table()))
    assert number(answer, "additivity_error_relative") < 1e-6
    assert number(answer, "features_covered") == 1.0
    assert number(answer, "origin_missing") == 0.0
    assert number(answer, "rank_stability") > 0.8
    from sklearn.linear_model import LogisticRegression

    folder = tmp_path / "asked"
    folder.mkdir()
    asked = measured(ShapExplanation(), patient_evidence(folder, pipeline(LogisticRegression(max_iter=1000))))
    shares = {value.feature: value.value for value in asked.of("mean_abs_shap_share")}
    for value in answer.of("mean_abs_shap_share"):
        assert value.value == pytest.approx(shares[value.feature], abs=0.03)
    assert number(answer, "sensitive_share") == pytest.approx(number(asked, "sensitive_share"), abs=0.03)
    assert {value.group for value in answer.of("group_share_difference")} == {"f", "m"}
    assert "the model was not asked" in answer.notes[0]


def test_attributions_of_another_model_are_refused(tmp_path: Path) -> None:
    columns = table()
    columns["whose"][3] = "sha256:" + "e" * 64
    with pytest.raises(EvidenceError, match=r"whose: says that sha256:e+ was explained"):
        measured(CHECK, given(tmp_path, columns))


def test_attributions_that_do_not_add_up_show(tmp_path: Path) -> None:
    columns = table()
    columns["out"] = columns["out"][::-1]
    assert number(measured(CHECK, given(tmp_path, columns)), "additivity_error_relative") > 0.5


def test_a_feature_that_was_left_out_shows(tmp_path: Path) -> None:
    answer = measured(CHECK, given(tmp_path, table(), bmi="identifier"))
    assert number(answer, "features_covered") == pytest.approx(0.9)


def test_without_a_source_or_a_job_the_origin_is_missing(tmp_path: Path) -> None:
    answer = measured(CHECK, given(tmp_path, table(), source=""))
    assert number(answer, "origin_missing") == 1.0
    assert "nobody says how" in answer.notes[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base": [0.1] + [0.2] * 161}, "base: is not the same in every row"),
        ({"bmi": [None] + [0.2] * 161}, "without an attribution"),
    ],
)
def test_tables_that_cannot_be_measured_are_refused(change: dict[str, Any], words: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=words):
        measured(CHECK, given(tmp_path, {**table(), **change}))


@pytest.mark.parametrize("column", ["base", "out", "whose"])
def test_a_column_that_is_not_tagged_is_named(column: str, tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="is tagged so"):
        measured(CHECK, given(tmp_path, table(), **{column: "identifier"}))


def test_a_model_that_answers_the_same_for_everybody_has_no_shares(tmp_path: Path) -> None:
    columns = {**table(), **{name: [0.0] * 162 for name in FEATURES}, "out": [0.0] * 162, "base": [0.0] * 162}
    answer = measured(CHECK, given(tmp_path, columns))
    assert the(answer, "top_feature_share").value is None
    assert np.isclose(number(answer, "additivity_error"), 0.0)
