"""The life of the keys, told by the ledger: which came into use, which went out of it, which fell into other hands.

`keys.json` is written from here, so that what an old key signed can be verified within that key's window, and what a
compromised key signed counts only where it is provably older than the compromise.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.db import transaction

from registry import ledger
from registry.errors import InvalidInputError, UnknownSubjectError
from registry.events import Event
from registry.models import LedgerEntry, LedgerHead
from registry.notes import NoteKey
from registry.signing import keyring

_EVENTS = (Event.KEY_CREATED, Event.KEY_RETIRED, Event.KEY_COMPROMISED)


@transaction.atomic
def record_keys() -> int:
    """Tell of keys that came into the keyring or left it since the last time. Returns how many entries that took."""
    LedgerHead.objects.select_for_update().get_or_create(id=1)  # of several workers one tells
    told = {entry["key_id"]: entry for entry in _told()}
    present = {entry["key_id"]: entry for entry in keyring().published_keys()["keys"]}
    new = [entry for key_id, entry in present.items() if key_id not in told]
    gone = [entry for key_id, entry in told.items() if key_id not in present and entry["status"] == "active"]
    for entry in new:
        facts = {name: value for name, value in entry.items() if name != "status"}
        ledger.append(Event.KEY_CREATED, subject=_subject(entry), facts=facts)
    for entry in gone:
        facts = {"purpose": entry["purpose"], "key_id": entry["key_id"]}
        ledger.append(Event.KEY_RETIRED, subject=_subject(entry), facts=facts)
    return len(new) + len(gone)


@transaction.atomic
def declare_compromised(*, key_id: str, since: datetime, reason: str) -> None:
    """State that a key has been in other hands since a moment. Raises UnknownSubjectError or InvalidInputError."""
    record_keys()
    entry = next((entry for entry in _told() if entry["key_id"] == key_id), None)
    if entry is None:
        raise UnknownSubjectError(f"No key {key_id} was ever in use here.", field="key_id")
    if not reason.strip():
        raise InvalidInputError("Say what happened.", field="reason")
    if since.tzinfo is None:
        raise InvalidInputError("Give the moment with its time zone.", field="since")
    ledger.append(
        Event.KEY_COMPROMISED,
        subject=_subject(entry),
        facts={
            "purpose": entry["purpose"],
            "key_id": key_id,
            "since": ledger.utc_text(since),
            "reason": ledger.commit_text(reason),
        },
    )


def published_keys() -> dict[str, Any]:
    """The document of `keys.json`: the keys in use first, then those of the past with the end of their window."""
    document = keyring().published_keys()
    told = {entry["key_id"]: entry for entry in _told()}
    present = {entry["key_id"] for entry in document["keys"]}
    current = [{**entry, **_fate(told.get(entry["key_id"], {}))} for entry in document["keys"]]
    return {**document, "keys": [*current, *(entry for key_id, entry in told.items() if key_id not in present)]}


def ledger_keys() -> list[NoteKey]:
    """The log's key in use and those before it, compromised ones too: what they signed must still agree."""
    former = [entry["vkey"] for entry in _told() if entry["purpose"] == "ledger"]
    return list(dict.fromkeys([keyring().ledger.key, *map(NoteKey.parse, former)]))


def _told() -> list[dict[str, Any]]:
    """Every key the ledger tells of, oldest first, with what became of it."""
    keys: dict[str, dict[str, Any]] = {}
    for event, body in LedgerEntry.objects.filter(event__in=_EVENTS).order_by("index").values_list("event", "body"):
        entry = json.loads(bytes(body))
        facts, at = entry["facts"], entry["at"]
        if event == Event.KEY_CREATED:
            keys[facts["key_id"]] = {"status": "active", **facts}
        elif event == Event.KEY_RETIRED:
            keys[facts["key_id"]] |= {"status": "retired", "valid_until": f"{at[:19]}Z"}
        else:
            keys[facts["key_id"]] |= {"status": "compromised", "compromised_since": facts["since"]}
    return list(keys.values())


def _fate(told: dict[str, Any]) -> dict[str, Any]:
    return {name: told[name] for name in ("status", "compromised_since") if name in told}


def _subject(entry: dict[str, Any]) -> str:
    return f"key:{entry['purpose']}:{entry['key_id']}"
