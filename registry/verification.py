"""Whether the ledger still says what it said: four layers, each blind to something that another one sees.

A  recomputes every hash from the bodies and compares it with every stored copy and every checkpoint kept here.
B  compares with a checkpoint that somebody kept elsewhere.
C  compares with a receipt that somebody was handed.
D  compares the business tables with what the ledger told about them (`registry.reconciliation`).

Whoever owns the database can recompute the tree, and then A sees nothing: that is what B and C are for. Nobody has to
trust this module to use them; `clients/assay_verify.py` and any C2SP client verify checkpoints and receipts as well.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum

from django.db import connection, transaction

from registry import key_history, ledger, merkle
from registry.errors import AssayError
from registry.models import Checkpoint, LedgerEntry, LedgerNode
from registry.notes import Checkpoint as TreeHead
from registry.notes import NoteKey, Receipt, open_checkpoint
from registry.reconciliation import reconcile

CHUNK = 4096  # entries read at a time; a power of two, so that only the nodes above it reach across chunks
LEVELS = 64

Progress = Callable[[int, int], None]
_Entry = tuple[int, bytes | memoryview | str, bytes | memoryview, str, str]


class Layer(StrEnum):
    """Which comparison found the problem."""

    BODIES = "A"
    CHECKPOINT = "B"
    RECEIPT = "C"
    ROWS = "D"


@dataclass(frozen=True, slots=True)
class Problem:
    """Something that disagrees. `index` is the first bad entry, None where no single entry can be named."""

    layer: Layer
    index: int | None
    explanation: str

    def __str__(self) -> str:
        where = "" if self.index is None else f"entry {self.index}: "
        return f"[{self.layer}] {where}{self.explanation}"


@dataclass(frozen=True, slots=True)
class Verification:
    """What was found over the first `size` entries. No problems means that everything agrees."""

    size: int
    root: bytes
    problems: tuple[Problem, ...] = ()

    @property
    def first_bad(self) -> int | None:
        """The lowest entry that a problem names."""
        return min((problem.index for problem in self.problems if problem.index is not None), default=None)

    @property
    def problem(self) -> str:
        """The first problem in words, or ""."""
        return str(self.problems[0]) if self.problems else ""


def verify(
    *,
    checkpoints: Sequence[str] = (),
    receipts: Sequence[str] = (),
    rows: bool = True,
    key: NoteKey | None = None,
    progress: Progress = lambda _done, _total: None,
) -> Verification:
    """All layers, over one consistent view of the database.

    `checkpoints` are notes and `receipts` tlog-proofs kept elsewhere; `key` is the log's key as it was published, by
    default each one that this log ever had (a paper is older than the key in use, where that was changed).
    """
    keys = [key] if key else key_history.ledger_keys()
    with consistent_view():
        size = ledger.size()
        problems = [*recompute(progress), *compare_checkpoints([*keys, *key_history.ledger_keys()])]
        problems += [problem for note in checkpoints for problem in compare_checkpoint(note, keys)]
        problems += [problem for text in receipts for problem in compare_receipt(text, keys)]
        if rows:
            problems += [Problem(Layer.ROWS, found.index, found.explanation) for found in reconcile()]
        return Verification(size, _root_or_nothing(size), tuple(problems))


@contextmanager
def consistent_view() -> Iterator[None]:
    """Everything read in the block belongs to one moment, while others go on writing."""
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic():
            with connection.cursor() as cursor:
                cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
            yield
    else:
        # transaction.atomic() would begin an IMMEDIATE transaction here and keep every writer out.
        connection.ensure_connection()
        with connection.cursor() as cursor:
            cursor.execute("BEGIN DEFERRED")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


# -- A: from the bodies -----------------------------------------------------------------------------------------------
def recompute(progress: Progress = lambda _done, _total: None) -> Iterator[Problem]:
    """Recompute the tree from the bodies, chunk by chunk in constant memory. Ends at the first bad entry."""
    total = ledger.size()
    unpaired: dict[int, bytes] = {}
    for start in range(0, total, CHUNK):
        end = min(start + CHUNK, total)
        leaves: list[bytes] = []
        for expected, entry in zip(range(start, end), _entries(start, end), strict=False):
            problem = _entry_problem(expected, entry)
            if problem:
                yield Problem(Layer.BODIES, expected, problem)
                return
            leaves.append(bytes(entry[2]))
        if start + len(leaves) < end:
            yield Problem(Layer.BODIES, start + len(leaves), "the entry is missing")
            return
        worst = min(_node_problems(start, leaves, unpaired), default=None)
        if worst is not None:
            index, level, position = worst
            yield Problem(Layer.BODIES, index, f"tree node {level}/{position} differs from what the bodies give")
            return
        progress(end, total)
    yield from _surplus(total)


def _entries(start: int, end: int) -> Iterable[_Entry]:
    rows = LedgerEntry.objects.filter(index__gte=start, index__lt=end).order_by("index")
    return rows.values_list("index", "body", "leaf_hash", "event", "subject").iterator(chunk_size=CHUNK)


def _entry_problem(expected: int, entry: _Entry) -> str:
    index, body, leaf, event, subject = entry
    if index != expected:
        return f"the entry is missing (the next one is {index})"
    if isinstance(body, str):  # SQLite keeps whatever type it is given
        return "the body is text, not the bytes that were written"
    body = bytes(body)
    if merkle.leaf_hash(body) != leaf:
        return "the body does not have the stored leaf hash"
    try:
        told = json.loads(body.decode())  # as bytes, its encoding would be guessed first
        copies = (told["event"], told["subject"])
    except (ValueError, KeyError, TypeError):
        return "the body is not an entry"
    if copies != (event, subject):
        return "event or subject beside the body differ from the body"
    return ""


def _node_problems(start: int, leaves: list[bytes], unpaired: dict[int, bytes]) -> Iterator[tuple[int, int, int]]:
    """(entry that completes it, level, position) of each stored node that is not the recomputed one.

    `unpaired` carries, from chunk to chunk, the newest node of each level that still lacks its right sibling.
    """
    first, nodes = start, leaves
    for level in range(LEVELS):
        if not nodes:
            return
        yield from _differing(level, first, nodes)
        if first & 1:
            nodes = [unpaired.pop(level), *nodes]
        if len(nodes) & 1:
            unpaired[level] = nodes[-1]
        nodes = [merkle.node_hash(left, right) for left, right in zip(nodes[::2], nodes[1::2], strict=False)]
        first >>= 1


def _differing(level: int, first: int, nodes: list[bytes]) -> Iterator[tuple[int, int, int]]:
    rows = LedgerNode.objects.filter(level=level, position__gte=first, position__lt=first + len(nodes))
    stored = dict(rows.values_list("position", "hash"))
    for position, value in enumerate(nodes, first):
        if stored.get(position) != value:
            yield ((position + 1) << level) - 1, level, position


def _surplus(total: int) -> Iterator[Problem]:
    """Rows beyond what the head says."""
    beyond = LedgerEntry.objects.filter(index__gte=total).order_by("index").values_list("index", flat=True).first()
    if beyond is not None:
        yield Problem(Layer.BODIES, beyond, f"the head says {total} entries, but this one is there too")
    expected = sum(total >> level for level in range(LEVELS))
    found = LedgerNode.objects.count()
    if found != expected:
        yield Problem(Layer.BODIES, None, f"the tree has {found} nodes, {total} entries make {expected}")


# -- Checkpoints: those kept here belong to A, one from elsewhere is B -------------------------------------------------
def compare_checkpoints(keys: Sequence[NoteKey]) -> Iterator[Problem]:
    """Compare with every checkpoint this database holds, oldest first. Ends at the first that disagrees.

    `keys` are the log's key and those it had before.
    """
    sound = 0
    for note in Checkpoint.objects.order_by("size", "pk").values_list("note", flat=True).iterator(chunk_size=500):
        for problem in _compared(Layer.BODIES, note, keys, "a checkpoint kept here"):
            since = f"; the first bad entry is at or after {sound}" if sound else ""
            yield Problem(problem.layer, problem.index, problem.explanation + since)
            return
        sound = TreeHead.parse(note.rpartition("\n\n")[0] + "\n").size


def _signed_by(note: str, key: NoteKey) -> bool:
    try:
        open_checkpoint(note, key)
    except AssayError:
        return False
    return True


def _opened(note: str, keys: Sequence[NoteKey]) -> TreeHead:
    """The head that one of `keys` signed. Raises NoteError."""
    return open_checkpoint(note, next((key for key in keys if _signed_by(note, key)), keys[0]))


def compare_checkpoint(note: str, keys: Sequence[NoteKey]) -> Iterator[Problem]:
    """Compare with a checkpoint that was kept elsewhere: the log must still begin with the tree it signs."""
    return _compared(Layer.CHECKPOINT, note, keys, "the checkpoint kept elsewhere")


def _compared(layer: Layer, note: str, keys: Sequence[NoteKey], what: str) -> Iterator[Problem]:
    try:
        head = _opened(note, keys)
    except AssayError as error:
        yield Problem(layer, None, f"{what} cannot be relied on: {error}")
        return
    size = ledger.size()
    if head.size > size:
        yield Problem(layer, size, f"{what} covers {head.size} entries, here are {size}: cut back")
    elif _root_or_nothing(head.size) != head.root:
        yield Problem(layer, None, f"the first {head.size} entries are not those that {what} signs")


# -- C: a receipt in somebody's hands ---------------------------------------------------------------------------------
def compare_receipt(text: str, keys: Sequence[NoteKey]) -> Iterator[Problem]:
    """The entry a receipt was issued for must still be here, unchanged, in a log that still contains its tree."""
    try:
        receipt = Receipt.parse(text)
        head = _opened(receipt.checkpoint, keys)
    except AssayError as error:
        yield Problem(Layer.RECEIPT, None, f"the receipt cannot be relied on: {error}")
        return
    entry = LedgerEntry.objects.filter(index=receipt.index).values_list("body", flat=True).first()
    if entry is None:
        yield Problem(Layer.RECEIPT, receipt.index, "the receipt is for an entry that is not here any more")
        return
    try:
        merkle.verify_inclusion(
            index=receipt.index,
            size=head.size,
            leaf=merkle.leaf_hash(bytes(entry)),
            proof=receipt.proof,
            root=head.root,
        )
    except AssayError:
        yield Problem(Layer.RECEIPT, receipt.index, "the entry is not the one the receipt was issued for")
        return
    yield from _compared(Layer.RECEIPT, receipt.checkpoint, keys, "the receipt's checkpoint")


def _root_or_nothing(size: int) -> bytes:
    """The root over the stored nodes; empty where a node is missing, which equals no root."""
    try:
        return ledger.root(size)
    except AssayError:
        return b""
