"""Attributions against brute force, against the real model, and against models that cannot be trusted."""

from __future__ import annotations

import dataclasses
import itertools
import math
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.tree import DecisionTreeClassifier

from audits.checks import _attribute, _sklearn_trees
from audits.checks._explainers import TreeModel
from audits.checks._tasks import Task, read_task
from audits.checks.base import EvidenceError
from audits.checks.explainability_shap import ShapExplanation
from audits.evidence import Evidence
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import measured, number, the

CHECK = ShapExplanation()
FEW = ("age", "sex", "bmi", "bp")

MODELS: dict[str, Any] = {
    "logistic": LogisticRegression(max_iter=1000),
    "boosted": GradientBoostingClassifier(n_estimators=20, random_state=0),
    "histogram": HistGradientBoostingClassifier(max_iter=20),
    "forest": RandomForestClassifier(n_estimators=10, max_depth=4, random_state=0),
    "tree": DecisionTreeClassifier(max_depth=4, random_state=0),
}


@pytest.mark.parametrize("name", MODELS)
def test_every_kind_of_model_is_explained_to_its_own_real_output(name: str, tmp_path: Path) -> None:
    answer = measured(CHECK, patient_evidence(tmp_path, pipeline(MODELS[name])))
    assert number(answer, "additivity_error") < 1e-6
    assert number(answer, "features_covered") == 1.0
    assert number(answer, "rank_stability") > 0.8
    shares = [value.value or 0.0 for value in answer.of("mean_abs_shap_share")]
    assert len(shares) == len(FEATURES)
    assert sum(shares) == pytest.approx(1.0)
    assert number(answer, "top_feature_share") == max(shares)


@pytest.mark.parametrize("estimator", [LinearRegression(), GradientBoostingRegressor(n_estimators=20, random_state=0)])
def test_regressions_are_explained_in_units_of_the_target(estimator: Any, tmp_path: Path) -> None:
    model = pipeline(estimator, target="progression")
    given = patient_evidence(
        tmp_path, model, target="progression", task="regression", positive_label=None, threshold=None
    )
    answer = measured(CHECK, given)
    assert number(answer, "additivity_error") < 1e-4
    assert any("predicted number" in note for note in answer.notes)


@pytest.mark.parametrize("name", ["logistic", "boosted", "histogram", "forest"])
def test_several_classes_are_explained_to_each_of_their_outputs(name: str, tmp_path: Path) -> None:
    frame = patients().iloc[:TRAINING_ROWS]
    model = pipeline(MODELS[name]).fit(frame[list(FEATURES)], np.digitize(frame["progression"], [100, 200]))
    given = patient_evidence(tmp_path, model, task="multiclass_classification", positive_label=None, threshold=None)
    answer = measured(CHECK, given, sample_rows=60, background_rows=30, resamples=200)
    assert number(answer, "additivity_error_relative") < 1e-6
    assert number(answer, "method_agreement") > 0.8


@pytest.mark.parametrize("name", MODELS)
def test_attributions_equal_shapley_values_by_brute_force(name: str) -> None:
    """All 2^4 coalitions; a feature outside takes the background's value, and the answer is the mean over it."""
    model = pipeline(MODELS[name], features=FEW)
    rows, background = _rows(6, 12)
    task = _task()
    explained = _attribute.attribute(model, task, rows, background, seed=1)
    index = list(model.classes_).index(1)
    output = model.decision_function if explained.space == "log-odds" else lambda f: model.predict_proba(f)[:, index]
    np.testing.assert_allclose(explained.phi[..., 0], _brute_force(output, rows, background), atol=1e-9)
    assert explained.base[0] == pytest.approx(float(output(background).mean()), abs=1e-9)


def test_the_walks_of_a_black_box_come_near_brute_force_and_always_add_up() -> None:
    model = pipeline(GaussianNB(), features=FEW)
    rows, background = _rows(5, 60)
    walks = _attribute.explainer_for(model, _task(), "walks")
    explained = _attribute.explain(walks, rows, background, seed=1)
    assert explained.method.startswith("permutation walks")
    assert explained.additivity_error < 1e-12
    exact = _brute_force(lambda f: model.predict_proba(f)[:, 1], rows, background)
    np.testing.assert_allclose(explained.phi[..., 0], exact, atol=0.03)


