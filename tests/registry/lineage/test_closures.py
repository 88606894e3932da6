"""Closures beside the same walk in Python, on any graph: with cycles, loops, double edges and nodes nobody reaches."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from registry import closures, graph
from registry.connectors.statements import StatedNode, Statement
from registry.lineage import Edge
from registry.models import LineageNode, ModelVersion

pytestmark = pytest.mark.django_db

NAMES = [f"dataset:s3://lake|{letter}" for letter in "abcdefgh"]
Ends = tuple[str, str]
edges = st.lists(
    st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES), st.sampled_from(["output", "input"])), max_size=20
)


def _walked(starts: Iterable[str], steps: Iterable[Ends]) -> set[str]:
    met = set(starts)
    while more := {far for near, far in steps if near in met} - met:
        met |= more
    return met


class SameWalk(TestCase):
    """Hypothesis rolls each example back."""

    @settings(max_examples=80, deadline=None, suppress_health_check=list(HealthCheck))
    @given(told=edges, starts=st.lists(st.sampled_from(NAMES), min_size=1, max_size=3))
    def test_closures_and_their_edges_are_those_of_a_walk_in_memory(
        self, told: list[tuple[str, str, str]], starts: list[str]
    ) -> None:
        nodes = tuple(StatedNode(name) for name in NAMES)
        graph.apply([Statement(stamp="", nodes=nodes, edges=tuple(Edge(*edge) for edge in told))])
        begin = [LineageNode.objects.get(name=name) for name in starts]
        down, up = [(a, b) for a, b, _role in told], [(b, a) for a, b, _role in told]
        for walk, bound, steps in (
            (closures.descendants, closures.edges_below, down),
            (closures.ancestors, closures.edges_above, up),
        ):
            assert sorted(walk(*begin).values_list("name", flat=True)) == sorted(_walked(starts, steps))
            inside = _walked(starts[:1], steps)
            found = bound(begin[0]).values_list("source__name", "target__name", "role")
            assert set(found) == {edge for edge in told if {edge[0], edge[1]} <= inside}


def test_nothing_is_upstream_of_no_node() -> None:
    graph.apply([Statement(stamp="", nodes=(StatedNode(NAMES[0]),))])
    assert not closures.ancestors().exists()


def test_any_number_of_names_is_one_parameter(version: ModelVersion) -> None:
    many = [f"dataset:s3://lake|{number}" for number in range(70_000)]
    rows = LineageNode.objects.filter(name__among=[*many, f"model:{version}"])
    _sql, given = rows.query.sql_with_params()
    assert len(given) == 1, "SQLite takes 32,766 of them, PostgreSQL 65,535"
    assert rows.get().model_version == version
