"""One contender in one process: `python -m benchmarks.fairness_contenders NAME FILE COLUMNS`.

Prints a line of JSON: seconds, CPU seconds, and the peak of resident memory above what the imports took. The work of a
contender begins with the closed file, except for `numpy` and the resamples, which begin with coded columns in memory.
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
    from audits.checks import _groups, _outcomes, _second_opinion  # noqa: F401 - imports are not timed
    from audits.checks.fairness_group_metrics import GroupMetrics, GroupParameters

    check, evidence = GroupMetrics(), _evidence(path, columns)
    return lambda: check.measure(evidence, GroupParameters(depth=min(2, columns)))


def ours_cells(path: str, columns: int) -> Callable[[], Any]:
    """The counting alone, each column by itself, and from the cells the seven metrics that fairlearn is asked for."""
    from audits.checks._grouping import count_cells, groups_of
    from audits.checks._outcomes import Counting, read_outcomes

    evidence = _evidence(path, columns)

    def count() -> Any:
        outcomes = read_outcomes(
            evidence, ("binary_classification",), Counting(columns=_names(columns), weights="ignored")
        )
        cells = count_cells(outcomes, groups_of(outcomes.rows, _names(columns), {}), "ignored")
        return {feature: [_seven(one) for one in groups.values()] for feature, groups in cells.features.items()}

    return count


def _seven(cells: Any) -> tuple[float, ...]:
    """Count, selection rate, true positive, false positive and false negative rate, accuracy, precision."""
    shares = (
        cells.selected,
        cells.predicted(1, label=1),
        cells.predicted(1, label=0),
        cells.predicted(0, label=1),
        cells.correct,
        cells.labelled(1, prediction=1),
    )
    return (cells.rows, *(share.value for share in shares))


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

    def count() -> list[Any]:
        connection = duckdb.connect(config={"threads": 1})
        return [
            connection.execute(f"SELECT {name}, y, p, count(*) FROM '{path}' GROUP BY ALL").fetchall()
            for name in _names(columns)
        ]

    return count


def numpy(path: str, columns: int) -> Callable[[], Any]:
    """Bincount over columns that are coded and in memory already: the limit."""
    import numpy as np

    codes = _codes(path, columns)
    return lambda: [np.bincount(code) for code in codes]


def _codes(path: str, columns: int) -> list[Any]:
    """For each sensitive column, 4 x group + 2 x label + prediction of every row."""
    import numpy as np
    from pyarrow import parquet

    table = parquet.read_table(path)
    y, p = (table[name].to_numpy().astype(np.int64) for name in ("y", "p"))
    groups = (table[name].combine_chunks().dictionary_encode().indices for name in _names(columns))
    return [4 * group.to_numpy().astype(np.int64) + 2 * y + p for group in groups]


def our_resamples(path: str, columns: int) -> Callable[[], Any]:
    """1,000 resamples of the count table and the interval of the gap in selection."""
    import numpy as np

    from audits.statistics import resampling

    counts = [np.bincount(code) for code in _codes(path, columns)]

    def measure() -> list[Any]:
        return [
            resampling.bootstrap(
                one, _selection_gap, point=float(_selection_gap(one[None])[0]), level=0.95, resamples=RESAMPLES, seed=7
            )
            for one in counts
        ]

    return measure


def row_bootstrap(path: str, columns: int) -> Callable[[], Any]:
    """The same interval from rows that are drawn with replacement: coded columns, one bincount a draw."""
    import numpy as np

    codes = _codes(path, columns)
    random, draws = np.random.default_rng(7), draws_of(codes[0].size)

    def measure() -> list[Any]:
        found = []
        for _ in range(draws):
            drawn = random.integers(0, codes[0].size, codes[0].size)
            found.append([_selection_gap(np.bincount(code[drawn])[None])[0] for code in codes])
        return [np.quantile(gaps, [0.025, 0.975]) for gaps in zip(*found, strict=True)]

    return measure


def _selection_gap(counts: Any) -> Any:
    """(draws, cells) of `_codes` to the highest minus the lowest selection rate of the groups."""
    groups = counts.reshape(len(counts), -1, 4)
    rates = (groups[:, :, 1] + groups[:, :, 3]) / groups.sum(axis=2)
    return rates.max(axis=1) - rates.min(axis=1)


def draws_of(rows: int) -> int:
    """How many of the resamples the row bootstrap really draws; the rest is reckoned, as each costs the same."""
    return RESAMPLES if rows <= 1_000_000 else 20  # noqa: PLR2004 - above, it would take an hour


RESAMPLES = 1000
OURS, CELLS, BARE = "assay", "assay cells", "duckdb"
FAIRLEARN, ROW_BOOTSTRAP, OUR_RESAMPLES = "fairlearn", "row bootstrap", "assay resamples"

CONTENDERS: dict[str, Callable[[str, int], Callable[[], Any]]] = {
    OURS: ours_whole,
    CELLS: ours_cells,
    BARE: bare_duckdb,
    "numpy": numpy,
    "aequitas": aequitas,
    FAIRLEARN: fairlearn,
    OUR_RESAMPLES: our_resamples,
    ROW_BOOTSTRAP: row_bootstrap,
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
