"""Rows that are partly one row and partly another: what is asked to learn what a feature is worth. Worker only."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

Array = np.ndarray[Any, Any]


def mixed(own: pd.DataFrame, others: pd.DataFrame, present: Array) -> pd.DataFrame:
    """Each row of `own` with each of `others` in every coalition: what is present is its own, the rest the other's.

    `present` is coalitions x rows of `own` (or 1, for the same coalition in all of them) x columns. The answers of a
    model reshape to coalitions x others x own.
    """
    columns = {}
    for index, name in enumerate(own.columns):
        mine, theirs = own[name].to_numpy()[None, None, :], others[name].to_numpy()[None, :, None]
        columns[name] = np.where(present[:, None, :, index], mine, theirs).reshape(-1)
    return pd.DataFrame(columns)


def entering(orders: Array) -> Array:
    """Orders, each a row of features, as coalitions: stages x orders x features, from nobody to everybody."""
    turn = np.argsort(orders, axis=-1)
    stages: Array = turn < np.arange(orders.shape[-1] + 1)[:, None, None]
    return stages
