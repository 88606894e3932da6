"""No table that leaves a check tells about few people, whatever is subtracted from what."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.checks._disclosure import SMALL_STRATA, TOGETHER, is_small, pooled_bins, pooled_strata, shown_groups
from audits.checks.base import ParameterError, parse_parameters
from audits.checks.fairness_calibration import Calibration
from audits.checks.fairness_conditional_parity import ConditionalParity
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.fairness_impact_ratios import ImpactRatios
from audits.checks.fairness_multiclass import MulticlassFairness
from audits.checks.fairness_ranking import RankingFairness
from audits.checks.fairness_regression import RegressionFairness
from audits.checks.fairness_slices import WorstSlices
from audits.counting.question import Tally
from audits.evidence import Evidence
from audits.measurements import Measurement
from tests.audits.checks.evidence_files import dataset, evidence, measured, number

THRESHOLD = 10
COUNTS = st.lists(st.dictionaries(st.sampled_from("ab"), st.integers(0, 40), min_size=2), min_size=1, max_size=12)


def added(layers: list[dict[Any, int]]) -> dict[Any, int]:
    total: Counter[Any] = Counter()
    for counts in layers:
        total.update(counts)
    return dict(total)


@settings(max_examples=200)
@given(COUNTS)
def test_bins_are_joined_with_neighbours_until_nothing_is_small(bins: list[dict[Any, int]]) -> None:
    runs = pooled_bins(bins, THRESHOLD)
    assert [index for first, last in runs for index in range(first, last + 1)] == list(range(len(bins)))
    for first, last in runs:
        whole = added(bins[first : last + 1])
        assert not is_small(whole, THRESHOLD) or len(runs) == 1


@settings(max_examples=200)
@given(COUNTS)
def test_strata_are_joined_until_their_sum_is_not_small(layers: list[dict[Any, int]]) -> None:
    named = {str(index): counts for index, counts in enumerate(layers)}
    pooled = pooled_strata(named, THRESHOLD)
    assert {name for name, counts in named.items() if is_small(counts, THRESHOLD)} <= pooled
    if len(pooled) < len(named):
        assert len(pooled) != 1
        assert not is_small(added([named[name] for name in pooled]), THRESHOLD)


def tallies(**rows: int) -> dict[str, dict[str, Tally]]:
    return {group: {"1": Tally(n, n, n)} for group, n in rows.items()}


def test_a_small_group_takes_another_with_it_so_that_the_total_does_not_tell() -> None:
    shown, [note] = shown_groups({"sex": tallies(a=3, b=50, c=60)}, {"sex": ("sex",)}, {"sex": {}}, THRESHOLD)
    assert shown == {("sex", "a"): TOGETHER, ("sex", "b"): TOGETHER}
    assert note == "sex: 2 groups are shown and compared as one, because a count is below 10 or would give one away."


def test_without_a_threshold_everything_is_shown() -> None:
    assert shown_groups({"sex": tallies(a=1, b=1)}, {"sex": ("sex",)}, {"sex": {}}, 0) == ({}, ())


# -- Through the checks -----------------------------------------------------------------------------------------------
DECLARED = {
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
    "job": ("string", ("feature",)),
    "y": ("integer", ("target",)),
    "p": ("integer", ("prediction",)),
    "s": ("number", ("score",)),
}
TASKS = {
    Calibration: ("binary_classification", "ys"),
    ConditionalParity: ("binary_classification", "yps"),
    DatasetBias: ("binary_classification", "y"),
    ImpactRatios: ("binary_classification", "yps"),
    MulticlassFairness: ("multiclass_classification", "yp"),
    RankingFairness: ("ranking", "s"),
    RegressionFairness: ("regression", "yp"),
}


def people(path: Path, check: type[Any], size: int = 1200) -> Evidence:
    random = np.random.default_rng(5)
    chance = random.uniform(0, 1, size)
    columns: dict[str, Any] = {
        "g": random.choice(["a", "b", "c", "rare"], size, p=[0.4, 0.3, 0.297, 0.003]),
        "h": random.choice(["x", "z"], size),
        "job": random.choice(["clerk", "cook", "smith"], size, p=[0.6, 0.396, 0.004]),
        "y": random.binomial(1, chance),
        "p": (chance > 0.5).astype(int),
        "s": chance,
    }
    task, kept = TASKS[check]
    declared = {name: kind for name, kind in DECLARED.items() if name in {"g", "h", "job", *kept}}
    role = "train" if check is DatasetBias else "evaluation"
    rows = dataset(path / "e.csv", {name: columns[name] for name in declared}, declared, role)
    return evidence(rows, signature={"task": task, "threshold": 0.5})


def measure(path: Path, check: type[Any], threshold: int) -> Measurement:
    more: dict[str, Any] = {"strata": ["job"]} if check in {ConditionalParity, DatasetBias} else {}
    return measured(check(), people(path, check), depth=2, suppress_below=threshold, **more)


def small_numbers(answer: Measurement) -> list[Any]:
    """Every row of a table that holds a count from 1 to below the threshold."""
    found = []
    for table in answer.tables.values():
        counted = {"n", "count", "rows", "favoured", "positives_above", "negatives_above"} & set(table.columns)
        for row in table.rows:
            named = dict(zip(table.columns, row, strict=True))
            found += [row for name in counted if 0 < named[name] < THRESHOLD]
            if "won" in named:
                found += [row for name in ("positives", "negatives") if 0 < named[name] < THRESHOLD]
            elif "positives" in named:
                found += [row for n in (named["n"] * named["positives"],) if 0 < round(n) < THRESHOLD]
            if "favoured" in named and 0 < named["rows"] - named["favoured"] < THRESHOLD:
                found.append(row)
    return found


@pytest.mark.parametrize("check", list(TASKS))
def test_small_counts_stand_in_no_table_and_the_values_say_what_was_joined(check: type[Any], tmp_path: Path) -> None:
    open_answer, answer = measure(tmp_path, check, 0), measure(tmp_path, check, THRESHOLD)
    assert small_numbers(open_answer)
    assert small_numbers(answer) == []
    assert "rare" not in {value.group for value in answer.values}
    assert TOGETHER in {value.group for value in answer.values if value.feature == "g"}
    assert any("g: 2 groups are shown and compared as one" in note for note in answer.notes)


def test_strata_with_few_people_are_one_in_the_table_and_themselves_in_the_test(tmp_path: Path) -> None:
    open_answer, answer = (measure(tmp_path, ConditionalParity, threshold) for threshold in (0, THRESHOLD))
    assert {row[1] for row in answer.tables["strata"].rows if row[0] == "h"} == {"clerk", SMALL_STRATA} or {
        row[1] for row in answer.tables["strata"].rows if row[0] == "h"
    } == {SMALL_STRATA, "cook"}
    metric = "largest_conditional_difference"
    assert number(answer, metric, "h") == pytest.approx(number(open_answer, metric, "h"))


def test_joint_groups_are_never_told_by_the_single_ones(tmp_path: Path) -> None:
    """What remains of a single group after its published parts is not small."""
    table = measure(tmp_path, MulticlassFairness, THRESHOLD).tables["confusion"]
    totals: Counter[tuple[str, str]] = Counter()
    for feature, group, _, _, count in table.rows:
        totals[feature, group] += count
    for (feature, group), rows in totals.items():
        parts = [n for (other, joint), n in totals.items() if other == "g & h" and group in joint.split(" & ")]
        if feature in {"g", "h"} and group != TOGETHER:
            assert not 0 < rows - sum(parts) < THRESHOLD


def test_slices_with_few_wrong_decisions_are_not_told(tmp_path: Path) -> None:
    given = people(tmp_path, ImpactRatios)
    open_answer = measured(WorstSlices(), given, columns=["g", "h", "job"], least_rows=2, shown=1000)
    answer = measured(
        WorstSlices(), given, columns=["g", "h", "job"], least_rows=2, shown=1000, suppress_below=THRESHOLD
    )
    assert "rare" in {row[1] for row in open_answer.tables["slices"].rows}
    assert "rare" not in {row[1] for row in answer.tables["slices"].rows}
    assert any("with a count below 10 were left out" in note for note in answer.notes)


@pytest.mark.parametrize("threshold", [-1, 1001])
def test_a_threshold_out_of_range_is_refused(threshold: int) -> None:
    with pytest.raises(ParameterError, match="suppress_below: must be between 0 and 1000"):
        parse_parameters(Calibration(), {"suppress_below": threshold})
