"""The pipeline client against the real service, and against services that lie."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import pytest

from governance.access.tokens import issue_token
from governance.models import PromotionRequest
from registry.canonical import digest
from registry.models import ModelVersion, Person
from tests.stories import gap, measure, result

CLIENT = Path(__file__).resolve().parents[2] / "clients" / "assay_gate.py"
OPEN, CLOSED, USAGE, PENDING, UNKNOWN = range(5)
TOKEN = "assay_x"
DIGEST = "sha256:" + "a" * 64
ASKED = ("--model", "credit", "--version", "3", "--stage", "production")


def run(*arguments: str, url: str = "", token: str | None = TOKEN, **environment: str) -> tuple[int, str]:
    """The exit status and what was printed."""
    surroundings = {name: value for name, value in os.environ.items() if not name.startswith(("ASSAY", "GITHUB"))}
    if token is not None:
        surroundings["ASSAY_TOKEN"] = token
    command = [sys.executable, "-I", str(CLIENT), *(["--url", url] if url else []), *arguments]
    done = subprocess.run(
        command, env={**surroundings, **environment}, capture_output=True, text=True, timeout=60, check=False
    )
    return done.returncode, done.stdout + done.stderr


# -- The real service -------------------------------------------------------------------------------------------------
REAL = ("--model", "care-priority", "--version", "1", "--stage", "staging")


@pytest.fixture
def token(live_server: Any, pia: Person) -> str:
    return issue_token(actor=pia, owner=pia, label="deploy", scopes=["gate:read"]).secret


def test_an_approved_version_may_go(
    live_server: Any, token: str, approved: PromotionRequest, version: ModelVersion, tmp_path: Path
) -> None:
    status, told = run(*REAL, "--digest", version.artifact_digest, url=live_server.url, token=token)
    assert (status, "OPEN" in told) == (OPEN, True)
    artifact = tmp_path / "model.skops"
    artifact.write_bytes(b"model one")
    assert run("--artifact", str(artifact), "--stage", "staging", url=live_server.url, token=token)[0] == OPEN
    artifact.write_bytes(b"model one, changed")
    assert run("--artifact", str(artifact), "--stage", "staging", url=live_server.url, token=token)[0] == CLOSED
    assert run(*REAL, "--artifact", str(artifact), url=live_server.url, token=token)[0] == CLOSED


def test_a_refused_version_may_not_and_the_reasons_are_told_in_every_form(
    live_server: Any, token: str, asked: PromotionRequest, tmp_path: Path
) -> None:
    measure(asked, result(gap(0.40)))
    files = {name: tmp_path / name for name in ("junit", "sarif", "summary", "output")}
    status, told = run(
        *REAL,
        "--format",
        "json",
        "--junit",
        str(files["junit"]),
        "--sarif",
        str(files["sarif"]),
        url=live_server.url,
        token=token,
        GITHUB_STEP_SUMMARY=str(files["summary"]),
        GITHUB_OUTPUT=str(files["output"]),
    )
    assert status == CLOSED
    assert json.loads(told)["answer"]["blocking"][0]["code"] == "finding-not-satisfied"
    failure = ET.parse(files["junit"]).find(".//failure")  # noqa: S314 - our own file
    assert failure is not None
    assert failure.get("type") == "finding-not-satisfied"
    sarif = json.loads(files["sarif"].read_text())
    assert sarif["runs"][0]["results"][0]["ruleId"] == "finding-not-satisfied"
    assert "Gate closed" in files["summary"].read_text()
    assert "decision=closed\n" in files["output"].read_text()


def test_missing_reviews_are_pending(live_server: Any, token: str, in_review: PromotionRequest) -> None:
    status, told = run(*REAL, "--wait", "1", url=live_server.url, token=token)
    assert (status, "model_validator (0 of 1)" in told) == (PENDING, True)


def test_an_unknown_version_is_closed(live_server: Any, token: str) -> None:
    status, told = run("--model", "nothing", "--version", "1", "--stage", "staging", url=live_server.url, token=token)
    assert (status, "unknown-subject" in told) == (CLOSED, True)


def test_an_unknown_token_cannot_tell(live_server: Any) -> None:
    status, told = run(*REAL, url=live_server.url, token="assay_wrong")
    assert (status, "token-invalid" in told) == (UNKNOWN, True)


def test_the_token_may_come_from_a_file_and_is_never_printed(
    live_server: Any, token: str, approved: PromotionRequest, tmp_path: Path
) -> None:
    held = tmp_path / "token"
    held.write_text(token + "\n")
    status, told = run(*REAL, "--token-file", str(held), "--format", "json", url=live_server.url, token=None)
    assert (status, token in told) == (OPEN, False)


# -- Services that lie ------------------------------------------------------------------------------------------------
Answer = tuple[int, dict[str, str], bytes]


@contextmanager
def serving(answer: Callable[[str], Answer]) -> Iterator[tuple[str, list[tuple[str, str | None]]]]:
    """A service with these answers: its URL, and the (path, token) of each request it saw."""
    seen: list[tuple[str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen.append((self.path, self.headers.get("Authorization")))
            status, headers, body = answer(self.path)
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


JSON = {"Content-Type": "application/json"}


def open_answer(**changes: Any) -> dict[str, Any]:
    """What an open gate says about credit/3 in production."""
    return {
        "decision": "open",
        "stage": "production",
        "pending": False,
        "blocking": [],
        "missing_reviews": [],
        "policy": {"slug": "high_risk", "version": 1, "digest": DIGEST},
        "subject": {"model": "credit", "version": 3, "digest": DIGEST},
        "decided_at": "2026-01-01T00:00:00Z",
        "valid_until": (datetime.now(UTC) + timedelta(days=1)).isoformat().replace("+00:00", "Z"),
        "decision_id": "8f14e45f-ceea-467f-9575-25ebf5a6cb1a",
        "attestation": "/api/v1/decisions/8f14e45f-ceea-467f-9575-25ebf5a6cb1a/attestation/",
        **changes,
    }


def told_by(
    content: bytes, *arguments: str, status: int = 200, headers: dict[str, str] | None = None
) -> tuple[int, str]:
    with serving(lambda _path: (status, headers or JSON, content)) as (url, _):
        return run(*ASKED, *arguments, url=url)


def test_the_honest_answer_opens() -> None:
    """Without this one the lies below would prove nothing."""
    assert told_by(json.dumps(open_answer()).encode(), "--digest", DIGEST)[0] == OPEN


def changed_subject(**changes: Any) -> dict[str, Any]:
    return open_answer(subject={"model": "credit", "version": 3, "digest": DIGEST, **changes})


LIES: dict[str, dict[str, Any]] = {
    "another model": changed_subject(model="debit"),
    "another version": changed_subject(version=4),
    "a version as text": changed_subject(version="3"),
    "another artifact": changed_subject(digest="sha256:" + "b" * 64),
    "no artifact": changed_subject(digest=None),
    "no subject": open_answer(subject=None),
    "another stage": open_answer(stage="staging"),
    "no stage": open_answer(stage=None),
    "something blocks": open_answer(blocking=[{"code": "finding-error", "explanation": "x"}]),
    "reviews are missing": open_answer(missing_reviews=[{"role": "risk_officer", "needed": 1, "have": 0}]),
    "reviews are not named": open_answer(missing_reviews=None),
    "it is pending": open_answer(pending=True),
    "no policy": open_answer(policy=None),
    "no decision": open_answer(decision_id=None),
    "over": open_answer(valid_until="2020-01-01T00:00:00Z"),
    "no end": open_answer(valid_until=None),
    "an end without a zone": open_answer(valid_until="2099-01-01T00:00:00"),
    "OPEN": open_answer(decision="OPEN"),
    "yes": open_answer(decision=True),
    "ajar": open_answer(decision="ajar"),
    "nothing": {},
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES.keys())
def test_an_open_that_does_not_hold_together_opens_nothing(lie: dict[str, Any]) -> None:
    status, told = told_by(json.dumps(lie).encode(), "--digest", DIGEST)
    assert status == UNKNOWN, told


@pytest.mark.parametrize(
    ("content", "status", "headers"),
    [
        (b"<html>open</html>", 200, {"Content-Type": "text/html"}),
        (json.dumps(open_answer()).encode(), 200, {"Content-Type": "text/html"}),
        (json.dumps(open_answer()).encode(), 201, JSON),
        (json.dumps(open_answer()).encode()[:-20], 200, JSON),
        (json.dumps(open_answer()).encode()[:-20], 200, {**JSON, "Content-Length": "9999"}),
        (b'{"decision": "closed", "decision": "open"}', 200, JSON),
        (b"", 200, JSON),
        (b"null", 200, JSON),
        (b"\xff", 200, JSON),
        (b"[" * 100_000, 200, JSON),
        (b" " * 2_000_000, 200, JSON),
        (b"{}", 500, JSON),
        (b"{}", 503, JSON),
        (b"{}", 403, JSON),
        (json.dumps(open_answer()).encode(), 409, JSON),
    ],
)
def test_an_answer_that_is_none_opens_nothing(content: bytes, status: int, headers: dict[str, str]) -> None:
    assert told_by(content, status=status, headers=headers)[0] == UNKNOWN


def test_a_redirect_is_not_followed_and_takes_no_token_along() -> None:
    with serving(lambda _path: (200, JSON, json.dumps(open_answer()).encode())) as (other, seen):
        status, _ = told_by(b"", status=302, headers={"Location": f"{other}/api/v1/gates/production/"})
    assert (status, seen) == (UNKNOWN, [])


def test_nobody_at_home_cannot_tell() -> None:
    assert run(*ASKED, "--wait", "2", url="http://127.0.0.1:9")[0] == UNKNOWN


def test_a_service_that_comes_back_within_the_wait_is_asked_again() -> None:
    answers = iter([(503, JSON, b"{}"), (200, JSON, json.dumps(open_answer()).encode())])
    with serving(lambda _path: next(answers)) as (url, seen):
        assert run(*ASKED, "--wait", "10", url=url)[0] == OPEN
    assert len(seen) == 2


def test_what_the_service_says_steers_neither_terminal_nor_runner(tmp_path: Path) -> None:
    output = tmp_path / "output"
    nasty = "fine\n::set-output name=decision::open\x1b[2J\r"
    answer = {**open_answer(decision="closed"), "blocking": [{"code": "x", "explanation": nasty}], "decision_id": nasty}
    with serving(lambda _path: (200, JSON, json.dumps(answer).encode())) as (url, _):
        status, told = run(*ASKED, url=url, GITHUB_OUTPUT=str(output))
    assert (status, "\x1b" in told, "\n::set-output" in told) == (CLOSED, False, False)
    assert [line.split("=")[0] for line in output.read_text().splitlines()] == [
        "decision",
        "decision_id",
        "digest",
        "valid_until",
        "attestation",
    ]


# -- Wrong usage: nothing is sent -------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("arguments", "url", "token"),
    [
        (("--stage", "production"), "http://127.0.0.1:9", "t"),
        (("--model", "credit", "--stage", "production"), "http://127.0.0.1:9", "t"),
        (("--version", "3", "--stage", "production"), "http://127.0.0.1:9", "t"),
        (("--model", "credit", "--version", "three", "--stage", "production"), "http://127.0.0.1:9", "t"),
        (("--model", "credit", "--version", "3"), "http://127.0.0.1:9", "t"),
        ((*ASKED, "--digest", "sha256:0"), "http://127.0.0.1:9", "t"),
        ((*ASKED, "--artifact", "/nothing/here"), "http://127.0.0.1:9", "t"),
        ((*ASKED, "--wait", "-1"), "http://127.0.0.1:9", "t"),
        ((*ASKED, "--token", "secret"), "http://127.0.0.1:9", "t"),
        ((*ASKED, "--token-file", "/nothing/here"), "http://127.0.0.1:9", None),
        (ASKED, "http://127.0.0.1:9", None),
        (ASKED, "http://127.0.0.1:9", "two words"),
        (ASKED, "", "t"),
        (ASKED, "http://assay.example", "t"),
        (ASKED, "http://127.0.0.1.evil.example", "t"),
        (ASKED, "http://user:word@127.0.0.1:9", "t"),
        (ASKED, "file:///etc/passwd", "t"),
        (ASKED, "http://127.0.0.1:port", "t"),
    ],
)
def test_wrong_usage_is_told_apart(arguments: tuple[str, ...], url: str, token: str | None) -> None:
    assert run(*arguments, url=url, token=token)[0] == USAGE


def test_a_question_the_service_rejects_is_wrong_usage() -> None:
    problem = {"code": "malformed", "detail": "version: no"}
    status, told = told_by(
        json.dumps(problem).encode(), status=400, headers={"Content-Type": "application/problem+json"}
    )
    assert (status, "version: no" in told) == (USAGE, True)


def test_an_open_gate_whose_result_cannot_be_written_is_no_success() -> None:
    content = json.dumps(open_answer()).encode()
    assert told_by(content, "--junit", "/nothing/here/junit.xml")[0] == USAGE


def test_the_digest_of_the_file_is_what_is_asked(tmp_path: Path) -> None:
    artifact = tmp_path / "model"
    artifact.write_bytes(b"bytes")
    with serving(lambda _path: (500, JSON, b"{}")) as (url, seen):
        run(*ASKED, "--artifact", str(artifact), url=url, token="assay_secret")
    assert digest(b"bytes").replace(":", "%3A") in seen[0][0]
    assert "assay_secret" not in seen[0][0]
    assert seen[0][1] == "Bearer assay_secret"
    mismatch = run(*ASKED, "--artifact", str(artifact), "--digest", DIGEST, url="http://127.0.0.1:9")
    assert mismatch[0] == USAGE
