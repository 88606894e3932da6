"""The stored lineage graph: nodes and edges derived from kept events and from registered versions.

Applying a statement twice, or any set of statements in any order, gives the same graph: nodes and edges are sets, of
two values of a fact the newer stamp is kept, and what depends on several statements is worked out from the result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

from django.db import connection, transaction

from registry import row_sets
from registry.connectors.statements import (
    VERSION_OF,
    StatedNode,
    Statement,
    content_edges,
    family_of,
    feature_name,
    run_name,
    unique,
)
from registry.lineage import ColumnEdge, Edge
from registry.models import (
    DatasetVersion,
    LineageColumnEdge,
    LineageEdge,
    LineageNode,
    ModelVersion,
    StageAssignment,
)

BATCH = 2000
STEP = ("source_family", "source_column", "target_family", "target_column", "effect")
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)

Facts = dict[str, list[Any]]


@transaction.atomic
def apply(statements: Iterable[Statement]) -> None:
    """Add what `statements` say. In the caller's transaction, so that an event and its graph are kept together."""
    facts: dict[str, Facts] = {}
    edges: dict[Edge, None] = {}
    columns: dict[ColumnEdge, None] = {}
    for statement in statements:
        for node in statement.nodes:
            said: Facts = {name: [statement.stamp, value] for name, value in node.facts.items()}
            _merge(facts.setdefault(node.name, {}), said)
        edges |= dict.fromkeys(statement.edges)
        columns |= dict.fromkeys(statement.columns)
    for edge in edges:
        facts.setdefault(edge.source, {})
        facts.setdefault(edge.target, {})
    ids = _store_nodes(facts)
    _store_edges((ids[edge.source], ids[edge.target], edge.role) for edge in edges)
    row_sets.add(LineageColumnEdge, STEP, (tuple(getattr(step, name) for name in STEP) for step in sorted(columns)))
    _join_versions({family_of(name) for name in facts if name.startswith("dataset:")})


def record_dataset_version(version: DatasetVersion) -> None:
    """Add a registered dataset version, with its parents."""
    _record([version], "dataset_version", _of_dataset)


def record_model_version(version: ModelVersion) -> None:
    """Add a registered model version, with the data and the run it came from."""
    _record([version], "model_version", _of_model)


def record_assignment(assignment: StageAssignment) -> None:
    """Add the deployment that a stage assignment is."""
    apply([_of_assignment(assignment)])


@transaction.atomic
def rebuild(statements: Iterable[Statement]) -> None:
    """Throw the graph away and derive it anew, from the registered records and `statements` of all kept events."""
    LineageColumnEdge.objects.all().delete()
    for derived in (LineageEdge, LineageNode):
        derived.objects.all()._raw_delete(using=connection.alias)  # noqa: SLF001  (without reading a million rows)
    for datasets in _batches(DatasetVersion.objects.select_related("dataset").order_by("pk").iterator(BATCH)):
        _record(datasets, "dataset_version", _of_dataset)
    for models in _batches(ModelVersion.objects.select_related("model").order_by("pk").iterator(BATCH)):
        _record(models, "model_version", _of_model)
    for assignments in _batches(StageAssignment.objects.select_related("version__model", "model").iterator(BATCH)):
        apply(_of_assignment(assignment) for assignment in assignments)
    for some in _batches(statements):
        apply(some)


def document() -> dict[str, Any]:
    """The whole graph in one comparable form: equal graphs have equal documents."""
    names = dict(LineageNode.objects.values_list("pk", "name"))
    return {
        "nodes": sorted(
            ({"name": node.name, "kind": node.kind, "facts": node.facts} for node in LineageNode.objects.all()),
            key=lambda node: node["name"],
        ),
        "edges": sorted(
            [names[source], names[target], role]
            for source, target, role in LineageEdge.objects.values_list("source", "target", "role")
        ),
        "columns": sorted(list(step) for step in LineageColumnEdge.objects.values_list(*STEP)),
    }


def plain_facts(node: LineageNode) -> dict[str, Any]:
    """What is said about a node now, without the stamps and without what was taken back."""
    return {name: value for name, (_stamp, value) in sorted(node.facts.items()) if value is not None}


# -- What the registered records say -----------------------------------------------------------------------------------
def _of_dataset(version: DatasetVersion) -> Statement:
    name = f"dataset:{version}"
    content, there, back = content_edges(name, version.digest)
    parents = [f"dataset:{row.parent}" for row in version.derived_from.select_related("parent__dataset")]
    derived = (Edge(parent, name, "derived") for parent in parents)
    return Statement(stamp="", nodes=(StatedNode(name), content), edges=(there, back, *derived))


