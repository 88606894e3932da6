"""Withdrawing a dataset version with many descendants, and asking who saw it.

`python -m benchmarks.recall [--rounds 5] [--descendants 10000]`

From each of twenty registers a hundred derived datasets in a tree, and model versions made with these, in the rows that
the verbs leave. Measured: the withdrawal with its ledger entry, the question which versions saw the data, and the
answer of the API with all of them. DATABASE_URL names the server (SQLite by default); the database is thrown away.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.ledger import database

BRANCHES = 100
#: Seconds within which a recall has to be on record, whatever hangs on it.
WANTED = 1.0


def _build(count: int) -> tuple[Any, list[Any]]:
    """(Dora, the data that will be withdrawn, one for each round): everything hangs on each of them."""
    from governance.access.roles import group_for
    from governance.models.access import Role
    from registry.datasets import DatasetDescription, register_dataset, register_dataset_version
    from registry.models import Person
    from registry.versions import register_model

    maya, dora = (Person.objects.create_user(name, password="x") for name in ("maya", "dora"))  # noqa: S106
    maya.groups.add(group_for(Role.DATA_SCIENTIST))
    dora.groups.add(group_for(Role.DATA_PROTECTION_OFFICER))

    def data(number: int, parents: Sequence[Any]) -> Any:
        dataset = register_dataset(actor=maya, slug=f"data-{number}", name="data")
        description = DatasetDescription(digest=f"sha256:{number:064x}", columns=[], source="s", derived_from=parents)
        return register_dataset_version(actor=maya, dataset=dataset, description=description)

    origins = [data(number, ()) for number in range(20)]
    branches = [data(100, origins)]
    for number in range(BRANCHES - 1):
        branches.append(data(101 + number, [branches[number // 3]]))
    model = register_model(actor=maya, slug="m", name="m", intended_purpose="p", risk_class="high")
    _make_versions(model, maya, branches, count)
    return dora, origins


def _make_versions(model: Any, author: Any, branches: Sequence[Any], count: int) -> None:
    """Rows and nodes as `register_version` leaves them, without the ledger entry of each."""
    from django.db.models import QuerySet
    from django.utils import timezone

    from registry.models import LineageEdge, LineageNode, ModelVersion, VersionInput

    def added(rows: list[Any]) -> list[Any]:
        return QuerySet(type(rows[0])).bulk_create(rows, batch_size=500)

    versions = added(
        [
            ModelVersion(
                model=model,
                number=number + 1,
                artifact_digest=f"sha256:{1_000_000 + number:064x}",
                artifact_format="skops",
                record_digest=f"sha256:{2_000_000 + number:064x}",
                created_by=author,
                created_at=timezone.now(),
            )
            for number in range(count)
        ]
    )
    data = [branches[number % BRANCHES] for number in range(count)]
    pairs = list(zip(versions, data, strict=True))
    added([VersionInput(version=version, dataset_version=used, role="train") for version, used in pairs])
    nodes = added(
        [
            LineageNode(name=f"model:{version}", kind="model", family=f"model:{version}", model_version=version)
            for version in versions
        ]
    )
    sources = {used.pk: LineageNode.objects.get(dataset_version=used) for used in branches}
    added(
        [
            LineageEdge(source=sources[used.pk], target=node, role="train")
            for node, used in zip(nodes, data, strict=True)
        ]
    )


def _timed(run: Callable[[], Any]) -> tuple[float, Any]:
    begin = time.perf_counter()
    answer = run()
    return time.perf_counter() - begin, answer


def _round(dora: Any, dataset: Any, token: str) -> dict[str, float]:
    from rest_framework.test import APIClient

    from registry import recalls
    from registry.datasets import withdraw_dataset_version

    took: dict[str, float] = {}
    took["which versions saw it"], seen = _timed(lambda: recalls.models_made_with(dataset).count())
    took["withdrawal"], _ = _timed(lambda: withdraw_dataset_version(actor=dora, version=dataset, reason="erasure"))
    version = recalls.models_made_with(dataset).order_by("-pk")[0]
    took["what one gate asks"], fallen = _timed(lambda: recalls.withdrawn_inputs(version))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    path = f"/api/v1/datasets/{dataset.dataset.slug}/versions/1/descendants/?page_size=100"
    took["a page of the API"], answer = _timed(lambda: client.get(path, HTTP_HOST="127.0.0.1"))
    if not fallen or answer.status_code != 200 or answer.json()["count"] != seen:  # noqa: PLR2004 - OK
        raise SystemExit(f"the answer is wrong: {seen} versions, {answer.status_code} {answer.content[:200]!r}")
    return took


def main(arguments: list[str]) -> int:
    """Print medians and spreads. Returns 1 when a withdrawal took longer than wanted."""
    parser = argparse.ArgumentParser(prog="benchmarks.recall", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--descendants", type=int, default=10_000)
    told = parser.parse_args(arguments)
    with database():
        from django.db import connection

        from governance.access.tokens import Scope, issue_token

        took, (dora, origins) = _timed(lambda: _build(told.descendants))
        sys.stdout.write(f"{connection.vendor}: {told.descendants} descendants, registered in {took:.0f} s\n")
        token = issue_token(actor=dora, owner=dora, label="bench", scopes=[Scope.REGISTRY_WRITE], models=[]).secret
        rounds = [_round(dora, dataset, token) for dataset in origins[: told.rounds]]
    worst = 0.0
    for name in rounds[0]:
        values = sorted(one[name] for one in rounds)
        spread = f"{values[0] * 1000:.0f}-{values[-1] * 1000:.0f}"
        sys.stdout.write(f"{name:24} {statistics.median(values) * 1000:8.0f} ms  ({spread})\n")
        worst = max(worst, values[-1] if name == "withdrawal" else 0.0)
    return int(worst > WANTED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
