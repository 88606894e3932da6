"""How far two distributions are apart. Shares must sum to 1; logarithms are natural.

Definitions follow Kullback & Leibler (1951), Lin (1991) for Jensen-Shannon, and the bias report of SageMaker Clarify
(Hardt et al. 2021), where P_a is the advantaged and P_d the disadvantaged group. The band of an empirical
distribution is that of Dvoretzky, Kiefer & Wolfowitz with Massart's constant (1990).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def kullback_leibler(first: Array, second: Array) -> Array:
    """Sum of p ln(p/q) over the last axis; infinite where q is 0 and p is not."""
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(first > 0, first * np.log(first / second), 0.0)
    summed: Array = terms.sum(axis=-1)
    return summed


def jensen_shannon(first: Array, second: Array) -> Array:
    """Mean of both divergences from the middle; at most ln 2."""
    middle = (first + second) / 2
    return (kullback_leibler(first, middle) + kullback_leibler(second, middle)) / 2


def lp_norm(first: Array, second: Array, order: float = 2.0) -> Array:
    """(Sum of |p - q|^order)^(1/order)."""
    summed: Array = (np.abs(first - second) ** order).sum(axis=-1) ** (1 / order)
    return summed


def total_variation(first: Array, second: Array) -> Array:
    """Half the sum of |p - q|."""
    return lp_norm(first, second, 1.0) / 2


def kolmogorov_smirnov(first: Array, second: Array) -> Array:
    """Clarify's KS of label distributions: the largest |p - q| over the labels."""
    largest: Array = np.abs(first - second).max(axis=-1)
    return largest


def cumulative_gap(first: Array, second: Array) -> float:
    """The two-sample Kolmogorov-Smirnov statistic; shares per ascending distinct value."""
    return float(np.abs(np.cumsum(first - second)).max())


def wasserstein(values: Array, first: Array, second: Array) -> float:
    """Wasserstein-1 in units of `values` (ascending and distinct)."""
    return float((np.abs(np.cumsum(first - second))[:-1] * np.diff(values)).sum())


def band(size: float, level: float) -> float:
    """Half-width of the band that holds the whole distribution function of a sample of `size` rows."""
    return math.sqrt(math.log(2 / (1 - level)) / (2 * size))
