"""What training saw of the evaluation is counted; what it did not see is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.lineage_leakage import Leakage
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

CHECK = Leakage()
DECLARED = {
    "id": ("string", ("identifier",)),
    "when": ("datetime", ("timestamp",)),
    "a": ("number", ("feature",)),
    "b": ("number", ("feature",)),
    "c": ("string", ("feature",)),
    "late": ("number", ("feature",)),
    "y": ("integer", ("target",)),
}


def rows(count: int, seed: int, *, first_id: int = 0, year: int = 2020) -> dict[str, list[Any]]:
    dice = np.random.default_rng(seed)
    labels = dice.integers(0, 2, count)
    return {
        "id": [f"p{first_id + row}" for row in range(count)],
        "when": [f"{year}-01-{1 + row % 28:02d}" for row in range(count)],
        "a": np.round(dice.normal(size=count), 6).tolist(),
        "b": np.round(dice.normal(size=count), 6).tolist(),
        "c": dice.choice(list("uvwxyz"), count).tolist(),
        "late": np.round(dice.normal(size=count), 6).tolist(),
        "y": labels.tolist(),
    }


def answer(tmp_path: Path, train: dict[str, Any], test: dict[str, Any], declared: Any = None, **parameters: Any) -> Any:
    words = declared or DECLARED
    given = evidence(
        dataset(tmp_path / "train.csv", train, words, "train"),
        dataset(tmp_path / "test.csv", test, words, "evaluation"),
        signature={"positive_label": 1},
    )
    return measured(CHECK, given, **parameters)


def joined(first: dict[str, list[Any]], second: dict[str, list[Any]]) -> dict[str, list[Any]]:
    return {name: [*cells, *second[name]] for name, cells in first.items()}


def part(columns: dict[str, list[Any]], count: int, **changes: list[Any]) -> dict[str, list[Any]]:
    return {name: changes.get(name, cells[:count]) for name, cells in columns.items()}


def test_data_apart_shows_nothing(tmp_path: Path) -> None:
    found = answer(tmp_path, rows(800, 1), rows(200, 2, first_id=5000, year=2021))
    for metric in ("exact_overlap_fraction", "near_overlap_fraction", "training_twin_fraction"):
        assert number(found, metric) == 0
    assert number(found, "identifier_overlap_fraction") == 0
    assert number(found, "temporal_overlap_fraction") == 0
    assert number(found, "worst_target_auc") < 0.65
    assert list(found.tables) == ["shares"]


def test_rows_seen_in_training_are_counted_whatever_their_name_and_time(tmp_path: Path) -> None:
    train, fresh = rows(800, 1), rows(180, 2, first_id=5000, year=2021)
    again = part(train, 20, id=[f"new{row}" for row in range(20)], when=["2021-06-01"] * 20)
    found = answer(tmp_path, train, joined(fresh, again))
    value = the(found, "exact_overlap_fraction")
    assert (value.value, value.n) == (0.1, 200)
    assert value.interval is not None
    assert number(found, "near_overlap_fraction") == 0.1
    assert number(found, "identifier_overlap_fraction") == 0


@pytest.mark.parametrize("column", ["a", "c", "y"])
def test_a_row_with_one_changed_cell_is_near(tmp_path: Path, column: str) -> None:
    train, fresh = rows(800, 1), rows(180, 2)
    changed = [9] * 20 if column != "c" else ["q"] * 20
    found = answer(tmp_path, train, joined(fresh, part(train, 20, **{column: changed})))
    assert number(found, "exact_overlap_fraction") == 0
    assert number(found, "near_overlap_fraction") == 0.1


def test_a_row_with_two_changed_cells_is_not_near(tmp_path: Path) -> None:
    train, fresh = rows(800, 1), rows(180, 2)
    found = answer(tmp_path, train, joined(fresh, part(train, 20, a=[9.0] * 20, b=[9.0] * 20)))
    assert number(found, "near_overlap_fraction") == 0


def test_noise_in_the_last_digits_hides_nothing(tmp_path: Path) -> None:
    train, fresh = rows(800, 1), rows(180, 2)
    shaken = part(train, 20, a=[cell * (1 + 1e-7) for cell in train["a"][:20]], b=[c + 1e-9 for c in train["b"][:20]])
    found = answer(tmp_path, train, joined(fresh, shaken))
    assert number(found, "exact_overlap_fraction") == 0
    assert number(found, "near_overlap_fraction") > 0.09


def test_the_same_people_and_the_same_time_are_counted(tmp_path: Path) -> None:
    found = answer(tmp_path, rows(800, 1), joined(rows(150, 2, first_id=9000, year=2021), rows(50, 3)))
    assert number(found, "identifier_overlap_fraction") == 0.25
    assert number(found, "temporal_overlap_fraction") == 0.25


def test_a_feature_written_after_the_fact_tells_the_target(tmp_path: Path) -> None:
    train, test = rows(800, 1), rows(200, 2)
    for data in (train, test):
        data["late"] = [label * 5 + 1 for label in data["y"]]
    found = answer(tmp_path, train, test)
    assert number(found, "target_auc", "late") == 1
    assert number(found, "worst_target_auc") == 1
    assert number(found, "target_auc", "a") < 0.65


def test_a_feature_that_tells_it_the_other_way_round_is_as_telling(tmp_path: Path) -> None:
    train, test = rows(800, 1), rows(200, 2)
    train["late"], test["late"] = ([-label for label in data["y"]] for data in (train, test))
    assert number(answer(tmp_path, train, test), "target_auc", "late") == 1


def test_twins_within_training_are_the_yardstick(tmp_path: Path) -> None:
    train = rows(100, 1)
    assert number(answer(tmp_path, joined(train, train), rows(50, 2)), "training_twin_fraction") == 0.5


def test_missing_cells_and_signed_zero_are_equal_to_themselves(tmp_path: Path) -> None:
    train, test = rows(40, 1), rows(40, 1)
    train["a"], test["a"] = [0.0] * 40, ["-0.0"] * 40
    train["b"] = test["b"] = [None] * 40
    assert number(answer(tmp_path, train, test), "exact_overlap_fraction") == 1


def test_what_cannot_be_asked_is_unknown(tmp_path: Path) -> None:
    declared = {"a": ("number", ("feature",)), "y": ("integer", ("target",))}
    data = {"a": [1.0, 2.0, 3.0], "y": [1, 1, 1]}
    found = answer(tmp_path, data, data, declared)
    for metric in ("near_overlap_fraction", "identifier_overlap_fraction", "temporal_overlap_fraction"):
        assert the(found, metric).value is None
    assert the(found, "worst_target_auc").value is None
    assert number(found, "exact_overlap_fraction") == 1


def test_data_that_share_no_column_are_not_apart_but_unknown(tmp_path: Path) -> None:
    given = evidence(
        dataset(tmp_path / "a.csv", {"a": [1]}, {"a": ("number", ("feature",))}, "train"),
        dataset(tmp_path / "b.csv", {"b": [1]}, {"b": ("number", ("feature",))}, "evaluation"),
    )
    assert the(measured(CHECK, given), "exact_overlap_fraction").value is None


def test_an_empty_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError):
        answer(tmp_path, {name: [] for name in DECLARED}, rows(5, 1))


@pytest.mark.parametrize(("name", "value"), [("digits", 0), ("digits", 16), ("bins", 1), ("level", 1.0)])
def test_parameters_that_measure_nothing_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ParameterError) as refusal:
        parse_parameters(CHECK, {name: value})
    assert refusal.value.field == name
