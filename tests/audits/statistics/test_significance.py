"""Tests of hypotheses and their adjustment, against SciPy and worked examples."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy import stats

from audits.statistics import significance

p_values = some.lists(some.floats(0, 1), min_size=1, max_size=30)


def test_large_samples_give_the_chi_square_test_without_correction() -> None:
    ours = significance.two_proportions((56, 70), (48, 80))
    theirs = stats.chi2_contingency([[56, 14], [48, 32]], correction=False).pvalue
    assert ours == pytest.approx(theirs, abs=1e-12)


def test_few_expected_counts_give_fishers_exact_test() -> None:
    ours = significance.two_proportions((1, 10), (5, 8))
    assert ours == pytest.approx(stats.fisher_exact([[1, 9], [5, 3]]).pvalue, abs=1e-12)


def test_equal_certainty_on_both_sides_shows_nothing() -> None:
    assert significance.two_proportions((0, 10), (0, 50)) == 1.0
    assert significance.two_proportions((10, 10), (50, 50)) == 1.0


def test_holm_by_hand() -> None:
    assert significance.holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])


@given(p_values)
def test_benjamini_hochberg_is_scipys(values: list[float]) -> None:
    assert significance.benjamini_hochberg(values) == pytest.approx(stats.false_discovery_control(values), abs=1e-12)


@given(p_values)
def test_adjusting_never_makes_anything_more_significant_nor_changes_the_order(values: list[float]) -> None:
    for adjusted in (significance.holm(values), significance.benjamini_hochberg(values)):
        assert all(after >= before - 1e-15 for before, after in zip(values, adjusted, strict=True))
        assert all(p <= 1 for p in adjusted)
        order = np.argsort(values, kind="stable")
        assert (np.diff(np.array(adjusted)[order]) >= -1e-15).all()


def test_the_least_detectable_difference_is_detected_four_times_of_five() -> None:
    least = significance.minimum_detectable_difference(0.3, 400, 400, 0.95)
    random = np.random.default_rng(1)
    first = random.binomial(400, 0.3 + least / 2, 3000)
    second = random.binomial(400, 0.3 - least / 2, 3000)
    seen = [significance.two_proportions((a, 400), (b, 400)) < 0.05 for a, b in zip(first, second, strict=True)]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.03)
