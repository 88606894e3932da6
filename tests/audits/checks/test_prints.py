"""Fingerprints of rows are found again, counted and placed as NumPy's slower ways would have it."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from audits.checks._prints import held, prints, repeated
from audits.checks._single import bins_of

#: Beyond two blocks of cells, and not a multiple of one.
MANY = 40_001
few = st.lists(st.integers(0, 12) | st.integers(0, 2**64 - 1), max_size=30).map(
    lambda cells: np.array(cells, np.uint64)
)
cells_of = st.lists(st.floats(-5, 5) | st.just(float("nan")), max_size=40).map(
    lambda cells: np.array(cells, np.float64)
)


@given(ours=few, theirs=few)
def test_what_is_held_is_what_occurs_in_both(ours: np.ndarray, theirs: np.ndarray) -> None:
    assert held(ours, theirs).tolist() == np.isin(ours, theirs).tolist()


@given(rows=few)
def test_repeated_rows_are_those_beyond_the_distinct_ones(rows: np.ndarray) -> None:
    assert repeated(rows) == rows.size - len(set(rows.tolist()))


def test_the_print_of_a_cell_does_not_depend_on_where_it_stands() -> None:
    cells = np.random.default_rng(3).normal(size=MANY)
    cells[::7] = np.nan
    for digits in (None, 4):
        whole, turned = prints(cells, "bmi", digits), prints(cells[::-1], "bmi", digits)
        assert np.array_equal(whole, turned[::-1])
        assert np.unique(whole[::7]).size == 1
    assert held(prints(cells, "bmi"), prints(cells[MANY // 2 :], "bmi"))[MANY // 2 :].all()


@given(learnt=cells_of, given_cells=cells_of)
def test_bins_are_those_of_a_binary_search(learnt: np.ndarray, given_cells: np.ndarray) -> None:
    known = learnt[~np.isnan(learnt)]
    edges = np.unique(np.quantile(known, [0.25, 0.5, 0.75])) if known.size else known
    for found, cells in zip(bins_of(learnt, given_cells, 4), (learnt, given_cells), strict=True):
        expected = np.where(np.isnan(cells), edges.size + 1, np.searchsorted(edges, cells, side="right"))
        assert found.tolist() == expected.tolist()


def test_cells_beyond_a_block_have_bins_too() -> None:
    cells = np.random.default_rng(4).normal(size=MANY)
    counted = np.bincount(bins_of(cells, cells, 10)[0])
    assert counted.size == 10
    assert counted.min() > 0.99 * MANY / 10
