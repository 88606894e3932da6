"""A few columns as a small table: the file is read once, and every answer is the one that the rows would have given."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audits.checks import _condensed
from audits.checks._cells import CellTable
from audits.checks._condensed import TIMES, Condensing, open_condensed
from audits.checks._grouping import count_cells, groups_of
from audits.checks._outcomes import Counting, read_outcomes
from audits.checks._tasks import BINARY
from audits.checks.base import Check, EvidenceError
from audits.checks.fairness_conditional_parity import ConditionalParity
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.checks.fairness_impact_ratios import ImpactRatios
from audits.checks.fairness_multiclass import MulticlassFairness
from audits.checks.grouping import WEIGHTS
from audits.evidence import Column, DatasetEvidence, Evidence
from tests.audits.checks.evidence_files import dataset, evidence, measured

PARQUET = "application/vnd.apache.parquet"

Declared = dict[str, tuple[str, tuple[str, ...]]]
DECLARED: Declared = {
    "y": ("integer", ("target",)),
    "p": ("number", ("prediction",)),
    "größe": ("string", ("sensitive",)),
    "age": ("number", ("sensitive",)),
    "t": ("boolean", ()),
    "w": ("number", ("weight",)),
}
#: How the same value may be written in a CSV, and what is no value at all.
WRITTEN: Mapping[str, list[Any]] = {
    "y": ["0", "1", "1.0", " 1", "", "NaN", "no number", "1.5"],
    "p": ["0", "1", "0.0", "1e0", "", "nan"],
    "größe": ["m", "f", "ß & o'x", "", "NaN", " m"],
    "age": ["20", "20.0", "61.5", "", "inf", "old"],
    "t": ["true", "1", "0", "FALSE", "maybe"],
    "w": ["1", "2", "0", "7"],
}
CHECKS: list[tuple[Check, dict[str, Any]]] = [
    (GroupMetrics(), {"depth": 2, "bands": ["age=40"], "missing_tolerated": 0.99}),
    (GroupMetrics(), {"intersect": ["größe", "t"], "weights": "counts", "suppress_below": 3}),
    (ImpactRatios(), {"least_share": 0.0, "weights": "ignored"}),
    (ConditionalParity(), {"strata": ["t"]}),
    (DatasetBias(), {"strata": ["t"], "sensitive": ["größe"]}),
]


def people(rows: int) -> st.SearchStrategy[dict[str, list[Any]]]:
    """Columns of that length, with both labels in them."""
    columns = {name: st.lists(st.sampled_from(words), min_size=rows, max_size=rows) for name, words in WRITTEN.items()}
    return st.fixed_dictionaries(columns).map(lambda drawn: {**drawn, "y": ["0", "1", *drawn["y"][2:]]})


@contextmanager
def by_rows() -> Iterator[None]:
    """Within, nothing is condensed, as if everybody differed."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_condensed, "_condense", lambda *_: False)
        yield


def as_parquet(held: DatasetEvidence) -> DatasetEvidence:
    """The same text in another file."""
    path = held.path.with_suffix(".parquet")
    everything = f"read_csv('{held.path}', header = true, all_varchar = true, nullstr = '')"
    duckdb.connect().execute(f"COPY (SELECT * FROM {everything}) TO '{path}' (FORMAT parquet)")
    return dataclasses.replace(held, path=path, media_type=PARQUET)


def cells(told: Evidence, weights: str) -> tuple[bool, CellTable | str]:
    """Whether the rows were condensed, and what was counted or refused."""
    counting = Counting(columns=["größe", "age", "t"], weights=weights)
    try:
        outcomes = read_outcomes(told, (BINARY,), counting)
        groups = groups_of(outcomes.rows, counting.columns, {"age": [40.0]}, depth=2)
        return bool(outcomes.rows.condensed), count_cells(outcomes, groups, weights)
    except EvidenceError as error:
        return True, str(error)


