"""Runs the database tests once more, on PostgreSQL: `python -m deploy.postgres_tests [--slow] [pytest arguments]`.

DATABASE_URL_TEST_POSTGRES names the server. Without it a server on this machine is used if one answers, and the run is
skipped with a word if none does; a server that was named and does not answer is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
from urllib.parse import urlsplit, urlunsplit

import psycopg

VARIABLE = "DATABASE_URL_TEST_POSTGRES"
LOCAL = "postgres://postgres@127.0.0.1:5432/assay"
CONNECT_SECONDS = 3
DATABASE_TESTS = "database and not browser and not slow"
SLOW_DATABASE_TESTS = "database and not browser and slow"


def objection(url: str) -> str | None:
    """Why the tests cannot run on this server, in words; None when they can."""
    # The tests make databases of their own beside the named one, which need not exist.
    maintenance = urlunsplit(urlsplit(url)._replace(path="/postgres"))
    try:
        with psycopg.connect(maintenance, connect_timeout=CONNECT_SECONDS) as connection:
            row = connection.execute(
                "SELECT rolcreatedb OR rolsuper FROM pg_roles WHERE rolname = current_user"
            ).fetchone()
    except psycopg.Error as error:
        return str(error).strip().splitlines()[0]
    return None if row and row[0] else "the user may not create databases"


def main(arguments: list[str]) -> int:
    named = os.environ.get(VARIABLE)
    url = named or LOCAL
    reason = objection(url)
    if reason and named:
        sys.stderr.write(f"PostgreSQL, as {VARIABLE} names it, cannot be used: {reason}\n")
        return 1
    if reason:
        sys.stdout.write(
            f"PostgreSQL tests skipped, no server on this machine: {reason}\n"
            f"To run them: make test {VARIABLE}=postgres://user@host:5432/assay\n"
        )
        return 0
    sys.stdout.write("Once more on PostgreSQL, the tests that use a database.\n")
    sys.stdout.flush()
    chosen = SLOW_DATABASE_TESTS if "--slow" in arguments else DATABASE_TESTS
    others = [argument for argument in arguments if argument != "--slow"]
    command = [sys.executable, "-m", "pytest", "-m", chosen, *others]
    return subprocess.run(command, env={**os.environ, "DATABASE_URL": url}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
