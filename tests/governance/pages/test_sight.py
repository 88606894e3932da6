"""Whoever stands in for a reviewer sees what they decide on, and finds it waiting; nobody else does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.urls import reverse
from django.utils import timezone

from governance.access.delegations import delegate_role, end_delegation
from governance.access.roles import group_for
from governance.access.sight import models_seen_by
from governance.broken_glass import break_glass
from governance.models import Delegation, PromotionRequest
from governance.models.access import Role
from governance.pages.waiting import emergencies_waiting_for, reviews_waiting_for
from registry.models import Person, RegisteredModel
from registry.versions import register_model
from tests.governance.api.conftest import refused
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD
from tests.stories import approve, later


def lend(delegator: Person, delegate: Person, **changes: Any) -> Delegation:
    facts = {"role": Role.MODEL_VALIDATOR, "ends_at": timezone.now() + timedelta(days=7), "reason": "on leave"}
    return delegate_role(actor=delegator, delegate=delegate, password=PASSWORD, **{**facts, **changes})


@pytest.fixture
def other(maya: Person) -> RegisteredModel:
    return register_model(
        actor=maya, slug="other", name="Other", intended_purpose="x", risk_class="high", affected_persons="y"
    )


def test_otto_sees_for_as_long_as_victor_is_away(
    in_review: PromotionRequest, victor: Person, otto: Person, signed_in: Browser
) -> None:
    page, path = reverse("promotion", args=[in_review.pk]), f"/api/v1/promotions/{in_review.pk}/"
    client = signed_in(otto)
    assert client.get(page).status_code == 404
    refused(client.get(path), 403, "permission-refused")

    delegation = lend(victor, otto)
    assert client.get(page).status_code == 200
    assert client.get(path).status_code == 200
    assert client.get("/api/v1/models/").json()["count"] == 1
    assert "Otto Olsen (for Victor Vance)" in client.get(page).content.decode()

    end_delegation(actor=victor, delegation=delegation)
    assert client.get(page).status_code == 404
    refused(client.get(path), 403, "permission-refused")


def test_what_was_lent_for_one_model_shows_no_other(
    in_review: PromotionRequest, other: RegisteredModel, victor: Person, otto: Person
) -> None:
    lend(victor, otto, model=other)
    assert list(models_seen_by(otto)) == [other]
    lend(victor, otto)
    assert models_seen_by(otto).count() == 2


def test_a_delegation_lends_no_more_than_its_giver_holds(
    in_review: PromotionRequest, victor: Person, otto: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    lend(victor, otto)
    victor.groups.clear()
    assert not models_seen_by(otto).exists()
    victor.groups.add(group_for(Role.MODEL_VALIDATOR))
    assert models_seen_by(otto).exists()
    later(monkeypatch, days=8)
    assert not models_seen_by(otto).exists()


def test_what_waits_for_victor_waits_for_otto_until_one_of_them_spoke(
    in_review: PromotionRequest, victor: Person, vera: Person, otto: Person
) -> None:
    assert list(reviews_waiting_for(otto)) == []
    lend(victor, otto)
    assert list(reviews_waiting_for(otto)) == [in_review]
    approve(in_review, otto, "model_validator")
    assert list(reviews_waiting_for(otto)) == []
    assert list(reviews_waiting_for(vera)) == [in_review]


def test_nothing_waits_for_a_delegate_of_the_requester(
    in_review: PromotionRequest, maya: Person, victor: Person, otto: Person
) -> None:
    maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    assert list(reviews_waiting_for(victor)) == [in_review]
    lend(maya, otto)
    lend(maya, victor)
    assert list(reviews_waiting_for(otto)) == []
    assert list(reviews_waiting_for(victor)) == []


def test_an_emergency_waits_for_reviewers_only(
    emergency: PromotionRequest, rosa: Person, victor: Person, maya: Person, otto: Person
) -> None:
    broken = break_glass(actor=rosa, request=emergency, justification="x", hours=2, password=PASSWORD)
    waiting = {who.username: [entry.broken for entry in emergencies_waiting_for(who)] for who in (rosa, victor, maya)}
    assert waiting == {"rosa": [], "victor": [broken], "maya": []}
    assert emergencies_waiting_for(otto) == []
