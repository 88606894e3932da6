"""What the stored lineage graph says about one version, as the plain value that checks and reports read."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from registry import closures, recalls
from registry.cards import GOVERNANCE_TAGS, Card
from registry.columns import tags_told, with_columns
from registry.connectors.statements import IDENTITY_ROLES, SAME_CONTENT, label_of, unique
from registry.dataset_cards import cards_of, tagged_columns
from registry.graph import plain_facts
from registry.lineage import Edge, Graph, Node
from registry.models import DatasetVersion, LineageEdge, LineageNode, ModelVersion

#: Neighbours of each node with the role of the edge to them, in one direction.
Beside = Mapping[int, list[tuple[int, str]]]
#: From the ends of an edge (source, target): the end from which a walk comes, and the end to which it goes.
Turn = Callable[[int, int], tuple[int, int]]

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
    """Everything upstream of `version`: its features, datasets, the runs and jobs behind them, down to the sources."""
    node = version.lineage_node
    above = closures.ancestors(node), closures.edges_above(node)
    graph = _graph(node, *above, lambda source, target: (target, source))
    return recalls.with_acceptances(with_columns(graph), version, timezone.now())


def lineage_below(version: ModelVersion) -> Graph:
    """Everything downstream of `version`: deployments, and what later runs made with it."""
    node = version.lineage_node
    below = closures.descendants(node), closures.edges_below(node)
    return _graph(node, *below, lambda source, target: (source, target))


def lineage_around(version: ModelVersion) -> Graph:
    """Both directions in one graph."""
    above, below = lineage_of(version), lineage_below(version)
    nodes = {node.id: node for node in (*above.nodes, *below.nodes)}
    edges = unique((*above.edges, *below.edges))
    return Graph(root=above.root, nodes=tuple(nodes.values()), edges=edges, columns=above.columns)


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
        "retention_passed": bool(card.retention_until and card.retention_until < timezone.now().date()),
        "tagged_columns": {
            column["name"]: sorted(set(column["tags"]) & set(GOVERNANCE_TAGS))
            for column in tagged_columns(dataset, card)
            if column["name"] in card.columns or set(column["tags"]) & set(GOVERNANCE_TAGS)
        },
        "columns": [{"name": column["name"], "type": column["type"]} for column in dataset.columns],
        "withdrawn": hasattr(dataset, "withdrawal"),
    }


def _graph(root: LineageNode, closure: QuerySet[LineageNode], edges: QuerySet[LineageEdge], turn: Turn) -> Graph:
    """The closure as a plain value, without what only joins names of the same content."""
    known = {node.pk: node for node in _with_records(closure)}
    into: dict[int, list[tuple[int, str]]] = defaultdict(list)
    beside: dict[int, list[tuple[int, str]]] = defaultdict(list)
    for source, target, role in edges.order_by("pk").values_list("source", "target", "role"):
        into[target].append((source, role))
        near, far = turn(source, target)
        beside[near].append((far, role))
    steps = list(_steps(root.pk, known, beside))
    facts = _facts(known, into)
    nodes = {
        key: Node(known[key].name, known[key].kind, facts[key]) for key in unique((root.pk, *(s[1] for s in steps)))
    }
    drawn: list[Edge] = []
    for near, far, role in steps:
        source, target = turn(near, far)
        drawn += _drawn(known[source], known[target], role)
    jobs = [Node(edge.target, "job", {}) for edge in drawn if edge.role == "input" and edge.target.startswith("job:")]
    listed = {node.id: node for node in (*jobs, *nodes.values())}
    return Graph(root=root.name, nodes=tuple(listed.values()), edges=unique(drawn))


def _with_records(closure: QuerySet[LineageNode]) -> QuerySet[LineageNode]:
    return closure.select_related(
        "dataset_version__dataset__owner", "dataset_version__withdrawal", "model_version__model__owner"
    )


def _steps(root: int, known: Mapping[int, LineageNode], beside: Beside) -> Iterator[tuple[int, int, str]]:
    """(from, to, role) of every step of the walk that begins at the root, nearest first.

    Of two names of the same content the one met first is the nearer one, so joining them never makes a cycle. A name
    that leads nowhere else adds nothing and is left out, like the name of a run that nobody told of.
    """
    met, waiting = {root}, deque([root])
    while waiting:
        near = waiting.popleft()
        for far, role in _next(near, known, beside):
            if role in IDENTITY_ROLES and (far in met or not _leads_on(far, beside)):
                continue
            silent = known[far].kind in ("run", "job") and not known[far].facts
            if (silent or role in ("job", "code")) and not beside.get(far):
                continue
            if role == "feature" and near != root:
                continue  # what another model asks for says nothing of this one
            yield near, far, role
            if far not in met:
                met.add(far)
                waiting.append(far)


def _next(near: int, known: Mapping[int, LineageNode], beside: Beside) -> Iterator[tuple[int, str]]:
    """Neighbours, with other names of the same content in the place of the content itself."""
    for far, role in beside.get(near, ()):
        if known[far].kind != "content":
            yield far, role
            continue
        for other, _role in beside.get(far, ()):
            if other != near:
                yield other, SAME_CONTENT


def _leads_on(key: int, beside: Beside) -> bool:
    return any(role not in IDENTITY_ROLES for _far, role in beside.get(key, ()))


def _facts(known: Mapping[int, LineageNode], into: Beside) -> dict[int, dict[str, Any]]:
    """Facts of each node. Terms that are registered for a content hold for every name of it."""
    cards = cards_of([node.dataset_version for node in known.values() if node.dataset_version is not None])
    registered: dict[int, dict[str, Any]] = {}
    for key, node in known.items():
        if node.dataset_version is not None:
            registered[key] = dataset_facts(node.dataset_version, cards[node.dataset_version.pk])
        elif node.model_version is not None:
            registered[key] = _model_facts(node.model_version)
    found = {}
    told = tags_told(known.values())
    for key, node in known.items():
        stated = _stated(node, known, into) | told.get(node.name, {})
        if key in registered:
            found[key] = registered[key] | _contradiction(registered[key]["digest"], stated) | told.get(node.name, {})
            if elsewhere := _source_elsewhere(key, registered, known, into):
                found[key] |= {"source_stated_by": elsewhere}
            continue
        for content, role in into.get(key, ()):
            for other, _role in into.get(content, ()) if role == SAME_CONTENT and node.kind == "dataset" else ():
                stated = {**registered.get(other, {}), **stated}
        found[key] = stated
    return found


def _source_elsewhere(
    key: int, registered: Mapping[int, Mapping[str, Any]], known: Mapping[int, LineageNode], into: Beside
) -> list[str]:
    """Other registered data of the same content that state a source, where this states none.

    Their word is not taken for this one: equal bytes may have come another way, and somebody answers for each.
    """
    if registered[key].get("source"):
        return []
    contents = [content for content, role in into.get(key, ()) if role == SAME_CONTENT]
    alike = {other for content in contents for other, _role in into.get(content, ()) if other != key}
    return sorted(known[other].name for other in alike if registered.get(other, {}).get("source"))


def _contradiction(digest: str, stated: Mapping[str, Any]) -> dict[str, Any]:
    """Digests that emitters declared for a registered version, where they are not the registered one."""
    others = [other for other in stated.get("digests", ()) if other != digest]
    return {"digests": sorted([digest, *others])} if others else {}


def _stated(node: LineageNode, known: Mapping[int, LineageNode], into: Beside) -> dict[str, Any]:
    """What emitters said, with the digests they declared as one fact and the job's code on the run."""
    stated = plain_facts(node)
    digests = sorted(name.removeprefix("digest ") for name in stated if name.startswith("digest "))
    facts = {name: value for name, value in stated.items() if not name.startswith("digest ")}
    if "job" in facts:
        facts |= {"job": label_of(facts["job"]), "job_name": facts["job"]}
    if digests:
        facts["digest"] = digests[0]
        facts["digests"] = digests
    for source, role in into.get(node.pk, ()):
        if role in ("job", "code"):
            facts |= {name: value for name, value in plain_facts(known[source]).items() if name not in facts}
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
