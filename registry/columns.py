"""Column lineage in the database: the steps behind a version's features, and what emitters said of columns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from registry.cards import GOVERNANCE_TAGS
from registry.column_walk import Column, ColumnWalk, steps_behind
from registry.connectors.statements import column_of, family_of, feature_name, label_of, unique
from registry.lineage import ColumnEdge, Graph
from registry.models import LineageColumnEdge, LineageNode, ModelVersion

_TAG = "tag "
_DENIALS = frozenset({"false", "no", "0"})


@dataclass(frozen=True, slots=True)
class FeatureOrigin:
    """`columns` are (dataset, column) of everything the feature was made from, nearest first; `nodes` hold them."""

    feature: str
    columns: tuple[Column, ...]
    nodes: tuple[str, ...] = ()


def origins_of(version: ModelVersion, graph: Graph) -> tuple[FeatureOrigin, ...]:
    """One entry for each feature, in the order of the signature. Empty `columns`: no data is known to hold it.

    `graph` is the lineage of `version`. Columns of data of the same content are the same, and all names are given.
    """
    walk = ColumnWalk(graph)
    found = []
    for column in unique(version.signature["features"]):
        places = walk.ancestry(feature_name(str(version), column)).columns
        named = [(name, there) for node, there in places for name in walk.members(node)]
        columns = unique((label_of(family_of(name)), there) for name, there in named)
        found.append(FeatureOrigin(column, columns, unique(name for name, _there in named)))
    return tuple(found)


def with_columns(graph: Graph) -> Graph:
    """The graph with the steps between columns that lead to its root's features, and who has any at all.

    One query for each level of the walk, whatever the number of features.
    """
    walk = ColumnWalk(graph)
    found: list[ColumnEdge] = []
    for wanted in steps_behind(walk, [(feature, column_of(feature)) for feature in walk.features()]):
        steps = _steps(wanted)
        walk.learn(steps)
        found += steps
    return replace(graph, columns=unique(sorted(found)))


def with_column_lineage(names: Iterable[str]) -> frozenset[str]:
    """The families of those datasets of which somebody told from which columns any of theirs came."""
    rows = LineageColumnEdge.objects.filter(target_family__among={family_of(name) for name in names})
    return frozenset(rows.values_list("target_family", flat=True).distinct())


def tags_told(nodes: Iterable[LineageNode]) -> dict[str, dict[str, Any]]:
    """What emitters said of columns, as facts for each dataset: `told_tags`, also those of the data without a version.

    And `column_lineage`, where anybody told of steps between columns.
    """
    data = [node for node in nodes if node.kind == "dataset"]
    traced = with_column_lineage(node.name for node in data)
    unversioned = {node.family for node in data if node.family != node.name}
    bases = {node.name: node for node in LineageNode.objects.filter(name__among=unversioned)}
    found: dict[str, dict[str, Any]] = {}
    for node in data:
        tags = _tags(node.facts)
        base = bases.get(node.family)
        for column, more in _tags(base.facts).items() if base is not None else ():
            tags[column] |= more
        told: dict[str, Any] = {"column_lineage": True} if node.family in traced else {}
        if tags:
            told["told_tags"] = {column: sorted(words) for column, words in sorted(tags.items())}
        if told:
            found[node.name] = told
    return found


def _tags(facts: Mapping[str, list[Any]]) -> dict[str, set[str]]:
    """The governance tags in a tags facet, in whatever spelling. A tag of the dataset as a whole names no column."""
    found: dict[str, set[str]] = defaultdict(set)
    for fact, (_stamp, value) in facts.items():
        if not fact.startswith(_TAG) or value is None or str(value).strip().casefold() in _DENIALS:
            continue
        said = fact.removeprefix(_TAG)
        for tag in GOVERNANCE_TAGS:
            column, key = said[: -len(tag) - 1], said[-len(tag) :]
            if column and said[-len(tag) - 1] == " " and key.casefold().replace("-", "_").replace(" ", "_") == tag:
                found[column].add(tag)
    return found


def _steps(columns: Iterable[Column]) -> list[ColumnEdge]:
    wanted = set(columns)
    rows = LineageColumnEdge.objects.filter(
        target_family__among={family for family, _name in wanted},
        target_column__among={name for _family, name in wanted},
    )
    fields = ("source_family", "source_column", "target_family", "target_column", "effect")
    found = (ColumnEdge(*row) for row in rows.values_list(*fields))
    return [step for step in found if (step.target_family, step.target_column) in wanted]
