"""What a pipeline's question costs: the open gate, asked with a token, beside a bare WSGI callable and a bare page.

`python -m benchmarks.gate [--rounds 5] [--requests 200] [--promotions 10]`

CPU time of the process for each request through the whole WSGI application, in turns, without network and web server.
The gate checks token, scope and permission and evaluates everything again that can have changed since the decision:
nothing is remembered from one request to the next. Beside it: a callable that answers a constant (the limit),
and `/healthz`, which is Django with all its middleware and no question. DATABASE_URL names the server (SQLite by
default); a database of its own is made there and removed.
"""

from __future__ import annotations

import argparse
import io
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from benchmarks.ledger import database
from benchmarks.simulation import past

Ask = Callable[[], str]
BARE, PAGE, GATE = "bare WSGI callable", "/healthz", "the open gate"


def main(arguments: Sequence[str]) -> int:
    """Print the medians with their spread. Returns 1 when the gate that was asked is not open."""
    parser = argparse.ArgumentParser(prog="benchmarks.gate")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--requests", type=int, default=200)
    parser.add_argument("--promotions", type=int, default=10, help="decided before, every second one blocked")
    given = parser.parse_args(arguments)
    with database():
        from django.db import connection
        from django.test.utils import CaptureQueriesContext

        asked = _contenders(given.promotions)
        with CaptureQueriesContext(connection) as queries:
            status = asked[GATE]()
        sys.stdout.write(f"{connection.vendor}: the gate answers {status} after {len(queries)} queries\n")
        if not status.startswith("200"):
            return 1
        found: dict[str, list[float]] = {name: [] for name in asked}
        for _ in range(given.rounds):
            for name, ask in asked.items():
                found[name].append(_cpu_of(ask, given.requests))
    limit = statistics.median(found[BARE])
    for name, times in found.items():
        median = statistics.median(times)
        sys.stdout.write(
            f"  {name:20} {median * 1e6:9.1f} CPU µs a request ({min(times) * 1e6:.1f} to {max(times) * 1e6:.1f})"
            f"  x {median / limit:,.0f}\n"
        )
    return 0


def _cpu_of(ask: Ask, count: int) -> float:
    begin = time.process_time()
    for _ in range(count):
        ask()
    return (time.process_time() - begin) / count


def _contenders(promotions: int) -> dict[str, Ask]:
    """Ways to ask. Version 1 was approved, so its gate is open."""
    past(promotions)
    from django.core.wsgi import get_wsgi_application

    from governance.access.roles import group_for
    from governance.access.tokens import Scope, issue_token
    from governance.models.access import Role
    from registry.models import Person

    pipeline = Person.objects.create_user("pipeline", is_service=True)
    pipeline.groups.add(group_for(Role.OPERATOR))
    admin = Person.objects.create_user("admin", password="x")  # noqa: S106 - a database that is thrown away
    admin.groups.add(group_for(Role.ADMINISTRATOR))
    token = issue_token(actor=admin, owner=pipeline, label="pipeline", scopes=[Scope.GATE_READ])
    service = get_wsgi_application()
    question = {"QUERY_STRING": "model=m&version=1", "HTTP_AUTHORIZATION": f"Bearer {token.secret}"}
    return {
        BARE: partial(_answer_of, _constant, "/", {}),
        PAGE: partial(_answer_of, service, "/healthz", {}),
        GATE: partial(_answer_of, service, "/api/v1/gates/staging/", question),
    }


def _constant(environ: dict[str, Any], start: Callable[..., Any]) -> list[bytes]:
    """Reads nothing of the request."""
    del environ
    start("200 OK", [("Content-Type", "text/plain")])
    return [b"open"]


def _answer_of(application: Callable[..., Any], path: str, more: dict[str, str]) -> str:
    """One GET as a WSGI server would hand it over, read to its end. Returns the status line."""
    said: list[str] = []
    environ = {
        "REQUEST_METHOD": "GET",
        "PATH_INFO": path,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "wsgi.input": io.BytesIO(),
        "wsgi.errors": sys.stderr,
        "wsgi.url_scheme": "http",
        **more,
    }
    answer = application(environ, lambda status, _headers: said.append(status))
    for _part in answer:
        pass
    if hasattr(answer, "close"):
        answer.close()
    return said[0]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
