"""Resampling a table of counts instead of its rows.

Drawing n rows with replacement and counting them gives exactly a multinomial draw of the counts (Efron & Tibshirani
1993, section 5), so the bootstrap of any function of the counts needs no rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from audits.measurements import Interval

Array = np.ndarray[Any, Any]


def redrawn(counts: Array, resamples: int, seed: int, *, smoothing: float = 0.0) -> Array:
    """(resamples, cells): tables of the same total. `smoothing` is added to each cell before drawing.

    Half a count says that an empty cell is not known to be impossible; 0 is the row bootstrap itself.
    """
    cells = np.asarray(counts, dtype=float)
    total = round(float(cells.sum()))
    shares = cells + smoothing
    drawn: Array = np.random.default_rng(seed).multinomial(total, shares / shares.sum(), size=resamples)
    return drawn


def percentile(draws: Array, point: float, level: float, method: str = "multinomial") -> Interval | None:
    """The middle `level` of the finite draws, widened to hold `point`; None where fewer than half are finite."""
    finite = draws[np.isfinite(draws)]
    if finite.size * 2 < draws.size or not finite.size:
        return None
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    return Interval(min(float(low), point), max(float(high), point), level, method)


def bootstrap(
    counts: Array, statistic: Callable[[Array], Array], *, point: float, level: float, resamples: int, seed: int
) -> Interval | None:
    """Percentile interval of `statistic`, which maps (resamples, cells) to (resamples,)."""
    with np.errstate(divide="ignore", invalid="ignore"):
        draws = statistic(redrawn(counts, resamples, seed, smoothing=0.5))
    return percentile(np.asarray(draws, dtype=float), point, level)
