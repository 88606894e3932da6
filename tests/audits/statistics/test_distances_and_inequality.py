"""Distances and inequality by hand and against SciPy, row by row."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats
from scipy.spatial import distance

from audits.statistics import distances, inequality, resampling

counts = some.lists(some.integers(1, 50), min_size=3, max_size=3)


@given(counts, counts)
def test_divergences_are_scipys(first: list[int], second: list[int]) -> None:
    p, q = np.array(first) / sum(first), np.array(second) / sum(second)
    assert distances.kullback_leibler(p, q) == pytest.approx(stats.entropy(p, q), abs=1e-12)
    assert distances.jensen_shannon(p, q) == pytest.approx(distance.jensenshannon(p, q) ** 2, abs=1e-9)
    assert distances.lp_norm(p, q) == pytest.approx(math.dist(p, q), abs=1e-12)
    assert distances.total_variation(p, q) == pytest.approx(sum(abs(p - q)) / 2, abs=1e-12)


def test_a_label_that_one_group_never_has_is_infinitely_far_by_kullback_and_ln_2_at_most_by_jensen() -> None:
    p, q = np.array([0.5, 0.5]), np.array([1.0, 0.0])
    assert math.isinf(distances.kullback_leibler(p, q))
    assert distances.jensen_shannon(np.array([0.0, 1.0]), q) == pytest.approx(math.log(2))


def test_sample_distances_are_scipys() -> None:
    random = np.random.default_rng(5)
    first, second = random.normal(0, 1, 200).round(1), random.normal(0.5, 2, 300).round(1)
    values = np.unique(np.r_[first, second])
    p, q = ((one[:, None] == values).mean(axis=0) for one in (first, second))
    assert distances.cumulative_gap(p, q) == pytest.approx(stats.ks_2samp(first, second).statistic, abs=1e-12)
    assert distances.wasserstein(values, p, q) == pytest.approx(stats.wasserstein_distance(first, second), abs=1e-12)


@given(some.lists(some.tuples(some.integers(0, 1), some.integers(0, 1)), min_size=1, max_size=60))
def test_inequality_from_three_counts_is_that_of_the_rows(rows: list[tuple[int, int]]) -> None:
    benefit = np.array([p - y + 1 for y, p in rows], dtype=float)
    right, wronged = np.mean(benefit == 1), np.mean(benefit == 2)
    entropy, theil = (index(right, wronged) for index in (inequality.generalized_entropy, inequality.theil))
    if benefit.sum() == 0:
        assert math.isnan(entropy)
        return
    scaled = benefit / benefit.mean()
    assert entropy == pytest.approx(np.mean(scaled**2 - 1) / 2, abs=1e-12)
    logs = np.where(scaled > 0, np.log(np.where(scaled > 0, scaled, 1)), 0)
    assert theil == pytest.approx(np.mean(scaled * logs), abs=1e-12)


def test_resampled_counts_are_the_row_bootstrap() -> None:
    """Same mean and spread as drawing the rows themselves, within what 4,000 draws can tell."""
    cells = np.array([30, 5, 15, 50])
    drawn = resampling.redrawn(cells, 4000, seed=1)
    rows = np.repeat(np.arange(4), cells)
    random = np.random.default_rng(2)
    by_rows = np.array([np.bincount(random.choice(rows, 100), minlength=4) for _ in range(4000)])
    assert drawn.mean(axis=0) == pytest.approx(by_rows.mean(axis=0), abs=0.4)
    assert drawn.std(axis=0) == pytest.approx(by_rows.std(axis=0), rel=0.06)
    assert (drawn.sum(axis=1) == 100).all()


def test_a_statistic_that_is_mostly_undefined_has_no_interval() -> None:
    draws = np.array([math.nan, math.nan, math.inf, 0.5])
    assert resampling.percentile(draws, 0.5, 0.95) is None
