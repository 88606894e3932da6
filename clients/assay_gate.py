#!/usr/bin/env python3
"""Ask a gate of Assay from a pipeline: may this exact model version go to this stage, now?

    ASSAY_TOKEN=... python assay_gate.py --url https://assay.example --model credit --version 3 --stage production \
        --artifact model.skops && ./deploy.sh

One file, standard library only, Python 3.9 or newer. Exit status:

    0  open: a readable answer about exactly this version, artifact and stage says so
    1  closed, with the reasons
    2  wrong usage
    3  still pending after the wait: checks run, or people have yet to review
    4  could not tell: unreachable, unauthorised, unreadable, or an answer about something else

It never ends with 0 for any other reason. The token comes from ASSAY_TOKEN or --token-file, never from the command
line, where every user of the machine could read it.
"""

# ruff: noqa: UP017, FURB162 - it runs on Python 3.9 too, where these are missing
from __future__ import annotations

import argparse
import datetime as dt
import hashlib
import ipaddress
import json
import os
import re
import ssl
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Sequence
from http import HTTPStatus
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from xml.etree import ElementTree as ET

OPEN, CLOSED, USAGE, PENDING, UNKNOWN = 0, 1, 2, 3, 4
WORDS = {OPEN: "open", CLOSED: "closed", USAGE: "wrong usage", PENDING: "pending", UNKNOWN: "could not tell"}

MAX_ANSWER_BYTES = 1 << 20
LONGEST_POLL = 60
DIGEST = re.compile(r"sha256:[0-9a-f]{64}", re.ASCII)
FORMATS = ("text", "json", "junit", "sarif", "markdown")


class UsageError(Exception):
    """The call is wrong; nothing was asked."""


class UntrustedAnswerError(Exception):
    """No answer, or none that can be taken for one."""


class BusyError(UntrustedAnswerError):
    """No answer now; the same question may be answered in a moment."""


class Verdict:
    """What came out: the exit status, one sentence, and the answer of the service if there was a readable one."""

    def __init__(self, status: int, summary: str, asked: dict[str, Any], answer: dict[str, Any] | None = None) -> None:
        self.status = status
        self.summary = plain(summary)
        self.asked = asked
        self.answer = answer or {}

    @property
    def reasons(self) -> list[tuple[str, str]]:
        """(code, sentence) of everything that keeps the gate closed."""
        if self.status == OPEN:
            return []
        listed = [(plain(entry["code"]), plain(entry["explanation"])) for entry in self.answer.get("blocking", ())]
        return listed or [(WORDS[self.status].replace(" ", "-"), self.summary)]

    @property
    def name(self) -> str:
        """What was asked about, for headings."""
        asked = self.asked
        what = f"{asked['model']}/{asked['version']}" if asked.get("model") else str(asked.get("digest"))
        return plain(f"{what} → {asked['stage']}")

    def document(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "verdict": WORDS[self.status],
            "exit_status": self.status,
            "summary": self.summary,
            "asked": self.asked,
            "answer": self.answer or None,
        }


