"""How many rows are explained: until every feature's share is known well enough, and no more. Worker only.

After each batch the half-width of every share's confidence interval is computed (delta method for a ratio of means,
with the correction for a finite population, Bonferroni over the features); the next batch is as large as the error's
fall with 1/√n asks for. Each row is explained once.
"""

from __future__ import annotations

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from audits.checks._attribute import Attribution, explain
from audits.checks._explainers import Explainer
from audits.statistics.intervals import normal_quantile

Array = np.ndarray[Any, Any]
FIRST_BATCH = 300
_MARGIN = 1.05


@dataclass(frozen=True, slots=True)
class Explained:
    """`rows` are the explained rows in the order of `attribution`; `half_width` is of the least certain share."""

    rows: pd.DataFrame
    attribution: Attribution
    half_width: float
    batches: tuple[int, ...]


def drawn(frame: pd.DataFrame, wanted: int, generator: np.random.Generator) -> pd.DataFrame:
    """`wanted` rows without replacement, in file order; all where there are no more."""
    if len(frame) <= wanted:
        return frame
    chosen = np.sort(generator.choice(len(frame), size=wanted, replace=False))
    return frame.iloc[chosen].reset_index(drop=True)


def explain_until(
    explainer: Explainer,
    frame: pd.DataFrame,
    features: list[str],
    background: pd.DataFrame,
    *,
    precision: float,
    most: int,
    level: float,
    seed: int,
) -> Explained:
    """Explain rows of `frame` in random order until every share is within `precision`, or `most` rows are done."""
    order = np.random.default_rng(seed).permutation(len(frame))
    most = min(most, len(frame))
    parts: list[Attribution] = []
    done, half_width, batches = 0, math.inf, []
    wanted = min(FIRST_BATCH, most)
    while wanted > done:
        rows = frame.iloc[order[done:wanted]][features].reset_index(drop=True)
        parts.append(explain(explainer, rows, background, seed + done))
        batches.append(wanted - done)
        done = wanted
        half_width = share_half_width(np.concatenate([part.absolute for part in parts]), len(frame), level)
        if half_width > precision:
            wanted = min(most, max(done + FIRST_BATCH, math.ceil(_MARGIN * done * (half_width / precision) ** 2)))
    chosen = frame.iloc[order[:done]].reset_index(drop=True)
    return Explained(chosen, _joined(parts), half_width, tuple(batches))


def share_half_width(absolute: Array, population: int, level: float) -> float:
    """Of the feature's share that is known least; 0 where all rows are explained or nothing is attributed."""
    size, width = absolute.shape
    totals = absolute.sum(axis=1)
    if size >= population or totals.sum() == 0:
        return 0.0
    shares = absolute.sum(axis=0) / totals.sum()
    residuals = absolute - np.outer(totals, shares)
    spread = residuals.std(axis=0, ddof=1) / (totals.mean() * math.sqrt(size))
    finite = math.sqrt(1 - size / population)
    return float(normal_quantile(1 - (1 - level) / width) * finite * spread.max())


def _joined(parts: list[Attribution]) -> Attribution:
    if len(parts) == 1:
        return parts[0]
    return dataclasses.replace(
        parts[0],
        # Walks draw anew for each batch, so their base values differ in the last digits.
        base=np.average([part.base for part in parts], axis=0, weights=[len(part.outputs) for part in parts]),
        phi=np.concatenate([part.phi for part in parts]),
        outputs=np.concatenate([part.outputs for part in parts]),
    )
