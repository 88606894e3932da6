"""Fairness at the speed of a GROUP BY: our check beside fairlearn, Aequitas, bare DuckDB and a bare NumPy bincount.

`python -m benchmarks.fairness [--rows 100000 1000000] [--columns 1 2 4] [--rounds 3] [--aequitas PYTHON]
[--fairlearn-rows 1000000] [--huge]`

Each contender is a process of its own that reads the same Parquet file. Measured are the CPU seconds of its work
without its imports, those of the whole process, and the peak of its memory above the imports. Rounds are interleaved;
shown is the median with its spread. Two intervals by 1,000 resamples stand below: of our count table, and of rows.

Contenders that take minutes (fairlearn and the row bootstrap from a million rows) run once; above `--fairlearn-rows`
fairlearn does not run, and above a million rows the row bootstrap draws 20 times and is reckoned from that. Aequitas
needs pandas 2 and is asked in the interpreter named by --aequitas. --huge streams 10^8 rows once.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Sequence
from pathlib import Path

import duckdb

from benchmarks.fairness_contenders import (
    BARE,
    CELLS,
    CONTENDERS,
    FAIRLEARN,
    OUR_RESAMPLES,
    OURS,
    RESAMPLES,
    ROW_BOOTSTRAP,
    draws_of,
)

SLOW = {FAIRLEARN, ROW_BOOTSTRAP}
SLOW_FROM = 1_000_000
HUGE = 100_000_000
GROUPS = (14, 2, 5, 3)
ROOT = Path(__file__).parents[1]

#: What each pair is to show: the first takes so many times the CPU seconds of the second.
RATIOS = (
    (FAIRLEARN, OURS),
    (FAIRLEARN, CELLS),
    ("aequitas", OURS),
    (CELLS, BARE),
    (ROW_BOOTSTRAP, OUR_RESAMPLES),
)

Answer = dict[str, float]


def write_rows(path: Path, rows: int, columns: int) -> None:
    """Labels and predictions with a planted gap, and `columns` sensitive columns of 14, 2, 5 and 3 groups."""
    groups = ", ".join(f"('g' || (hash(i * 7 + {c}) % {GROUPS[c]})) AS s{c}" for c in range(columns))
    decided = f"(hash(i * 11) % 100 < 40 + (hash(i * 7) % {GROUPS[0]}))::BIGINT"
    duckdb.connect().execute(  # our own file and numbers
        f"COPY (SELECT (hash(i * 3) % 10 < 4)::BIGINT AS y, {decided} AS p, {groups} FROM range({rows}) t(i)) "
        f"TO '{path}' (FORMAT parquet)"
    )


def run(python: str, contender: str, path: Path, columns: int) -> Answer | None:
    """One process; None where it ends without an answer."""
    command = [python, "-m", "benchmarks.fairness_contenders", contender, str(path), str(columns)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT) as child:
        # One short line of output: the pipes cannot fill, and wait4 tells what this child alone has used.
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        told, problem = child.stdout.read() if child.stdout else "", child.stderr.read() if child.stderr else ""
    if child.returncode:
        sys.stderr.write(f"{contender}: {problem.strip().splitlines()[-1:]}\n")
        return None
    found: Answer = json.loads(told.splitlines()[-1])
    return {**found, "whole": used.ru_utime + used.ru_stime}


def compare(
    names: Collection[str], rows: int, columns: int, rounds: int, aequitas: str | None = None
) -> dict[str, list[Answer]]:
    """The contenders on the same file, in turns."""
    answers: dict[str, list[Answer]] = {name: [] for name in names}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "rows.parquet")
        write_rows(path, rows, columns)
        for turn in range(rounds):
            for name in names:
                python = aequitas if name == "aequitas" else sys.executable
                if python is None or (turn and name in SLOW and rows >= SLOW_FROM):
                    continue
                answer = run(python, name, path, columns)
                if answer is not None:
                    answers[name].append(_whole_bootstrap(answer, rows) if name == ROW_BOOTSTRAP else answer)
    return answers


def _whole_bootstrap(answer: Answer, rows: int) -> Answer:
    """What all resamples would take, where not all were drawn."""
    return {**answer, "cpu": answer["cpu"] * RESAMPLES / draws_of(rows)}


def report(rows: int, columns: int, answers: dict[str, list[Answer]]) -> None:
    """Lines of a Markdown table, and the ratios that were promised."""
    medians: dict[str, Answer] = {}
    for name, found in answers.items():
        if not found:
            sys.stdout.write(f"| {rows:,} | {columns} | {name} | not run | | |\n")
            continue
        one = medians[name] = {key: statistics.median(answer[key] for answer in found) for key in found[0]}
        cpu = sorted(answer["cpu"] for answer in found)
        spread = f" ({cpu[0]:.3g} to {cpu[-1]:.3g})" if len(cpu) > 1 else ""
        sys.stdout.write(
            f"| {rows:,} | {columns} | {name} | {one['cpu']:.3g}{spread} | {one['whole']:.3g} | "
            f"{one['peak_mb']:.0f} |\n"
        )
    told = [
        f"{first} = {medians[first]['cpu'] / medians[second]['cpu']:,.3g} x {second}"
        f" (whole process {medians[first]['whole'] / medians[second]['whole']:.3g} x)"
        for first, second in RATIOS
        if first in medians and second in medians
    ]
    sys.stdout.write("".join(f"  {line}\n" for line in told))
    sys.stdout.flush()


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry; returns 0."""
    parser = argparse.ArgumentParser(description="Fairness at the speed of a GROUP BY")
    parser.add_argument("--rows", type=int, nargs="*", default=[100_000, 1_000_000])
    parser.add_argument("--columns", type=int, nargs="+", default=[1, 2, 4], choices=[1, 2, 3, 4])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--aequitas", help="an interpreter that has Aequitas and DuckDB")
    parser.add_argument("--fairlearn-rows", type=int, default=1_000_000, help="above, fairlearn does not run")
    parser.add_argument("--huge", action="store_true", help="stream 10^8 rows once, ours and bare DuckDB")
    given = parser.parse_args(arguments)
    sys.stdout.write("| rows | columns | contender | CPU s (spread) | whole process CPU s | peak MB above imports |\n")
    sys.stdout.write("|---:|---:|---|---:|---:|---:|\n")
    for rows in given.rows:
        names = [name for name in CONTENDERS if name != FAIRLEARN or rows <= given.fairlearn_rows]
        for columns in given.columns:
            report(rows, columns, compare(names, rows, columns, given.rounds, given.aequitas))
    if given.huge:
        report(HUGE, 1, compare((OURS, CELLS, BARE), HUGE, 1, 1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
