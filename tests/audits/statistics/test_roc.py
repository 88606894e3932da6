"""Areas under the curve against counting all pairs, scikit-learn, and resampling."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from audits.statistics import roc


def pairs(positives: np.ndarray, negatives: np.ndarray) -> float:
    """By the definition: every pair once, ties half."""
    above = (positives[:, None] > negatives[None, :]).mean()
    return float(above + (positives[:, None] == negatives[None, :]).mean() / 2)


@pytest.mark.parametrize("decimals", [1, 2, 12])
def test_the_area_is_the_share_of_pairs_in_order_and_what_scikit_learn_says(decimals: int) -> None:
    random = np.random.default_rng(decimals)
    positives, negatives = random.beta(3, 2, 80).round(decimals), random.beta(2, 3, 130).round(decimals)
    found = roc.of_scores(positives, negatives)
    assert found is not None
    assert found.value == pytest.approx(pairs(positives, negatives), abs=1e-12)
    labels = np.r_[np.ones(80), np.zeros(130)]
    assert found.value == pytest.approx(roc_auc_score(labels, np.r_[positives, negatives]), abs=1e-12)


def test_delongs_interval_agrees_with_resampling_the_rows() -> None:
    random = np.random.default_rng(2)
    positives, negatives = random.normal(1, 1, 120), random.normal(0, 1, 200)
    found = roc.of_scores(positives, negatives)
    assert found is not None
    drawn = [
        again.value
        for _ in range(2000)
        if (again := roc.of_scores(random.choice(positives, 120), random.choice(negatives, 200))) is not None
    ]
    interval = roc.interval(found, 0.95)
    assert (interval.low, interval.high) == pytest.approx(tuple(np.quantile(drawn, [0.025, 0.975])), abs=0.012)


def test_perfect_order_of_few_rows_is_not_certainty() -> None:
    found = roc.of_scores(np.array([0.9, 0.8]), np.array([0.1, 0.2, 0.3]))
    assert found is not None
    interval = roc.interval(found, 0.95)
    assert (found.value, interval.high) == (1.0, 1.0)
    assert interval.low is not None
    assert interval.low < 0.3


def test_one_side_alone_has_no_area() -> None:
    assert roc.of_scores(np.array([0.1]), np.array([])) is None


def test_whole_weights_count_like_repeated_rows() -> None:
    positives, negatives = np.array([2.0, 0, 3]), np.array([1.0, 4, 0])
    repeated = roc.of_scores(np.repeat([0.0, 1, 2], [2, 0, 3]), np.repeat([0.0, 1, 2], [1, 4, 0]))
    assert roc.area(positives, negatives) == repeated


def test_differences_of_equal_models_straddle_zero_and_of_unlike_ones_do_not() -> None:
    random = np.random.default_rng(3)
    strong = roc.of_scores(random.normal(2, 1, 500), random.normal(0, 1, 500))
    weak = roc.of_scores(random.normal(0.2, 1, 500), random.normal(0, 1, 500))
    assert strong is not None
    assert weak is not None
    apart, none = roc.difference(strong, weak, 0.95), roc.difference(strong, strong, 0.95)
    assert apart.low is not None
    assert apart.low > 0.2
    assert none.low is not None
    assert none.low < 0
    value, widest = roc.widest([strong, weak, weak], 0.95)
    assert value == pytest.approx(strong.value - weak.value)
    assert widest.low is not None
    assert 0.2 < widest.low < apart.low
