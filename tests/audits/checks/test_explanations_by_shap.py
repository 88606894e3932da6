"""shap's own explainers over models that can only be asked, and beside our own of trees and linear models."""

from __future__ import annotations

import dataclasses
import itertools
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shap
from scipy.cluster.hierarchy import linkage
from scipy.spatial.distance import squareform
from sklearn.ensemble import (
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.naive_bayes import GaussianNB

from audits.checks import _asked, _attribute
from audits.checks._asked import WAYS, Asked, explainer_by_asking, second_opinion
from audits.checks._crosscheck import beside_shap
from audits.checks._explainers import TreeModel, Walks
from audits.checks._tasks import BINARY, MULTICLASS, REGRESSION, Task, read_task
from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.explainability_shap import ShapExplanation
from audits.checks.scorers import read_artifact
from tests.audits.checks.diabetes import FEATURES, TRAINING_ROWS, patient_evidence, patients, pipeline
from tests.audits.checks.evidence_files import measured, number, the
from tests.audits.checks.scorers.trained import full_evidence

COLUMNS = list("abcd")


def worth(frame: pd.DataFrame) -> Any:
    """Four columns in interaction, one of them text and one with missing values; two outputs."""
    numbers = frame["a"].fillna(2.0) * (frame["b"] == "x") + np.tanh(frame["c"]) * frame["d"]
    return np.column_stack([numbers, -2 * numbers]).astype(float)


def people(rows: int, seed: int) -> pd.DataFrame:
    dice = np.random.default_rng(seed)
    frame = pd.DataFrame(dice.normal(size=(rows, 4)), columns=COLUMNS)
    frame["c"] = frame["c"].round(6) * 1e-6 + 1e6  # near-equal numbers, which shap alone would take for one
    frame["d"] = frame["a"] + 0.1 * frame["d"]
    frame["b"] = np.where(dice.random(rows) < 0.5, "x", "y")
    return frame.assign(a=frame["a"].where(dice.random(rows) < 0.8))


def brute_force(rows: pd.DataFrame, background: pd.DataFrame) -> Any:
    """Mean over all 24 orders of what each feature adds as it enters, rows x features x outputs."""
    values = np.zeros((len(rows), 4, 2))
    orders = list(itertools.permutations(range(4)))
    for index in range(len(rows)):
        for order in orders:
            mixed = background.copy()
            before = worth(mixed).mean(axis=0)
            for feature in order:
                mixed[COLUMNS[feature]] = rows[COLUMNS[feature]].iloc[index]
                after = worth(mixed).mean(axis=0)
                values[index, feature] += (after - before) / len(orders)
                before = after
    return values


def by(way: str) -> Asked:
    return Asked(way, worth, "units", frozenset(COLUMNS))


def test_every_coalition_gives_the_shapley_values_of_text_missing_and_near_equal_values() -> None:
    rows, background = people(4, 1), people(120, 2)
    found = _attribute.explain(by("exact"), rows, background, 7)
    np.testing.assert_allclose(found.phi, brute_force(rows, background), atol=1e-9)
    np.testing.assert_allclose(found.base, worth(background).mean(axis=0), atol=1e-9)
    assert found.relative_error < 1e-9


@pytest.mark.parametrize(("way", "near"), [("permutation", 0.05), ("kernel", 0.05), ("partition", 1.0)])
def test_other_ways_add_up_to_the_real_answer_and_repeat(way: str, near: float) -> None:
    rows, background = people(6, 3), people(120, 4)
    found = _attribute.explain(by(way), rows, background, 7)
    again = _attribute.explain(by(way), rows, background, 7)
    assert found.relative_error < 1e-9
    assert found.phi.tobytes() == again.phi.tobytes()
    np.testing.assert_allclose(found.phi, brute_force(rows, background), atol=near)
    assert shap.__version__ in found.method


def test_partition_values_are_those_of_the_partition_explainer() -> None:
    """Which asks ten times as much for them, and only comes near with fewer questions."""
    numbers = people(80, 5).drop(columns="b").fillna(0.0).assign(c=lambda f: f["c"] - 1e6)
    rows, background = numbers.iloc[:5], numbers.iloc[5:].reset_index(drop=True)

    def ask(frame: Any) -> Any:
        return (frame["a"] * frame["c"] + np.tanh(frame["d"] * frame["a"])).to_numpy()[:, None]

    mine = Asked("partition", ask, "units", frozenset(numbers)).explain(rows, background, 1)[1][:, :, 0]
    tree = linkage(squareform(1 - _asked._relation(background), checks=False), "average")
    masker = shap.maskers.Partition(background.to_numpy(), max_samples=len(background), clustering=tree)
    explainer = shap.PartitionExplainer(lambda m: ask(pd.DataFrame(m, columns=numbers.columns))[:, 0], masker)
    np.testing.assert_allclose(mine, explainer(rows.to_numpy(), max_evals=10_000, silent=True).values, atol=1e-9)


def test_walks_come_nearer_than_permutations_with_as_many_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """Why they stay: each background row has an order of its own, where shap walks one order over all of them."""
    monkeypatch.setattr(_asked, "_ORDERS", 1)
    dice = np.random.default_rng(0)
    frame = pd.DataFrame(dice.normal(size=(70, 7)), columns=list("abcdefg"))
    inner, outer = dice.normal(size=(7, 12)), dice.normal(size=(12, 1))
    asked = {"rows": 0}

    def answer(given: pd.DataFrame) -> Any:
        asked["rows"] += len(given)
        return np.tanh(given.to_numpy() @ inner) @ outer

    rows, background = frame.iloc[:10], frame.iloc[10:].reset_index(drop=True)
    ways: dict[str, Any] = {name: Asked(name, answer, "", frozenset(frame)) for name in ("exact", "permutation")}
    ways["walks"] = Walks(answer, "", frozenset(frame))
    found, questions = {}, {}
    for name, explainer in ways.items():
        asked["rows"] = 0
        found[name] = explainer.explain(rows, background, 1)[1]
        questions[name] = asked["rows"]
    error = {name: np.sqrt(((found[name] - found["exact"]) ** 2).mean()) for name in ("walks", "permutation")}
    assert questions["walks"] < 1.2 * questions["permutation"]
    assert error["walks"] < 0.6 * error["permutation"]


# The rule -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("asking", "features", "method"),
    [
        ("auto", 6, "every coalition by ExactExplainer"),
        ("auto", 7, "permutation walks"),
        ("walks", 3, "permutation walks"),
        ("exact", 7, "every coalition by ExactExplainer"),
        ("permutation", 7, "PermutationExplainer"),
        ("partition", 7, "Owen values"),
        ("kernel", 7, "KernelExplainer"),
    ],
)
def test_the_explainer_of_what_can_only_be_asked_is_chosen_by_rule(asking: str, features: int, method: str) -> None:
    chosen = explainer_by_asking(asking, worth, "units", [f"x{index}" for index in range(features)])
    assert method in chosen.method
    assert chosen.asks


