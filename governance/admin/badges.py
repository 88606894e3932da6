"""The badges of the pages, in the admin's lists."""

from __future__ import annotations

from governance.pages import words
from registry.admin.base import badge


def state_badge(family: str, word: str) -> str:
    """The badge of a word of that family (see `governance.pages.words`)."""
    known = words.badge(family, word)
    return badge(known.shape, known.word, known.tone)
