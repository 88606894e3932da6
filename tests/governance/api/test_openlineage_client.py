"""OpenLineage's own client, unmodified, against our endpoint over a real socket."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    StaticDataset,
)
from openlineage.client.event_v2 import RunState as State
from openlineage.client.facet_v2 import (
    column_lineage_dataset,
    data_quality_assertions_dataset,
    schema_dataset,
    source_code_location_job,
)
from openlineage.client.transport.http import ApiKeyTokenProvider, HttpCompression, HttpConfig, HttpTransport

from governance.access.tokens import Scope, issue_token
from registry import graph
from registry.models import LineageColumnEdge, LineageEdge, LineageEvent, LineageNode, Person

pytestmark = pytest.mark.django_db(transaction=True)
NOW = datetime(2026, 11, 21, 8, tzinfo=UTC).isoformat()
LAKE = "s3://lake"


def client(server: Any, owner: Person, compression: HttpCompression | None = None) -> OpenLineageClient:
    issued = issue_token(actor=owner, owner=owner, label="emitter", scopes=[Scope.LINEAGE_WRITE])
    key = ApiKeyTokenProvider({"api_key": issued.secret})
    return OpenLineageClient(
        transport=HttpTransport(HttpConfig(url=server.url, auth=key, compression=compression, retry={"total": 0}))
    )


@pytest.mark.parametrize("compression", [None, HttpCompression.GZIP])
def test_a_training_run_told_by_the_client_is_in_the_graph(
    live_server: Any, pia: Person, compression: HttpCompression | None
) -> None:
    emitter = client(live_server, pia, compression)
    code = source_code_location_job.SourceCodeLocationJobFacet(
        type="git", url="https://git.example.com/ml", version="9f8"
    )
    run, job = Run(runId=str(uuid.uuid4())), Job("ml", "train", facets={"sourceCodeLocation": code})
    raw = InputDataset(
        LAKE,
        "raw",
        facets={
            "schema": schema_dataset.SchemaDatasetFacet(fields=[schema_dataset.SchemaDatasetFacetFields("age", "INT")])
        },
        inputFacets={
            "dataQualityAssertions": data_quality_assertions_dataset.DataQualityAssertionsDatasetFacet(
                assertions=[data_quality_assertions_dataset.Assertion(assertion="not_null", success=True, column="age")]
            )
        },
    )
    origin = column_lineage_dataset.InputField(namespace=LAKE, name="raw", field="age")
    steps = column_lineage_dataset.ColumnLineageDatasetFacet(
        fields={"years": column_lineage_dataset.Fields(inputFields=[origin])}
    )
    emitter.emit(RunEvent(eventType=State.START, eventTime=NOW, run=run, job=job, inputs=[raw], producer="x:y"))
    emitter.emit(
        RunEvent(
            eventType=State.COMPLETE,
            eventTime=NOW,
            run=run,
            job=job,
            outputs=[OutputDataset(LAKE, "clean", facets={"columnLineage": steps})],
            producer="x:y",
        )
    )
    emitter.emit(DatasetEvent(eventTime=NOW, dataset=StaticDataset(LAKE, "raw"), producer="x:y"))
    emitter.emit(JobEvent(eventTime=NOW, job=job, producer="x:y"))

    assert LineageEvent.objects.count() == 4
    node = LineageNode.objects.get(name=f"run:{run.runId}")
    assert graph.plain_facts(node)["state"] == "COMPLETE", "told at the same moment as START, and later by rank"
    steps_told = set(LineageEdge.objects.values_list("source__name", "target__name", "role"))
    assert (f"dataset:{LAKE}|raw", node.name, "input") in steps_told
    assert (node.name, f"dataset:{LAKE}|clean", "output") in steps_told
    assert LineageColumnEdge.objects.filter(source_column="age", target_column="years").exists()


def test_what_is_refused_is_an_error_of_the_client_and_not_sent_again(live_server: Any, pia: Person) -> None:
    emitter = client(live_server, pia)
    emitter.emit(JobEvent(eventTime=NOW, job=Job("ml", "fine"), producer="x:y"))
    with pytest.raises(Exception, match="422"):
        emitter.emit(JobEvent(eventTime=NOW, job=Job("ml", "x" * 4000), producer="x:y"))
    assert LineageEvent.objects.count() == 1
