"""The leakage check on two files of a million rows and twenty columns: seconds, processor time and peak memory.

`python -m benchmarks.leakage [--rows 1000000] [--columns 20] [--rounds 3]`

Each round is a process of its own, as for any check, and so is the writing of the files: a child's peak begins with
that of the process it was forked from, so the one that starts them stays small. A tenth of the evaluation rows is
planted from the training rows, and the measured overlap has to be it. Returns 1 above 10 s of processor time or 1 GB:
the clock on a busy machine tells of the others as well, and is told beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

PLANTED = 0.1
MOST_SECONDS, MOST_BYTES = 10.0, 1_000_000_000
_PARQUET = "application/vnd.apache.parquet"


def main(arguments: Sequence[str]) -> int:
    """Write the files once, measure, print. Returns 1 where a limit is passed or the planted rows are not found."""
    parser = argparse.ArgumentParser(prog="benchmarks.leakage")
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--columns", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.write:
        _write(options.write, options.rows, options.columns)
        return 0
    if options.measure:
        sys.stdout.write(json.dumps(_measured(options.measure, options.columns)))
        return 0
    with tempfile.TemporaryDirectory() as place:
        size = ["--rows", str(options.rows), "--columns", str(options.columns)]
        _alone("--write", place, *size)
        found = [json.loads(_alone("--measure", place, *size)) for _ in range(options.rounds)]
    return max(_told(one, options.rows, options.columns) for one in found)


def _alone(*arguments: str) -> bytes:
    """What this program prints as a process of its own."""
    command = [sys.executable, "-m", "benchmarks.leakage", *arguments]
    return subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout


def _told(one: dict[str, float], rows: int, columns: int) -> int:
    sys.stdout.write(
        f"leakage of {rows} x {columns}: {one['cpu']:.1f} s of processor, {one['clock']:.1f} s by the clock, "
        f"{one['peak'] / 1e6:.0f} MB at most; overlap {one['exact']:.3f} exact, {one['near']:.3f} near\n"
    )
    right = abs(one["exact"] - PLANTED) < 1e-6 and one["near"] >= one["exact"]  # noqa: PLR2004
    return 0 if right and one["cpu"] < MOST_SECONDS and one["peak"] < MOST_BYTES else 1


def _write(folder: Path, rows: int, columns: int) -> None:
    """train.parquet and evaluation.parquet: half numbers, a quarter whole numbers, a quarter words, and the target."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    dice = np.random.default_rng(5)
    words = np.array([f"district {number}" for number in range(500)])

    def table() -> dict[str, object]:
        found: dict[str, object] = {}
        for at, name in enumerate(_names(columns)):
            if at % 4 == 2:  # noqa: PLR2004
                found[name] = dice.integers(0, 10_000, rows)
            elif at % 4 == 3:  # noqa: PLR2004
                found[name] = words[dice.integers(0, len(words), rows)]
            else:
                found[name] = dice.normal(size=rows)
        found["y"] = dice.integers(0, 2, rows)
        return found

    train, evaluation = table(), table()
    planted = int(rows * PLANTED)
    for name, values in evaluation.items():
        values[:planted] = train[name][:planted]  # type: ignore[index]
    for role, given in (("train", train), ("evaluation", evaluation)):
        pq.write_table(pa.table(given), folder / f"{role}.parquet")


def _names(columns: int) -> list[str]:
    return [f"x{at}" for at in range(columns - 1)]


def _measured(folder: Path, columns: int) -> dict[str, float]:
    """One measurement in this process."""
    from audits.checks.lineage_leakage import Leakage
    from audits.evidence import Column, DatasetEvidence, Evidence, ModelEvidence

    kinds = {2: "integer", 3: "string"}
    declared = (*(Column(name, kinds.get(at % 4, "number"), ("feature",)) for at, name in enumerate(_names(columns))),)
    declared = (*declared, Column("y", "integer", ("target",)))
    datasets = {
        role: DatasetEvidence(
            role=role,
            name=f"{role}/1",
            digest="",
            path=folder / f"{role}.parquet",
            media_type=_PARQUET,
            columns=declared,
        )
        for role in ("train", "evaluation")
    }
    signature = {"task": "binary_classification", "features": _names(columns), "target": "y", "positive_label": 1}
    model = ModelEvidence(name="m/1", digest="", format="skops", path=None, signature=signature)
    began, worked = time.perf_counter(), time.process_time()
    check = Leakage()
    answer = check.measure(Evidence(model=model, datasets=datasets), check.Parameters())
    share = {value.metric: value.value or 0.0 for value in answer.values if not value.feature}
    return {
        "clock": time.perf_counter() - began,
        "cpu": time.process_time() - worked,
        "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
        "exact": share["exact_overlap_fraction"],
        "near": share["near_overlap_fraction"],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
