"""Structural check of tree arrays before the first prediction.

A file made only of allowed types can still hold a child index outside its array: compiled code follows it without a
bounds check, and the process reads foreign memory or dies. Both builders of scikit-learn append children after their
parent, so `child > parent` is required, which excludes cycles as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from sklearn.ensemble._forest import BaseForest
from sklearn.ensemble._gb import BaseGradientBoosting
from sklearn.ensemble._hist_gradient_boosting.common import PREDICTOR_RECORD_DTYPE

from audits.checks.base import EvidenceError

_TREE = "sklearn.tree._tree.Tree"
_PREDICTOR = "sklearn.ensemble._hist_gradient_boosting.predictor.TreePredictor"


def check_trees(model: object) -> int:
    """Examine every tree inside `model`; their number. Raises EvidenceError naming the first broken one."""
    count = 0
    for tree, features in _trees(model):
        place = f"tree {count} of the model"
        if _type_name(tree) == _TREE:
            _check_tree(tree, features, place)
        else:
            _check_predictor(tree, features, place)
        count += 1
    return count


def _type_name(value: object) -> str:
    return f"{type(value).__module__}.{type(value).__qualname__}"


def _trees(model: Any) -> Iterator[tuple[Any, int | None]]:
    """Every tree reachable from `model`, with the number of columns its nearest owner says it takes.

    Forests and boosters hand their rows to their trees unchecked, so nothing inside them may claim more columns.
    """
    waiting: list[tuple[Any, int | None, bool]] = [(model, None, False)]
    seen: set[int] = set()
    while waiting:
        item, taken, capped = waiting.pop()
        if isinstance(item, str | bytes | int | float | type(None)) or id(item) in seen:
            continue
        seen.add(id(item))
        if _type_name(item) in (_TREE, _PREDICTOR):
            yield item, taken
            continue
        own = vars(item).get("n_features_in_", taken) if hasattr(item, "__dict__") else taken
        if capped and taken is not None and own is not None:
            own = min(own, taken)
        inside = capped or isinstance(item, BaseForest | BaseGradientBoosting)
        waiting.extend((part, own, inside) for part in _parts(item))


def _parts(item: Any) -> Iterable[Any]:
    """What `item` directly holds."""
    if isinstance(item, dict):
        return item.values()
    if isinstance(item, list | tuple | set | frozenset):
        return item
    if isinstance(item, np.ndarray):
        return item.ravel() if item.dtype == object else ()
    return vars(item).values() if hasattr(item, "__dict__") else ()


def _refuse(place: str, problem: str) -> EvidenceError:
    return EvidenceError("model", f"{place} is damaged or was tampered with: {problem}")


def _check_tree(tree: Any, features: int | None, place: str) -> None:
    nodes = tree.__getstate__()["nodes"]
    size = int(tree.node_count)
    left, right, split = nodes["left_child"].astype(np.int64), nodes["right_child"].astype(np.int64), nodes["feature"]
    if size < 1 or len(nodes) != size or len(tree.__getstate__()["values"]) != size:
        raise _refuse(place, "its arrays differ in length")
    leaf = left == -1
    _check_children(place, left, right, leaf)
    limit = int(tree.n_features) if features is None else features
    if int(tree.n_features) != limit:
        raise _refuse(place, f"it takes {tree.n_features} features and its model {limit}")
    if np.any((split[~leaf] < 0) | (split[~leaf] >= limit)):
        raise _refuse(place, "a split uses a feature that does not exist")


def _check_predictor(predictor: Any, features: int | None, place: str) -> None:
    nodes = getattr(predictor, "nodes", None)
    if not isinstance(nodes, np.ndarray) or nodes.dtype != PREDICTOR_RECORD_DTYPE or nodes.ndim != 1 or not len(nodes):
        raise _refuse(place, "its nodes are not of the expected form")
    leaf = nodes["is_leaf"].astype(bool)
    _check_children(place, nodes["left"].astype(np.int64), nodes["right"].astype(np.int64), leaf, leaves_marked=False)
    inner = nodes[~leaf]
    if features is not None and np.any((inner["feature_idx"] < 0) | (inner["feature_idx"] >= features)):
        raise _refuse(place, "a split uses a feature that does not exist")
    categorical = inner[inner["is_categorical"].astype(bool)]
    for name in ("raw_left_cat_bitsets", "binned_left_cat_bitsets"):
        bitsets = getattr(predictor, name, None)
        if not isinstance(bitsets, np.ndarray) or bitsets.dtype != np.uint32:
            raise _refuse(place, f"its {name} are not of the expected form")
        if len(categorical) and (bitsets.shape[1:] != (8,) or categorical["bitset_idx"].max() >= len(bitsets)):
            raise _refuse(place, "a categorical split points outside its bitsets")


def _check_children(place: str, left: Any, right: Any, leaf: Any, *, leaves_marked: bool = True) -> None:
    size = len(left)
    if leaves_marked and np.any(right[leaf] != -1):
        raise _refuse(place, "a leaf has one child")
    parents = np.arange(size)[~leaf]
    for child in (left[~leaf], right[~leaf]):
        if np.any(child <= parents) or np.any(child >= size):
            raise _refuse(place, "a child index points outside its array or backwards")
