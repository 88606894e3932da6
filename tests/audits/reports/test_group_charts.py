"""ROC curves, reliability curves and the map of joint groups: drawn from the evidence, readable without colour."""

from __future__ import annotations

import re
from dataclasses import replace
from xml.etree import ElementTree as ET

import pytest

from audits.criteria import Outcome
from audits.measurements import Interval, MetricValue, ObservationStatus, Table
from audits.reports import charts
from audits.reports.charts.compared import MOST_SERIES, STYLES
from audits.reports.parts import CheckFacts, FindingFacts
from audits.reports.pictures import of_check

SVG = "{http://www.w3.org/2000/svg}"
RELIABILITY = Table(
    ("feature", "group", "bin", "n", "mean_score", "positives", "low", "high"),
    (
        ("", "", 0, 9, 0.2, 0.1, 0.0, 0.4),
        ("sex", "f", 0, 5, 0.2, 0.1, 0.0, 0.5),
        ("sex", "m", 0, 4, 0.3, 0.5, 0.1, 0.9),
    ),
)
ROC = Table(
    ("feature", "group", "threshold", "true_positive_rate", "false_positive_rate"),
    tuple(("sex", group, cut, rate, rate / 2) for group in "fm" for cut, rate in ((0.0, 1.0), (0.5, 0.4), (None, 0.0))),
)


def value(metric: str, number: float | None, group: str, feature: str = "sex", **more: object) -> MetricValue:
    interval = None if number is None else Interval(number - 0.1, number + 0.1, 0.95, "delong-logit")
    return MetricValue(metric=metric, value=number, n=100, feature=feature, group=group, interval=interval, **more)  # type: ignore[arg-type]


def facts(values: tuple[MetricValue, ...], **tables: Table) -> CheckFacts:
    return CheckFacts(
        check="fairness.calibration",
        version="2",
        title="C",
        status=ObservationStatus.MEASURED,
        values=values,
        tables=tables,
    )


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ET.fromstring(svg).iter(f"{SVG}text")]  # noqa: S314 - our own picture


SCORES = (
    value("expected_calibration_error", 0.11, "f"),
    value("expected_calibration_error", 0.22, "m"),
    value("calibration_gap", 0.3, "f"),
    value("calibration_gap", 0.0, "m"),
    value("auc", 0.8, "f"),
    value("auc", 0.7, "m"),
)


def test_curves_come_with_their_numbers_beside_and_a_reading_under() -> None:
    calibration, roc = of_check(facts(SCORES, reliability=RELIABILITY, roc=ROC), [])[:2]
    assert {"f", "m", "error 0.110 [0.010, 0.210], n 100", "error 0.220 [0.120, 0.320], n 100"} <= set(
        texts(calibration.svg)
    )
    assert "below it people are scored too high" in calibration.caption
    assert "highest for m (0.220), lowest for f (0.110)" in calibration.caption
    assert calibration.caption.endswith("On the whole scored too high, beyond chance: f.")
    assert "area 0.700 [0.600, 0.800], n 100" in texts(roc.svg)
    assert "highest for f (0.800), lowest for m (0.700)" in roc.caption
    for picture in (calibration, roc):
        assert "f: " in picture.alt
        assert "m: " in picture.alt


def test_curves_differ_by_dash_and_mark_so_colour_is_never_alone() -> None:
    assert len({dash for _, dash, _ in STYLES}) == len({mark for _, _, mark in STYLES}) == MOST_SERIES
    points = [charts.Point(x=0.1, y=0.2), charts.Point(x=0.5, y=0.6)]
    series = [charts.Series(label=str(i), detail="", points=points) for i in range(MOST_SERIES)]
    svg = charts.compared(series, title="t", description="d", across="x", upward="y")
    grey = re.sub(r"#[0-9a-f]{6}", "#", svg)
    drawn = re.findall(r'<path d="M[^"]*L[^"Z]*" fill="none"[^>]*stroke-width="1.7"[^>]*/>', grey)
    assert len(set(drawn)) == MOST_SERIES


def test_a_seventh_group_is_told_to_be_left_out() -> None:
    groups = [f"g{i}" for i in range(MOST_SERIES + 1)]
    rows = tuple(("sex", group, 0, 5, 0.2, 0.1, 0.0, 0.5) for group in groups)
    table = Table(RELIABILITY.columns, rows)
    values = tuple(value("expected_calibration_error", 0.1, group) for group in groups)
    assert "6 of 7 shown" in of_check(facts(values, reliability=table), [])[0].caption


def joint(**changed: MetricValue) -> tuple[MetricValue, ...]:
    rates = {"f & a": 0.2, "f & b": 0.3, "m & a": 0.4, "m & b": None}
    reasons = {"m & b": "withheld: a count is below the disclosure threshold of 5, or would give one away"}
    return tuple(
        changed.get(group) or value("selection_rate", rate, group, "sex & race", not_estimable=reasons.get(group, ""))
        for group, rate in rates.items()
    )


def test_joint_groups_are_a_map_with_the_number_in_each_field() -> None:
    picture = of_check(facts(joint()), [])[0]
    said = texts(picture.svg)
    assert {"0.200", "0.300", "0.400", "withheld", "[0.100, 0.300]", "100 rows", "f", "m", "a", "b"} <= set(said)
    assert "highest for m, a (0.400), lowest for f, a (0.200)" in picture.caption
    assert "m and b: not estimable" in picture.alt


def test_darker_is_more_and_dark_text_stays_readable_on_the_darkest() -> None:
    svg = of_check(facts(joint()), [])[0].svg
    shades = [float(shade) for shade in re.findall(r'fill-opacity="([0-9.]+)"', svg)]
    assert len(shades) == 3
    assert max(shades) <= 0.45
    ordered = sorted(zip([0.2, 0.3, 0.4], shades, strict=True))
    assert [shade for _, shade in ordered] == sorted(shades)


@pytest.mark.parametrize("feature", ["sex", "sex & race & age"])
def test_only_pairs_are_mapped(feature: str) -> None:
    values = tuple(value("selection_rate", 0.5, group, feature) for group in ("a & b & c", "d & e & f"))
    assert "wedge" not in "".join(picture.caption for picture in of_check(facts(values), []))


def test_one_exact_count_is_told_in_its_sentence_and_not_drawn() -> None:
    count = MetricValue(metric="cycles", value=0.0, n=5)
    finding = FindingFacts(
        criterion="no-cycle",
        title="No cycle",
        check="lineage.completeness",
        metric="cycles",
        outcome=Outcome.SATISFIED,
        limit="at most 0",
        at_most="0",
        explanation="Cycles is 0.",
        reason="a cycle feeds a model its own answers.",
        set_by="Vera Vogt",
        measured=count,
    )
    assert of_check(facts((count,)), [finding]) == ()
    with_interval = replace(count, interval=Interval(0.0, 0.6, 0.95, "wilson"))
    assert len(of_check(facts((with_interval,)), [finding])) == 1
    assert len(of_check(facts((count, replace(count, feature="a"))), [finding])) == 1
