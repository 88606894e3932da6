"""Conditional parity, impact ratios and bias in labels: counts by hand and refusals."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.fairness_conditional_parity import ConditionalParity
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.fairness_impact_ratios import ImpactRatios
from audits.evidence import Evidence
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the
from tests.audits.statistics.test_strata import BERKELEY

Declared = Mapping[str, tuple[str, tuple[str, ...]]]


def rows_of(path: Path, columns: Mapping[str, Any], declared: Declared, role: str = "evaluation") -> Evidence:
    return evidence(dataset(path / f"{role}.csv", columns, declared, role))


# Conditional parity ---------------------------------------------------------------------------------------------------


def berkeley(path: Path) -> Evidence:
    sexes, departments, admitted = [], [], []
    for name, (men_in, men, women_in, women) in zip("ABCDEF", BERKELEY, strict=True):
        for sex, hits, total in (("m", men_in, men), ("f", women_in, women)):
            sexes += [sex] * total
            departments += [name] * total
            admitted += [1] * hits + [0] * (total - hits)
    declared: Declared = {
        "p": ("integer", ("prediction",)),
        "sex": ("string", ("sensitive",)),
        "dept": ("string", ("feature",)),
    }
    return rows_of(path, {"p": admitted, "sex": sexes, "dept": departments}, declared)


def test_berkeley_within_departments_is_not_berkeley_overall(tmp_path: Path) -> None:
    answer = measured(ConditionalParity(), berkeley(tmp_path), strata=["dept"])
    assert number(answer, "conditional_odds_ratio", "sex", "m") == pytest.approx(0.9046968, abs=5e-8)
    assert number(answer, "homogeneity_p_value", "sex", "m") == pytest.approx(0.00207, abs=5e-5)
    assert number(answer, "conditional_selection_difference", "sex", "m") < 0
    largest = the(answer, "largest_conditional_difference", "sex")
    assert largest.value == pytest.approx(abs(number(answer, "conditional_selection_difference", "sex", "f")))
    assert sum(row[4] for row in answer.tables["strata"].rows) == 4526


def test_strata_must_be_named_and_must_exist(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="strata: must name at least one column"):
        parse_parameters(ConditionalParity(), {})
    with pytest.raises(EvidenceError, match="school: is not a column"):
        measured(ConditionalParity(), berkeley(tmp_path), strata=["school"])


def test_strata_that_separate_the_groups_leave_nothing_to_compare(tmp_path: Path) -> None:
    answer = measured(ConditionalParity(), berkeley(tmp_path), strata=["sex"])
    assert the(answer, "largest_conditional_difference", "sex").value is None
    assert "no stratum holds both" in the(answer, "conditional_p_value", "sex", "f").not_estimable


@pytest.mark.slow
def test_thousands_of_groups_are_compared_in_the_time_of_their_number(tmp_path: Path) -> None:
    """4,000 groups in two strata; pair by pair it would take minutes."""
    names = [f"группа {i % 4000}" for i in range(16_000)]
    declared: Declared = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "g": ("string", ("sensitive",)),
        "t": ("string", ("feature",)),
    }
    columns = {
        "y": [(i * 7919) % 3 % 2 for i in range(16_000)],
        "p": [(i * 104_729) % 5 % 2 for i in range(16_000)],
        "g": names,
        "t": ["u" if i % 8000 < 4000 else "v" for i in range(16_000)],
    }
    begin = time.process_time()
    answer = measured(ConditionalParity(), rows_of(tmp_path, columns, declared), strata=["t"], most_groups=4000)
    assert time.process_time() - begin < 20
    assert len(answer.of("conditional_selection_difference")) == 4000


# Impact ratios --------------------------------------------------------------------------------------------------------


def applicants(path: Path, groups: Mapping[str | None, tuple[int, int]]) -> Evidence:
    """(selected, total) of each category."""
    names = [name for name, (_, total) in groups.items() for _ in range(total)]
    chosen = [bit for hits, total in groups.values() for bit in [1] * hits + [0] * (total - hits)]
    declared: Declared = {"p": ("integer", ("prediction",)), "race": ("string", ("sensitive",))}
    return rows_of(path, {"p": chosen, "race": names}, declared)


def test_ratios_are_to_the_highest_rate_among_categories_that_are_large_enough(tmp_path: Path) -> None:
    given = applicants(tmp_path, {"a": (200, 500), "b": (150, 500), "tiny": (9, 10), None: (3, 7)})
    answer = measured(ImpactRatios(), given)
    assert number(answer, "impact_ratio", "race", "a") == 1.0
    assert number(answer, "impact_ratio", "race", "b") == pytest.approx(0.75)
    assert "less than 2.00%" in the(answer, "impact_ratio", "race", "tiny").not_estimable
    assert number(answer, "selection_rate", "race", "tiny") == 0.9
    assert number(answer, "unknown_category_count", "race") == 7
    assert not [value for value in answer.values if value.group == "(missing)"]
    interval = the(answer, "lowest_impact_ratio", "race").interval
    assert interval is not None
    assert interval.low is not None
    assert interval.high is not None
    assert interval.low < 0.75 < interval.high
    left_out = [row for row in answer.tables["impact_ratios"].rows if row[7]]
    assert [row[1] for row in left_out] == ["tiny"]


def test_two_per_cent_exactly_is_compared(tmp_path: Path) -> None:
    answer = measured(ImpactRatios(), applicants(tmp_path, {"a": (400, 980), "b": (5, 20)}))
    assert the(answer, "impact_ratio", "race", "b").value is not None


def test_scoring_counts_who_is_above_the_median_and_a_tie_is_not(tmp_path: Path) -> None:
    declared: Declared = {"s": ("number", ("score",)), "race": ("string", ("sensitive",))}
    rows = {"s": [0.1, 0.5, 0.5, 0.9, 0.2, 0.5, 0.8, 0.95], "race": list("aaaabbbb")}
    given = evidence(dataset(tmp_path / "e.csv", rows, declared, "evaluation"), signature={"threshold": 0.7})
    answer = measured(ImpactRatios(), given, mode="scoring")
    assert [number(answer, "scoring_rate", "race", group) for group in "ab"] == [0.25, 0.5]
    assert number(answer, "impact_ratio", "race", "a") == 0.5


def test_nobody_selected_and_a_single_category_show_no_ratio(tmp_path: Path) -> None:
    nobody = measured(ImpactRatios(), applicants(tmp_path, {"a": (0, 50), "b": (0, 50)}))
    assert the(nobody, "lowest_impact_ratio", "race").not_estimable == "nobody is favoured in any category"
    alone = measured(ImpactRatios(), applicants(tmp_path, {"a": (10, 50)}))
    assert the(alone, "lowest_impact_ratio", "race").value is None
    with pytest.raises(EvidenceError, match="score"):
        measured(ImpactRatios(), applicants(tmp_path, {"a": (10, 50), "b": (5, 50)}), mode="scoring")


# Bias in labels -------------------------------------------------------------------------------------------------------


def labelled(path: Path, y: Any, g: Any, **strata: Any) -> Evidence:
    declared: Declared = {
        "y": ("integer", ("target",)),
        "g": ("string", ("sensitive",)),
        **dict.fromkeys(strata, ("string", ("feature",))),
    }
    return rows_of(path, {"y": y, "g": g, **strata}, declared, "train")


def test_the_list_of_clarify_by_hand(tmp_path: Path) -> None:
    y = [1] * 6 + [0] * 4 + [1] * 2 + [0] * 8
    answer = measured(DatasetBias(), labelled(tmp_path, y, ["a"] * 10 + ["d"] * 10))
    expected = {
        "class_imbalance": 0.0,
        "label_difference": 0.4,
        "kullback_leibler": 0.6 * math.log(3) + 0.4 * math.log(0.5),
        "lp_norm": 0.4 * math.sqrt(2),
        "total_variation": 0.4,
        "kolmogorov_smirnov": 0.4,
    }
    for metric, value in expected.items():
        found = the(answer, metric, "g", "d")
        assert found.value == pytest.approx(value, abs=1e-12), metric
        assert found.interval is not None
        assert found.interval.low is not None
        assert found.interval.low <= value + 1e-12
    assert number(answer, "label_difference_range", "g") == pytest.approx(0.4)


def test_the_conditional_disparity_by_hand(tmp_path: Path) -> None:
    y = [1, 1, 0, 0, 1, 0, 0, 0]
    g, strata = list("adadadad"), list("xxxxyyyy")
    answer = measured(DatasetBias(), labelled(tmp_path, y, g, s=strata), strata=["s"])
    expected = 0.5 * (1 / 2 - 1 / 2) + 0.5 * (2 / 3 - 0 / 1)
    assert number(answer, "conditional_disparity", "g", "d") == pytest.approx(expected)


def test_equal_rates_keep_zero_within_every_distance(tmp_path: Path) -> None:
    random = np.random.default_rng(4)
    answer = measured(DatasetBias(), labelled(tmp_path, random.integers(0, 2, 500), random.choice(["a", "b"], 500)))
    for metric in ("kullback_leibler", "jensen_shannon", "lp_norm", "total_variation"):
        interval = the(answer, metric, "g", "a").interval
        assert interval is not None
        assert interval.low == 0.0


def test_a_label_the_group_never_has_is_not_estimable_and_labels_must_exist(tmp_path: Path) -> None:
    answer = measured(DatasetBias(), labelled(tmp_path, [1, 0, 0, 0], list("aadd")))
    assert the(answer, "kullback_leibler", "g", "d").value is None
    assert number(answer, "jensen_shannon", "g", "d") > 0
    declared: Declared = {"g": ("string", ("sensitive",))}
    with pytest.raises(EvidenceError, match="no column of dataset:train is tagged target"):
        measured(DatasetBias(), rows_of(tmp_path, {"g": ["a", "b"]}, declared, "train"))
