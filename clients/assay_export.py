"""An exported ledger (C2SP tlog-tiles, a folder or a zip): every entry, every hash, the signed head, computed anew."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Iterator
from pathlib import Path

from assay_common import Outcome, TamperedError, UnverifiableError
from assay_keys import Keys
from assay_ledger import Head, Receipt, leaf_hash, node_hash, read_kept, require_signed

WIDTH = 256
HASH = 32
MOST_BYTES = 8 << 30
CHECKPOINT = "checkpoint"


class Export:
    """The files of an export by name."""

    def __init__(self, path: Path) -> None:
        """Raises UnverifiableError for what is neither a folder nor a zip of one."""
        self.path = path
        self._zip: zipfile.ZipFile | None = None
        self._tiles: dict[str, bytes | None] = {}
        if not path.is_dir():
            try:
                self._zip = zipfile.ZipFile(path)
            except (OSError, zipfile.BadZipFile) as error:
                raise UnverifiableError(f"{path} is no export of a ledger: {error}") from None
            if sum(entry.file_size for entry in self._zip.infolist()) > MOST_BYTES:
                raise UnverifiableError(f"{path} is larger than any export that this verifier reads")

    def tile(self, name: str) -> bytes | None:
        """One file that is asked for again and again; the last one is remembered."""
        if name not in self._tiles:
            self._tiles = {name: self.read(name)}
        return self._tiles[name]

    def read(self, name: str) -> bytes | None:
        """One file, or None."""
        try:
            if self._zip is not None:
                return self._zip.read(name)
            return (self.path / name).read_bytes()
        except (KeyError, OSError):
            return None
        except (zipfile.BadZipFile, EOFError, ValueError) as error:
            raise TamperedError(f"{name} in the export is damaged: {error}") from None


def check_export(
    export: Export, keys: Keys | None, kept: Path | None, receipt: Receipt | None, outcome: Outcome
) -> None:
    """Recompute the root from the entries and hold everything against it. Raises TamperedError or UnverifiableError."""
    note = export.read(CHECKPOINT)
    if note is None:
        raise UnverifiableError(f"the export holds no {CHECKPOINT}")
    head = Head.parse(note.decode("utf-8", "replace"), "the checkpoint in the export", UnverifiableError)
    leaves = []
    for index, body in enumerate(_bodies(export, head.size)):
        leaf = leaf_hash(body)
        stated = _stated_leaf(export, head.size, index)
        if stated is not None and stated != leaf:
            raise TamperedError(f"ledger entry {index} was changed: its hash is not the one in the tile beside it")
        leaves.append(leaf)
    if root_of(leaves) != head.root:
        raise TamperedError(f"the {head.size} entries do not make the tree that the checkpoint signs")
    outcome.held.append(f"{head.size} entries make the tree of the log {head.origin} that the checkpoint states")
    outcome.facts["checkpoint"] = head.document
    if keys is None:
        raise UnverifiableError("an export rests on the log's signature: give --keys keys.json")
    require_signed(head, keys, None, "the checkpoint in the export")
    outcome.held.append("the checkpoint is signed by the log's key")
    if kept is None:
        outcome.skipped.append("the log's history: give --checkpoint with one that was kept elsewhere to check it")
    else:
        _require_continued(leaves, read_kept(kept, head.origin, "the export"))
        outcome.held.append("the log begins with the one that the kept checkpoint signs")
    if receipt is not None:
        _require_receipt(leaves, receipt)
        outcome.held.append(f"the entry of the receipt, {receipt.index}, is here unchanged")


def root_of(leaves: list[bytes]) -> bytes:
    """The Merkle tree head (RFC 6962, 2.1), level by level."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    level = leaves
    while len(level) > 1:
        paired = [node_hash(level[at], level[at + 1]) for at in range(0, len(level) - 1, 2)]
        level = [*paired, level[-1]] if len(level) & 1 else paired
    return level[0]


def _require_continued(leaves: list[bytes], kept: Head) -> None:
    if kept.size > len(leaves):
        raise TamperedError(
            f"the log was cut back: the kept checkpoint covers {kept.size} entries, here are {len(leaves)}"
        )
    if root_of(leaves[: kept.size]) != kept.root:
        raise TamperedError(
            f"the log shows two histories: its first {kept.size} entries are not those of the kept checkpoint"
        )


def _require_receipt(leaves: list[bytes], receipt: Receipt) -> None:
    if receipt.index >= len(leaves):
        raise TamperedError(f"ledger entry {receipt.index} of the receipt is not in the export: the log was cut back")
    if receipt.body and leaf_hash(receipt.body) != leaves[receipt.index]:
        raise TamperedError(f"ledger entry {receipt.index} is not the one that the receipt was issued for")
    if receipt.head.size > len(leaves) or root_of(leaves[: receipt.head.size]) != receipt.head.root:
        raise TamperedError("the log shows two histories: the receipt's checkpoint signs another beginning")


def _bodies(export: Export, size: int) -> Iterator[bytes]:
    for tile in range(-(-size // WIDTH)):
        name = _name("tile/entries", tile, size)
        content = export.read(name)
        if content is None:
            raise TamperedError(f"ledger entries {tile * WIDTH} and following are missing: the export holds no {name}")
        at, found = 0, 0
        while at < len(content):
            length = int.from_bytes(content[at : at + 2], "big")
            body = content[at + 2 : at + 2 + length]
            if len(body) != length:
                raise TamperedError(f"ledger entry {tile * WIDTH + found} is cut short")
            yield body
            at, found = at + 2 + length, found + 1
        if found != min(WIDTH, size - tile * WIDTH):
            raise TamperedError(f"{name} holds {found} entries, the checkpoint says {min(WIDTH, size - tile * WIDTH)}")


def _stated_leaf(export: Export, size: int, index: int) -> bytes | None:
    """The hash that the export itself states, where it holds tiles; it names the entry, and proves nothing."""
    content = export.tile(_name("tile/0", index // WIDTH, size))
    start = index % WIDTH * HASH
    return content[start : start + HASH] if content and len(content) >= start + HASH else None


def _name(lead: str, tile: int, size: int) -> str:
    width = min(WIDTH, size - tile * WIDTH)
    digits = f"{tile:03d}"
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return f"{lead}/{path}" if width == WIDTH else f"{lead}/{path}.p/{width}"
