"""Sums over redrawn rows, held against drawing the rows themselves."""

from __future__ import annotations

import numpy as np

from audits.checks._redrawn import normalised, redrawn_sums


def test_sums_are_those_of_the_rows_that_were_drawn() -> None:
    values = np.random.default_rng(1).random((30, 4))
    dice = np.random.default_rng(7)
    expected = np.array([values[dice.integers(0, 30, 30)].sum(axis=0) for _ in range(50)])
    np.testing.assert_allclose(redrawn_sums(values, 50, 7)[:, 0], expected, rtol=1e-12)


def test_groups_share_the_rows_of_one_draw() -> None:
    values, groups = np.random.default_rng(2).random((40, 3)), np.arange(40) % 3
    parted = redrawn_sums(values, 60, 5, groups=groups, count=4)
    np.testing.assert_allclose(parted.sum(axis=1), redrawn_sums(values, 60, 5)[:, 0], rtol=1e-12)
    assert not parted[:, 3].any()
    alone = np.where((groups == 1)[:, None], values, 0.0)
    np.testing.assert_allclose(parted[:, 1], redrawn_sums(alone, 60, 5)[:, 0], rtol=1e-12)


def test_a_resample_in_which_nothing_was_drawn_has_no_shares() -> None:
    np.testing.assert_array_equal(normalised(np.array([[0.0, 0.0], [1.0, 3.0]])), [[0.0, 0.0], [0.25, 0.75]])
