"""Reading the lineage document, for the checks of this family. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from audits.checks.base import EvidenceError
from audits.evidence import Evidence
from registry.canonical import digest_of
from registry.lineage import Graph, LineageDocumentError, Node

NO_INPUTS = "the record shows no dataset that this version was made from: its origin is unknown"


def read_graph(evidence: Evidence) -> tuple[Graph, dict[str, str]]:
    """The graph, and its digest for `Measurement.inputs`. Raises EvidenceError when it is none."""
    try:
        graph = Graph.from_document(evidence.lineage)
    except LineageDocumentError as error:
        raise EvidenceError("lineage", str(error)) from error
    return graph, {"lineage": digest_of(graph.to_document())}


def upstream_datasets(graph: Graph) -> list[Node]:
    """The recorded datasets that the root was made from, by id."""
    reach = graph.upstream(graph.root)
    return [
        graph.by_id[name]
        for name in sorted(reach)
        if name in graph.by_id and graph.by_id[name].kind == "dataset" and name != graph.root
    ]


def has_data(graph: Graph) -> bool:
    """Whether any dataset is recorded at all."""
    return bool(upstream_datasets(graph))


def dataset_steps(graph: Graph) -> Iterator[tuple[Node, Node]]:
    """(source, target): each dataset upstream of the root with the nearest datasets that went into it."""
    for target in upstream_datasets(graph):
        for name in _nearest(graph, target.id):
            yield graph.by_id[name], target


def _nearest(graph: Graph, start: str) -> list[str]:
    """The datasets met first on the way upstream, past jobs and runs."""
    found, seen, waiting = set(), {start}, list(graph.inputs_of(start))
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        node = graph.by_id.get(name)
        if node is not None and node.kind == "dataset":
            found.add(name)
        else:
            waiting.extend(graph.inputs_of(name))
    return sorted(found)
