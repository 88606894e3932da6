"""Is the origin of this version recorded, gap by gap? Counted from the lineage document alone.

A model whose record shows no input at all is not "clean": nothing is known about it, so every count is *not estimable*.
A dataset is a declared origin when it states its `source`; a path that ends anywhere else ends in the dark. Where the
same content is registered elsewhere with a source, that is not taken over, and a note names both registrations.
NOASSERTION and the like are no licence.
Supports AI Act Art. 10(2)(b) (data collection and origin) and Art. 11 with Annex IV 2(d) (provenance of data).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar

from audits.checks._lineage import NO_INPUTS, has_data, read_graph
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue, Table
from registry.cards import NO_LICENCE
from registry.lineage import Graph, Node


@dataclass(frozen=True, slots=True)
class LineageParameters:
    """Nothing to choose: completeness means every node."""


class LineageCompleteness:
    """Counts the gaps in everything upstream of the version, the version itself included."""

    id: ClassVar[str] = "lineage.completeness"
    version: ClassVar[str] = "3"
    title: ClassVar[str] = "Completeness of lineage"
    needs: ClassVar[frozenset[str]] = frozenset({"lineage"})
    Parameters: ClassVar[type[LineageParameters]] = LineageParameters
    metrics: ClassVar[Mapping[str, str]] = {
        "nodes_total": "Datasets, jobs and models the version was made from, and the version itself.",
        "datasets_total": "Datasets upstream of the version.",
        "paths_without_declared_source": "Upstream ends that are not a dataset with a declared source.",
        "nodes_missing_digest": "Datasets and models without a digest: their content cannot be pinned.",
        "nodes_missing_owner": "Datasets and models nobody answers for.",
        "personal_datasets_missing_legal_basis": "Datasets with personal data and no legal basis.",
        "datasets_undeclared_personal_data": "Datasets that do not say whether they hold personal data.",
        "datasets_missing_licence": "Datasets without a licence or terms of use.",
        "withdrawn_inputs": "Withdrawn inputs for which nobody answers.",
        "cycles": "Groups of nodes that are recorded as their own ancestors.",
        "orphans": "Recorded nodes that neither lead to the version nor come from it.",
        "dangling_edges": "Edges with an end that nobody recorded.",
        "features_without_column": "Features for which no column of any data is recorded.",
    }

    def measure(self, evidence: Evidence, parameters: LineageParameters) -> Measurement:  # noqa: ARG002 - protocol
        """Count. Raises EvidenceError when the document is not a lineage graph."""
        graph, inputs = read_graph(evidence)
        nodes, gaps = _gaps(graph)
        if not has_data(graph):
            values = tuple(_unknown(metric) for metric in self.metrics)
            return Measurement(values=values, inputs=inputs, notes=(NO_INPUTS,))
        totals = {
            "nodes_total": len(nodes),
            "datasets_total": sum(node.kind == "dataset" for node in nodes if node.id != graph.root),
        }
        counted = {**totals, **{metric: len(places) for metric, places in gaps.items()}}
        return Measurement(
            values=tuple(MetricValue(metric=m, value=float(counted[m]), n=len(nodes)) for m in self.metrics),
            inputs=inputs,
            notes=tuple(_told_elsewhere(graph, gaps["paths_without_declared_source"])),
            tables={
                "gaps": Table(("metric", "place"), tuple((m, place) for m, places in gaps.items() for place in places))
            },
        )


def _unknown(metric: str) -> MetricValue:
    return MetricValue(metric=metric, value=None, n=0, not_estimable=NO_INPUTS)


def _gaps(graph: Graph) -> tuple[list[Node], dict[str, list[str]]]:
    """The recorded nodes from which the root was made (with it), and the places of each kind of gap."""
    reach = graph.upstream(graph.root) | {graph.root}
    nodes = [node for name in sorted(reach) if (node := graph.by_id.get(name)) is not None and node.kind != "feature"]
    relevant = [edge for edge in graph.dangling_edges() if edge.target in reach]

    def places(wanted: Callable[[Node], bool]) -> list[str]:
        return [node.id for node in nodes if wanted(node)]

    def is_dataset(node: Node) -> bool:
        return node.kind == "dataset"

    features = {node.id for node in graph.nodes if node.kind == "feature"}
    ends = [name for name in sorted(reach - features) if not graph.inputs_of(name)]
    traced = {step.target_family for step in graph.columns}
    gaps = {
        "paths_without_declared_source": [end for end in ends if not _is_declared_source(graph.by_id.get(end))],
        "nodes_missing_digest": places(lambda node: _is_held(node) and not node.facts.get("digest")),
        "nodes_missing_owner": places(lambda node: _is_held(node) and not node.facts.get("owner")),
        "personal_datasets_missing_legal_basis": places(
            lambda node: is_dataset(node) and _is_personal(node) and not node.facts.get("legal_basis")
        ),
        "datasets_undeclared_personal_data": places(
            lambda node: is_dataset(node) and not isinstance(node.facts.get("personal_data"), bool)
        ),
        "datasets_missing_licence": places(
            lambda node: is_dataset(node) and (node.facts.get("licence") or "") in NO_LICENCE
        ),
        "withdrawn_inputs": places(
            lambda node: (
                node.id != graph.root
                and bool(node.facts.get("withdrawn"))
                and not node.facts.get("risk_accepted_until")
            )
        ),
        "cycles": [" -> ".join(group) for group in graph.cycles() if reach.intersection(group)],
        "orphans": list(graph.orphans()),
        "features_without_column": sorted(features - traced),
        "dangling_edges": [f"{edge.source} -> {edge.target}" for edge in relevant],
    }
    return nodes, gaps


def _told_elsewhere(graph: Graph, ends: Iterable[str]) -> Iterator[str]:
    """A sentence for each end without a source whose content is registered elsewhere with one."""
    for end in ends:
        node = graph.by_id.get(end)
        others = node.facts.get("source_stated_by") if node is not None else None
        if isinstance(others, list) and others:
            named = ", ".join(map(str, others))
            yield f"{end} states no source; {named} of the same content states one: write it on the card of {end} too"


def _is_held(node: Node) -> bool:
    """Data and models have content and somebody who answers for it; jobs and runs only happen."""
    return node.kind in ("dataset", "model")


def _is_declared_source(node: Node | None) -> bool:
    """A path may end only in a dataset whose owner said where it came from."""
    return node is not None and node.kind == "dataset" and bool(node.facts.get("source"))


def _is_personal(node: Node) -> bool:
    """Special categories are personal data whatever the other flag says."""
    return bool(node.facts.get("personal_data")) or bool(node.facts.get("special_categories"))