# -- The question -----------------------------------------------------------------------------------------------------
def parse_arguments(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits with 2 when it is wrong, as argparse does."""
    parser = argparse.ArgumentParser(prog="assay_gate.py", description="Ask a gate of Assay from a pipeline.")
    parser.add_argument("--url", default=os.environ.get("ASSAY_URL"), help="base URL of the service (or ASSAY_URL)")
    parser.add_argument("--model", help="slug of the registered model")
    parser.add_argument("--version", type=int, help="number of the model version")
    parser.add_argument("--stage", required=True, help="where it should go")
    parser.add_argument("--digest", help="sha256:<hex> of the artifact that will be deployed")
    parser.add_argument("--artifact", type=Path, help="the file that will be deployed; its digest is computed here")
    parser.add_argument("--wait", type=int, default=0, metavar="S", help="wait up to S seconds while it is pending")
    parser.add_argument("--timeout", type=float, default=15, metavar="S", help="seconds for one answer (default 15)")
    parser.add_argument("--token-file", type=Path, help="file with the token (default: ASSAY_TOKEN)")
    parser.add_argument("--ca-file", type=Path, help="certificates to trust instead of the system's")
    parser.add_argument("--format", choices=FORMATS, default="text", help="what to print")
    parser.add_argument("--junit", type=Path, metavar="F", help="also write JUnit XML")
    parser.add_argument("--sarif", type=Path, metavar="F", help="also write SARIF 2.1.0")
    parser.add_argument("--send-token-unencrypted-to-anyone-listening", action="store_true", help=argparse.SUPPRESS)
    return parser.parse_args(arguments)


def question(options: argparse.Namespace) -> dict[str, Any]:
    """What is asked. Raises UsageError."""
    if (options.model is None) != (options.version is None):
        raise UsageError("Give --model and --version together.")
    digest = options.digest
    if options.artifact is not None:
        found = digest_file(options.artifact)
        if digest not in (None, found):
            raise UsageError(f"--digest is {digest}, but {options.artifact} is {found}.")
        digest = found
    if digest is not None and not DIGEST.fullmatch(digest):
        raise UsageError("--digest is sha256:<64 lower-case hex digits>.")
    if options.model is None and digest is None:
        raise UsageError("Give --model and --version, or --digest, or --artifact.")
    if options.wait < 0 or options.timeout <= 0:
        raise UsageError("--wait and --timeout are positive seconds.")
    asked = {"model": options.model, "version": options.version, "digest": digest, "stage": options.stage}
    return {name: value for name, value in asked.items() if value is not None}


def digest_file(path: Path) -> str:
    """The digest of a file. Raises UsageError."""
    running = hashlib.sha256()
    try:
        with path.open("rb") as stream:
            for chunk in iter(lambda: stream.read(1 << 20), b""):
                running.update(chunk)
    except OSError as error:
        raise UsageError(f"The artifact cannot be read: {error}.") from error
    return f"sha256:{running.hexdigest()}"


def read_token(path: Path | None) -> str:
    """The token. Raises UsageError."""
    if path is not None:
        try:
            token = path.read_text(encoding="ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(f"The token file cannot be read: {error}.") from error
    else:
        token = os.environ.get("ASSAY_TOKEN", "").strip()
    if not re.fullmatch(r"[!-~]+", token, re.ASCII):
        raise UsageError("Give the token in ASSAY_TOKEN, or in a file with --token-file.")
    return token


def base_url(given: str | None, *, unencrypted: bool) -> str:
    """The base of all paths, without a slash at its end. Raises UsageError for plain HTTP to another host."""
    try:
        parts = urllib.parse.urlsplit(given or "")
        host, _ = parts.hostname, parts.port
    except ValueError as error:
        raise UsageError(f"--url is no URL: {error}.") from error
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment or parts.username:
        raise UsageError("--url is like https://assay.example, without user name or query.")
    if parts.scheme == "http" and not is_loopback(host) and not unencrypted:
        raise UsageError(f"Plain HTTP would send the token to {host} for everybody to read; use https.")
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc, parts.path.rstrip("/"), "", ""))


def is_loopback(host: str) -> bool:
    """Whether nothing leaves this machine."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


# -- The answer -------------------------------------------------------------------------------------------------------
class NoRedirects(urllib.request.HTTPRedirectHandler):
    """A token is for the host it was given for; whoever redirects gets neither it nor our trust."""

    def redirect_request(self, *_redirect: Any) -> None:
        """Follow nothing: urllib then raises HTTPError."""


class Gate:
    """The gate of one service, asked over HTTP."""

    def __init__(self, base: str, token: str, *, timeout: float, ca_file: Path | None = None) -> None:
        self.base, self.token, self.timeout = base, token, timeout
        try:
            context = ssl.create_default_context(cafile=str(ca_file) if ca_file else None)
        except (OSError, ssl.SSLError) as error:
            raise UsageError(f"--ca-file cannot be read: {error}.") from error
        handlers: list[Any] = [NoRedirects(), urllib.request.HTTPSHandler(context=context)]
        if base.startswith("http:"):
            handlers.append(urllib.request.ProxyHandler({}))  # a proxy would see the token in clear
        self.opener = urllib.request.build_opener(*handlers)

    def ask(self, asked: dict[str, Any], wait: int) -> dict[str, Any]:
        """One readable answer about exactly what was asked. Raises UsageError, BusyError or UntrustedAnswerError."""
        query: dict[str, Any] = {name: asked[name] for name in ("model", "version", "digest") if name in asked}
        if wait:
            query["wait"] = wait
        stage = urllib.parse.quote(asked["stage"], safe="")
        url = f"{self.base}/api/v1/gates/{stage}/?{urllib.parse.urlencode(query)}"
        headers = {"Authorization": f"Bearer {self.token}", "Accept": "application/json", "User-Agent": "assay-gate/1"}
        try:
            with self.opener.open(urllib.request.Request(url, headers=headers), timeout=self.timeout + wait) as got:  # noqa: S310 - base_url allows http and https only
                content = got.read(MAX_ANSWER_BYTES + 1)
                kind, status = got.headers.get_content_type(), got.status
        except urllib.error.HTTPError as error:
            raise refused(error) from None
        except (OSError, HTTPException, ValueError) as error:
            raise BusyError(f"The service cannot be reached: {error}") from error
        if status != HTTPStatus.OK or kind != "application/json":
            raise UntrustedAnswerError(f"The answer is {status} {kind}, not a gate's: is --url right?")
        return check_answer(read_json(content), asked)


def refused(error: urllib.error.HTTPError) -> Exception:
    """What an HTTP error means to the caller, in the service's own words where it gives them."""
    status = error.code
    with error:
        try:
            problem = read_json(error.read(MAX_ANSWER_BYTES + 1))
            words = f"{problem.get('code', '')}: {problem.get('detail', '')}"
        except (UntrustedAnswerError, OSError, HTTPException):
            words = str(error.reason)
    if status in (429, 502, 503, 504):
        return BusyError(f"The service answers {status}: {words}")
    if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
        return UntrustedAnswerError(f"The service redirects to {error.headers.get('Location')}, which is not followed.")
    if status == HTTPStatus.BAD_REQUEST:
        return UsageError(f"The service does not understand the question: {words}")
    return UntrustedAnswerError(f"The service answers {status}: {words}")


def read_json(content: bytes) -> dict[str, Any]:
    """A JSON object in which nothing is said twice. Raises UntrustedAnswerError."""

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) != len(pairs):
            raise ValueError("a member is given twice")
        return found

    if len(content) > MAX_ANSWER_BYTES:
        raise UntrustedAnswerError("The answer is too long.")
    try:
        document = json.loads(content.decode("utf-8"), object_pairs_hook=once)
    except (ValueError, RecursionError) as error:
        raise UntrustedAnswerError(f"The answer cannot be read: {error}") from error
    if not isinstance(document, dict):
        raise UntrustedAnswerError("The answer is no JSON object.")
    return document


