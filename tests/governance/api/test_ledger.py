from __future__ import annotations

import base64

import pytest
from django.test import Client

from registry import merkle
from registry.ledger import size
from registry.models import Person
from registry.notes import Receipt, open_checkpoint
from registry.signing import keyring
from tests.governance.api.conftest import Connect, refused
from tests.people import World

LEDGER = "/api/v1/ledger/"


def test_a_reader_checks_an_entry_without_trusting_us(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya)
    key = keyring().ledger.key
    head = open_checkpoint(client.get(f"{LEDGER}checkpoint").content.decode(), key)
    entry = client.get(f"{LEDGER}entries/0").json()
    leaf = merkle.leaf_hash(entry["body"].encode())
    assert entry["leaf_hash"] == f"sha256:{leaf.hex()}"
    told = client.get(f"{LEDGER}proof/inclusion", {"index": 0, "size": head.size}).json()
    proof = [base64.b64decode(step) for step in told["proof"]]
    merkle.verify_inclusion(index=0, size=head.size, leaf=leaf, proof=proof, root=head.root)
    receipt = Receipt.parse(client.get(f"{LEDGER}entries/0/receipt").content.decode())
    assert receipt.verify(entry["body"].encode(), key).root == head.root


def test_a_reader_checks_that_the_ledger_only_grew(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya)
    old = open_checkpoint(client.get(f"{LEDGER}checkpoint").content.decode(), keyring().ledger.key)
    world.version()
    new = open_checkpoint(client.get(f"{LEDGER}checkpoint").content.decode(), keyring().ledger.key)
    told = client.get(f"{LEDGER}proof/consistency", {"old": old.size, "new": new.size}).json()
    proof = [base64.b64decode(step) for step in told["proof"]]
    merkle.verify_consistency(old=old.size, new=new.size, old_root=old.root, new_root=new.root, proof=proof)


def test_a_mirror_fetches_tiles_that_give_the_signed_root(connect: Connect, maya: Person, world: World) -> None:
    client = connect(maya)
    head = open_checkpoint(client.get(f"{LEDGER}checkpoint").content.decode(), keyring().ledger.key)
    hashes = client.get(f"{LEDGER}tile/0/000.p/{head.size}").content
    bundle = client.get(f"{LEDGER}tile/entries/000.p/{head.size}").content
    leaves = [hashes[start : start + 32] for start in range(0, len(hashes), 32)]
    assert merkle.Frontier(leaves).root() == head.root
    length = int.from_bytes(bundle[:2], "big")
    assert merkle.leaf_hash(bundle[2 : 2 + length]) == leaves[0]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("tile/0/000", 404),
        ("tile/0/0", 404),
        ("tile/9/000.p/1", 404),
        ("tile/entries/001", 404),
        ("entries/999", 404),
        ("entries/999/receipt", 404),
        ("proof/inclusion?index=999", 422),
        ("proof/inclusion?index=0&size=999", 422),
        ("proof/inclusion", 400),
        ("proof/inclusion?index=-1", 400),
        ("proof/consistency?old=999&new=1", 422),
        (f"proof/consistency?old=0&new={2**70}", 400),
    ],
)
def test_what_lies_outside_the_ledger_is_a_problem(
    connect: Connect, maya: Person, world: World, path: str, status: int
) -> None:
    answer = connect(maya).get(LEDGER + path)
    assert (answer.status_code, answer["Content-Type"]) == (status, "application/problem+json"), answer.content


def test_entries_are_for_those_who_may(connect: Connect, otto: Person, world: World) -> None:
    assert size() > 0
    refused(connect(otto).get(f"{LEDGER}entries/0"), 403, "permission-refused")


def test_the_public_keys_are_for_everybody_and_hold_nothing_secret(db: None) -> None:
    answer = Client().get("/api/v1/keys.json")
    assert answer.status_code == 200
    assert answer.json() == keyring().published_keys()
    assert "PRIVATE" not in answer.content.decode()
