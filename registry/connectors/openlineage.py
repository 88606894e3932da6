"""OpenLineage 2-0-2: RunEvent, DatasetEvent, JobEvent (https://openlineage.io/spec/2-0-2/OpenLineage.json).

Inputs come on START and outputs on COMPLETE, so the events of a run meet in its run node. What OpenLineage has no facet
for (digest, licence, legal basis, retention) is taken from a dataset facet of ours, `assay_dataset`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from registry.connectors import openlineage_facets as facets
from registry.connectors.statements import (
    SAME_NAME,
    LineageRefusedError,
    StatedNode,
    Statement,
    canonical_uuid,
    content_edges,
    dataset_name,
    family_of,
    feature_name,
    job_name,
    require_short,
    run_name,
    stamp,
    unique,
)
from registry.lineage import ColumnEdge, Edge

FORMAT = "openlineage"
ENDINGS = ("COMPLETE", "FAIL", "ABORT")


def validate(event: Any, place: str = "") -> None:
    """Raises LineageRefusedError naming the first place that is not as the specification has it."""
    facets.require_event(event, place)
    event_time(event, place)
    if "run" in event:
        try:
            canonical_uuid(event["run"]["runId"])
        except ValueError:
            raise LineageRefusedError("A runId is a UUID.", field=f"{place}run.runId") from None
    for where, kind, given in _facet_groups(facets.members_of(event)):
        facets.require(kind, given, f"{place}{where}")


def read(event: Mapping[str, Any], digest: str) -> Statement:
    """What a valid event says. Raises LineageRefusedError for names too long to be kept."""
    event = facets.members_of(event)
    ending = event.get("eventType") in ENDINGS
    nodes: list[StatedNode] = []
    edges: list[Edge] = []
    columns: list[ColumnEdge] = []
    centre = ""
    if "job" in event:
        centre = job_name(event["job"]["namespace"], event["job"]["name"], place="job.name")
        nodes.append(StatedNode(centre, facets.job_facts(event["job"].get("facets", {}))))
    if "run" in event:
        run, job = run_name(event["run"]["runId"]), centre
        nodes.append(StatedNode(run, _run_facts(event, job)))
        edges.append(Edge(job, run, "job"))
        centre = run
    listed: set[str] = set()
    sources: list[tuple[str, str]] = []
    for place, dataset in _datasets(event):
        first = len(columns)
        name = _dataset(dataset, place, nodes, edges, columns)
        side = place.partition("[")[0] if centre else "dataset"
        if side == "inputs":
            edges.append(Edge(name, centre, "input"))
            listed.add(family_of(name))
        elif side == "outputs":
            edges.append(Edge(centre, name, "output"))
        into = centre if side == "outputs" else name
        sources += [(step.source_family, into) for step in columns[first:] if step.source_family != family_of(name)]
    # Data that columns came from went in, also where the event lists it nowhere.
    edges += [Edge(name, into, "column") for name, into in sources if into != centre or name not in listed]
    return Statement(
        stamp=stamp(event_time(event), 1 if ending else 0, digest),
        nodes=tuple(nodes),
        edges=unique(edges),
        columns=unique(columns),
    )


def event_time(event: Mapping[str, Any], place: str = "") -> datetime:
    """In UTC. Raises LineageRefusedError for anything but ISO 8601 with a zone."""
    try:
        at = datetime.fromisoformat(event["eventTime"])
        if at.tzinfo is not None:
            return at.astimezone(UTC)
    except (ValueError, OverflowError):
        pass
    raise LineageRefusedError("eventTime is an ISO 8601 date and time with its zone.", field=f"{place}eventTime")


def _dataset(
    dataset: Mapping[str, Any], place: str, nodes: list[StatedNode], edges: list[Edge], columns: list[ColumnEdge]
) -> str:
    """Add a dataset and what its facets say; returns the name of its node."""
    given = dataset.get("facets", {})
    digest = facets.digest_in(given)
    name = dataset_name(
        dataset["namespace"], dataset["name"], facets.version_in(given) or digest, place=f"{place}.name"
    )
    nodes.append(StatedNode(name, facets.dataset_facts(given)))
    if digest:
        content, there, back = content_edges(name, digest)
        nodes.append(content)
        edges += [there, back]
    for namespace, other in facets.symlinks_in(given):
        link = dataset_name(namespace, other, place=f"{place}.facets.symlinks")
        if link != name:
            nodes.append(StatedNode(link))
            edges += [Edge(name, link, SAME_NAME), Edge(link, name, SAME_NAME)]
    where = f"{place}.facets.columnLineage"
    for step in facets.column_steps_in(given):
        source = family_of(dataset_name(step.namespace, step.dataset, place=where))
        made = ColumnEdge(source, step.source, _made(name, step.target, where), step.target, step.effect)
        require_short(made, where)
        columns.append(made)
    return name


def _made(name: str, column: str, place: str) -> str:
    """What a column step leads to: a dataset, or the feature of a registered model that the column is."""
    model = name.removeprefix("model:")
    return family_of(name) if model == name else feature_name(model, column, place=place)


def _run_facts(event: Mapping[str, Any], job: str) -> dict[str, Any]:
    """A run's state is a fact of its newest event; beginning and end are facts of their own."""
    facts = {"state": event.get("eventType", "OTHER"), "job": job, **facets.run_facts(event["run"].get("facets", {}))}
    if event.get("eventType") == "START":
        facts["started_at"] = event["eventTime"]
    elif event.get("eventType") in ENDINGS:
        facts["ended_at"] = event["eventTime"]
    return facts


def _facet_groups(event: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Each place that holds facets, with the kind of facets it holds."""
    for part in ("run", "job"):
        if part in event:
            yield f"{part}.facets", part, event[part].get("facets", {})
    for place, dataset in _datasets(event):
        yield f"{place}.facets", "dataset", dataset.get("facets", {})
        for side in ("input", "output"):
            if place.startswith(side):
                yield f"{place}.{side}Facets", side, dataset.get(f"{side}Facets", {})


def _datasets(event: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Each dataset of the event with its place."""
    if "dataset" in event:
        yield "dataset", event["dataset"]
    for side in ("inputs", "outputs"):
        for index, dataset in enumerate(event.get(side, ())):
            yield f"{side}[{index}]", dataset
