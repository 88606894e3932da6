"""The Merkle tree of RFC 6962, section 2.1: append in O(log n), prove in O(log n), verify without the tree.

A stored node is the hash of a *complete* subtree. `(level, index)` names the one over the leaves
`[index << level, (index + 1) << level)`; level 0 holds the leaf hashes. Callers keep the nodes where they like and
lend them through a `read_node(level, index) -> hash` callback; nodes never change once written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence

from registry.errors import AssayError

ReadNode = Callable[[int, int], bytes]

HASH_SIZE = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


class MerkleError(AssayError, ValueError):
    """A size or an index that names nothing in the tree."""

    code = "outside-tree"


class ProofError(AssayError, ValueError):
    """The proof does not prove what it claims. The message says which part disagrees."""

    code = "proof-invalid"


def leaf_hash(body: bytes) -> bytes:
    """SHA-256(0x00 ‖ body): the prefix keeps a leaf from ever passing for a node."""
    return hashlib.sha256(b"\x00" + body).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """SHA-256(0x01 ‖ left ‖ right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


def append_nodes(size: int, leaf: bytes, read_node: ReadNode) -> list[tuple[int, int, bytes]]:
    """The nodes that become complete when `leaf` (a leaf hash) is appended to a tree of `size` leaves.

    Each is `(level, index, hash)`, the leaf itself first. Reads one stored node per further level. Raises MerkleError
    on a negative size.
    """
    if size < 0:
        raise MerkleError(f"a tree cannot have {size} leaves")
    completed = [(0, size, leaf)]
    level, index, current = 0, size, leaf
    while index & 1:
        current = node_hash(read_node(level, index - 1), current)
        level, index = level + 1, index >> 1
        completed.append((level, index, current))
    return completed


def root(size: int, read_node: ReadNode) -> bytes:
    """The tree head over the first `size` leaves; SHA-256 of nothing for size 0. Raises MerkleError."""
    if size < 0:
        raise MerkleError(f"a tree cannot have {size} leaves")
    return _range_root(0, size, read_node) if size else EMPTY_ROOT


def inclusion_proof(index: int, size: int, read_node: ReadNode) -> list[bytes]:
    """PATH(index, D[size]) of RFC 6962 2.1.1: siblings from the leaf upward. Raises MerkleError."""
    if not 0 <= index < size:
        raise MerkleError(f"entry {index} is not in a tree of {size}")
    return [_range_root(start, end, read_node) for start, end in _siblings(index, 0, size)]


def consistency_proof(old: int, new: int, read_node: ReadNode) -> list[bytes]:
    """PROOF(old, D[new]) of RFC 6962 2.1.2; empty for equal sizes. Raises MerkleError unless 0 < old <= new."""
    if not 0 < old <= new:
        raise MerkleError(f"no tree of {new} can extend a tree of {old}")
    start, end = 0, new
    known, proof = True, []
    while start + old != end:
        split = _split(end - start)
        if old <= split:
            proof.append((start + split, end))
            end = start + split
        else:
            proof.append((start, start + split))
            start, old, known = start + split, old - split, False
    if not known:
        proof.append((start, end))
    return [_range_root(low, high, read_node) for low, high in reversed(proof)]


def verify_inclusion(*, index: int, size: int, leaf: bytes, proof: Sequence[bytes], root: bytes) -> None:
    """Raise ProofError unless `proof` shows that `leaf` (a leaf hash) is entry `index` of the tree `size`, `root`.

    The procedure of RFC 9162 2.1.3.2.
    """
    if not 0 <= index < size:
        raise ProofError(f"entry {index} is not in a tree of {size}")
    _require_hashes(leaf, root, *proof)
    current = leaf
    for sibling, on_the_left in _climb(index, size - 1, proof, "inclusion"):
        current = node_hash(sibling, current) if on_the_left else node_hash(current, sibling)
    if current != root:
        raise ProofError(f"the inclusion proof of entry {index} leads to another root")


def verify_consistency(*, old: int, new: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Raise ProofError unless `proof` shows that the tree `new`, `new_root` begins with the tree `old`, `old_root`.

    The procedure of RFC 9162 2.1.4.2. An empty old tree proves nothing about any new one and is refused.
    """
    if not 0 < old <= new:
        raise ProofError(f"no tree of {new} can extend a tree of {old}")
    if old == new:
        _require_same(old, old_root, new_root, proof)
        return
    _require_hashes(old_root, new_root, *proof)
    if not proof:
        raise ProofError("the consistency proof is empty")
    # A complete old tree is itself a node of the new one, so its root is not repeated in the proof.
    path = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    then = now = path[0]
    for sibling, on_the_left in _climb(position, last, path[1:], "consistency"):
        if on_the_left:
            then, now = node_hash(sibling, then), node_hash(sibling, now)
        else:
            now = node_hash(now, sibling)
    for reached, claimed, size in ((then, old_root, old), (now, new_root, new)):
        if reached != claimed:
            raise ProofError(f"the consistency proof leads to another root at size {size}")


class Frontier:
    """The right edge of a growing tree: O(log n) memory, for recomputing a whole log in one pass over its leaves."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self.size = 0
        self._complete: list[bytes] = []
        for leaf in leaves:
            self.append(leaf)

    def append(self, leaf: bytes) -> list[tuple[int, int, bytes]]:
        """Add a leaf hash; answers the nodes it completes, as `append_nodes` does."""
        nodes = append_nodes(self.size, leaf, lambda _level, _index: self._complete.pop())
        self._complete.append(nodes[-1][2])
        self.size += 1
        return nodes

    def root(self) -> bytes:
        """The tree head over everything appended so far."""
        return _folded(self._complete) if self._complete else EMPTY_ROOT


def _climb(position: int, last: int, siblings: Sequence[bytes], kind: str) -> Iterator[tuple[bytes, bool]]:
    """Each sibling on the way up from `position`, with whether it stands on the left. `last` is the last position.

    Raises ProofError when there are more or fewer siblings than levels.
    """
    for sibling in siblings:
        if last == 0:
            raise ProofError(f"the {kind} proof is longer than the tree is high")
        on_the_left = bool(position & 1) or position == last
        yield sibling, on_the_left
        if on_the_left:
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        position, last = position >> 1, last >> 1
    if last:
        raise ProofError(f"the {kind} proof is shorter than the tree is high")


def _require_same(size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]) -> None:
    if old_root != new_root:
        raise ProofError(f"two trees of {size} entries have different roots")
    if proof:
        raise ProofError("a tree needs no consistency proof with itself")


def _require_hashes(*hashes: bytes) -> None:
    if any(len(value) != HASH_SIZE for value in hashes):
        raise ProofError(f"a hash in the proof is not {HASH_SIZE} bytes long")


def _split(width: int) -> int:
    """The largest power of two smaller than `width` (width >= 2)."""
    return 1 << (width - 1).bit_length() - 1


def _siblings(index: int, start: int, end: int) -> list[tuple[int, int]]:
    """The leaf ranges beside the path from leaf `index` to the root over [start, end), lowest first."""
    ranges = []
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            ranges.append((middle, end))
            end = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def _complete_subtrees(start: int, end: int) -> Iterator[tuple[int, int]]:
    """The stored nodes that tile [start, end), from left to right; `start` is aligned as the tree's splits make it."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _range_root(start: int, end: int, read_node: ReadNode) -> bytes:
    return _folded([read_node(level, index) for level, index in _complete_subtrees(start, end)])


def _folded(hashes: Sequence[bytes]) -> bytes:
    """Join complete subtrees of falling size into one hash, from the right."""
    current = hashes[-1]
    for left in reversed(hashes[:-1]):
        current = node_hash(left, current)
    return current
