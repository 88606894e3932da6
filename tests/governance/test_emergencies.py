"""Broken glass: hours only, seen everywhere, looked at by two others."""

from __future__ import annotations

from typing import Any

import pytest

from governance.basis import basis_now
from governance.broken_glass import break_glass, review_broken_glass
from governance.decisions import ask_gate
from governance.errors import (
    BreakGlassRefusedError,
    DoubleReviewError,
    WrongStateError,
)
from governance.models import PromotionRequest
from governance.promotions import complete
from governance.reports.facts import waiver_facts
from registry.models import LedgerEntry, ModelVersion, Person, StageAssignment
from tests.people import PASSWORD
from tests.stories import WAIVERS, ask, gap, later, measure, result, rules

State = PromotionRequest.State


def in_production(version: ModelVersion) -> bool:
    return StageAssignment.objects.current().filter(stage="staging", version=version).exists()


def shatter(request: PromotionRequest, rosa: Person) -> Any:
    return break_glass(actor=rosa, request=request, justification="Patients wait.", hours=4, password=PASSWORD)


def test_an_emergency_puts_the_version_into_its_stage_and_says_so_everywhere(
    emergency: PromotionRequest, version: ModelVersion, rosa: Person, mel: Person
) -> None:
    broken = shatter(emergency, rosa)
    answer = ask_gate(version=version, stage="staging")
    assert answer.is_open
    assert answer.document()["break_glass"] is True
    assert {entry["code"] for entry in answer.overridden} == {"finding-not-satisfied", "quorum-missing"}
    assert answer.valid_until == broken.expires_at
    complete(actor=mel, request=emergency)
    assert in_production(version)
    assert LedgerEntry.objects.filter(event="glass.broken").count() == 1


def test_every_later_report_shows_the_emergency(
    emergency: PromotionRequest, version: ModelVersion, rosa: Person, victor: Person, mel: Person
) -> None:
    broken = shatter(emergency, rosa)
    review_broken_glass(
        actor=victor, broken=broken, upheld=True, role="model_validator", reason="right", password=PASSWORD
    )
    complete(actor=mel, request=emergency)
    (shown,) = [entry for entry in waiver_facts(basis_now(emergency)) if entry.break_glass]
    assert (shown.requested_by, shown.decided_by) == ("Rosa Reyes", "Victor Vance (upheld)")
    assert shown.justification == "Patients wait."
    assert shown.live


def test_two_others_look_at_it_and_one_objection_ends_it(
    emergency: PromotionRequest, version: ModelVersion, rosa: Person, victor: Person, vera: Person
) -> None:
    broken = shatter(emergency, rosa)
    facts = {"broken": broken, "role": "model_validator", "reason": "I looked.", "password": PASSWORD}
    review_broken_glass(actor=victor, upheld=True, **facts)
    with pytest.raises(DoubleReviewError):
        review_broken_glass(actor=victor, upheld=True, **facts)
    assert ask_gate(version=version, stage="staging").is_open
    review_broken_glass(actor=vera, upheld=False, **facts)
    assert not ask_gate(version=version, stage="staging").is_open


def test_an_emergency_that_nobody_upheld_in_time_ends(
    carla: Person, rosa: Person, maya: Person, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "    break_glass: {allowed: true, max_hours: 168, review_days: 1}\n"
    rules(carla, rosa, (WAIVERS, WAIVERS + long))
    request = measure(ask(maya, version), result(gap(0.45)))
    break_glass(actor=rosa, request=request, justification="x", hours=100, password=PASSWORD)
    later(monkeypatch, hours=23)
    assert ask_gate(version=version, stage="staging").is_open
    later(monkeypatch, hours=1)
    assert not ask_gate(version=version, stage="staging").is_open


def test_an_emergency_is_not_prolonged(emergency: PromotionRequest, rosa: Person) -> None:
    shatter(emergency, rosa)
    with pytest.raises(WrongStateError):
        shatter(emergency, rosa)


def test_a_policy_without_emergencies_has_none(asked: PromotionRequest, rosa: Person) -> None:
    with pytest.raises(BreakGlassRefusedError):
        shatter(measure(asked, result(gap(0.45))), rosa)
