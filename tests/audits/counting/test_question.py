"""One question, the same counts from every engine."""

from __future__ import annotations

import csv
import io
import os
import random
from collections.abc import Iterator
from typing import Any

import duckdb
import psycopg
import pytest

from audits.counting.question import DUCKDB, POSTGRESQL, SPARK, CountQuestion, Dialect, Tally, Weighing, count, render
from audits.counting.source import SourceColumns, count_at_source

LOCAL = "postgres://postgres@127.0.0.1:5432/postgres"
NAMES = ["größe", 'the "group"', "o'neil", None]

Row = tuple[str | None, int | None, int, int, float]


@pytest.fixture
def people() -> list[Row]:
    chosen = random.Random(4)  # noqa: S311 - no secret
    return [
        (chosen.choice(NAMES), chosen.choice([1, 2, None]), chosen.randrange(2), chosen.randrange(2), chosen.random())
        for _ in range(500)
    ]


TABLE = 'CREATE {temp} TABLE people ("{group}" text, band int, y int, p int, w double precision)'
GROUP = 'gr"oup'


@pytest.fixture
def duck(people: list[Row]) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(":memory:")
    connection.execute(TABLE.format(temp="", group=GROUP.replace('"', '""')))
    connection.executemany("INSERT INTO people VALUES (?, ?, ?, ?, ?)", people)
    return connection


@pytest.fixture
def postgres(people: list[Row]) -> Iterator[psycopg.Connection[Any]]:
    url = os.environ.get("DATABASE_URL_TEST_POSTGRES", LOCAL)
    try:
        connection = psycopg.connect(url, connect_timeout=3)
    except psycopg.OperationalError as error:
        pytest.skip(f"no PostgreSQL on this machine: {str(error).splitlines()[0]}")
    with connection:
        connection.execute(TABLE.format(temp="TEMP", group=GROUP.replace('"', '""')))
        connection.cursor().executemany("INSERT INTO people VALUES (%s, %s, %s, %s, %s)", people)
        yield connection
        connection.rollback()


def question(dialect: Dialect, weight: str | None = None) -> CountQuestion:
    return CountQuestion(
        relation="people",
        keys={name: dialect.key(name) for name in (GROUP, "band")},
        outcomes={"y": "y", "p": "p"},
        sets=((GROUP,), ("band",), (GROUP, "band"), ()),
        weighing=Weighing(weight=weight),
        sums={"twice": "2 * p"},
    )


def by_hand(people: list[Row], columns: tuple[int, ...]) -> dict[tuple[Any, ...], tuple[int, float]]:
    found: dict[tuple[Any, ...], tuple[int, float]] = {}
    for row in people:
        key = (*("(missing)" if row[i] is None else str(row[i]) for i in columns), row[2], row[3])
        rows, weight = found.get(key, (0, 0.0))
        found[key] = rows + 1, weight + row[4]
    return found


@pytest.mark.parametrize(
    ("keys", "columns"), [((GROUP,), (0,)), (("band",), (1,)), ((GROUP, "band"), (0, 1)), ((), ())]
)
def test_duckdb_counts_what_a_loop_counts(
    duck: duckdb.DuckDBPyConnection, people: list[Row], keys: tuple[str, ...], columns: tuple[int, ...]
) -> None:
    lines = count(lambda sql: duck.execute(sql).fetchall(), question(DUCKDB, "w"))
    ours = {(*line.groups, *line.outcomes): line for line in lines if line.keys == keys}
    expected = by_hand(people, columns)
    assert set(ours) == set(expected)
    for key, (rows, weight) in expected.items():
        assert ours[key].tally.rows == rows
        assert ours[key].tally.weight == pytest.approx(weight, abs=1e-9)
        assert ours[key].sums["twice"] == pytest.approx(2 * key[-1] * weight, abs=1e-9)


@pytest.mark.parametrize("weight", [None, "w"])
def test_postgresql_gives_the_same_answer(
    duck: duckdb.DuckDBPyConnection, postgres: psycopg.Connection[Any], weight: str | None
) -> None:
    ours = count(lambda sql: duck.execute(sql).fetchall(), question(DUCKDB, weight))
    theirs = count(lambda sql: postgres.execute(sql).fetchall(), question(POSTGRESQL, weight), POSTGRESQL)
    assert len(ours) == len(theirs)
    answer = {(line.keys, line.groups, line.outcomes): line for line in theirs}
    for line in ours:
        other = answer[line.keys, line.groups, line.outcomes]
        assert other.tally.rows == line.tally.rows
        assert other.tally.weight == pytest.approx(line.tally.weight, abs=1e-9)
        assert other.tally.squares == pytest.approx(line.tally.squares, abs=1e-9)


def test_only_aggregates_leave_postgresql(people: list[Row], postgres: psycopg.Connection[Any]) -> None:
    fetched: list[int] = []

    def run(sql: str) -> list[Any]:
        answer = postgres.execute(sql).fetchall()
        fetched.append(len(answer))
        return answer

    text = count_at_source(run, POSTGRESQL, "people", SourceColumns(groups=[GROUP, "band"], label="y", prediction="p"))
    lines = list(csv.DictReader(io.StringIO(text)))
    assert fetched == [len(lines)]
    assert len(lines) <= len(NAMES) * 3 * 4
    assert sum(int(line["rows"]) for line in lines) == len(people)


def test_spark_is_asked_in_its_own_dialect() -> None:
    sql = render(question(SPARK), SPARK)
    assert '`gr"oup`' in sql
    assert "MATERIALIZED" not in sql
    assert "AS STRING" in sql


def test_the_effective_number_of_equal_weights_is_the_number_of_rows() -> None:
    assert Tally(4, 8.0, 16.0).effective == 4
    assert Tally(2, 4.0, 10.0).effective == pytest.approx(1.6)
    assert Tally().effective == 0
