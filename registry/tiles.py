"""The ledger as C2SP tlog-tiles: immutable files of 256 hashes or entries, from which any client proves what it likes.

A path names a tile by `<index>` in groups of three digits, all but the last with an `x` (`x001/x234/067`), followed by
`.p/<width>` where it is not full yet. A tile is served only when every hash in it is final.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from registry import ledger
from registry.errors import UnknownSubjectError
from registry.models import LedgerEntry, LedgerNode

WIDTH = 256
HEIGHT = 8  # tree levels between two levels of tiles
MAX_LEVEL = 7

_PATH = re.compile(r"(?P<index>(?:x[0-9]{3}/){0,5}[0-9]{3})(?:\.p/(?P<width>[1-9][0-9]{0,2}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class TileName:
    """Which tile of a level, and how many of its 256 places are asked for."""

    index: int
    width: int = WIDTH

    @classmethod
    def parse(cls, path: str) -> TileName:
        """Read the part of the path after the level. Raises UnknownSubjectError for any other spelling."""
        found = _PATH.fullmatch(path)
        if found is None:
            raise UnknownSubjectError(f"{path} names no tile.")
        width = int(found["width"] or WIDTH)
        groups = found["index"].replace("x", "").split("/")
        if width > WIDTH or (found["width"] and width == WIDTH) or (len(groups) > 1 and groups[0] == "000"):
            raise UnknownSubjectError(f"{path} names no tile.")
        return cls(int("".join(groups)), width)

    @property
    def path(self) -> str:
        """The inverse of `parse`."""
        digits = f"{self.index:03d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[start : start + 3] for start in range(0, len(digits), 3)]
        name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        return name if self.width == WIDTH else f"{name}.p/{self.width}"

    @property
    def first(self) -> int:
        """Position of the first place."""
        return self.index * WIDTH


def hash_tile(level: int, name: TileName) -> bytes:
    """The hashes one after the other. Raises UnknownSubjectError for a tile that is not final."""
    if not 0 <= level <= MAX_LEVEL:
        raise UnknownSubjectError(f"The ledger has no tiles of level {level}.")
    rows = LedgerNode.objects.filter(
        level=level * HEIGHT, position__gte=name.first, position__lt=name.first + name.width
    ).order_by("position")
    hashes = [bytes(value) for value in rows.values_list("hash", flat=True)]
    return b"".join(_complete(hashes, name))


def entry_bundle(name: TileName) -> bytes:
    """Each entry's body behind its length in two bytes, big-endian. Raises UnknownSubjectError."""
    rows = LedgerEntry.objects.filter(index__gte=name.first, index__lt=name.first + name.width).order_by("index")
    bodies = [bytes(value) for value in rows.values_list("body", flat=True)]
    return b"".join(len(body).to_bytes(2, "big") + body for body in _complete(bodies, name))


def names(size: int, level: int = 0) -> list[TileName]:
    """The tiles of one level that make up a tree of `size`: full ones, then one that is not."""
    places = size >> (level * HEIGHT)
    full = [TileName(index) for index in range(places // WIDTH)]
    return [*full, TileName(places // WIDTH, places % WIDTH)] if places % WIDTH else full


def _complete(found: list[bytes], name: TileName) -> list[bytes]:
    if len(found) != name.width:
        raise UnknownSubjectError(f"The tile {name.path} is not complete at {ledger.size()} entries.")
    return found
