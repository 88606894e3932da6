"""Errors of predicted numbers per group against fairlearn, SciPy and planted disparities."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import MetricFrame, mean_prediction
from scipy import stats
from sklearn.metrics import mean_absolute_error, root_mean_squared_error

from audits.checks.base import EvidenceError
from audits.checks.fairness_regression import RegressionFairness
from audits.evidence import Evidence
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

CHECK = RegressionFairness()


def predicted(path: Path, y: Any, p: Any, g: Any, kind: str = "number") -> Evidence:
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": (kind, ("target",)),
        "p": (kind, ("prediction",)),
        "g": ("string", ("sensitive",)),
    }
    rows = dataset(path / "e.csv", {"y": y, "p": p, "g": g}, declared, "evaluation")
    return evidence(rows, signature={"task": "regression", "positive_label": None})


def drawn(seed: int, size: int = 600, bias: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    y, g = random.normal(10, 3, size), random.choice(["a", "b", "c"], size)
    return y, y + random.normal(0, 1, size) - bias * (g == "b"), g


def test_group_means_are_fairlearns(tmp_path: Path) -> None:
    y, p, g = drawn(1)
    answer = measured(CHECK, predicted(tmp_path, y, p, g))
    frame = MetricFrame(
        metrics={
            "mean_absolute_error": mean_absolute_error,
            "root_mean_squared_error": root_mean_squared_error,
            "mean_prediction": mean_prediction,
        },
        y_true=y,
        y_pred=p,
        sensitive_features=g,
    )
    for metric in frame.by_group.columns:
        for group in "abc":
            assert number(answer, metric, "g", group) == pytest.approx(frame.by_group[metric][group], abs=1e-9)
    gap = frame.difference()["mean_absolute_error"]
    assert number(answer, "mean_absolute_error_difference", "g") == pytest.approx(gap, abs=1e-9)


def test_distances_to_the_rest_are_scipys(tmp_path: Path) -> None:
    y, p, g = drawn(2)
    answer = measured(CHECK, predicted(tmp_path, y, p, g))
    own, rest = p[g == "a"], p[g != "a"]
    assert number(answer, "prediction_ks", "g", "a") == pytest.approx(stats.ks_2samp(own, rest).statistic, abs=1e-9)
    shift = stats.wasserstein_distance(own, rest)
    assert number(answer, "prediction_wasserstein", "g", "a") == pytest.approx(shift, abs=1e-9)
    errors = stats.ks_2samp((p - y)[g == "a"], (p - y)[g != "a"]).statistic
    assert number(answer, "error_ks", "g", "a") == pytest.approx(errors, abs=1e-9)


def test_a_group_that_is_underestimated_is_found_and_equal_ones_are_not_blamed(tmp_path: Path) -> None:
    planted = measured(CHECK, predicted(tmp_path, *drawn(3, bias=1.0)))
    gap = the(planted, "mean_error_difference", "g").interval
    assert gap is not None
    assert gap.low is not None
    assert gap.low > 0.5
    assert number(planted, "mean_error", "g", "b") < -0.8
    fair = the(measured(CHECK, predicted(tmp_path, *drawn(3))), "mean_error_difference", "g").interval
    assert fair is not None
    assert fair.low == 0.0


def test_one_person_has_no_interval_and_a_lone_group_no_gap(tmp_path: Path) -> None:
    answer = measured(CHECK, predicted(tmp_path, [1.0, 2.0, 3.0], [1.0, 2.5, 2.0], ["a", "a", "b"]))
    assert the(answer, "mean_error", "g", "b").interval is None
    assert the(answer, "mean_error_difference", "g").interval is None
    alone = measured(CHECK, predicted(tmp_path, [1.0, 2.0], [1.0, 2.5], ["a", "a"]))
    assert the(alone, "mean_error_difference", "g").value is None
    assert the(alone, "prediction_ks", "g", "a").value is None


def test_text_is_no_number_and_missing_predictions_bar_everything(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="y: is the target and must be declared number or integer"):
        measured(CHECK, predicted(tmp_path, ["1", "2"], ["1", "2"], ["a", "b"], kind="string"))
    answer = measured(CHECK, predicted(tmp_path, [1.0, 2.0], [1.0, None], ["a", "b"]))
    assert the(answer, "mean_error_difference", "g").value is None
