"""The lineage picture: where a model version came from and where it went, sources at the top."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from audits.reports.charts.grouped import Groups, bundle, bundle_height, is_listed
from audits.reports.charts.svg import (
    BLUE,
    INK,
    MUTED,
    PAPER,
    VERMILION,
    WIDTH,
    box,
    clip,
    group,
    line,
    number,
    path,
    picture,
    text,
)

BOX_HEIGHT, LAYER, GAP, ACROSS, SEAT = 40, 74, 16, 4, 10
MOST_NODES = 40
KINDS = {
    "dataset": gettext_noop("dataset"),
    "job": gettext_noop("job"),
    "run": gettext_noop("run"),
    "feature": gettext_noop("feature"),
    "model": gettext_noop("model"),
    "deployment": gettext_noop("deployment"),
}

Edge = tuple[str, str]
Place = tuple[float, float, float, float]  # left, top, width, height


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A dataset, run, job, feature, model or deployment. A `problem` is drawn as a dashed frame and printed as words.

    Nodes of one `group` are drawn as one box. `behind` are the nodes that a grouped one came from, near and far.
    """

    id: str
    kind: str
    label: str
    detail: str = ""
    problem: str = ""
    group: str = ""
    behind: tuple[str, ...] = ()


def lineage(
    nodes: Sequence[Node], edges: Sequence[Edge], *, title: str, description: str, unfolded: bool | None = None
) -> str:
    """Layers by longest way from a source; each box carries the place of its node among `nodes`, as `n0`.

    Edges to unknown nodes are left out; a cycle is drawn as far as it goes. A group is one box that says how many
    there are, or lists them: when it is small, or always or never as `unfolded` says.

    Beyond 40 boxes the ones nearest to the models are drawn and the rest is counted in words.
    """
    keys = {node.id: f"n{index}" for index, node in enumerate(nodes)}
    groups: Groups[Node] = Groups({node.id: node for node in nodes}, keys)
    known = {node.id: node for node in nodes if not node.group}
    known |= {name: Node(id=name, kind=members[0].kind, label="") for name, members in groups.members.items()}
    keys |= groups.keys
    real = groups.edges((a, b) for a, b in edges if a in keys and b in keys)
    kept = _nearest(known, real)
    real = [(a, b) for a, b in real if a in kept and b in kept]
    depth = _depths(kept, real)
    ways = {edge: _waypoints(edge, depth) for edge in real}
    tall = {
        name: bundle_height(len(members))
        for name, members in groups.members.items()
        if name in kept and is_listed(len(members), unfolded)
    }
    place, height = _places(_rows(ways, depth, tall), tall)
    arrows = {edge: _arrow([place[stop] for stop in way]) for edge, way in ways.items()}
    parts = [group([arrow], source=keys[a], target=keys[b]) for (a, b), arrow in arrows.items()]
    parts += [
        bundle(groups.members[name], place[name], keys, key=keys[name], listed=name in tall)
        if name in groups.members
        else group(
            _box(known[name], *place[name][:3]),
            node=keys[name],
            kind=known[name].kind if known[name].kind in KINDS else "",
        )
        for name in kept
    ]
    if len(known) > len(kept):
        words = _("and {number} more, further upstream: see the embedded evidence").format(
            number=len(known) - len(kept)
        )
        parts.append(text(WIDTH / 2, height + 6, words, size=10, anchor="middle", fill=MUTED))
        height += 16
    if not known:
        parts.append(text(WIDTH / 2, 24, _("no lineage was recorded"), anchor="middle", fill=MUTED))
        height = 40
    return picture(title, description, height, parts)


def _nearest(known: dict[str, Node], edges: Sequence[Edge]) -> list[str]:
    """At most 40 nodes, by steps upstream from the models (from the last nodes where there is no model)."""
    before: dict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        before[b].append(a)
    starts = {a for a, _b in edges}
    wave = sorted(name for name, node in known.items() if node.kind == "model") or sorted(set(known) - starts)
    kept: list[str] = []
    seen = set(wave)
    while wave and len(kept) < MOST_NODES:
        kept += wave
        wave = sorted({parent for name in wave for parent in before[name]} - seen)
        seen.update(wave)
    kept += sorted(set(known) - set(kept))
    return kept[:MOST_NODES]


def _depths(names: Sequence[str], edges: Sequence[Edge]) -> dict[str, int]:
    """Longest way from a source; in a cycle the walk stops where it would come round, so every node gets a layer."""
    before: dict[str, list[str]] = defaultdict(list)
    for a, b in edges:
        before[b].append(a)
    depth = dict.fromkeys(names, 0)
    # A longest way has fewer steps than there are nodes; relaxing that often settles every acyclic graph.
    for _turn in range(len(names)):
        moved = False
        for name in names:
            best = max((depth[parent] + 1 for parent in before[name]), default=0)
            if best > depth[name] and best < len(names):
                depth[name], moved = best, True
        if not moved:
            break
    return depth


