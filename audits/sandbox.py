"""Run one check in a child process and say how it ended. The only way a check is ever run by the service.

The child has limits on memory and CPU time, no network, no secrets, a folder that is removed afterwards, and is killed
with everything it started when its time is over. Whatever happens in it, the answer here is an `ObservationResult`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import select
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from audits.broker import Broker
from audits.checks.base import Check
from audits.checks.catalogue import dotted_path
from audits.children import start_child
from audits.evidence import Evidence
from audits.measurements import Measurement, ObservationStatus
from registry.errors import AssayError

MAX_ANSWER_BYTES = 64 << 20
_PIECE = 1 << 16
_TAIL = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ObservationResult:
    """How one attempt to measure ended. `code` and `message` are "" exactly when it was measured.

    `environment` records Python, library versions and how the network was barred, as the child saw them.
    """

    status: ObservationStatus
    measurement: Measurement | None = None
    code: str = ""
    message: str = ""
    duration_seconds: float = 0.0
    environment: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None

    @classmethod
    def failed(cls, status: ObservationStatus, code: str, message: str, **more: Any) -> ObservationResult:
        """Nothing was measured; `status` is ERROR, TIMED_OUT or NOT_RUN."""
        if status is ObservationStatus.MEASURED:
            raise ValueError("a failed observation cannot be measured")
        return cls(status=status, code=code, message=message, **more)

    @classmethod
    def not_run(cls, code: str, message: str) -> ObservationResult:
        """The check was not even started."""
        return cls.failed(ObservationStatus.NOT_RUN, code, message)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form without the duration: the same measurement again gives the same document."""
        document: dict[str, Any] = {"status": self.status.value, "environment": dict(self.environment)}
        if self.measurement is not None:
            document["measurement"] = self.measurement.to_document()
        if self.code:
            document["error"] = {"code": self.code, "message": self.message}
        return document


def measure_in_child(
    check: Check,
    parameters: Any,
    evidence: Evidence,
    *,
    timeout_seconds: float,
    memory_mb: int,
    warm: bool = True,
) -> ObservationResult:
    """Measure `evidence` with `check`. Never raises for what happens in the child.

    `parameters` is an instance of `check.Parameters`, or a mapping as in a policy. `warm` forks from a process that has
    the libraries imported; otherwise a new interpreter starts.
    """
    missing = _missing_need(check, evidence)
    if missing:
        return ObservationResult.not_run("evidence-missing", missing)
    given = dict(parameters) if isinstance(parameters, Mapping) else dataclasses.asdict(parameters)
    started = time.monotonic()
    try:
        broker = Broker.for_evidence(evidence)
    except (AssayError, OSError) as error:
        return ObservationResult.failed(ObservationStatus.ERROR, "evidence-invalid", str(error))
    with tempfile.TemporaryDirectory(prefix="assay-check-", ignore_cleanup_errors=True) as folder:
        job = {
            "check": dotted_path(check),
            "parameters": given,
            "evidence": evidence.to_document(),
            "timeout_seconds": timeout_seconds,
            "memory_mb": memory_mb,
            "folder": folder,
        }
        try:
            outcome = _run(job, folder, broker, warm=warm)
        finally:
            if broker is not None:
                broker.close()
    if broker is not None:
        outcome = dataclasses.replace(outcome, environment={**outcome.environment, "endpoints": broker.told()})
    return dataclasses.replace(outcome, duration_seconds=time.monotonic() - started, seed=evidence.seed)


def _missing_need(check: Check, evidence: Evidence) -> str:
    """Why the check cannot be run at all, or ""."""
    name, other = evidence.model.name, evidence.reference_model
    wanting = {
        "model": (evidence.model.path is None, f"the artifact of {name}, which is not held here"),
        "reference_model": (
            other is None or other.path is None,
            f"another version to compare {name} with, and none is held here",
        ),
        "content": (False, ""),  # a store that holds nothing is an answer, not a missing need
        "lineage": (not evidence.lineage, f"a lineage record of {name}, and there is none"),
    }
    for need in sorted(check.needs):
        data = need not in evidence.datasets, f"the {need} data of {name}, which is not held here"
        absent, what = wanting.get(need, data)
        if absent:
            return f"{check.id} needs {what}."
    return ""


