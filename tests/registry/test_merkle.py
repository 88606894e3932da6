"""The Merkle tree against public vectors, against the definition in RFC 6962, and against forged proofs."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from registry.merkle import (
    EMPTY_ROOT,
    Frontier,
    MerkleError,
    ProofError,
    append_nodes,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    node_hash,
    root,
    verify_consistency,
    verify_inclusion,
)

VECTORS = Path(__file__).resolve().parents[2].parent / "shared" / "testdata" / "merkle"
LARGEST = 130


class Nodes:
    """Stored nodes; counts the reads and refuses to write a node twice."""

    def __init__(self, size: int = 0) -> None:
        self.stored: dict[tuple[int, int], bytes] = {}
        self.size = 0
        self.reads = 0
        for number in range(size):
            self.append(b"entry %d" % number)

    def append(self, body: bytes) -> None:
        for level, index, value in append_nodes(self.size, leaf_hash(body), self.read):
            assert (level, index) not in self.stored
            self.stored[level, index] = value
        self.size += 1

    def read(self, level: int, index: int) -> bytes:
        self.reads += 1
        return self.stored[level, index]

    def leaf(self, index: int) -> bytes:
        return self.stored[0, index]


def defined_root(leaves: Sequence[bytes]) -> bytes:
    """MTH of RFC 6962 2.1, word for word."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return node_hash(defined_root(leaves[:split]), defined_root(leaves[split:]))


