"""Rows as a small table of what occurs in a few columns, and how often. Worker only.

The file is read once, grouped by the columns just as it holds them. Types, missing values, labels and the names of
groups are then worked out on what is left, some hundred lines instead of millions of rows. Where so many different
values occur that this would not be small, the rows stay in the file and every question reads them there: the same
answers, only later.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import duckdb

from audits.checks._rows import Rows, Source, literal, open_source, quoted, rows_of, unreadable
from audits.evidence import Column, DatasetEvidence

#: What DuckDB may take to group. Grouping by something that differs in every row would take as much as all rows.
MOST_MEMORY = "128MB"

TIMES, WEIGHT, SQUARES, UNFIT = "_times", "_weight", "_squares", "_unfit"


@dataclass(frozen=True, slots=True, kw_only=True)
class Condensing:
    """What is wanted of the rows.

    `columns` keep their values. `marks` name further values, as SQL over the typed columns that are `read`. `weight` is
    one of those: of it the sum and the sum of squares are kept, and how many rows are unfit for what `weights` mean.
    """

    columns: Sequence[str]
    marks: Mapping[str, str] = field(default_factory=dict)
    read: Sequence[str] = ()
    weight: str | None = None
    weights: str = "sampling"


def unfit(weight: str, meaning: str) -> str:
    """SQL of "cannot be a weight": missing, negative, or broken where weights are counts."""
    place = quoted(weight)
    broken = f" OR {place} <> trunc({place})" if meaning == "counts" else ""
    return f"{place} IS NULL OR {place} < 0{broken}"


def open_condensed(dataset: DatasetEvidence, wanted: Condensing) -> Rows:
    """What `open_rows` answers when streamed, with the table `condensed` where it is small. Raises the same errors.

    The table has the columns with their declared types, the marks, and `_times`: how many rows a line stands for; with
    a weight also `_weight`, `_squares` and `_unfit`. Columns that are not declared are left out.
    """
    source = open_source(dataset)
    columns = [column for column in dataset.columns if column.name in wanted.columns]
    ask = source.connection.execute
    try:
        small = _condense(source, columns, wanted)
        [(total,)] = ask(f"SELECT sum({TIMES}) FROM condensed" if small else "SELECT count(*) FROM typed").fetchall()
    except duckdb.Error as error:
        raise unreadable(dataset, error) from error
    kept = frozenset(column.name for column in columns) | frozenset(wanted.marks)
    return rows_of(source, int(total or 0), kept if small else frozenset())


def _condense(source: Source, columns: Sequence[Column], wanted: Condensing) -> bool:
    """Leave the table. The columns are grouped as the file holds them and typed afterwards. False: it is not small."""
    held = {column.name: quoted(f"held:{column.name}") for column in columns}
    taken = [f"{quoted(name)} AS {alias}" for name, alias in held.items()]
    taken += [
        f"{source.typed(column)} AS {quoted(column.name)}"
        for column in source.dataset.columns
        if column.name in wanted.read
    ]
    marks = [f"{sql} AS {quoted(name)}" for name, sql in wanted.marks.items()]
    sums = {TIMES: "count(*)"}
    if wanted.weight is not None:
        place = quoted(wanted.weight)
        sums |= {WEIGHT: f"sum({place})", SQUARES: f"sum({place} * {place})"}
        sums[UNFIT] = f"count(*) FILTER (WHERE {unfit(wanted.weight, wanted.weights)})"
    rows = f"SELECT {', '.join(taken) or '1 AS nothing'} FROM {source.relation}"
    grouped = ", ".join([*held.values(), *marks, *(f"{sql} AS {name}" for name, sql in sums.items())])
    typed = [f"{source.typed(column, held[column.name])} AS {quoted(column.name)}" for column in columns]
    shown = ", ".join([*typed, *map(quoted, wanted.marks), *sums])
    try:
        with _little_memory(source.connection):
            source.connection.execute(
                f"CREATE TEMP TABLE condensed AS WITH occurring AS MATERIALIZED "
                f"(SELECT {grouped} FROM ({rows}) rows_read GROUP BY ALL) SELECT {shown} FROM occurring"
            )
    except duckdb.OutOfMemoryException:
        return False
    return True


@contextmanager
def _little_memory(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """Within, a query that needs more than MOST_MEMORY fails instead of using the disk."""
    [(folder,)] = connection.execute("SELECT current_setting('temp_directory')").fetchall()
    try:
        connection.execute(f"SET memory_limit = '{MOST_MEMORY}'; SET temp_directory = ''")
        yield
    finally:
        connection.execute(f"RESET memory_limit; SET temp_directory = {literal(folder)}")