def _waypoints(edge: Edge, depth: dict[str, int]) -> list[str]:
    """The stops of an edge: a seat of its own in each layer that it crosses, so that it never runs behind a box.

    The seats are entered into `depth`. Their names hold a NUL, which no node id on paper can.
    """
    start, end = edge
    seats = [f"{start}\0{end}\0{level}" for level in range(depth[start] + 1, depth[end])]
    depth.update({seat: depth[start] + 1 + index for index, seat in enumerate(seats)})
    return [start, *seats, end]


def _rows(ways: dict[Edge, list[str]], depth: dict[str, int], tall: Mapping[str, float]) -> list[list[str]]:
    """Rows of at most four boxes, each row ordered by the mean place of what flows into it.

    A tall box has a row of its own, beside which the lines that cross its layer go down.
    """
    layers: dict[int, list[str]] = defaultdict(list)
    for name in depth:
        layers[depth[name]].append(name)
    before: dict[str, list[str]] = defaultdict(list)
    for way in ways.values():
        for parent, child in pairwise(way):
            before[child].append(parent)
    position: dict[str, float] = {}
    rows = []
    for level in sorted(layers):
        known = {name: [position[parent] for parent in before[name] if parent in position] for name in layers[level]}
        middle = {name: sum(places) / len(places) if places else 0.0 for name, places in known.items()}
        ordered = sorted(layers[level], key=lambda name: (middle[name], name))
        for index, name in enumerate(ordered):
            position[name] = (index + 0.5) / len(ordered)
        alone = [name for name in ordered if name in tall]
        beside = [name for name in ordered if "\0" in name] if alone else []
        rest = [name for name in ordered if name not in alone and name not in beside]
        rows += [rest[start : start + ACROSS] for start in range(0, len(rest), ACROSS)]
        rows += [[*(beside if not index else ()), name] for index, name in enumerate(alone)]
    return rows


def _places(rows: Sequence[Sequence[str]], tall: Mapping[str, float]) -> tuple[dict[str, Place], float]:
    """Node or seat to its place, and the height of all."""
    place: dict[str, Place] = {}
    top = 6.0
    for row in rows:
        height = max(tall.get(name, BOX_HEIGHT) for name in row)
        aside = SEAT * (len(row) - 1) if height > BOX_HEIGHT else 0
        slot = WIDTH / len(row)
        for column, name in enumerate(row):
            if name in tall:
                place[name] = (GAP / 2 + aside, top, WIDTH - GAP - aside, height)
                continue
            width = 0.0 if "\0" in name else min(slot - GAP, 230)
            middle = GAP / 2 + SEAT * column if aside else slot * (column + 0.5)
            place[name] = (middle - width / 2, top, width, height)
        top += height + LAYER - BOX_HEIGHT
    return place, top + 2


def _arrow(stops: Sequence[Place]) -> str:
    """A curve from the foot of the first stop through the seats to the head of the last."""
    way, last = "", len(stops) - 2
    for index, (start, end) in enumerate(pairwise(stops)):
        x1, y1 = start[0] + start[2] / 2, start[1] + start[3]
        x2, y2 = end[0] + end[2] / 2, end[1] - (6 if index == last else 0)
        bend = max((y2 - y1) / 2, 14)
        way += f"M{number(x1)} {number(y1)}" if index == 0 else f"L{number(x1)} {number(y1)}"
        way += f"C{number(x1)} {number(y1 + bend)} {number(x2)} {number(y2 - bend)} {number(x2)} {number(y2)}"
    tip, left = stops[-1][1] - 1, stops[-1][0] + stops[-1][2] / 2
    head = f"M{number(left - 4)} {number(tip - 7)}L{number(left + 4)} {number(tip - 7)}L{number(left)} {number(tip)}Z"
    return path(way, fill="none", stroke=MUTED, stroke_width="1.2") + path(head, fill=MUTED)


def _box(node: Node, x: float, y: float, width: float) -> list[str]:
    """Shape by kind: a job or run is a pill, a model has a double frame, a dataset has a bar on its left."""
    colour = VERMILION if node.problem else BLUE if node.kind == "model" else INK
    style = {"fill": PAPER, "stroke": colour, "stroke_width": "2" if node.kind == "model" else "1.2"}
    if node.problem:
        style["stroke_dasharray"] = "5 3"
    radius = number(BOX_HEIGHT / 2) if node.kind in ("job", "run") else "3"
    parts = [box(x, y, width, BOX_HEIGHT, rx=radius, **style)]
    if node.kind == "dataset":
        parts.append(line(x + 3.5, y + 4, x + 3.5, y + BOX_HEIGHT - 4, stroke=colour, width=2.4))
    if node.kind == "model":
        parts.append(
            box(x + 3, y + 3, width - 6, BOX_HEIGHT - 6, rx="2", fill="none", stroke=colour, stroke_width="0.6")
        )
    kind = _(KINDS.get(node.kind, node.kind))
    below = f"! {node.problem}" if node.problem else f"{kind} · {node.detail}" if node.detail else kind
    middle, room = x + width / 2, width - 26
    parts.append(text(middle, y + 17, clip(node.label, room), anchor="middle", weight=600))
    parts.append(
        text(middle, y + 31, clip(below, room, 9), size=9, anchor="middle", fill=colour if node.problem else MUTED)
    )
    return parts