def _of_model(version: ModelVersion) -> Statement:
    name = f"model:{version}"
    content, there, back = content_edges(name, version.artifact_digest)
    uses = version.inputs.select_related("dataset_version__dataset")
    edges = [Edge(f"dataset:{use.dataset_version}", name, use.role) for use in uses]
    if _COMMIT.fullmatch(version.code_revision):
        edges.append(Edge(f"commit:{version.code_revision}", name, "code"))
    if version.source_run:
        edges.append(Edge(run_name(version.source_run), name, "output"))
    features = {column: feature_name(str(version), column) for column in version.signature.get("features", ())}
    edges += [Edge(feature, name, "feature") for feature in features.values()]
    columns = [
        ColumnEdge(f"dataset:{use.dataset_version}", column["name"], features[column["name"]], column["name"])
        for use in uses
        for column in use.dataset_version.columns
        if column["name"] in features
    ]
    return Statement(stamp="", nodes=(StatedNode(name), content), edges=(there, back, *edges), columns=unique(columns))


def _of_assignment(assignment: StageAssignment) -> Statement:
    if assignment.version is None:
        return Statement(stamp="")
    deployment = f"deployment:{assignment.version}@{assignment.stage}"
    return Statement(
        stamp="", nodes=(StatedNode(deployment),), edges=(Edge(f"model:{assignment.version}", deployment, "deployed"),)
    )


def _record(versions: Sequence[Any], column: str, statement: Callable[[Any], Statement]) -> None:
    apply(statement(version) for version in versions)
    kind = column.partition("_")[0]
    nodes = LineageNode.objects.in_bulk([f"{kind}:{version}" for version in versions], field_name="name")
    for version in versions:
        setattr(nodes[f"{kind}:{version}"], f"{column}_id", version.pk)
    LineageNode.objects.bulk_update(nodes.values(), [column], batch_size=BATCH)


# -- Rows --------------------------------------------------------------------------------------------------------------
def _merge(kept: Facts, said: Mapping[str, list[Any]]) -> bool:
    """Take over what is newer. Returns whether anything was."""
    newer = {name: fact for name, fact in said.items() if name not in kept or kept[name][0] < fact[0]}
    kept.update(newer)
    return bool(newer)


def _store_nodes(facts: Mapping[str, Facts]) -> dict[str, int]:
    """Add missing nodes and newer facts. Returns the key of every node by its name.

    Always in the order of names, and all insertions first: two deliveries about the same nodes wait for each other
    instead of locking up.
    """
    names = sorted(facts)
    rows = ((name, name.partition(":")[0], family_of(name), facts[name]) for name in names)
    ids = dict(row_sets.add(LineageNode, ("name", "kind", "family", "facts"), rows, returning=("name", "pk")))
    known = _locked([name for name in names if name not in ids])
    ids |= {name: key for name, (key, _facts) in known.items()}
    changed = [(key, held) for name, (key, held) in known.items() if facts[name] and _merge(held, facts[name])]
    row_sets.change(LineageNode, "facts", changed)
    return ids


def _locked(names: Sequence[str]) -> dict[str, tuple[int, Facts]]:
    """Key and facts of nodes that exist."""
    if not names:
        return {}
    rows = LineageNode.objects.select_for_update().filter(name__among=names).order_by("name")
    return {name: (key, facts) for name, key, facts in rows.values_list("name", "pk", "facts")}


def _store_edges(edges: Iterable[tuple[int, int, str]]) -> None:
    row_sets.add(LineageEdge, ("source", "target", "role"), sorted(edges))


def _join_versions(families: Iterable[str]) -> None:
    """Join the versions of a dataset with mentions of it that name no version.

    A reader who names no version may have read any version that was written, and a version that nobody is known to
    have written may come from any writer who named none. Worked out anew for each family, from all that is known of it.
    """
    for some in _batches(sorted(families)):
        members: dict[str, list[tuple[int, bool]]] = {}
        mentions = LineageNode.objects.filter(family__among=some, dataset_version=None)
        for key, name, family in mentions.values_list("pk", "name", "family"):
            members.setdefault(family, []).append((key, name == family))
        mixed = [rows for rows in members.values() if len(rows) > 1]
        keys = [key for rows in mixed for key, _is_base in rows]
        if not keys:
            continue
        outputs = LineageEdge.objects.filter(target__in=keys, role="output")
        written = frozenset(outputs.values_list("target", flat=True))
        wanted = {step for rows in mixed for step in _version_steps(rows, written)}
        present = LineageEdge.objects.filter(source__in=keys, role=VERSION_OF)
        stale = [
            pk for pk, source, target in present.values_list("pk", "source", "target") if (source, target) not in wanted
        ]
        LineageEdge.objects.filter(pk__in=stale).delete()
        _store_edges((source, target, VERSION_OF) for source, target in wanted)


def _version_steps(rows: Sequence[tuple[int, bool]], written: Collection[int]) -> Iterator[tuple[int, int]]:
    base = next((key for key, is_base in rows if is_base), None)
    if base is None:
        return
    for key, is_base in rows:
        if is_base:
            continue
        if key in written:
            yield key, base
        elif base in written:
            yield base, key


def _batches(rows: Iterable[Any]) -> Iterator[list[Any]]:
    waiting = iter(rows)
    while some := list(islice(waiting, BATCH)):
        yield some
