"""The graph in the forms that others read."""

from __future__ import annotations

import json

import pytest

from registry import provenance
from registry.connectors import openlineage as reader
from registry.exports import FORMS, openlineage, prov
from registry.lineage import MASKED, SELECTION, ColumnEdge, Edge, Graph, Node
from registry.models import ModelVersion, Person
from tests.registry.lineage.events import data, run_event, tell

D = "sha256:" + "a" * 64
GRAPH = Graph(
    root="model:risk/3",
    nodes=(
        Node("model:risk/3", "model", {"digest": D, "owner": "p-1"}),
        Node("dataset:s3://lake|raw|v1", "dataset", {"digest": D, "licence": "CC0-1.0", "owner": "p-1"}),
        Node("run:01a1fb30-1c98-74a5-beb5-263808929362", "run", {"job": "train", "state": "COMPLETE"}),
        Node("dataset:patients/1", "dataset", {"owner": "p-2"}),
        Node("deployment:risk/3@production", "deployment", {}),
        Node("feature:risk/3|age", "feature", {}),
        Node("feature:risk/3|a%7Cb", "feature", {}),
    ),
    edges=(
        Edge("dataset:s3://lake|raw|v1", "run:01a1fb30-1c98-74a5-beb5-263808929362", "input"),
        Edge("run:01a1fb30-1c98-74a5-beb5-263808929362", "model:risk/3", "output"),
        Edge("dataset:patients/1", "model:risk/3", "evaluation"),
        Edge("model:risk/3", "deployment:risk/3@production", "deployed"),
        Edge("feature:risk/3|age", "model:risk/3", "feature"),
        Edge("feature:risk/3|a%7Cb", "model:risk/3", "feature"),
    ),
    columns=(
        ColumnEdge("dataset:patients/1", "age", "feature:risk/3|age", "age"),
        ColumnEdge("dataset:s3://lake|raw", "x", "feature:risk/3|a%7Cb", "a|b", MASKED),
        ColumnEdge("dataset:s3://lake|raw", "y", "feature:risk/3|a%7Cb", "a|b", SELECTION),
    ),
)


def test_openlineage_is_valid_and_our_own_reader_finds_the_same_steps() -> None:
    events = openlineage.events(GRAPH)
    steps = set()
    for event in events:
        reader.validate(event)
        steps |= {
            (edge.source, edge.target) for edge in reader.read(event, D).edges if edge.role in ("input", "output")
        }
    run = "run:01a1fb30-1c98-74a5-beb5-263808929362"
    assert {("dataset:s3://lake|raw|v1", run), (run, "model:risk/3")} <= steps
    made_up = {target for source, target in steps if source == "dataset:patients/1"}
    assert (made_up.pop(), "model:risk/3") in steps, "a direct step has a run of its own"


def test_openlineage_tells_of_columns_and_our_own_reader_finds_the_same() -> None:
    read = [reader.read(event, D) for event in openlineage.events(GRAPH)]
    assert {step for statement in read for step in statement.columns} == set(GRAPH.columns)


def test_prov_says_who_used_what_and_who_answers_for_it() -> None:
    document = prov.document(GRAPH)
    names = {key: value["assay:name"] for part in ("entity", "activity") for key, value in document[part].items()}
    used = [(names[step["prov:activity"]], names[step["prov:entity"]]) for step in document["used"].values()]
    made = [(names[s["prov:entity"]], names[s["prov:activity"]]) for s in document["wasGeneratedBy"].values()]
    run = "run:01a1fb30-1c98-74a5-beb5-263808929362"
    assert used == [(run, "dataset:s3://lake|raw|v1")]
    assert made == [("model:risk/3", run)]
    derived = {
        (names[s["prov:generatedEntity"]], names[s["prov:usedEntity"]]) for s in document["wasDerivedFrom"].values()
    }
    assert derived == {
        ("model:risk/3", "dataset:patients/1"),
        ("deployment:risk/3@production", "model:risk/3"),
        ("model:risk/3", "feature:risk/3|age"),
        ("model:risk/3", "feature:risk/3|a%7Cb"),
        ("feature:risk/3|age", "dataset:patients/1"),
        ("feature:risk/3|a%7Cb", "dataset:s3://lake|raw|v1"),
    }
    steps = document["wasDerivedFrom"].values()
    assert {step["assay:column"] for step in steps if "assay:column" in step} == {"age", "x", "y"}
    agents = {key: agent["assay:name"] for key, agent in document["agent"].items()}
    owners = {(names[s["prov:entity"]], agents[s["prov:agent"]]) for s in document["wasAttributedTo"].values()}
    assert ("dataset:patients/1", "p-2") in owners
    assert ("model:risk/3", "p-1") in owners


def test_mermaid_cannot_be_broken_out_of() -> None:
    hostile = 'dataset:x|a"]; click n0 "javascript:alert(1)'
    graph = Graph(root=hostile, nodes=(Node(hostile, "dataset", {}),), edges=())
    text = FORMS["mermaid"][1](graph)
    assert text.splitlines()[1].count('"') == 2
    assert "alert(1)" not in text


@pytest.mark.parametrize("form", FORMS)
def test_equal_graphs_give_equal_text(form: str) -> None:
    turned = Graph(GRAPH.root, GRAPH.nodes[::-1], GRAPH.edges[::-1], GRAPH.columns[::-1])
    assert FORMS[form][1](turned) == FORMS[form][1](GRAPH)


@pytest.mark.django_db
def test_a_job_may_name_the_registered_version_it_made(version: ModelVersion, maya: Person) -> None:
    made = {"namespace": "assay", "name": f"model:{version}"}
    tell(maya, run_event(inputs=[data("raw")], outputs=[made]))
    drawn = provenance.lineage_of(version)
    assert "dataset:s3://lake|raw" in drawn.upstream(drawn.root)
    tell(maya, run_event(job="serve", run="01a1fb30-1c98-74a5-beb5-263808929363", inputs=[made], outputs=[data("out")]))
    below = provenance.lineage_below(version)
    assert "dataset:s3://lake|out" in below.downstream(below.root)
    assert "dataset:s3://lake|raw" not in below.by_id
    assert json.loads(FORMS["json"][1](below))["root"] == drawn.root
    for event in openlineage.events(drawn):
        reader.validate(event)


@pytest.mark.django_db
def test_an_emitter_who_contradicts_the_record_is_told_and_changes_nothing(version: ModelVersion, maya: Person) -> None:
    other = {"assay_dataset": {"_producer": "x:y", "_schemaURL": "x:y", "digest": D}}
    tell(maya, run_event(inputs=[{"namespace": "assay", "name": "dataset:patients/1", "facets": other}]))
    facts = provenance.lineage_of(version).by_id["dataset:patients/1"].facts
    assert facts["digest"] != D
    assert facts["digests"] == sorted([D, facts["digest"]])