def check_answer(answer: dict[str, Any], asked: dict[str, Any]) -> dict[str, Any]:
    """The answer, if it is one about `asked` and does not contradict itself. Raises UntrustedAnswerError."""
    decision, blocking = answer.get("decision"), answer.get("blocking")
    if decision not in ("open", "closed"):
        raise UntrustedAnswerError(f"The decision is {decision!r}, neither open nor closed.")
    if answer.get("stage") != asked["stage"]:
        raise UntrustedAnswerError(f"The answer is about stage {answer.get('stage')!r}.")
    if not isinstance(blocking, list) or not all(
        isinstance(entry, dict) and isinstance(entry.get("code"), str) and isinstance(entry.get("explanation"), str)
        for entry in blocking
    ):
        raise UntrustedAnswerError("The reasons of the answer cannot be read.")
    subject = answer.get("subject")
    if subject is not None or decision == "open":
        check_subject(subject, asked)
    if decision == "open":
        check_open(answer)
    return answer


def check_subject(subject: Any, asked: dict[str, Any]) -> None:
    """The answer names exactly what was asked about. Raises UntrustedAnswerError."""
    if not isinstance(subject, dict) or not DIGEST.fullmatch(str(subject.get("digest"))):
        raise UntrustedAnswerError("The answer does not say which artifact it is about.")
    for name in ("model", "version", "digest"):
        # The type too: JSON's true would pass for version 1.
        told = subject.get(name)
        if name in asked and (type(told) is not type(asked[name]) or told != asked[name]):
            raise UntrustedAnswerError(f"The answer is about {name} {told!r}, not {asked[name]!r}.")


