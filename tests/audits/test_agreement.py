"""Two answers of one check, figure by figure."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from audits.agreement import Agreement, agreement_of, differences
from audits.measurements import Interval, Measurement, MetricValue, Table

ANSWER = Measurement(
    values=(
        MetricValue(metric="gap", feature="sex", value=0.25, n=200, interval=Interval(0.1, 0.4, 0.95, "newcombe")),
        MetricValue(metric="rate", feature="sex", group="female", value=None, n=3, not_estimable="too few rows"),
    ),
    inputs={"evaluation": "sha256:aa"},
    tables={"counts": Table(("group", "count"), (("female", 3), ("male", 197)))},
    notes=("binary",),
).to_document()


def test_the_same_answer_is_identical() -> None:
    assert agreement_of(differences(ANSWER, copy.deepcopy(ANSWER), 1e-9)) is Agreement.IDENTICAL


@pytest.mark.parametrize(
    ("path", "value", "figure", "agreement"),
    [
        (("values", 0, "value"), 0.25 * (1 + 1e-12), "gap[sex], value", Agreement.WITHIN_TOLERANCE),
        (("values", 0, "value"), 0.2501, "gap[sex], value", Agreement.DIFFERENT),
        (("values", 0, "interval", "high"), 0.5, "gap[sex], interval, high", Agreement.DIFFERENT),
        (("values", 0, "interval"), None, "gap[sex], interval", Agreement.DIFFERENT),
        (("values", 0, "interval", "method"), "wilson", "gap[sex], interval, method", Agreement.DIFFERENT),
        (("values", 0, "n"), 201, "gap[sex], n", Agreement.DIFFERENT),
        (("values", 1, "value"), 0.0, "rate[sex=female], value", Agreement.DIFFERENT),
        (("values", 1, "not_estimable"), "", "rate[sex=female], not_estimable", Agreement.DIFFERENT),
        (("inputs", "evaluation"), "sha256:bb", "input evaluation", Agreement.DIFFERENT),
        (("tables", "counts", "rows", 1, 1), 198, "table counts, row 2, count", Agreement.DIFFERENT),
        (("tables", "counts", "rows", 1, 1), True, "table counts, row 2, count", Agreement.DIFFERENT),
        (("notes",), ["multiclass"], "notes", Agreement.DIFFERENT),
    ],
)
def test_every_figure_is_compared_and_named(
    path: tuple[Any, ...], value: Any, figure: str, agreement: Agreement
) -> None:
    other = copy.deepcopy(ANSWER)
    place = other
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = value
    (found,) = differences(ANSWER, other, 1e-9)
    assert (found.figure, agreement_of((found,))) == (figure, agreement)


def test_no_tolerance_is_wide_enough_for_a_count() -> None:
    other = copy.deepcopy(ANSWER)
    other["tables"]["counts"]["rows"][0][1] = 4
    other["values"][0]["n"] = 201
    assert agreement_of(differences(ANSWER, other, 0.9)) is Agreement.DIFFERENT


def test_a_value_that_only_one_answer_has_is_a_difference() -> None:
    other = copy.deepcopy(ANSWER)
    del other["values"][0]
    (found,) = differences(ANSWER, other, 1e-9)
    assert (found.figure, found.again) == ("gap[sex]", None)
    assert "nothing now" in str(found)


def test_a_label_that_occurs_twice_hides_nothing() -> None:
    first, second = copy.deepcopy(ANSWER), copy.deepcopy(ANSWER)
    for document, value in ((first, 0.25), (second, 0.9)):
        document["values"].append({**document["values"][0], "value": value})
    (found,) = differences(first, second, 1e-9)
    assert (found.recorded, found.again) == (0.25, 0.9)


def test_a_whole_number_from_another_database_is_the_same_number() -> None:
    other = copy.deepcopy(ANSWER)
    first = copy.deepcopy(ANSWER)
    first["values"][0]["value"], other["values"][0]["value"] = 1.0, 1
    assert differences(first, other, 1e-9) == ()
