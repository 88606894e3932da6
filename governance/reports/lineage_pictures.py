"""The lineage of a version as a picture, and as the table beside it."""

from __future__ import annotations

from dataclasses import dataclass

from audits.reports import charts
from audits.reports.parts import Lineage
from governance.reports import facts as report_facts
from registry import provenance
from registry.columns import FeatureOrigin, origins_of
from registry.exports import FORMS
from registry.lineage import Graph
from registry.models import ModelVersion

TITLE = "Lineage of the model version"
MOST_LISTED = 200


@dataclass(frozen=True, slots=True)
class LineagePicture:
    """An SVG whose boxes carry the keys of `rows`, and how many rows the table leaves out."""

    svg: str
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

    def named(ids: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(labels.get(name, name) for name in ids)

    rows = tuple(
        LineageRow(
            key=f"n{index}",
            kind=node.kind,
            label=node.label,
            detail=node.detail,
            problem=node.problem,
            made_from=named(graph.inputs_of(node.id)),
            went_into=named(graph.outputs_of(node.id)),
        )
        for index, node in enumerate(facts.nodes[:MOST_LISTED])
    )
    return LineagePicture(drawn(facts), rows, len(facts.nodes) - len(rows), origins_of(version))


def lineage_svg(graph: Graph) -> str:
    """The picture of any graph."""
    return drawn(report_facts.of_graph(graph))


def drawn(facts: Lineage) -> str:
    """The SVG of `facts`, with what it shows in words."""
    nodes = [
        charts.Node(id=node.id, kind=node.kind, label=node.label, detail=node.detail, problem=node.problem)
        for node in facts.nodes
    ]
    wrong = sum(bool(node.problem) for node in nodes)
    told = f"{len(nodes)} datasets, runs, jobs and models joined by {len(facts.edges)} steps; {wrong} with a problem."
    return charts.lineage(nodes, facts.edges, title=TITLE, description=told)
