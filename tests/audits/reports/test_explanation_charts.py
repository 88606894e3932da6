"""The charts of an explanation show each answer once, and say when features are entangled."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from audits.measurements import ObservationStatus, Table
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
    tables = {"swarm": SWARM, "effects": EFFECTS}
    given = {"tables": tables, **changes}
    return CheckFacts(
        check="explainability.shap",
        version="2",
        title="E",
        status=ObservationStatus.MEASURED,
        **given,  # type: ignore[arg-type]
    )


def test_an_explanation_brings_its_pictures() -> None:
    swarm, effect = of_check(facts(), [])
    assert "income" in swarm.svg
    assert effect.caption == "Accumulated local effect of income, centred on zero."
    assert "age" not in effect.svg


def test_correlated_features_bring_their_warning_to_the_effect() -> None:
    warning = "a and b are correlated (0.90): attributions divide between them."
    assert of_check(facts(notes=("Method: x.", warning)), [])[1].caption.endswith(warning)


def test_a_check_without_such_tables_has_no_such_pictures() -> None:
    assert of_check(facts(tables={}), []) == ()
