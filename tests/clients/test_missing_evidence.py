"""What a forger leaves out of the evidence, or counts differently, of what the shipped checks always tell."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import pytest

import assay_expected
from assay_common import TamperedError
from tests.clients.desk import AUTHENTIC, TAMPERED, Desk, evidence_of
from tests.clients.test_every_figure import CASES, CHECKS, Document, of_people, outcome_of, planted, problem_of

__all__ = ["planted"]

#: Tables that show something and give no figure.
SHOWN = {"swarm", "effects", "cases", "origins"}
PARAMETERS = ("check_id", "parameters", "signature")


def without_table(one: Document, name: str) -> Document:
    return {**one, "tables": {other: table for other, table in one["tables"].items() if other != name}}


def with_part(one: Document, at: int, part: str, new: Any) -> Document:
    copied = copy.deepcopy(one)
    copied["values"][at][part] = new
    return copied


def told(one: Document, words: str) -> set[str]:
    """The metrics that are named after these words in what was not checked."""
    lines = [line for line in outcome_of(one).skipped if line.startswith(words)]
    return {metric for line in lines for metric in line.rpartition(": ")[2].split(", ")}


def require_all(one: Document) -> None:
    """Every table and interval that is taken out, and every other number of rows, is found or was told."""
    for name, table in one["tables"].items():
        if name not in SHOWN and table["rows"]:
            assert problem_of(without_table(one, name)), name
    uncounted = told(one, "numbers of rows taken as given")
    for at, value in enumerate(one["values"]):
        if value["value"] is None:
            continue
        for rows in (value["n"] + 1, 1_000_000):
            problem = problem_of(with_part(one, at, "n", rows))
            assert value["metric"] in (problem or uncounted)
        if value["interval"]:
            bare = with_part(one, at, "interval", None)
            problem = problem_of(bare)
            assert value["metric"] in (problem or told(bare, "figures without an interval"))


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_whatever_is_taken_out_or_counted_differently_is_found_or_told(check_id: str, planted: Any) -> None:
    for one in planted(check_id):
        require_all(one)


@pytest.mark.parametrize(PARAMETERS, CASES)
def test_the_same_of_weighted_rows_strata_and_small_groups(
    check_id: str, parameters: dict[str, Any], signature: dict[str, Any], tmp_path: Path
) -> None:
    require_all(of_people(check_id, parameters, signature, tmp_path))


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_every_figure_that_tables_give_is_known_to_need_them(check_id: str, planted: Any) -> None:
    assert assay_expected.knows(check_id, CHECKS[check_id].version)
    for one in planted(check_id):
        for name in one["tables"]:
            if name not in SHOWN and one["tables"][name]["rows"]:
                with pytest.raises(
                    TamperedError, match=f"the table {name} that {check_id} puts|counts are not in the evidence"
                ):
                    outcome_of(without_table(one, name))


def of_groups(folder: Path, **parameters: Any) -> Document:
    return of_people("fairness.group_metrics", parameters, {}, folder)


@pytest.mark.parametrize("parameters", [{}, {"suppress_below": 10}])
def test_neither_the_tests_nor_the_counts_can_be_left_out(parameters: dict[str, Any], tmp_path: Path) -> None:
    one = of_groups(tmp_path, **parameters)
    for name in ("tests", "cells"):
        with pytest.raises(TamperedError, match=f"the table {name} that fairness.group_metrics puts beside it"):
            outcome_of(without_table(one, name))


def test_a_check_of_another_version_is_not_accused_but_named(tmp_path: Path) -> None:
    """It may have put other tables beside its figures: an old report stays what it was, and nothing is hidden."""
    one = {**without_table(of_groups(tmp_path), "tests"), "check_version": "3"}
    told = "in that version: fairness.group_metrics 3"
    assert [words for words in outcome_of(one).skipped if words.endswith(told)]


def test_a_report_without_an_interval_or_with_more_rows_sealed_anew_is_found(tmp_path: Path, desk: Desk) -> None:
    one = of_groups(tmp_path)
    at = next(at for at, value in enumerate(one["values"]) if value["metric"] == "selection_rate_ratio")
    honest = {**evidence_of(desk.keyring), "observations": [one]}
    assert desk.verify_evidence(honest, "--keys", desk.keys).exit_code == AUTHENTIC
    for part, new, words in (
        ("interval", None, "the interval of selection_rate_ratio[sex] is left out"),
        ("n", 5_000, "selection_rate_ratio[sex] is said to rest on 5000 rows, but its tables hold 285"),
        ("n", -1, "the number of rows of selection_rate_ratio[sex] in the evidence is malformed"),
        ("n", None, "the number of rows of selection_rate_ratio[sex] in the evidence is malformed"),
    ):
        outcome = desk.verify_evidence({**honest, "observations": [with_part(one, at, part, new)]})
        assert outcome.exit_code == TAMPERED
        assert words in outcome.problem


@pytest.mark.parametrize(
    ("interval", "words"),
    [
        ({"low": 0.9, "high": 1.0}, "does not hold"),
        ({"level": 0.5}, "asked at 0.95"),
        ({"low": "0"}, "malformed"),
    ],
)
def test_bounds_that_are_taken_as_given_still_hold_their_figure(
    interval: dict[str, Any], words: str, tmp_path: Path
) -> None:
    one = of_groups(tmp_path)
    at = next(at for at, value in enumerate(one["values"]) if value["metric"] == "theil_index")
    assert "theil_index" in told(one, "bounds taken as given")
    with pytest.raises(TamperedError, match=f"the interval of theil_index.*{words}"):
        outcome_of(with_part(one, at, "interval", {**one["values"][at]["interval"], **interval}))


def test_squares_of_weights_cannot_be_left_out(tmp_path: Path) -> None:
    one = of_people("fairness.impact_ratios", {}, {}, tmp_path)
    table = copy.deepcopy(one["tables"]["impact_ratios"])
    place = table["columns"].index("squares")
    for row in (table["columns"], *table["rows"]):
        del row[place]
    with pytest.raises(TamperedError, match="malformed"):
        outcome_of({**one, "tables": {**one["tables"], "impact_ratios": table}})


def test_slices_that_are_all_equally_bad_raise_no_alarm(tmp_path: Path) -> None:
    right = [n % 2 for n in range(900)]
    one = of_people("fairness.slices", {"weights": "ignored"}, {}, tmp_path, y=right, p=right)
    assert not problem_of(one)


def test_a_check_of_somebody_else_may_tell_figures_alone_and_is_named(tmp_path: Path) -> None:
    one = {**of_groups(tmp_path), "check": "others.own", "tables": {}}
    value = next(value for value in one["values"] if value["metric"] == "accuracy")
    one["values"] = [{**value, "interval": None}]
    assert "others.own 4" in told(one, "whether a table or an interval was taken out")
