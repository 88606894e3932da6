"""Deciding on a page: what is shown is what is signed, and nothing happens by looking."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.models import PromotionRequest, Review, Waiver
from governance.promotions import rerun_checks
from registry.models import LedgerEntry, Person, StageAssignment
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD
from tests.stories import approve, gap, measure, result

State = PromotionRequest.State


def words(promotion: PromotionRequest, **changes: str) -> dict[str, str]:
    """A complete, approving review."""
    promotion.refresh_from_db()
    return {
        "verdict": "approve",
        "role": "model_validator",
        "meaning": "approved",
        "reason": "I read all findings.",
        "password": PASSWORD,
        "subject_digest": promotion.subject_digest,
        **changes,
    }


def page(promotion: PromotionRequest, name: str = "promotion-review") -> str:
    return reverse(name, args=[promotion.pk])


def test_victor_signs_what_the_page_shows(in_review: PromotionRequest, victor: Person, signed_in: Browser) -> None:
    client = signed_in(victor)
    shown = client.get(page(in_review)).content.decode()
    assert in_review.subject_digest in shown
    assert in_review.version.artifact_digest in shown
    assert in_review.run.digest in shown

    answer = client.post(page(in_review), words(in_review))

    assert answer.status_code == 302
    review = Review.objects.get()
    assert (review.reviewer, review.verdict, review.method) == (victor, "approve", "password")
    assert review.subject_digest == in_review.subject_digest


def test_a_wrong_password_is_refused_beside_its_field(
    in_review: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    answer = signed_in(victor).post(page(in_review), words(in_review, password="guessed"))

    assert answer.status_code == 422
    assert answer.context["form"].errors["password"] == ["That is not your password."]
    assert "guessed" not in answer.content.decode()
    assert not Review.objects.exists()
    assert LedgerEntry.objects.filter(event="action.refused").exists()


@pytest.mark.parametrize("missing", ["verdict", "role", "meaning", "reason", "password", "subject_digest"])
def test_an_incomplete_review_is_not_signed(
    in_review: PromotionRequest, victor: Person, signed_in: Browser, missing: str
) -> None:
    told = words(in_review)
    del told[missing]

    answer = signed_in(victor).post(page(in_review), told)

    assert answer.status_code == 422
    assert missing in answer.context["form"].errors
    assert not Review.objects.exists()


def test_what_was_read_before_a_rerun_cannot_be_signed_after_it(
    in_review: PromotionRequest, victor: Person, maya: Person, signed_in: Browser
) -> None:
    read = words(in_review)
    measure(rerun_checks(actor=maya, request=in_review, reason="new data"))

    answer = signed_in(victor).post(page(in_review), read)

    assert answer.status_code == 422
    assert "The evidence has changed" in answer.content.decode()
    assert not Review.objects.exists()


def test_maya_cannot_approve_what_she_asked_for(in_review: PromotionRequest, maya: Person, signed_in: Browser) -> None:
    answer = signed_in(maya).post(page(in_review), words(in_review))

    assert answer.status_code == 422
    assert not Review.objects.exists()


def test_a_superuser_without_a_role_sees_no_form_and_signs_nothing(
    in_review: PromotionRequest, ada: Person, signed_in: Browser
) -> None:
    client = signed_in(ada)
    shown = client.get(page(in_review)).content.decode()
    assert "You cannot review this" in shown
    assert 'name="password"' not in shown

    answer = client.post(page(in_review), words(in_review))

    assert answer.status_code == 422
    assert not Review.objects.exists()
    assert '"code":"role-not-held"' in "".join(
        bytes(entry.body).decode() for entry in LedgerEntry.objects.filter(event="action.refused")
    )


def test_the_actor_named_in_the_form_is_ignored(
    in_review: PromotionRequest, victor: Person, rosa: Person, signed_in: Browser
) -> None:
    signed_in(victor).post(page(in_review), words(in_review, actor=str(rosa.pk), reviewer=rosa.username))

    assert Review.objects.get().reviewer == victor


@pytest.mark.parametrize(
    "name",
    ["promotion-review", "promotion-withdraw", "promotion-rerun", "promotion-complete", "waiver-ask"],
)
def test_looking_changes_nothing(approved: PromotionRequest, maya: Person, signed_in: Browser, name: str) -> None:
    client = signed_in(maya)
    before = (approved.state, LedgerEntry.objects.count())

    assert client.get(page(approved, name), words(approved)).status_code == 200

    approved.refresh_from_db()
    assert (approved.state, LedgerEntry.objects.count()) == before


@pytest.mark.parametrize(
    "name",
    ["promotion-review", "promotion-withdraw", "promotion-rerun", "promotion-complete", "waiver-ask"],
)
def test_a_form_from_elsewhere_is_refused(in_review: PromotionRequest, victor: Person, name: str) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(victor, backend="django.contrib.auth.backends.ModelBackend")

    assert client.post(page(in_review, name), words(in_review)).status_code == 403
    assert not Review.objects.exists()


def test_mel_puts_an_approved_version_into_its_stage(
    approved: PromotionRequest, mel: Person, signed_in: Browser
) -> None:
    answer = signed_in(mel).post(page(approved, "promotion-complete"))

    assert answer.status_code == 302
    assert StageAssignment.objects.current().get(stage="staging").version == approved.version


def test_victor_cannot_put_it_into_its_stage(approved: PromotionRequest, victor: Person, signed_in: Browser) -> None:
    assert signed_in(victor).post(page(approved, "promotion-complete")).status_code == 422
    assert not StageAssignment.objects.exists()


def test_maya_withdraws_her_request_with_a_reason(
    in_review: PromotionRequest, maya: Person, signed_in: Browser
) -> None:
    client = signed_in(maya)
    assert client.post(page(in_review, "promotion-withdraw"), {"reason": ""}).status_code == 422
    assert client.post(page(in_review, "promotion-withdraw"), {"reason": "found a mistake"}).status_code == 302

    in_review.refresh_from_db()
    assert in_review.state == State.WITHDRAWN


@pytest.fixture
def blocked(asked: PromotionRequest) -> PromotionRequest:
    """The selection rates lie too far apart."""
    return measure(asked, result(gap(0.4)))


def ask_waiver(client: Client, promotion: PromotionRequest, **changes: str) -> int:
    told = {
        "criterion_id": "selection-gap",
        "justification": "Only twelve people are concerned.",
        "compensating_control": "A nurse reads every case.",
        "expires_on": (timezone.now() + timedelta(days=10)).date().isoformat(),
        **changes,
    }
    return client.post(page(promotion, "waiver-ask"), told).status_code


def test_a_waiver_is_asked_by_one_and_granted_by_another(
    blocked: PromotionRequest, maya: Person, rosa: Person, signed_in: Browser
) -> None:
    assert ask_waiver(signed_in(maya), blocked) == 302
    waiver = Waiver.objects.get()
    decision = {"granted": "yes", "role": "risk_officer", "reason": "For ten days.", "password": PASSWORD}

    assert signed_in(maya).post(reverse("waiver", args=[waiver.pk]), decision).status_code == 422
    assert signed_in(rosa).post(reverse("waiver", args=[waiver.pk]), decision | {"password": "no"}).status_code == 422
    assert signed_in(rosa).post(reverse("waiver", args=[waiver.pk]), decision).status_code == 302

    blocked.refresh_from_db()
    assert blocked.state == State.IN_REVIEW


def test_a_waiver_that_would_last_too_long_is_refused_beside_the_date(
    blocked: PromotionRequest, maya: Person, signed_in: Browser
) -> None:
    client = signed_in(maya)
    assert ask_waiver(client, blocked, expires_on="2099-01-01") == 422
    assert not Waiver.objects.exists()


def test_a_blocked_request_cannot_be_approved_on_the_page(
    blocked: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    answer = signed_in(victor).post(page(blocked), words(blocked))

    assert answer.status_code == 422
    assert "verdict" in answer.context["form"].errors
    assert not Review.objects.exists()


def test_a_second_review_of_the_same_round_is_refused(
    in_review: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    approve(in_review, victor, "model_validator")

    assert signed_in(victor).post(page(in_review), words(in_review)).status_code == 422
    assert Review.objects.count() == 1
