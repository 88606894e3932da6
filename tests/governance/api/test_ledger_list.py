"""Looking for entries of the ledger by what they tell."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.utils.dateparse import parse_datetime

from registry.ledger import size
from registry.models import LedgerEntry, Person
from registry.models.entry_fields import ActorInBody, TimeInBody
from tests import intruder
from tests.governance.api.conftest import Connect, refused
from tests.people import World

ENTRIES = "/api/v1/ledger/entries/"


def ask(connect: Connect, person: Person, **query: str | float) -> list[dict[str, Any]]:
    answer = connect(person).get(ENTRIES, query)
    assert answer.status_code == 200, answer.content
    found: list[dict[str, Any]] = answer.json()["results"]
    return found


def bodies() -> list[dict[str, Any]]:
    return [json.loads(bytes(entry.body)) for entry in LedgerEntry.objects.order_by("index")]


def test_maya_reads_the_ledger_page_by_page(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya)
    first = client.get(ENTRIES, {"page_size": 2}).json()
    second = client.get(ENTRIES, {"page_size": 2, "page": 2}).json()
    newest = size() - 1

    assert first["count"] == size()
    assert [entry["index"] for entry in first["results"] + second["results"]] == list(range(newest, newest - 4, -1))
    assert first["results"][0] == client.get(f"{ENTRIES}{newest}").json()
    assert ask(connect, maya, ordering="index")[0]["index"] == 0


def test_entries_are_found_by_event_and_subject(connect: Connect, maya: Person, world: World) -> None:
    version = world.version()
    registered = ask(connect, maya, event="version.registered")
    assert {entry["event"] for entry in registered} == {"version.registered"}
    subject = f"version:{version.model.slug}/{version.number}"
    about = ask(connect, maya, event="version.registered", subject=subject)
    assert [entry["subject"] for entry in about] == [subject]


def test_entries_are_found_by_who_caused_them(connect: Connect, maya: Person, victor: Person, world: World) -> None:
    client = connect(maya)
    told = bodies()
    for actor in (maya.pseudonym, "system"):
        wanted = [index for index, body in enumerate(told) if body["actor"] == actor]
        found = ask(connect, maya, actor=actor, ordering="index", page_size=200, to_index=len(told) - 1)
        assert [entry["index"] for entry in found] == wanted
    assert any(body["actor"] == maya.pseudonym for body in told)
    assert client.get(ENTRIES, {"actor": "p-" + "0" * 32}).json()["count"] == 0


def test_a_range_of_the_ledger_has_both_its_ends(connect: Connect, maya: Person, world: World) -> None:
    found = ask(connect, maya, from_index=1, to_index=3, ordering="index")
    assert [entry["index"] for entry in found] == [1, 2, 3]


def test_a_span_of_time_ends_before_its_end(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya)
    told = bodies()
    since, until = told[1]["at"], told[-1]["at"]
    found = client.get(ENTRIES, {"since": since, "until": until, "ordering": "index", "page_size": 200}).json()
    wanted = [index for index, body in enumerate(told) if since <= body["at"] < until]
    assert wanted
    assert [entry["index"] for entry in found["results"]] == wanted

    moment = parse_datetime(told[-1]["at"])
    assert moment is not None
    # The same moment told in another zone.
    elsewhere = (moment + timedelta(hours=2)).replace(tzinfo=None).isoformat() + "+02:00"
    assert client.get(ENTRIES, {"since": elsewhere, "actor": told[-1]["actor"]}).json()["count"] >= 1
    assert client.get(ENTRIES, {"since": "2099-01-01T00:00:00Z"}).json()["count"] == 0


def test_what_the_database_reads_out_of_a_body_is_what_stands_there(world: World) -> None:
    world.version()
    rows = LedgerEntry.objects.order_by("index").annotate(actor=ActorInBody("body"), at=TimeInBody("body"))
    assert [(bytes(row.actor).decode(), bytes(row.at).decode()) for row in rows] == [
        (body["actor"], body["at"]) for body in bodies()
    ]


def test_a_body_of_another_form_matches_nobody_and_breaks_nothing(world: World) -> None:
    intruder.run('UPDATE registry_ledgerentry SET body = %s WHERE "index" = 0', b"{}")
    assert 0 not in [row.index for row in LedgerEntry.objects.alias(actor=ActorInBody("body")).filter(actor=b"system")]


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"event": "model.eaten"}, "event"),
        ({"actor": "maya"}, "actor"),
        ({"from_index": "-1"}, "from_index"),
        ({"to_index": "1.5"}, "to_index"),
        ({"to_index": str(2**70)}, "to_index"),
        ({"since": "yesterday"}, "since"),
        ({"until": "2026-13-01"}, "until"),
        ({"ordering": "body"}, "ordering"),
        ({"person": "maya"}, "person"),
        ({"page_size": "0"}, "page_size"),
    ],
)
def test_a_question_that_is_not_understood_lists_nothing(
    connect: Connect, maya: Person, world: World, query: dict[str, str], field: str
) -> None:
    problem = refused(connect(maya).get(ENTRIES, query), 400, "malformed", field)
    assert "results" not in problem


def test_the_list_is_for_those_who_may_read_the_ledger(connect: Connect, otto: Person, world: World) -> None:
    assert size() > 0
    refused(connect(otto).get(ENTRIES), 403, "permission-refused")
