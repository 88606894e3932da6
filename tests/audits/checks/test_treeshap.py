"""TreeSHAP on made-up ensembles against all coalitions: missing values, ties, shared leaves, odd shapes of trees."""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.ensemble import RandomForestClassifier
from sklearn.tree import DecisionTreeRegressor

from audits.checks import _attribute, _treeshap
from audits.checks._ensembles import Array, Ensemble, TreeArrays
from audits.checks._explainers import tree_model
from audits.checks._paths import Paths
from audits.checks._tasks import Task
from audits.checks._treeshap import explain_trees
from tests.audits.checks.diabetes import patients

COLUMNS, OUTPUTS = 5, 2
#: Few values, so that rows lie on thresholds, and one missing.
VALUES = (-1.0, 0.0, 0.5, 1.0, 2.0, math.nan)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    strict=st.booleans(),
    zero_if_missing=st.frozensets(st.integers(0, COLUMNS - 1), max_size=2),
    missing_if_zero=st.frozensets(st.integers(0, COLUMNS - 1), max_size=2),
    rows=st.integers(1, 12),
    others=st.integers(1, 12),
)
def test_values_equal_those_over_all_coalitions(
    *,
    seed: int,
    strict: bool,
    zero_if_missing: frozenset[int],
    missing_if_zero: frozenset[int],
    rows: int,
    others: int,
) -> None:
    dice = np.random.default_rng(seed)
    trees = [grown(dice, depth=int(dice.integers(0, 7))) for _ in range(3)]
    ensemble = Ensemble(
        trees=trees,
        offset=np.array([0.25, -1.0]),
        strict=strict,
        zero_if_missing=zero_if_missing,
        missing_if_zero=missing_if_zero,
    )
    sample, background = (dice.choice(VALUES, (size, COLUMNS)) for size in (rows, others))
    values, base = explain_trees(Paths.of(ensemble, COLUMNS), sample, background)
    expected = over_all_coalitions(ensemble, sample, background)
    np.testing.assert_allclose(values, expected, atol=1e-9)
    np.testing.assert_allclose(base, walked(ensemble, background).mean(axis=0), atol=1e-9)
    np.testing.assert_allclose(base + values.sum(axis=1), walked(ensemble, sample), atol=1e-9)


def test_only_the_outputs_that_are_wanted_are_told() -> None:
    dice = np.random.default_rng(3)
    ensemble = Ensemble(trees=[grown(dice, 5) for _ in range(4)], offset=np.array([0.5, 2.0]))
    sample, background = (dice.choice(VALUES, (size, COLUMNS)) for size in (8, 6))
    both, bases = explain_trees(Paths.of(ensemble, COLUMNS), sample, background)
    second, base = explain_trees(Paths.of(ensemble, COLUMNS, [1]), sample, background)
    np.testing.assert_array_equal(second[..., 0], both[..., 1])
    np.testing.assert_array_equal(base, bases[1:])


