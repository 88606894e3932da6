"""Judging: what a number has to be, and how sure one has to be of it, before a criterion counts as satisfied."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.criteria import (
    Criterion,
    CriterionError,
    DecideOn,
    Judgement,
    Outcome,
    judge,
)
from audits.measurements import Interval, Measurement, MetricValue, ObservationStatus

MEASURED = ObservationStatus.MEASURED


def criterion(**changes: Any) -> Criterion:
    """At most 0.20, on the interval, from 30 rows."""
    fields: dict[str, Any] = {
        "id": "difference",
        "check": "fairness.group_metrics",
        "metric": "difference",
        "at_most": Decimal("0.20"),
        "minimum_n": 30,
        "reason": "Agreed with the works council.",
        "set_by": "Rosa, risk officer",
    }
    return Criterion(**{**fields, **changes})


def value(number: float | None, low: float | None = None, high: float | None = None, **changes: Any) -> MetricValue:
    """A measured value over 100 rows; an interval unless both bounds are left out."""
    fields: dict[str, Any] = {"metric": "difference", "value": number, "n": 100}
    if low is not None or high is not None:
        fields["interval"] = Interval(low, high, 0.95, "newcombe")
    if number is None:
        fields["not_estimable"] = "no positives"
    return MetricValue(**{**fields, **changes})


def judged(*values: MetricValue, **changes: Any) -> Judgement:
    """The judgement of these values."""
    return judge(MEASURED, Measurement(values=values, inputs={}), criterion(**changes))


@pytest.mark.parametrize(
    ("number", "low", "high", "outcome"),
    [
        pytest.param(0.1, 0.05, 0.15, Outcome.SATISFIED, id="wholly-inside"),
        pytest.param(0.1, 0.05, 0.2, Outcome.SATISFIED, id="reaching-exactly-the-limit"),
        pytest.param(0.1, 0.05, 0.2000000001, Outcome.INCONCLUSIVE, id="a-hair-over-the-limit"),
        pytest.param(0.1, -0.1, 0.3, Outcome.INCONCLUSIVE, id="number-inside-interval-straddles"),
        pytest.param(0.25, 0.15, 0.35, Outcome.INCONCLUSIVE, id="number-outside-interval-straddles"),
        pytest.param(0.25, 0.2, 0.35, Outcome.INCONCLUSIVE, id="starting-exactly-at-the-limit"),
        pytest.param(0.3, 0.21, 0.4, Outcome.NOT_SATISFIED, id="wholly-outside"),
        pytest.param(0.1, 0.05, None, Outcome.INCONCLUSIVE, id="unbounded-above"),
        pytest.param(0.1, None, 0.15, Outcome.SATISFIED, id="unbounded-on-the-permitted-side"),
        pytest.param(0.3, 0.25, None, Outcome.NOT_SATISFIED, id="unbounded-but-wholly-outside"),
        pytest.param(0.1, 0.15, 0.05, Outcome.INCONCLUSIVE, id="bounds-the-wrong-way-round"),
        pytest.param(0.1, math.nan, 0.15, Outcome.INCONCLUSIVE, id="lower-bound-not-a-number"),
        pytest.param(0.1, 0.05, math.nan, Outcome.INCONCLUSIVE, id="upper-bound-not-a-number"),
        pytest.param(0.3, 0.05, 0.15, Outcome.INCONCLUSIVE, id="interval-inside-but-number-outside"),
        pytest.param(0.1, 0.25, 0.35, Outcome.INCONCLUSIVE, id="interval-outside-but-number-inside"),
        pytest.param(0.1, None, None, Outcome.INCONCLUSIVE, id="no-interval"),
        pytest.param(None, None, None, Outcome.INCONCLUSIVE, id="not-estimable"),
        pytest.param(None, 0.0, 0.1, Outcome.INCONCLUSIVE, id="not-estimable-despite-an-interval"),
    ],
)
def test_an_upper_limit_on_the_interval(
    number: float | None, low: float | None, high: float | None, outcome: Outcome
) -> None:
    assert judged(value(number, low, high)).outcome is outcome


@pytest.mark.parametrize(
    ("number", "low", "high", "outcome"),
    [
        pytest.param(0.9, 0.8, 1.0, Outcome.SATISFIED, id="touching-both-limits"),
        pytest.param(0.9, 0.79, 1.0, Outcome.INCONCLUSIVE, id="below-the-lower"),
        pytest.param(0.9, 0.8, 1.01, Outcome.INCONCLUSIVE, id="above-the-upper"),
        pytest.param(0.9, 0.7, 1.1, Outcome.INCONCLUSIVE, id="over-both"),
        pytest.param(0.7, 0.6, 0.79, Outcome.NOT_SATISFIED, id="wholly-below"),
        pytest.param(1.2, 1.1, 1.3, Outcome.NOT_SATISFIED, id="wholly-above"),
        pytest.param(0.7, None, 0.79, Outcome.NOT_SATISFIED, id="wholly-below-unbounded"),
        pytest.param(0.9, None, 1.0, Outcome.INCONCLUSIVE, id="unbounded-below"),
    ],
)
def test_a_lower_and_an_upper_limit(number: float, low: float | None, high: float | None, outcome: Outcome) -> None:
    assert judged(value(number, low, high), at_least=Decimal("0.8"), at_most=Decimal(1)).outcome is outcome


@pytest.mark.parametrize(
    ("number", "outcome"),
    [
        (0.2, Outcome.SATISFIED),  # The binary float is above one fifth; the number people see is not.
        (0.1 + 0.2 - 0.1, Outcome.NOT_SATISFIED),  # 0.20000000000000004
        (0.2000001, Outcome.NOT_SATISFIED),
        (-5, Outcome.SATISFIED),
        (None, Outcome.INCONCLUSIVE),
    ],
)
def test_deciding_on_the_point_compares_the_number_as_it_is_written(number: float | None, outcome: Outcome) -> None:
    assert judged(value(number), decide_on=DecideOn.POINT).outcome is outcome


def test_deciding_on_the_point_ignores_the_interval() -> None:
    assert judged(value(0.1, 0.0, 0.9), decide_on=DecideOn.POINT).outcome is Outcome.SATISFIED


@pytest.mark.parametrize("decide_on", DecideOn)
@pytest.mark.parametrize(("n", "outcome"), [(29, Outcome.INCONCLUSIVE), (30, Outcome.SATISFIED)])
def test_too_few_rows_are_inconclusive_however_good_the_number(n: int, outcome: Outcome, decide_on: DecideOn) -> None:
    assert judged(value(0.0, -0.01, 0.01, n=n), decide_on=decide_on).outcome is outcome


def test_too_few_rows_are_inconclusive_however_bad_the_number() -> None:
    assert judged(value(0.9, 0.8, 0.95, n=29)).outcome is Outcome.INCONCLUSIVE


@pytest.mark.parametrize(
    ("status", "outcome", "words"),
    [
        (ObservationStatus.ERROR, Outcome.ERROR, "could not be completed: column age is missing. "),
        (ObservationStatus.TIMED_OUT, Outcome.TIMED_OUT, "ran out of time: column age is missing. "),
        (ObservationStatus.NOT_RUN, Outcome.NOT_RUN, "has not been run: column age is missing. "),
    ],
)
def test_an_attempt_that_did_not_measure_keeps_its_own_outcome(
    status: ObservationStatus, outcome: Outcome, words: str
) -> None:
    perfect = Measurement(values=(value(0.0, 0.0, 0.0),), inputs={})
    for measurement in (None, perfect):
        judgement = judge(status, measurement, criterion(), error="column age is missing.")
        assert judgement.outcome is outcome
        assert words in judgement.explanation
        assert judgement.considered == ()


def test_measured_without_a_measurement_is_an_error() -> None:
    judgement = judge(MEASURED, None, criterion())
    assert judgement.outcome is Outcome.ERROR
    assert "answered without a measurement. " in judgement.explanation


@pytest.mark.parametrize(
    "filters",
    [{"metric": "other"}, {"feature": "age"}, {"group": "80+"}, {"feature": "sex", "group": ""}],
    ids=["metric", "feature", "group", "overall"],
)
def test_nothing_selected_is_inconclusive_and_says_what_is_missing(filters: dict[str, str]) -> None:
    judgement = judged(value(0.0, 0.0, 0.1, feature="sex", group="1"), **filters)
    assert judgement.outcome is Outcome.INCONCLUSIVE
    assert "there is nothing to hold against the limit (at most 0.20)" in judgement.explanation


def test_filters_select_feature_and_group() -> None:
    values = (
        value(0.9, 0.8, 0.95, feature="sex", group="1"),
        value(0.1, 0.0, 0.15, feature="sex", group="2"),
        value(0.9, 0.8, 0.95, feature="age", group="2"),
        value(0.1, 0.0, 0.15),
    )
    assert judged(*values).outcome is Outcome.NOT_SATISFIED
    assert judged(*values, feature="sex", group="2").subject == "difference[sex=2]"
    assert judged(*values, feature="sex", group="2").outcome is Outcome.SATISFIED
    assert judged(*values, group="2").subject == "difference[age=2]"
    assert judged(*values, feature="", group="").subject == "difference"


def test_the_worst_value_decides_and_every_value_stays_visible() -> None:
    good = value(0.1, 0.05, 0.15, group="good")
    unsure = value(0.1, 0.0, 0.3, group="unsure")
    bad = value(0.3, 0.25, 0.35, group="bad")
    worse = value(0.5, 0.45, 0.55, group="worse")

    assert judged(good).subject == "difference[=good]"
    assert judged(good, unsure).subject == "difference[=unsure]"
    assert judged(good, unsure, bad).subject == "difference[=bad]"
    judgement = judged(good, unsure, worse, bad)
    assert judgement.subject == "difference[=worse]"
    assert [entry.outcome for entry in judgement.considered] == [
        Outcome.SATISFIED,
        Outcome.INCONCLUSIVE,
        Outcome.NOT_SATISFIED,
        Outcome.NOT_SATISFIED,
    ]
    assert (judgement.value, judgement.n, judgement.interval) == (worse.value, worse.n, worse.interval)


def test_among_equals_the_first_measured_decides() -> None:
    assert judged(value(0.1, 0.0, 0.15, group="a"), value(0.1, 0.0, 0.15, group="b")).subject == "difference[=a]"


def test_among_satisfied_values_the_one_nearest_to_either_limit_is_shown() -> None:
    low, high = value(0.5, 0.41, 0.6, group="low"), value(0.5, 0.45, 0.58, group="high")
    limits = {"at_least": Decimal("0.4"), "at_most": Decimal("0.6")}
    assert judged(high, low, **limits).subject == "difference[=low]"
    assert judged(high, value(0.5, 0.45, 0.55, group="mid"), **limits).subject == "difference[=high]"


def test_a_value_that_cannot_be_estimated_outranks_one_that_merely_straddles() -> None:
    assert judged(value(0.1, 0.0, 0.3, group="unsure"), value(None, group="none")).subject == "difference[=none]"


@pytest.mark.parametrize(
    ("measured", "rows"),
    [
        # Half width 0.2 towards a limit 0.1 away: four times the rows.
        pytest.param(value(0.1, -0.1, 0.3), 300, id="inside-straddling"),
        pytest.param(value(0.3, 0.1, 0.5), 300, id="outside-straddling"),
        pytest.param(value(0.2, 0.1, 0.3), None, id="on-the-limit-no-number-of-rows-decides"),
        pytest.param(value(0.1, 0.0, None), None, id="unbounded"),
        pytest.param(value(0.1, 0.0, 0.15), None, id="already-decided"),
        pytest.param(value(None), None, id="not-estimable"),
        pytest.param(value(None, n=10), 20, id="not-estimable-and-too-few"),
        pytest.param(value(0.1, 0.05, 0.12, n=10), 20, id="too-few-rows"),
        pytest.param(value(0.1, -0.1, 0.3, n=10), 30, id="too-few-rows-and-straddling-takes-the-larger"),
        pytest.param(value(0.19999999, -0.9, 0.9), None, id="beyond-any-data"),
        pytest.param(value(math.nextafter(0.2, 0), -1e200, 1e200), None, id="beyond-any-number"),
    ],
)
def test_how_many_further_rows_would_decide(measured: MetricValue, rows: int | None) -> None:
    assert judged(measured).rows_needed == rows


def test_further_rows_look_at_the_limit_that_is_hardest_to_clear() -> None:
    limits = {"at_least": Decimal("0.4"), "at_most": Decimal("0.6")}
    assert judged(value(0.45, 0.25, 0.65), **limits).rows_needed == 1500


def test_sentences_carry_the_numbers() -> None:
    assert judged(value(0.1, 0.05, 0.15, feature="sex", group="1")).explanation == (
        "Difference (sex: 1) is 0.1 (95 % interval 0.05 to 0.15, 100 rows): "
        "its whole interval is at most 0.20, as required."
    )
    assert judged(value(0.3, 0.25, None)).explanation == (
        "Difference is 0.3 (95 % interval 0.25 to unbounded, 100 rows): its whole interval is above the limit of 0.20."
    )
    assert judged(value(0.1, 0.0, 0.15), at_least=Decimal("0.9"), at_most=None).explanation == (
        "Difference is 0.1 (95 % interval 0 to 0.15, 100 rows): its whole interval is below the limit of 0.9."
    )
    assert judged(value(3, n=1), decide_on=DecideOn.POINT, minimum_n=0).explanation == (
        "Difference is 3 (1 row): the value alone is above the limit of 0.20."
    )
    assert judged(value(0.1, -0.1, 0.3)).explanation == (
        "Difference is 0.1 (95 % interval -0.1 to 0.3, 100 rows): the interval reaches over the limit (at most 0.20), "
        "so the evidence does not decide; about 300 more rows would, if the value stayed as it is."
    )
    assert "about one more row would" in judged(value(0.1, 0.0, 0.2003)).explanation
    assert judged(value(0.2, 0.1, 0.3)).explanation.endswith("so the evidence does not decide.")
    assert judged(value(0.1, 0.0, 0.15, n=12)).explanation == (
        "Difference is 0.1 (95 % interval 0 to 0.15, 12 rows) rests on fewer rows than the 30 this criterion asks for; "
        "18 more needed."
    )
    assert judged(value(None)).explanation == (
        "Difference cannot be estimated (no positives); the limit (at most 0.20) is not shown."
    )
    assert judged(value(0.1)).explanation == (
        "Difference is 0.1 (100 rows) comes without a usable confidence interval, and this criterion decides on the "
        "interval."
    )


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"at_most": None}, "at_most"),
        ({"at_most": Decimal("NaN")}, "at_most"),
        ({"at_most": Decimal("Infinity")}, "at_most"),
        ({"at_least": Decimal("-Infinity")}, "at_least"),
        ({"at_least": Decimal("0.21")}, "at_least"),
        ({"minimum_n": -1}, "minimum_n"),
        ({"reason": " "}, "reason"),
        ({"set_by": ""}, "set_by"),
        ({"id": ""}, "id"),
        ({"check": ""}, "check"),
        ({"metric": ""}, "metric"),
    ],
)
def test_a_criterion_that_cannot_be_judged_is_not_built(changes: dict[str, Any], field: str) -> None:
    with pytest.raises(CriterionError) as refusal:
        criterion(**changes)
    assert refusal.value.field == field
    assert str(refusal.value) == f"{field}: {refusal.value.problem}"


def test_equal_limits_are_a_criterion() -> None:
    assert criterion(at_least=Decimal("0.20")).limits == "between 0.20 and 0.20"


@pytest.mark.parametrize(
    ("field", "content"),
    [
        ("at_most", 0.2),
        ("at_most", "a fifth"),
        ("at_least", "NaN"),
        ("at_least", "-Infinity"),
        ("decide_on", "vibes"),
    ],
)
def test_a_document_with_an_unusable_limit_is_refused(field: str, content: object) -> None:
    document = {**criterion().to_document(), field: content}
    with pytest.raises(CriterionError) as refusal:
        Criterion.from_document(document)
    assert refusal.value.field == field


def test_a_criterion_comes_back_from_its_document_with_its_digits() -> None:
    original = criterion(at_least=Decimal("-0.200"), controls=("aia-10-2-f",), waivable=True, decide_on=DecideOn.POINT)
    document = original.to_document()
    assert (document["at_least"], document["at_most"], document["decide_on"]) == ("-0.200", "0.20", "point")
    assert Criterion.from_document(document) == original


def test_a_judgement_document_is_plain_json() -> None:
    document = judged(value(0.1, -0.1, 0.3, feature="sex", group="1")).to_document()
    assert document["outcome"] == "inconclusive"
    assert type(document["outcome"]) is str
    assert document["considered"][0]["outcome"] == "inconclusive"
    assert type(document["considered"][0]["outcome"]) is str
    assert document["considered"][0]["interval"] == {"low": -0.1, "high": 0.3, "level": 0.95, "method": "newcombe"}


numbers = st.floats(-10, 10)


@st.composite
def measured_values(draw: st.DrawFn) -> MetricValue:
    """Any value, with or without an interval around it."""
    if draw(st.booleans()):
        return value(None, n=draw(st.integers(0, 200)))
    low, number, high = sorted(draw(st.tuples(numbers, numbers, numbers)))
    if draw(st.booleans()):
        return value(number, n=draw(st.integers(0, 200)))
    return value(number, low, high, n=draw(st.integers(0, 200)))


limits = st.decimals(-10, 10, allow_nan=False, allow_infinity=False, places=3)


@settings(max_examples=50)
@given(st.lists(measured_values(), max_size=5), measured_values(), limits, st.sampled_from(DecideOn))
def test_one_more_value_never_turns_a_judgement_satisfied(
    values: list[MetricValue], extra: MetricValue, limit: Decimal, decide_on: DecideOn
) -> None:
    before = judged(*values, at_most=limit, decide_on=decide_on)
    after = judged(*values, extra, at_most=limit, decide_on=decide_on)
    if values and before.outcome is not Outcome.SATISFIED:
        assert after.outcome is not Outcome.SATISFIED


@settings(max_examples=50)
@given(measured_values(), limits, st.sampled_from(DecideOn))
def test_satisfied_means_that_every_permitted_bound_holds(
    measured: MetricValue, limit: Decimal, decide_on: DecideOn
) -> None:
    judgement = judged(measured, at_most=limit, decide_on=decide_on)
    if judgement.outcome is Outcome.SATISFIED:
        assert measured.value is not None
        assert measured.n >= 30
        assert Decimal(repr(measured.value)) <= limit
        if decide_on is DecideOn.INTERVAL:
            assert measured.interval is not None
            assert measured.interval.high is not None
            assert Decimal(repr(measured.interval.high)) <= limit


@settings(max_examples=50)
@given(measured_values(), limits, st.sampled_from(DecideOn))
def test_a_criterion_and_its_mirror_image_agree(measured: MetricValue, limit: Decimal, decide_on: DecideOn) -> None:
    mirrored = measured
    if measured.value is not None:
        bounds = measured.interval
        mirrored = value(
            -measured.value,
            None if bounds is None or bounds.high is None else -bounds.high,
            None if bounds is None or bounds.low is None else -bounds.low,
            n=measured.n,
        )
    upper = judged(measured, at_most=limit, decide_on=decide_on)
    lower = judged(mirrored, at_most=None, at_least=-limit, decide_on=decide_on)
    assert (upper.outcome, upper.rows_needed) == (lower.outcome, lower.rows_needed)
