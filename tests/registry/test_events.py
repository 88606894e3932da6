"""The vocabulary is closed, written down, and used."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from governance.pages.words import EVENTS
from registry.events import Event

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = (ROOT / "docs" / "ledger.md").read_text()


def sources() -> str:
    return "".join(
        path.read_text()
        for app in ("registry", "audits", "governance")
        for path in (ROOT / app).rglob("*.py")
        if path.name != "events.py"
    )


@pytest.mark.parametrize("event", Event)
def test_an_event_is_documented_with_its_facts(event: Event) -> None:
    assert re.search(rf"^\| `{re.escape(event)}` \| \S", DOCUMENT, re.MULTILINE)


@pytest.mark.parametrize("event", Event)
def test_an_event_has_words_on_the_pages(event: Event) -> None:
    assert event in EVENTS


def test_nothing_is_documented_that_is_no_event() -> None:
    table = DOCUMENT.partition("## Events")[2].partition("\n## ")[0]
    documented = re.findall(r"^\| `([a-z-]+\.[a-z-]+)` \|", table, re.MULTILINE)

    assert sorted(documented) == sorted(Event)


def test_every_event_is_written_somewhere() -> None:
    text = sources()

    assert [event for event in Event if f"Event.{event.name}" not in text] == []


@pytest.mark.parametrize("event", Event)
def test_an_event_is_a_noun_and_what_happened(event: Event) -> None:
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*\.[a-z]+(-[a-z]+)*", event)
