"""The ledger: an append-only Merkle log in the application's own database.

`append` is the last step inside the business transaction. A rollback gives the index back, so there is no gap, no fork
and no change without a record.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from registry import ledger_rows, merkle, rows
from registry.canonical import canonical_json
from registry.errors import LedgerError
from registry.events import Event
from registry.models import Checkpoint, ErasableText, LedgerEntry, LedgerHead, Person
from registry.notes import Checkpoint as TreeHead
from registry.notes import Receipt, sign_checkpoint
from registry.signals import entry_appended
from registry.signing import keyring

BODY_VERSION = 1
MAX_BODY_BYTES = 65_535  # the entry length field of C2SP tlog-tiles has 16 bits

SYSTEM = "system"


def append(
    event: Event, *, subject: str, actor: Person | str = SYSTEM, facts: Mapping[str, Any] | None = None
) -> LedgerEntry:
    """Write one entry and the tree nodes it completes. Raises LedgerError outside a transaction or when too large.

    `subject` is a text id such as `version:credit/3`; `facts` is JSON without personal text (see `commit_text`).
    The entry also answers for the rows that were saved in this transaction before it (`registry.rows`).
    """
    if not connection.in_atomic_block:
        raise LedgerError("An entry is written inside the transaction of the change it records.")
    told = rows.tell(commit_text)
    body = canonical_json(
        {
            "v": BODY_VERSION,
            "event": event.value,
            "at": utc_text(timezone.now()),
            "actor": actor.pseudonym if isinstance(actor, Person) else actor,
            "subject": subject,
            "facts": dict(facts or {}),
            **({"rows": told} if told else {}),
        }
    )
    if len(body) > MAX_BODY_BYTES:
        raise LedgerError(
            f"The entry has {len(body)} bytes; the limit is {MAX_BODY_BYTES}. Name large content by digest."
        )
    entry = ledger_rows.append((body, merkle.leaf_hash(body), event.value, subject))
    entry_appended.send(LedgerEntry, entry=entry)
    return entry


def commit_text(text: str, salt: bytes | None = None) -> str:
    """Keep `text` erasable and return the commitment that the ledger may hold: SHA-256(salt ‖ text).

    Within one transaction the same text has one commitment: facts and rows that hold it point to the same secret.
    `salt` is given where somebody signed the commitment before.
    """
    promised = rows.committed(text)
    if promised is None:
        salt = salt or secrets.token_bytes(32)
        promised = rows.commitment(salt, text)
        ErasableText.objects.create(commitment=promised, salt=salt, text=text)
        rows.note_commitment(text, promised)
    return promised


def utc_text(moment: datetime) -> str:
    """ISO 8601 in UTC with microseconds and Z."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


def size() -> int:
    """Entries so far."""
    return LedgerHead.objects.filter(id=1).values_list("size", flat=True).first() or 0


def root(at_size: int | None = None) -> bytes:
    """The Merkle tree head over the first `at_size` entries (all by default)."""
    wanted = size() if at_size is None else at_size
    return ledger_rows.with_nodes(lambda read: merkle.root(wanted, read))


@transaction.atomic
def publish_checkpoint() -> Checkpoint:
    """Sign the present head. Returns the newest checkpoint if nothing was appended since."""
    now_size = size()
    newest = Checkpoint.objects.first()
    if newest is not None and newest.size == now_size:
        return newest
    signer = keyring().ledger
    head = TreeHead(origin=signer.name, size=now_size, root=root(now_size))
    checkpoint = Checkpoint(size=now_size, note=sign_checkpoint(head, signer), created_at=timezone.now())
    checkpoint.save()
    return checkpoint


def inclusion_proof(index: int, at_size: int) -> list[bytes]:
    """Audit path of entry `index` in the tree of `at_size`. Raises MerkleError outside the tree."""
    return ledger_rows.with_nodes(lambda read: merkle.inclusion_proof(index, at_size, read))


def consistency_proof(old: int, new: int) -> list[bytes]:
    """Proof that the tree of `old` entries is a prefix of the tree of `new`. Raises MerkleError outside the tree."""
    return ledger_rows.with_nodes(lambda read: merkle.consistency_proof(old, new, read))


def receipt(index: int) -> Receipt:
    """Proof of entry `index` under a head signed just now. Raises MerkleError for an entry that is not there."""
    checkpoint = publish_checkpoint()
    return Receipt(index=index, proof=tuple(inclusion_proof(index, checkpoint.size)), checkpoint=checkpoint.note)


def settle(actor: Person | str = SYSTEM) -> None:
    """Tell of the rows that were saved after the last entry of this transaction. Verbs end with it."""
    names = rows.waiting()
    if names:
        append(Event.ROW_CHANGED, subject=names[0][:200], actor=actor)


rows.tells_alone(settle)
