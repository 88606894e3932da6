"""What was in production on a day, asked in the administration."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from governance.models import PromotionRequest
from governance.promotions import complete
from registry.models import Person, StageAssignment
from tests.governance.pages.conftest import Browser

LIST = reverse("admin:registry_stageassignment_changelist")


def listed(browser: Client, day: str) -> set[int]:
    answer = browser.get(LIST, {"on": day})
    assert answer.status_code == 200
    return {row.pk for row in answer.context["cl"].result_list}


@pytest.fixture
def browser(signed_in: Browser, ada: Person) -> Client:
    return signed_in(ada)


@pytest.fixture
def promoted(approved: PromotionRequest, mel: Person) -> StageAssignment:
    complete(actor=mel, request=approved)
    return StageAssignment.objects.get(version=approved.version, stage=approved.to_stage)


def test_a_day_shows_what_was_in_the_stages_at_its_end(promoted: StageAssignment, browser: Client) -> None:
    today = timezone.now().date()
    assert promoted.pk in listed(browser, today.isoformat())
    assert listed(browser, (today - timedelta(days=1)).isoformat()) == set()


def test_without_a_day_the_whole_history_is_listed(promoted: StageAssignment, browser: Client) -> None:
    assert listed(browser, "") == set(StageAssignment.objects.values_list("pk", flat=True))


def test_what_is_no_day_is_refused_and_not_read_as_every_day(promoted: StageAssignment, browser: Client) -> None:
    answer = browser.get(LIST, {"on": "soon"})
    assert (answer.status_code, answer["Location"].partition("?")[2]) == (302, "e=1")
