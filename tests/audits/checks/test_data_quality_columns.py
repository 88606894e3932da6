"""Every planted fault in the data is counted, and clean data has none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.data_quality_columns import ColumnQuality
from audits.evidence import Evidence
from tests.audits.checks.diabetes import patient_evidence
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the, write_csv

CHECK = ColumnQuality()
DECLARED: dict[str, tuple[str, tuple[str, ...]]] = {
    "id": ("integer", ("identifier",)),
    "age": ("integer", ("feature",)),
    "sex": ("string", ("feature",)),
}


def people(size: int, seed: int, *, shift: int = 0, first: int = 0) -> dict[str, list[Any]]:
    random = np.random.default_rng(seed)
    ages = (random.normal(50, 12, size) + shift).round().astype(int)
    return {
        "id": list(range(first, first + size)),
        "age": ages.tolist(),
        "sex": random.choice(["f", "m"], size).tolist(),
    }


def both(folder: Path, evaluation: dict[str, list[Any]], train: dict[str, list[Any]] | None = None) -> Evidence:
    datasets = [dataset(folder / "e.csv", evaluation, DECLARED, "evaluation")]
    if train is not None:
        datasets.append(dataset(folder / "t.csv", train, DECLARED, "train"))
    return evidence(*datasets)


def test_real_patients_have_no_fault(tmp_path: Path) -> None:
    answer = measured(CHECK, patient_evidence(tmp_path))
    for metric in (
        "worst_missing_fraction",
        "type_violations_total",
        "range_violations_total",
        "constant_columns",
        "undeclared_columns",
        "duplicate_row_fraction",
        "train_evaluation_overlap_fraction",
    ):
        assert number(answer, metric) == 0.0
    drift = the(answer, "worst_drift_psi").interval
    assert drift is not None
    assert drift.low is not None
    assert drift.low < 0.1
    assert set(answer.inputs) == {"dataset:evaluation", "dataset:train"}


def test_missing_cells_are_counted_by_column(tmp_path: Path) -> None:
    rows = people(100, 1)
    rows["age"][:25] = [None] * 25
    answer = measured(CHECK, both(tmp_path, rows))
    assert number(answer, "missing_fraction", "age") == 0.25
    assert number(answer, "missing_fraction", "sex") == 0.0
    assert number(answer, "worst_missing_fraction") == 0.25


def test_cells_of_another_type_and_out_of_range_are_counted(tmp_path: Path) -> None:
    rows = people(100, 1)
    rows["age"][:4] = ["old", "1.5", -3, 300]
    answer = measured(CHECK, both(tmp_path, rows), ranges=["age=0..120"])
    assert number(answer, "type_violations", "age") == 2.0
    assert number(answer, "type_violations_total") == 2.0
    assert number(answer, "range_violations", "age") == 2.0
    assert the(answer, "range_violations", "age").n == 98


def test_constant_and_undeclared_columns_are_counted(tmp_path: Path) -> None:
    rows = people(50, 1)
    rows["sex"] = ["f"] * 50
    given = both(tmp_path, rows)
    write_csv(tmp_path / "e.csv", {**rows, "name": ["x"] * 50})
    answer = measured(CHECK, given)
    assert number(answer, "constant_columns") == 1.0
    assert number(answer, "undeclared_columns") == 1.0


def test_repeated_rows_are_found_though_their_identifiers_differ(tmp_path: Path) -> None:
    rows: dict[str, list[Any]] = {"id": [1, 2, 3, 4], "age": [40, 40, 50, 60], "sex": ["f", "f", "m", "f"]}
    assert number(measured(CHECK, both(tmp_path, rows)), "duplicate_row_fraction") == 0.25


def test_evaluation_rows_that_were_trained_on_are_found(tmp_path: Path) -> None:
    declared = {"a": ("number", ("feature",)), "b": ("string", ("feature",))}
    random = np.random.default_rng(5)
    train = {"a": random.normal(size=100).tolist(), "b": [None, "x"] * 50}
    fresh = {"a": random.normal(size=30).tolist(), "b": ["x"] * 30}
    leaked = {name: fresh[name] + train[name][:10] for name in train}
    for rows, expected in ((fresh, 0.0), (leaked, 0.25)):
        given = evidence(
            dataset(tmp_path / "t.csv", train, declared, "train"),
            dataset(tmp_path / "e.csv", rows, declared, "evaluation"),
        )
        assert number(measured(CHECK, given), "train_evaluation_overlap_fraction") == expected


def test_a_shifted_population_drifts_wholly_above_the_customary_limit(tmp_path: Path) -> None:
    answer = measured(CHECK, both(tmp_path, people(400, 1, shift=15, first=1000), people(400, 2)))
    interval = the(answer, "drift_psi", "age").interval
    assert interval is not None
    assert interval.low is not None
    assert interval.low > 0.25
    assert number(answer, "worst_drift_psi") == number(answer, "drift_psi", "age")


def test_bins_with_few_rows_are_shown_as_one_and_counted_none_the_less(tmp_path: Path) -> None:
    train, rows = people(400, 1), people(400, 2)
    rows["sex"][0] = "x"
    given = evidence(
        dataset(tmp_path / "t.csv", train, DECLARED, "train"), dataset(tmp_path / "e.csv", rows, DECLARED, "evaluation")
    )
    told = [row for row in measured(CHECK, given, suppress_below=10).tables["bins"].rows if row[0] == "sex"]
    assert "x" not in {label for _, label, _, _ in told}
    assert {label for _, label, _, _ in told} == {"(small bins together)"} or len(told) > 1
    assert sum(row[3] for row in told) == 400
    assert all(not 0 < number < 10 for row in told for number in row[2:])


def test_the_same_population_drifts_no_further_than_noise(tmp_path: Path) -> None:
    answer = measured(CHECK, both(tmp_path, people(400, 1, first=1000), people(400, 2)))
    for feature in ("age", "sex"):
        interval = the(answer, "drift_psi", feature).interval
        assert interval is not None
        assert interval.low == pytest.approx(0.0, abs=0.02)
        assert interval.high is not None
        assert interval.high < 0.25


def test_psi_follows_its_formula_on_the_stored_bins(tmp_path: Path) -> None:
    answer = measured(CHECK, both(tmp_path, people(400, 1, shift=5), people(300, 2)))
    counts = np.array([row[2:] for row in answer.tables["bins"].rows if row[0] == "sex"], dtype=float)
    p, q = counts[:, 0] / counts[:, 0].sum(), counts[:, 1] / counts[:, 1].sum()
    assert number(answer, "drift_psi", "sex") == pytest.approx(float(((q - p) * np.log(q / p)).sum()))


def test_without_training_data_leakage_and_drift_are_unknown_not_zero(tmp_path: Path) -> None:
    answer = measured(CHECK, both(tmp_path, people(100, 1)))
    for metric in ("train_evaluation_overlap_fraction", "worst_drift_psi"):
        assert the(answer, metric).value is None


def test_a_feature_declared_differently_in_training_is_an_error(tmp_path: Path) -> None:
    other = {**DECLARED, "age": ("string", ("feature",))}
    given = evidence(
        dataset(tmp_path / "t.csv", people(50, 1), other, "train"),
        dataset(tmp_path / "e.csv", people(50, 2), DECLARED, "evaluation"),
    )
    with pytest.raises(EvidenceError, match="age: is declared integer here and string in"):
        measured(CHECK, given)


@pytest.mark.parametrize("ranges", [["age"], ["age=1"], ["age=9..1"], ["=0..1"]])
def test_a_range_that_is_none_is_refused(ranges: list[str]) -> None:
    with pytest.raises(ParameterError, match="ranges"):
        parse_parameters(CHECK, {"ranges": ranges})


def test_a_range_for_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="only numbers can have a range"):
        measured(CHECK, both(tmp_path, people(50, 1)), ranges=["sex=0..1"])


# -- Representativeness -----------------------------------------------------------------------------------------------
def test_groups_are_held_against_the_stated_population(tmp_path: Path) -> None:
    given = evidence(
        dataset(
            tmp_path / "e.csv",
            {"g": ["a"] * 80 + ["b"] * 15 + ["z"] * 5},
            {"g": ("string", ("feature",))},
            "evaluation",
        )
    )
    answer = measured(CHECK, given, population=["g: a=0.5, b=0.3, c=0.2"])
    assert number(answer, "representation_ratio", "g", "a") == pytest.approx(1.6)
    assert number(answer, "representation_ratio", "g", "b") == pytest.approx(0.5)
    assert number(answer, "representation_ratio", "g", "c") == 0
    assert number(answer, "worst_representation_ratio") == 0
    assert number(answer, "outside_population_fraction", "g") == pytest.approx(0.05)


def test_without_a_population_nobody_knows_whom_the_data_stand_for(tmp_path: Path) -> None:
    given = evidence(dataset(tmp_path / "e.csv", {"g": ["a"] * 9}, {"g": ("string", ("feature",))}, "evaluation"))
    assert the(measured(CHECK, given), "worst_representation_ratio").value is None


@pytest.mark.parametrize("words", ["g", "g: a", "g: a=half", "g: a=0.5", "g: a=1.5, b=-0.5", ": a=1"])
def test_a_population_that_is_none_is_refused(words: str) -> None:
    with pytest.raises(ParameterError):
        parse_parameters(CHECK, {"population": [words]})
