"""Reviews with an authenticator, for somebody who is away, and on conditions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from governance.access.delegations import delegate_role
from governance.access.roles import group_for
from governance.models import Condition, PromotionRequest, Review
from governance.models.access import Role
from registry.models import Person
from tests.codes import code_of, with_authenticator
from tests.governance.pages.conftest import Browser
from tests.governance.pages.test_deciding import page, words
from tests.people import PASSWORD

SOON = (timezone.now() + timedelta(days=5)).date().isoformat()


def post(client: Client, promotion: PromotionRequest, **changes: str) -> int:
    return client.post(page(promotion), words(promotion, **changes)).status_code


def test_whoever_has_an_authenticator_signs_with_its_code(
    in_review: PromotionRequest, victor: Person, ada: Person, signed_in: Browser
) -> None:
    secret = with_authenticator(victor, confirmed_by=ada)
    client = signed_in(victor)

    answer = client.post(page(in_review), words(in_review))
    assert answer.status_code == 422
    assert "otp" in answer.context["form"].errors

    assert post(client, in_review, password="", otp=code_of(secret, steps=1)) == 302
    assert Review.objects.get().method == "totp"


def test_a_code_without_an_authenticator_is_refused_beside_its_field(
    in_review: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    answer = signed_in(victor).post(page(in_review), words(in_review, otp="123456"))

    assert answer.status_code == 422
    assert "otp" in answer.context["form"].errors
    assert not Review.objects.exists()


def test_the_page_says_for_whom_otto_acts(
    in_review: PromotionRequest, victor: Person, otto: Person, signed_in: Browser
) -> None:
    from_now = timezone.now() + timedelta(days=7)
    delegate_role(
        actor=victor, delegate=otto, role="model_validator", ends_at=from_now, reason="On leave.", password=PASSWORD
    )
    otto.groups.add(group_for(Role.AUDITOR))
    client = signed_in(otto)
    shown = client.get(page(in_review))

    assert shown.status_code == 200
    assert "You act for Victor Vance" in shown.content.decode()
    assert post(client, in_review) == 302
    assert Review.objects.get().delegation is not None


def test_an_approval_may_depend_on_conditions(in_review: PromotionRequest, victor: Person, signed_in: Browser) -> None:
    told = {"condition-1-text": "Train the nurses.", "condition-1-due_on": SOON}

    assert post(signed_in(victor), in_review, **told) == 302

    condition = Condition.objects.get()
    assert (condition.text, condition.due_at.date().isoformat()) == ("Train the nurses.", SOON)


@pytest.mark.parametrize(
    "told",
    [
        {"condition-1-text": "Train the nurses."},
        {"condition-2-due_on": SOON},
        {"condition-1-text": "Train the nurses.", "condition-1-due_on": "someday"},
        {"condition-1-text": "Train the nurses.", "condition-1-due_on": "2020-01-01"},
        {
            "verdict": "reject",
            "meaning": "rejected",
            "condition-1-text": "Train the nurses.",
            "condition-1-due_on": SOON,
        },
    ],
    ids=["without a day", "without a text", "no day", "a day long past", "of a rejection"],
)
def test_half_a_condition_signs_nothing(
    in_review: PromotionRequest, victor: Person, signed_in: Browser, told: dict[str, str]
) -> None:
    assert post(signed_in(victor), in_review, **told) == 422
    assert not Review.objects.exists()
