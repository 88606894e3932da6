"""What a page shows to whoever reads it, text by text."""

from __future__ import annotations

import re
from html.parser import HTMLParser

from django.apps import apps

from audits.frameworks.catalogue import Catalogue
from registry.models import Person

_SPOKEN = {"alt", "title", "aria-label", "placeholder"}
_SILENT = {"script", "style", "pre", "code", "textarea"}
#: A digest, a path, an address, the name of an event: one word with a mark or a digit inside.
_IDENTIFIER = re.compile(r"\S*[._:/@\d-]\S*")


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


def on_record() -> set[str]:
    """What the tables hold as text, what each row and each person is called, and each control, in small letters."""
    found: set[str] = set()
    for model in apps.get_models():
        for row in model._default_manager.all():
            found |= {str(row), *(str(getattr(row, field.attname)) for field in model._meta.concrete_fields)}
    found |= {person.printed_name for person in Person.objects.all()}
    found |= {f"{control.framework} {control.reference}" for control in Catalogue.load().all()}
    return {" ".join(text.split()).casefold() for text in found}
