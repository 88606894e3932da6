"""The same question asked of a real Spark, in a process of its own: the counts are those of DuckDB.

Opt-in, because Spark is large: `pip install -r tests/requirements-spark.txt`, and a Java 17. Slow: a JVM starts.
"""

from __future__ import annotations

import csv
import io
import random
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from audits.checks.fairness_group_metrics import GroupMetrics
from audits.counting.question import DUCKDB, SPARK, CountQuestion, Dialect, Weighing, count
from audits.counting.source import SourceColumns, count_at_source
from audits.evidence import Column, DatasetEvidence
from registry.canonical import digest_file
from tests.audits.checks.evidence_files import evidence, measured

sql = pytest.importorskip("pyspark.sql", reason="Spark is opt-in: pip install -r tests/requirements-spark.txt")
pytestmark = [
    pytest.mark.slow,
    # Spark leaves the closing of its sockets to the end of the process.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.skipif(shutil.which("java") is None, reason="Spark needs a Java on this machine"),
]

NAMES = ["größe", 'the "group"', "o'neil", "b`tick", None]
GROUP = "gr`oup"


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """People as Parquet, which both read."""
    chosen = random.Random(4)  # noqa: S311 - no secret
    place = tmp_path_factory.mktemp("spark") / "people.parquet"
    connection = duckdb.connect(":memory:")
    connection.execute('CREATE TABLE people ("gr`oup" VARCHAR, band INTEGER, y INTEGER, p INTEGER, w DOUBLE, s DOUBLE)')
    connection.executemany(
        "INSERT INTO people VALUES (?, ?, ?, ?, ?, ?)",
        [
            (
                chosen.choice(NAMES),
                chosen.choice([1, 2, None]),
                chosen.randrange(2),
                chosen.randrange(2),
                chosen.random(),
                chosen.random(),
            )
            for _ in range(2000)
        ],
    )
    connection.execute(f"COPY people TO '{place}' (FORMAT parquet)")
    return place


@pytest.fixture(scope="module")
def spark(file: Path) -> Iterator[Any]:
    """A local Spark with the view `people`."""
    builder = sql.SparkSession.builder.master("local[1]").appName("assay-counting")
    session = builder.config("spark.ui.enabled", "false").config("spark.sql.shuffle.partitions", "1").getOrCreate()
    session.read.parquet(str(file)).createOrReplaceTempView("people")
    yield session
    session.stop()


@pytest.fixture
def duck(file: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(f"CREATE VIEW people AS SELECT * FROM read_parquet('{file}')")
    return connection


def question(dialect: Dialect, weight: str | None) -> CountQuestion:
    return CountQuestion(
        relation="people",
        keys={name: dialect.key(name) for name in (GROUP, "band")},
        outcomes={"y": "y", "p": "p"},
        sets=((GROUP,), ("band",), (GROUP, "band"), ()),
        weighing=Weighing(weight=weight),
        sums={"score": "s"},
    )


@pytest.mark.parametrize("weight", [None, "w"])
def test_spark_gives_the_same_answer(spark: Any, duck: duckdb.DuckDBPyConnection, weight: str | None) -> None:
    ours = count(lambda text: duck.execute(text).fetchall(), question(DUCKDB, weight))
    theirs = count(lambda text: spark.sql(text).collect(), question(SPARK, weight), SPARK)
    assert len(ours) == len(theirs)
    answer = {(line.keys, line.groups, line.outcomes): line for line in theirs}
    for line in ours:
        other = answer[line.keys, line.groups, line.outcomes]
        assert other.tally.rows == line.tally.rows
        assert other.tally.weight == pytest.approx(line.tally.weight, abs=1e-9)
        assert other.tally.squares == pytest.approx(line.tally.squares, abs=1e-9)
        assert other.sums["score"] == pytest.approx(line.sums["score"], abs=1e-9)


def test_only_aggregates_leave_spark_and_give_the_values_of_the_rows(spark: Any, file: Path, tmp_path: Path) -> None:
    fetched: list[int] = []

    def run(text: str) -> list[Any]:
        answer = spark.sql(text).collect()
        fetched.append(len(answer))
        return answer  # type: ignore[no-any-return]

    text = count_at_source(run, SPARK, "people", SourceColumns(groups=[GROUP, "band"], label="y", prediction="p"))
    assert fetched == [len(list(csv.DictReader(io.StringIO(text))))]
    assert fetched[0] <= len(NAMES) * 3 * 4
    counted = tmp_path / "counted.csv"
    counted.write_text(text, encoding="utf-8")

    def values(path: Path, media_type: str, **parameters: Any) -> Any:
        columns: tuple[Column, ...] = (
            Column(GROUP, "string", ("sensitive",)),
            Column("y", "integer", ("target",)),
            Column("p", "integer", ("prediction",)),
        )
        columns += (Column("rows", "integer", ("weight",)),) if parameters else ()
        rows = DatasetEvidence(
            role="evaluation", name="e/1", digest=digest_file(path), path=path, media_type=media_type, columns=columns
        )
        return measured(GroupMetrics(), evidence(rows), **parameters).values

    assert values(counted, "text/csv", weights="counts") == values(file, "application/vnd.apache.parquet")
