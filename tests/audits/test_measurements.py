from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.measurements import Interval, Measurement, MetricValue, Table


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_what_is_not_a_finite_number_is_no_value(value: float) -> None:
    with pytest.raises(ValueError, match="not a finite number"):
        MetricValue(metric="rate", value=value, n=1)


def test_a_missing_value_needs_a_reason() -> None:
    with pytest.raises(ValueError, match="needs a reason"):
        MetricValue(metric="rate", value=None, n=0)
    assert MetricValue(metric="rate", value=None, n=0, not_estimable="nobody was selected").value is None


@pytest.mark.parametrize(
    ("metric", "feature", "group", "label", "spoken"),
    [
        ("selection_rate", "", "", "selection_rate", "selection rate"),
        ("selection_rate", "sex", "", "selection_rate[sex]", "selection rate (sex)"),
        ("selection_rate", "age_band", "70+", "selection_rate[age_band=70+]", "selection rate (age band: 70+)"),
        ("roc_auc", "", "", "roc_auc", "ROC AUC"),
    ],
)
def test_a_value_has_a_name_for_programs_and_one_for_people(
    metric: str, feature: str, group: str, label: str, spoken: str
) -> None:
    value = MetricValue(metric=metric, value=0.5, n=10, feature=feature, group=group)
    assert (value.label, value.spoken) == (label, spoken)


@given(
    st.lists(
        st.builds(
            MetricValue,
            metric=st.sampled_from(["a", "b"]),
            value=st.floats(allow_nan=False, allow_infinity=False),
            n=st.integers(0, 10**9),
            feature=st.text(max_size=5),
            group=st.text(max_size=5),
            interval=st.none() | st.just(Interval(None, 0.5, 0.95, "wilson")),
        )
    )
)
def test_a_measurement_survives_its_document(values: list[MetricValue]) -> None:
    measurement = Measurement(
        values=tuple(values), inputs={"x": "sha256:0"}, tables={"cells": Table(("a",), ((1,),))}, notes=("n",)
    )
    assert Measurement.from_document(measurement.to_document()) == measurement
    assert measurement.of("a") == tuple(value for value in values if value.metric == "a")