def test_walks_get_their_second_opinion_by_the_correlation_of_columns() -> None:
    background = people(120, 6)
    walks = Walks(worth, "units", frozenset(COLUMNS))
    assert second_opinion(walks, background, 0.7).way == "partition"  # a and d are the same but for noise
    assert second_opinion(walks, background.drop(columns="d"), 0.7).way == "permutation"


def test_exact_values_of_many_features_are_refused_with_the_number() -> None:
    frame = pd.DataFrame(np.zeros((20, 13)), columns=[f"x{index}" for index in range(13)])
    with pytest.raises(EvidenceError, match="asking: exact takes 12 features at most; the model has 13"):
        by("exact").explain(frame, frame, 1)


def test_an_unknown_way_of_asking_is_refused_by_name() -> None:
    with pytest.raises(ParameterError, match="asking: must be one of auto, exact, walks"):
        parse_parameters(ShapExplanation(), {"asking": "lime"})
    assert set(WAYS) < {"auto", "exact", "walks", "permutation", "partition", "kernel"}


def test_a_model_with_few_features_is_explained_exactly_in_the_check(tmp_path: Path) -> None:
    features = ["age", "sex", "bmi", "bp"]
    given = patient_evidence(tmp_path, pipeline(GaussianNB(), features=features), features=features)
    answer = measured(ShapExplanation(), given, walked_rows=40, background_rows=20, resamples=200)
    assert any("ExactExplainer" in note for note in answer.notes)
    assert number(answer, "additivity_error_relative") < 1e-9
    assert number(answer, "rerun_difference") == 0.0
    assert number(answer, "rows_explained") <= 40
    assert number(answer, "method_agreement") > 0.9
    assert the(answer, "library_agreement").value is None


