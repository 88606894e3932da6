"""The charts of an explanation show each answer once, and say when features are entangled."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from audits.measurements import Interval, MetricValue, ObservationStatus, Table
from audits.reports import charts
from audits.reports.parts import CheckFacts
from audits.reports.pictures import of_check

DOTS = [charts.Dot(label=name, value=value, rank=rank) for name, value, rank in (
    ("income", -1.0, 0.0), ("income", 1.0, 1.0), ("job", 0.2, None), ("job", 0.2, None),
)]  # fmt: skip
SWARM = Table(("feature", "attribution", "value_rank"), (("income", -1.0, 0.0), ("income", 1.0, 1.0)))
EFFECTS = Table(
    ("feature", "value", "effect", "rows"),
    (("income", 0.0, -0.5, 0), ("income", 2.0, 0.5, 9), ("age", 1.0, 0.1, 9), ("age", 3.0, 0.4, 9)),
)

IMPORTANCE = Table(
    ("feature", "mean_abs", "share", "share_low", "share_high", "mean", "sensitive"),
    (("income", 1.0, 0.8, 0.7, 0.9, 0.1, False), ("job", 0.2, 0.2, 0.1, 0.3, 0.0, True)),
)
CASES = Table(
    ("case", "answer", "feature", "attribution", "value_rank"),
    (("typical above", 1.2, "income", 1.0, 0.9), ("borderline 1", 0.01, "income", -0.1, 0.5)),
)


def circles(svg: str) -> list[dict[str, str]]:
    found = ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}circle")  # noqa: S314 - our own picture
    return [dict(one.attrib) for one in found]


def test_every_answer_is_one_dot_and_equal_ones_are_stacked() -> None:
    drawn = circles(charts.swarm(DOTS, title="t", description="d"))
    legend = 3
    assert len(drawn) == len(DOTS) + legend
    low, high, first, second = drawn[:4]
    assert float(low["cx"]) < float(high["cx"])
    assert low["fill"] != high["fill"]
    assert (first["cx"], first["fill"]) == (second["cx"], second["fill"])
    assert first["cy"] != second["cy"]


def test_nothing_measured_is_said() -> None:
    assert "nothing was measured" in charts.swarm([], title="t", description="d")


def facts(**changes: object) -> CheckFacts:
    tables = {"importance": IMPORTANCE, "swarm": SWARM, "effects": EFFECTS, "cases": CASES}
    given = {"tables": tables, **changes}
    return CheckFacts(
        check="explainability.shap",
        version="2",
        title="E",
        status=ObservationStatus.MEASURED,
        **given,  # type: ignore[arg-type]
    )


def test_an_explanation_brings_its_pictures() -> None:
    importance, swarm, income, age, cases = of_check(facts(), [])
    assert "job" in importance.svg
    assert "interval" in importance.caption
    assert "income" in swarm.svg
    assert income.caption == "Accumulated local effect of income, centred on zero."
    assert age.caption == "Accumulated local effect of age, centred on zero."
    assert "borderline 1: income" in cases.svg
    assert cases.caption.endswith("Answers: typical above 1.200, borderline 1 0.010.")


def test_every_picture_is_told_in_words_for_those_who_hear_it() -> None:
    for picture in of_check(facts(), []):
        assert picture.alt.startswith("Chart: ")
        assert picture.caption.endswith(".")
        assert "<title>" in picture.svg


def test_importance_is_not_drawn_twice() -> None:
    value = MetricValue(metric="mean_abs_shap_share", value=0.5, n=9, feature="income")
    titles = [picture.alt for picture in of_check(facts(values=(value,) * 3), [])]
    assert len(titles) == len(set(titles)) == 5


def test_the_change_against_the_stage_is_drawn_with_its_intervals() -> None:
    interval = Interval(0.1, 0.3, 0.95, "bootstrap")
    value = MetricValue(metric="share_change", value=0.2, n=9, feature="income", interval=interval)
    table = Table(
        ("feature", "share_current", "share_new", "change"), (("income", 0.2, 0.4, 0.2), ("job", 0.3, 0.2, -0.1))
    )
    [picture] = of_check(facts(tables={"change": table}, values=(value,)), [])
    assert "[0.100, 0.300]" in picture.svg
    assert picture.alt == "Chart: change of importance. 2 features, the one that changed most first: income."


def test_correlated_features_bring_their_warning_to_the_effects() -> None:
    warning = "a and b are correlated (0.90): attributions divide between them."
    pictures = of_check(facts(notes=("Method: x.", warning)), [])
    assert [picture.caption.endswith(warning) for picture in pictures] == [False, False, True, True, False]


def test_a_check_without_such_tables_has_no_such_pictures() -> None:
    assert of_check(facts(tables={}), []) == ()
