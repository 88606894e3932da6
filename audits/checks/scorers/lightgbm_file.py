"""LightGBM models in their text format. Worker only.

The text is read here first, section by section, and every tree must prove to be one. LightGBM then sees a text written
anew from what was examined, never the file: it trusts the sizes in a file's head, and dies of a damaged list of
parameters. In the file a child below zero is the leaf ~child; here leaves follow the inner nodes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import lightgbm
import numpy as np

from audits.checks._ensembles import MAX_TREES, Array, Ensemble, TreeArrays, damaged, require_tree
from audits.checks.base import EvidenceError
from audits.checks.scorers import Declared, numeric
from audits.evidence import ModelEvidence

_DEFAULT_LEFT = 2
_MISSING_ZERO, _MISSING_NAN = 1, 2
_UNNAMED = re.compile(r"Column_\d+")
_LOG = frozenset({"poisson", "gamma", "tweedie"})
_PLAIN = frozenset({"regression", "regression_l1", "huber", "fair", "quantile", "mape"})
_KNOWN = (*sorted(_PLAIN | _LOG), "binary", "multiclass")
_HEAD = (
    "version",
    "num_class",
    "num_tree_per_iteration",
    "label_index",
    "max_feature_idx",
    "objective",
    "feature_names",
    "feature_infos",
)
_TREE = (
    "num_leaves",
    "num_cat",
    "split_feature",
    "threshold",
    "decision_type",
    "left_child",
    "right_child",
    "leaf_value",
    "is_linear",
    "shrinkage",
)
Section = dict[str, str]


class LightGBMScorer:
    """A booster asked as a scikit-learn model is."""

    def __init__(self, head: Section, trees: list[Section], declared: Declared) -> None:
        self.booster = lightgbm.Booster(model_str=_written_anew(head, trees))
        objective = head["objective"].split()[0]
        self._outputs = int(head["num_tree_per_iteration"])
        self._logarithm = objective in _LOG
        self.margin_space = "logarithm of the predicted number" if self._logarithm else "predicted number"
        if objective in {"binary", "multiclass"}:
            self.classes_ = declared.classes(max(2, self._outputs))
            self.margin_space = "log-odds" if objective == "binary" else "log-odds of each class"
        self.ensemble = _ensemble(trees, self._outputs)

    def _ask(self, frame: Any, **how: Any) -> Array:
        answered = self.booster.predict(numeric(frame, np.float64), num_threads=1, **how)
        return np.asarray(answered, dtype=float).reshape(len(frame), -1)

    def margin(self, frame: Any) -> Array:
        """Rows x outputs."""
        return self._ask(frame, raw_score=True)

    def predict(self, frame: Any) -> Array:
        """Labels, or numbers in regression."""
        if hasattr(self, "classes_"):
            labels: Array = np.array(self.classes_, dtype=object)[self.predict_proba(frame).argmax(axis=1)]
            return labels
        return self._ask(frame)[:, 0]

    def predict_proba(self, frame: Any) -> Array:
        """Rows x classes."""
        answered = self._ask(frame)
        return np.column_stack([1 - answered, answered]) if self._outputs == 1 else answered


def read(model: ModelEvidence) -> LightGBMScorer:
    """The examined booster. Raises EvidenceError."""
    declared = Declared.by(model)
    try:
        text = model.path.read_text(encoding="utf-8") if model.path else ""
        head, *trees = _sections(text)
        _require_known(head, trees)
        count = int(head["max_feature_idx"]) + 1
        names = head["feature_names"].split()
        known = [] if all(_UNNAMED.fullmatch(name) for name in names) else names
        # LightGBM writes a space in a name as an underscore.
        spaced = {feature.replace(" ", "_"): feature for feature in declared.features}
        declared.require_columns(count, [spaced.get(name, name) for name in known])
        for index, tree in enumerate(trees):
            _require_tree(f"tree {index} of the model", tree, count)
        return LightGBMScorer(head, trees, declared)
    except EvidenceError:
        raise
    except (lightgbm.basic.LightGBMError, ValueError, KeyError, TypeError, IndexError) as error:
        raise EvidenceError("model", f"the LightGBM file cannot be loaded: {str(error)[:300]}") from error


def _sections(text: str) -> Iterator[Section]:
    """The head, then every tree: `name=value` lines up to the next `Tree=` or `end of trees`."""
    before, end, _ = text.partition("\nend of trees")
    if not end:
        raise damaged("the model file", "the trees have no end")
    for part in re.split(r"\n(?=Tree=\d+)", before):
        yield dict(line.split("=", 1) for line in part.splitlines() if "=" in line)


def _written_anew(head: Section, trees: list[Section]) -> str:
    """The model with known entries only, and without the sizes by which LightGBM would cut it into trees."""
    parts = ["tree", *(f"{name}={head[name]}" for name in _HEAD if name in head), ""]
    for index, tree in enumerate(trees):
        parts += [f"Tree={index}", *(f"{name}={tree[name]}" for name in _TREE if name in tree), "", ""]
    return "\n".join([*parts, "end of trees", "", "parameters:", "[boosting: gbdt]", "end of parameters", ""])


def _require_known(head: Section, trees: list[Section]) -> None:
    objective = head.get("objective", "none").split()
    if objective[0] not in _KNOWN or "sqrt" in objective:
        raise EvidenceError("model", f"has the objective {' '.join(objective)}; known are {', '.join(_KNOWN)}")
    if "average_output" in head or any("average_output" in tree for tree in trees):
        raise EvidenceError("model", "averages its trees, which cannot be examined here; use boosting=gbdt")
    outputs = int(head["num_tree_per_iteration"])
    if outputs < 1 or (outputs > 1) != (objective[0] == "multiclass"):
        raise damaged("the head of the file", "its objective and its number of outputs contradict each other")
    if not trees or len(trees) % outputs:
        raise damaged("the list of trees", "it is no multiple of the number of outputs")
    if len(trees) > MAX_TREES:
        raise EvidenceError("model", f"has {len(trees)} trees; {MAX_TREES} at most are examined")


def _numbers(tree: Section, name: str, size: int, kind: Any, place: str) -> Array:
    found = np.array(tree.get(name, "").split(), dtype=kind)
    if len(found) != size:
        raise damaged(place, f"{name} has {len(found)} entries where {size} belong")
    return found


def _require_tree(place: str, tree: Section, count: int) -> None:
    if int(tree.get("num_cat", 0)) or int(tree.get("is_linear", 0)):
        raise EvidenceError(
            "model", f"{place} splits on categories or holds linear leaves, which cannot be examined here"
        )
    left, right, feature = _children(tree, place)
    require_tree(place, left, right, feature, count)


def _children(tree: Section, place: str) -> tuple[Array, Array, Array]:
    """Children and features of inner nodes followed by leaves. A leaf that is out of range stays so."""
    leaves = int(tree["num_leaves"])
    inner = leaves - 1
    if not 1 <= leaves <= 1 << 20:
        raise damaged(place, f"it claims {leaves} leaves")
    padding = np.full(leaves, -1, dtype=np.int64)
    sides = []
    for name in ("left_child", "right_child"):
        children = _numbers(tree, name, inner, np.int64, place)
        sides.append(np.concatenate([np.where(children < 0, inner + ~children, children), padding]))
        if np.any(children >= inner):
            raise damaged(place, "a child index points outside its array")
    feature = np.concatenate([_numbers(tree, "split_feature", inner, np.int64, place), padding])
    for name in ("threshold", "decision_type"):
        _numbers(tree, name, inner, float, place)
    _numbers(tree, "leaf_value", leaves, float, place)
    return sides[0], sides[1], feature


def _ensemble(trees: list[Section], outputs: int) -> Ensemble:
    arrays: list[TreeArrays] = []
    missing: dict[int, int] = {}
    for index, tree in enumerate(trees):
        place = f"tree {index} of the model"
        left, right, feature = _children(tree, place)
        leaves = int(tree["num_leaves"])
        inner = leaves - 1
        kinds = _numbers(tree, "decision_type", inner, np.int64, place)
        for column, kind in zip(feature[:inner].tolist(), (kinds >> 2 & 3).tolist(), strict=True):
            if missing.setdefault(column, kind) != kind:
                raise EvidenceError("model", f"treats missing values of column {column} in two ways")
        values = np.zeros((inner + leaves, outputs))
        values[inner:, index % outputs] = _numbers(tree, "leaf_value", leaves, float, place)
        goes_left = np.concatenate([(kinds & _DEFAULT_LEFT) > 0, np.zeros(leaves, dtype=bool)])
        threshold = np.concatenate([_numbers(tree, "threshold", inner, float, place), np.zeros(leaves)])
        arrays.append(TreeArrays(left, right, np.where(goes_left, left, right), feature, threshold, values))
    return Ensemble(
        trees=arrays,
        offset=np.zeros(outputs),
        zero_if_missing=frozenset(
            column for column, kind in missing.items() if kind not in (_MISSING_ZERO, _MISSING_NAN)
        ),
        missing_if_zero=frozenset(column for column, kind in missing.items() if kind == _MISSING_ZERO),
    )
