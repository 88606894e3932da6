"""Documents that leave the service for other systems and readers, each told to the ledger with its digest."""

from __future__ import annotations

from typing import Any, TypeVar

from django.db import transaction

from governance.refusals import subject_id
from registry import ledger
from registry.canonical import digest, digest_of
from registry.events import Event
from registry.models import Person

D = TypeVar("D", str, dict[str, Any])


def handed_out(document: D, *, actor: Person, about: Any, kind: str, form: str) -> D:
    """The document, after the entry that says who got it. Sealed reports have an event of their own."""
    facts = {
        "kind": kind,
        "form": form,
        "digest": _digest(document),
    }
    with transaction.atomic():
        ledger.append(Event.DOCUMENT_EXPORTED, subject=subject_id(about), actor=actor, facts=facts)
    return document


def _digest(document: str | dict[str, Any]) -> str:
    return digest(document.encode()) if isinstance(document, str) else digest_of(document)
