"""Small pictures as SVG text: the same bytes for the same facts, used by the admin pages and by the reports.

No Django, no plotting library. Each picture has a title and a description for people who cannot see it, prints its
numbers beside its marks, and never tells by colour alone: each tone has its own shape and word.
"""

from __future__ import annotations

from audits.reports.charts.bars import Bar, importance
from audits.reports.charts.compared import Series, compared
from audits.reports.charts.curve import Point, curve
from audits.reports.charts.graph import Edge, Node, lineage
from audits.reports.charts.heat import Field, heat
from audits.reports.charts.intervals import Mark, forest
from audits.reports.charts.svg import Tone
from audits.reports.charts.swarm import Dot, swarm
from audits.reports.charts.timeline import Event, timeline

__all__ = [
    "Bar",
    "Dot",
    "Edge",
    "Event",
    "Field",
    "Mark",
    "Node",
    "Point",
    "Series",
    "Tone",
    "compared",
    "curve",
    "forest",
    "heat",
    "importance",
    "lineage",
    "swarm",
    "timeline",
]
