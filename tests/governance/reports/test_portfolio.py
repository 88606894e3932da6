"""The portfolio: every model that a person may see, with what needs attention; nobody reads another's."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from jsonschema import Draft202012Validator

from audits.frameworks.catalogue import Route
from audits.models import Report
from audits.reports.portfolio import DutyCounts
from audits.reports.render import evidence_bytes, render_html
from audits.reports.schemas import SCHEMAS
from governance.law.classifications import assign_control, classify_model
from governance.models import PromotionRequest
from governance.performers import PortfolioPerformer
from governance.promotions import withdraw_request
from governance.reports.portfolio import build_portfolio, newest_portfolio, order_portfolio
from governance.reports.portfolio_records import duty_counts
from governance.stages import retire_version
from registry.errors import InvalidInputError
from registry.models import Person, RegisteredModel, WorkItem
from tests.governance.law.test_classification_rules import PLAIN
from tests.people import PASSWORD, World
from tests.stories import gap, later, measure, result

pytestmark = pytest.mark.django_db(transaction=True)
TODAY = timezone.now().date()


def only(person: Person, **changes: Any) -> Any:
    (entry,) = build_portfolio(person, **changes).models
    return entry


def test_what_is_in_a_stage_stands_with_its_decision(staged: PromotionRequest, maya: Person) -> None:
    (place,) = only(maya).stages
    assert (place.stage, place.version, place.outcome) == ("staging", 1, "open")
    assert place.valid_until is not None
    assert not only(maya).needs_attention


def test_a_blocked_request_needs_attention(asked: PromotionRequest, maya: Person) -> None:
    assert only(maya).open_requests == 1
    measure(asked, result(gap(0.6)))
    assert only(maya).blocking == 1
    assert only(maya).needs_attention


def test_an_answer_that_is_overdue_is_counted_until_it_is_given(
    world: World, carla: Person, rosa: Person, maya: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    due = TODAY + timedelta(days=3)
    assign_control(actor=carla, model=world.model, control_id="aia-annex4-5", owner=rosa, due=due)
    assert (only(maya).overdue, only(maya).next_due) == (0, due)
    later(monkeypatch, days=4)
    assert (only(maya).overdue, only(maya).next_due) == (1, None)


def test_who_owes_an_answer_now_counts_and_not_who_owed_it_before(
    world: World, carla: Person, rosa: Person, maya: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    soon, due = TODAY + timedelta(days=3), TODAY + timedelta(days=9)
    for day in (soon, due):
        assign_control(actor=carla, model=world.model, control_id="aia-annex4-5", owner=rosa, due=day)
    later(monkeypatch, days=4)
    assert (only(maya).overdue, only(maya).next_due) == (0, due)


# -- Another day ------------------------------------------------------------------------------------------------------
@pytest.fixture
def classified(world: World, carla: Person, monkeypatch: pytest.MonkeyPatch) -> World:
    """A loan model, registered as minimal and classified as high by Annex III on 1 June 2026; it is November now."""
    model = world.model
    with monkeypatch.context() as clock:
        clock.setattr("django.utils.timezone.now", lambda: datetime(2026, 6, 1, 9, tzinfo=UTC))
        RegisteredModel.objects.filter(pk=model.pk).update(created_at=datetime(2026, 5, 1, tzinfo=UTC))
        answers = {**PLAIN, "annex_iii": ["5(b)"], "personal_data": True}
        classify_model(actor=carla, model=model, answers=answers, reasons="It scores loans.", password=PASSWORD)
    return world


def test_two_days_differ_exactly_where_the_law_did(classified: World, maya: Person) -> None:
    before, after = only(maya, as_of=date(2026, 6, 30)), only(maya, as_of=date(2026, 8, 1))
    assert replace(before, duties=None) == replace(after, duties=None)
    assert (before.duties.next_applies, after.duties.next_applies) == (date(2026, 8, 2), date(2027, 12, 2))
    # As Art. 86(1), they apply by their letter from 2 August 2026, with nothing to apply to before December 2027.
    assert (before.duties.unsettled, after.duties.unsettled) == (0, 36)


def test_a_repealed_duty_is_counted_nowhere() -> None:
    assert duty_counts(["aia-10-5"], date(2026, 8, 1), route=Route.ANNEX_III) == DutyCounts(binding=0, upcoming=0)


def test_before_its_classification_a_model_is_what_it_was_registered_as(classified: World, maya: Person) -> None:
    early = only(maya, as_of=date(2026, 5, 31))
    assert (early.risk_class, early.duties) == ("high", None)
    assert only(maya, as_of=date(2026, 6, 1)).duties is not None
    assert build_portfolio(maya, as_of=date(2026, 4, 30)).models == ()


def test_stages_and_requests_are_those_of_the_day(
    staged: PromotionRequest, maya: Person, rosa: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    now, tomorrow = only(maya), TODAY + timedelta(days=1)
    later(monkeypatch, days=2)
    retire_version(actor=rosa, version=staged.version, stage="staging", reason="a better one came")
    assert only(maya).stages == ()
    assert only(maya, as_of=tomorrow).stages == now.stages
    assert only(maya, as_of=TODAY).open_requests == 0


def test_a_request_is_told_as_it_stood_on_the_day(
    asked: PromotionRequest, maya: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    measure(asked, result(gap(0.6)))
    later(monkeypatch, days=2)
    withdraw_request(actor=maya, request=asked, reason="we start anew")
    assert (only(maya).open_requests, only(maya).blocking) == (0, 0)
    assert (only(maya, as_of=TODAY).open_requests, only(maya, as_of=TODAY).blocking) == (1, 1)


def test_a_day_to_come_knows_what_is_known_today_and_what_ends_until_then(
    staged: PromotionRequest, world: World, carla: Person, rosa: Person, maya: Person
) -> None:
    due = TODAY + timedelta(days=3)
    assign_control(actor=carla, model=world.model, control_id="aia-annex4-5", owner=rosa, due=due)
    ahead = only(maya, as_of=TODAY + timedelta(days=30))
    assert (ahead.stages, ahead.overdue, ahead.next_due) == (only(maya).stages, 1, None)


@pytest.mark.parametrize("day", [date(2016, 5, 23), date(2099, 1, 1)])
def test_a_day_without_law_is_not_ordered(maya: Person, day: date) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        order_portfolio(actor=maya, as_of=day)
    assert refusal.value.field == "as_of"


def test_nobody_sees_what_they_may_not(staged: PromotionRequest, otto: Person, maya: Person) -> None:
    assert build_portfolio(otto).models == ()
    assert build_portfolio(maya, slugs=("another",)).models == ()


def test_the_number_of_queries_does_not_grow_with_the_models(
    staged: PromotionRequest, world: World, maya: Person
) -> None:
    with CaptureQueriesContext(connection) as one:
        build_portfolio(maya)
    for number in range(5):
        model = world.model
        model.pk, model.slug = None, f"copy-{number}"
        model.save()
    with CaptureQueriesContext(connection) as many:
        build_portfolio(maya)
    assert len(many) == len(one) <= 18


@pytest.mark.parametrize("language", ["en", "de"])
def test_the_page_says_it_and_its_evidence_holds_the_schema(
    staged: PromotionRequest, maya: Person, language: str
) -> None:
    document = build_portfolio(maya, language=language)
    page = render_html(document)
    assert staged.version.model.name in page
    assert ("nothing is recorded against it" in page) is (language == "en")
    Draft202012Validator(SCHEMAS["portfolio"]()).validate(document.to_evidence())
    assert b"compliant" not in evidence_bytes(document)


def test_a_language_that_is_not_written_is_refused(maya: Person) -> None:
    with pytest.raises(InvalidInputError):
        order_portfolio(actor=maya, language="fr")


@pytest.mark.slow
def test_an_ordered_portfolio_is_sealed_for_whoever_ordered_it(
    staged: PromotionRequest, maya: Person, rosa: Person
) -> None:
    number = order_portfolio(actor=maya, as_of=TODAY)
    payload = WorkItem.objects.get(key=f"portfolio:{number}").payload
    PortfolioPerformer().perform(payload)()
    assert newest_portfolio(maya) == Report.objects.get(number=number)
    assert newest_portfolio(maya, as_of=TODAY) == newest_portfolio(maya)
    assert newest_portfolio(maya, as_of=TODAY - timedelta(days=1)) is None
    assert newest_portfolio(rosa) is None