@given(columns=people(40), weights=st.sampled_from(WEIGHTS), kept_as=st.sampled_from(["text/csv", PARQUET]))
@settings(max_examples=8, deadline=None)
def test_whatever_is_written_condensed_rows_count_as_rows_do(
    tmp_path_factory: pytest.TempPathFactory, columns: dict[str, list[Any]], weights: str, kept_as: str
) -> None:
    held = dataset(tmp_path_factory.mktemp("held") / "e.csv", columns, DECLARED, "evaluation")
    told = evidence(as_parquet(held) if kept_as == PARQUET else held)
    condensed, ours = cells(told, weights)
    with by_rows():
        _, theirs = cells(told, weights)
    assert condensed
    assert ours == theirs


@pytest.mark.parametrize(("check", "parameters"), CHECKS, ids=lambda value: getattr(value, "id", ""))
def test_every_check_that_counts_answers_the_same(tmp_path: Path, check: Check, parameters: dict[str, Any]) -> None:
    columns = {
        "y": ["0", "1", "1.0", " 1"] * 30,
        "p": ["0", "1", "1e0", "0.0", "nan"] * 24,
        "größe": ["m", "f", "f", "ß & o'x", "", "m"] * 20,
        "age": ["20", "61.5", "old"] * 40,
        "t": ["true", "1", "0", "FALSE", "0"] * 24,
        "w": ["1", "2", "3"] * 40,
    }
    role = "train" if check.id == DatasetBias.id else "evaluation"
    told = evidence(dataset(tmp_path / "e.csv", columns, DECLARED, role))
    ours = measured(check, told, **parameters)
    with by_rows():
        assert measured(check, told, **parameters) == ours
    assert any(value.value is not None for value in ours.values)


def test_classes_and_decisions_at_a_threshold_are_condensed_too(tmp_path: Path) -> None:
    columns = {"y": [0, 1, 2, 1] * 6, "p": [0, 2, 2, 1] * 6, "s": [0.1, 0.9, 0.5, None] * 6, "g": ["a", "b", "b"] * 8}
    declared: Declared = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "g": ("string", ("sensitive",)),
    }
    signature = {"task": "multiclass_classification", "positive_label": None}
    classes = evidence(dataset(tmp_path / "c.csv", columns, declared, "evaluation"), signature=signature)
    ours = measured(MulticlassFairness(), classes)
    with by_rows():
        assert measured(MulticlassFairness(), classes) == ours
    scored = {name: declared[name] for name in ("y", "g")} | {"s": ("number", ("score",))}
    binary = {**columns, "y": [0, 1] * 12}
    decided = evidence(
        dataset(tmp_path / "d.csv", {name: binary[name] for name in scored}, scored, "evaluation"),
        signature={"threshold": 0.5},
    )
    ours = measured(GroupMetrics(), decided)
    with by_rows():
        assert measured(GroupMetrics(), decided) == ours
    rows = read_outcomes(decided, (BINARY,), Counting(columns=["g"], weights="ignored")).rows
    assert set(rows.ask("SELECT _decided, sum(_times) FROM condensed GROUP BY 1")) == {(None, 6), (1, 12), (0, 6)}


def test_the_file_is_read_once(tmp_path: Path) -> None:
    columns = {"y": [0, 1] * 50, "p": [1, 1, 0, 0] * 25, "g": ["a"] * 60 + ["b"] * 40}
    declared: Declared = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "g": ("string", ("sensitive",)),
    }
    held = as_parquet(dataset(tmp_path / "e.csv", columns, declared, "evaluation"))
    outcomes = read_outcomes(evidence(held), (BINARY,), Counting(columns=["g"], weights="ignored"))
    held.path.unlink()
    found = count_cells(outcomes, groups_of(outcomes.rows, ["g"], {}), "ignored")
    assert {group: one.rows for group, one in found.features["g"].items()} == {"a": 60, "b": 40}
    assert outcomes.rows.total == 100


