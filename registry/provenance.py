"""What the stored lineage graph says about one version, as the plain value that checks and reports read."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Iterable, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from registry import closures, recalls
from registry.cards import Card
from registry.connectors.statements import IDENTITY_ROLES, SAME_CONTENT, label_of
from registry.dataset_cards import cards_of
from registry.graph import plain_facts
from registry.lineage import Edge, Graph, Node
from registry.models import DatasetVersion, LineageEdge, LineageNode, ModelVersion

Into = Mapping[int, list[tuple[int, str]]]

_CARD_FACTS = (
    "owner",
    "licence",
    "legal_basis",
    "source",
    "personal_data",
    "special_exception",
    "purposes",
    "compatibility",
    "regions",
    "transfer_safeguard",
    "retention_until",
)


def lineage_of(version: ModelVersion) -> Graph:
    """Everything upstream of `version`: datasets, the runs and jobs that made them, down to declared sources."""
    graph = _graph(version.lineage_node, closures.ancestors(version.lineage_node))
    return recalls.with_acceptances(graph, version, timezone.now())


def dataset_facts(dataset: DatasetVersion, card: Card) -> dict[str, Any]:
    """What the lineage checks and the report look at: the card as it is now, and what became of the data."""
    told = card.to_document()
    return {
        "digest": dataset.digest,
        "card": card.digest,
        "job": dataset.job,
        **{name: told[name] for name in _CARD_FACTS},
        "purpose": "; ".join(card.purposes),
        "special_categories": bool(card.special_categories),
        "withdrawn": hasattr(dataset, "withdrawal"),
    }


def _graph(root: LineageNode, closure: QuerySet[LineageNode]) -> Graph:
    """The closure as a plain value, without what only joins names of the same content."""
    known = {node.pk: node for node in _with_records(closure)}
    into: dict[int, list[tuple[int, str]]] = defaultdict(list)
    edges = LineageEdge.objects.filter(target__in=closure.values("pk")).order_by("pk")
    for source, target, role in edges.values_list("source", "target", "role"):
        into[target].append((source, role))
    steps = _steps(root.pk, known, into)
    facts = _facts(known, into)
    nodes = {key: Node(known[key].name, known[key].kind, facts[key]) for key in _in_order(root.pk, steps)}
    drawn: list[Edge] = []
    for source, target, role in steps:
        drawn += _drawn(known[source], known[target], role)
    jobs = [Node(edge.target, "job", {}) for edge in drawn if edge.role == "input" and edge.target.startswith("job:")]
    listed = {node.id: node for node in (*jobs, *nodes.values())}
    return Graph(root=root.name, nodes=tuple(listed.values()), edges=tuple(dict.fromkeys(drawn)))


def _with_records(closure: QuerySet[LineageNode]) -> QuerySet[LineageNode]:
    return closure.select_related(
        "dataset_version__dataset__owner", "dataset_version__withdrawal", "model_version__model__owner"
    )


def _steps(root: int, known: Mapping[int, LineageNode], into: Into) -> list[tuple[int, int, str]]:
    """(source, target, role) of every step towards the root, nearest first.

    Of two names of the same content the one met first is the nearer one, so joining them never makes a cycle. A name
    without a history of its own adds nothing and is left out, like the name of a run that nobody told of.
    """
    steps: list[tuple[int, int, str]] = []
    met, waiting = {root}, deque([root])
    while waiting:
        target = waiting.popleft()
        for source, role in _sources(target, known, into):
            if role in IDENTITY_ROLES and (source in met or not _has_history(source, into)):
                continue
            if known[source].kind in ("run", "job") and not known[source].facts and not into.get(source):
                continue
            if role == "job" and not into.get(source):
                continue
            steps.append((source, target, role))
            if source not in met:
                met.add(source)
                waiting.append(source)
    return steps


def _sources(target: int, known: Mapping[int, LineageNode], into: Into) -> Iterable[tuple[int, str]]:
    """What goes into `target`, with other names of its content in the place of the content itself."""
    for source, role in into.get(target, ()):
        if known[source].kind != "content":
            yield source, role
            continue
        for other, _role in into.get(source, ()):
            if other != target:
                yield other, SAME_CONTENT


def _has_history(key: int, into: Into) -> bool:
    return any(role not in IDENTITY_ROLES for _source, role in into.get(key, ()))


def _in_order(root: int, steps: Iterable[tuple[int, int, str]]) -> dict[int, None]:
    return dict.fromkeys((root, *(source for source, _target, _role in steps)))


def _facts(known: Mapping[int, LineageNode], into: Into) -> dict[int, dict[str, Any]]:
    """Facts of each node. Terms that are registered for a content hold for every name of it."""
    registered: dict[int, dict[str, Any]] = {}
    cards = cards_of([node.dataset_version for node in known.values() if node.dataset_version is not None])
    for key, node in known.items():
        if node.dataset_version is not None:
            registered[key] = dataset_facts(node.dataset_version, cards[node.dataset_version.pk])
        elif node.model_version is not None:
            registered[key] = _model_facts(node.model_version)
    found = {}
    for key, node in known.items():
        if key in registered:
            found[key] = registered[key]
            continue
        facts = _stated(node, known, into)
        for content, role in into.get(key, ()):
            for other, _role in into.get(content, ()) if role == SAME_CONTENT else ():
                facts = {**registered.get(other, {}), **facts} if node.kind == "dataset" else facts
        found[key] = facts
    return found


def _stated(node: LineageNode, known: Mapping[int, LineageNode], into: Into) -> dict[str, Any]:
    """What emitters said, with the digests they declared as one fact and the job's code on the run."""
    stated = plain_facts(node)
    digests = sorted(name.removeprefix("digest ") for name in stated if name.startswith("digest "))
    facts = {name: value for name, value in stated.items() if not name.startswith("digest ")}
    if digests:
        facts["digest"] = digests[0]
        facts["digests"] = digests
    for source, role in into.get(node.pk, ()):
        if role == "job":
            facts |= {name: value for name, value in plain_facts(known[source]).items() if name not in facts}
            facts["job"] = label_of(known[source].name)
    return facts


def _drawn(source: LineageNode, target: LineageNode, role: str) -> list[Edge]:
    """The edge, through the job that a registered dataset version names."""
    version = target.dataset_version
    if role != "derived" or version is None or not version.job:
        return [Edge(source.name, target.name, role)]
    job = f"job:{version.job}"
    return [Edge(source.name, job, "input"), Edge(job, target.name, "output")]


def _model_facts(version: ModelVersion) -> dict[str, Any]:
    return {
        "digest": version.artifact_digest,
        "owner": version.model.owner.pseudonym,
        "source_run": version.source_run,
        "code_revision": version.code_revision,
    }
