"""A dataset file as typed rows in DuckDB: one place that decides what a cell of a CSV or Parquet file means.

Worker only. Every column is read as text and cast to its declared type; what cannot be cast is a *type violation* and
missing for every other purpose. Empty text and NaN are missing. Only the declared columns exist.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import duckdb

from audits.checks.base import EvidenceError
from audits.evidence import Column, DatasetEvidence

CSV_TYPES = frozenset({"text/csv"})
PARQUET_TYPES = frozenset({"application/vnd.apache.parquet", "application/x-parquet", "application/parquet"})
ARROW_TYPES = frozenset({"application/vnd.apache.arrow.file", "application/vnd.apache.arrow.stream"})
BATCH = 100_000
NUMERIC = frozenset({"number", "integer"})
_WHOLE = frozenset({"TINYINT", "SMALLINT", "INTEGER", "BIGINT", "UTINYINT", "USMALLINT", "UINTEGER"})

_CASTS = {
    "string": "{text}",
    "number": "CASE WHEN isfinite(TRY_CAST({text} AS DOUBLE)) THEN TRY_CAST({text} AS DOUBLE) END",
    # A cast of 1.5 to an integer would round it: only whole numbers are integers.
    "integer": "CASE WHEN TRY_CAST({text} AS DOUBLE) = trunc(TRY_CAST({text} AS DOUBLE)) "
    "THEN TRY_CAST(TRY_CAST({text} AS DOUBLE) AS BIGINT) END",
    "boolean": "CASE lower({text}) WHEN 'true' THEN true WHEN '1' THEN true WHEN '1.0' THEN true "
    "WHEN 'false' THEN false WHEN '0' THEN false WHEN '0.0' THEN false END",
    "datetime": "TRY_CAST({text} AS TIMESTAMP)",
}

# Where the file's own type says it all, no detour over text: the same value, ten times faster.
_NATIVE = {
    **{("integer", whole): "CAST({place} AS BIGINT)" for whole in _WHOLE},
    **{("number", whole): "CAST({place} AS DOUBLE)" for whole in _WHOLE},
    ("number", "DOUBLE"): "CASE WHEN isfinite({place}) THEN {place} END",
    ("string", "VARCHAR"): "CASE WHEN {place} NOT IN ('', 'nan', 'NaN') THEN {place} END",
    ("boolean", "BOOLEAN"): "{place}",
    ("datetime", "TIMESTAMP"): "{place}",
}


def quoted(name: str) -> str:
    """`name` as an SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """`text` as an SQL string."""
    return "'" + text.replace("'", "''") + "'"


def canonical(value: Any) -> str:
    """The text under which labels are compared: 1, 1.0, True and "1" are one label."""
    if isinstance(value, bool | float) and float(value).is_integer():
        return str(int(value))
    return str(value)


