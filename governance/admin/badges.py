"""What several of the admin's lists show alike: the badges of the pages, and roles in words."""

from __future__ import annotations

from typing import Protocol

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from audits.reports import filters
from governance.pages import words
from registry.admin.base import badge


class InARole(Protocol):
    """Whatever somebody gave in a role of theirs."""

    role: str


def state_badge(family: str, word: str) -> str:
    """The badge of a word of that family (see `governance.pages.words`)."""
    known = words.badge(family, word)
    return badge(known.shape, known.word, known.tone)


@admin.display(description=_("role"), ordering="role")
def as_role(row: InARole) -> str:
    """The role in which it was given."""
    return filters.role(row.role)
