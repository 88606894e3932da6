"""The lineage of a version as a picture, and as the table beside it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from audits.reports import charts
from audits.reports.parts import Lineage
from governance.reports import facts as report_facts
from registry import provenance
from registry.columns import FeatureOrigin, origins_of
from registry.connectors.statements import feature_name, group_of, kind_of
from registry.exports import FORMS
from registry.lineage import Graph
from registry.models import ModelVersion

TITLE = "Lineage of the model version"
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class LineagePicture:
    """An SVG whose boxes carry the keys of `rows`, and how many rows the table leaves out.

    `unfolded` is the same picture with every feature by its name.
    """

    svg: str
    unfolded: str
    rows: tuple[LineageRow, ...]
    left_out: int
    features: tuple[FeatureOrigin, ...] = ()
    forms: tuple[str, ...] = (*FORMS, "svg")


@dataclass(frozen=True, slots=True)
class LineageRow:
    """One dataset, run, job, model or deployment, and its direct neighbours."""

    key: str
    kind: str
    label: str
    detail: str
    problem: str
    made_from: tuple[str, ...]
    went_into: tuple[str, ...]


def lineage_picture(version: ModelVersion) -> LineagePicture | None:
    """Both directions around `version`; None when nothing but itself is known."""
    graph = provenance.lineage_around(version)
    facts = report_facts.of_graph(graph)
    if len(facts.nodes) <= 1:
        return None
    labels = {node.id: node.label for node in facts.nodes}
    features = origins_of(version, graph)

    def named(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(labels.get(name, name) for name in ids if kind_of(name) != "feature")

    listed = [(f"n{index}", node) for index, node in enumerate(facts.nodes) if node.kind != "feature"]
    rows = tuple(
        LineageRow(
            key=key,
            kind=node.kind,
            label=node.label,
            detail=node.detail,
            problem=node.problem,
            made_from=named(graph.inputs_of(node.id)),
            went_into=named(graph.outputs_of(node.id)),
        )
        for key, node in listed[:MOST_LISTED]
    )
    behind = {feature_name(str(version), origin.feature): origin.nodes for origin in features}
    return LineagePicture(
        svg=drawn(facts, unfolded=False, behind=behind),
        unfolded=drawn(facts, unfolded=True, behind=behind),
        rows=rows,
        left_out=len(listed) - len(rows),
        features=features,
    )


def lineage_svg(graph: Graph) -> str:
    """The picture of any graph."""
    return drawn(report_facts.of_graph(graph), unfolded=None, behind={})


def drawn(facts: Lineage, *, unfolded: bool | None, behind: Mapping[str, tuple[str, ...]]) -> str:
    """The SVG of `facts`, with what it shows in words. `behind` names the data that each feature came from."""
    nodes = [
        charts.Node(
            id=node.id,
            kind=node.kind,
            label=node.label,
            detail=node.detail,
            problem=node.problem,
            group=group_of(node.id),
            behind=behind.get(node.id, ()),
        )
        for node in facts.nodes
    ]
    wrong = sum(bool(node.problem) for node in nodes)
    boxes = [node for node in nodes if not node.group]
    steps = [edge for edge in facts.edges if not any(map(group_of, edge))]
    told = f"{len(boxes)} datasets, runs, jobs and models joined by {len(steps)} steps; {wrong} with a problem."
    told += f" {len(nodes) - len(boxes)} features." if len(nodes) > len(boxes) else ""
    return charts.lineage(nodes, facts.edges, title=TITLE, description=told, unfolded=unfolded)
