"""Each file format answers what the library that wrote it answers, and is explained to that very answer."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from audits.checks import _attribute
from audits.checks._models import ask
from audits.checks._tasks import BINARY, MULTICLASS, REGRESSION, read_task
from audits.checks.base import EvidenceError
from audits.checks.explainability_shap import ShapExplanation
from audits.checks.performance_metrics import PerformanceMetrics
from audits.checks.scorers import read_artifact
from tests.audits.checks.diabetes import TRAINING_ROWS, patients
from tests.audits.checks.evidence_files import measured, number
from tests.audits.checks.scorers.trained import (
    NUMBERS,
    booster,
    full_evidence,
    labels,
    model_evidence,
    neural_network,
    write_model,
)

BOOSTERS = [
    (form, kind) for form in ("xgboost-json", "xgboost-ubj", "lightgbm-text") for kind in ("binary", "three", "number")
]
ALL = [*BOOSTERS, *(("onnx", kind) for kind in ("binary", "three", "number"))]
KINDS = (BINARY, MULTICLASS, REGRESSION)


def rows() -> pd.DataFrame:
    return patients()[list(NUMBERS)].iloc[TRAINING_ROWS:].reset_index(drop=True)


def theirs(form: str, kind: str, frame: pd.DataFrame) -> Any:
    if form == "onnx":
        network = neural_network(kind)
        return (network.predict if kind == "number" else network.predict_proba)(frame.to_numpy())
    if form == "lightgbm-text":
        return booster("lightgbm", kind).predict(frame)
    return booster("xgboost", kind).predict(xgboost.DMatrix(frame))


@pytest.mark.parametrize(("form", "kind"), ALL)
def test_a_file_answers_what_the_model_answered_that_was_written_to_it(form: str, kind: str, tmp_path: Path) -> None:
    model = read_artifact(model_evidence(write_model(tmp_path, form, kind), form, kind))
    expected = np.asarray(theirs(form, kind, rows()))
    if kind == "number":
        np.testing.assert_allclose(model.predict(rows()), expected, rtol=1e-6)
        return
    found = model.predict_proba(rows())
    assert found.shape == (len(rows()), 3 if kind == "three" else 2)
    np.testing.assert_allclose(found[:, 1] if expected.ndim == 1 else found, expected, atol=1e-5)
    assert (model.predict(rows()) == found.argmax(axis=1)).all()


@pytest.mark.parametrize(("form", "kind"), ALL)
def test_a_file_is_explained_to_its_own_real_output(form: str, kind: str, tmp_path: Path) -> None:
    answer = measured(ShapExplanation(), full_evidence(tmp_path, form, kind))
    assert number(answer, "additivity_error_relative") < 1e-6
    assert number(answer, "features_covered") == 1.0
    assert number(answer, "rank_stability") > 0.5
    assert number(answer, "faithfulness_gain") > 0.1
    assert abs(number(answer, "randomisation_correlation")) < 0.6


@pytest.mark.parametrize(
    ("form", "kind"), [("xgboost-json", "binary"), ("lightgbm-text", "number"), ("onnx", "binary")]
)
def test_missing_values_go_where_the_library_sends_them(form: str, kind: str, tmp_path: Path) -> None:
    given = model_evidence(write_model(tmp_path, form, kind), form, kind)
    frame = rows().iloc[:30].copy()
    frame.iloc[::3, 1] = np.nan
    frame.iloc[1::3, 7] = np.nan
    if form == "onnx":
        with pytest.raises(EvidenceError, match=r"probabilities|finite"):
            ask(read_artifact(given), frame, read_task(given))
        return
    explained = _attribute.attribute(read_artifact(given), read_task(given, KINDS), frame, rows().iloc[30:60], 1)
    assert explained.relative_error < 1e-6


def test_a_booster_is_asked_by_the_other_checks_too(tmp_path: Path) -> None:
    answer = measured(PerformanceMetrics(), full_evidence(tmp_path, "lightgbm-text", "binary"))
    expected = booster("lightgbm", "binary").predict(rows()) >= 0.5
    assert number(answer, "accuracy") == pytest.approx((expected == labels("binary")[TRAINING_ROWS:]).mean())


# What the signature must say ------------------------------------------------------------------------------------------


def test_declared_labels_name_the_classes_in_the_models_order(tmp_path: Path) -> None:
    path = write_model(tmp_path, "xgboost-json", "binary")
    model = read_artifact(model_evidence(path, "xgboost-json", labels=["no", "yes"], positive_label="yes"))
    assert model.classes_ == ("no", "yes")
    assert set(model.predict(rows())) == {"no", "yes"}


@pytest.mark.parametrize(
    ("signature", "words"),
    [
        ({"labels": ["a", "b", "c"]}, r"signature.labels: has 3 labels, and the model has 2"),
        ({"labels": ["a", "a"]}, r"signature.labels: must list each label once"),
        ({"features": list(NUMBERS[1:])}, r"signature.features: names 8 columns, and the model takes 9"),
        ({"features": list(reversed(NUMBERS))}, r"signature.features: has s6 where the model file has age"),
    ],
)
@pytest.mark.parametrize("form", ["xgboost-json", "lightgbm-text"])
def test_a_signature_that_does_not_fit_the_file_is_refused(
    form: str, signature: dict[str, Any], words: str, tmp_path: Path
) -> None:
    with pytest.raises(EvidenceError, match=words):
        read_artifact(model_evidence(write_model(tmp_path, form, "binary"), form, **signature))


def test_a_column_of_text_is_named(tmp_path: Path) -> None:
    model = read_artifact(model_evidence(write_model(tmp_path, "xgboost-json", "binary"), "xgboost-json"))
    with pytest.raises(EvidenceError, match="bmi: holds text"):
        model.predict(rows().assign(bmi="heavy"))


# Equality with brute force --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", ["xgboost-json", "lightgbm-text"])
@pytest.mark.parametrize("kind", ["binary", "three"])
def test_booster_attributions_equal_shapley_values_over_all_512_coalitions(
    form: str, kind: str, tmp_path: Path
) -> None:
    """The oracle walks the booster's own margins, nine features, two rows against three background rows."""
    given = model_evidence(write_model(tmp_path, form, kind), form, kind)
    model = read_artifact(given)
    sample, background = rows().iloc[:2].reset_index(drop=True), rows().iloc[10:13].reset_index(drop=True)
    explained = _attribute.attribute(model, read_task(given, KINDS), sample, background, 1)
    exact = np.stack([_shapley(model, sample.iloc[[index]], background) for index in range(2)])
    # XGBoost itself adds up in 32 bits, so its own answers carry an error of that size.
    np.testing.assert_allclose(explained.phi, exact, atol=1e-9 if form == "lightgbm-text" else 2e-6)


def _shapley(model: Any, row: pd.DataFrame, background: pd.DataFrame) -> np.ndarray:
    from math import comb

    width = row.shape[1]
    masks = np.arange(1 << width)
    inside = (masks[:, None] >> np.arange(width)) & 1 == 1
    worth: Any = 0.0
    for index in range(len(background)):
        mixed = np.where(inside, row.to_numpy(), background.iloc[[index]].to_numpy())
        worth = worth + model.margin(pd.DataFrame(mixed, columns=row.columns)) / len(background)
    sizes = inside.sum(axis=1)
    values = np.zeros((width, worth.shape[1]))
    for feature in range(width):
        without = masks[~inside[:, feature]]
        weights = np.array([1 / (width * comb(width - 1, size)) for size in sizes[without]])
        values[feature] = weights @ (worth[without | 1 << feature] - worth[without])
    return values
