"""The lineage graph: closures, gaps and impossible histories."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.lineage import Edge, Graph, LineageDocumentError, Node

PATIENTS, TRAIN, MODEL = "dataset:patients/1", "job:train", "model:risk/1"


def graph(*pairs: tuple[str, str], root: str = MODEL, unrecorded: tuple[str, ...] = ()) -> Graph:
    """A graph of these edges in which every end is recorded, but for `unrecorded`."""
    ids = sorted({root, *(end for pair in pairs for end in pair)} - set(unrecorded))
    return Graph(root, tuple(Node(i, i.split(":")[0]) for i in ids), tuple(Edge(*pair) for pair in pairs))


def test_closures_follow_the_edges_from_input_to_output() -> None:
    known = graph((PATIENTS, TRAIN), (TRAIN, MODEL), (MODEL, "model:risk/2"))
    assert known.upstream(MODEL) == {PATIENTS, TRAIN}
    assert known.downstream(PATIENTS) == {TRAIN, MODEL, "model:risk/2"}
    assert known.inputs_of(MODEL) == (TRAIN,)
    assert known.outputs_of(PATIENTS) == (TRAIN,)
    assert known.cycles() == ()


def test_an_edge_to_a_node_that_nobody_recorded_dangles_and_is_still_followed() -> None:
    known = graph((PATIENTS, TRAIN), (TRAIN, MODEL), unrecorded=(TRAIN,))
    assert known.dangling_edges() == (Edge(PATIENTS, TRAIN), Edge(TRAIN, MODEL))
    assert PATIENTS in known.upstream(MODEL)


def test_what_neither_leads_to_the_root_nor_comes_from_it_is_an_orphan() -> None:
    assert graph((PATIENTS, MODEL), ("dataset:other/1", "model:other/1")).orphans() == (
        "dataset:other/1",
        "model:other/1",
    )


@pytest.mark.parametrize(
    ("pairs", "expected"),
    [
        ([("a:1", "b:1"), ("b:1", "a:1")], (("a:1", "b:1"),)),
        ([("a:1", "a:1")], (("a:1",),)),
        ([("a:1", "b:1"), ("b:1", "c:1"), ("c:1", "a:1"), ("d:1", "e:1"), ("e:1", "d:1")],
         (("a:1", "b:1", "c:1"), ("d:1", "e:1"))),
        ([("a:1", "b:1"), ("a:1", "c:1"), ("b:1", "d:1"), ("c:1", "d:1")], ()),
    ],
)  # fmt: skip
def test_cycles_are_found_once_each(pairs: list[tuple[str, str]], expected: Any) -> None:
    assert graph(*pairs, root="a:1").cycles() == expected


@pytest.mark.slow
def test_a_history_deeper_than_the_stack_of_python_is_walked() -> None:
    pairs = [(f"dataset:d/{i}", f"dataset:d/{i + 1}") for i in range(20_000)]
    deep = graph(*pairs, root="dataset:d/20000")
    assert len(deep.upstream("dataset:d/20000")) == 20_000
    assert deep.cycles() == ()
    assert len(graph(*pairs, ("dataset:d/20000", "dataset:d/0"), root="dataset:d/0").cycles()) == 1


def test_the_document_is_the_same_whatever_the_order_and_comes_back_equal() -> None:
    one = graph((PATIENTS, TRAIN), (TRAIN, MODEL))
    other = Graph(one.root, tuple(reversed(one.nodes)), tuple(reversed(one.edges)))
    assert one.to_document() == other.to_document()
    document = json.loads(json.dumps(one.to_document()))
    assert Graph.from_document(document).to_document() == one.to_document()


@pytest.mark.parametrize(
    ("document", "field"),
    [
        ({}, "root"),
        ({"root": "model:a/1"}, "nodes"),
        ({"root": "model:a/1", "nodes": [], "edges": []}, "root"),
        ({"root": "x", "nodes": [{"id": "x", "kind": "person"}], "edges": []}, r"nodes\[0\].kind"),
        ({"root": "x", "nodes": [{"id": "x", "kind": "job"}] * 2, "edges": []}, r"nodes\[1\].id"),
        ({"root": "x", "nodes": [{"id": "x", "kind": "job", "facts": []}], "edges": []}, r"nodes\[0\].facts"),
        ({"root": "x", "nodes": [{"id": "x", "kind": "job"}], "edges": [{"source": "x"}]}, r"edges\[0\].target"),
        ({"root": "x", "nodes": ["x"], "edges": []}, r"nodes\[0\]"),
        ({"root": "x", "nodes": [{"id": "x", "kind": "job"}], "edges": {}}, "edges"),
    ],
)
def test_a_document_of_another_shape_is_refused_by_its_first_wrong_place(document: dict[str, Any], field: str) -> None:
    with pytest.raises(LineageDocumentError, match=f"^{field}"):
        Graph.from_document(document)


IDS = st.integers(0, 7).map(lambda i: f"dataset:d/{i}")


@given(st.lists(st.tuples(IDS, IDS), max_size=20))
def test_upstream_and_downstream_mirror_each_other_and_cycles_are_self_ancestors(pairs: list[tuple[str, str]]) -> None:
    known = graph(*pairs, root="dataset:d/0")
    for node in known.by_id:
        assert all(node in known.downstream(ancestor) for ancestor in known.upstream(node))
    on_cycles = {node for cycle in known.cycles() for node in cycle}
    assert on_cycles == {node for node in known.by_id if node in known.upstream(node)}
