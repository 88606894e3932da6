"""The charts: readable by eye and ear, the same bytes for the same facts, safe with any text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from defusedxml import ElementTree
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.reports import charts
from audits.reports.charts.svg import COLOURS, Axis, Tone, shape

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
SVG = "{http://www.w3.org/2000/svg}"
HOSTILE = "</text><script>alert(1)</script><image href='file:///etc/passwd'/>\x00\u202e{{ x }}"


def forest(label: str = "women", tone: Tone = Tone.INCONCLUSIVE, **parts: object) -> str:
    mark = charts.Mark(label=label, value=0.2004, n=1144, low=0.15, high=0.31, tone=tone)
    return charts.forest([mark], title="Rates", description="One row", **parts)  # type: ignore[arg-type]


def every_chart(words: str) -> list[str]:
    """One of each kind, with `words` wherever text goes."""
    node = charts.Node(id=words, kind=words, label=words, detail=words, problem=words)
    return [
        charts.forest([charts.Mark(label=words, value=0.5, n=1)], title=words, description=words),
        charts.importance([charts.Bar(label=words, value=0.5)], title=words, description=words),
        charts.curve([charts.Point(x=0, y=1)], title=words, description=words, across=words, upward=words),
        charts.compared(
            [charts.Series(label=words, detail=words, points=[charts.Point(x=0, y=1)])],
            title=words,
            description=words,
            across=words,
            upward=words,
        ),
        charts.heat(
            {(words, words): charts.Field(value=None, n=1, word=words)},
            title=words,
            description=words,
            down=(words, [words]),
            across=(words, [words]),
        ),
        charts.lineage([node], [(words, words)], title=words, description=words),
        charts.timeline([charts.Event(at=NOON, title=words, detail=words)], title=words, description=words),
    ]


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("svg", every_chart("plain words"))
def test_each_chart_has_a_title_and_a_description(svg: str) -> None:
    root = ElementTree.fromstring(svg)
    assert [root[0].tag, root[1].tag] == [f"{SVG}title", f"{SVG}desc"]
    assert (root[0].text, root[1].text) == ("plain words", "plain words")


@pytest.mark.parametrize("svg", every_chart(HOSTILE))
def test_hostile_text_stays_text(svg: str) -> None:
    tags = {element.tag.removeprefix(SVG) for element in ElementTree.fromstring(svg).iter()}
    assert tags <= {"svg", "title", "desc", "g", "text", "line", "rect", "path", "circle"}
    assert "href=" not in re.sub(r">[^<]*<", "><", svg)


@settings(max_examples=60)
@given(st.text(max_size=40))
def test_any_text_gives_well_formed_svg(words: str) -> None:
    for svg in every_chart(words):
        ElementTree.fromstring(svg)


def test_the_numbers_stand_beside_the_marks() -> None:
    printed = texts(forest(at_most="0.20"))
    assert "0.2004 [0.150, 0.310]" in printed
    assert "1,144" in printed
    assert "at most 0.20" in printed
    assert "inconclusive" in printed


def test_each_tone_has_a_shape_of_its_own_so_colour_is_never_alone() -> None:
    drawn = [re.sub(r"#[0-9a-f]{6}", "#", shape(10, 10, tone)) for tone in Tone]
    assert len(set(drawn)) == len(Tone)
    assert set(COLOURS) == set(Tone)


def test_a_value_that_is_not_estimable_is_a_word_not_a_mark() -> None:
    svg = charts.forest([charts.Mark(label="few", value=None, n=2)], title="t", description="d")
    assert "not estimable" in texts(svg)
    assert "<circle" not in svg


def test_an_unbounded_interval_is_printed_as_such() -> None:
    svg = charts.forest([charts.Mark(label="x", value=0.4, n=9, low=0.1, high=None)], title="t", description="d")
    assert "0.400 [0.100, ∞]" in texts(svg)


def test_nothing_measured_is_said() -> None:
    for svg in (
        charts.forest([], title="t", description="d"),
        charts.importance([], title="t", description="d"),
        charts.curve([], title="t", description="d", across="x", upward="y"),
    ):
        assert "nothing was measured" in texts(svg)
    assert "no lineage was recorded" in texts(charts.lineage([], [], title="t", description="d"))
    assert "nothing has happened yet" in texts(charts.timeline([], title="t", description="d"))


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=8))
def test_an_axis_holds_every_fact_between_its_ends(facts: list[float]) -> None:
    axis = Axis.over(facts, 100, 500)
    assert all(axis.low <= fact <= axis.high for fact in facts)
    assert all(100 <= axis.at(fact) <= 500 for fact in facts)
    assert 2 <= len(axis.ticks()) <= 12


def test_a_wave_of_lineage_runs_from_sources_at_the_top_to_the_model_at_the_bottom() -> None:
    names = ("source", "ingest", "table", "model")
    nodes = [charts.Node(id=name, kind=name, label=name) for name in names]
    svg = charts.lineage(nodes, list(pairwise(names)), title="t", description="d")
    heights = {
        element.text: float(element.attrib["y"])
        for element in ElementTree.fromstring(svg).iter(f"{SVG}text")
        if element.attrib["font-weight"] == "600"
    }
    assert heights["source"] < heights["ingest"] < heights["table"] < heights["model"]


def test_a_cycle_and_a_dangling_edge_are_survived() -> None:
    nodes = [charts.Node(id=name, kind="job", label=name) for name in "abc"]
    edges = [("a", "b"), ("b", "c"), ("c", "a"), ("a", "a"), ("ghost", "a")]
    assert {"a", "b", "c"} <= set(texts(charts.lineage(nodes, edges, title="t", description="d")))


def test_a_large_graph_shows_the_nearest_and_counts_the_rest() -> None:
    nodes = [charts.Node(id=f"d{i:04}", kind="dataset", label=f"d{i:04}") for i in range(3000)]
    nodes.append(charts.Node(id="m", kind="model", label="the model"))
    edges = [(f"d{i:04}", f"d{i + 1:04}") for i in range(2999)] + [("d2999", "m")]
    printed = texts(charts.lineage(nodes, edges, title="t", description="d"))
    assert "the model" in printed
    assert "d2999" in printed
    assert "d0000" not in printed
    assert any("2961 more" in words for words in printed)


def test_events_are_told_in_order_of_time() -> None:
    events = [charts.Event(at=NOON + timedelta(hours=hour), title=f"hour {hour}") for hour in (3, 1, 2)]
    printed = [
        words for words in texts(charts.timeline(events, title="t", description="d")) if words.startswith("hour")
    ]
    assert printed == ["hour 1", "hour 2", "hour 3"]


def test_the_same_facts_give_the_same_bytes() -> None:
    assert every_chart("x") == every_chart("x")
