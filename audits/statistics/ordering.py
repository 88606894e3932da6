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


def divergence(ordered: Array, wanted: Array) -> Array:
    """NDKL of orders of group codes, best first, against the wanted shares; 0 where every prefix has them.

    `ordered` is (..., places), and the answer has its leading shape. Of the sum over groups c/i ln(c / (i w)), where c
    of the first i places are a group's, each place changes one term only. The cost is that of sorting the places,
    whatever the number of groups.
    """
    ranks = np.arange(1, ordered.shape[-1] + 1)
    nth = _occurrence(ordered)
    with np.errstate(divide="ignore"):
        added = _times_log(nth) - _times_log(nth - 1) - np.log(wanted)[ordered]
    terms = np.cumsum(added, axis=-1) / ranks - np.log(ranks)
    discounts = 1 / np.log2(ranks + 1)
    answer: Array = (discounts * terms).sum(axis=-1) / discounts.sum()
    return answer


def _occurrence(ordered: Array) -> Array:
    """At each place, the how many-th of its group this one is."""
    order = np.argsort(ordered, axis=-1, kind="stable")
    sorted_codes = np.take_along_axis(ordered, order, axis=-1)
    places = np.broadcast_to(np.arange(ordered.shape[-1]), ordered.shape)
    begins = np.ones(ordered.shape, dtype=bool)
    begins[..., 1:] = sorted_codes[..., 1:] != sorted_codes[..., :-1]
    first = np.maximum.accumulate(np.where(begins, places, 0), axis=-1)
    answer = np.empty(ordered.shape, dtype=int)
    np.put_along_axis(answer, order, places - first + 1, axis=-1)
    return answer


def _times_log(counts: Array) -> Array:
    """Of each count c, c ln c; 0 for none."""
    answer: Array = counts * np.log(np.maximum(counts, 1))
    return answer
