"""What a page shows to whoever reads it, text by text."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any

from django.apps import apps

from audits.frameworks.catalogue import Catalogue
from registry.models import Person

_SPOKEN = {"alt", "title", "aria-label", "placeholder"}
_SILENT = {"script", "style", "pre", "code", "textarea"}
#: A digest, a path, an address, the name of an event: one word with a mark or a digit inside.
_IDENTIFIER = re.compile(r"\S*[._:/@\d-]\S*|Version \d+|EU AI Act: \d+")

GERMAN = {"accept-language": "de"}
#: Words that are the same in both languages, and names of programs and laws.
ALIKE = {
    *(
        "Assay",
        "Audits",
        "Governance",
        "Administration",
        "Name",
        "Status",
        "Version",
        "Text",
        "Plan",
        "Person",
        "Label",
    ),
    *("Pseudonym", "Digest", "System", "Test", "Training", "Slug", "Index", "Hash", "ID", "Gate", "Token"),
    *("ONNX", "MLflow", "scikit-learn", "GDPR", "EU AI Act", "NIST AI RMF", "NYC LL144", "ISO/IEC 42001"),
    *(
        "esc",
        "administrator",
        "admin",
        "English",
        "Deutsch",
        "Format",
        "in",
        "json",
        "mermaid",
        "openlineage",
        "prov",
        "svg",
    ),
    *("in staging", "development → staging", "skops, scikit-learn"),
}


class _Shown(HTMLParser):
    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: set[str] = set()
        self._silent, self._icon = 0, False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in _SILENT
        self._icon = "material-symbols-outlined" in (dict(attrs).get("class") or "")
        self.texts |= {" ".join(text.split()) for name, text in attrs if name in _SPOKEN and text}

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in _SILENT
        self._icon = False

    def handle_data(self, data: str) -> None:
        if not self._silent and not self._icon:
            self.texts.add(" ".join(data.split()))


def shown(page: str) -> set[str]:
    """The texts with a word in them, each as one line, without drawings, code and what is no word but an identifier."""
    page = re.sub(r"<svg.*?</svg>", "", page, flags=re.DOTALL)
    texts = {text for text in _Shown(page).texts if re.search(r"[^\W\d]{2}", text)}
    return {text for text in texts if not _IDENTIFIER.fullmatch(text)}


def _leaves(value: Any) -> Iterator[str]:
    """The texts in a value of a record, also line by line; a name with dashes also as a page says it."""
    if isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _leaves(inner)
    else:
        text = str(value)
        yield from (text, *(line.strip("- ") for line in text.splitlines()), text.replace("-", " ").replace("_", " "))


def on_record() -> set[str]:
    """What the tables hold as text, what each row and each person is called, and each control, in small letters."""
    found: set[str] = set()
    for model in apps.get_models():
        for row in model._default_manager.all():
            for value in (str(row), *(getattr(row, field.attname) for field in model._meta.concrete_fields)):
                found |= set(_leaves(value))
    found |= {person.printed_name for person in Person.objects.all()}
    found |= {f"{control.framework} {control.reference}" for control in Catalogue.load().all()}
    return {" ".join(text.split()).casefold() for text in found}


def left_in_english(browser: Any, place: str, *, names: set[str]) -> set[str]:
    """The texts of a page that are the same in both languages and are no names."""
    said = [browser.get(place, headers=headers) for headers in ({}, GERMAN)]
    assert [answer.status_code for answer in said] == [200, 200], place
    texts = set.intersection(*(shown(answer.content.decode()) for answer in said))
    # What follows a mark is a value of the record, behind its label; names of rows stand in titles and in counts.
    return {
        text
        for text in texts - ALIKE
        if text[:1] not in {":", ",", "("} and not {text.casefold(), *_names_in(text.casefold())} & names
    }


def _names_in(text: str) -> set[str]:
    """What is left of a title, a line of a list, or a name with a count behind it."""
    return {text.removesuffix(" · assay"), text.strip("- "), text.rpartition(" ")[0], text.partition(" · ")[0]}
