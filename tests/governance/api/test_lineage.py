"""`POST /lineage`: what real emitters send is taken, all else is 4xx with the place, and nothing is half kept."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
from django.test import override_settings
from rest_framework.test import APIClient

from governance.access.tokens import Scope
from registry import graph
from registry.models import LedgerEntry, LineageEvent, LineageNode, Person
from tests.governance.api.conftest import Connect, refused
from tests.registry.lineage.events import data, run_event, sample_events

PATH = "/api/v1/lineage"


@pytest.fixture
def emitter(connect: Connect, pia: Person) -> APIClient:
    """A pipeline whose key may send lineage and nothing else."""
    return connect(pia, Scope.LINEAGE_WRITE)


def send(client: APIClient, body: Any, path: str = PATH, **headers: Any) -> Any:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return client.post(path, content, content_type="application/json", **headers)


def test_an_event_is_kept_as_it_came_and_told_in_the_ledger(emitter: APIClient, pia: Person) -> None:
    text = json.dumps(run_event(inputs=[data("raw")]), indent=3) + "\n"
    answer = send(emitter, text.encode())
    assert answer.status_code == 200
    assert answer.json()["summary"] == {"received": 1, "successful": 1, "failed": 0, "kept": 1, "repeated": 0}
    assert LineageEvent.objects.get().content == text.strip()
    entry = LedgerEntry.objects.get(event="lineage.received")
    assert json.loads(bytes(entry.body))["actor"] == pia.pseudonym
    assert "registry.lineagedelivery" in bytes(entry.body).decode()
    assert send(emitter, text.encode()).json()["summary"]["repeated"] == 1
    assert LedgerEntry.objects.filter(event="lineage.received").count() == 1


@pytest.mark.parametrize("path", [PATH, f"{PATH}/", f"{PATH}/batch"])
def test_captured_events_of_python_and_dbt_are_taken_unchanged(emitter: APIClient, path: str) -> None:
    events = sample_events("captured_*/*.json", "*.jsonl")
    answer = send(emitter, gzip.compress(json.dumps(events).encode()), path, HTTP_CONTENT_ENCODING="gzip")
    assert answer.status_code == 200, answer.json()
    assert answer.json()["summary"]["received"] == len(events)
    assert LineageNode.objects.filter(kind="run").count() > 1
    assert graph.document()["columns"]


def _without(*path: Any) -> dict[str, Any]:
    event: dict[str, Any] = run_event(inputs=[data("raw", schema={"_producer": "x:y", "_schemaURL": "x:y"})])
    part: Any = event
    for step in path[:-1]:
        part = part[step]
    del part[path[-1]]
    return event


def _schema(**facet: Any) -> dict[str, Any]:
    address = "https://openlineage.io/spec/facets/1-2-0/SchemaDatasetFacet.json#/$defs/SchemaDatasetFacet"
    return run_event(inputs=[data("raw", schema={"_producer": "x:y", "_schemaURL": address, **facet})])


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ([], "body"),
        (b"", "body"),
        (7, "body"),
        ({}, "job"),
        (_without("eventTime"), "eventTime"),
        (_without("job", "name"), "job.name"),
        (_without("run", "runId"), "run.runId"),
        (_without("inputs", 0, "namespace"), "inputs[0].namespace"),
        (_without("inputs", 0, "facets", "schema", "_producer"), "inputs[0].facets.schema._producer"),
        (run_event(at="yesterday"), "eventTime"),
        (run_event(at="2026-11-21T08:00:00"), "eventTime"),
        (run_event(at="0001-01-01T00:00:00+14:00"), "eventTime"),
        (run_event(run="seven"), "run.runId"),
        (run_event(state="BOOM"), "eventType"),
        (run_event(inputs=[data("x" * 3000)]), "inputs[0].name"),
        (run_event(inputs=[data("raw", digest="sha256:0")]), "inputs[0].facets.assay_dataset.digest"),
        (_schema(fields=[{"type": "INT"}]), "inputs[0].facets.schema.fields[0].name"),
        ([run_event(), run_event(run="seven")], "[1].run.runId"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_kept(emitter: APIClient, body: Any, field: str) -> None:
    refused(send(emitter, body), 422, "lineage-refused", field)
    assert not LineageEvent.objects.exists()
    assert not LineageNode.objects.exists()


@pytest.mark.parametrize("strange", [None, 5, [], [5], {"namespace": 7}])
def test_members_that_belong_to_another_kind_of_event_are_kept_and_left_alone(emitter: APIClient, strange: Any) -> None:
    run = run_event(inputs=[{**data("raw"), "outputFacets": strange}], outputs=[{**data("t"), "inputFacets": strange}])
    alone = {key: run[key] for key in ("eventTime", "producer", "schemaURL")}
    static = {**data("lonely"), "inputFacets": strange, "outputFacets": strange}
    bodies = (
        {**run, "dataset": strange},
        {**alone, "dataset": static, "job": strange, "inputs": strange, "outputs": strange},
        {**alone, "job": run["job"], "eventType": strange},
    )
    for body in bodies:
        answer = send(emitter, body)
        assert answer.status_code == 200, answer.content
    assert {"dataset:s3://lake|raw", "dataset:s3://lake|lonely"} <= {node["name"] for node in graph.document()["nodes"]}


def test_a_facet_of_an_unknown_schema_is_kept_whatever_it_holds(emitter: APIClient) -> None:
    odd = {"_producer": "x:y", "_schemaURL": "https://example.com/schema.json", "fields": {"not": ["a", "list"]}}
    event = run_event(inputs=[data("raw", schema=odd, columnLineage=odd, tags=odd, ownership=odd, symlinks=odd)])
    assert send(emitter, event).status_code == 200
    assert json.loads(LineageEvent.objects.get().content) == event


@pytest.mark.parametrize(
    ("content", "encoding", "status", "code"),
    [
        (gzip.compress(json.dumps(run_event()).encode())[:-9], "gzip", 400, "malformed"),
        (b"not gzip at all", "gzip", 400, "malformed"),
        (gzip.compress(json.dumps(run_event()).encode()) + b"tail", "gzip", 400, "malformed"),
        (json.dumps(run_event()).encode(), "br", 415, "unsupported-media-type"),
        (b"{", "identity", 400, "malformed"),
        (b"[{}", "identity", 400, "malformed"),
        (b"[{},]", "identity", 400, "malformed"),
        (b"[{}] {}", "identity", 400, "malformed"),
        (b'{"a": 1, "a": 2}', "identity", 400, "malformed"),
        (b'{"a": NaN}', "identity", 400, "malformed"),
        (b'{"a": "\\u0000"}', "identity", 400, "malformed"),
        (b"\xff", "identity", 400, "malformed"),
        (b"[" * 100_000, "identity", 400, "malformed"),
        (b'[{"a": ' * 100_000, "identity", 400, "malformed"),
    ],
)
def test_a_broken_body_is_told(emitter: APIClient, content: bytes, encoding: str, status: int, code: str) -> None:
    refused(send(emitter, content, HTTP_CONTENT_ENCODING=encoding), status, code)
    assert not LineageEvent.objects.exists()


def test_a_bomb_and_an_event_of_fifty_megabytes_are_too_large(emitter: APIClient) -> None:
    bomb = gzip.compress(b"[" + b" " * 200_000_000 + b"]")
    assert len(bomb) < 1_000_000
    refused(send(emitter, bomb, HTTP_CONTENT_ENCODING="gzip"), 413, "body-too-large")
    large = run_event(inputs=[data("raw", note={"_producer": "x:y", "_schemaURL": "x:y", "text": "x" * 50_000_000})])
    refused(send(emitter, large), 413, "body-too-large")
    assert not LineageEvent.objects.exists()


@override_settings(DATA_UPLOAD_MAX_MEMORY_SIZE=30_000_000)
def test_a_batch_has_an_end(emitter: APIClient) -> None:
    refused(send(emitter, [run_event()] * 10_001), 422, "lineage-refused", "body")


def test_the_key_needs_the_scope_the_person_and_no_tie(
    connect: Connect, pia: Person, otto: Person, maya: Person, world: Any
) -> None:
    refused(send(APIClient(), run_event()), 401, "not-authenticated")
    refused(send(connect(pia, Scope.REGISTRY_WRITE), run_event()), 403, "scope-missing")
    refused(send(connect(otto, Scope.LINEAGE_WRITE), run_event()), 403, "permission-refused")
    refused(send(connect(maya, Scope.LINEAGE_WRITE, models=[world.model]), run_event()), 403, "token-not-for-model")
    assert not LineageEvent.objects.exists()


@pytest.mark.parametrize("form", ["json", "openlineage", "prov", "mermaid", "svg"])
def test_the_graph_of_a_version_is_read_in_every_form(connect: Connect, maya: Person, world: Any, form: str) -> None:
    version = world.version()
    client = connect(maya, Scope.REPORT_READ)
    path = f"/api/v1/models/{version.model.slug}/versions/{version.number}/lineage/"
    answer = client.get(f"{path}?format={form}")
    assert answer.status_code == 200
    assert b"patients" in answer.content
    assert b"patients" not in client.get(f"{path}?format={form}&direction=downstream").content


def test_who_may_not_see_the_model_may_not_see_where_it_comes_from(
    connect: Connect, otto: Person, maya: Person, world: Any
) -> None:
    path = f"/api/v1/models/{world.version().model.slug}/versions/1/lineage/"
    refused(connect(otto, Scope.REPORT_READ).get(path), 403, "permission-refused")
    refused(connect(otto, Scope.REPORT_READ).get(f"{path}columns/"), 403, "permission-refused")
    told = connect(maya, Scope.REPORT_READ).get(f"{path}columns/").json()
    assert told[0] == {"feature": "age", "columns": [{"dataset": "patients/1", "column": "age"}]}
    refused(connect(maya, Scope.LINEAGE_WRITE).get(path), 403, "scope-missing")
    refused(connect(maya, Scope.REPORT_READ).get(f"{path}?format=dot"), 400, "malformed", "format")
    refused(connect(maya, Scope.REPORT_READ).get(f"{path}?direction=sideways"), 400, "malformed", "direction")


def test_other_tools_are_imported_over_the_api_too(emitter: APIClient) -> None:
    commit = {
        "repository": "https://git.example.com/x",
        "commit": "c" * 40,
        "at": "2026-11-20T10:00:00Z",
        "subject": "x",
    }
    answer = send(emitter, [commit], f"{PATH}/imports/git/")
    assert (answer.status_code, answer.json()["summary"]["kept"]) == (200, 1)
    refused(send(emitter, {**commit, "at": "now"}, f"{PATH}/imports/git/"), 422, "lineage-refused", "at")
    refused(send(emitter, commit, f"{PATH}/imports/openlineage/"), 422, "lineage-refused", "format")
    refused(send(emitter, commit, f"{PATH}/imports/gopher/"), 422, "lineage-refused", "format")
