"""Receipts: what whoever caused an entry takes home, so that rewriting the ledger contradicts a paper in their hands.

A receipt is a `.tlog-proof` that carries its entry (entries hold no personal text) and lies under the *oldest* head
that covers it. So it never changes: asked for twice it is the same text, and a cached answer stays true.
"""

from __future__ import annotations

import json
from functools import lru_cache

from django.db import connection

from registry import ledger
from registry.errors import UnknownSubjectError
from registry.models import Checkpoint, LedgerEntry
from registry.notes import Receipt

MEDIA_TYPE = "text/plain; charset=utf-8"


def receipt_of(index: int, *, with_entry: bool = True) -> Receipt:
    """The receipt of an entry; a head is signed when none covers it yet. Raises UnknownSubjectError."""
    body = LedgerEntry.objects.filter(index=index).values_list("body", flat=True).first()
    if body is None:
        raise UnknownSubjectError(f"The ledger has no entry {index}.")
    covering = Checkpoint.objects.filter(size__gt=index).order_by("size", "pk").first() or ledger.publish_checkpoint()
    proof = tuple(ledger.inclusion_proof(index, covering.size))
    return Receipt(index=index, proof=proof, checkpoint=covering.note, extra=bytes(body) if with_entry else b"")


def receipt_text(index: int | None, leaf: str = "") -> str | None:
    """The receipt of an entry as text, None where no entry is known.

    `leaf` names what the entry is about and must be unique to it: with it the text is remembered in this process, so
    that a gate that is asked again and again proves its decision once.
    """
    if index is None:
        return None
    if not leaf or connection.in_atomic_block:  # what is not committed yet may never be
        return receipt_of(index).text
    return _remembered(index, leaf)


@lru_cache(maxsize=1024)
def _remembered(index: int, _leaf: str) -> str:
    return receipt_of(index).text


def caused_by(index: int, pseudonym: str) -> bool:
    """Whether that person caused the entry."""
    body = LedgerEntry.objects.filter(index=index).values_list("body", flat=True).first()
    return body is not None and json.loads(bytes(body))["actor"] == pseudonym
