"""Reviews that do not come: people are reminded, others told, or the request ends."""

from __future__ import annotations

import pytest
from django.core import mail

from governance import deadlines
from governance.errors import (
    WrongStateError,
)
from governance.models import PromotionRequest
from registry import work
from registry.models import LedgerEntry, ModelVersion, Person
from tests.stories import WAIVERS, approve, ask, later, measure, rules

State = PromotionRequest.State


def deadline(carla: Person, rosa: Person, maya: Person, version: ModelVersion, what: str) -> PromotionRequest:
    rules(carla, rosa, (WAIVERS, f"{WAIVERS}    review_deadline_days: 10\n    on_deadline: {what}\n"))
    for reviewer in (carla, rosa, maya):
        Person.objects.filter(pk=reviewer.pk).update(email=f"{reviewer.username}@example.org")
    return measure(ask(maya, version))


def told() -> list[str]:
    work.perform_all()
    return sorted(f"{letter.to[0]}: {letter.subject}" for letter in mail.outbox)


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The observations of these stories are given; no worker measures them again."""
    monkeypatch.setattr("audits.performers.CheckPerformer.perform", lambda *_args: lambda: None)


def test_reviewers_are_reminded_once_at_half_time(
    carla: Person, rosa: Person, maya: Person, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline(carla, rosa, maya, version, "escalate")
    later(monkeypatch, days=4, hours=23)
    assert deadlines.watch() == 0
    later(monkeypatch, hours=2)
    assert deadlines.watch() == 1
    assert deadlines.watch() == 0
    assert told() == ["rosa@example.org: Your review of care-priority/1 → staging is due"]
    assert "/promotions/" in mail.outbox[0].body
    assert LedgerEntry.objects.filter(event="promotion.reminded").count() == 1


def test_at_the_deadline_more_people_are_told_and_nothing_is_approved(
    carla: Person, rosa: Person, maya: Person, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = deadline(carla, rosa, maya, version, "escalate")
    later(monkeypatch, days=10)
    assert deadlines.watch() == 1
    assert deadlines.watch() == 0
    assert told() == [
        "maya@example.org: Reviews of care-priority/1 → staging are overdue",
        "rosa@example.org: Reviews of care-priority/1 → staging are overdue",
    ]
    request.refresh_from_db()
    assert request.state == State.IN_REVIEW
    with pytest.raises(WrongStateError):
        deadlines.expire_request(request=request)


def test_at_the_deadline_a_request_expires_where_the_policy_says_so(
    carla: Person,
    rosa: Person,
    victor: Person,
    maya: Person,
    version: ModelVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = deadline(carla, rosa, maya, version, "expire")
    with pytest.raises(WrongStateError):
        deadlines.expire_request(request=request)
    later(monkeypatch, days=10)
    assert deadlines.watch() == 1
    request.refresh_from_db()
    assert request.state == State.EXPIRED
    assert request.ended_at is not None
    assert told() == ["maya@example.org: The request for care-priority/1 → staging expired"]
    with pytest.raises(WrongStateError):
        approve(request, victor, "model_validator")
    assert ask(maya, version).state == State.AUDITING


def test_without_a_deadline_nobody_is_hurried(in_review: PromotionRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, days=300)
    assert deadlines.watch() == 0
