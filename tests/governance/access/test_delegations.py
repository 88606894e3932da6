"""Standing in for somebody who is away."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.access.delegations import delegate_role, end_delegation
from governance.access.reviewers import reviewers_for
from governance.access.roles import group_for
from governance.decisions import ask_gate
from governance.errors import (
    WrongStateError,
)
from governance.models import PromotionRequest
from governance.models.access import Role
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, ModelVersion, Person
from tests.people import PASSWORD, World
from tests.stories import approve

State = PromotionRequest.State


def away(delegator: Person, delegate: Person, **changes: Any) -> Any:
    facts: dict[str, Any] = {
        "role": Role.MODEL_VALIDATOR,
        "ends_at": timezone.now() + timedelta(days=7),
        "reason": "on leave",
        "password": PASSWORD,
    }
    return delegate_role(actor=delegator, delegate=delegate, **{**facts, **changes})


def test_a_delegate_reviews_in_their_own_name_and_fills_the_seat(
    in_review: PromotionRequest, victor: Person, otto: Person, rosa: Person
) -> None:
    away(victor, otto)
    review = approve(in_review, otto, "model_validator")
    assert review.printed_name == "Otto Olsen"
    assert review.delegation is not None
    assert review.delegation.delegator == victor
    approve(in_review, rosa, "risk_officer")
    in_review.refresh_from_db()
    assert in_review.state == State.APPROVED
    assert victor.pseudonym.encode() in bytes(LedgerEntry.objects.filter(event="review.recorded")[0].body)


def test_the_end_of_a_delegation_does_not_undo_what_was_reviewed(
    in_review: PromotionRequest, version: ModelVersion, victor: Person, otto: Person, rosa: Person
) -> None:
    delegation = away(victor, otto)
    approve(in_review, otto, "model_validator")
    approve(in_review, rosa, "risk_officer")
    end_delegation(actor=victor, delegation=delegation)
    assert ask_gate(version=version, stage="staging").is_open


def test_who_lost_the_role_has_nobody_speaking_for_them(
    in_review: PromotionRequest, version: ModelVersion, victor: Person, otto: Person, rosa: Person
) -> None:
    away(victor, otto)
    approve(in_review, otto, "model_validator")
    approve(in_review, rosa, "risk_officer")
    victor.groups.clear()
    assert not ask_gate(version=version, stage="staging").is_open


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at": timezone.now() + timedelta(days=61)}, "ends_at"),
        ({"ends_at": timezone.now() - timedelta(days=1)}, "ends_at"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_delegation_is_dated_and_reasoned(victor: Person, otto: Person, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        away(victor, otto, **changes)
    assert caught.value.field == field


def test_a_delegation_that_is_over_is_not_ended_again(victor: Person, otto: Person, vera: Person) -> None:
    delegation = away(victor, otto)
    with pytest.raises(PermissionRefusedError):
        end_delegation(actor=vera, delegation=delegation)
    end_delegation(actor=otto, delegation=delegation)
    with pytest.raises(WrongStateError):
        end_delegation(actor=victor, delegation=delegation)


def test_a_delegation_for_one_model_holds_for_no_other(
    in_review: PromotionRequest, world: World, victor: Person, otto: Person
) -> None:
    away(victor, otto, model=world.model)
    assert [entry.person for entry in reviewers_for(in_review)["model_validator"]] == [victor, otto]


def test_who_may_review_leaves_out_the_concerned_and_who_has_reviewed(
    in_review: PromotionRequest, maya: Person, victor: Person, vera: Person, rosa: Person, otto: Person
) -> None:
    maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    away(maya, otto)
    approve(in_review, victor, "model_validator")
    possible = {role: [entry.person for entry in entries] for role, entries in reviewers_for(in_review).items()}
    assert possible == {"model_validator": [vera], "risk_officer": [rosa]}
