"""Inequality of the benefits that a classifier hands out (Speicher et al. 2018).

The benefit of a row is b = prediction - label + 1: 0 for a positive passed over, 1 for a right decision, 2 for a
negative selected. Generalized entropy with alpha 2 is half the squared coefficient of variation of b; alpha 1 is
Theil's index. Both are functions of three counts.
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def generalized_entropy(right: Array, selected_wrongly: Array) -> Array:
    """With alpha 2, from the *shares* of right decisions and of false positives; NaN where nobody benefits."""
    mean = right + 2 * selected_wrongly
    squares = right + 4 * selected_wrongly
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(mean > 0, (squares / mean**2 - 1) / 2, np.nan)


def theil(right: Array, selected_wrongly: Array) -> Array:
    """Mean of (b/m) ln(b/m), from the same shares; NaN where nobody benefits."""
    mean = right + 2 * selected_wrongly
    with np.errstate(divide="ignore", invalid="ignore"):
        once = right / mean * np.log(1 / mean)
        twice = np.where(selected_wrongly > 0, 2 * selected_wrongly / mean * np.log(2 / mean), 0.0)
        return np.where(mean > 0, once + twice, np.nan)