def test_a_label_that_is_the_first_class_turns_every_sign() -> None:
    rows, background = _rows(6, 12)
    for name in ("logistic", "boosted", "forest"):
        model = pipeline(MODELS[name], features=FEW)
        for_one = _attribute.attribute(model, _task(), rows, background, seed=1)
        for_zero = _attribute.attribute(model, _task(positive="0"), rows, background, seed=1)
        np.testing.assert_allclose(for_zero.phi, -for_one.phi, atol=1e-9)
        assert for_zero.additivity_error < 1e-6


def _rows(explained: int, background: int) -> tuple[Any, Any]:
    frame = patients()[list(FEW)]
    return frame.iloc[-explained:].reset_index(drop=True), frame.iloc[:background].reset_index(drop=True)


def _task(positive: str = "1") -> Task:
    return Task("binary_classification", FEW, "y", positive, 0.5)


def _brute_force(output: Any, rows: Any, background: Any) -> np.ndarray:
    width = rows.shape[1]
    worth: dict[frozenset[int], np.ndarray] = {}
    for size in range(width + 1):
        for inside in itertools.combinations(range(width), size):
            answers = []
            for i in range(len(rows)):
                mixed = background.copy()
                for column in inside:
                    mixed[mixed.columns[column]] = rows.iloc[i, column]
                answers.append(output(mixed).mean())
            worth[frozenset(inside)] = np.array(answers)
    values = np.zeros(rows.shape)
    for feature in range(width):
        for coalition, value in worth.items():
            if feature not in coalition:
                weight = math.factorial(len(coalition)) * math.factorial(width - len(coalition) - 1)
                values[:, feature] += weight / math.factorial(width) * (worth[coalition | {feature}] - value)
    return values


# Known good, known bad ------------------------------------------------------------------------------------------------


def test_a_model_that_decides_by_sex_alone_is_caught(tmp_path: Path) -> None:
    frame = patients().iloc[:TRAINING_ROWS]
    model = pipeline(LogisticRegression())
    model.fit(frame[list(FEATURES)], (frame["sex"] == "m").astype(int))
    answer = measured(CHECK, patient_evidence(tmp_path, model))
    share = the(answer, "sensitive_share")
    assert share.interval is not None
    assert share.interval.low is not None
    assert share.interval.low > 0.6
    assert answer.tables["importance"].rows[0][0] == "sex"


def test_a_model_that_is_not_given_sex_has_no_share_on_it(tmp_path: Path) -> None:
    features = [name for name in FEATURES if name != "sex"]
    given = patient_evidence(tmp_path, pipeline(LogisticRegression(), features=features), features=features)
    assert number(measured(CHECK, given), "sensitive_share") == 0.0


def test_without_a_sensitive_column_the_share_is_unknown_not_zero(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(LogisticRegression()))
    untagged = given.to_document()
    for column in untagged["datasets"]["evaluation"]["columns"]:
        column["tags"] = [tag for tag in column["tags"] if tag != "sensitive"]
    assert the(measured(CHECK, Evidence.from_document(untagged)), "sensitive_share").value is None


