"""Figures computed again, from the tables of the real checks."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest

from assay_common import Outcome, TamperedError
from assay_numbers import check_numbers
from audits.checks._cells import Cells, CellTable
from audits.checks._groups import Comparison, compare_groups
from audits.counting.question import Tally
from audits.measurements import MetricValue, Table

Document = dict[str, Any]


def document(check: str, values: tuple[MetricValue, ...], tables: dict[str, Table], **parameters: object) -> Document:
    return {
        "observations": [
            {
                "check": check,
                "parameters": parameters,
                "values": [asdict(value) for value in values],
                "tables": {
                    name: {"columns": list(table.columns), "rows": [list(row) for row in table.rows]}
                    for name, table in tables.items()
                },
            }
        ]
    }


def table(*, weighted: bool = False, few: int = 40) -> CellTable:
    """Two features over the same rows; the last group of the first has few of them."""
    counts = {
        "sex": {"f": (80, 120, 20, 180), "m": (240, 60, 60, 240), "x": (few, few, few, few)},
        "age": {"old": (200, 100, 50, 250), "young": (120 + few, 80 + few, 30 + few, 170 + few)},
    }
    keys = ((1, 1), (1, 0), (0, 1), (0, 0))
    weight = 0.5 if weighted else 1.0
    features = {
        feature: {
            group: Cells({key: Tally(n, n * weight, n * weight**2) for key, n in zip(keys, own, strict=True)})
            for group, own in groups.items()
        }
        for feature, groups in counts.items()
    }
    columns = {feature: (feature,) for feature in features}
    parts = {feature: {group: (group,) for group in groups} for feature, groups in features.items()}
    return CellTable(features, columns, parts, weighted=weighted)


def of_groups(*, suppress_below: int = 0, weighted: bool = False, few: int = 40) -> Document:
    found = compare_groups(table(weighted=weighted, few=few), Comparison(suppress_below=suppress_below))
    return document("fairness.group_metrics", found.values, dict(found.tables), suppress_below=suppress_below)


def recomputed(evidence: Document) -> int:
    outcome = Outcome()
    check_numbers(evidence, outcome)
    return int(outcome.facts["recomputed"])


def stated(evidence: Document) -> list[Document]:
    return [value for value in evidence["observations"][0]["values"] if value["value"] is not None]


@pytest.mark.parametrize("weighted", [False, True])
def test_every_figure_of_a_fairness_check_is_computed_again(weighted: bool) -> None:  # noqa: FBT001
    evidence = of_groups(weighted=weighted)
    assert recomputed(evidence) == len(stated(evidence)) > 150


def test_any_one_figure_that_is_changed_is_found_and_named() -> None:
    evidence = of_groups()
    for value in stated(evidence):
        before, value["value"] = value["value"], value["value"] + 1e-6
        with pytest.raises(TamperedError, match=value["metric"]):
            check_numbers(evidence, Outcome())
        value["value"] = before


def test_any_one_count_that_is_changed_is_found() -> None:
    evidence = of_groups()
    rows = evidence["observations"][0]["tables"]["cells"]["rows"]
    for at in range(len(rows)):
        changed = copy.deepcopy(evidence)
        changed["observations"][0]["tables"]["cells"]["rows"][at][4] += 1
        with pytest.raises(TamperedError):
            check_numbers(changed, Outcome())


def test_withheld_groups_are_no_false_alarm_and_the_others_are_still_computed() -> None:
    assert 0 < recomputed(of_groups(suppress_below=10, few=3)) < recomputed(of_groups())


def test_withheld_groups_do_not_hide_a_changed_figure_of_the_others() -> None:
    evidence = of_groups(suppress_below=10, few=3)
    shown = {row[1] for row in evidence["observations"][0]["tables"]["cells"]["rows"] if row[0] == "age"}
    value = next(v for v in stated(evidence) if v["metric"] == "selection_rate" and v["group"] in shown)
    value["value"] += 0.01
    with pytest.raises(TamperedError, match="selection_rate"):
        check_numbers(evidence, Outcome())


def other_tables() -> Iterator[tuple[dict[str, Table], dict[str, float]]]:
    counts = Table(("label", "prediction", "count"), ((0, 0, 50), (0, 1, 10), (1, 0, 20), (1, 1, 20)))
    yield {"confusion": counts}, {"accuracy": 0.7, "precision": 2 / 3, "recall": 0.5, "f1": 4 / 7}
    errors = Table(("new_wrong", "current_wrong", "count"), ((0, 0, 60), (0, 1, 25), (1, 0, 10), (1, 1, 5)))
    yield {"errors": errors}, {"error_increase": -0.15, "disagreement": 0.35}


@pytest.mark.parametrize(("tables", "figures"), list(other_tables()))
def test_the_figures_of_other_checks_follow_from_their_tables(
    tables: dict[str, Table], figures: dict[str, float]
) -> None:
    rows = {"precision": 30, "recall": 40, "f1": 50}
    values = tuple(
        MetricValue(metric=metric, value=value, n=rows.get(metric, 100)) for metric, value in figures.items()
    )
    assert recomputed(document("any", values, tables)) == len(figures)
    for metric in figures:
        wrong = tuple(
            MetricValue(metric=v.metric, value=(v.value or 0) + (v.metric == metric) * 0.01, n=v.n) for v in values
        )
        with pytest.raises(TamperedError, match=metric):
            check_numbers(document("any", wrong, tables), Outcome())


@pytest.mark.parametrize(
    ("finding", "words"),
    [
        ({"metric": "accuracy", "value": 0.8, "feature": "", "group": ""}, "rests on 0.8"),
        ({"metric": "roc_auc", "value": 0.8, "feature": "", "group": ""}, "did not measure"),
        ({"metric": "accuracy", "value": 0.7, "feature": "sex", "group": "f"}, "did not measure"),
    ],
)
def test_a_finding_that_rests_on_another_figure_is_named(finding: Document, words: str) -> None:
    evidence = document("any", (MetricValue(metric="accuracy", value=0.7, n=100),), {})
    rested = {"criterion": "accuracy-floor", "check": "any"}
    finding = {**finding, "n": 100}
    honest = {"metric": "accuracy", "value": 0.7, "n": 100, "feature": "", "group": ""}
    check_numbers({**evidence, "findings": [{**rested, "measured": honest}]}, Outcome())
    with pytest.raises(TamperedError, match=f"accuracy-floor {words}|accuracy-floor.*{words}"):
        check_numbers({**evidence, "findings": [{**rested, "measured": finding}]}, Outcome())


SURE, DOUBTFUL, BAD = (0.85, 0.95), (0.75, 0.95), (0.65, 0.78)


@pytest.mark.parametrize(
    ("value", "interval", "told", "outcome"),
    [
        (0.9, SURE, {"decide_on": "interval"}, "satisfied"),
        (0.9, DOUBTFUL, {"decide_on": "interval"}, "inconclusive"),
        (0.7, BAD, {"decide_on": "interval"}, "not-satisfied"),
        (0.9, DOUBTFUL, {"decide_on": "point"}, "satisfied"),
        (0.9, SURE, {"decide_on": "interval", "minimum_n": 101}, "inconclusive"),
        (0.9, None, {"decide_on": "interval"}, "inconclusive"),
        (0.9, None, {"decide_on": "point"}, "satisfied"),
        (0.8, None, {"decide_on": "point"}, "satisfied"),
        (0.9, DOUBTFUL, {}, "satisfied"),
        (0.7, BAD, {}, "not-satisfied"),
    ],
)
def test_every_finding_is_judged_again(
    value: float, interval: tuple[float, float] | None, told: Document, outcome: str
) -> None:
    bounds = interval and {"low": interval[0], "high": interval[1], "level": 0.95, "method": "wilson"}
    stated = {"metric": "accuracy", "value": value, "n": 100, "feature": "", "group": "", "interval": bounds}
    finding = {"criterion": "floor", "check": "any", "at_least": "0.80", "at_most": None, "measured": stated, **told}
    evidence = {"observations": [{"check": "any", "values": [stated], "tables": {}}]}
    check_numbers({**evidence, "findings": [{**finding, "outcome": outcome}]}, Outcome())
    for other in {"satisfied", "not-satisfied", "inconclusive"} - {outcome, "" if told else "inconclusive"}:
        with pytest.raises(TamperedError, match="the finding floor is stated as"):
            check_numbers({**evidence, "findings": [{**finding, "outcome": other}]}, Outcome())


@pytest.mark.parametrize(
    "change",
    [
        lambda value: {**value, "interval": {**value["interval"], "low": 0.86}},
        lambda value: {**value, "n": 10_000},
    ],
)
def test_a_finding_with_another_interval_or_number_of_rows_is_named(change: Any) -> None:
    value = {"metric": "accuracy", "value": 0.9, "n": 100, "feature": "", "group": ""}
    value["interval"] = {"low": 0.7, "high": 0.95, "level": 0.95, "method": "wilson"}
    finding = {"criterion": "floor", "check": "any", "at_least": "0.80", "decide_on": "interval"}
    finding |= {"measured": change(value), "outcome": "satisfied"}
    with pytest.raises(TamperedError, match="the finding floor rests on"):
        check_numbers({"observations": [{"check": "any", "values": [value]}], "findings": [finding]}, Outcome())
