"""What a ranking gives to groups: attention by position, and places near the top.

Exposure 1/log2(1 + rank) as in Singh & Joachims (2018); normalized discounted KL divergence of Geyik, Ambler &
Kenthapadi (2019): the mean over prefixes, weighted by 1/log2(i + 1), of KL(shares in the prefix, wanted shares).
"""

from __future__ import annotations

from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def exposure(scores: Array) -> Array:
    """Attention of each row when sorted by score, best first; rows of equal score share theirs equally."""
    order = np.argsort(-scores, kind="stable")
    attention = 1 / np.log2(np.arange(2, scores.size + 2))
    _, block, sizes = np.unique(-scores[order], return_inverse=True, return_counts=True)
    shared = np.bincount(block, weights=attention) / sizes
    answer = np.empty(scores.size)
    answer[order] = shared[block]
    return answer


def divergence(ordered: Array, wanted: Array) -> float:
    """NDKL of `ordered` group codes, best first, against the wanted shares; 0 where every prefix has them."""
    ranks = np.arange(1, ordered.size + 1)
    counts = np.cumsum(ordered[:, None] == np.arange(wanted.size)[None, :], axis=0)
    shares = counts / ranks[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        terms = np.where(shares > 0, shares * np.log(shares / wanted), 0.0).sum(axis=1)
    discounts = 1 / np.log2(ranks + 1)
    return float((discounts * terms).sum() / discounts.sum())
