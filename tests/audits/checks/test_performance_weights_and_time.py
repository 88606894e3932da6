"""Weights count in every number, rows are streamed, and answers are timed as declared."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn import metrics
from sklearn.linear_model import LogisticRegression

from audits.checks import _rows
from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.checks.performance_metrics import PerformanceMetrics
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement
from tests.audits.checks.diabetes import patient_evidence, pipeline
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

CHECK = PerformanceMetrics()
KINDS = {"y": ("number", ("target",)), "p": ("number", ("prediction",)), "s": ("number", ("score",))}


def given(folder: Path, /, task: str = "binary_classification", **columns: Any) -> Evidence:
    declared = {**KINDS, "w": ("number", ("weight",))}
    rows = dataset(folder / "e.csv", columns, {name: declared[name] for name in columns}, "evaluation")
    return evidence(rows, signature={"task": task, "threshold": 0.5})


def draw(seed: int, size: int = 600) -> dict[str, Any]:
    random = np.random.default_rng(seed)
    chance = random.uniform(0, 1, size)
    return {"y": random.binomial(1, chance), "s": chance, "w": random.integers(1, 6, size)}


def between(answer: Measurement, metric: str) -> Interval:
    found = the(answer, metric).interval
    assert found is not None
    return found


@pytest.mark.parametrize("seed", range(3))
def test_weighted_decisions_and_scores_are_those_of_scikit_learn(tmp_path: Path, seed: int) -> None:
    rows = draw(seed)
    label, score, weight, decided = rows["y"], rows["s"], rows["w"], rows["s"] >= 0.5
    answer = measured(CHECK, given(tmp_path, **rows))
    for metric, expected in {
        "accuracy": metrics.accuracy_score(label, decided, sample_weight=weight),
        "precision": metrics.precision_score(label, decided, sample_weight=weight),
        "recall": metrics.recall_score(label, decided, sample_weight=weight),
        "f1": metrics.f1_score(label, decided, sample_weight=weight),
        "log_loss": metrics.log_loss(label, score, sample_weight=weight),
        "brier": metrics.brier_score_loss(label, score, sample_weight=weight),
        "roc_auc": metrics.roc_auc_score(label, score, sample_weight=weight),
    }.items():
        assert number(answer, metric) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.9])
def test_weighted_errors_are_those_of_scikit_learn(tmp_path: Path, quantile: float) -> None:
    random = np.random.default_rng(4)
    label = random.normal(5, 2, 400)
    rows: dict[str, Any] = {"y": label, "p": label + random.normal(0.3, 1, 400), "w": random.integers(1, 6, 400)}
    answer = measured(CHECK, given(tmp_path, "regression", **rows), quantile=quantile)
    weight = rows["w"]
    for metric, expected in {
        "mae": metrics.mean_absolute_error(label, rows["p"], sample_weight=weight),
        "rmse": metrics.root_mean_squared_error(label, rows["p"], sample_weight=weight),
        "r2": metrics.r2_score(label, rows["p"], sample_weight=weight),
        "quantile_loss": metrics.mean_pinball_loss(label, rows["p"], sample_weight=weight, alpha=quantile),
    }.items():
        assert number(answer, metric) == pytest.approx(expected, abs=1e-9)
        assert between(answer, metric).low < expected < between(answer, metric).high


def test_counts_say_what_the_rows_they_stand_for_say(tmp_path: Path) -> None:
    rows = draw(1, 300)
    (tmp_path / "all").mkdir()
    every: dict[str, Any] = {name: np.repeat(rows[name], rows["w"]) for name in ("y", "s")}
    spread = measured(CHECK, given(tmp_path / "all", **every))
    counted = measured(CHECK, given(tmp_path, **rows), weights="counts")
    for value in spread.values:
        other = the(counted, value.metric)
        assert other.value == pytest.approx(value.value, abs=1e-12)
        assert other.n == value.n
        if value.interval is not None:
            assert other.interval is not None
            assert other.interval.low == pytest.approx(value.interval.low, abs=1e-9)
            assert other.interval.high == pytest.approx(value.interval.high, abs=1e-9)


def test_unequal_weights_widen_every_interval_and_can_be_ignored(tmp_path: Path) -> None:
    rows = draw(2)
    rows["w"] = np.where(np.arange(600) % 10 == 0, 40, 1)
    given_rows = given(tmp_path, **rows)
    weighted, plain = measured(CHECK, given_rows), measured(CHECK, given_rows, weights="ignored")
    for metric in ("accuracy", "precision", "recall", "f1", "log_loss", "brier", "roc_auc"):
        widths = [between(one, metric).high - between(one, metric).low for one in (weighted, plain)]  # type: ignore[operator]
        assert widths[0] > 1.5 * widths[1], metric
    assert plain.tables["confusion"].columns == ("label", "prediction", "count")
    assert weighted.tables["confusion"].columns[3:] == ("weight", "squares")


def test_a_negative_weight_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="w: is the weight and must be"):
        measured(CHECK, given(tmp_path, y=[0, 1], s=[0.1, 0.9], w=[1, -1]))


@pytest.mark.slow
def test_explained_variance_is_covered(tmp_path: Path) -> None:
    """300 worlds with a true R² of 0.5; binomial error 1.3 points."""
    covered = 0
    for seed in range(300):
        random = np.random.default_rng(seed)
        x = random.normal(size=200)
        rows: dict[str, Any] = {"y": x + random.normal(size=200), "p": x}
        found = between(measured(CHECK, given(tmp_path, "regression", **rows)), "r2")
        covered += found.low < 0.5 < found.high  # type: ignore[operator]
    assert 0.915 <= covered / 300 <= 0.985


# -- The model asked in batches ----------------------------------------------------------------------------------------
def test_batches_change_no_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = patient_evidence(tmp_path, pipeline(LogisticRegression(max_iter=1000)))
    whole = [measured(check, rows) for check in (CHECK, GroupMetrics())]
    monkeypatch.setattr(_rows, "BATCH", 7)
    assert [measured(check, rows) for check in (CHECK, GroupMetrics())] == whole


# -- Latency -----------------------------------------------------------------------------------------------------------
def timed(folder: Path, monkeypatch: pytest.MonkeyPatch, delays: list[float], **more: Any) -> Measurement:
    """A model whose answers take these times, in milliseconds, as a clock of our own tells them."""
    rows = patient_evidence(folder, pipeline(LogisticRegression(max_iter=1000)), **more)
    ticks = iter(np.repeat(np.cumsum([0.0, *delays]), 2)[1:] * 1e6)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: next(ticks))
    return measured(CHECK, rows, latency_asks=100, latency_warm_up=3)


def test_the_percentiles_leave_the_warm_up_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = timed(tmp_path, monkeypatch, [900.0, 900.0, 900.0, *map(float, range(1, 101))])
    assert number(answer, "latency_p50_ms") == pytest.approx(50)
    assert number(answer, "latency_p95_ms") == pytest.approx(95)
    assert between(answer, "latency_p50_ms").low == pytest.approx(40)
    assert between(answer, "latency_p50_ms").high == pytest.approx(61)
    assert between(answer, "latency_p95_ms").high == pytest.approx(100)
    assert any("after 3 to warm up that are not counted" in note for note in answer.notes)
    assert the(answer, "latency_p95_of_declared").not_estimable == "the signature declares no latency_ms"


def test_the_slow_percentile_stands_beside_what_was_declared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = timed(tmp_path, monkeypatch, [1.0] * 3 + [20.0] * 100, latency_ms=40)
    assert number(answer, "latency_p95_of_declared") == pytest.approx(0.5)


def test_real_answers_take_time_and_nobody_is_asked_who_need_not_be(tmp_path: Path) -> None:
    rows = patient_evidence(tmp_path, pipeline(LogisticRegression(max_iter=1000)))
    start = time.perf_counter()
    answer = measured(CHECK, rows, latency_asks=30, latency_warm_up=2)
    passed = (time.perf_counter() - start) * 1000
    assert 0 < number(answer, "latency_p50_ms") <= number(answer, "latency_p95_ms") < passed
    assert not measured(CHECK, rows).of("latency_p50_ms")


@pytest.mark.parametrize("declared", [0, -1, True, "fast", float("inf")])
def test_a_declaration_that_is_no_time_is_an_error(tmp_path: Path, declared: Any) -> None:
    rows = patient_evidence(tmp_path, pipeline(LogisticRegression(max_iter=1000)), latency_ms=declared)
    with pytest.raises(EvidenceError, match=r"signature\.latency_ms"):
        measured(CHECK, rows, latency_asks=20)


def test_a_small_cell_withholds_the_table_and_the_rates_that_tell_it(tmp_path: Path) -> None:
    rows: dict[str, Any] = {"y": [0, 1] * 50 + [1], "p": [0, 1] * 50 + [0]}
    answer = measured(CHECK, given(tmp_path, **rows), suppress_below=5)
    assert "confusion" not in answer.tables
    for metric in ("accuracy", "precision", "recall", "f1"):
        assert the(answer, metric).not_estimable == "withheld: a count is below the disclosure threshold of 5"


@pytest.mark.parametrize(
    ("name", "value"),
    [("weights", "some"), ("quantile", 1.0), ("latency_asks", 5), ("latency_warm_up", -1), ("suppress_below", -1)],
)
def test_wrong_parameters_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        parse_parameters(CHECK, {name: value})