def check_open(answer: dict[str, Any]) -> None:
    """An open answer has a signed decision behind it, holds now, and names nothing that blocks."""
    if answer["blocking"] or answer.get("missing_reviews") != [] or answer.get("pending") is not False:
        raise UntrustedAnswerError("The answer says open, and also what blocks it.")
    if not isinstance(answer.get("policy"), dict) or not isinstance(answer.get("decision_id"), str):
        raise UntrustedAnswerError("The answer says open, but names no decision or policy.")
    try:
        until = dt.datetime.fromisoformat(str(answer.get("valid_until")).replace("Z", "+00:00"))
        over = until <= dt.datetime.now(dt.timezone.utc)
    except (ValueError, TypeError) as error:
        raise UntrustedAnswerError("The answer says open, but not until when.") from error
    if over:
        raise UntrustedAnswerError(f"The answer says open until {answer['valid_until']}, which is over by our clock.")


def decide(gate: Gate, asked: dict[str, Any], wait: int) -> Verdict:
    """Ask until the answer is final or the wait is over. Raises UsageError or UntrustedAnswerError."""
    end = time.monotonic() + wait
    while True:
        left = end - time.monotonic()
        answer: dict[str, Any] | None = None
        try:
            answer = gate.ask(asked, max(0, min(LONGEST_POLL, int(left))))
        except BusyError:
            if left <= 0:
                raise
        if answer is not None and answer["decision"] == "open":
            return Verdict(OPEN, f"The gate is open until {answer['valid_until']}.", asked, answer)
        if answer is not None and answer.get("pending") is not True:
            return Verdict(CLOSED, "The gate is closed.", asked, answer)
        if answer is not None and left <= 0:
            return Verdict(PENDING, "The gate is still closed; its checks or reviews are not finished.", asked, answer)
        time.sleep(max(0.0, min(2.0, end - time.monotonic())))


# -- Telling it -------------------------------------------------------------------------------------------------------
def plain(text: str) -> str:
    """One printable line: nothing the service says may steer a terminal, a log or a CI runner."""
    return "".join(character if character.isprintable() else " " for character in str(text)).strip()


def as_text(verdict: Verdict) -> str:
    """For people."""
    lines = [f"{WORDS[verdict.status].upper()}  {verdict.name}", verdict.summary]
    lines += [f"  - {sentence} [{code}]" for code, sentence in verdict.reasons if sentence != verdict.summary]
    for missing in verdict.answer.get("missing_reviews") or ():
        lines.append(
            plain(f"  - still missing: {missing.get('role')} ({missing.get('have')} of {missing.get('needed')})")
        )
    if verdict.answer.get("decision_id"):
        lines.append(plain(f"Decision {verdict.answer['decision_id']}"))
    return "\n".join(lines) + "\n"


def as_json(verdict: Verdict) -> str:
    """For programs."""
    return json.dumps(verdict.document(), indent=2, ensure_ascii=True) + "\n"


def as_markdown(verdict: Verdict) -> str:
    """For a job summary."""
    lines = [f"### Gate {WORDS[verdict.status]}: {escaped(verdict.name)}", "", escaped(verdict.summary), ""]
    if verdict.reasons:
        lines += ["| code | reason |", "|---|---|"]
        lines += [f"| {escaped(code)} | {escaped(sentence)} |" for code, sentence in verdict.reasons]
    return "\n".join(lines) + "\n"


def escaped(text: str) -> str:
    """Text that Markdown takes for nothing else."""
    return re.sub(r"([\\`*_{}\[\]<>()#+!|~&-])", r"\\\1", text)


