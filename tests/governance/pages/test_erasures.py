"""Erasing a person by page: seen first, asked by one, confirmed by another."""

from __future__ import annotations

import pytest
from django.urls import reverse

from governance.models import ErasureRequest
from registry.models import Person
from tests.governance.pages.conftest import Browser
from tests.people import PASSWORD

LIST = reverse("erasures")


@pytest.fixture
def asking(otto: Person) -> str:
    return reverse("erasure-ask", args=[otto.pseudonym])


def test_one_asks_and_another_confirms(
    signed_in: Browser, ada: Person, dora: Person, otto: Person, asking: str
) -> None:
    ours, theirs = signed_in(ada), signed_in(dora)
    assert "Nobody has been erased" in ours.get(LIST).content.decode()
    assert "Otto Olsen" in ours.get(asking).content.decode()
    assert ours.post(asking, {"ground": "left", "password": PASSWORD}).status_code == 302
    asked = ErasureRequest.objects.get()
    confirming = reverse("erasure-confirm", args=[asked.pk])
    assert "waits for somebody else" in ours.get(LIST).content.decode()
    assert ours.post(confirming, {"password": PASSWORD}).status_code == 422
    assert "cannot be undone" in theirs.get(confirming).content.decode()
    assert theirs.post(confirming, {"password": PASSWORD}).status_code == 302
    otto.refresh_from_db()
    assert otto.printed_name.startswith("erased-")
    assert "erased, confirmed by Dora Dahl" in ours.get(LIST).content.decode()
    assert "erased already" in theirs.get(confirming).content.decode()


def test_who_may_not_sees_nothing(signed_in: Browser, maya: Person, asking: str) -> None:
    client = signed_in(maya)
    for address in (LIST, asking):
        assert client.get(address).status_code == 403


def test_a_wrong_password_erases_nobody(signed_in: Browser, ada: Person, asking: str) -> None:
    answer = signed_in(ada).post(asking, {"ground": "left", "password": "guess"})
    assert answer.status_code == 422
    assert not ErasureRequest.objects.exists()


def test_the_admin_leads_there_for_one_person(signed_in: Browser, ada: Person, otto: Person, asking: str) -> None:
    client = signed_in(ada)
    people = reverse("admin:registry_person_changelist")
    chosen = {"action": "ask_for_erasure", "_selected_action": [otto.pk]}
    assert client.post(people, chosen).headers["Location"] == asking
    both = {"action": "ask_for_erasure", "_selected_action": [otto.pk, ada.pk]}
    assert "Choose one person" in client.post(people, both, follow=True).content.decode()
