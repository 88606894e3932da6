"""Everything upstream or downstream of a node, by one recursive query in the database.

The walk passes names of the same content, whichever tool gave them. It ends on cycles, because a node is reached once.
"""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import BigIntegerField, QuerySet
from django.db.models.expressions import RawSQL

from registry.models import DatasetVersion, LineageNode, ModelVersion

_WALK = """
WITH RECURSIVE reach(id) AS (
    SELECT id FROM registry_lineagenode WHERE id IN ({starts})
    UNION
    SELECT edge.{far}_id FROM registry_lineageedge edge JOIN reach ON edge.{near}_id = reach.id
)
SELECT id FROM reach
"""


def ancestors(*nodes: LineageNode) -> QuerySet[LineageNode]:
    """What `nodes` were made from, and they themselves. One query; filter, count or join it further."""
    return _closure(nodes, near="target", far="source")


def descendants(*nodes: LineageNode) -> QuerySet[LineageNode]:
    """What was made from `nodes`, and they themselves: the reach of a recall."""
    return _closure(nodes, near="source", far="target")


def datasets_behind(version: ModelVersion) -> QuerySet[DatasetVersion]:
    """The registered dataset versions anywhere upstream of `version`."""
    return DatasetVersion.objects.filter(lineage_node__in=ancestors(*_node_of(version)))


def models_made_with(dataset: DatasetVersion) -> QuerySet[ModelVersion]:
    """The model versions made or measured with `dataset` or with anything derived from it."""
    return ModelVersion.objects.filter(lineage_node__in=descendants(*_node_of(dataset)))


def _node_of(version: ModelVersion | DatasetVersion) -> Iterable[LineageNode]:
    return [version.lineage_node]


def _closure(nodes: Iterable[LineageNode], *, near: str, far: str) -> QuerySet[LineageNode]:
    keys = [node.pk for node in nodes]
    sql = _WALK.format(starts=", ".join(["%s"] * len(keys)) or "NULL", near=near, far=far)
    return LineageNode.objects.filter(pk__in=RawSQL(sql, keys, output_field=BigIntegerField()))  # noqa: S611
