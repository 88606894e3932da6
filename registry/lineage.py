"""Where a model version comes from: a graph of datasets, jobs and models, as plain values.

An edge points from input to output: `dataset:patients/1 -> job:train -> model:risk/3`. Node ids are
`dataset:<slug>/<number>`, `job:<name>`, `model:<slug>/<number>` and `feature:<slug>/<number>|<column>`. The document is
`{"root": id, "nodes": [{"id", "kind", "facts"}], "edges": [{"source", "target", "role"}], "columns": [{"source",
"source_column", "target", "target_column", "effect"}]}`.

The graph keeps what is wrong with it (edges to nodes nobody recorded, cycles, orphans) instead of refusing it: a gap in
the record is a fact to be measured. Only a document that is not of this shape is refused.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Any

NODE_KINDS = ("dataset", "job", "run", "feature", "model", "deployment")

#: What a step does with the values of its column: hands them on, only chooses or orders rows by them, or masks them.
VALUE, SELECTION, MASKED = "value", "selection", "masked"
EFFECTS = (VALUE, SELECTION, MASKED)

#: Facts a node may state. `withdrawn`, `personal_data`, `special_categories` are booleans; `retention_until` is an ISO
#: date; `purposes` and `regions` are lists; the rest is text. `card` is the digest of the dataset card these facts come
#: from. A dataset with a `source` was declared as an origin: nothing has to lead to it. `tagged_columns` maps a column
#: to the tags that a card or a registration gives it, `told_tags` to those of an emitter; `columns` is a list of
#: `{"name", "type"}`; `column_lineage` says that somebody told which columns went into columns of this dataset.
#: `source_stated_by` names other registered data of the same content that state a source, where this states none.
FACTS = (
    "digest",
    "owner",
    "licence",
    "legal_basis",
    "source",
    "personal_data",
    "special_categories",
    "withdrawn",
    "retention_until",
    "purpose",
    "purposes",
    "compatibility",
    "special_exception",
    "regions",
    "transfer_safeguard",
    "card",
    "risk_accepted_until",
    "retention_passed",
    "tagged_columns",
    "told_tags",
    "columns",
    "column_lineage",
    "source_stated_by",
)


class LineageDocumentError(ValueError):
    """The document is not a lineage graph. `field` names the place, as `nodes[2].kind`."""

    code = "lineage-invalid"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field


@dataclass(frozen=True, slots=True)
class Node:
    """One dataset version, job or model version, with the facts its owner declared."""

    id: str
    kind: str
    facts: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, order=True)
class Edge:
    """`source` went into `target`; `role` says as what (train, evaluation, produced-by, base-model, ...)."""

    source: str
    target: str
    role: str = ""


@dataclass(frozen=True, slots=True, order=True)
class ColumnEdge:
    """A column made from a column. Datasets are named by family: without their version. A feature is its own family."""

    source_family: str
    source_column: str
    target_family: str
    target_column: str
    effect: str = VALUE


@dataclass(frozen=True)
class Graph:
    """Nodes and edges around `root`, the version in question. Closures follow edges, also over unrecorded nodes.

    `columns` are the steps between columns that lead to the root's features; closures do not follow them.
    """

    root: str
    nodes: tuple[Node, ...]
    edges: tuple[Edge, ...]
    columns: tuple[ColumnEdge, ...] = ()

    @cached_property
    def by_id(self) -> Mapping[str, Node]:
        """The recorded nodes by their id."""
        return MappingProxyType({node.id: node for node in self.nodes})

    @cached_property
    def _into(self) -> Mapping[str, tuple[str, ...]]:
        return _neighbours((edge.target, edge.source) for edge in self.edges)

    @cached_property
    def _out_of(self) -> Mapping[str, tuple[str, ...]]:
        return _neighbours((edge.source, edge.target) for edge in self.edges)

    def inputs_of(self, node_id: str) -> tuple[str, ...]:
        """Ids directly upstream, sorted."""
        return self._into.get(node_id, ())

    def outputs_of(self, node_id: str) -> tuple[str, ...]:
        """Ids directly downstream, sorted."""
        return self._out_of.get(node_id, ())

    def upstream(self, node_id: str) -> frozenset[str]:
        """Everything `node_id` was made from, without itself unless it lies on a cycle."""
        return _closure(node_id, self._into)

    def downstream(self, node_id: str) -> frozenset[str]:
        """Everything made from `node_id`: the reach of a recall. Without itself unless it lies on a cycle."""
        return _closure(node_id, self._out_of)

    def dangling_edges(self) -> tuple[Edge, ...]:
        """Edges with an end that no node records."""
        return tuple(edge for edge in self.edges if edge.source not in self.by_id or edge.target not in self.by_id)

    def orphans(self) -> tuple[str, ...]:
        """Recorded nodes that neither lead to the root nor come from it, sorted."""
        related = self.upstream(self.root) | self.downstream(self.root) | {self.root}
        return tuple(sorted(node.id for node in self.nodes if node.id not in related))

    def cycles(self) -> tuple[tuple[str, ...], ...]:
        """Each group of nodes that are their own ancestors, sorted: an impossible history.

        One group per strongly connected component with a cycle in it, so the number is finite and stable.
        """
        return tuple(sorted(_cyclic_components(self._out_of)))

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form, sorted, so equal graphs have equal documents; `from_document` is its inverse."""
        return {
            "root": self.root,
            "nodes": [
                {"id": node.id, "kind": node.kind, "facts": dict(node.facts)}
                for node in sorted(self.nodes, key=lambda node: node.id)
            ],
            "edges": [
                {"source": edge.source, "target": edge.target, "role": edge.role} for edge in sorted(set(self.edges))
            ],
            "columns": [
                {
                    "source": step.source_family,
                    "source_column": step.source_column,
                    "target": step.target_family,
                    "target_column": step.target_column,
                    "effect": step.effect,
                }
                for step in sorted(set(self.columns))
            ],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> Graph:
        """Read `to_document`; older documents have no columns. Raises LineageDocumentError naming the wrong place."""
        root = _text(document, "root", "root")
        nodes: list[Node] = []
        seen: set[str] = set()
        for index, entry in enumerate(_list(document, "nodes")):
            node = _node(entry, f"nodes[{index}]")
            if node.id in seen:
                raise LineageDocumentError(f"nodes[{index}].id", f"{node.id} stands twice in the document")
            seen.add(node.id)
            nodes.append(node)
        edges = [_edge(entry, f"edges[{index}]") for index, entry in enumerate(_list(document, "edges"))]
        told = _list(document, "columns") if "columns" in document else []
        columns = [_column_edge(entry, f"columns[{index}]") for index, entry in enumerate(told)]
        if root not in seen:
            raise LineageDocumentError("root", f"{root} is not among the nodes")
        return cls(root=root, nodes=tuple(nodes), edges=tuple(edges), columns=tuple(columns))


def _neighbours(pairs: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    collected: defaultdict[str, set[str]] = defaultdict(set)
    for near, far in pairs:
        collected[near].add(far)
    return {near: tuple(sorted(far)) for near, far in collected.items()}


def _closure(start: str, step: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    reached: set[str] = set()
    waiting = list(step.get(start, ()))
    while waiting:
        node_id = waiting.pop()
        if node_id not in reached:
            reached.add(node_id)
            waiting.extend(step.get(node_id, ()))
    return frozenset(reached)


def _cyclic_components(
    step: Mapping[str, tuple[str, ...]],
) -> list[tuple[str, ...]]:
    """Tarjan's strongly connected components, with a stack of our own: histories are deeper than Python's."""
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []
    on_path: set[str] = set()
    found: list[tuple[str, ...]] = []
    for start in sorted(step):
        if start in order:
            continue
        work = [(start, iter(step.get(start, ())))]
        order[start] = lowest[start] = len(order)
        path.append(start)
        on_path.add(start)
        while work:
            node_id, following = work[-1]
            for successor in following:
                if successor not in order:
                    order[successor] = lowest[successor] = len(order)
                    path.append(successor)
                    on_path.add(successor)
                    work.append((successor, iter(step.get(successor, ()))))
                    break
                if successor in on_path:
                    lowest[node_id] = min(lowest[node_id], order[successor])
            else:
                work.pop()
                if work:
                    lowest[work[-1][0]] = min(lowest[work[-1][0]], lowest[node_id])
                if lowest[node_id] == order[node_id]:
                    found.extend(_component(node_id, path, on_path, step))
    return found


def _component(
    head: str, path: list[str], on_path: set[str], step: Mapping[str, tuple[str, ...]]
) -> list[tuple[str, ...]]:
    """Take the component of `head` off the path; empty unless it holds a cycle."""
    cut = path.index(head)
    members = path[cut:]
    del path[cut:]
    on_path.difference_update(members)
    if len(members) > 1 or head in step.get(head, ()):
        return [tuple(sorted(members))]
    return []


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise LineageDocumentError(name, "must be a list")
    return value


def _text(entry: Mapping[str, Any], name: str, place: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value:
        raise LineageDocumentError(place, "must be a text that is not empty")
    return value


def _node(entry: Any, place: str) -> Node:
    if not isinstance(entry, Mapping):
        raise LineageDocumentError(place, "must be an object")
    kind = entry.get("kind")
    if kind not in NODE_KINDS:
        raise LineageDocumentError(f"{place}.kind", f"must be one of {', '.join(NODE_KINDS)}")
    facts = entry.get("facts", {})
    if not isinstance(facts, Mapping):
        raise LineageDocumentError(f"{place}.facts", "must be an object")
    return Node(id=_text(entry, "id", f"{place}.id"), kind=kind, facts=MappingProxyType(dict(facts)))


def _edge(entry: Any, place: str) -> Edge:
    if not isinstance(entry, Mapping):
        raise LineageDocumentError(place, "must be an object")
    role = entry.get("role", "")
    if not isinstance(role, str):
        raise LineageDocumentError(f"{place}.role", "must be a text")
    return Edge(
        source=_text(entry, "source", f"{place}.source"), target=_text(entry, "target", f"{place}.target"), role=role
    )


def _column_edge(entry: Any, place: str) -> ColumnEdge:
    if not isinstance(entry, Mapping):
        raise LineageDocumentError(place, "must be an object")
    effect = entry.get("effect", VALUE)
    if effect not in EFFECTS:
        raise LineageDocumentError(f"{place}.effect", f"must be one of {', '.join(EFFECTS)}")
    return ColumnEdge(
        source_family=_text(entry, "source", f"{place}.source"),
        source_column=_text(entry, "source_column", f"{place}.source_column"),
        target_family=_text(entry, "target", f"{place}.target"),
        target_column=_text(entry, "target_column", f"{place}.target_column"),
        effect=effect,
    )
