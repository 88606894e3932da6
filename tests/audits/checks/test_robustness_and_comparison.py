"""Changed input and a second version: real models on real patients, planted weakness, and what cannot be compared."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.performance_comparison import PerformanceComparison
from audits.checks.robustness_perturbation import Perturbation
from audits.evidence import Evidence, ModelEvidence
from audits.sandbox import measure_in_child
from registry.canonical import digest_file
from tests.audits.checks.diabetes import patient_evidence, pipeline
from tests.audits.checks.evidence_files import measured, number, the


def with_reference(given: Evidence, path: Path, model: Any) -> Evidence:
    skops.io.dump(model, path)
    current = dataclasses.replace(given.model, name="risk/0", path=path, digest=digest_file(path))
    return dataclasses.replace(given, reference_model=current)


@pytest.fixture(scope="module")
def logistic() -> Any:
    return pipeline(LogisticRegression())


# Changed input --------------------------------------------------------------------------------------------------------


def test_more_noise_flips_more_decisions(tmp_path: Path, logistic: Any) -> None:
    given = patient_evidence(tmp_path, logistic)
    flips = [number(measured(Perturbation(), given, noise=noise), "noise_flips") for noise in (0.01, 0.3, 3.0)]
    assert flips[0] < flips[1] < flips[2]
    strong = the(measured(Perturbation(), given, noise=3.0), "noise_drop").interval
    assert strong is not None
    assert strong.low is not None
    assert strong.low > 0.0


def test_the_error_before_is_the_error_of_the_model(tmp_path: Path, logistic: Any) -> None:
    given = patient_evidence(tmp_path, logistic)
    answer = measured(Perturbation(), given)
    assert 0.1 < number(answer, "error_before") < 0.4
    assert number(answer, "error_before") == pytest.approx(
        number(measured(Perturbation(), given, noise=1.0), "error_before")
    )
    groups = {value.group: value for value in answer.of("shift_drop")}
    assert set(groups) == {"f", "m"}
    shares = {group: value.n / 162 for group, value in groups.items()}
    assert sum(shares[g] * (groups[g].value or 0.0) for g in groups) == pytest.approx(0.0, abs=1e-12)


def test_a_model_that_does_not_look_cannot_be_shaken_and_is_not_called_certain(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(DummyClassifier(strategy="prior")))
    drop = the(measured(Perturbation(), given), "noise_drop")
    assert drop.value == 0.0
    assert drop.interval is not None
    assert drop.interval.high is not None
    assert drop.interval.high > 0.0


def test_missing_values_are_taken_by_trees_and_refused_by_lines(tmp_path: Path, logistic: Any) -> None:
    refused = the(measured(Perturbation(), patient_evidence(tmp_path, logistic)), "missing_drop")
    assert refused.value is None
    assert "cannot score the rows" in refused.not_estimable
    numbers = ("age", "bmi", "bp", "s1")
    trees = pipeline(HistGradientBoostingClassifier(max_iter=20, random_state=0), features=numbers)
    answer = measured(Perturbation(), patient_evidence(tmp_path, trees, features=list(numbers)), each=True)
    assert {value.feature for value in answer.of("missing_drop")} == {"", *numbers}
    assert all(value.value is not None for value in answer.of("missing_drop"))


def test_a_regression_has_drops_and_no_flips(tmp_path: Path) -> None:
    model = pipeline(LinearRegression(), target="progression")
    given = patient_evidence(
        tmp_path, model, target="progression", task="regression", positive_label=None, threshold=None
    )
    answer = measured(Perturbation(), given, noise=2.0)
    assert number(answer, "noise_drop") > 1.0
    assert not answer.of("noise_flips")


@pytest.mark.parametrize(("name", "value"), [("noise", 0.0), ("missing", 1.5), ("rows", 3), ("level", 2.0)])
def test_wrong_parameters_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        parse_parameters(Perturbation(), {name: value})


# The version in the stage ---------------------------------------------------------------------------------------------


def test_the_same_model_again_is_not_inferior(tmp_path: Path, logistic: Any) -> None:
    given = with_reference(patient_evidence(tmp_path, logistic), tmp_path / "old.skops", logistic)
    answer = measured(PerformanceComparison(), given)
    assert number(answer, "error_increase") == 0.0
    assert number(answer, "disagreement") == 0.0
    assert number(answer, "mcnemar_p_value") == 1.0
    interval = the(answer, "error_increase").interval
    assert interval is not None
    assert interval.high is not None
    assert 0.0 < interval.high < 0.05


def test_a_worse_version_is_shown_to_be_worse_by_paired_errors(tmp_path: Path, logistic: Any) -> None:
    worse = pipeline(DummyClassifier(strategy="constant", constant=1))
    given = with_reference(patient_evidence(tmp_path, worse), tmp_path / "old.skops", logistic)
    answer = measured(PerformanceComparison(), given)
    interval = the(answer, "error_increase").interval
    assert interval is not None
    assert interval.low is not None
    assert interval.low > 0.1
    counts = {row[:2]: row[2] for row in answer.tables["errors"].rows}
    total = sum(counts.values())
    assert number(answer, "error_increase") == pytest.approx((counts[1, 0] - counts[0, 1]) / total)
    unequal = counts[1, 0] + counts[0, 1]
    assert number(answer, "mcnemar_p_value") == pytest.approx(stats.binomtest(counts[1, 0], unequal).pvalue)
    assert number(answer, "brier_increase") > 0.1
    assert np.isclose(number(answer, "disagreement"), unequal / total)


def test_other_questions_are_not_compared(tmp_path: Path, logistic: Any) -> None:
    given = with_reference(patient_evidence(tmp_path, logistic), tmp_path / "old.skops", logistic)
    current = given.reference_model
    assert current is not None
    other: ModelEvidence = dataclasses.replace(current, signature={**current.signature, "positive_label": 0})
    with pytest.raises(EvidenceError, match="answer different questions"):
        measured(PerformanceComparison(), dataclasses.replace(given, reference_model=other))


def test_the_reference_crosses_the_border_and_is_verified_there(tmp_path: Path, logistic: Any) -> None:
    given = with_reference(patient_evidence(tmp_path, logistic), tmp_path / "old.skops", logistic)
    assert Evidence.from_document(given.to_document()) == given
    assert given.reference_model is not None
    forged = dataclasses.replace(given.reference_model, digest="sha256:" + "1" * 64)
    result = measure_in_child(
        PerformanceComparison(),
        {},
        dataclasses.replace(given, reference_model=forged),
        timeout_seconds=60,
        memory_mb=2048,
    )
    assert result.code == "digest-mismatch"
    assert "reference_model" in result.message


def test_without_a_version_in_the_stage_nothing_is_run(tmp_path: Path, logistic: Any) -> None:
    given = patient_evidence(tmp_path, logistic)
    result = measure_in_child(PerformanceComparison(), {}, given, timeout_seconds=60, memory_mb=2048)
    assert result.code == "evidence-missing"
