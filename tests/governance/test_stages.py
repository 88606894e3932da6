"""What is where, was where, comes back, and goes out."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance import stages
from governance.decisions import ask_gate
from governance.errors import (
    GateClosedError,
    WrongStateError,
)
from governance.models import Decommission, PolicyVersion, PromotionRequest
from governance.promotions import complete
from registry.errors import PermissionRefusedError
from registry.graph import document
from registry.lineage_events import rebuild
from registry.models import ModelVersion, Person, StageAssignment
from registry.provenance import lineage_below
from tests.people import PASSWORD, World
from tests.stories import approve, ask, later, measure, rules

State = PromotionRequest.State


def in_production(version: ModelVersion) -> bool:
    return StageAssignment.objects.current().filter(stage="staging", version=version).exists()


@pytest.fixture
def two_versions(
    policy: PolicyVersion, world: World, maya: Person, victor: Person, rosa: Person, mel: Person
) -> list[ModelVersion]:
    """Version 1 was in staging, version 2 is."""
    versions = []
    for content in (b"model one", b"model two"):
        version = world.version(content)
        request = measure(ask(maya, version))
        approve(request, victor, "model_validator")
        approve(request, rosa, "risk_officer")
        complete(actor=mel, request=request)
        versions.append(version)
    return versions


def test_an_earlier_version_returns_in_one_verb(two_versions: list[ModelVersion], world: World, mel: Person) -> None:
    stages.roll_back(actor=mel, model=world.model, stage="staging", reason="Calls went to the wrong people.")
    assert in_production(two_versions[0])
    assert not in_production(two_versions[1])


def test_every_deployment_is_a_node_of_the_lineage(two_versions: list[ModelVersion]) -> None:
    for version in two_versions:
        below = lineage_below(version)
        assert [node.id for node in below.nodes if node.kind == "deployment"] == [f"deployment:{version}@staging"]
    told = document()
    rebuild()
    assert document() == told


def test_an_earlier_version_whose_gate_is_closed_does_not_return(
    two_versions: list[ModelVersion], world: World, mel: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, days=31)
    with pytest.raises(GateClosedError):
        stages.roll_back(actor=mel, model=world.model, stage="staging", reason="x", to=1)
    assert in_production(two_versions[1])


def test_what_was_in_a_stage_at_any_moment_is_one_query(
    two_versions: list[ModelVersion], world: World, mel: Person, django_assert_num_queries: Any
) -> None:
    first, second = StageAssignment.objects.filter(stage="staging").order_by("sequence")
    stages.roll_back(actor=mel, model=world.model, stage="staging", reason="x")
    moments = [
        (first.assigned_at - timedelta(microseconds=1), None),
        (first.assigned_at, 1),
        (second.assigned_at - timedelta(microseconds=1), 1),
        (second.assigned_at, 2),
        (timezone.now(), 1),
    ]
    for moment, number in moments:
        with django_assert_num_queries(1):
            there = list(StageAssignment.objects.as_of(moment).filter(stage="staging").select_related("version"))
        assert [row.version.number for row in there if row.version] == ([] if number is None else [number])


def test_versions_stand_side_by_side_where_the_stage_is_not_exclusive(
    carla: Person, rosa: Person, victor: Person, maya: Person, mel: Person, world: World, ada: Person
) -> None:
    rules(carla, rosa, ("{name: staging, exclusive: true}", "{name: staging}"))
    versions = [world.version(content) for content in (b"one", b"two")]
    for version in versions:
        request = measure(ask(maya, version))
        approve(request, victor, "model_validator")
        approve(request, rosa, "risk_officer")
        complete(actor=mel, request=request)
    assert all(in_production(version) for version in versions)
    stages.retire_version(actor=carla, version=versions[0], stage="staging", reason="too old")
    assert [in_production(version) for version in versions] == [False, True]


def test_a_retired_stage_is_empty_and_a_version_is_retired_once(
    two_versions: list[ModelVersion], carla: Person, maya: Person
) -> None:
    with pytest.raises(PermissionRefusedError):
        stages.retire_version(actor=maya, version=two_versions[1], stage="staging", reason="x")
    stages.retire_version(actor=carla, version=two_versions[1], stage="staging", reason="no longer used")
    assert StageAssignment.objects.current().get(stage="staging").version is None
    assert not StageAssignment.objects.as_of(timezone.now()).exists()
    with pytest.raises(WrongStateError):
        stages.retire_version(actor=carla, version=two_versions[1], stage="staging", reason="again")


def test_a_decommissioned_version_is_out_everywhere_for_good(
    two_versions: list[ModelVersion], world: World, carla: Person, mel: Person
) -> None:
    newest = two_versions[1]
    stages.decommission_version(actor=carla, version=newest, reason="harm was found", password=PASSWORD)
    assert Decommission.objects.get().version == newest
    assert not in_production(newest)
    answer = ask_gate(version=newest, stage="staging")
    assert "version-decommissioned" in [entry["code"] for entry in answer.blocking]
    with pytest.raises(WrongStateError):
        stages.decommission_version(actor=carla, version=newest, reason="again", password=PASSWORD)
    stages.roll_back(actor=mel, model=world.model, stage="staging", reason="the one before")
    with pytest.raises(GateClosedError):
        stages.roll_back(actor=mel, model=world.model, stage="staging", reason="never", to=2)


def test_decommissioning_ends_what_was_asked_for(
    in_review: PromotionRequest, version: ModelVersion, carla: Person
) -> None:
    stages.decommission_version(actor=carla, version=version, reason="not needed", password=PASSWORD)
    in_review.refresh_from_db()
    assert in_review.state == State.WITHDRAWN
