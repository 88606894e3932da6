"""A list costs the same number of queries for one row as for many."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from governance.policy_versions import draft_policy
from governance.promotions import request_promotion
from registry.models import Person, RegisteredModel
from registry.versions import register_model
from tests.governance.api.conftest import Connect
from tests.people import World, dataset_version, fair_rows
from tests.stories import POLICY

LISTS = [
    "models",
    "models/care-priority/versions",
    "datasets",
    "datasets/patients/versions",
    "promotions",
    "policies",
    "tokens",
    "ledger/entries",
]
LIMIT = 14


def grow(world: World, policy: Any, carla: Person, count: int) -> None:
    already = RegisteredModel.objects.count()
    for number in range(already, already + count):
        register_model(
            actor=world.author, slug=f"m{number}", name="M", intended_purpose="Many.", risk_class="high", tags=["x"]
        )
        dataset_version(world.author, f"d{number}", fair_rows(10 + number), derived_from=[world.evaluation])
        version = world.version(f"bytes {number}".encode())
        request_promotion(actor=world.author, version=version, to_stage="staging", reason="Many.")
        draft_policy(actor=carla, source=POLICY.replace("House rules", f"House rules {number}"))


@pytest.mark.parametrize("path", LISTS)
def test_the_number_of_queries_does_not_grow(
    connect: Connect, maya: Person, carla: Person, world: World, policy: Any, path: str
) -> None:
    grow(world, policy, carla, 1)
    client = connect(maya)
    client.get(f"/api/v1/{path}/")  # content types are cached from here on
    counts = []
    for _ in range(2):
        with CaptureQueriesContext(
            connection,
        ) as queries:
            answer = client.get(f"/api/v1/{path}/")
        assert answer.status_code == 200
        counts.append((len(answer.json()["results"]), len(queries)))
        grow(world, policy, carla, 3)
        for _ in range(3):
            connect(maya)
    assert counts[0][1] == counts[1][1] <= LIMIT, counts
    assert path == "datasets/patients/versions" or counts[0][0] < counts[1][0]
