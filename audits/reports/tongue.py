"""Reports and pages in the reader's language: sentences of ours, and the law as data beside the catalogue."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from django.utils.translation import get_language

from registry.tongue import marked, ours

__all__ = ["article", "law", "marked", "ours"]


@cache
def _law(language: str) -> tuple[Mapping[str, str], Mapping[str, str]]:
    path = Path(__file__).resolve().parents[1] / "frameworks" / "languages" / f"{language}.json"
    if not path.exists():
        return {}, {}
    told = json.loads(path.read_text(encoding="utf-8"))
    return told["titles"], told["duties"]


def article(title: str) -> str:
    """The official title of an article in the active language, as data; the English one where it is not known."""
    return _law((get_language() or "en").split("-")[0])[0].get(title, title)


def law(duty: str) -> str:
    """A duty in our own words in the active language; the English ones where there are none."""
    return _law((get_language() or "en").split("-")[0])[1].get(duty, duty)
