"""The portfolio: every model that a person may see, with what needs attention; nobody reads another's."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from jsonschema import Draft202012Validator

from audits.models import Report
from audits.reports.render import evidence_bytes, render_html
from audits.reports.schemas import SCHEMAS
from governance.law.classifications import assign_control
from governance.models import PromotionRequest
from governance.performers import PortfolioPerformer
from governance.reports.portfolio import build_portfolio, newest_portfolio, order_portfolio
from registry.errors import InvalidInputError
from registry.models import Person, WorkItem
from tests.people import World
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
    assert len(many) == len(one) <= 16


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
    number = order_portfolio(actor=maya)
    payload = WorkItem.objects.get(key=f"portfolio:{number}").payload
    PortfolioPerformer().perform(payload)()
    assert newest_portfolio(maya) == Report.objects.get(number=number)
    assert newest_portfolio(rosa) is None
