"""Where a judgement turns: limits that an interval only touches, and which of several values decides."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from audits.criteria import Criterion, Judgement, Outcome, judge
from audits.measurements import Interval, Measurement, MetricValue, ObservationStatus


def criterion(**changes: Any) -> Criterion:
    fields: dict[str, Any] = {"id": "x", "check": "c", "metric": "rate", "reason": "agreed", "set_by": "Rosa"}
    return Criterion(**{**fields, **changes})


def value(low: float, middle: float, high: float, group: str = "all", n: int = 100) -> MetricValue:
    interval = Interval(low, high, 0.95, "wilson")
    return MetricValue(metric="rate", value=middle, n=n, feature="sex", group=group, interval=interval)


def judged(of: Criterion, *values: MetricValue) -> Judgement:
    return judge(ObservationStatus.MEASURED, Measurement(values=values, inputs={}), of)


@pytest.mark.parametrize(
    ("limits", "measured"),
    [({"at_least": Decimal("0.7")}, value(0.5, 0.6, 0.7)), ({"at_most": Decimal("0.3")}, value(0.3, 0.4, 0.5))],
)
def test_an_interval_that_touches_the_limit_from_outside_decides_nothing(
    limits: dict[str, Any], measured: MetricValue
) -> None:
    assert judged(criterion(**limits), measured).outcome is Outcome.INCONCLUSIVE


def test_an_interval_of_no_width_is_an_interval() -> None:
    assert judged(criterion(at_least=Decimal("0.7")), value(0.8, 0.8, 0.8)).outcome is Outcome.SATISFIED


@pytest.mark.parametrize(
    ("limits", "worst"),
    [({"at_least": Decimal("0.5")}, "wide"), ({"at_most": Decimal("0.95")}, "high")],
)
def test_of_equal_outcomes_the_value_nearest_to_the_limit_decides(limits: dict[str, Any], worst: str) -> None:
    values = (value(0.55, 0.7, 0.75, "wide"), value(0.6, 0.62, 0.64, "low"), value(0.8, 0.85, 0.9, "high"))
    assert judged(criterion(**limits), *values).subject == f"rate[sex={worst}]"


def test_between_two_limits_the_nearer_one_counts() -> None:
    asked = criterion(at_least=Decimal("0.2"), at_most=Decimal("0.9"))
    values = (value(0.5, 0.7, 0.8, "near the top"), value(0.25, 0.4, 0.5, "nearer the bottom"))
    assert judged(asked, *values).subject == "rate[sex=nearer the bottom]"


def test_the_words_of_an_error_lose_their_full_stop_and_nothing_else() -> None:
    failed = judge(ObservationStatus.ERROR, None, criterion(at_least=Decimal("0.5")), "There is no column X.")
    assert ": There is no column X. " in failed.explanation


@pytest.mark.parametrize(
    ("narrowed", "named"),
    [({}, "rate"), ({"feature": "sex"}, "rate[sex]"), ({"feature": "sex", "group": "f"}, "rate[sex=f]")],
)
def test_what_was_not_measured_is_named_as_it_was_asked_for(narrowed: dict[str, str], named: str) -> None:
    asked = criterion(at_least=Decimal("0.5"), **narrowed)
    assert f"measured no {named}, so" in judged(asked).explanation
    assert f"{named} therefore" in judge(ObservationStatus.NOT_RUN, None, asked).explanation.replace("Rate", "rate")