def test_where_everybody_differs_the_rows_stay_where_they_are_and_memory_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_condensed, "MOST_MEMORY", "4MB")
    path = tmp_path / "e.parquet"
    duckdb.connect().execute(
        f"COPY (SELECT i % 2 AS y, i % 2 AS p, 'person ' || i AS name, (i % 3)::VARCHAR AS g FROM range(120000) t(i)) "
        f"TO '{path}' (FORMAT parquet)"
    )
    columns = (
        Column("y", "integer", ("target",)),
        Column("p", "integer", ("prediction",)),
        Column("name", "string", ("sensitive",)),
        Column("g", "string"),
    )
    held = DatasetEvidence(
        role="evaluation", name="e/1", digest="sha256:" + "0" * 64, path=path, media_type=PARQUET, columns=columns
    )
    rows = open_condensed(held, Condensing(columns=["y", "p", "name"]))
    assert not rows.condensed
    assert rows.total == 120_000
    with pytest.raises(EvidenceError, match="name: holds 120000 groups, more than the 1000 of most_groups"):
        measured(GroupMetrics(), evidence(held))
    small = open_condensed(held, Condensing(columns=["y", "g"]))
    assert small.ask("SELECT y, g, _times FROM condensed ORDER BY ALL") == [
        (y, g, 20_000) for y in (0, 1) for g in ("0", "1", "2")
    ]
    for one in (rows, small):
        assert one.ask("SELECT current_setting('memory_limit'), current_setting('temp_directory')") == (
            duckdb.connect()
            .execute("SELECT current_setting('memory_limit'), current_setting('temp_directory')")
            .fetchall()
        )


@pytest.mark.parametrize(
    ("weights", "meaning", "problem"),
    [
        ([1, None, 1, 1], "sampling", "w: is the weight and must be a number of at least 0 in every row; 1 are not"),
        ([1, -2, -2, 1], "sampling", "w: is the weight and must be a number of at least 0 in every row; 2 are not"),
        ([1, 0.5, 1, -1.5], "counts", "w: is the weight and must be a whole number of at least 0 in every row; 2 are"),
        ([0, 0, 0, 0], "sampling", "w: is the weight and 0 in every row, so nothing counts"),
        (["x", "x", "x", "x"], "sampling", "4 are not"),
    ],
)
def test_a_weight_that_is_none_is_refused_although_it_was_summed(
    tmp_path: Path, weights: list[Any], meaning: str, problem: str
) -> None:
    columns = {"y": [0, 1, 0, 1], "p": [0, 1, 1, 0], "g": list("aabb"), "w": weights}
    declared: Declared = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "g": ("string", ("sensitive",)),
        "w": ("number", ("weight",)),
    }
    told = evidence(dataset(tmp_path / "e.csv", columns, declared, "evaluation"))
    outcomes = read_outcomes(told, (BINARY,), Counting(columns=["g"], weights=meaning))
    assert outcomes.rows.condensed
    with pytest.raises(EvidenceError, match=problem):
        count_cells(outcomes, groups_of(outcomes.rows, ["g"], {}), meaning)


def test_an_empty_file_has_no_rows_condensed_or_not(tmp_path: Path) -> None:
    held = dataset(tmp_path / "e.csv", {"g": [], "y": []}, {"g": ("string", ()), "y": ("integer", ())}, "evaluation")
    for columns in (["g", "y"], [], ["nobody declared this"]):
        with pytest.raises(EvidenceError, match="has no rows"):
            open_condensed(held, Condensing(columns=columns))


def test_a_line_stands_for_as_many_rows_as_are_alike(tmp_path: Path) -> None:
    held = dataset(
        tmp_path / "e.csv",
        {"g": ["a", "a ", "a", ""], "y": [1, "1.0", " 1", "x"]},
        {"g": ("string", ()), "y": ("integer", ())},
        "evaluation",
    )
    rows = open_condensed(held, Condensing(columns=["g", "y"]))
    assert set(rows.ask(f"SELECT g, y, sum({TIMES}) FROM condensed GROUP BY ALL")) == {
        ("a", 1, 2),
        ("a ", 1, 1),
        (None, None, 1),
    }