@dataclass(frozen=True, slots=True)
class Rows:
    """An open dataset. `connection` holds `typed`: declared types, missing = NULL. Where the rows are held, also `raw`.

    Where columns are `condensed`, the view `condensed` holds each combination of their values once or a few times, as
    `_condensed` describes.
    """

    connection: duckdb.DuckDBPyConnection
    dataset: DatasetEvidence
    total: int
    undeclared: tuple[str, ...]
    condensed: frozenset[str] = frozenset()

    @property
    def where(self) -> str:
        """How errors name this dataset."""
        return f"dataset:{self.dataset.role}"

    @property
    def inputs(self) -> dict[str, str]:
        """For `Measurement.inputs`."""
        return {self.where: self.dataset.digest}

    def column(self, name: str) -> Column:
        """The declaration of `name`. Raises EvidenceError."""
        for column in self.dataset.columns:
            if column.name == name:
                return column
        raise EvidenceError(name, f"is not a column of {self.where}; it has {_listed(self.dataset.columns)}")

    def require_numeric(self, name: str, purpose: str) -> None:
        """Raises EvidenceError where the column is declared neither number nor integer."""
        if self.column(name).type not in NUMERIC:
            raise EvidenceError(name, f"is the {purpose} and must be declared number or integer")

    def one_tagged(self, tag: str) -> str | None:
        """The column tagged `tag`, or None. Raises EvidenceError where two claim it."""
        names = self.dataset.tagged(tag)
        if len(names) > 1:
            raise EvidenceError(tag, f"{self.where} tags {', '.join(names)} as {tag}; only one can be it")
        return names[0] if names else None

    def values_of(self, *names: str) -> str:
        """The smallest view in which whatever occurs in these columns occurs, though not as often."""
        return "condensed" if self.condensed.issuperset(names) else "typed"

    def as_text(self, name: str) -> str:
        """SQL: the text of a typed column, as people read it; a whole number has no decimals."""
        column, place = self.column(name), quoted(name)
        if column.type == "number":
            whole = f"{place} = trunc({place}) AND abs({place}) < 1e15"
            return f"CASE WHEN {whole} THEN CAST(CAST({place} AS BIGINT) AS VARCHAR) ELSE CAST({place} AS VARCHAR) END"
        return f"CAST({place} AS VARCHAR)"

    def as_label(self, name: str) -> str:
        """SQL: the text of a typed column, as `canonical` writes it."""
        return (
            f"CAST(CAST({quoted(name)} AS TINYINT) AS VARCHAR)"
            if self.column(name).type == "boolean"
            else self.as_text(name)
        )

    def ask(self, query: str) -> list[tuple[Any, ...]]:
        """All rows of a query over the views. Raises EvidenceError where the file cannot be read as declared."""
        try:
            return self.connection.execute(query).fetchall()
        except duckdb.Error as error:
            raise unreadable(self.dataset, error) from error

    def arrays(self, query: str) -> dict[str, Any]:
        """The columns of a query as NumPy arrays, without a detour over Python values. Raises EvidenceError."""
        try:
            return dict(self.connection.execute(query).fetchnumpy())
        except duckdb.Error as error:
            raise unreadable(self.dataset, error) from error

    def frame(self, names: Iterable[str], where: str = "") -> Any:
        """A pandas DataFrame of typed columns in file order: float64 or int64 for numbers, bool, object for text."""
        listed = ", ".join(quoted(self.column(name).name) for name in names)
        try:
            frame = self.connection.execute(f"SELECT {listed} FROM typed {where}").df()
        except duckdb.Error as error:
            raise unreadable(self.dataset, error) from error
        for name in frame.columns:
            frame[name] = _plain(frame[name], self.column(name).type)
        return frame

    def batches(self, names: Iterable[str], more: Mapping[str, str] | None = None) -> Iterator[Any]:
        """What `frame` gives, in file order and in pieces of at most BATCH rows, with the same types in each.

        `more` are further columns, as SQL by name, of whatever type they come in.
        """
        import pyarrow as pa  # noqa: PLC0415 - heavy

        wanted = [self.column(name) for name in names]
        listed = ", ".join(
            [quoted(column.name) for column in wanted]
            + [f"{sql} AS {quoted(name)}" for name, sql in (more or {}).items()]
        )
        counted = ", ".join(f"count(*) - count({quoted(column.name)})" for column in wanted)
        [holes] = self.ask(f"SELECT {counted} FROM typed")
        absent = {column.name: bool(hole) for column, hole in zip(wanted, holes, strict=True)}
        try:
            for piece in self.connection.sql(f"SELECT {listed} FROM typed").to_arrow_reader(BATCH):
                frame = pa.Table.from_batches([piece]).to_pandas()
                for column in wanted:
                    frame[column.name] = _plain(frame[column.name], column.type, holes=absent[column.name])
                yield frame
        except duckdb.Error as error:
            raise unreadable(self.dataset, error) from error


def _plain(series: Any, declared: str, *, holes: bool | None = None) -> Any:
    """NumPy types as a model was fitted on them: NaN is the only missing value, never pandas' own NA.

    `holes`: whether any value of the column is missing, where `series` is only a part of it.
    """
    if declared == "string":
        return series.astype(object).where(series.notna(), math.nan)
    if declared in NUMERIC or declared == "boolean":
        whole = "int64" if declared == "integer" else "bool" if declared == "boolean" else "float64"
        return series.astype("float64" if (series.isna().any() if holes is None else holes) else whole)
    return series


@dataclass(frozen=True, slots=True)
class Source:
    """A file that DuckDB can read: `relation` is its SQL, `held` the type in which it holds each column."""

    connection: duckdb.DuckDBPyConnection
    dataset: DatasetEvidence
    relation: str
    held: Mapping[str, str]

    @property
    def undeclared(self) -> tuple[str, ...]:
        """Columns of the file that nobody declared."""
        declared = {column.name for column in self.dataset.columns}
        return tuple(name for name in self.held if name not in declared)

    def typed(self, column: Column, place: str = "") -> str:
        """SQL of `column` as declared, from the type in which the file holds it. Raises EvidenceError: no such type.

        `place`: SQL of where the column is found, unless under its own name.
        """
        if column.type not in _CASTS:
            raise EvidenceError(column.name, f"type {column.type} is unknown; give one of {', '.join(_CASTS)}")
        native = _NATIVE.get((column.type, self.held[column.name]))
        if native is not None:
            return native.replace("{place}", place or quoted(column.name))
        text = _text(place or quoted(column.name))
        text = text if column.type == "string" else f"trim({text})"
        return _CASTS[column.type].replace("{text}", text)


