from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from governance.access.tokens import Scope
from governance.models import PromotionRequest
from registry.models import Person, WorkItem
from tests.governance.api.conftest import Connect, refused

PATH = "/api/v1/portfolio/"


def test_the_portfolio_is_read_as_of_a_day(connect: Connect, staged: PromotionRequest, maya: Person) -> None:
    client, today = connect(maya, Scope.REPORT_READ), timezone.now().date()
    (now,) = client.get(PATH).json()["models"]
    assert now["stages"][0]["stage"] == "staging"
    ahead = client.get(PATH, {"as_of": (today + timedelta(days=200)).isoformat()}).json()
    assert ahead["report"]["as_of"] == (today + timedelta(days=200)).isoformat()
    assert client.get(PATH, {"as_of": "2026-06-30"}).json()["models"] == []


@pytest.mark.parametrize("day", ["soon", "2099-01-01", "1999-01-01"])
def test_a_day_without_law_is_refused(connect: Connect, maya: Person, day: str) -> None:
    client = connect(maya, Scope.REPORT_READ)
    refused(client.get(PATH, {"as_of": day}), 422, "invalid-input", "as_of")
    assert client.post(PATH, {"as_of": day}, format="json").status_code in (400, 422)
    assert not WorkItem.objects.exists()


def test_it_is_ordered_for_a_day(connect: Connect, staged: PromotionRequest, maya: Person) -> None:
    answer = connect(maya, Scope.REPORT_READ).post(PATH, {"as_of": "2026-08-01", "language": "de"}, format="json")
    assert answer.status_code == 202
    assert answer["Location"] == f"{PATH}?format=pdf&as_of=2026-08-01&language=de"
    payload = WorkItem.objects.get(kind="governance.portfolio").payload
    assert (payload["as_of"], payload["language"]) == ("2026-08-01", "de")
    refused(connect(maya, Scope.REPORT_READ).get(answer["Location"]), 404, "not-yet")
