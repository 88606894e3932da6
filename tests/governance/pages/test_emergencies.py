"""Broken glass and conditions on the pages: asked for, looked at by others, shown in red wherever the version is."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from governance.broken_glass import break_glass
from governance.models import BreakGlass, BreakGlassReview, Condition, ConditionMet, PromotionRequest
from registry.models import Person
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD
from tests.stories import later

WORDS = {"justification": "The ward is without a ranking.", "hours": "4", "password": PASSWORD}
VIEW = {"upheld": "yes", "role": "model_validator", "reason": "It was right.", "password": PASSWORD}


def text_of(client: Client, name: str, *args: Any) -> str:
    return client.get(reverse(name, args=args)).content.decode()


@pytest.fixture
def broken(emergency: PromotionRequest, rosa: Person) -> BreakGlass:
    """Rosa broke the glass for four hours."""
    return break_glass(actor=rosa, request=emergency, justification="Patients wait.", hours=4, password=PASSWORD)


def test_rosa_breaks_the_glass_and_every_page_says_so(
    emergency: PromotionRequest, rosa: Person, victor: Person, ada: Person, signed_in: Browser
) -> None:
    client = signed_in(rosa)
    where = reverse("glass-break", args=[emergency.pk])
    assert where in text_of(client, "promotion", emergency.pk)

    assert client.post(where, WORDS).status_code == 302
    assert BreakGlass.objects.get().invoked_by == rosa

    pages = (
        text_of(client, "promotion", emergency.pk),
        text_of(client, "model", "care-priority"),
        text_of(client, "model-version", "care-priority", 1),
        text_of(client, "promotions"),
    )
    assert all("broken glass" in page and "badge--bad" in page for page in pages)
    assert "open by broken glass" in pages[0]
    assert "Set aside by the emergency" in pages[0]
    assert where not in pages[0]
    overview = signed_in(ada).get(reverse("admin:index")).content.decode()
    assert "broken glass, others must look at it" in overview
    listed = signed_in(ada).get(reverse("admin:governance_promotionrequest_changelist")).content.decode()
    assert "broken glass" in listed


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"password": "guessed"}, "password"),
        ({"justification": ""}, "justification"),
        ({"hours": "9"}, "hours"),
        ({"hours": "0"}, "hours"),
    ],
)
def test_the_form_says_what_is_wrong(
    emergency: PromotionRequest, rosa: Person, signed_in: Browser, changes: dict[str, str], field: str
) -> None:
    answer = signed_in(rosa).post(reverse("glass-break", args=[emergency.pk]), {**WORDS, **changes})
    assert answer.status_code == 422
    assert field in answer.context["form"].errors
    assert not BreakGlass.objects.exists()


def test_victor_is_not_offered_it_and_refused_all_the_same(
    emergency: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    client = signed_in(victor)
    where = reverse("glass-break", args=[emergency.pk])
    assert where not in text_of(client, "promotion", emergency.pk)
    assert "No group of yours" in client.get(where).content.decode()
    assert client.post(where, WORDS).status_code == 422
    assert not BreakGlass.objects.exists()


def test_it_waits_for_two_others_and_not_for_who_did_it(
    broken: BreakGlass, rosa: Person, victor: Person, vera: Person, signed_in: Browser
) -> None:
    where = reverse("glass-review", args=[broken.pk])
    assert where not in text_of(signed_in(rosa), "promotions")
    for person in (victor, vera):
        client = signed_in(person)
        assert where in text_of(client, "promotions")
        assert client.post(where, VIEW).status_code == 302
        assert where not in text_of(client, "promotions")
    assert BreakGlassReview.objects.filter(upheld=True).count() == 2
    assert "upheld by others" in text_of(signed_in(rosa), "promotion", broken.request_id)


def test_an_objection_closes_the_gate(broken: BreakGlass, victor: Person, signed_in: Browser) -> None:
    client = signed_in(victor)
    client.post(reverse("glass-review", args=[broken.pk]), {**VIEW, "upheld": "no"})
    assert "It opens nothing: it was objected to afterwards" in text_of(client, "promotion", broken.request_id)


def test_who_did_it_cannot_uphold_it(broken: BreakGlass, rosa: Person, signed_in: Browser) -> None:
    client = signed_in(rosa)
    where = reverse("glass-review", args=[broken.pk])
    assert "two others must look at it" in client.get(where).content.decode()
    assert client.post(where, {**VIEW, "role": "risk_officer"}).status_code == 422
    assert not BreakGlassReview.objects.exists()


def test_what_nobody_looked_at_in_time_is_called_so(
    broken: BreakGlass, victor: Person, signed_in: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(victor)
    later(monkeypatch, days=2)
    assert "not looked at in time" in text_of(client, "promotion", broken.request_id)


def test_vera_confirms_a_condition_on_its_page(conditional: Condition, vera: Person, signed_in: Browser) -> None:
    client = signed_in(vera)
    where = reverse("condition", args=[conditional.pk])
    assert where in text_of(client, "promotion", conditional.review.request_id)
    assert client.post(where, {"evidence": "Run 14.", "password": "guessed"}).status_code == 422
    assert client.post(where, {"evidence": "Run 14.", "password": PASSWORD}).status_code == 302
    assert ConditionMet.objects.get().confirmed_by == vera
    shown = text_of(client, "promotion", conditional.review.request_id)
    assert "Confirmed by Vera Vogel" in shown
    assert where not in shown


def test_an_overdue_condition_is_called_so_and_maya_does_not_confirm_it(
    conditional: Condition, maya: Person, signed_in: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = signed_in(maya)
    later(monkeypatch, days=3)
    assert "overdue: closes the gate" in text_of(client, "promotion", conditional.review.request_id)
    where = reverse("condition", args=[conditional.pk])
    assert client.post(where, {"evidence": "Done.", "password": PASSWORD}).status_code == 422
    assert not ConditionMet.objects.exists()


def test_otto_sees_none_of_it(broken: BreakGlass, otto: Person, signed_in: Browser) -> None:
    client = signed_in(otto)
    for where in (reverse("glass-break", args=[broken.request_id]), reverse("glass-review", args=[broken.pk])):
        assert client.get(where).status_code == 404
