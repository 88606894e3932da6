"""The administration in German: what is shown alike in both languages is a name, or English that was left."""

from __future__ import annotations

from itertools import chain, pairwise
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.urls import reverse
from django.utils import translation

from deploy.build_translations import ROOT
from governance.models import PromotionRequest
from registry import cards
from registry.models import DatasetVersion, Person
from registry.tongue import called
from tests.audits.reports.sayings import calls, sentences
from tests.audits.reports.test_translations import bare_words
from tests.governance.admin.test_records import address, row_of
from tests.governance.pages.conftest import Browser
from tests.governance.pages.test_languages import bare_sayings
from tests.governance.shown import GERMAN, left_in_english, on_record, shown

APPS = {"registry", "audits", "governance"}
MODULES = sorted(chain(*((ROOT / place).glob("*.py") for place in ("registry/admin", "governance/admin"))))


def test_every_list_and_every_page_of_the_admin_is_german(
    full: PromotionRequest,
    ada: Person,
    signed_in: Browser,
    request: pytest.FixtureRequest,
) -> None:
    models = [model for model in admin.site._registry if model._meta.app_label in APPS | {"auth"}]
    rows = {model: row_of(model, request) for model in models}
    browser, names, left = signed_in(ada), on_record(), dict[str, set[str]]()
    assert len(rows) > 25
    for model, row in rows.items():
        for place in (address(model, "changelist"), address(model, "change", row.pk)):
            left[place] = left_in_english(browser, place, names=names)
    assert {place: texts for place, texts in left.items() if texts} == {}


def test_the_overview_is_german(exceptional: None, ada: Person, victor: Person, signed_in: Browser) -> None:
    names = on_record()
    for person in (ada, victor):
        Person.objects.filter(pk=person.pk).update(is_staff=True)
        assert left_in_english(signed_in(person), reverse("admin:index"), names=names) == set()


@pytest.mark.parametrize("name", ["governance_accesstoken", "governance_rolegroup", "registry_person", "auth_group"])
def test_a_form_of_the_admin_is_german(full: PromotionRequest, ada: Person, signed_in: Browser, name: str) -> None:
    assert left_in_english(signed_in(ada), reverse(f"admin:{name}_add"), names=on_record()) == set()


def test_the_form_of_a_card_is_german(full: PromotionRequest, dora: Person, signed_in: Browser) -> None:
    Person.objects.filter(pk=dora.pk).update(is_staff=True)
    place = reverse("admin:registry_datasetcard_add") + f"?dataset_version={DatasetVersion.objects.latest('pk').pk}"
    assert left_in_english(signed_in(dora), place, names=on_record()) == set()


def test_a_refused_card_and_a_refused_token_say_why_in_german(
    full: PromotionRequest,
    ada: Person,
    dora: Person,
    signed_in: Browser,
) -> None:
    Person.objects.filter(pk=dora.pk).update(is_staff=True)
    place = reverse("admin:registry_datasetcard_add") + f"?dataset_version={DatasetVersion.objects.latest('pk').pk}"
    form = signed_in(dora).get(place).context["adminform"].form
    told = {"owner": dora.pk, "reason": "asked", "replaces": form.initial["replaces"], "regions": "Mars"}
    page = signed_in(dora).post(place, told, headers=GERMAN).content.decode()
    assert "ist kein Code nach ISO 3166-1 wie DE" in page
    wanted = {
        "person": ada.pk,
        "label": "x",
        "scopes": ["gate:read"],
        "expires_at_0": "2999-01-01",
        "expires_at_1": "10:00",
    }
    page = signed_in(ada).post(reverse("admin:governance_accesstoken_add"), wanted, headers=GERMAN).content.decode()
    assert "Ein Token lebt höchstens" in page


def test_english_that_was_left_would_be_found() -> None:
    page = '<h1 title="Go">Left here</h1><p>Da</p><code>no word</code><a>sha256:00</a>'
    page += '<svg><text>drawn</text></svg><span class="material-symbols-outlined">add</span>'
    assert shown(page) == {"Go", "Left here", "Da"}


# -- From the sources -------------------------------------------------------------------------------------------------
def words_of_models() -> set[str]:
    """What our models, their fields, their choices and their own permissions are called."""
    found = set()
    with translation.override(None):
        for model in apps.get_models():
            if model._meta.app_label not in APPS:
                continue
            found |= {name for _, name in model._meta.permissions}
            if not admin.site.is_registered(model):
                continue
            found |= {str(model._meta.verbose_name), str(model._meta.verbose_name_plural)}
            for field in (*model._meta.fields, *model._meta.many_to_many):
                # Fields of the framework's own base of a person are in its own catalogue.
                if model is not Person or field.name in {"pseudonym", "is_service"}:
                    found |= {str(field.verbose_name), str(field.help_text)}
                found |= {str(label) for _, label in getattr(field, "flatchoices", ())}
    return found - {""}


def words_of_cards() -> set[str]:
    known = (cards.LEGAL_BASES, cards.SPECIAL_CATEGORIES, cards.EXCEPTIONS, cards.SAFEGUARDS)
    return {*chain(*(words.values() for words in known)), *(name.replace("_", " ") for name in cards.FIELDS)}


def words_of_badges() -> set[str]:
    found = set()
    for path in (*MODULES, ROOT / "audits" / "admin.py"):
        for name, arguments, scope in calls(path.read_text(encoding="utf-8")):
            if name == "badge" and len(arguments) > 1:
                found |= set(sentences(arguments[1], scope))
    return found


def shared(german: str, english: str) -> bool:
    """Whether two words that follow each other are the same: a template that took a part told only the other."""
    pairs = [pairwise(text.split()) for text in (german, english)]
    return any(one.isalpha() and two.isalpha() for one, two in set.intersection(*map(set, pairs)))


@pytest.mark.parametrize("words", [words_of_models, words_of_cards, words_of_badges], ids=lambda words: words.__name__)
def test_every_name_is_german(words: Any) -> None:
    told = words()
    assert len(told) > 20
    with translation.override("de"):
        left = {word for word in told if called(word) == word}
        left |= {word for word in told if shared(called(word), word)}
    assert left <= {"ID", "ONNX", "skops"}


@pytest.mark.parametrize("path", sorted((ROOT / "templates" / "admin").rglob("*.html")), ids=lambda path: path.name)
def test_no_word_of_a_template_stands_outside_of_a_translation(path: Path) -> None:
    assert set(bare_words(path.read_text(encoding="utf-8"))) <= {"Assay"}


@pytest.mark.parametrize("path", [*MODULES, ROOT / "audits" / "admin.py"], ids=lambda path: path.stem)
def test_nothing_that_the_admin_says_stands_outside_of_a_translation(path: Path) -> None:
    assert bare_sayings(path.read_text(encoding="utf-8")) == []
