"""XGBoost models in JSON or UBJ. Worker only.

XGBoost follows child indices and looks up features without a bounds check, so the trees are examined as JSON before
the first prediction. Only the formats' plain gradient-boosted trees are taken: the rest is named in the refusal.
"""

from __future__ import annotations

import json
import math
from typing import Any

import numpy as np
import xgboost

from audits.checks._ensembles import MAX_TREES, Array, Ensemble, TreeArrays, damaged, require_tree
from audits.checks.base import EvidenceError
from audits.checks.scorers import Declared, numeric
from audits.evidence import ModelEvidence

#: What each objective adds up: how the base score becomes a margin, and the name of that space.
_IDENTITY, _LOGIT, _LOG = "predicted number", "log-odds", "logarithm of the predicted number"
OBJECTIVES = {
    "binary:logistic": _LOGIT,
    "reg:logistic": _LOGIT,
    "reg:squarederror": _IDENTITY,
    "reg:absoluteerror": _IDENTITY,
    "reg:pseudohubererror": _IDENTITY,
    "count:poisson": _LOG,
    "reg:gamma": _LOG,
    "reg:tweedie": _LOG,
    "multi:softprob": "log-odds of each class",
    "multi:softmax": "log-odds of each class",
}


class XGBoostScorer:
    """A booster asked as a scikit-learn model is."""

    def __init__(self, booster: xgboost.Booster, learner: dict[str, Any], declared: Declared) -> None:
        self.booster = booster
        objective = learner["objective"]["name"]
        self.margin_space = OBJECTIVES[objective]
        self._outputs = max(1, int(learner["learner_model_param"]["num_class"]))
        if objective.startswith(("binary:", "multi:")):
            self.classes_ = declared.classes(max(2, self._outputs))
        self.ensemble = _ensemble(learner, self.margin_space, self._outputs)

    def margin(self, frame: Any) -> Array:
        """Rows x outputs."""
        asked = self.booster.inplace_predict(numeric(frame, np.float32), predict_type="margin", strict_shape=True)
        return np.asarray(asked, dtype=float).reshape(len(frame), self._outputs)

    def predict(self, frame: Any) -> Array:
        """Labels, or numbers in regression."""
        if hasattr(self, "classes_"):
            labels: Array = np.array(self.classes_, dtype=object)[self.predict_proba(frame).argmax(axis=1)]
            return labels
        margins = self.margin(frame)[:, 0]
        if self.margin_space == _LOG:
            return np.exp(margins)
        return _expit(margins) if self.margin_space == _LOGIT else margins

    def predict_proba(self, frame: Any) -> Array:
        """Rows x classes."""
        margins = self.margin(frame)
        if self._outputs == 1:
            positive = _expit(margins[:, 0])
            return np.column_stack([1 - positive, positive])
        raised = np.exp(margins - margins.max(axis=1, keepdims=True))
        shares: Array = raised / raised.sum(axis=1, keepdims=True)
        return shares


def read(model: ModelEvidence) -> XGBoostScorer:
    """The examined booster. Raises EvidenceError."""
    declared = Declared.by(model)
    booster = xgboost.Booster({"nthread": 1})
    try:
        booster.load_model(bytearray(model.path.read_bytes()) if model.path else bytearray())
        learner = json.loads(booster.save_raw("json"))["learner"]
        _require_known(learner)
        count = int(learner["learner_model_param"]["num_feature"])
        declared.require_columns(count, learner.get("feature_names") or ())
        for index, tree in enumerate(_booster(learner)["trees"]):
            _require_tree(f"tree {index} of the model", tree, count)
        return XGBoostScorer(booster, learner, declared)
    except EvidenceError:
        raise
    except (xgboost.core.XGBoostError, ValueError, KeyError, TypeError, IndexError, RecursionError) as error:
        reason = str(error).strip().splitlines()[-1][:300] if str(error).strip() else type(error).__name__
        raise EvidenceError("model", f"the XGBoost file cannot be loaded: {reason}") from error


def _booster(learner: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = learner["gradient_booster"]["model"]
    return found


def _require_known(learner: dict[str, Any]) -> None:
    if (name := learner["gradient_booster"]["name"]) != "gbtree":
        raise EvidenceError("model", f"is an XGBoost {name}; only gbtree can be examined here")
    if (objective := learner["objective"]["name"]) not in OBJECTIVES:
        raise EvidenceError("model", f"has the objective {objective}; known are {', '.join(OBJECTIVES)}")
    if int(learner["learner_model_param"].get("num_target", 1)) > 1:
        raise EvidenceError("model", "answers more than one number a row")
    trees, groups = _booster(learner)["trees"], _booster(learner)["tree_info"]
    outputs = max(1, int(learner["learner_model_param"]["num_class"]))
    if len(trees) > MAX_TREES:
        raise EvidenceError("model", f"has {len(trees)} trees; {MAX_TREES} at most are examined")
    if not trees or len(groups) != len(trees) or any(not 0 <= group < outputs for group in groups):
        raise damaged("the list of trees", "it does not say which output each tree belongs to")


def _require_tree(place: str, tree: dict[str, Any], count: int) -> None:
    if int(tree["tree_param"]["size_leaf_vector"]) > 1 or any(tree["split_type"]) or tree["categories"]:
        raise EvidenceError("model", f"{place} splits on categories or answers vectors, which cannot be examined here")
    left = np.asarray(tree["left_children"], dtype=np.int64)
    if len(tree["split_conditions"]) != len(left) or len(tree["default_left"]) != len(left):
        raise damaged(place, "its arrays differ in length")
    right, feature = np.asarray(tree["right_children"], np.int64), np.asarray(tree["split_indices"], np.int64)
    require_tree(place, left, right, feature, count)


def _ensemble(learner: dict[str, Any], space: str, outputs: int) -> Ensemble:
    scores = json.loads(learner["learner_model_param"]["base_score"])
    given = np.atleast_1d(np.asarray(scores, dtype=float))
    offset = np.array([_margin_of(float(score), space) for score in given], dtype=np.float64)
    groups = _booster(learner)["tree_info"]
    trees = [_arrays(tree, group, outputs) for tree, group in zip(_booster(learner)["trees"], groups, strict=True)]
    return Ensemble(trees=trees, offset=np.resize(offset, outputs), strict=True, seen_as=np.float32)


def _margin_of(score: float, space: str) -> float:
    """The base score is kept as an answer; the trees add to a margin. Raises ValueError for an impossible one."""
    if space == _LOGIT:
        return math.log(score / (1 - score))
    return math.log(score) if space == _LOG else score


def _arrays(tree: dict[str, Any], group: int, outputs: int) -> TreeArrays:
    left, right = (np.asarray(tree[name], dtype=np.int64) for name in ("left_children", "right_children"))
    conditions = np.asarray(tree["split_conditions"], dtype=np.float32).astype(float)
    values = np.zeros((len(left), outputs))
    values[:, group] = np.where(left < 0, conditions, 0.0)
    return TreeArrays(
        left=left,
        right=right,
        default=np.where(np.asarray(tree["default_left"], dtype=bool), left, right),
        feature=np.where(left < 0, -1, np.asarray(tree["split_indices"], dtype=np.int64)),
        threshold=np.where(left < 0, 0.0, conditions),
        worth=values,
    )


def _expit(margins: Array) -> Array:
    with np.errstate(over="ignore"):
        squeezed: Array = 1 / (1 + np.exp(-margins))
    return squeezed