def defined_consistency(old: int, leaves: Sequence[bytes], *, known: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 6962 2.1.2, word for word."""
    if old == len(leaves):
        return [] if known else [defined_root(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if old <= split:
        return [*defined_consistency(old, leaves[:split], known=known), defined_root(leaves[split:])]
    return [*defined_consistency(old - split, leaves[split:], known=False), defined_root(leaves[:split])]


@pytest.fixture(scope="module")
def nodes() -> Nodes:
    return Nodes(LARGEST)


@pytest.fixture(scope="module")
def roots(nodes: Nodes) -> list[bytes]:
    return [root(size, nodes.read) for size in range(LARGEST + 1)]


def _vectors(kind: str) -> list[Any]:
    paths = sorted((VECTORS / kind).rglob("*.json"))
    if not paths:
        return [pytest.param(None, marks=pytest.mark.skip(reason=f"no {kind} vectors beside the repository"))]
    return [
        pytest.param(json.loads(path.read_text()), id=str(path.relative_to(VECTORS).with_suffix(""))) for path in paths
    ]


def _bytes(text: str | None) -> bytes:
    return base64.b64decode(text or "")


@pytest.mark.parametrize("vector", _vectors("inclusion"))
def test_public_inclusion_vector(vector: dict[str, Any]) -> None:
    def verify() -> None:
        verify_inclusion(
            index=vector["leafIdx"],
            size=vector["treeSize"],
            leaf=_bytes(vector["leafHash"]),
            proof=[_bytes(item) for item in vector["proof"] or []],
            root=_bytes(vector["root"]),
        )

    if vector["wantErr"]:
        with pytest.raises(ProofError):
            verify()
    else:
        verify()


@pytest.mark.parametrize("vector", _vectors("consistency"))
def test_public_consistency_vector(vector: dict[str, Any]) -> None:
    def verify() -> None:
        verify_consistency(
            old=vector["size1"],
            new=vector["size2"],
            old_root=_bytes(vector["root1"]),
            new_root=_bytes(vector["root2"]),
            proof=[_bytes(item) for item in vector["proof"] or []],
        )

    if vector["wantErr"]:
        with pytest.raises(ProofError):
            verify()
    else:
        verify()


def test_the_empty_tree_has_the_hash_of_nothing() -> None:
    assert root(0, Nodes().read) == EMPTY_ROOT == Frontier().root() == hashlib.sha256(b"").digest()


def test_a_leaf_never_passes_for_a_node() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)


def test_the_root_is_the_one_the_standard_defines_at_every_size(nodes: Nodes, roots: list[bytes]) -> None:
    leaves = [nodes.leaf(index) for index in range(LARGEST)]
    frontier = Frontier()
    for size in range(LARGEST + 1):
        assert roots[size] == defined_root(leaves[:size]) == frontier.root()
        if size < LARGEST:
            assert all(nodes.stored[level, index] == value for level, index, value in frontier.append(leaves[size]))


def test_every_entry_of_every_size_has_a_proof_that_verifies_only_for_it(nodes: Nodes, roots: list[bytes]) -> None:
    for size in range(1, LARGEST + 1):
        for index in range(size):
            proof = inclusion_proof(index, size, nodes.read)
            verify_inclusion(index=index, size=size, leaf=nodes.leaf(index), proof=proof, root=roots[size])
            if size > 1:
                with pytest.raises(ProofError):
                    verify_inclusion(
                        index=(index + 1) % size, size=size, leaf=nodes.leaf(index), proof=proof, root=roots[size]
                    )


def test_every_pair_of_sizes_has_the_consistency_proof_of_the_standard(nodes: Nodes, roots: list[bytes]) -> None:
    leaves = [nodes.leaf(index) for index in range(LARGEST)]
    for new in range(1, LARGEST + 1):
        for old in range(1, new + 1):
            proof = consistency_proof(old, new, nodes.read)
            verify_consistency(old=old, new=new, old_root=roots[old], new_root=roots[new], proof=proof)
            if new in {1, 2, 3, 7, 8, 9, 64, 65, 127, 128, 129, 130}:
                assert proof == defined_consistency(old, leaves[:new])


@given(st.data())
def test_no_changed_inclusion_proof_verifies(data: st.DataObject) -> None:
    nodes = Nodes(40)
    size = data.draw(st.integers(2, 40))
    index = data.draw(st.integers(0, size - 1))
    proof = inclusion_proof(index, size, nodes.read)
    forged = _forged(data, proof)
    with pytest.raises(ProofError):
        verify_inclusion(index=index, size=size, leaf=nodes.leaf(index), proof=forged, root=root(size, nodes.read))


@given(st.data())
def test_no_changed_consistency_proof_verifies(data: st.DataObject) -> None:
    nodes = Nodes(40)
    new = data.draw(st.integers(2, 40))
    old = data.draw(st.integers(1, new - 1))
    forged = _forged(data, consistency_proof(old, new, nodes.read))
    old_root, new_root = root(old, nodes.read), root(new, nodes.read)
    with pytest.raises(ProofError):
        verify_consistency(old=old, new=new, old_root=old_root, new_root=new_root, proof=forged)


@given(st.integers(1, 60), st.data())
def test_a_rewritten_entry_breaks_consistency_with_every_later_checkpoint(size: int, data: st.DataObject) -> None:
    changed = data.draw(st.integers(0, size - 1))
    honest, rewritten = Nodes(size), Nodes()
    for number in range(60):
        rewritten.append(b"another past" if number == changed else b"entry %d" % number)
    with pytest.raises(ProofError):
        verify_consistency(
            old=size,
            new=60,
            old_root=root(size, honest.read),
            new_root=root(60, rewritten.read),
            proof=consistency_proof(size, 60, rewritten.read),
        )


def _forged(data: st.DataObject, proof: list[bytes]) -> list[bytes]:
    """The proof with one bit turned, one hash left out, added, cut short, or two exchanged."""
    at = data.draw(st.integers(0, len(proof) - 1))
    way = data.draw(st.sampled_from(["flip", "drop", "insert", "append", "cut", "swap"]))
    forged = list(proof)
    if way == "flip":
        bit = data.draw(st.integers(0, 255))
        number = int.from_bytes(proof[at], "big") ^ (1 << bit)
        forged[at] = number.to_bytes(32, "big")
    elif way == "drop":
        del forged[at]
    elif way == "insert":
        forged.insert(at, proof[at])
    elif way == "append":
        forged.append(bytes(32))
    elif way == "cut" or len(proof) == 1:
        forged[at] = proof[at][:31]
    else:
        forged[at], forged[at - 1] = proof[at - 1], proof[at]
    return forged


@pytest.mark.parametrize(("index", "size"), [(0, 0), (1, 1), (-1, 3), (3, 3)])
def test_no_proof_is_made_for_an_entry_outside_the_tree(nodes: Nodes, index: int, size: int) -> None:
    with pytest.raises(MerkleError):
        inclusion_proof(index, size, nodes.read)


@pytest.mark.parametrize(("old", "new"), [(0, 0), (0, 3), (4, 3), (-1, 3)])
def test_no_proof_is_made_for_a_tree_that_cannot_have_grown(nodes: Nodes, old: int, new: int) -> None:
    with pytest.raises(MerkleError):
        consistency_proof(old, new, nodes.read)


def test_a_negative_size_is_no_tree(nodes: Nodes) -> None:
    with pytest.raises(MerkleError):
        root(-1, nodes.read)
    with pytest.raises(MerkleError):
        append_nodes(-1, leaf_hash(b""), nodes.read)


@pytest.mark.parametrize("power", [10, 13, 16])
def test_proofs_read_no_more_than_the_height_of_the_tree(power: int) -> None:
    size = (1 << power) - 1
    nodes = Nodes(size)
    for index in (0, size // 3, size - 1):
        nodes.reads = 0
        inclusion_proof(index, size, nodes.read)
        assert nodes.reads <= 2 * power
        nodes.reads = 0
        consistency_proof(index + 1, size, nodes.read)
        assert nodes.reads <= 2 * power
    nodes.reads = 0
    root(size, nodes.read)
    assert nodes.reads == power
