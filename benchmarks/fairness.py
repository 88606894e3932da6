"""Fairness at the speed of a GROUP BY: our check beside fairlearn, Aequitas and a bare NumPy bincount.

`python -m benchmarks.fairness [--rows 100000 1000000] [--columns 1 2 4] [--rounds 3] [--aequitas PYTHON] [--huge]`

Each contender is a process of its own that reads the same Parquet file and prints its seconds, CPU seconds and peak
memory above its imports. Rounds are interleaved and the median is shown with its spread. Aequitas needs pandas 2 and is
asked in the interpreter named by --aequitas; without it, its column is empty. --huge streams 10^8 rows once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.fairness_contenders import CONTENDERS

MOST_ROWS_OF_FAIRLEARN = 1_000_000
HUGE = 100_000_000
GROUPS = (14, 2, 5, 3)


def write_rows(path: Path, rows: int, columns: int) -> None:
    """Labels and predictions with a planted gap, and `columns` sensitive columns of 14, 2, 5 and 3 groups."""
    groups = ", ".join(f"('g' || (hash(i * 7 + {c}) % {GROUPS[c]})) AS s{c}" for c in range(columns))
    decided = f"(hash(i * 11) % 100 < 40 + (hash(i * 7) % {GROUPS[0]}))::BIGINT"
    duckdb.connect().execute(  # our own file and numbers
        f"COPY (SELECT (hash(i * 3) % 10 < 4)::BIGINT AS y, {decided} AS p, {groups} FROM range({rows}) t(i)) "
        f"TO '{path}' (FORMAT parquet)"
    )


def run(python: str, contender: str, path: Path, columns: int) -> dict[str, float] | None:
    """One process; None where it ends without an answer."""
    command = [python, "-m", "benchmarks.fairness_contenders", contender, str(path), str(columns)]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=Path(__file__).parents[1])
    if ended.returncode:
        sys.stderr.write(f"{contender}: {ended.stderr.strip().splitlines()[-1:]}\n")
        return None
    found: dict[str, float] = json.loads(ended.stdout.splitlines()[-1])
    return found


def compare(rows: int, columns: int, rounds: int, aequitas: str | None) -> dict[str, list[dict[str, float]]]:
    """All contenders on the same file, in turns."""
    answers: dict[str, list[dict[str, float]]] = {name: [] for name in CONTENDERS}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        write_rows(path, rows, columns)
        for turn in range(rounds):
            for name in CONTENDERS:
                slow = name == "fairlearn" and (
                    rows > MOST_ROWS_OF_FAIRLEARN or (turn and rows >= MOST_ROWS_OF_FAIRLEARN)
                )
                python = aequitas if name == "aequitas" else sys.executable
                if python is None or slow:
                    continue
                answer = run(python, name, path, columns)
                if answer is not None:
                    answers[name].append(answer)
    return answers


def report(rows: int, columns: int, answers: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Medians, printed as one line a contender and as ratios to the bare bincount and to ours."""
    medians: dict[str, Any] = {}
    ours = statistics.median(answer["cpu"] for answer in answers["assay"]) if answers["assay"] else None
    for name, found in answers.items():
        if not found:
            sys.stdout.write(f"{rows:>11,} {columns} {name:<18} not run\n")
            continue
        cpu = sorted(answer["cpu"] for answer in found)
        memory = statistics.median(answer["peak_mb"] for answer in found)
        medians[name] = {"cpu": statistics.median(cpu), "peak_mb": memory}
        ratio = f"{medians[name]['cpu'] / ours:9.2f}" if ours else ""
        sys.stdout.write(
            f"{rows:>11,} {columns} {name:<18} {medians[name]['cpu']:9.4f} s ({cpu[0]:.4f} to {cpu[-1]:.4f}) "
            f"{memory:8.1f} MB  {ratio} x assay\n"
        )
    return medians


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry; returns 0."""
    parser = argparse.ArgumentParser(description="Fairness at the speed of a GROUP BY")
    parser.add_argument("--rows", type=int, nargs="+", default=[100_000, 1_000_000])
    parser.add_argument("--columns", type=int, nargs="+", default=[1, 2, 4], choices=[1, 2, 3, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aequitas", help="an interpreter that has Aequitas and DuckDB")
    parser.add_argument("--huge", action="store_true", help="stream 10^8 rows once, ours and bare DuckDB")
    given = parser.parse_args(arguments)
    sys.stdout.write("       rows c contender          CPU s median (spread), peak memory above imports, ratio\n")
    for rows in given.rows:
        for columns in given.columns:
            report(rows, columns, compare(rows, columns, given.rounds, given.aequitas))
    if given.huge:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "rows.parquet")
            write_rows(path, HUGE, 1)
            answers = {name: [run(sys.executable, name, path, 1) or {}] for name in ("assay", "assay cells", "duckdb")}
            report(HUGE, 1, {name: [one for one in found if one] for name, found in answers.items()})
    return 0


if __name__ == "__main__":
    sys.exit(main())
