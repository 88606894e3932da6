"""Rankings by hand and with planted order; slices with a planted defect and without any."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.fairness_ranking import RankingFairness
from audits.checks.fairness_slices import WorstSlices
from audits.evidence import Evidence
from audits.statistics import ordering
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the


def ranked(path: Path, s: Any, g: Any, **more: Any) -> Evidence:
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "s": ("number", ("score",)),
        "g": ("string", ("sensitive",)),
        **dict.fromkeys(more, ("string", ())),
    }
    return evidence(dataset(path / "r.csv", {"s": s, "g": g, **more}, declared, "evaluation"))


# Rankings -------------------------------------------------------------------------------------------------------------


def test_exposure_and_top_places_by_hand(tmp_path: Path) -> None:
    answer = measured(RankingFairness(), ranked(tmp_path, [9, 8, 7, 6], list("aabb")), top=2)
    assert number(answer, "exposure", "g", "a") == pytest.approx((1 + 1 / math.log2(3)) / 2)
    assert number(answer, "exposure", "g", "b") == pytest.approx((0.5 + 1 / math.log2(5)) / 2)
    assert number(answer, "top_share", "g", "a") == 1.0
    assert number(answer, "top_skew", "g", "a") == 2.0
    assert number(answer, "top_share_difference", "g", "b") == -0.5
    ratio = number(answer, "exposure", "g", "b") / number(answer, "exposure", "g", "a")
    assert number(answer, "lowest_exposure_ratio", "g") == pytest.approx(ratio)


def test_equal_scores_share_their_attention() -> None:
    assert ordering.exposure(np.array([1.0, 5.0, 1.0])) == pytest.approx(
        [(1 / math.log2(3) + 0.5) / 2, 1.0, (1 / math.log2(3) + 0.5) / 2]
    )


def test_ndkl_by_hand_and_zero_where_every_prefix_is_proportional() -> None:
    wanted = np.array([0.5, 0.5])
    discounts = [1, 1 / math.log2(3)]
    expected = discounts[0] * math.log(2) / sum(discounts)
    assert ordering.divergence(np.array([0, 1]), wanted) == pytest.approx(expected)
    assert ordering.divergence(np.array([0, 0, 0]), np.array([1.0])) == 0.0


def test_a_planted_order_is_found_and_a_random_one_is_not(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    groups = random.choice(["a", "b"], 300)
    plain = random.normal(size=300)
    fair = measured(RankingFairness(), ranked(tmp_path, plain, groups))
    unfair = measured(RankingFairness(), ranked(tmp_path, plain + 1.5 * (groups == "a"), groups))
    assert number(fair, "ndkl_p_value", "g") > 0.05
    assert number(unfair, "ndkl_p_value", "g") < 0.01
    assert number(unfair, "ndkl", "g") > number(fair, "ndkl", "g")
    interval = the(unfair, "exposure_ratio", "g", "b").interval
    assert interval is not None
    assert interval.high is not None
    assert interval.high < 1.0


def test_lists_are_ranked_apart(tmp_path: Path) -> None:
    given = ranked(tmp_path, [9, 8, 2, 1], list("abab"), q=list("xxyy"))
    answer = measured(RankingFairness(), given, query="q", top=1)
    assert number(answer, "exposure", "g", "a") == 1.0
    assert number(answer, "top_share", "g", "a") == 1.0


def test_an_order_needs_every_score(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="s: is missing in 1 rows"):
        measured(RankingFairness(), ranked(tmp_path, [1, None], list("ab")))
    declared: dict[str, tuple[str, tuple[str, ...]]] = {"g": ("string", ("sensitive",))}
    with pytest.raises(EvidenceError, match="no numeric column is tagged score"):
        measured(RankingFairness(), evidence(dataset(tmp_path / "n.csv", {"g": ["a"]}, declared, "evaluation")))


def test_weights_have_no_meaning_in_an_order(tmp_path: Path) -> None:
    declared = {"s": ("number", ("score",)), "g": ("string", ("sensitive",)), "w": ("number", ("weight",))}
    columns = {"s": [9, 8, 7, 6], "g": list("aabb"), "w": [1, 2, 3, 4]}
    given = evidence(dataset(tmp_path / "r.csv", columns, declared, "evaluation"))
    with pytest.raises(EvidenceError, match="w: weighs rows, but each row has one place"):
        measured(RankingFairness(), given)
    assert number(measured(RankingFairness(), given, weights="ignored"), "top_share", "g", "a") == 0.5


def test_a_single_group_has_no_ratio(tmp_path: Path) -> None:
    answer = measured(RankingFairness(), ranked(tmp_path, [1, 2, 3], list("aaa")))
    assert the(answer, "lowest_exposure_ratio", "g").value is None
    assert the(answer, "exposure_ratio", "g", "a").value is None


# Slices ---------------------------------------------------------------------------------------------------------------


def population(path: Path, seed: int, defect: float, size: int = 4000) -> Evidence:
    """Errors of 10 %, and `defect` more among women of the north."""
    random = np.random.default_rng(seed)
    sex, region = random.choice(["f", "m"], size), random.choice(["n", "s", "w"], size)
    job, age = random.choice(list("pqrst"), size), random.integers(18, 80, size)
    y = random.integers(0, 2, size)
    wrong = random.random(size) < 0.1 + defect * ((sex == "f") & (region == "n"))
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "sex": ("string", ("sensitive",)),
        "region": ("string", ("feature",)),
        "job": ("string", ("feature",)),
        "age": ("integer", ("feature",)),
    }
    columns = {"y": y, "p": np.where(wrong, 1 - y, y), "sex": sex, "region": region, "job": job, "age": age}
    return evidence(dataset(path / "s.csv", columns, declared, "evaluation"))


def test_the_planted_slice_is_the_worst_found(tmp_path: Path) -> None:
    answer = measured(WorstSlices(), population(tmp_path, 1, 0.2))
    first = answer.tables["slices"].rows[0]
    assert set(first[1].split(" & ")) == {"f", "n"}
    value = answer.of("slice_excess")[0]
    assert value.value == pytest.approx(0.2, abs=0.05)
    assert value.interval is not None
    assert value.interval.low is not None
    assert value.interval.low > 0.08
    assert any("cut at its quartiles" in note for note in answer.notes)


def test_where_nothing_is_wrong_hardly_ever_anything_is_found(tmp_path: Path) -> None:
    found = [
        number(measured(WorstSlices(), population(tmp_path, seed, 0.0, 1500)), "slices_found") for seed in range(30)
    ]
    assert sum(one > 0 for one in found) <= 5  # 5 % of 30 are 1.5; six or more has a chance below 0.4 %


def test_counts_say_of_slices_what_the_rows_say(tmp_path: Path) -> None:
    random = np.random.default_rng(8)
    columns: dict[str, Any] = {name: random.choice(list(values), 60) for name, values in (("a", "xy"), ("b", "pqr"))}
    columns |= {"y": random.integers(0, 2, 60), "p": random.integers(0, 2, 60), "n": random.integers(1, 30, 60)}
    declared = {
        "a": ("string", ("feature",)),
        "b": ("string", ("feature",)),
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "n": ("integer", ("weight",)),
    }
    counted = evidence(dataset(tmp_path / "n.csv", columns, declared, "evaluation"))
    every = {name: np.repeat(values, columns["n"]) for name, values in columns.items() if name != "n"}
    kinds = {name: kind for name, kind in declared.items() if name != "n"}
    spread = evidence(dataset(tmp_path / "a.csv", every, kinds, "evaluation"))
    answers = measured(WorstSlices(), counted, weights="counts"), measured(WorstSlices(), spread)
    assert answers[0].tables == answers[1].tables
    assert answers[0].values == answers[1].values
    weighed = measured(WorstSlices(), counted, least_rows=2)
    plain = measured(WorstSlices(), counted, least_rows=2, weights="ignored")
    assert weighed.tables != plain.tables


def test_rejection_is_searched_as_well_and_small_slices_are_not_tested(tmp_path: Path) -> None:
    given = population(tmp_path, 2, 0.0, 400)
    assert number(measured(WorstSlices(), given, aim="rejection", depth=1), "slices_tested") == 2 + 3 + 5 + 4
    nothing = measured(WorstSlices(), given, least_rows=399)
    assert the(nothing, "largest_excess").value is None
    assert number(nothing, "slices_tested") == 0


@pytest.mark.parametrize(("name", "value"), [("depth", 4), ("aim", "luck"), ("least_rows", 1), ("discovery_rate", 1.0)])
def test_wrong_parameters_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        parse_parameters(WorstSlices(), {name: value})


def test_columns_that_cannot_be_sliced_are_an_error(tmp_path: Path) -> None:
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "name": ("string", ("feature",)),
    }
    rows = {"y": [0, 1] * 40, "p": [0, 1] * 40, "name": [f"n{i}" for i in range(80)]}
    given = evidence(dataset(tmp_path / "x.csv", rows, declared, "evaluation"))
    with pytest.raises(EvidenceError, match="columns: no column has few enough values"):
        measured(WorstSlices(), given)
