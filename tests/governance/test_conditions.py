"""Approvals that depend on something still to be done."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.decisions import ask_gate
from governance.errors import (
    WrongStateError,
)
from governance.models import Condition, PromotionRequest
from governance.reviews import confirm_condition
from governance.signatures.reviews import NewCondition
from registry.errors import InvalidInputError
from registry.models import ModelVersion, Person
from tests.people import PASSWORD
from tests.stories import approve, later

State = PromotionRequest.State


def test_an_approval_on_a_condition_holds_until_it_falls_due(
    conditional: Condition, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = ask_gate(version=version, stage="staging")
    assert answer.is_open
    assert answer.valid_until == conditional.due_at
    later(monkeypatch, days=2)
    assert "condition-unmet" in [entry["code"] for entry in ask_gate(version=version, stage="staging").blocking]


def test_a_condition_that_was_confirmed_holds_nothing_back(
    conditional: Condition,
    version: ModelVersion,
    victor: Person,
    vera: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    confirm_condition(actor=vera, condition=conditional, evidence="run 14", password=PASSWORD)
    with pytest.raises(WrongStateError):
        confirm_condition(actor=victor, condition=conditional, evidence="again", password=PASSWORD)
    later(monkeypatch, days=3)
    assert ask_gate(version=version, stage="staging").is_open


@pytest.mark.parametrize(
    ("verdict", "meaning", "text", "days"),
    [("reject", "rejected", "x", 1), ("approve", "approved", " ", 1), ("approve", "approved", "x", -1)],
)
def test_only_an_approval_has_conditions_and_they_lie_ahead(
    in_review: PromotionRequest, victor: Person, verdict: str, meaning: str, text: str, days: int
) -> None:
    due = NewCondition(text, timezone.now() + timedelta(days=days))
    with pytest.raises(InvalidInputError) as caught:
        approve(in_review, victor, "model_validator", verdict=verdict, meaning=meaning, conditions=(due,))
    assert caught.value.field == "conditions"
