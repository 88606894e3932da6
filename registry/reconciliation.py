"""Layer D: do the business tables still say what the ledger was told about them?

Both directions: a row that no entry tells of, a row that an entry tells of and that is gone, and a row or an erasable
text that is not what was told. Memory grows with the number of rows, by their keys only.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.db import models

from registry import ledger
from registry.events import Event
from registry.immutability import ERASED
from registry.models import ErasableText, LedgerEntry
from registry.models.immutable import Record
from registry.rows import Table, commitment, tables

CHUNK = 2000
BATCH = 500


@dataclass(frozen=True, slots=True)
class Discrepancy:
    """`index` is the entry that tells otherwise; None for a row that no entry tells of."""

    index: int | None
    row: str
    explanation: str


@dataclass(slots=True)
class _Telling:
    """The newest that was told about one row."""

    index: int
    digest: str | None  # None: told to be gone
    texts: dict[str, str] = field(default_factory=dict)


def reconcile() -> Iterator[Discrepancy]:
    """Replay the ledger against every registered table. Entries that cannot be read are layer A's to report."""
    erased = erased_texts()
    seen: dict[str, set[str]] = {label: set() for label in tables()}
    changing: dict[str, dict[str, _Telling]] = {label: {} for label in tables()}
    for told in _chunks(ledger.size()):
        for label, tellings in told.items():
            table = tables().get(label)
            if table is None:
                yield Discrepancy(None, label, f"{label}: no table of that name is reconciled by this release")
                continue
            seen[label].update(tellings)
            if issubclass(table.model, Record):
                yield from _compared(table, tellings, erased)
            else:
                _remember(changing[label], tellings)
    for label, tellings in changing.items():
        yield from _compared(tables()[label], tellings, erased)
    for label, table in tables().items():
        yield from _untold(table, seen[label])


def erased_texts() -> frozenset[str]:
    """The commitments of every text that the ledger tells was erased."""
    bodies = LedgerEntry.objects.filter(event=Event.PERSON_ERASED).values_list("body", flat=True)
    return frozenset(name for body in bodies for name in json.loads(written(body))["facts"].get("texts", ()))


def _remember(newest: dict[str, _Telling], tellings: Mapping[str, _Telling]) -> None:
    """Later words replace earlier ones; a text that is not told again still stands as it was told."""
    for key, telling in tellings.items():
        former = newest.get(key)
        newest[key] = _Telling(telling.index, telling.digest, {**(former.texts if former else {}), **telling.texts})


def written(body: object) -> bytes:
    """The body of an entry, also where somebody put text in place of its bytes; layer A names that."""
    return body.encode() if isinstance(body, str) else bytes(cast("bytes", body))


def _chunks(total: int) -> Iterator[dict[str, dict[str, _Telling]]]:
    """What the entries tell, by table and key, in pieces."""
    for start in range(0, total, CHUNK):
        bodies = LedgerEntry.objects.filter(index__gte=start, index__lt=min(start + CHUNK, total)).order_by("index")
        told: dict[str, dict[str, _Telling]] = {}
        for index, body in bodies.values_list("index", "body"):
            for name, words in _rows_of(written(body)).items():
                label, _, key = name.partition(":")
                telling = _Telling(index, words.get("digest"), words.get("texts", {}))
                _remember(told.setdefault(label, {}), {key: telling})
        yield told


def _rows_of(body: bytes) -> Mapping[str, Any]:
    try:
        rows = json.loads(body).get("rows", {})
    except (ValueError, AttributeError):
        return {}
    return rows if isinstance(rows, dict) else {}


def _compared(table: Table, tellings: Mapping[str, _Telling], erased: frozenset[str]) -> Iterator[Discrepancy]:
    names = list(tellings)
    for start in range(0, len(names), BATCH):
        batch = names[start : start + BATCH]
        found = {str(row.pk): row for row in table.model._base_manager.filter(pk__in=batch)}
        salts = _salts(tellings[name] for name in batch)
        for key in batch:
            row, telling = found.get(key), tellings[key]
            for explanation in _objections(table, row, telling, salts, erased):
                yield Discrepancy(telling.index, f"{table.label}:{key}", f"{table.label}:{key}: {explanation}")


def _salts(tellings: Iterable[_Telling]) -> dict[str, bytes | None]:
    wanted = {value for telling in tellings for value in telling.texts.values()}
    rows = ErasableText.objects.filter(commitment__in=wanted).values_list("commitment", "salt") if wanted else ()
    return {name: None if salt is None else bytes(salt) for name, salt in rows}


def _objections(
    table: Table,
    row: models.Model | None,
    telling: _Telling,
    salts: Mapping[str, bytes | None],
    erased: frozenset[str],
) -> Iterator[str]:
    if row is None or telling.digest is None:
        if row is not None:
            yield "the row was deleted and is there again"
        elif telling.digest is not None:
            yield "the row is gone"
        return
    if table.digest_of(row) != telling.digest:
        yield "the row is not what was told"
    for name in table.texts:
        problem = _text_problem(getattr(row, name), telling.texts.get(name), salts, erased)
        if problem:
            yield f"{name} {problem}"


def _text_problem(text: str, promised: str | None, salts: Mapping[str, bytes | None], erased: frozenset[str]) -> str:
    """What is wrong with an erasable text, or ""."""
    if promised is None:
        return "was added later" if text else ""
    if promised not in salts:
        return "has lost its salt"
    salt = salts[promised]
    if salt is None:
        if promised not in erased:
            return "was erased, and no entry tells so"
        return "was erased and is there again" if text not in ("", ERASED) else ""
    return "" if commitment(salt, text) == promised else "is not what was told"


def _untold(table: Table, seen: set[str]) -> Iterator[Discrepancy]:
    """Rows that no entry tells of."""
    for key in table.model._base_manager.values_list("pk", flat=True).iterator(chunk_size=CHUNK):
        if str(key) not in seen:
            yield Discrepancy(None, f"{table.label}:{key}", f"{table.label}:{key}: no entry tells of this row")