def as_junit(verdict: Verdict) -> str:
    """One failed test case for each reason; one passed for an open gate; an error when nobody could tell."""
    cases = verdict.reasons or [("gate", "")]
    broken = verdict.status not in (OPEN, CLOSED)
    failures = 0 if broken or verdict.status == OPEN else len(cases)
    counts = {"tests": str(len(cases)), "failures": str(failures), "errors": str(len(cases) if broken else 0)}
    suites = ET.Element("testsuites", counts)
    suite = ET.SubElement(suites, "testsuite", {"name": f"assay gate {verdict.name}", **counts})
    for code, sentence in cases:
        case = ET.SubElement(suite, "testcase", {"classname": f"assay.{verdict.asked['stage']}", "name": code})
        if verdict.status != OPEN:
            ET.SubElement(case, "error" if broken else "failure", {"message": sentence, "type": code})
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def as_sarif(verdict: Verdict) -> str:
    """SARIF 2.1.0: one result for each reason."""
    level = "warning" if verdict.status == PENDING else "error"
    results = [
        {
            "ruleId": code,
            "level": level,
            "message": {"text": sentence},
            "locations": [{"logicalLocations": [{"fullyQualifiedName": verdict.name, "kind": "resource"}]}],
        }
        for code, sentence in verdict.reasons
    ]
    rules = [{"id": code} for code in sorted({code for code, _ in verdict.reasons})]
    driver = {"name": "assay-gate", "rules": rules}
    run = {
        "tool": {"driver": driver},
        "invocations": [{"executionSuccessful": verdict.status in (OPEN, CLOSED, PENDING)}],
        "results": results,
    }
    document = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [run],
    }
    return json.dumps(document, indent=2) + "\n"


FORMS: dict[str, Callable[[Verdict], str]] = {
    "text": as_text,
    "json": as_json,
    "markdown": as_markdown,
    "junit": as_junit,
    "sarif": as_sarif,
}


def publish(verdict: Verdict, options: argparse.Namespace) -> None:
    """Print, and write the files that were asked for. Raises OSError."""
    sys.stdout.write(FORMS[options.format](verdict))
    sys.stdout.flush()
    if options.junit:
        options.junit.write_text(as_junit(verdict), encoding="utf-8")
    if options.sarif:
        options.sarif.write_text(as_sarif(verdict), encoding="utf-8")
    append(os.environ.get("GITHUB_STEP_SUMMARY"), as_markdown(verdict))
    answer = verdict.answer
    outputs = {
        "decision": WORDS[verdict.status].replace(" ", "-"),
        "decision_id": answer.get("decision_id") or "",
        "digest": (answer.get("subject") or {}).get("digest") or "",
        "valid_until": answer.get("valid_until") or "",
        "attestation": answer.get("attestation") or "",
    }
    append(os.environ.get("GITHUB_OUTPUT"), "".join(f"{name}={plain(value)}\n" for name, value in outputs.items()))


def append(path: str | None, text: str) -> None:
    """Add to a file that the CI runner names. Raises OSError."""
    if path:
        with Path(path).open("a", encoding="utf-8") as stream:
            stream.write(text)


def run(options: argparse.Namespace) -> int:
    """Ask and tell; the exit status."""
    asked: dict[str, Any] = {"model": options.model, "version": options.version, "stage": options.stage}
    try:
        asked = question(options)
        base = base_url(options.url, unencrypted=options.send_token_unencrypted_to_anyone_listening)
        gate = Gate(base, read_token(options.token_file), timeout=options.timeout, ca_file=options.ca_file)
        verdict = decide(gate, asked, options.wait)
    except UsageError as error:
        verdict = Verdict(USAGE, str(error), asked)
    except UntrustedAnswerError as error:
        verdict = Verdict(UNKNOWN, str(error), asked)
    try:
        publish(verdict, options)
    except OSError as error:
        print(f"The result cannot be written: {error}", file=sys.stderr)
        return verdict.status or USAGE
    return verdict.status


def main() -> NoReturn:
    """The program. Python would end with 1 on an unforeseen error, and 1 means closed; so it ends with 4 instead."""
    options = parse_arguments(sys.argv[1:])
    try:
        status = run(options)
    except BaseException as error:  # noqa: BLE001 - an interrupt too: whatever happened, nobody could tell
        print(f"could not tell: {type(error).__name__}: {error}", file=sys.stderr)
        status = UNKNOWN
    sys.exit(status)


if __name__ == "__main__":
    main()
