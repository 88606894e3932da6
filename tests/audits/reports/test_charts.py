"""The charts: readable by eye and ear, the same bytes for the same facts, safe with any text."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from defusedxml import ElementTree
from django.utils import translation
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.reports import charts
from audits.reports.charts.svg import COLOURS, Axis, Tone, clip_middle, shape

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


def features(count: int, *, unfolded: bool | None = None) -> str:
    nodes = [charts.Node(id="data", kind="dataset", label="data"), charts.Node(id="m", kind="model", label="the model")]
    nodes += [charts.Node(id=f"f{i}", kind="feature", label=f"column {i}", group="g") for i in range(count)]
    edges = [("data", "m"), *(("data", f"f{i}") for i in range(count)), *((f"f{i}", "m") for i in range(count))]
    return charts.lineage(nodes, edges, title="t", description="d", unfolded=unfolded)


def test_few_features_are_listed_by_name_and_many_are_counted() -> None:
    assert {f"column {i}" for i in range(12)} <= set(texts(features(12)))
    assert "13 features" in texts(features(13))
    assert "column 12" not in texts(features(13))
    assert "column 199" in texts(features(200, unfolded=True))
    assert "column 1" not in texts(features(3, unfolded=False))


@pytest.mark.parametrize("count", [14, 200])
def test_listed_features_are_legible(count: int) -> None:
    """No two share a place, none leaves the picture, and each keeps a readable size."""
    root = ElementTree.fromstring(features(count, unfolded=True))
    listed = [one for one in root.iter(f"{SVG}text") if (one.text or "").startswith("column")]
    assert len({(one.attrib["x"], one.attrib["y"]) for one in listed}) == count
    assert all(float(one.attrib["font-size"]) >= 10 for one in listed)
    tall = float(root.attrib["height"])
    assert all(0 < float(one.attrib["y"]) < tall for one in listed)
    order = sorted(listed, key=lambda one: (float(one.attrib["y"]), float(one.attrib["x"])))
    assert [one.text for one in order] == [f"column {i}" for i in range(count)]


def test_the_way_to_the_model_leads_through_the_features() -> None:
    """The data's direct way beside them would say the same twice."""
    steps = {
        (one.attrib["data-source"], one.attrib["data-target"])
        for one in ElementTree.fromstring(features(14)).iter(f"{SVG}g")
        if "data-source" in one.attrib
    }
    assert steps == {("n0", "g2"), ("g2", "n1")}


def test_names_that_begin_alike_are_told_apart_by_their_ends() -> None:
    short = clip_middle("days_since_the_last_visit_to_a_clinic_7", 120, 10)
    assert short.startswith("days_sin")
    assert short.endswith("_7")
    assert len(short) < 39


def test_events_are_told_in_order_of_time() -> None:
    events = [charts.Event(at=NOON + timedelta(hours=hour), title=f"hour {hour}") for hour in (3, 1, 2)]
    printed = [
        words for words in texts(charts.timeline(events, title="t", description="d")) if words.startswith("hour")
    ]
    assert printed == ["hour 1", "hour 2", "hour 3"]


def test_the_same_facts_give_the_same_bytes() -> None:
    assert every_chart("x") == every_chart("x")


def test_ticks_are_written_as_the_language_writes_numbers() -> None:
    axis = Axis.over([0.5, 0.7], 100, 500)
    with translation.override("de"):
        german = [label for _, label in axis.ticks()]
    assert german == [label.replace(".", ",") for _, label in axis.ticks()]
    assert any("," in label for label in german)