def _run(job: Mapping[str, Any], folder: str, broker: Broker | None, *, warm: bool) -> ObservationResult:
    timeout = float(job["timeout_seconds"])
    with tempfile.TemporaryFile() as stream:
        stream.write(json.dumps(job).encode())
        stream.seek(0)
        try:
            child = start_child(stream, folder, warm=warm, line=broker.theirs.fileno() if broker else None)
        except OSError as error:
            message = f"no child process could be started: {error.strerror}"
            return ObservationResult.failed(ObservationStatus.ERROR, "worker-failed", message)
        if broker is not None:
            broker.theirs.close()  # the child has its own copy, and with it alone the conversation ends
        try:
            answer, complete = _read(child.answer, time.monotonic() + timeout, broker)
        finally:
            os.close(child.answer)
            code = _ended(child)
    if not complete:
        return ObservationResult.failed(
            ObservationStatus.TIMED_OUT, "timed-out", f"No answer within {timeout:g} s; the check was stopped."
        )
    if len(answer) > MAX_ANSWER_BYTES:
        message = f"The answer is larger than {MAX_ANSWER_BYTES >> 20} MiB."
        return ObservationResult.failed(ObservationStatus.ERROR, "answer-invalid", message)
    if not answer:
        return ObservationResult.failed(ObservationStatus.ERROR, "crashed", _last_words(code, folder))
    return _interpreted(answer)


def _ended(child: Any) -> int | None:
    """The exit code; None where the zygote died with its child."""
    try:
        return int(child.end())
    except OSError:
        return None


def _read(descriptor: int, deadline: float, broker: Broker | None) -> tuple[bytes, bool]:
    """Everything until the other end is closed, and whether that came in time. Stops early at what is too large.

    Meanwhile the broker serves the child's questions.
    """
    pieces = bytearray()
    asking = broker
    while (remaining := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([descriptor, *([asking.line] if asking else ())], [], [], remaining)
        if not ready:
            break
        if asking and asking.line in ready and not asking.serve(deadline):
            asking.close()
            asking = None
        if descriptor not in ready:
            continue
        piece = os.read(descriptor, _PIECE)
        if not piece or len(pieces) > MAX_ANSWER_BYTES:
            return bytes(pieces), True
        pieces += piece
    return bytes(pieces), False


def _last_words(code: int | None, folder: str) -> str:
    """Why there is no answer, as far as it can be known: the signal or exit code, and the end of what was printed."""
    ending = "for an unknown reason" if code is None else f"by signal {-code}" if code < 0 else f"with exit code {code}"
    path = Path(folder, "said.txt")
    # The child could have put a link there; only a file of its own folder is read.
    said = (
        path.read_bytes()[-_TAIL:].decode(errors="replace").strip() if path.is_file() and not path.is_symlink() else ""
    )
    return f"The child process ended {ending} without an answer." + (f" Its last words: {said}" if said else "")


def _interpreted(answer: bytes) -> ObservationResult:
    try:
        document = json.loads(answer)
        environment = dict(document["environment"])
        if "error" in document:
            code, message = str(document["error"]["code"]), str(document["error"]["message"])
            return ObservationResult.failed(ObservationStatus.ERROR, code, message, environment=environment)
        measurement = Measurement.from_document(document["measurement"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"The answer of the child process cannot be read: {error}"
        return ObservationResult.failed(ObservationStatus.ERROR, "answer-invalid", message)
    return ObservationResult(status=ObservationStatus.MEASURED, measurement=measurement, environment=environment)