def open_rows(dataset: DatasetEvidence, *, streamed: bool = False) -> Rows:
    """Read the file behind `dataset`. Raises EvidenceError: unknown media type, empty, unreadable, column absent.

    `streamed` leaves the rows in the file: each query reads it again, in bounded memory, which is right for the few
    queries of a count. Otherwise the typed rows are held, which is right for many queries.
    """
    source = open_source(dataset, streamed=streamed)
    try:
        total = int(source.connection.execute("SELECT count(*) FROM typed").fetchall()[0][0])
    except duckdb.Error as error:
        raise unreadable(dataset, error) from error
    return rows_of(source, total)


def rows_of(source: Source, total: int, condensed: frozenset[str] = frozenset()) -> Rows:
    """The open dataset of `total` rows. Raises EvidenceError where there are none."""
    if total == 0:
        raise EvidenceError(f"dataset:{source.dataset.role}", "has no rows")
    return Rows(source.connection, source.dataset, total, source.undeclared, condensed)


def open_source(dataset: DatasetEvidence, *, streamed: bool = True) -> Source:
    """`typed` over the file, and `raw` unless streamed. Raises EvidenceError: media type, column absent, unreadable."""
    where = f"dataset:{dataset.role}"
    if not dataset.columns:
        raise EvidenceError(where, "declares no columns; declare each column with its type and tags")
    connection = duckdb.connect(
        ":memory:",
        config={"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )
    try:
        relation = _relation(connection, dataset)
        held = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()}
        absent = [column.name for column in dataset.columns if column.name not in held]
        if absent:
            raise EvidenceError(absent[0], f"is declared but not in the file of {where}; it has {', '.join(held)}")
        source = Source(connection, dataset, relation, held)
        typed = ", ".join(f"{source.typed(column)} AS {quoted(column.name)}" for column in dataset.columns)
        connection.execute(f"CREATE TEMP {'VIEW' if streamed else 'TABLE'} typed AS SELECT {typed} FROM {relation}")
        if not streamed:
            texts = ", ".join(f"{_text(quoted(column.name))} AS {quoted(column.name)}" for column in dataset.columns)
            connection.execute(f"CREATE TEMP VIEW raw AS SELECT {texts} FROM {relation}")
    except duckdb.Error as error:
        raise unreadable(dataset, error) from error
    return source


def _relation(connection: duckdb.DuckDBPyConnection, dataset: DatasetEvidence) -> str:
    path = literal(str(dataset.path))
    if dataset.media_type in CSV_TYPES:
        dialect = "delim = ',', quote = '\"', escape = '\"', nullstr = ''"
        return f"read_csv({path}, header = true, all_varchar = true, {dialect})"
    if dataset.media_type in PARQUET_TYPES:
        return f"read_parquet({path})"
    if dataset.media_type in ARROW_TYPES:
        import pyarrow as pa  # noqa: PLC0415 - heavy
        import pyarrow.dataset as arrow  # noqa: PLC0415 - heavy

        try:
            connection.register("arrow_rows", arrow.dataset(str(dataset.path), format="ipc"))
        except (pa.ArrowInvalid, OSError) as error:
            raise EvidenceError(f"dataset:{dataset.role}", f"cannot be read as {dataset.media_type}") from error
        return "arrow_rows"
    known = ", ".join(sorted(CSV_TYPES | PARQUET_TYPES | ARROW_TYPES))
    raise EvidenceError(f"dataset:{dataset.role}", f"media type {dataset.media_type} cannot be read; give {known}")


def _text(place: str) -> str:
    """NULL for missing: empty text in CSV, NaN in Parquet."""
    text = f"CAST({place} AS VARCHAR)"
    return f"CASE WHEN {text} IN ('', 'nan', 'NaN') THEN NULL ELSE {text} END"


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(column.name for column in columns)


def unreadable(dataset: DatasetEvidence, error: duckdb.Error) -> Exception:
    """What to raise instead of `error`. The evidence is not at fault where the memory limit was."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return MemoryError()
    problem = f"cannot be read as {dataset.media_type}: {str(error).strip().splitlines()[0]}"
    return EvidenceError(f"dataset:{dataset.role}", problem)
