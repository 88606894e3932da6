"""Statements that people sign with a security key: canonical JSON whose SHA-256 is the challenge.

A statement is written down first, so that what the key signs is exactly what the verb does later, once, in minutes.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from django.utils import timezone

from governance.errors import WrongCredentialError
from governance.models import PendingStatement
from registry import ledger, rows
from registry.canonical import canonical_json, digest
from registry.models import Person

LIFETIME = timedelta(minutes=5)

#: Writes a statement; its argument turns a text into the commitment that stands for it.
Write = Callable[[Callable[[str], str]], Mapping[str, Any]]


def prepare(person: Person, write: Write) -> PendingStatement:
    """Write a statement down for `person`. Free text stands in it as a salted commitment, so it stays erasable."""
    PendingStatement.objects.filter(expires_at__lt=timezone.now()).delete()
    salts: dict[str, str] = {}

    def commit(text: str) -> str:
        salt = salts.setdefault(_name(text), secrets.token_hex(32))
        return rows.commitment(bytes.fromhex(salt), text)

    once = {"issued_at": ledger.utc_text(timezone.now()), "nonce": secrets.token_hex(16)}
    body = canonical_json({**write(commit), **once, "person": person.pseudonym})
    return PendingStatement.objects.create(
        person=person, digest=digest(body), text=body.decode(), salts=salts, expires_at=timezone.now() + LIFETIME
    )


def redeem(person: Person, challenge: bytes, write: Write) -> PendingStatement:
    """The statement that was signed, used up, once it is seen to say what `write` says now.

    Takes part in the caller's transaction. Raises WrongCredentialError: never prepared for this person, run out, used
    before, or about something else.
    """
    pending = (
        PendingStatement.objects.select_for_update()
        .filter(person=person, digest=f"sha256:{challenge.hex()}", expires_at__gt=timezone.now())
        .first()
    )
    if pending is None:
        raise WrongCredentialError("This signature was used already or has run out; sign anew.", field="assertion")
    told = json.loads(pending.text)
    salts = {name: bytes.fromhex(salt) for name, salt in pending.salts.items()}

    def commit(text: str) -> str:
        salt = salts.get(_name(text))
        return "" if salt is None else rows.commitment(salt, text)

    once = {name: told[name] for name in ("issued_at", "nonce", "person")}
    if canonical_json({**write(commit), **once}).decode() != pending.text:
        raise WrongCredentialError("Your security key signed something else than what is asked.", field="assertion")
    # From here on the ledger and the rows name the texts as the signed statement does.
    write(lambda text: ledger.commit_text(text, salts[_name(text)]))
    pending.delete()
    return pending


def _name(text: str) -> str:
    """Finds the salt of a text; kept for minutes, with the statement."""
    return digest(text.encode())