@pytest.mark.slow
@pytest.mark.parametrize("asking", ["auto", "permutation", "partition", "kernel"])
def test_a_neural_network_is_explained_by_each_way_a_policy_asks_for(asking: str, tmp_path: Path) -> None:
    answer = measured(
        ShapExplanation(),
        full_evidence(tmp_path, "onnx", "binary"),
        asking=asking,
        walked_rows=40,
        background_rows=20,
        resamples=200,
    )
    assert number(answer, "additivity_error_relative") < 1e-6
    assert number(answer, "method_agreement") > 0.8


# Beside our own -------------------------------------------------------------------------------------------------------


def compared(model: Any, task: Task, frame: pd.DataFrame) -> dict[str, Any]:
    explainer = _attribute.explainer_for(model, task)
    rows, background = frame.iloc[-20:].reset_index(drop=True), frame.iloc[:20].reset_index(drop=True)
    return {value.metric: value for value in beside_shap(explainer, rows, background, 0.95)}


@pytest.mark.parametrize(
    "estimator",
    [
        LogisticRegression(max_iter=1000),
        GradientBoostingClassifier(n_estimators=20, random_state=0),
        HistGradientBoostingClassifier(max_iter=30),
        RandomForestClassifier(n_estimators=10, max_depth=6, random_state=0),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
@pytest.mark.parametrize("positive", ["0", "1"])
def test_shap_finds_the_same_of_every_kind_of_classifier(estimator: Any, positive: str) -> None:
    """The patients' values lie on thresholds, where shap alone would be up to 6 % of the answer off in every row."""
    task = Task("binary_classification", FEATURES, "y", positive, 0.5)
    found = compared(pipeline(estimator), task, patients()[list(FEATURES)])
    assert found["library_agreement"].value == 1.0
    assert found["library_difference"].value < 1e-6


@pytest.mark.parametrize("estimator", [LinearRegression(), RandomForestRegressor(10, max_depth=5, random_state=0)])
def test_shap_finds_the_same_of_regressions(estimator: Any) -> None:
    task = Task("regression", FEATURES, "progression", None, None)
    found = compared(pipeline(estimator, target="progression"), task, patients()[list(FEATURES)])
    assert found["library_agreement"].value == 1.0


@pytest.mark.parametrize("form", ["xgboost-json", "lightgbm-text"])
@pytest.mark.parametrize("kind", ["binary", "number", "three"])
def test_shap_finds_the_same_of_boosters(form: str, kind: str, tmp_path: Path) -> None:
    given = full_evidence(tmp_path, form, kind)
    task = read_task(given.model, (BINARY, MULTICLASS, REGRESSION))
    found = compared(read_artifact(given.model), task, patients()[list(task.features)])
    if (form, kind) == ("lightgbm-text", "three"):
        assert "shap answers 1 outputs, and the model has 3" in found["library_agreement"].not_estimable
        return
    assert found["library_agreement"].value == 1.0
    assert found["library_difference"].value < 1e-5


def test_what_shap_cannot_explain_is_said_and_not_counted_as_agreement() -> None:
    classes = np.digitize(patients()["progression"], [100, 200])[:TRAINING_ROWS]
    model = GradientBoostingClassifier(n_estimators=5).fit(patients()[["age", "bmi", "bp"]][:TRAINING_ROWS], classes)
    task = Task("multiclass_classification", ("age", "bmi", "bp"), "y", None, None)
    found = compared(model, task, patients()[["age", "bmi", "bp"]])
    assert found["library_agreement"].value is None
    assert "shap cannot explain this model" in found["library_agreement"].not_estimable


def test_attributions_of_other_trees_disagree() -> None:
    """The planted fault: our reading of one forest beside shap's of another."""
    task = Task("binary_classification", FEATURES, "y", "1", 0.5)
    mine, other = (
        _attribute.explainer_for(pipeline(GradientBoostingClassifier(n_estimators=n, random_state=0)), task)
        for n in (20, 10)
    )
    assert isinstance(mine, TreeModel)
    assert isinstance(other, TreeModel)
    wrong = dataclasses.replace(mine, original=other.original)
    frame = patients()[list(FEATURES)]
    [agreement, difference] = beside_shap(wrong, frame.iloc[-20:].reset_index(drop=True), frame.iloc[:20], 0.95)
    assert (agreement.value or 0.0) < 0.5
    assert (difference.value or 0.0) > 0.01


def test_importing_the_explainers_compiles_nothing_and_leaves_compiling_on() -> None:
    code = (
        "import audits.checks._asked, numba, shap.utils._masked_model as m;"
        "print(numba.config.DISABLE_JIT, type(m._build_fixed_output).__name__)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert told in (["0", "function"], ["False", "function"])