def test_many_rows_are_told_as_few_are(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are taken in pieces, and patterns are looked up in a table that grows with the piece."""
    dice = np.random.default_rng(4)
    grown_tree = DecisionTreeRegressor(random_state=0).fit(dice.normal(size=(400, 9)), dice.normal(size=400))
    mine = tree_model(grown_tree, task(9))
    assert mine is not None
    sample, background = dice.normal(size=(150, 9)), dice.normal(size=(60, 9))
    paths = mine.paths
    assert paths.widest > 7
    whole, base = explain_trees(paths, sample, background)
    one_by_one = np.concatenate([explain_trees(paths, sample[row : row + 1], background)[0] for row in range(150)])
    np.testing.assert_allclose(whole, one_by_one, atol=1e-12)
    monkeypatch.setattr(_treeshap, "_ROWS", 64)
    pieces, base_of_pieces = explain_trees(paths, sample, background)
    np.testing.assert_array_equal(pieces, whole)
    np.testing.assert_array_equal(base_of_pieces, base)


def test_what_no_root_leads_to_is_never_walked() -> None:
    """Nodes 3 and 4 are each other's children, which a file may hold: no node has two parents, and no root is one."""
    ring = TreeArrays(
        left=np.array([1, -1, -1, 4, 3, -1, -1]),
        right=np.array([2, -1, -1, 5, 6, -1, -1]),
        default=np.array([1, -1, -1, 4, 3, -1, -1]),
        feature=np.array([0, -1, -1, 0, 0, -1, -1]),
        threshold=np.zeros(7),
        worth=np.array([[0.0], [1.0], [2.0], [0.0], [0.0], [9.0], [9.0]]),
    )
    paths = Paths.of(Ensemble(trees=[ring], offset=np.zeros(1)), 1)
    assert paths.worth.ravel().tolist() == [1.0, 2.0]


def test_a_forest_with_too_many_leaves_says_that_it_is_not_explained_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = patients()[["age", "bmi", "bp"]]
    forest = RandomForestClassifier(5, max_depth=4, random_state=0).fit(frame, patients()["y"])
    asked = Task("binary_classification", tuple(frame.columns), "y", "1", 0.5)
    assert _attribute.explainer_for(forest, asked).exact
    monkeypatch.setattr(_attribute, "MOST_LEAVES", 50)
    walks = _attribute.explainer_for(forest, asked)
    assert not walks.exact
    assert "leaves are too many for exact values" in walks.method


def test_a_path_of_more_features_than_a_pattern_holds_says_so() -> None:
    width = 70
    one_each = np.eye(width + 1)[:, :width]
    tree = DecisionTreeRegressor(random_state=0).fit(one_each, 2.0 ** np.arange(width + 1))
    mine = tree_model(tree, task(width))
    assert mine is not None
    assert mine.paths.widest > _treeshap.MOST_CONDITIONS
    walks = _attribute.explainer_for(tree, task(width))
    assert not walks.exact
    assert f"a path of {mine.paths.widest} features is too long" in walks.method


def task(width: int) -> Task:
    return Task("regression", tuple(f"x{index}" for index in range(width)), "y", None, None)


def grown(dice: np.random.Generator, depth: int) -> TreeArrays:
    """A tree of random splits on few thresholds, so that columns come again on a path and leaves cannot be reached."""
    left, right, default, feature, threshold, worth = ([] for _ in range(6))  # type: ignore[var-annotated]

    def grow(left_over: int) -> int:
        node = len(left)
        for part in (left, right, default, feature):
            part.append(-1)
        threshold.append(0.0)
        worth.append(dice.normal(size=OUTPUTS) * dice.integers(0, 2, size=OUTPUTS))
        if left_over and dice.random() < 0.8:
            feature[node], threshold[node] = int(dice.integers(0, COLUMNS)), float(dice.choice(VALUES[:-1]))
            left[node] = grow(left_over - 1)
            right[node] = grow(left_over - 1)
            default[node] = (left, right)[int(dice.integers(0, 2))][node]
        return node

    grow(depth)
    return TreeArrays(*(np.array(part) for part in (left, right, default, feature, threshold, worth)))


def walked(ensemble: Ensemble, rows: Array) -> Array:
    """Rows x outputs, one row and one tree after the other."""
    answers = np.tile(ensemble.offset, (len(rows), 1))
    for index, row in enumerate(rows):
        for tree in ensemble.trees:
            node = 0
            while tree.left[node] >= 0:
                node = _next(ensemble, tree, node, row)
            answers[index] += tree.worth[node]
    return answers


def _next(ensemble: Ensemble, tree: TreeArrays, node: int, row: Array) -> int:
    column = int(tree.feature[node])
    value = float(row[column])
    if column in ensemble.zero_if_missing and math.isnan(value):
        value = 0.0
    if column in ensemble.missing_if_zero and abs(value) <= 1e-35:
        value = math.nan
    if math.isnan(value):
        return int(tree.default[node])
    goes = value < tree.threshold[node] if ensemble.strict else value <= tree.threshold[node]
    return int((tree.left if goes else tree.right)[node])


def over_all_coalitions(ensemble: Ensemble, sample: Array, background: Array) -> Array:
    """Rows x columns x outputs from the definition."""
    worth: dict[frozenset[int], Any] = {}
    for size in range(COLUMNS + 1):
        for inside in itertools.combinations(range(COLUMNS), size):
            mixed = np.repeat(background[None], len(sample), axis=0)
            mixed[:, :, list(inside)] = sample[:, None, list(inside)]
            answers = walked(ensemble, mixed.reshape(-1, COLUMNS))
            worth[frozenset(inside)] = answers.reshape(*mixed.shape[:2], -1).mean(axis=1)
    values = np.zeros((len(sample), COLUMNS, OUTPUTS))
    for column, (inside_set, before) in itertools.product(range(COLUMNS), worth.items()):
        if column not in inside_set:
            weight = math.factorial(len(inside_set)) * math.factorial(COLUMNS - len(inside_set) - 1)
            values[:, column] += weight / math.factorial(COLUMNS) * (worth[inside_set | {column}] - before)
    return values
