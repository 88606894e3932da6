"""What is wrong in the whole lineage graph: contradictory digests, and histories that go in circles."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from registry.connectors.statements import IDENTITY_ROLES, SAME_CONTENT, VERSION_OF
from registry.lineage import Edge, Graph
from registry.models import LineageEdge

CONTRADICTION, CYCLE = "contradictory-digests", "cycle"


@dataclass(frozen=True, slots=True)
class LineageFinding:
    """`nodes` are those concerned; `explanation` says what is known and what to do."""

    code: str
    nodes: tuple[str, ...]
    explanation: str


def findings() -> tuple[LineageFinding, ...]:
    """All of them, in a stable order. Reads the whole graph: for people and reports, not for each event."""
    return (*_contradictions(), *_cycles())


def _contradictions() -> list[LineageFinding]:
    """A node has one content. MD5 and SHA-256 of it are two names, two SHA-256 are two contents."""
    held: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    rows = LineageEdge.objects.filter(role=SAME_CONTENT, target__kind="content").order_by("target__name")
    for name, content in rows.values_list("source__name", "target__name"):
        digest = content.removeprefix("content:")
        held[name][digest.partition(":")[0]].append(digest)
    return [
        LineageFinding(
            CONTRADICTION,
            (name,),
            f"Emitters declared {len(digests)} contents for it: {', '.join(digests)}. None replaces another; find out "
            "which emitter is wrong.",
        )
        for name, kinds in sorted(held.items())
        for digests in kinds.values()
        if len(digests) > 1
    ]


def _cycles() -> list[LineageFinding]:
    """Data made from itself. Different names of one content are no cycle: a copy of a copy is the same data."""
    rows = LineageEdge.objects.exclude(role__in=(*IDENTITY_ROLES, VERSION_OF))
    edges = tuple(Edge(*row) for row in rows.values_list("source__name", "target__name", "role"))
    return [
        LineageFinding(
            CYCLE,
            group,
            "Each of these was made from the others. Have the emitter send the version facet, which tells the data "
            "before and after a run apart.",
        )
        for group in Graph(root="", nodes=(), edges=edges).cycles()
    ]