def test_an_explanation_of_other_trees_than_the_models_shows_in_the_additivity_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The planted fault: attributions of one model beside the output of another."""
    honest = _attribute.explainer_for

    def of_other_trees(model: Any, *rest: Any) -> Any:
        mine, theirs = honest(model, *rest), honest(pipeline(MODELS["histogram"]), *rest)
        assert isinstance(theirs, TreeModel)
        return dataclasses.replace(theirs, answer=mine.answer)

    monkeypatch.setattr("audits.checks._explain.explainer_for", of_other_trees)
    answer = measured(CHECK, patient_evidence(tmp_path, pipeline(MODELS["boosted"])))
    assert number(answer, "additivity_error") > 0.1


def test_native_categories_are_never_given_to_tree_shap(tmp_path: Path) -> None:
    frame = patients().iloc[:TRAINING_ROWS][list(FEATURES)].copy()
    frame["sex"] = (frame["sex"] == "m").astype(float)
    estimator = HistGradientBoostingClassifier(max_iter=20, categorical_features=["sex"])
    estimator.fit(frame, patients()["y"].iloc[:TRAINING_ROWS])
    assert _sklearn_trees.has_native_categories(estimator)
    task = read_task(patient_evidence(tmp_path).model)
    explained = _attribute.attribute(estimator, task, frame.iloc[:25], frame.iloc[30:40], seed=1)
    assert explained.method.startswith("permutation walks")
    assert explained.additivity_error < 1e-9


def test_a_model_that_answers_the_same_for_everybody_has_no_shares(tmp_path: Path) -> None:
    model = pipeline(LogisticRegression())
    model[-1].coef_ = np.zeros_like(model[-1].coef_)
    answer = measured(CHECK, patient_evidence(tmp_path, model))
    assert the(answer, "top_feature_share").value is None
    assert the(answer, "rank_stability").value is None


def test_the_same_seed_gives_the_same_answer_and_another_seed_another_background(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(MODELS["boosted"]))
    other = Evidence.from_document({**given.to_document(), "seed": 8})
    first = measured(CHECK, given, background_rows=20)
    assert first.to_document() == measured(CHECK, given, background_rows=20).to_document()
    assert first.inputs["background"] != measured(CHECK, other, background_rows=20).inputs["background"]


# Model files that attack ----------------------------------------------------------------------------------------------


def _tampered(model: Any, change: Any) -> Any:
    """The first tree of a boosted model with its node array changed."""
    tree = model[-1].estimators_[0, 0].tree_
    state = tree.__getstate__()
    nodes = state["nodes"].copy()
    change(nodes)
    tree.__setstate__({**state, "nodes": nodes})
    return model


def _child_outside(nodes: Any) -> None:
    nodes["left_child"][0] = 10_000_000


def _child_backwards(nodes: Any) -> None:
    nodes["right_child"][1] = 0


def _feature_outside(nodes: Any) -> None:
    nodes["feature"][0] = 5_000


@pytest.mark.parametrize(
    ("change", "word"),
    [(_child_outside, "child index"), (_child_backwards, "child index"), (_feature_outside, "feature that does not")],
)
def test_tampered_trees_are_refused_before_they_are_asked(change: Any, word: str, tmp_path: Path) -> None:
    model = _tampered(pipeline(GradientBoostingClassifier(n_estimators=3, random_state=0)), change)
    with pytest.raises(EvidenceError, match=word):
        measured(CHECK, patient_evidence(tmp_path, model))


@pytest.mark.parametrize(
    ("field", "value", "word"),
    [("left", 4_000_000, "child index"), ("right", 0, "child index"), ("feature_idx", 900, "feature that does not")],
)
def test_tampered_histogram_trees_are_refused_before_they_are_asked(
    field: str, value: Any, word: str, tmp_path: Path
) -> None:
    model = pipeline(HistGradientBoostingClassifier(max_iter=3))
    model[-1]._predictors[0][0].nodes[field][0] = value
    with pytest.raises(EvidenceError, match=word):
        measured(CHECK, patient_evidence(tmp_path, model))


def test_a_tree_inside_a_forest_may_not_claim_more_columns_than_the_forest(tmp_path: Path) -> None:
    model = pipeline(RandomForestClassifier(n_estimators=2, max_depth=3, random_state=0))
    wide = patients().iloc[:TRAINING_ROWS]
    numbers = np.random.default_rng(0).normal(size=(len(wide), 500))
    numbers[:, 499] = wide["y"]
    model[-1].estimators_[0] = DecisionTreeClassifier(max_depth=3).fit(numbers, wide["y"])
    with pytest.raises(EvidenceError, match="it takes 500 features and its model 11"):
        measured(CHECK, patient_evidence(tmp_path, model))


class NotAllowed:
    """A type no allow-list of ours holds."""

    def predict(self, frame: Any) -> Any:
        return frame


def test_a_type_that_is_not_allowed_is_refused_by_name(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(LogisticRegression()))
    skops.io.dump(NotAllowed(), tmp_path / "model.skops")
    with pytest.raises(EvidenceError, match=r"types that are not allowed here.*NotAllowed"):
        measured(CHECK, given)


def test_a_pickle_called_skops_is_refused_with_the_way_out(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(LogisticRegression()))
    Path(tmp_path / "model.skops").write_bytes(pickle.dumps(pipeline(LogisticRegression())))
    with pytest.raises(EvidenceError, match=r"runs code when it|skops.io.dump"):
        measured(CHECK, given)


def test_a_label_the_model_does_not_know_is_named(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(LogisticRegression()), positive_label="ill")
    with pytest.raises(EvidenceError, match=r"signature.positive_label: ill is not a class"):
        measured(CHECK, given)


def test_an_unknown_feature_is_named(tmp_path: Path) -> None:
    given = patient_evidence(tmp_path, pipeline(LogisticRegression()), features=[*FEATURES, "income"])
    with pytest.raises(EvidenceError, match="income: is not a column"):
        measured(CHECK, given)
