"""fairlearn is asked in every run, and whatever it does not confirm is not answered."""

from __future__ import annotations

import dataclasses
import importlib.metadata
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.checks._cells import Bit, Cells, CellTable
from audits.checks._groups import Comparison, compare_groups
from audits.checks._second_opinion import MOST_GROUPS, second_opinion
from audits.checks.base import ReferenceDisagreementError
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.counting.question import Tally
from audits.measurements import MetricValue, ObservationStatus
from audits.sandbox import measure_in_child
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

#: Every figure that fairlearn and we define alike, and whether it belongs to a group, to all groups, or to everybody.
CONFIRMED = {
    **{
        (metric, place): where
        for metric in ("selection_rate", "true_positive_rate", "false_positive_rate", "accuracy", "precision")
        for place, where in (("group", ("sex", "f")), ("everybody", ("", "")))
    },
    **{
        (metric, "all groups"): ("sex", "")
        for metric in (
            "demographic_parity_difference",
            "equal_opportunity_difference",
            "predictive_equality_difference",
            "predictive_parity_difference",
            "accuracy_equality_difference",
            "equalized_odds_difference",
            "equalized_odds_mean_difference",
            "selection_rate_ratio",
            "true_positive_rate_ratio",
            "false_positive_rate_ratio",
            "equalized_odds_ratio",
            "worst_group_accuracy",
            "worst_group_true_positive_rate",
            "worst_group_false_positive_rate",
        )
    },
}


def cells(*counts: int, missing: int = 0) -> Cells:
    """TP, FP, FN, TN, and rows without a label."""
    keys: list[tuple[Bit, Bit]] = [(1, 1), (0, 1), (1, 0), (0, 0), (None, 1)]
    return Cells({key: Tally(n, n, n) for key, n in zip(keys, (*counts, missing), strict=True) if n})


TABLE = CellTable({"sex": {"f": cells(30, 10, 20, 40), "m": cells(50, 20, 10, 20)}})


def values_of(table: CellTable, suppress_below: int = 0) -> tuple[MetricValue, ...]:
    return compare_groups(table, Comparison(missing_tolerated=0.9, suppress_below=suppress_below)).values


@pytest.mark.parametrize(("metric", "place"), CONFIRMED)
def test_a_figure_that_fairlearn_does_not_confirm_is_named_and_nothing_is_answered(metric: str, place: str) -> None:
    feature, group = CONFIRMED[metric, place]
    spoilt = [
        dataclasses.replace(value, value=(value.value or 0.0) + 2e-9)
        if (value.metric, value.feature, value.group) == (metric, feature, group)
        else value
        for value in values_of(TABLE)
    ]
    with pytest.raises(ReferenceDisagreementError, match="by fairlearn") as caught:
        second_opinion(TABLE, spoilt, 0)
    assert caught.value.figure.startswith(metric)


def test_a_figure_where_fairlearn_has_none_is_a_disagreement() -> None:
    nobody = CellTable({"sex": {"f": cells(0, 0, 20, 40), "m": cells(50, 20, 10, 20)}})
    made_up = MetricValue(metric="precision", value=0.5, n=60, feature="sex", group="f")
    with pytest.raises(ReferenceDisagreementError, match=r"precision\[sex=f\]: is 0.5 here and nan"):
        second_opinion(nobody, [made_up], 0)


def test_what_fairlearn_calls_0_for_want_of_a_denominator_is_not_compared() -> None:
    hollow = CellTable({"sex": {"f": cells(0, 10, 0, 40), "m": cells(50, 20, 10, 20)}})
    opinion = second_opinion(hollow, values_of(hollow), 0)
    assert opinion.value.value is not None
    assert opinion.value.value <= 1e-15


def test_without_any_figure_there_is_no_opinion() -> None:
    nothing = CellTable({"sex": {"f": Cells({(1, None): Tally(3, 3, 3)})}})
    opinion = second_opinion(nothing, values_of(nothing), 0)
    assert opinion.value.value is None
    assert (opinion.value.n, opinion.note) == (3, "")


def test_groups_that_are_compared_as_one_are_so_for_fairlearn_too() -> None:
    table = CellTable({"sex": {**TABLE.features["sex"], "x": cells(1, 0, 1, 1), "y": cells(9, 8, 7, 2)}})
    values = values_of(table, suppress_below=5)
    assert any("withheld" in value.not_estimable for value in values)
    assert second_opinion(table, values, 5).value.value is not None
    with pytest.raises(ReferenceDisagreementError, match="demographic_parity_difference"):
        second_opinion(table, values, 0)


def test_of_many_groups_those_at_the_ends_are_asked_about_and_no_more_than_twelve() -> None:
    many = {f"g{i}": cells(10 + i, 10, 10, 10) for i in range(200)}
    table = CellTable({"town": many, "sex": dict(TABLE.features["sex"])})
    values = values_of(table)
    opinion = second_opinion(table, values, 0)
    assert "figures of town again" in opinion.note
    asked = 5 * (MOST_GROUPS + 1) + 14
    assert f"computed {asked} figures" in opinion.note
    ends = max(v.value or 0.0 for v in values if v.metric == "demographic_parity_difference" and v.feature == "town")
    wrong = [dataclasses.replace(v, value=ends / 2) if v.value == ends else v for v in values]
    with pytest.raises(ReferenceDisagreementError, match="demographic_parity_difference"):
        second_opinion(table, wrong, 0)


counts = st.integers(0, 40)


@given(st.lists(st.tuples(counts, counts, counts, counts, counts), min_size=1, max_size=5))
@settings(max_examples=12, deadline=None)
def test_whatever_the_counts_are_fairlearn_confirms_them(groups: list[tuple[int, int, int, int, int]]) -> None:
    members = {f"é{i}": cells(*own[:4], missing=own[4]) for i, own in enumerate(groups) if any(own)}
    if members:
        table = CellTable({"größe": members})
        assert (second_opinion(table, values_of(table), 0).value.value or 0.0) <= 1e-12


def test_a_run_records_the_largest_difference_and_the_version(tmp_path: Path) -> None:
    columns = {"y": [0, 1, 1, 0, None, 1], "p": [0, 1, 0, 1, 1, 1], "g": list("aabbbb"), "w": [1, 2, 0.5, 3, 1, 0.7]}
    declared = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "g": ("string", ("sensitive",)),
        "w": ("number", ("weight",)),
    }
    held = evidence(dataset(tmp_path / "e.csv", columns, declared, "evaluation"))
    answer = measured(GroupMetrics(), held, missing_tolerated=0.5)
    assert number(answer, "reference_difference") <= 1e-15
    assert the(answer, "reference_difference").n == 6
    version = importlib.metadata.version("fairlearn")
    assert any(f"fairlearn {version} computed" in note for note in answer.notes)
    result = measure_in_child(GroupMetrics(), {"missing_tolerated": 0.5}, held, timeout_seconds=60, memory_mb=2048)
    assert result.status is ObservationStatus.MEASURED, result.message
    assert result.environment["libraries"]["fairlearn"] == version
