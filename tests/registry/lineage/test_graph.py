"""The stored graph: the same from any order, and one with the registered records."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from registry import closures, graph, provenance, recalls
from registry.connectors import openlineage
from registry.connectors.statements import LineageRefusedError
from registry.datasets import DatasetDescription, register_dataset, register_dataset_version, withdraw_dataset_version
from registry.errors import PermissionRefusedError
from registry.lineage_events import complete_graph, rebuild
from registry.lineage_findings import CONTRADICTION, CYCLE, findings
from registry.models import LineageEdge, LineageEvent, LineageNode, ModelVersion, Person
from tests.people import World
from tests.registry.lineage.events import data, raw, run_event, sample_events, tell

D = ["sha256:" + digit * 64 for digit in "abc"]
pytestmark = pytest.mark.django_db

datasets = st.builds(
    data,
    st.sampled_from(["raw", "clean", "train"]),
    digest=st.sampled_from(["", *D]),
    version=st.sampled_from(["", "v1"]),
)
events = st.builds(
    run_event,
    run=st.sampled_from([str(uuid.UUID(int=number)) for number in (1, 2)]),
    job=st.sampled_from(["a", "b"]),
    state=st.sampled_from(["START", "COMPLETE", "FAIL", "OTHER"]),
    at=st.sampled_from(["2026-11-21T08:00:00Z", "2026-11-21T09:00:00+01:00", "2026-11-21T09:00:01Z"]),
    inputs=st.lists(datasets, max_size=2),
    outputs=st.lists(datasets, max_size=2),
)


def _applied(batches: list[list[dict[str, Any]]]) -> dict[str, Any]:
    graph.rebuild(())
    for batch in batches:
        graph.apply(openlineage.read(event, raw(event).digest) for event in batch)
    return graph.document()


class AnyOrder(TestCase):
    """Hypothesis rolls each example back."""

    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(told=st.lists(events, max_size=6), data=st.data())
    def test_any_order_with_duplicates_in_any_batches_is_the_same_graph(self, told: list[Any], data: Any) -> None:
        shuffled = data.draw(
            st.permutations(told + data.draw(st.lists(st.sampled_from(told), max_size=3)) if told else [])
        )
        cuts = data.draw(st.lists(st.booleans(), min_size=len(shuffled), max_size=len(shuffled)))
        batches: list[list[Any]] = [[]]
        for event, cut in zip(shuffled, cuts, strict=True):
            batches.append([event]) if cut else batches[-1].append(event)
        assert _applied(batches) == _applied([told])


def test_rebuilding_from_the_kept_events_and_records_changes_nothing(version: ModelVersion, maya: Person) -> None:
    tell(maya, *sample_events("captured_*/*.json", "*.jsonl"))
    told = graph.document()
    rebuild()
    assert graph.document() == told
    assert LineageNode.objects.get(model_version=version).name == f"model:{version}"


def test_a_graph_from_before_features_were_nodes_is_built_anew(version: ModelVersion, maya: Person) -> None:
    tell(maya, run_event(inputs=[data("raw")], outputs=[data("clean")]))
    told = graph.document()
    LineageNode.objects.filter(kind="feature").delete()
    complete_graph()
    assert graph.document() == told
    assert [node.id for node in provenance.lineage_of(version).nodes if node.kind == "feature"] == [
        f"feature:{version}|age",
        f"feature:{version}|bmi",
    ]


def test_a_file_traced_by_one_tool_and_registered_by_another_is_one_thing(version: ModelVersion, maya: Person) -> None:
    use = version.inputs.first()
    assert use is not None
    digest = use.dataset_version.digest
    tell(maya, run_event(inputs=[data("raw")], outputs=[data("export", digest=digest)]))
    names = set(closures.ancestors(version.lineage_node).values_list("name", flat=True))
    assert {"dataset:s3://lake|raw", f"dataset:s3://lake|export|{digest}"} <= names
    drawn = provenance.lineage_of(version)
    assert "dataset:s3://lake|raw" in drawn.upstream(drawn.root)
    assert not drawn.cycles()
    assert drawn.by_id[f"dataset:s3://lake|export|{digest}"].facts["licence"] == use.dataset_version.licence


def test_the_same_bytes_registered_with_and_without_a_source_name_each_other(world: World, maya: Person) -> None:
    dataset = register_dataset(actor=maya, slug="copy", name="Copy")
    silent = DatasetDescription(digest=world.evaluation.digest, columns=world.evaluation.columns)
    copied = register_dataset_version(actor=maya, dataset=dataset, description=silent)
    drawn = provenance.lineage_of(world.version(datasets={"evaluation": copied}))
    assert drawn.by_id["dataset:copy/1"].facts["source"] == ""
    assert drawn.by_id["dataset:copy/1"].facts["source_stated_by"] == ["dataset:patients/1"]
    other = provenance.lineage_of(world.version(b"model two"))
    assert "source_stated_by" not in other.by_id["dataset:patients/1"].facts


def test_a_mention_without_history_of_its_own_is_not_drawn(version: ModelVersion, maya: Person) -> None:
    before = provenance.lineage_of(version)
    use = version.inputs.first()
    assert use is not None
    tell(maya, run_event(inputs=[data("export", digest=use.dataset_version.digest)], outputs=[data("elsewhere")]))
    assert provenance.lineage_of(version) == before


def test_start_repeats_on_complete_and_meets_in_the_run(maya: Person) -> None:
    start = run_event(state="START", at="2026-11-21T07:00:00Z", inputs=[data("raw")])
    tell(maya, run_event(outputs=[data("clean")]))
    tell(maya, start)
    run = LineageNode.objects.get(kind="run")
    facts = graph.plain_facts(run)
    assert facts["state"] == "COMPLETE", "the beginning came later and does not overwrite the end"
    assert (facts["started_at"], facts["ended_at"]) == ("2026-11-21T07:00:00Z", "2026-11-21T08:00:00Z")
    clean = LineageNode.objects.get(name="dataset:s3://lake|clean")
    assert closures.ancestors(clean).filter(name="dataset:s3://lake|raw").exists()


def test_versions_that_are_told_apart_stay_apart(maya: Person) -> None:
    for number in ("1", "2"):
        tell(
            maya,
            run_event(
                run=str(uuid.UUID(int=int(number))), inputs=[data(f"raw{number}")], outputs=[data("t", version=number)]
            ),
        )
    first = LineageNode.objects.get(name="dataset:s3://lake|t|1")
    names = set(closures.ancestors(first).values_list("name", flat=True))
    assert "dataset:s3://lake|raw1" in names
    assert "dataset:s3://lake|raw2" not in names
    tell(maya, run_event(run=str(uuid.UUID(int=9)), inputs=[data("t")], outputs=[data("report")]))
    report = LineageNode.objects.get(name="dataset:s3://lake|report")
    reached = set(closures.ancestors(report).values_list("name", flat=True))
    assert {"dataset:s3://lake|raw1", "dataset:s3://lake|raw2"} <= reached, "a reader of no version may have read any"


def test_withdrawn_data_is_found_through_what_emitters_told(
    world: World, version: ModelVersion, maya: Person, dora: Person
) -> None:
    consent = register_dataset(actor=maya, slug="consent", name="Consent")
    origin = register_dataset_version(
        actor=maya, dataset=consent, description=DatasetDescription(digest=D[0], columns=[], source="a form")
    )
    assert recalls.withdrawn_inputs(version) == ()
    tell(
        maya,
        run_event(inputs=[data("form", digest=D[0])], outputs=[data("export", digest=world.evaluation.digest)]),
    )
    withdraw_dataset_version(actor=dora, version=origin, reason="consent was withdrawn")
    assert [one.name for one in recalls.withdrawn_inputs(version)] == ["consent/1"]
    assert list(recalls.affected_versions(origin)) == [version]


def test_an_event_twice_is_kept_once_and_a_refused_batch_leaves_nothing(maya: Person, otto: Person) -> None:
    event = run_event(inputs=[data("raw")])
    assert tell(maya, event, event).kept == 1
    assert tell(maya, event).repeated == 1
    with pytest.raises(PermissionRefusedError):
        tell(otto, run_event(job="other"))
    with pytest.raises(LineageRefusedError):
        tell(maya, run_event(job="fine"), run_event(inputs=[data("x" * 5000)]))
    assert LineageEvent.objects.count() == 1
    assert not LineageNode.objects.filter(name="job:ml|fine").exists()


def test_what_is_wrong_is_found_and_nothing_is_overwritten(maya: Person) -> None:
    tell(maya, run_event(outputs=[data("t", version="v1", digest=D[0])]))
    assert findings() == ()
    tell(maya, run_event(outputs=[data("t", version="v1", digest=D[1])]))
    (found,) = findings()
    assert (found.code, found.nodes) == (CONTRADICTION, ("dataset:s3://lake|t|v1",))
    assert D[0] in found.explanation
    assert D[1] in found.explanation
    tell(maya, run_event(run=str(uuid.UUID(int=3)), inputs=[data("increment")], outputs=[data("increment")]))
    assert [found.code for found in findings()] == [CONTRADICTION, CYCLE]
    assert "dataset:s3://lake|increment" in findings()[1].nodes


def test_a_job_that_changes_nothing_is_no_cycle(maya: Person) -> None:
    tell(maya, run_event(inputs=[data("a", digest=D[0])], outputs=[data("b", digest=D[0])]))
    assert findings() == ()


def test_the_rebuild_command_finds_a_graph_that_was_tampered_with(
    version: ModelVersion, maya: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    tell(maya, run_event(inputs=[data("raw")], outputs=[data("clean")]))
    call_command("rebuild_lineage", "--check")
    LineageEdge.objects.filter(role="evaluation").delete()
    with pytest.raises(CommandError, match="is not what events and records say"):
        call_command("rebuild_lineage", "--check")
    assert not LineageEdge.objects.filter(role="evaluation").exists(), "a comparison changes nothing"
    call_command("rebuild_lineage")
    assert LineageEdge.objects.filter(role="evaluation").exists()
    assert "built anew" in capsys.readouterr().out
    assert provenance.lineage_of(version).nodes
