"""Counts taken at the source, as a file that is evidence by itself.

Where the rows may not leave their database, this asks the one question there and writes its answer as CSV: the columns
of groups, label, prediction, `score` where asked for, and `rows`. Registered as evaluation data with `rows` tagged as
weight, and measured with `weights: counts`, it gives every rate, test and interval that the rows would have given.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass

from audits.counting.question import Counted, CountQuestion, Dialect, Key, Run, count

ROWS, SCORE = "rows", "score"


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceColumns:
    """Which columns of the relation are counted. With `score`, rows are also told apart by `bins` equal score bins."""

    groups: Sequence[str]
    label: str
    prediction: str | None = None
    score: str | None = None
    bins: int = 100


def count_at_source(run: Run, dialect: Dialect, relation: str, columns: SourceColumns) -> str:
    """The CSV text. `relation` is a table, view or parenthesised query; nothing but sums and counts is fetched.

    A score in [0, 1] is replaced by the mean of its bin.
    """
    outcomes = {columns.label: dialect.quoted(columns.label)}
    if columns.prediction is not None:
        outcomes[columns.prediction] = dialect.quoted(columns.prediction)
    sums = {}
    if columns.score is not None:
        place = dialect.quoted(columns.score)
        outcomes["bin"] = f"least(floor({place} * {columns.bins}), {columns.bins - 1})"
        sums[SCORE] = place
    text = f"coalesce(CAST({{}} AS {dialect.text}), '')"
    keys = {name: Key(dialect.quoted(name), text) for name in columns.groups}
    question = CountQuestion(relation=relation, keys=keys, outcomes=outcomes, sets=(tuple(columns.groups),), sums=sums)
    return _csv(count(run, question, dialect), columns)


def _csv(lines: Sequence[Counted], columns: SourceColumns) -> str:
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    named = [columns.label] + ([columns.prediction] if columns.prediction is not None else [])
    writer.writerow([*columns.groups, *named, *([SCORE] if columns.score is not None else []), ROWS])
    written = []
    for line in lines:
        score = [repr(line.sums[SCORE] / line.tally.rows)] if columns.score is not None else []
        outcomes = ["" if value is None else str(value) for value in line.outcomes[: len(named)]]
        written.append([*line.groups, *outcomes, *score, str(line.tally.rows)])
    writer.writerows(sorted(written))
    return stream.getvalue()
