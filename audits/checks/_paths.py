"""The leaves of an ensemble, each with what a row must meet to arrive there. Worker only.

Values become codes first: how many of the thresholds that the ensemble knows of a column send the value to the right.
A condition is then a range of codes, several of one column along a path are one range, and whether a row meets it is
one comparison of whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from audits.checks._compiled import compiled
from audits.checks._ensembles import Array, Ensemble

#: The code of a missing value; no range holds it.
MISSING = np.uint32(0xFFFFFFFF)
#: LightGBM takes what is nearer to 0 than this for 0.
_ZERO = 1e-35
# What the columns of the whole-number tables of `_walked` hold.
_LEFT, _RIGHT, _DEFAULT, _FEATURE, _CODE, _TOLD = range(6)
_LOW, _HIGH, _HOLE, _USES = range(4)
_NODE, _TURN = 3, 4
_LEAVES, _CONDITIONS, _WIDEST = range(3)


@dataclass(frozen=True, slots=True)
class Paths:
    """Leaf i has the conditions first[i]:first[i + 1] and adds `worth[i]`, an entry an output.

    Condition c: the code of `column[c]` is at least `low[c]` and less than `span[c]` above it, or the value is missing
    and `missing[c]`. `cuts` are the thresholds of each column; `widest` is the most conditions a leaf has.
    """

    ensemble: Ensemble
    offset: Array
    cuts: list[Array]
    first: Array
    column: Array
    low: Array
    span: Array
    missing: Array
    worth: Array
    widest: int

    @classmethod
    def of(cls, ensemble: Ensemble, columns: int, chosen: list[int] | None = None) -> Paths:
        """Read every tree; `chosen` are the outputs wanted, all by default. Leaves that add 0 to them are left out."""
        worth = _flat(ensemble, "worth", float)
        outputs = list(range(worth.shape[1])) if chosen is None else chosen
        offset = np.resize(np.asarray(ensemble.offset, dtype=float), worth.shape[1])[outputs]
        worth = worth[:, outputs]
        roots, nodes, cuts = _nodes(ensemble, columns, (worth != 0).any(axis=1))
        tops = np.array([len(one) for one in cuts], dtype=np.int64)
        counted = _walked(roots, nodes, tops, np.zeros((0, 2), np.int64), np.zeros((0, 4), np.int64))
        leaves = np.zeros((counted[_LEAVES], 2), np.int64)
        conditions = np.zeros((counted[_CONDITIONS], 4), np.int64)
        _walked(roots, nodes, tops, leaves, conditions)
        column, low, span, missing = conditions.T
        return cls(
            ensemble=ensemble,
            offset=offset,
            cuts=cuts,
            first=np.append(0, leaves[:, 1]),
            column=column.copy(),
            low=low.astype(np.uint32),
            span=span.astype(np.uint32),
            missing=missing.astype(bool),
            worth=np.ascontiguousarray(worth[leaves[:, 0]]),
            widest=int(counted[_WIDEST]),
        )

    def coded(self, rows: Array) -> Array:
        """Columns x rows: the codes of the values, as the model sees them."""
        ensemble = self.ensemble
        seen = rows.astype(ensemble.seen_as).astype(float)
        found = np.full((rows.shape[1], rows.shape[0]), MISSING)
        side: Any = "right" if ensemble.strict else "left"
        for column, cuts in enumerate(self.cuts):
            values = seen[:, column]
            if column in ensemble.zero_if_missing:
                values = np.nan_to_num(values, nan=0.0)
            present = ~np.isnan(values)
            if column in ensemble.missing_if_zero:
                present &= np.abs(values) > _ZERO
            found[column, present] = np.searchsorted(cuts, values[present], side=side)
        return found


def _flat(ensemble: Ensemble, name: str, kind: Any) -> Array:
    """One array of all trees, one after the other."""
    return np.concatenate([np.asarray(getattr(tree, name), dtype=kind) for tree in ensemble.trees])


def _nodes(ensemble: Ensemble, columns: int, told: Array) -> tuple[Array, Array, list[Array]]:
    """(where each tree begins, the nodes of all trees one after the other, the sorted thresholds of each column)."""
    sizes = [len(tree.left) for tree in ensemble.trees]
    roots = np.append(0, np.cumsum(sizes)[:-1])
    children = [_flat(ensemble, name, np.int64) for name in ("left", "right", "default")]
    feature, threshold = _flat(ensemble, "feature", np.int64), _flat(ensemble, "threshold", float)
    inner = np.flatnonzero(children[0] >= 0)
    codes = np.zeros(len(feature), dtype=np.int64)
    order = inner[np.argsort(feature[inner], kind="stable")]
    cuts = []
    for nodes in np.split(order, np.searchsorted(feature[order], np.arange(1, columns))):
        known, codes[nodes] = np.unique(threshold[nodes], return_inverse=True)
        cuts.append(known)
    shift = np.repeat(roots, sizes)
    placed = [np.where(part < 0, -1, part + shift) for part in children]
    return roots, np.column_stack([*placed, feature, codes, told]).astype(np.int64), cuts


@compiled("void(int64[:, ::1], int64, int64[:, ::1], int64)")
def _copied(from_: Array, at: int, to: Array, there: int) -> None:
    """The range of a column, put away or taken back."""
    for part in range(_USES):
        to[there, part] = from_[at, part]


@compiled("void(int64[:, ::1], int64, int64[:, ::1], int64, int64)")
def _narrowed(ranges: Array, column: int, nodes: Array, here: int, turn: int) -> None:
    """The range of a column on the way to the left child of a node (turn 0) or to the right one."""
    if turn == 0:
        ranges[column, _HIGH] = min(ranges[column, _HIGH], nodes[here, _CODE])
    else:
        ranges[column, _LOW] = max(ranges[column, _LOW], nodes[here, _CODE] + 1)
    if nodes[here, _DEFAULT] != nodes[here, _LEFT + turn]:
        ranges[column, _HOLE] = 0
    ranges[column, _USES] += 1


@compiled("void(int64, int64[::1], int64, int64[:, ::1], int64[::1], int64[:, ::1], int64[:, ::1])")
def _written(here: int, path: Array, width: int, ranges: Array, counted: Array, leaves: Array, to: Array) -> None:
    """Count a leaf, and write it where there is room; not one that no value and no missing one can reach."""
    for step in range(width):
        column = path[step]
        if ranges[column, _LOW] > ranges[column, _HIGH] and ranges[column, _HOLE] == 0:
            return
    leaf, start = counted[_LEAVES], counted[_CONDITIONS]
    counted[_LEAVES], counted[_CONDITIONS] = leaf + 1, start + width
    counted[_WIDEST] = max(counted[_WIDEST], width)
    if leaf < len(leaves):
        leaves[leaf, 0], leaves[leaf, 1] = here, start + width
        for step in range(width):
            column = path[step]
            to[start + step, 0], to[start + step, 1] = column, ranges[column, _LOW]
            to[start + step, 2] = max(0, ranges[column, _HIGH] + 1 - ranges[column, _LOW])
            to[start + step, 3] = ranges[column, _HOLE]


@compiled("int64[::1](int64[::1], int64[:, ::1], int64[::1], int64[:, ::1], int64[:, ::1])")
def _walked(roots: Array, nodes: Array, tops: Array, leaves: Array, conditions: Array) -> Array:
    """Depth first to every leaf that is told and can be reached; writes (node, end of its conditions) to `leaves`.

    Answers the number of leaves, of conditions, and of conditions of one leaf at most; where there is no room in
    `leaves`, it only counts. `tops` is the highest code of each column. Only what a root leads to is visited, so a
    file cannot make it walk in circles.
    """
    counted, path = np.zeros(3, np.int64), np.zeros(len(tops), np.int64)
    ranges, stack = np.zeros((len(tops), 4), np.int64), np.zeros((len(nodes) + 1, 5), np.int64)
    for column in range(len(tops)):
        ranges[column, _HIGH], ranges[column, _HOLE] = tops[column], 1
    for tree in range(len(roots)):
        width = depth = 0
        stack[0, _NODE], stack[0, _TURN] = roots[tree], 0
        while depth >= 0:
            here, turn = stack[depth, _NODE], stack[depth, _TURN]
            asked = nodes[here, _FEATURE]
            if turn > 0:  # back from a child: the range is again what it was before
                _copied(stack, depth, ranges, asked)
                ranges[asked, _USES] -= 1
                width -= int(ranges[asked, _USES] == 0)
            if nodes[here, _LEFT] < 0 or turn > 1:
                if nodes[here, _TOLD] and nodes[here, _LEFT] < 0:
                    _written(here, path, width, ranges, counted, leaves, conditions)
                depth -= 1
                continue
            _copied(ranges, asked, stack, depth)
            if ranges[asked, _USES] == 0:
                path[width] = asked
                width += 1
            _narrowed(ranges, asked, nodes, here, turn)
            stack[depth, _TURN] = turn + 1
            depth += 1
            stack[depth, _NODE], stack[depth, _TURN] = nodes[here, _LEFT + turn], 0
    return counted
