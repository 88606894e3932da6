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
    return LineageNode.objects.filter(pk__in=_reach(nodes, near="target", far="source"))


def descendants(*nodes: LineageNode) -> QuerySet[LineageNode]:
    """What was made from `nodes`, and they themselves: the reach of a recall."""
    return LineageNode.objects.filter(pk__in=_reach(nodes, near="source", far="target"))


def datasets_behind(version: ModelVersion) -> QuerySet[DatasetVersion]:
    """The registered dataset versions anywhere upstream of `version`."""
    return DatasetVersion.objects.filter(lineage_node__in=_reach([version.lineage_node], near="target", far="source"))


def models_made_with(*datasets: DatasetVersion) -> QuerySet[ModelVersion]:
    """The model versions made or measured with any of `datasets` or with anything derived from one."""
    nodes = [dataset.lineage_node for dataset in datasets]
    return ModelVersion.objects.filter(lineage_node__in=_reach(nodes, near="source", far="target"))


def _reach(nodes: Iterable[LineageNode], *, near: str, far: str) -> RawSQL:
    keys = [node.pk for node in nodes]
    sql = _WALK.format(starts=", ".join(["%s"] * len(keys)) or "NULL", near=near, far=far)
    return RawSQL(sql, keys, output_field=BigIntegerField())  # noqa: S611  (fixed words; the keys are parameters)
