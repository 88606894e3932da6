"""The ledger beside a plain INSERT on the same database and a bare SHA-256 loop.

`python -m benchmarks.ledger [--rounds 7] [--appends 100] [--sizes 1000 10000 100000 1000000]`

DATABASE_URL names the server (SQLite by default); a database of its own is made there and removed. Rounds are
interleaved and the median is shown with its spread; what counts is the ratio.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

FILLED = 20_000
OFTEN = 100_000  # larger ledgers are verified once only
ENTRY = b'{"event":"report.read","subject":"promotion:1","file":"sha256:%064d"}'
BODY = b'{"actor":"p-00000000000000000000000000000000","event":"report.read","facts":{"file":"sha256:%064d"}}'


@contextmanager
def database() -> Iterator[None]:
    """Django on an empty database of its own."""
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        os.environ.setdefault("ASSAY_ENV", "development")
        os.environ["ASSAY_DATA"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "governance.settings")
        import django
        from django.db import connection

        django.setup()
        name = connection.settings_dict["NAME"]
        connection.creation.create_test_db(verbosity=0, autoclobber=True)
        with connection.cursor() as cursor:
            binary = "bytea" if connection.vendor == "postgresql" else "blob"
            cursor.execute(f"CREATE TABLE bench_plain (id bigint PRIMARY KEY, body {binary}, hash {binary})")
        try:
            yield
        finally:
            connection.creation.destroy_test_db(name, verbosity=0)


def plain_inserts(count: int) -> None:
    """One row a transaction, through the same connection."""
    from django.db import connection, transaction

    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM bench_plain")
        (first,) = cursor.fetchone()
        for number in range(first, first + count):
            with transaction.atomic():
                body = BODY % number
                cursor.execute(
                    "INSERT INTO bench_plain VALUES (%s, %s, %s)", [number, body, hashlib.sha256(body).digest()]
                )


def appends(count: int) -> None:
    """One entry a transaction."""
    from django.db import transaction

    from registry import ledger
    from registry.events import Event

    for number in range(count):
        with transaction.atomic():
            ledger.append(Event.REPORT_READ, subject="promotion:1", facts={"file": f"sha256:{number:064d}"})


def hash_loop(count: int) -> None:
    """What any verification must do at least: two hashes an entry."""
    for number in range(count):
        leaf = hashlib.sha256(b"\x00" + BODY % number).digest()
        hashlib.sha256(b"\x01" + leaf + leaf).digest()


def fill(size: int) -> None:
    """Grow the ledger to `size` in one go, by the tree's own code and the database's fastest way in."""
    from registry import ledger, merkle
    from registry.models import LedgerEntry, LedgerHead

    begin = ledger.size()
    frontier = merkle.Frontier(map(bytes, LedgerEntry.objects.order_by("index").values_list("leaf_hash", flat=True)))
    for start in range(begin, size, FILLED):
        entries: list[tuple[Any, ...]] = []
        nodes: list[tuple[Any, ...]] = []
        for index in range(start, min(start + FILLED, size)):
            body = ENTRY % index
            leaf = merkle.leaf_hash(body)
            entries.append((index, body, leaf, "report.read", "promotion:1"))
            nodes += frontier.append(leaf)
        load("registry_ledgerentry", ("index", "body", "leaf_hash", "event", "subject"), entries)
        load("registry_ledgernode", ("level", "position", "hash"), nodes)
    LedgerHead.objects.filter(id=1).update(size=size)


def load(table: str, columns: Sequence[str], rows: Sequence[tuple[Any, ...]]) -> None:
    """Rows into a table, by COPY where there is one."""
    from django.db import connection, transaction

    named = ", ".join(f'"{column}"' for column in columns)
    with transaction.atomic(), connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            with cursor.copy(f"COPY {table} ({named}) FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
        else:
            places = ", ".join(["%s"] * len(columns))
            cursor.executemany(f"INSERT INTO {table} ({named}) VALUES ({places})", rows)


def verification(_count: int) -> None:
    """Layer A over the whole ledger."""
    from registry.verification import recompute

    problems = list(recompute())
    if problems:
        raise SystemExit(str(problems[0]))


def proofs(count: int) -> None:
    """Inclusion proofs of entries spread over the ledger."""
    from registry import ledger

    size = ledger.size()
    for number in range(count):
        ledger.inclusion_proof(number * size // count, size)


def hashes(size: int) -> int:
    """How many siblings the longest proof has."""
    from registry import ledger

    return max(len(ledger.inclusion_proof(index, size)) for index in (0, size // 2, size - 1))


def compare(contenders: dict[str, Callable[[int], None]], count: int, rounds: int) -> dict[str, float]:
    """Interleaved rounds; prints and answers the median rate of each, and its own CPU time (without the database's)."""
    rates: dict[str, list[float]] = {name: [] for name in contenders}
    spent: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, run in contenders.items():
            begin, processor = time.perf_counter(), time.process_time()
            run(count)
            rates[name].append(count / (time.perf_counter() - begin))
            spent[name].append((time.process_time() - processor) / count * 1e6)
    medians = {name: statistics.median(found) for name, found in rates.items()}
    for name, found in rates.items():
        ratio = medians[name] / next(iter(medians.values()))
        sys.stdout.write(
            f"  {name:<28}{medians[name]:>12,.0f} /s  ({min(found):,.0f} to {max(found):,.0f})  x {ratio:.2f}"
            f"  {statistics.median(spent[name]):,.1f} CPU µs each\n"
        )
    sys.stdout.flush()
    return medians


def main(arguments: Sequence[str] | None = None) -> int:
    """Entry; returns 0."""
    parser = argparse.ArgumentParser(description="The ledger beside a plain INSERT and a bare SHA-256 loop")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--appends", type=int, default=100)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    given = parser.parse_args(arguments)
    with database():
        from django.db import connection

        sys.stdout.write(f"{connection.vendor}: transactions with one row each\n")
        compare({"plain INSERT": plain_inserts, "ledger append": appends}, given.appends, given.rounds)
        for size in given.sizes:
            fill(size)
            sys.stdout.write(f"{size:,} entries\n")
            rounds = 1 if size > OFTEN else 3
            compare({"bare SHA-256, two an entry": hash_loop, "verification, layer A": verification}, size, rounds)
            compare({f"proofs of {hashes(size)} hashes": proofs}, 200, 5)
    return 0


if __name__ == "__main__":
    sys.exit(main())
