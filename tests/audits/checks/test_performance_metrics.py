"""Performance against scikit-learn, with intervals that hold, and nothing made up where nothing is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.ensemble import GradientBoostingRegressor
from sklearn.linear_model import LogisticRegression

from audits.checks.base import EvidenceError
from audits.checks.performance_metrics import PerformanceMetrics
from audits.evidence import Evidence
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

CHECK = PerformanceMetrics()


def outcomes(folder: Path, labels: list[Any], *, p: list[Any] | None = None, s: list[Any] | None = None) -> Evidence:
    """Labels with decisions, or scores decided at one half."""
    declared: dict[str, tuple[str, tuple[str, ...]]] = {"y": ("integer", ("target",))}
    columns: dict[str, list[Any]] = {"y": labels}
    if p is not None:
        declared["p"], columns["p"] = ("integer", ("prediction",)), p
    if s is not None:
        declared["s"], columns["s"] = ("number", ("score",)), s
    return evidence(dataset(folder / "e.csv", columns, declared, "evaluation"), signature={"threshold": 0.5})


def test_a_real_model_is_scored_as_scikit_learn_scores_it(tmp_path: Path) -> None:
    model = pipeline(LogisticRegression(max_iter=1000))
    answer = measured(CHECK, patient_evidence(tmp_path, model))
    rest = patients().iloc[TRAINING_ROWS:]
    label, score = rest["y"], model.predict_proba(rest[list(FEATURES)])[:, 1]
    decided = (score >= 0.5).astype(int)
    for metric, expected in {
        "accuracy": metrics.accuracy_score(label, decided),
        "precision": metrics.precision_score(label, decided),
        "recall": metrics.recall_score(label, decided),
        "f1": metrics.f1_score(label, decided),
        "log_loss": metrics.log_loss(label, score),
        "brier": metrics.brier_score_loss(label, score),
        "roc_auc": metrics.roc_auc_score(label, score),
    }.items():
        found = the(answer, metric)
        assert found.value == pytest.approx(expected, abs=1e-9)
        assert found.interval is not None
        assert found.interval.low < expected < found.interval.high
    assert number(answer, "accuracy") > 0.65


def test_a_real_regression_is_scored_as_scikit_learn_scores_it(tmp_path: Path) -> None:
    model = pipeline(GradientBoostingRegressor(random_state=0), target="progression")
    given = patient_evidence(tmp_path, model, target="progression", task="regression")
    answer = measured(CHECK, given)
    rest = patients().iloc[TRAINING_ROWS:]
    predicted = model.predict(rest[list(FEATURES)])
    for metric, expected in {
        "mae": metrics.mean_absolute_error(rest["progression"], predicted),
        "rmse": metrics.root_mean_squared_error(rest["progression"], predicted),
        "r2": metrics.r2_score(rest["progression"], predicted),
    }.items():
        found = the(answer, metric)
        assert found.value == pytest.approx(expected, abs=1e-9)
        assert found.interval is not None
        assert found.interval.low < expected < found.interval.high


def test_a_model_that_guesses_is_shown_to_guess(tmp_path: Path) -> None:
    random = np.random.default_rng(3)
    labels, scores = random.integers(0, 2, 2000).tolist(), random.random(2000).tolist()
    answer = measured(CHECK, outcomes(tmp_path, labels, s=scores))
    for metric in ("accuracy", "roc_auc"):
        interval = the(answer, metric).interval
        assert interval is not None
        assert interval.low < 0.5 < interval.high  # type: ignore[operator]
        assert interval.high < 0.56  # type: ignore[operator]


def test_a_perfect_model_on_few_rows_is_not_certain_to_be_perfect(tmp_path: Path) -> None:
    answer = measured(CHECK, outcomes(tmp_path, [0, 1] * 10, s=[0.1, 0.9] * 10))
    for metric in ("accuracy", "roc_auc"):
        found = the(answer, metric)
        assert found.value == 1.0
        assert found.interval is not None
        assert found.interval.low < 0.85  # type: ignore[operator]


def test_nobody_predicted_positive_has_no_precision(tmp_path: Path) -> None:
    answer = measured(CHECK, outcomes(tmp_path, [0, 1, 0, 1], p=[0, 0, 0, 0]))
    assert the(answer, "precision").value is None
    assert number(answer, "recall") == 0.0
    assert number(answer, "f1") == 0.0


def test_decisions_without_scores_have_no_area_and_no_loss(tmp_path: Path) -> None:
    answer = measured(CHECK, outcomes(tmp_path, [0, 1, 0, 1], p=[0, 1, 1, 1]))
    for metric in ("roc_auc", "log_loss", "brier"):
        assert the(answer, metric).not_estimable == "only decisions are known, no scores"


def test_scores_that_are_no_probabilities_have_an_area_and_no_loss(tmp_path: Path) -> None:
    answer = measured(CHECK, outcomes(tmp_path, [0, 1, 0, 1], s=[-2.0, 3.0, -1.0, 2.0]))
    assert number(answer, "roc_auc") == 1.0
    assert the(answer, "log_loss").value is None


def test_too_many_missing_labels_leave_nothing_estimable(tmp_path: Path) -> None:
    answer = measured(CHECK, outcomes(tmp_path, [0, 1, None, 1], p=[0, 1, 1, 1]))
    assert number(answer, "missing_fraction") == 0.25
    assert the(answer, "accuracy").value is None


def test_no_label_at_all_is_an_error(tmp_path: Path) -> None:
    declared = {"p": ("integer", ("prediction",))}
    given = evidence(dataset(tmp_path / "e.csv", {"p": [0, 1]}, declared, "evaluation"))
    with pytest.raises(EvidenceError, match="no row has a label"):
        measured(CHECK, given)


def test_a_model_that_cannot_take_the_rows_is_an_error_not_a_crash(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(LogisticRegression()), features=["age", "bmi"])
    with pytest.raises(EvidenceError, match="cannot score the rows"):
        measured(CHECK, given)


def test_the_same_seed_gives_the_same_intervals(tmp_path: Path) -> None:
    given = outcomes(tmp_path, [0, 1, 1, 1] * 20, p=[0, 1, 0, 1] * 20)
    assert measured(CHECK, given) == measured(CHECK, given)
