"""Pages of what went wrong, in the language of whoever asked: by the browser's language or by choice."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.core.exceptions import PermissionDenied
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import translation

from deploy.build_translations import ROOT
from governance.api import problems
from registry.models import Person
from tests.audits.reports.test_translations import bare_words
from tests.governance.pages.conftest import Browser

GERMAN = {"accept-language": "de-AT,de;q=0.9"}
START = "Zur Startseite"


@pytest.mark.parametrize("path", sorted((ROOT / "templates").glob("*.html")), ids=lambda path: path.stem)
def test_no_word_of_an_error_page_stands_outside_of_a_translation(path: Path) -> None:
    assert set(bare_words(path.read_text(encoding="utf-8"))) <= {"door"}


def test_what_is_not_there_is_said_in_german(maya: Person, signed_in: Browser) -> None:
    page = signed_in(maya).get("/nowhere/", headers=GERMAN).content.decode()
    assert '<html lang="de"' in page
    assert "Es gibt keine solche Seite" in page
    assert START in page
    assert "There is no such page" in signed_in(maya).get("/nowhere/").content.decode()


def test_what_nobody_may_is_said_in_german_where_german_was_chosen(otto: Person, signed_in: Browser) -> None:
    browser = signed_in(otto)
    browser.post(reverse("set_language"), {"language": "de", "next": "/"})
    answered = browser.get(reverse("ledger"))
    assert answered.status_code == 403
    assert "Keine Ihrer Gruppen erlaubt Ihnen das." in answered.content.decode()


@pytest.mark.django_db
def test_a_form_from_elsewhere_is_refused_in_german() -> None:
    answered = Client(enforce_csrf_checks=True).post(reverse("sign-in"), {}, headers=GERMAN)
    assert answered.status_code == 403
    assert "Das Formular kam nicht von diesem Dienst" in answered.content.decode()


@pytest.mark.django_db
def test_a_failure_is_told_in_german(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("governance.pages.session.SignIn.get", None)
    client = Client(raise_request_exception=False)
    answered = client.get(reverse("sign-in"), headers=GERMAN)
    assert answered.status_code == 500
    assert "Hier ist etwas schiefgegangen." in answered.content.decode()
    assert "Something went wrong here." in client.get(reverse("sign-in")).content.decode()


@pytest.mark.parametrize("last", ["de", "en"])
def test_what_fails_before_a_language_is_chosen_does_not_speak_that_of_the_last_request(
    last: str, settings: Any
) -> None:
    settings.SECURE_SSL_REDIRECT = True  # asks for the name of the host, which is none of ours, first of all
    with translation.override(last):
        pages = [
            Client(headers={"host": "elsewhere.example"}).get("/", headers={"accept-language": spoken})
            for spoken in ("de", "en")
        ]
    assert [page.status_code for page in pages] == [400, 400]
    assert "Die Anfrage lässt sich nicht lesen." in pages[0].content.decode()
    assert "The request cannot be read." in pages[1].content.decode()


def test_an_error_page_ends_with_the_language_it_began_with() -> None:
    request = RequestFactory().get("/", headers=GERMAN)
    with translation.override("en"):
        page = problems.permission_denied(request, PermissionDenied()).content.decode()
        assert translation.get_language() == "en"
    assert re.findall("<h1>(.*?)</h1>", page) == ["Nicht erlaubt"]
