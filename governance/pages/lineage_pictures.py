"""The lineage of a version as a picture."""

from __future__ import annotations

from audits.reports import charts
from audits.reports.parts import Lineage
from governance import report_facts
from registry.models import ModelVersion


def lineage_picture(version: ModelVersion) -> str:
    """An SVG, "" when nothing was recorded."""
    lineage: Lineage = report_facts.lineage_facts(version)
    if len(lineage.nodes) <= 1:
        return ""
    nodes = [
        charts.Node(id=node.id, kind=node.kind, label=node.label, detail=node.detail, problem=node.problem)
        for node in lineage.nodes
    ]
    wrong = sum(bool(node.problem) for node in nodes)
    told = f"{len(nodes)} datasets, jobs and models joined by {len(lineage.edges)} steps; {wrong} with a problem."
    return charts.lineage(nodes, lineage.edges, title="Lineage of the model version", description=told)
