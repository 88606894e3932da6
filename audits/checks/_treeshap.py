"""Interventional TreeSHAP, exact in double precision. Worker only.

For one leaf, a row or a background row is nothing but the set of the path's columns whose conditions it meets: a bit
pattern. A pair of them reaches the leaf in some coalition exactly if together they meet all conditions, and then the
Shapley weights follow from two numbers: how many conditions only the row meets (s) and only the background row (r):
(s-1)! r! / (s+r)! for each of the former, -s! (r-1)! / (s+r)! for each of the latter (Lundberg et al. 2020, Algorithm
3). Rows of one pattern get the same from a leaf, so rows and background rows are taken by pattern, once a leaf: unlike
in shap, which visits every pair of rows, keeps thresholds in 32 bits (rows on a threshold took another branch than in
the model), and cuts a background to 100 rows without saying so.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

from audits.checks._compiled import compiled
from audits.checks._ensembles import Array
from audits.checks._paths import MISSING, Paths

#: A pattern is one word, of which one value means "none".
MOST_CONDITIONS = 62
#: So many rows at once stay near the processor.
_ROWS = 4096
_ONE, _NONE = np.uint64(1), np.uint64(0xFFFFFFFFFFFFFFFF)
#: `first`, `column`, `low`, `span`, `missing` and `worth` of `Paths`.
_CONDITIONS = "Tuple((int64[::1], int64[::1], uint32[::1], uint32[::1], boolean[::1], float64[:, ::1]))"


def explain_trees(paths: Paths, sample: Array, background: Array) -> tuple[Array, Array]:
    """(values: rows x columns x outputs, base value of each output), in the margin that the ensemble adds up.

    The caller guarantees that no split is categorical and no leaf has more than `MOST_CONDITIONS`, and compares with
    the real model's output.
    """
    (size, columns), outputs = sample.shape, len(paths.offset)
    values, base = np.empty((size, columns, outputs)), np.zeros(outputs)
    reference, weights = paths.coded(background), _weights(paths.widest)
    conditions = (paths.first, paths.column, paths.low, paths.span, paths.missing, paths.worth)
    for start in range(0, size, _ROWS):
        part = sample[start : start + _ROWS]
        found, base = np.zeros((outputs, columns, len(part))), np.zeros(outputs)
        _summed(conditions, paths.coded(part), reference, weights, found, base)
        values[start : start + _ROWS] = found.transpose(2, 1, 0)
    return values, paths.offset + base


@lru_cache(maxsize=64)
def _weights(width: int) -> Array:
    """[0, s, r]: (s-1)! r! / (s+r)!, [1, s, r]: s! (r-1)! / (s+r)!, 0 where not defined."""
    weights = np.zeros((2, width + 1, width + 1))
    for s in range(width + 1):
        for r in range(width + 1 - s):
            if s:
                weights[0, s, r] = 1 / (s * math.comb(s + r, r))
            if r:
                weights[1, s, r] = 1 / (r * math.comb(s + r, s))
    return weights


@compiled(f"void({_CONDITIONS}, int64, int64, uint32[:, ::1], uint64[::1])")
def _met(conditions: tuple[Array, ...], start: int, width: int, coded: Array, found: Array) -> None:
    """For each row the set of conditions it meets, of `width` from `start` on, as bits."""
    _, column, low, span, missing, _ = conditions
    for row in range(len(found)):
        found[row] = 0
    for bit in range(width):
        at, one = start + bit, _ONE << np.uint64(bit)
        codes, least, wide = coded[column[at]], low[at], span[at]
        if missing[at]:
            for row in range(len(found)):
                if np.uint32(codes[row] - least) < wide or codes[row] == MISSING:
                    found[row] |= one
        else:
            for row in range(len(found)):
                if np.uint32(codes[row] - least) < wide:
                    found[row] |= one


@compiled("int64(uint64[::1], int64, uint64[::1], int64[::1], int64[::1], uint64[::1])")
def _distinct(patterns: Array, slots: int, keys: Array, numbers: Array, place: Array, known: Array) -> int:
    """How many patterns there are; `known` are they in the order of occurrence, `place` the one of each row.

    `keys` and `numbers` are a hash table of `slots` entries, a power of two that is at least twice the rows or holds
    every pattern there can be.
    """
    count = 0
    for slot in range(slots):
        keys[slot] = _NONE
    for row in range(len(patterns)):
        pattern = patterns[row]
        here = np.int64(pattern) & (slots - 1)
        while keys[here] != pattern:
            if keys[here] == _NONE:
                keys[here], numbers[here], known[count] = pattern, count, pattern
                count += 1
                break
            here = (here + 1) & (slots - 1)
        place[row] = numbers[here]
    return count


@compiled("void(int64[::1], int64, float64[::1])")
def _shared(place: Array, count: int, shares: Array) -> None:
    """The share of the rows that have each of `count` patterns."""
    for pattern in range(count):
        shares[pattern] = 0.0
    for row in range(len(place)):
        shares[place[row]] += 1 / len(place)


@compiled("int64(uint64)")
def _bits(pattern: Any) -> Any:
    count = 0
    while pattern:
        pattern &= pattern - _ONE
        count += 1
    return count


@compiled("void(int64, uint64[::1], int64, uint64[::1], float64[::1], int64, float64[:, :, ::1], float64[:, ::1])")
def _weighed(
    width: int, mine: Array, kinds: int, theirs: Array, shares: Array, others: int, weights: Array, table: Array
) -> None:
    """`table` [k, i]: what condition k is to a row of pattern mine[i], among background rows with these shares.

    Background rows that reach the leaf with a row meet all that it does not, so r is the same for all of them, and so
    is the loss of every condition the row does not meet.
    """
    full = (_ONE << np.uint64(width)) - _ONE
    for i in range(kinds):
        r, lost = width - _bits(mine[i]), 0.0
        for k in range(width):
            table[k, i] = 0.0
        for j in range(others):
            if mine[i] | theirs[j] == full:
                only = full & ~theirs[j]
                s = _bits(only)
                gained = shares[j] * weights[0, s, r]
                lost += shares[j] * weights[1, s, r]
                for k in range(width):
                    if (only >> np.uint64(k)) & _ONE:
                        table[k, i] += gained
        for k in range(width):
            if not (mine[i] >> np.uint64(k)) & _ONE:
                table[k, i] = -lost


@compiled("void(float64, float64[::1], int64[::1], float64[::1])")
def _added(worth: float, parts: Array, place: Array, to: Array) -> None:
    """To each row the part of its pattern, times `worth`."""
    for row in range(len(to)):
        to[row] += worth * parts[place[row]]


@compiled(f"void({_CONDITIONS}, uint32[:, ::1], uint32[:, ::1], float64[:, :, ::1], float64[:, :, ::1], float64[::1])")
def _summed(
    conditions: tuple[Array, ...], rows: Array, reference: Array, weights: Array, values: Array, base: Array
) -> None:
    """Add every leaf's share to `values` (outputs x columns x rows) and `base`."""
    first, column, _, _, _, worth = conditions
    size, others = rows.shape[1], reference.shape[1]
    slots = 2
    while slots < 2 * max(size, others):
        slots *= 2
    keys, numbers = np.empty(slots, np.uint64), np.empty(slots, np.int64)
    met, place, known = np.empty(size, np.uint64), np.empty(size, np.int64), np.empty(size, np.uint64)
    theirs, where, held = np.empty(others, np.uint64), np.empty(others, np.int64), np.empty(others, np.uint64)
    shares, table = np.empty(others), np.empty((weights.shape[1], size))
    for leaf in range(len(first) - 1):
        start, width = first[leaf], first[leaf + 1] - first[leaf]
        room = min(slots, 1 << width)
        _met(conditions, start, width, reference, theirs)
        count = _distinct(theirs, room, keys, numbers, where, held)
        _shared(where, count, shares)
        arrived = 0.0
        for j in range(count):
            if _bits(held[j]) == width:
                arrived = shares[j]
        _met(conditions, start, width, rows, met)
        kinds = _distinct(met, room, keys, numbers, place, known)
        _weighed(width, known, kinds, held, shares, count, weights, table)
        for output in range(len(base)):
            if worth[leaf, output] != 0.0:
                base[output] += worth[leaf, output] * arrived
                for k in range(width):
                    _added(worth[leaf, output], table[k], place, values[output, column[start + k]])
