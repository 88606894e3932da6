"""Changed input and a second version: real models on real patients, planted weakness, and what cannot be compared."""

from __future__ import annotations

import csv
import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from scipy import stats
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression

from audits.checks import _rows
from audits.checks.base import Check, EvidenceError, ParameterError, parse_parameters
from audits.checks.performance_comparison import PerformanceComparison
from audits.checks.robustness_perturbation import Perturbation
from audits.evidence import Column, Evidence, ModelEvidence
from audits.sandbox import measure_in_child
from registry.canonical import digest_file
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import measured, number, the


def with_reference(given: Evidence, path: Path, model: Any) -> Evidence:
    skops.io.dump(model, path)
    current = dataclasses.replace(given.model, name="risk/0", path=path, digest=digest_file(path))
    return dataclasses.replace(given, reference_model=current)


@pytest.fixture(scope="module")
def logistic() -> Any:
    return pipeline(LogisticRegression())


def weighed(given: Evidence, weights: Sequence[Any], *, kind: str = "number") -> Evidence:
    """The same patients, with a column tagged weight."""
    held = given.datasets["evaluation"]
    with held.path.open(newline="", encoding="utf-8") as stream:
        head, *lines = list(csv.reader(stream))
    path = held.path.with_name("weighed.csv")
    with path.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.writer(stream)
        writer.writerow([*head, "w"])
        writer.writerows([*line, weight] for line, weight in zip(lines, weights, strict=True))
    columns = (*held.columns, Column("w", kind, ("weight",)))
    other = dataclasses.replace(held, path=path, digest=digest_file(path), columns=columns)
    return dataclasses.replace(given, datasets={**given.datasets, "evaluation": other})


def repeated(given: Evidence, times: Sequence[int]) -> Evidence:
    """Each patient as often as `times` says."""
    held = given.datasets["evaluation"]
    head, *lines = held.path.read_text(encoding="utf-8").splitlines()
    path = held.path.with_name("repeated.csv")
    often = [line for line, count in zip(lines, times, strict=True) for _ in range(count)]
    path.write_text("\n".join([head, *often]) + "\n", encoding="utf-8")
    other = dataclasses.replace(held, path=path, digest=digest_file(path))
    return dataclasses.replace(given, datasets={**given.datasets, "evaluation": other})


PATIENTS = len(patients()) - TRAINING_ROWS
UNLIKE = [1 + (index % 3) for index in range(PATIENTS)]

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


