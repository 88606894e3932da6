"""Builds the lineage graph of one model version from the records (the graph itself is pure: registry.lineage)."""

from __future__ import annotations

from typing import Any

from registry.cards import Card
from registry.dataset_cards import cards_of
from registry.lineage import Edge, Graph, Node
from registry.models import DatasetDerivation, DatasetVersion, ModelVersion

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
    """Everything upstream of `version`: datasets, the jobs that made them, down to declared sources."""
    root = f"model:{version}"
    nodes = {root: Node(root, "model", _model_facts(version))}
    edges: list[Edge] = []
    frontier: dict[int, DatasetVersion] = {}
    for use in version.inputs.select_related("dataset_version__dataset__owner").order_by("role"):
        edges.append(Edge(f"dataset:{use.dataset_version}", root, use.role))
        frontier[use.dataset_version_id] = use.dataset_version
    seen: set[int] = set()
    while frontier:
        seen.update(frontier)
        cards = cards_of(frontier.values())
        for key, dataset in frontier.items():
            nodes[f"dataset:{dataset}"] = Node(f"dataset:{dataset}", "dataset", dataset_facts(dataset, cards[key]))
        derivations = DatasetDerivation.objects.filter(child__in=frontier).select_related(
            "parent__dataset__owner", "child__dataset"
        )
        following: dict[int, DatasetVersion] = {}
        for derivation in derivations.order_by("pk"):
            edges.extend(_derivation_edges(derivation, nodes))
            if derivation.parent_id not in seen:
                following[derivation.parent_id] = derivation.parent
        frontier = following
    return Graph(root=root, nodes=tuple(nodes.values()), edges=tuple(dict.fromkeys(edges)))


def withdrawn_inputs(version: ModelVersion) -> tuple[str, ...]:
    """Names of the withdrawn dataset versions upstream of `version`, directly or through derivations."""
    frontier = set(version.inputs.values_list("dataset_version", flat=True))
    seen: set[int] = set()
    while frontier:
        seen |= frontier
        parents = DatasetDerivation.objects.filter(child__in=frontier).values_list("parent", flat=True)
        frontier = set(parents) - seen
    withdrawn = DatasetVersion.objects.withdrawn().filter(pk__in=seen).select_related("dataset")
    return tuple(sorted(str(dataset) for dataset in withdrawn))


def descendants(dataset: DatasetVersion) -> list[ModelVersion]:
    """Model versions made or measured with `dataset` or with anything derived from it."""
    frontier = {dataset.pk}
    seen: set[int] = set()
    while frontier:
        seen |= frontier
        children = DatasetDerivation.objects.filter(parent__in=frontier).values_list("child", flat=True)
        frontier = set(children) - seen
    return list(
        ModelVersion.objects.filter(inputs__dataset_version__in=seen)
        .select_related("model")
        .distinct()
        .order_by("model__slug", "number")
    )


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


def _derivation_edges(derivation: DatasetDerivation, nodes: dict[str, Node]) -> list[Edge]:
    """Parent → job → child, or parent → child where no job was named."""
    child, parent = f"dataset:{derivation.child}", f"dataset:{derivation.parent}"
    if not derivation.child.job:
        return [Edge(parent, child, "derived")]
    job = f"job:{derivation.child.job}"
    nodes.setdefault(job, Node(job, "job", {}))
    return [Edge(parent, job, "input"), Edge(job, child, "output")]


def _model_facts(version: ModelVersion) -> dict[str, Any]:
    return {
        "digest": version.artifact_digest,
        "owner": version.model.owner.pseudonym,
        "source_run": version.source_run,
        "code_revision": version.code_revision,
    }
