"""Rows that stand for others: typical ones on either side of the decision, and those on the border. Worker only.

As everywhere in the evidence, values of people are told as ranks in tenths only, and no row is named.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from audits.checks._attribute import Attribution
from audits.checks._effects import tenths
from audits.checks._tasks import BINARY, Task
from audits.measurements import Table

Array = np.ndarray[Any, Any]
_REASONS, _BORDERLINE, _PLACES = 4, 2, 6
_DEFAULT_THRESHOLD = 0.5


def cases(attribution: Attribution, rows: pd.DataFrame, features: Sequence[str], task: Task) -> Table:
    """(case, answer, feature, attribution, rank of the value in tenths or None), the strongest reasons of each case.

    Typical is the row whose attributions are nearest to the mean of its side; the sides are those of the decision, or
    of the median where nothing is decided. Borderline are the rows nearest to the threshold. One output only.
    """
    found: list[tuple[Any, ...]] = []
    if attribution.phi.shape[2] == 1:
        phi, answers = attribution.phi[:, :, 0], attribution.outputs[:, 0]
        for case, row in _chosen(phi, answers, _border(task, attribution.space)):
            for index in np.argsort(-np.abs(phi[row]), kind="stable")[:_REASONS]:
                name = features[index]
                part = round(float(phi[row, index]), _PLACES)
                found.append((case, round(float(answers[row]), _PLACES), name, part, *tenths(rows[name], [row])))
    return Table(("case", "answer", "feature", "attribution", "value_rank"), tuple(found))


def _chosen(phi: Array, answers: Array, border: float | None) -> Iterator[tuple[str, int]]:
    middle = float(np.median(answers)) if border is None else border
    for words, side in (("typical above", answers >= middle), ("typical below", answers < middle)):
        if side.any():
            here = np.flatnonzero(side)
            far = np.abs(phi[here] - phi[here].mean(axis=0)).sum(axis=1)
            yield words, int(here[far.argmin()])
    if border is not None:
        for number, row in enumerate(np.argsort(np.abs(answers - border), kind="stable")[:_BORDERLINE], start=1):
            yield f"borderline {number}", int(row)


def _border(task: Task, space: str) -> float | None:
    """The threshold of the decision in the space that is explained; None where there is none."""
    if task.kind != BINARY:
        return None
    threshold = _DEFAULT_THRESHOLD if task.threshold is None else task.threshold
    if space == "probability":
        return threshold
    return math.log(threshold / (1 - threshold)) if space == "log-odds" and 0 < threshold < 1 else None
