"""Decision trees as arrays, whatever library grew them, and the check that they are trees at all. Worker only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from audits.checks.base import EvidenceError

Array = np.ndarray[Any, Any]

MAX_TREES = 50_000


@dataclass(frozen=True, slots=True)
class TreeArrays:
    """One tree; entry i of every array is node i, node 0 the root. A leaf has -1 in `left` and `right`.

    A row goes left where its value is at most the threshold (below it, where the ensemble is `strict`), and to
    `default` where it is missing. `worth` is nodes x outputs, and counts at leaves.
    """

    left: Array
    right: Array
    default: Array
    feature: Array
    threshold: Array
    worth: Array


@dataclass(frozen=True, slots=True)
class Ensemble:
    """Trees that add up: the margin of a row is `offset` (one entry an output) plus the values of its leaves.

    `seen_as` is the type in which the model compares; `zero_if_missing` and `missing_if_zero` are columns in which the
    model takes a missing value for 0, or 0 for a missing value.
    """

    trees: Sequence[TreeArrays]
    offset: Array
    strict: bool = False
    seen_as: Any = np.float64
    zero_if_missing: frozenset[int] = frozenset()
    missing_if_zero: frozenset[int] = frozenset()

    @property
    def leaves(self) -> int:
        """How many there are in all trees: what an exact explanation of one row costs against one background row."""
        return sum(int((tree.left < 0).sum()) for tree in self.trees)


class Boosted(Protocol):
    """A scorer whose trees can be explained."""

    booster: Any
    ensemble: Ensemble
    margin_space: str

    def margin(self, frame: Any) -> Array:
        """What the real model adds up for each row, rows x outputs, in `margin_space`."""
        ...


def require_tree(place: str, left: Array, right: Array, feature: Array, columns: int) -> None:
    """From node 0 every walk ends at a leaf, and every split looks at a column that exists. Raises EvidenceError.

    Where no node is the child of two, and the root of none, what is reachable from the root is a tree.
    """
    size = len(left)
    if size < 1 or len(right) != size or len(feature) != size:
        raise damaged(place, "its arrays differ in length")
    inner = left >= 0
    if np.any((right >= 0) != inner):
        raise damaged(place, "a node has one child")
    children = np.concatenate([left[inner], right[inner]])
    if np.any(children >= size) or np.any(children == 0):
        raise damaged(place, "a child index points outside its array or at the root")
    if len(np.unique(children)) != len(children):
        raise damaged(place, "a node has two parents, so a walk may never end")
    if np.any((feature[inner] < 0) | (feature[inner] >= columns)):
        raise damaged(place, "a split uses a feature that does not exist")


def damaged(place: str, problem: str) -> EvidenceError:
    """The error to raise for trees that no library would have written."""
    return EvidenceError("model", f"{place} is damaged or was tampered with: {problem}")
