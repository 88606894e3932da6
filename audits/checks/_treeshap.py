"""Interventional TreeSHAP, exact in double precision. Worker only.

For one leaf, a row or a background row is nothing but the set of the path's features whose conditions it meets: a bit
pattern. A pair of them reaches the leaf in some coalition exactly if together they meet all conditions, and then the
Shapley weights follow from two numbers: how many conditions only the row meets (s) and only the background row (r):
(s-1)! r! / (s+r)! for each of the former, -s! (r-1)! / (s+r)! for each of the latter (Lundberg et al. 2020, Algorithm
3). So background rows are counted by pattern once a leaf, and the cost does not grow with their number: unlike in shap,
which visits every pair of rows, keeps thresholds in 32 bits (rows on a threshold took another branch than in the
model), and cuts a background to 100 rows without saying so.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from audits.checks._ensembles import Array, Ensemble, TreeArrays

#: LightGBM takes what is nearer to 0 than this for 0.
_ZERO = 1e-35
#: Up to so many features on a path all patterns are tabulated: 2^7 x 2^7 x 7 weights.
_TABULATED = 7
_MISSING = -1


def explain_trees(
    ensemble: Ensemble, sample: Array, background: Array, chosen: list[int] | None = None
) -> tuple[Array, Array]:
    """(values: rows x columns x outputs, base value of each output), in the margin that the ensemble adds up.

    `chosen` are the outputs wanted, all by default. The caller guarantees that no split is categorical, and compares
    with the real model's output.
    """
    outputs = list(range(ensemble.trees[0].worth.shape[1])) if chosen is None else chosen
    thresholds = _thresholds(ensemble, sample.shape[1])
    rows = _coded(sample, thresholds, ensemble)
    reference = _coded(background, thresholds, ensemble)
    values = np.zeros((len(outputs), sample.shape[1], len(sample)))
    base = np.resize(np.asarray(ensemble.offset, dtype=float), ensemble.trees[0].worth.shape[1])[outputs].copy()
    for tree in ensemble.trees:
        worth = tree.worth[:, outputs]
        for leaf in _leaves(tree, thresholds):
            told = np.flatnonzero(worth[leaf.node])
            if len(told):
                _add(leaf, worth[leaf.node], told, rows, reference, values, base)
    return np.ascontiguousarray(values.transpose(2, 1, 0)), base


@dataclass(frozen=True, slots=True)
class _Leaf:
    """What a row must meet to arrive at `node`: a half-open range of codes a feature, and whether missing may."""

    node: int
    features: list[int]
    above: list[int]
    upto: list[int]
    missing: list[bool]


def _leaves(tree: TreeArrays, thresholds: list[Array]) -> Iterator[_Leaf]:
    """Every leaf with the conditions of its path, several of one feature taken together."""
    inner = tree.left >= 0
    codes = np.zeros(len(tree.left), dtype=np.int64)
    for column, cuts in enumerate(thresholds):
        here = inner & (tree.feature == column)
        codes[here] = np.searchsorted(cuts, tree.threshold[here])
    left, right, default, feature = (part.tolist() for part in (tree.left, tree.right, tree.default, tree.feature))
    waiting: list[tuple[int, dict[int, tuple[int, int, bool]]]] = [(0, {})]
    while waiting:
        node, path = waiting.pop()
        if left[node] < 0:
            ranges = list(path.values())
            yield _Leaf(node, list(path), [r[0] for r in ranges], [r[1] for r in ranges], [r[2] for r in ranges])
            continue
        column, code = feature[node], int(codes[node])
        above, upto, missing = path.get(column, (_MISSING, len(thresholds[column]), True))
        for child, low, high in ((left[node], above, min(upto, code)), (right[node], max(above, code), upto)):
            if low < high:  # else no value at all gets there; missing ones cannot either, having had to pass before
                waiting.append((child, {**path, column: (low, high, missing and default[node] == child)}))
            elif missing and default[node] == child:
                waiting.append((child, {**path, column: (low, low, True)}))


def _add(leaf: _Leaf, worth: Array, told: Array, rows: Array, reference: Array, values: Array, base: Array) -> None:
    """Add one leaf's share to `values` and `base`."""
    width = len(leaf.features)
    mine, theirs = _patterns(leaf, rows), _patterns(leaf, reference)
    full = (1 << width) - 1
    base[told] += worth[told] * (np.count_nonzero(theirs == full) / reference.shape[1])
    if not width:
        return
    if width <= _TABULATED:
        shares = np.bincount(theirs, minlength=full + 1) / reference.shape[1]
        parts = np.einsum("kxz,z->kx", _table(width), shares)[:, mine]
    else:
        parts = _by_pairs(mine, theirs, width)
    for place, column in enumerate(leaf.features):
        for output in told:
            values[output, column] += worth[output] * parts[place]


