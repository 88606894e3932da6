"""The graph as events of OpenLineage 2-0-2: one run event for each step, so that a catalogue can take it in.

Registered versions stand in the namespace `assay`, where our own endpoint recognises them again. A step that no tool
told as a run (a registered derivation, the use of data for a version) gets a run of its own, a UUID made from names.
"""

from __future__ import annotations

import json
import uuid
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from registry.connectors.statements import OURS, family_of, kind_of
from registry.lineage import MASKED, SELECTION, VALUE, Graph, Node

PRODUCER = "https://assay.example/exports/openlineage"
SCHEMA = "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent"
_NO_TIME = "1970-01-01T00:00:00Z"  # the record knows an order, not the hour, where no event told of it
_SPACE = uuid.uuid5(uuid.NAMESPACE_URL, PRODUCER)

#: How a facet tells the effect of a step. Which choice of rows it was is not kept, so the first of them stands for all.
_TOLD_AS: Mapping[str, dict[str, Any]] = {
    VALUE: {},
    MASKED: {"transformations": [{"type": "DIRECT", "masking": True}]},
    SELECTION: {"transformations": [{"type": "INDIRECT", "subtype": "FILTER", "description": "chooses rows"}]},
}


def written(graph: Graph) -> str:
    """A JSON array of RunEvents. Equal graphs give equal text."""
    return json.dumps(events(graph), indent=2) + "\n"


def events(graph: Graph) -> list[dict[str, Any]]:
    """One COMPLETE event for each run, job and direct step of the graph."""
    inputs: dict[str, set[str]] = defaultdict(set)
    outputs: dict[str, set[str]] = defaultdict(set)
    for edge in graph.edges:
        source, target = kind_of(edge.source), kind_of(edge.target)
        if source == "feature":
            continue  # told by the columns of the model
        if target in ("run", "job"):
            inputs[edge.target].add(edge.source)
        elif source in ("run", "job"):
            outputs[edge.source].add(edge.target)
        elif target != "deployment":
            step = f"step:{edge.role} {edge.target}"
            inputs[step].add(edge.source)
            outputs[step].add(edge.target)
    return [_event(name, graph, sorted(inputs[name]), sorted(outputs[name])) for name in sorted({*inputs, *outputs})]


def _event(name: str, graph: Graph, inputs: list[str], outputs: list[str]) -> dict[str, Any]:
    node = graph.by_id.get(name, Node(name, "job"))
    run = name.removeprefix("run:") if _is_uuid(name.removeprefix("run:")) else str(uuid.uuid5(_SPACE, name))
    namespace, job = _names(str(node.facts.get("job_name", "")) or name)
    return {
        "eventType": "COMPLETE",
        "eventTime": node.facts.get("ended_at") or node.facts.get("started_at") or _NO_TIME,
        "run": {"runId": run},
        "job": {"namespace": namespace, "name": job},
        "inputs": [_dataset(graph, dataset) for dataset in inputs if kind_of(dataset) not in ("run", "job")],
        "outputs": [
            _dataset(graph, dataset, with_columns=True) for dataset in outputs if kind_of(dataset) not in ("run", "job")
        ],
        "producer": PRODUCER,
        "schemaURL": SCHEMA,
    }


def _dataset(graph: Graph, name: str, *, with_columns: bool = False) -> dict[str, Any]:
    namespace, own = _names(name)
    facts: Mapping[str, Any] = graph.by_id[name].facts if name in graph.by_id else {}
    facets: dict[str, Any] = {}
    if with_columns and (fields := _fields(graph, name)):
        facets["columnLineage"] = {
            "_producer": PRODUCER,
            "_schemaURL": "https://openlineage.io/spec/facets/1-2-0/ColumnLineageDatasetFacet.json",
            "fields": fields,
        }
    if str(facts.get("digest", "")).startswith("sha256:"):
        facets["assay_dataset"] = {
            "_producer": PRODUCER,
            "_schemaURL": "urn:assay:openlineage:assay_dataset:1",
            "digest": facts["digest"],
        }
    if name.count("|") > 1:
        facets["version"] = {
            "_producer": PRODUCER,
            "_schemaURL": "https://openlineage.io/spec/facets/1-0-1/DatasetVersionDatasetFacet.json",
            "datasetVersion": _decoded(name.split("|")[2]),
        }
    return {"namespace": namespace, "name": own, "facets": facets}


def _fields(graph: Graph, name: str) -> dict[str, Any]:
    """The steps into columns of a dataset, or into the features of a model."""
    fields: dict[str, Any] = {}
    for step in sorted(set(graph.columns)):
        model = kind_of(name) == "model" and step.target_family.startswith(f"feature:{name.removeprefix('model:')}|")
        if model or step.target_family == family_of(name):
            namespace, own = _names(step.source_family)
            origin = {"namespace": namespace, "name": own, "field": step.source_column, **_TOLD_AS[step.effect]}
            fields.setdefault(step.target_column, {"inputFields": []})["inputFields"].append(origin)
    return fields


def _names(name: str) -> tuple[str, str]:
    """Namespace and name; whatever we named ourselves is in the namespace `assay` under its whole name."""
    parts = name.partition(":")[2].split("|")
    return (OURS, name) if len(parts) == 1 else (_decoded(parts[0]), _decoded(parts[1]))


def _decoded(part: str) -> str:
    return part.replace("%7C", "|").replace("%25", "%")


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text
    except ValueError:
        return False
