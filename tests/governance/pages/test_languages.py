"""The reviewer's pages in German: by the browser's language or by choice, with people's words left as they are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.urls import reverse

from deploy.build_translations import ROOT
from governance.models import PromotionRequest
from registry.models import Person
from tests.audits.reports.test_translations import bare_words
from tests.governance.pages.conftest import Browser

#: The pages on which people review and decide. The others speak English so far.
REVIEWER_PAGES = [
    *("queue", "review", "decide", "sign_in", "base", "bare", "act", "confirm", "waiver_ask", "waiver_decide"),
    *("models", "model", "version", "reports", "policies", "policy_version", "ledger", "ledger_entry", "explain"),
    *("coverage", "classification", "classify"),
    *(f"parts/{path.stem}" for path in sorted((ROOT / "templates" / "pages" / "parts").glob("*.html"))),
]


@pytest.mark.parametrize("name", REVIEWER_PAGES)
def test_no_word_of_a_reviewers_page_stands_outside_of_a_translation(name: str) -> None:
    source = Path(ROOT / "templates" / "pages" / f"{name}.html").read_text(encoding="utf-8")
    assert set(bare_words(source)) <= {
        "Assay",
        "page",
        "narrow",
        "version",
        "credit",
        "door",
        "OpenLineage",
        "PROV",
        "SVG",
        "Mermaid",
        "JSON",
    }


@pytest.mark.django_db
def test_a_review_page_speaks_the_readers_language(
    in_review: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    browser, place = signed_in(victor), reverse("promotion", args=[in_review.pk])
    german = browser.get(place, headers={"accept-language": "de"}).content.decode()
    assert '<html lang="de"' in german
    assert "wartet auf Prüfungen" in german
    assert "höchstens 0,20" in german
    assert in_review.reason in german
    english = browser.get(place).content.decode()
    assert "waiting for reviews" in english
    assert "at most 0.20" in english


@pytest.mark.django_db
def test_the_pages_around_a_review_speak_german(staged: PromotionRequest, ada: Person, signed_in: Browser) -> None:
    slug, number = staged.version.model.slug, staged.version.number
    said = {
        reverse("models"): "Jetzt in seinen Stufen",
        reverse("model", args=[slug]): "Geschichte der Stufen",
        reverse("model-version", args=[slug, number]): "Entscheidungen der Gates",
        reverse("reports"): "Portfoliobericht",
        reverse("policies"): "Richtlinien",
        reverse("policy-version", args=["house_rules", 1]): "Nachweise gelten 30 Tage",
        reverse("ledger"): "in der Reihenfolge, in der es geschah",
        reverse("ledger-entry", args=[0]): "Belegt durch den Baum",
    }
    browser = signed_in(ada)
    for place, words in said.items():
        page = browser.get(place, headers={"accept-language": "de"}).content.decode()
        assert '<html lang="de"' in page, place
        assert words in page, place


@pytest.mark.django_db
def test_a_duty_is_read_in_german(staged: PromotionRequest, ada: Person, signed_in: Browser) -> None:
    place = reverse("coverage", args=[staged.version.model.slug, staged.version.number])
    page = signed_in(ada).get(place, headers={"accept-language": "de"}).content.decode()
    assert "Daten auf mögliche Verzerrungen prüfen" in page
    assert "Examine data" not in page


@pytest.mark.django_db
def test_a_person_chooses_a_language_and_keeps_it(
    in_review: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    browser = signed_in(victor)
    browser.post(reverse("set_language"), {"language": "de", "next": "/"})
    page = browser.get(reverse("promotions")).content.decode()
    assert "Beförderungsanträge" in page
    assert not re.search(r">\s*Sign out\s*<", page)
