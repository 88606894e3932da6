"""Everything upstream or downstream of a node, by one recursive query in the database.

The walk passes names of the same content, whichever tool gave them. It ends on cycles, because a node is reached once.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import BigAutoField, BigIntegerField, Lookup, QuerySet
from django.db.models.expressions import RawSQL
from django.db.models.sql.compiler import SQLCompiler

from registry.models import DatasetVersion, LineageEdge, LineageNode, ModelVersion

_WALK = """
WITH RECURSIVE reach(id) AS (
    SELECT id FROM registry_lineagenode WHERE id IN ({starts})
    UNION
    SELECT edge.{far}_id FROM registry_lineageedge edge JOIN reach ON edge.{near}_id = reach.id
)
SELECT id FROM reach
"""


@BigAutoField.register_lookup
class Reached(Lookup):
    """The key is one of those that a walk reaches.

    PostgreSQL does not know that a walk reaches each key once, and for IN it hashes them all again before it joins.
    An array is walked for once and then looked up in the order of the index.
    """

    lookup_name = "reached"

    def as_sql(self, compiler: SQLCompiler, connection: BaseDatabaseWrapper) -> tuple[str, tuple[Any, ...]]:
        """`key IN (walk)`, or `key = ANY(ARRAY(walk))`."""
        key, given = self.process_lhs(compiler, connection)
        walk, starts = self.process_rhs(compiler, connection)
        among = "= ANY(ARRAY{})" if connection.vendor == "postgresql" else "IN {}"
        return f"{key} {among.format(walk)}", (*given, *starts)


def ancestors(*nodes: LineageNode) -> QuerySet[LineageNode]:
    """What `nodes` were made from, and they themselves. One query; filter, count or join it further."""
    return LineageNode.objects.filter(pk__reached=_reach(nodes, near="target", far="source"))


def descendants(*nodes: LineageNode) -> QuerySet[LineageNode]:
    """What was made from `nodes`, and they themselves: the reach of a recall."""
    return LineageNode.objects.filter(pk__reached=_reach(nodes, near="source", far="target"))


def edges_above(node: LineageNode) -> QuerySet[LineageEdge]:
    """Every edge between what `ancestors` gives: whatever leads to something above is above as well."""
    return LineageEdge.objects.filter(target__pk__reached=_reach([node], near="target", far="source"))


def edges_below(node: LineageNode) -> QuerySet[LineageEdge]:
    """Every edge between what `descendants` gives."""
    return LineageEdge.objects.filter(source__pk__reached=_reach([node], near="source", far="target"))


def datasets_behind(version: ModelVersion) -> QuerySet[DatasetVersion]:
    """The registered dataset versions anywhere upstream of `version`."""
    return DatasetVersion.objects.filter(
        lineage_node__pk__reached=_reach([version.lineage_node], near="target", far="source")
    )


def models_made_with(*datasets: DatasetVersion) -> QuerySet[ModelVersion]:
    """The model versions made or measured with any of `datasets` or with anything derived from one."""
    nodes = [dataset.lineage_node for dataset in datasets]
    return ModelVersion.objects.filter(lineage_node__pk__reached=_reach(nodes, near="source", far="target"))


def _reach(nodes: Iterable[LineageNode], *, near: str, far: str) -> RawSQL:
    keys = [node.pk for node in nodes]
    sql = _WALK.format(starts=", ".join(["%s"] * len(keys)) or "NULL", near=near, far=far)
    return RawSQL(sql, keys, output_field=BigIntegerField())  # noqa: S611  (fixed words; the keys are parameters)