def _patterns(leaf: _Leaf, coded: Array) -> Array:
    """For each row the set of conditions it meets, as bits."""
    found = np.zeros(coded.shape[1], dtype=np.int64)
    for bit, column in enumerate(leaf.features):
        codes = coded[column]
        meets = (codes > leaf.above[bit]) & (codes <= leaf.upto[bit])
        if leaf.missing[bit]:
            meets |= codes == _MISSING
        elif leaf.above[bit] < 0:
            meets &= codes != _MISSING
        found |= meets.astype(np.int64) << bit
    return found


@lru_cache(maxsize=_TABULATED)
def _table(width: int) -> Array:
    """Entry [k, x, z]: the weight of condition k for a row of pattern x and a background row of pattern z."""
    patterns = np.arange(1 << width)
    return _pair_weights(patterns, patterns, width)


def _by_pairs(mine: Array, theirs: Array, width: int) -> Array:
    """The weights, conditions x rows, from the patterns that occur."""
    own, back = np.unique(mine, return_inverse=True)
    other, counts = np.unique(theirs, return_counts=True)
    weights = _pair_weights(own, other, width)
    found: Array = np.einsum("kxz,z->kx", weights, counts / len(theirs))[:, back]
    return found


def _pair_weights(own: Array, other: Array, width: int) -> Array:
    x, z = own[:, None], other[None, :]
    active = (x | z) == (1 << width) - 1
    only_x, only_z = x & ~z, z & ~x
    s, r = np.bitwise_count(only_x).astype(int), np.bitwise_count(only_z).astype(int)
    gain, loss = (part * active for part in (_weights(width)[0][s, r], _weights(width)[1][s, r]))
    weights: Array = np.stack([(only_x >> bit & 1) * gain - (only_z >> bit & 1) * loss for bit in range(width)])
    return weights


@lru_cache(maxsize=64)
def _weights(width: int) -> tuple[Array, Array]:
    """[s, r]: (s-1)! r! / (s+r)! and s! (r-1)! / (s+r)!, 0 where not defined."""
    gain, loss = np.zeros((2, width + 1, width + 1))
    for s in range(width + 1):
        for r in range(width + 1 - s):
            if s:
                gain[s, r] = 1 / (s * math.comb(s + r, r))
            if r:
                loss[s, r] = 1 / (r * math.comb(s + r, s))
    return gain, loss


def _thresholds(ensemble: Ensemble, columns: int) -> list[Array]:
    """For each column the sorted thresholds of all trees."""
    inner = [tree.left >= 0 for tree in ensemble.trees]
    features = np.concatenate([tree.feature[chosen] for tree, chosen in zip(ensemble.trees, inner, strict=True)])
    values = np.concatenate([tree.threshold[chosen] for tree, chosen in zip(ensemble.trees, inner, strict=True)])
    return [np.unique(values[features == column]) for column in range(columns)]


def _coded(rows: Array, thresholds: list[Array], ensemble: Ensemble) -> Array:
    """Columns x rows: how many thresholds send each value to the right, as the model sees it; -1 where missing."""
    seen = rows.astype(ensemble.seen_as).astype(float)
    coded = np.full((rows.shape[1], rows.shape[0]), _MISSING, dtype=np.int32)
    side: Any = "right" if ensemble.strict else "left"
    for column, cuts in enumerate(thresholds):
        values = seen[:, column]
        if column in ensemble.zero_if_missing:
            values = np.nan_to_num(values, nan=0.0)
        present = ~np.isnan(values)
        if column in ensemble.missing_if_zero:
            present &= np.abs(values) > _ZERO
        coded[column, present] = np.searchsorted(cuts, values[present], side=side)
    return coded
