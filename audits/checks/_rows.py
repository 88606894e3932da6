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
import pyarrow as pa
import pyarrow.dataset as arrow

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
    """An open dataset. `connection` holds the views `raw` (text) and `typed` (declared types, missing = NULL)."""

    connection: duckdb.DuckDBPyConnection
    dataset: DatasetEvidence
    total: int
    undeclared: tuple[str, ...]

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

    def one_tagged(self, tag: str) -> str | None:
        """The column tagged `tag`, or None. Raises EvidenceError where two claim it."""
        names = self.dataset.tagged(tag)
        if len(names) > 1:
            raise EvidenceError(tag, f"{self.where} tags {', '.join(names)} as {tag}; only one can be it")
        return names[0] if names else None

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
            raise _unreadable(self.where, "cannot be read", error) from error

    def arrays(self, query: str) -> dict[str, Any]:
        """The columns of a query as NumPy arrays, without a detour over Python values. Raises EvidenceError."""
        try:
            return dict(self.connection.execute(query).fetchnumpy())
        except duckdb.Error as error:
            raise _unreadable(self.where, "cannot be read", error) from error

    def frame(self, names: Iterable[str], where: str = "") -> Any:
        """A pandas DataFrame of typed columns in file order: float64 or int64 for numbers, bool, object for text."""
        listed = ", ".join(quoted(self.column(name).name) for name in names)
        try:
            frame = self.connection.execute(f"SELECT {listed} FROM typed {where}").df()
        except duckdb.Error as error:
            raise _unreadable(self.where, "cannot be read", error) from error
        for name in frame.columns:
            frame[name] = _plain(frame[name], self.column(name).type)
        return frame

    def batches(self, names: Iterable[str], size: int = BATCH) -> Iterator[Any]:
        """What `frame` gives, in file order and in pieces of at most `size` rows, with the same types in each."""
        wanted = [self.column(name) for name in names]
        listed = ", ".join(quoted(column.name) for column in wanted)
        counted = ", ".join(f"count(*) - count({quoted(column.name)})" for column in wanted)
        [holes] = self.ask(f"SELECT {counted} FROM typed")
        absent = {column.name: bool(hole) for column, hole in zip(wanted, holes, strict=True)}
        try:
            for piece in self.connection.sql(f"SELECT {listed} FROM typed").to_arrow_reader(size):
                frame = pa.Table.from_batches([piece]).to_pandas()
                for column in wanted:
                    frame[column.name] = _plain(frame[column.name], column.type, holes=absent[column.name])
                yield frame
        except duckdb.Error as error:
            raise _unreadable(self.where, "cannot be read", error) from error


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


def open_rows(dataset: DatasetEvidence, *, streamed: bool = False) -> Rows:
    """Read the file behind `dataset`. Raises EvidenceError: unknown media type, empty, unreadable, column absent.

    `streamed` leaves the rows in the file: each query reads it again, in bounded memory, which is right for the few
    queries of a count. Otherwise the typed rows are held, which is right for many queries.
    """
    where = f"dataset:{dataset.role}"
    if not dataset.columns:
        raise EvidenceError(where, "declares no columns; declare each column with its type and tags")
    connection = duckdb.connect(
        ":memory:",
        config={"threads": 1, "autoinstall_known_extensions": False, "autoload_known_extensions": False},
    )
    try:
        source = _source(connection, dataset)
        held = {row[0]: row[1] for row in connection.execute(f"DESCRIBE SELECT * FROM {source}").fetchall()}
        present = list(held)
        absent = [column.name for column in dataset.columns if column.name not in present]
        if absent:
            raise EvidenceError(absent[0], f"is declared but not in the file of {where}; it has {', '.join(present)}")
        connection.execute(f"CREATE TEMP VIEW raw AS SELECT {_texts(dataset.columns)} FROM {source}")
        if streamed:
            connection.execute(f"CREATE TEMP VIEW typed AS SELECT {_typed(dataset.columns, held)} FROM {source}")
        else:
            connection.execute(f"CREATE TEMP TABLE typed AS SELECT {_typed(dataset.columns, held)} FROM {source}")
        total = int(connection.execute("SELECT count(*) FROM typed").fetchall()[0][0])
    except duckdb.Error as error:
        raise _unreadable(where, f"cannot be read as {dataset.media_type}", error) from error
    if total == 0:
        raise EvidenceError(where, "has no rows")
    declared = {column.name for column in dataset.columns}
    return Rows(connection, dataset, total, tuple(name for name in present if name not in declared))


def _source(connection: duckdb.DuckDBPyConnection, dataset: DatasetEvidence) -> str:
    path = literal(str(dataset.path))
    if dataset.media_type in CSV_TYPES:
        dialect = "delim = ',', quote = '\"', escape = '\"', nullstr = ''"
        return f"read_csv({path}, header = true, all_varchar = true, {dialect})"
    if dataset.media_type in PARQUET_TYPES:
        return f"read_parquet({path})"
    if dataset.media_type in ARROW_TYPES:
        try:
            connection.register("arrow_rows", arrow.dataset(str(dataset.path), format="ipc"))
        except (pa.ArrowInvalid, OSError) as error:
            raise EvidenceError(f"dataset:{dataset.role}", f"cannot be read as {dataset.media_type}") from error
        return "arrow_rows"
    known = ", ".join(sorted(CSV_TYPES | PARQUET_TYPES | ARROW_TYPES))
    raise EvidenceError(f"dataset:{dataset.role}", f"media type {dataset.media_type} cannot be read; give {known}")


def _text(column: Column) -> str:
    """NULL for missing: empty text in CSV, NaN in Parquet."""
    text = f"CAST({quoted(column.name)} AS VARCHAR)"
    return f"CASE WHEN {text} IN ('', 'nan', 'NaN') THEN NULL ELSE {text} END"


def _texts(columns: Iterable[Column]) -> str:
    return ", ".join(f"{_text(column)} AS {quoted(column.name)}" for column in columns)


def _typed(columns: Iterable[Column], held: Mapping[str, str]) -> str:
    """Each column as declared, from the type in which the file holds it."""
    casts = []
    for column in columns:
        if column.type not in _CASTS:
            raise EvidenceError(column.name, f"type {column.type} is unknown; give one of {', '.join(_CASTS)}")
        native = _NATIVE.get((column.type, held[column.name]))
        if native is not None:
            cast = native.replace("{place}", quoted(column.name))
        else:
            text = _text(column) if column.type == "string" else f"trim({_text(column)})"
            cast = _CASTS[column.type].replace("{text}", text)
        casts.append(f"{cast} AS {quoted(column.name)}")
    return ", ".join(casts)


def _listed(columns: Iterable[Column]) -> str:
    return ", ".join(column.name for column in columns)


def _unreadable(where: str, problem: str, error: duckdb.Error) -> Exception:
    """The evidence is not at fault where the memory limit was."""
    if isinstance(error, duckdb.OutOfMemoryException):
        return MemoryError()
    return EvidenceError(where, f"{problem}: {str(error).strip().splitlines()[0]}")
