"""Moments from pieces: whatever the cut, what NumPy says of the whole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audits.statistics.moments import Running

NUMBERS = st.floats(-1e6, 1e6)
PIECES = st.lists(
    st.lists(st.tuples(NUMBERS, st.integers(0, 5)), max_size=20).map(lambda rows: np.array(rows, float).reshape(-1, 2)),
    min_size=1,
    max_size=6,
).filter(lambda pieces: np.concatenate(pieces)[:, 1].sum() > 0)


@given(PIECES)
def test_pieces_have_the_moments_of_the_whole(pieces: list[np.ndarray]) -> None:
    running, counting = Running(), Running(counts=True)
    for piece in pieces:
        running.add(piece[:, 0], piece[:, 1])
        counting.add(piece[:, 0], piece[:, 1])
    values, weights = np.concatenate(pieces).T
    mean = np.average(values, weights=weights)
    variance = np.average((values - mean) ** 2, weights=weights)
    found = running.moments
    assert found.rows == values.size
    assert found.size == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert found.mean == pytest.approx(mean, rel=1e-9, abs=1e-9)
    assert found.variance == pytest.approx(variance, rel=1e-9, abs=1e-9)
    repeated = np.repeat(values, weights.astype(int))
    assert (counting.moments.rows, counting.moments.size) == (repeated.size, repeated.size)
    assert counting.moments.variance == pytest.approx(repeated.var(), rel=1e-9, abs=1e-9)


def test_a_large_mean_does_not_swallow_a_small_spread() -> None:
    running = Running()
    for piece in np.split(np.tile([1e9, 1e9 + 1], 500), 10):
        running.add(piece, np.ones(piece.size))
    assert running.moments.variance == 0.25


def test_without_weight_there_is_no_mean() -> None:
    running = Running()
    running.add(np.array([1.0, 2.0]), np.zeros(2))
    assert running.rows == 2
    with pytest.raises(ZeroDivisionError):
        _ = running.moments