def test_what_is_asked_does_not_depend_on_how_the_file_is_cut(
    tmp_path: Path, logistic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = patient_evidence(tmp_path, logistic)
    whole = measured(Perturbation(), given, rows=100)
    monkeypatch.setattr(_rows, "BATCH", 13)
    assert measured(Perturbation(), given, rows=100) == whole


def test_equal_weights_change_nothing_and_others_weigh_every_mean(tmp_path: Path, logistic: Any) -> None:
    given = patient_evidence(tmp_path, logistic)
    plain = measured(Perturbation(), given, noise=1.0)
    equal = measured(Perturbation(), weighed(given, [2] * PATIENTS), noise=1.0)
    for one, other in zip(plain.values, equal.values, strict=True):
        assert other.value == pytest.approx(one.value, abs=1e-12)
        assert other.n == one.n
        if one.interval is not None and other.interval is not None:
            assert (other.interval.low, other.interval.high) == pytest.approx((one.interval.low, one.interval.high))
    only = [1.0 if index < 60 else 0.0 for index in range(PATIENTS)]
    some = measured(Perturbation(), weighed(given, only), noise=1.0)
    answers = logistic.predict(patients().iloc[TRAINING_ROWS : TRAINING_ROWS + 60][list(FEATURES)])
    wrong = (answers != patients()["y"].iloc[TRAINING_ROWS : TRAINING_ROWS + 60]).mean()
    assert number(some, "error_before") == pytest.approx(wrong, abs=1e-12)
    groups = {value.group: value.value or 0.0 for value in some.of("shift_drop")}
    shares = patients()["sex"].iloc[TRAINING_ROWS : TRAINING_ROWS + 60].value_counts(normalize=True)
    assert sum(shares[group] * groups[group] for group in groups) == pytest.approx(0.0, abs=1e-12)
    assert measured(Perturbation(), weighed(given, only), noise=1.0, weights="ignored").values == plain.values


def test_a_group_that_weighs_nothing_has_no_shift(tmp_path: Path, logistic: Any) -> None:
    given = patient_evidence(tmp_path, logistic)
    women = [1 if sex == "f" else 0 for sex in patients()["sex"].iloc[TRAINING_ROWS:]]
    answer = measured(Perturbation(), weighed(given, women))
    assert {value.not_estimable for value in answer.of("shift_drop")} == {"the group or everybody else weighs nothing"}


def test_people_who_were_counted_cannot_be_changed() -> None:
    with pytest.raises(ParameterError, match="weights: must be sampling or ignored"):
        parse_parameters(Perturbation(), {"weights": "counts"})


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


def compared(tmp_path: Path, logistic: Any) -> Evidence:
    worse = pipeline(DummyClassifier(strategy="constant", constant=1))
    return with_reference(patient_evidence(tmp_path, worse), tmp_path / "old.skops", logistic)


def test_a_comparison_does_not_depend_on_how_the_file_is_cut(
    tmp_path: Path, logistic: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    given = compared(tmp_path, logistic)
    whole = measured(PerformanceComparison(), given)
    monkeypatch.setattr(_rows, "BATCH", 17)
    pieces = measured(PerformanceComparison(), given)
    assert pieces.tables["errors"] == whole.tables["errors"]
    assert number(pieces, "brier_increase") == pytest.approx(number(whole, "brier_increase"), abs=1e-12)
    assert number(pieces, "error_increase") == pytest.approx(number(whole, "error_increase"), abs=1e-12)


def test_counts_are_the_rows_that_they_count(tmp_path: Path, logistic: Any) -> None:
    given = compared(tmp_path, logistic)
    counted = measured(PerformanceComparison(), weighed(given, UNLIKE, kind="integer"), weights="counts")
    rows = measured(PerformanceComparison(), repeated(given, UNLIKE))
    assert counted.tables["errors"] == rows.tables["errors"]
    for one, other in zip(counted.values, rows.values, strict=True):
        assert (one.metric, one.n) == (other.metric, other.n)
        assert one.value == pytest.approx(other.value, abs=1e-12)
        if one.interval is not None and other.interval is not None:
            assert (one.interval.low, one.interval.high) == pytest.approx((other.interval.low, other.interval.high))


def test_weights_weigh_every_difference_and_the_exact_test_says_that_it_cannot(tmp_path: Path, logistic: Any) -> None:
    given = compared(tmp_path, logistic)
    answer = measured(PerformanceComparison(), weighed(given, UNLIKE))
    true = patients()["y"].iloc[TRAINING_ROWS:].to_numpy()
    frame = patients().iloc[TRAINING_ROWS:][list(FEATURES)]
    before = logistic.predict_proba(frame)[:, 1] >= 0.5
    grown = (true != 1).astype(float) - (before != true)
    assert number(answer, "error_increase") == pytest.approx(np.average(grown, weights=UNLIKE), abs=1e-12)
    assert number(answer, "disagreement") == pytest.approx(np.average(before != 1, weights=UNLIKE), abs=1e-12)
    assert "weighted rows are no counts" in the(answer, "mcnemar_p_value").not_estimable
    table = answer.tables["errors"]
    assert table.columns == ("new_wrong", "current_wrong", "count", "weight", "squares")
    assert sum(row[3] for row in table.rows) == pytest.approx(sum(UNLIKE))
    narrow = the(measured(PerformanceComparison(), weighed(given, [1] * PATIENTS)), "error_increase").interval
    wide = the(answer, "error_increase").interval
    assert narrow is not None
    assert wide is not None
    assert (wide.high or 0.0) - (wide.low or 0.0) > (narrow.high or 0.0) - (narrow.low or 0.0)


@pytest.mark.parametrize("check", [PerformanceComparison(), Perturbation()])
def test_a_weight_that_is_none_is_refused(tmp_path: Path, logistic: Any, check: Check) -> None:
    given = compared(tmp_path, logistic)
    for weights, problem in (
        ([None, *UNLIKE[1:]], "1 are not"),
        ([-1, *UNLIKE[1:]], "1 are not"),
        ([0] * PATIENTS, "0 in every"),
    ):
        with pytest.raises(EvidenceError, match=f"w: is the weight and .*{problem}"):
            measured(check, weighed(given, weights))


@pytest.mark.parametrize("check", [PerformanceComparison(), Perturbation()])
def test_without_any_label_nothing_is_measured(tmp_path: Path, logistic: Any, check: Check) -> None:
    given = compared(tmp_path, logistic)
    held = given.datasets["evaluation"]
    columns = tuple(dataclasses.replace(one, tags=()) if one.name == "y" else one for one in held.columns)
    signature = {**given.model.signature, "target": None}
    untagged = dataclasses.replace(
        given,
        model=dataclasses.replace(given.model, signature=signature),
        datasets={**given.datasets, "evaluation": dataclasses.replace(held, columns=columns)},
    )
    with pytest.raises(EvidenceError, match="no column is tagged target"):
        measured(check, untagged)


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
