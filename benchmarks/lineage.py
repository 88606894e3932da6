"""Lineage: events taken in each second, and closures over 10^3 to 10^5 nodes, beside the same walk in Python.

`python -m benchmarks.lineage [--rounds 5] [--events 1000] [--sizes 1000 10000 100000]`

DATABASE_URL names the server (SQLite by default); a database of its own is made there and removed. A closure is told
with its median and spread, and beside it what a walk over edges that were read into memory costs: the limit.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.ledger import database

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from registry.models import LineageNode, Person

FAN = 10


def main(arguments: Sequence[str]) -> int:
    """Print the two tables. Returns 0."""
    parser = argparse.ArgumentParser(prog="benchmarks.lineage")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--events", type=int, default=1000)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000])
    options = parser.parse_args(arguments)
    with database():
        from django.db import connection

        sys.stdout.write(f"database: {connection.vendor}\n")
        _ingest(options.events, options.rounds)
        for size in options.sizes:
            _closures(size, options.rounds)
    return 0


def _ingest(count: int, rounds: int) -> None:
    """Each event names a dataset it reads, one it writes and a column step; each transaction ends with the ledger."""
    actor = _emitter()
    for batch in (1, 100, 1000):
        rates = []
        for _ in range(rounds):
            events = [_event() for _ in range(min(count, 20 * batch))]
            begin = time.perf_counter()
            for start in range(0, len(events), batch):
                _take(actor, events[start : start + batch])
            rates.append(len(events) / (time.perf_counter() - begin))
        told = f"{statistics.median(rates):8.0f} events/s  ({min(rates):.0f} to {max(rates):.0f})"
        sys.stdout.write(f"ingest, {batch:5} events a call   {told}\n")


def _closures(size: int, rounds: int) -> None:
    """A layered graph: every node is made from two of the layer above; the last one reaches nearly all."""
    from django.db import connection

    from registry import closures, graph
    from registry.connectors.statements import Statement
    from registry.lineage import Edge

    name = f"dataset:{size}|"
    edges = [
        Edge(f"{name}{max(0, child - reach)}", f"{name}{child}", "output")
        for child in range(1, size)
        for reach in (FAN + child % 7, FAN + child % 3)
    ]
    edges += [Edge(f"{name}{last}", f"{name}end", "output") for last in range(size - 2 * FAN, size)]
    graph.apply([Statement(stamp="", edges=tuple(edges))])
    with connection.cursor() as cursor:
        # What the database does by itself in the background; right after a million inserts it has not yet.
        cursor.execute("VACUUM ANALYZE" if connection.vendor == "postgresql" else "ANALYZE")
    for way, walk, start in (("downstream", closures.descendants, "0"), ("upstream", closures.ancestors, "end")):
        node = _node(name + start)
        reached, took = _timed(partial(_counted, walk, node), rounds)
        _, limit = _timed(partial(_in_memory, node, down=way == "downstream"), min(rounds, 3))
        sys.stdout.write(
            f"{way:10} of {size:7} nodes: {reached:7} reached in {took[0] * 1000:8.1f} ms "
            f"({took[1] * 1000:.1f} to {took[2] * 1000:.1f}); read and walked in Python {limit[0] * 1000:8.1f} ms\n"
        )


def _timed(work: Callable[[], int], rounds: int) -> tuple[int, tuple[float, float, float]]:
    times, found = [], 0
    for _ in range(rounds):
        begin = time.perf_counter()
        found = work()
        times.append(time.perf_counter() - begin)
    return found, (statistics.median(times), min(times), max(times))


def _counted(walk: Callable[..., QuerySet[LineageNode]], node: LineageNode) -> int:
    return walk(node).count()


def _in_memory(node: LineageNode, *, down: bool) -> int:
    from registry.models import LineageEdge

    beside: dict[int, list[int]] = {}
    for source, target in LineageEdge.objects.values_list("source_id", "target_id"):
        near, far = (source, target) if down else (target, source)
        beside.setdefault(near, []).append(far)
    met, waiting = {node.pk}, [node.pk]
    while waiting:
        for far in beside.get(waiting.pop(), ()):
            if far not in met:
                met.add(far)
                waiting.append(far)
    return len(met)


def _node(name: str) -> LineageNode:
    from registry.models import LineageNode

    return LineageNode.objects.get(name=name)


def _emitter() -> Person:
    from governance.access.roles import group_for
    from governance.models.access import Role
    from registry.models import Person

    person = Person.objects.create_user("emitter", is_service=True)
    person.groups.set([group_for(Role.OPERATOR)])
    return person


def _event() -> dict[str, Any]:
    run = str(uuid.uuid4())
    producer = {"_producer": "https://example.com/p", "_schemaURL": "https://example.com/s"}
    steps = {"fields": {"age": {"inputFields": [{"namespace": "s3://lake", "name": f"in-{run}", "field": "age"}]}}}
    return {
        "eventType": "COMPLETE",
        "eventTime": "2026-11-21T08:00:00Z",
        "run": {"runId": run, "facets": {}},
        "job": {"namespace": "ml", "name": f"job-{run[:2]}"},
        "inputs": [{"namespace": "s3://lake", "name": f"in-{run}", "facets": {}}],
        "outputs": [
            {"namespace": "s3://lake", "name": f"out-{run}", "facets": {"columnLineage": {**producer, **steps}}}
        ],
        "producer": "https://example.com/p",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    }


def _take(actor: Person, events: Sequence[dict[str, Any]]) -> None:
    """What the endpoint does with a body: read strictly, check against the schemas, keep, derive, tell the ledger."""
    import json

    from registry.lineage_events import raw_event, receive

    receive(actor=actor, events=[raw_event("openlineage", json.dumps(event)) for event in events])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
