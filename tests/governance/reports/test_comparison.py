"""A report puts its numbers beside those of the version in the stage, as both were when the gate decided."""

from __future__ import annotations

from typing import Any

import pytest

from governance.models import GateDecision, PromotionRequest
from governance.promotions import complete, request_promotion
from governance.reports.comparison import SAME_DATA
from governance.reports.document import build_document
from registry.models import ModelVersion, Person
from tests.people import World
from tests.stories import approve, gap, measure, result

pytestmark = pytest.mark.django_db


def compared(request: PromotionRequest) -> Any:
    decision = request.decisions.order_by("-decided_at", "-pk").first()
    assert isinstance(decision, GateDecision)
    return build_document(decision, number="R", as_of=decision.decided_at.date()).comparison


@pytest.fixture
def second(staged: PromotionRequest, world: World, maya: Person, victor: Person, rosa: Person) -> PromotionRequest:
    """Version 2, with a wider gap than version 1, has been approved for the stage that version 1 is in."""
    version: ModelVersion = world.version(b"model two")
    asked = request_promotion(actor=maya, version=version, to_stage="staging", reason="It is better.")
    request = measure(asked, result(gap(0.10)))
    approve(request, victor, "model_validator")
    approve(request, rosa, "risk_officer")
    request.refresh_from_db()
    return request


def test_judged_values_stand_beside_those_of_the_version_in_the_stage(
    staged: PromotionRequest, second: PromotionRequest
) -> None:
    found = compared(second)
    assert (found.version, found.digest) == (1, staged.version.artifact_digest)
    assert found.rows[0] == ("demographic parity difference (sex)", 0.05, 0.10)
    assert found.note == SAME_DATA


def test_an_empty_stage_is_compared_with_nothing(approved: PromotionRequest) -> None:
    assert compared(approved) is None


def test_the_report_keeps_what_was_there_when_the_gate_decided(second: PromotionRequest, mel: Person) -> None:
    """Once version 2 has taken the place, its own report still names version 1."""
    complete(actor=mel, request=second)
    assert compared(second).version == 1


def test_the_report_of_the_first_does_not_change_when_it_is_followed(
    staged: PromotionRequest, second: PromotionRequest, mel: Person
) -> None:
    complete(actor=mel, request=second)
    assert compared(staged) is None
