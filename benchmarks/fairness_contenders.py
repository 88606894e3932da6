"""One contender in one process: `python -m benchmarks.fairness_contenders NAME FILE COLUMNS`.

Prints a line of JSON: seconds, CPU seconds, and the peak of resident memory above what the imports took.
"""

from __future__ import annotations

import json
import resource
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any


def ours_whole(path: str, columns: int) -> Callable[[], Any]:
    """The whole check: every metric, intersections to depth 2, intervals, tests, tables."""
    from audits.checks import _groups, _outcomes  # noqa: F401 - imports are not timed
    from audits.checks.fairness_group_metrics import GroupMetrics, GroupParameters

    check, evidence = GroupMetrics(), _evidence(path, columns)
    return lambda: check.measure(evidence, GroupParameters(depth=min(2, columns)))


def ours_cells(path: str, columns: int) -> Callable[[], Any]:
    """The counting alone, each column by itself."""
    from audits.checks._grouping import count_cells, groups_of
    from audits.checks._outcomes import read_outcomes

    evidence = _evidence(path, columns)

    def count() -> Any:
        outcomes = read_outcomes(evidence)
        return count_cells(outcomes, groups_of(outcomes.rows, _names(columns), {}), "ignored")

    return count


def _evidence(path: str, columns: int) -> Any:
    from audits.evidence import Column, DatasetEvidence, Evidence, ModelEvidence

    declared = [Column("y", "integer", ("target",)), Column("p", "integer", ("prediction",))]
    declared += [Column(name, "string", ("sensitive",)) for name in _names(columns)]
    rows = DatasetEvidence(
        role="evaluation",
        name="rows/1",
        digest="sha256:" + "0" * 64,
        path=Path(path),
        media_type="application/vnd.apache.parquet",
        columns=tuple(declared),
    )
    signature = {"task": "binary_classification", "positive_label": 1, "target": "y"}
    model = ModelEvidence(name="m/1", digest="sha256:" + "0" * 64, format="skops", path=None, signature=signature)
    return Evidence(model=model, datasets={"evaluation": rows})


def _names(columns: int) -> list[str]:
    return [f"s{index}" for index in range(columns)]


def fairlearn(path: str, columns: int) -> Callable[[], Any]:
    """Seven metrics by MetricFrame, one frame a column."""
    import pandas as pd
    from fairlearn import metrics
    from sklearn.metrics import accuracy_score, precision_score

    seven = {
        name: getattr(metrics, name)
        for name in ("selection_rate", "true_positive_rate", "false_positive_rate", "false_negative_rate", "count")
    } | {"accuracy": accuracy_score, "precision": precision_score}

    def measure() -> list[Any]:
        rows = pd.read_parquet(path)
        return [
            metrics.MetricFrame(
                metrics=seven, y_true=rows["y"], y_pred=rows["p"], sensitive_features=rows[name]
            ).by_group
            for name in _names(columns)
        ]

    return measure


def aequitas(path: str, columns: int) -> Callable[[], Any]:
    """Its crosstabs, in the interpreter that has it."""
    import duckdb
    from aequitas.group import Group

    def measure() -> Any:
        listed = ", ".join(_names(columns))
        rows = duckdb.sql(f"SELECT y AS label_value, p AS score, {listed} FROM '{path}'").df()
        return Group().get_crosstabs(rows, attr_cols=_names(columns))

    return measure


def bare_duckdb(path: str, columns: int) -> Callable[[], Any]:
    """One GROUP BY a column, nothing else."""
    import duckdb

    connection = duckdb.connect(config={"threads": 1})

    def count() -> list[Any]:
        return [
            connection.execute(f"SELECT {name}, y, p, count(*) FROM '{path}' GROUP BY ALL").fetchall()
            for name in _names(columns)
        ]

    return count


def numpy(path: str, columns: int) -> Callable[[], Any]:
    """Bincount over columns that are coded and in memory already: the limit."""
    import numpy as np
    from pyarrow import parquet

    table = parquet.read_table(path)
    y, p = (table[name].to_numpy().astype(np.int64) for name in ("y", "p"))
    codes = [
        table[name].combine_chunks().dictionary_encode().indices.to_numpy().astype(np.int64) for name in _names(columns)
    ]
    return lambda: [np.bincount(4 * code + 2 * y + p) for code in codes]


CONTENDERS: dict[str, Callable[[str, int], Callable[[], Any]]] = {
    "assay": ours_whole,
    "assay cells": ours_cells,
    "duckdb": bare_duckdb,
    "numpy": numpy,
    "aequitas": aequitas,
    "fairlearn": fairlearn,
}


def resident_mb() -> float:
    """Resident memory now (Linux)."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 1e6


def main(arguments: list[str]) -> None:
    """Import, then time."""
    name, path, columns = arguments[0], arguments[1], int(arguments[2])
    work = CONTENDERS[name](path, columns)
    before, peak, done = resident_mb(), [0.0], threading.Event()

    def watch() -> None:
        while not done.wait(0.005):
            peak[0] = max(peak[0], resident_mb())

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    started, cpu = time.perf_counter(), time.process_time()
    work()
    seconds, spent = time.perf_counter() - started, time.process_time() - cpu
    done.set()
    watcher.join()
    answer = {"seconds": seconds, "cpu": spent, "peak_mb": max(peak[0], resident_mb()) - before}
    sys.stdout.write(json.dumps(answer) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:])
