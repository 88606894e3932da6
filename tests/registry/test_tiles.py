from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry import ledger
from registry.errors import UnknownSubjectError
from registry.events import Event
from registry.models import LedgerEntry
from registry.notes import Receipt
from registry.signing import keyring
from registry.tiles import TileName, entry_bundle, hash_tile, names


@pytest.mark.parametrize(
    ("path", "index", "width"),
    [
        ("000", 0, 256),
        ("999", 999, 256),
        ("x001/000", 1000, 256),
        ("x001/x234/067", 1_234_067, 256),
        ("x001/x234/067.p/8", 1_234_067, 8),
        ("000.p/255", 0, 255),
    ],
)
def test_a_path_names_a_tile(path: str, index: int, width: int) -> None:
    assert TileName.parse(path) == TileName(index, width)
    assert TileName(index, width).path == path


@given(st.integers(0, 10**15 - 1), st.integers(1, 256))
def test_every_tile_has_one_path(index: int, width: int) -> None:
    assert TileName.parse(TileName(index, width).path) == TileName(index, width)


@pytest.mark.parametrize(
    "path",
    [
        "",
        "0",
        "0000",
        "1000",
        "x000/001",
        "001/000",
        "000.p/0",
        "000.p/256",
        "000.p/01",
        "000.p/",
        "000.p/-1",
        "../000",
        "\u0660" * 3,
    ],
)
def test_no_other_path_names_a_tile(path: str) -> None:
    with pytest.raises(UnknownSubjectError):
        TileName.parse(path)


@pytest.fixture
def size(db: None) -> int:
    del db
    while ledger.size() < 300:
        ledger.append(Event.REPORT_READ, subject="promotion:1")
    return ledger.size()


def test_a_tile_holds_the_leaf_hashes_and_a_bundle_the_bodies(size: int) -> None:
    leaves, bodies = b"", b""
    for name in names(size):
        leaves += hash_tile(0, name)
        bodies += entry_bundle(name)

    rest = bodies
    for index in range(size):
        length = int.from_bytes(rest[:2], "big")
        body, rest = rest[2 : 2 + length], rest[2 + length :]
        assert leaves[32 * index : 32 * index + 32] == hashlib.sha256(b"\x00" + body).digest()
    assert rest == b""


def test_the_tile_above_holds_the_roots_of_the_tiles_below(size: int) -> None:
    assert hash_tile(1, *names(size, 1)) == ledger.root(256)


@pytest.mark.parametrize(
    ("level", "name"), [(0, TileName(1)), (0, TileName(2, 1)), (1, TileName(0)), (9, TileName(0, 1))]
)
def test_a_tile_that_is_not_final_is_not_served(size: int, level: int, name: TileName) -> None:
    assert size == 300
    with pytest.raises(UnknownSubjectError):
        hash_tile(level, name)


def test_a_receipt_verifies_for_its_entry_and_for_no_other(size: int) -> None:
    body, other = (bytes(LedgerEntry.objects.get(index=index).body) for index in (7, 8))
    receipt = Receipt.parse(ledger.receipt(7).text)

    assert receipt.verify(body, keyring().ledger.key).size == size
    with pytest.raises(ValueError, match="leads to another root"):
        receipt.verify(other, keyring().ledger.key)
