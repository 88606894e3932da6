"""Runs web server, worker and scheduler together: `python -m deploy.supervise [--bind ADDRESS:PORT]`.

They live and die as one: when one ends, the others are stopped and the supervisor ends with its code, so that whoever
supervises the supervisor (systemd, a container, a person) sees the failure. SIGTERM and SIGINT stop all of them
gently; a second signal, or the end of the grace time, kills. Nothing outlives the supervisor, even if that is killed.
"""

from __future__ import annotations

import argparse
import ctypes
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import FrameType

GRACE_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1
_LIBC = ctypes.CDLL(None)


@dataclass(frozen=True)
class Program:
    """One process to run; `environment` is laid over the supervisor's own."""

    name: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def service_programs(*, bind: str, web_threads: int = 4, worker_threads: int = 2) -> list[Program]:
    """The three programs of a running service. Each check runs in a child of the worker, so threads suffice there."""
    # Numerical libraries start a thread per core in every child otherwise, and slow each other down many times over.
    single = {"OMP_NUM_THREADS": os.environ.get("OMP_NUM_THREADS", "1")}
    celery = (sys.executable, "-m", "celery", "-A", "governance")
    quiet = ("--without-gossip", "--without-mingle", "--without-heartbeat")
    return [
        Program(
            "web",
            (
                *(sys.executable, "-m", "gunicorn", "governance.wsgi", "--bind", bind, "--no-control-socket"),
                *("--worker-class", "gthread", "--threads", str(web_threads)),
            ),
        ),
        Program("worker", (*celery, "worker", "-P", "threads", "-c", str(worker_threads), *quiet), single),
        Program("beat", (*celery, "beat", "--pidfile=")),
    ]


@dataclass(frozen=True)
class _Ended:
    name: str
    code: int


@dataclass(frozen=True)
class _Hurry:
    """A signal came, or the grace time is over: the first means stop, the next means kill."""


class Supervisor:
    """Runs programs until the first one ends or a signal comes, then ends them all."""

    def __init__(self, programs: Sequence[Program], *, output: TextIO, grace_seconds: float = GRACE_SECONDS) -> None:
        self._programs = programs
        self._output = output
        self._grace_seconds = grace_seconds
        self._width = max(len(program.name) for program in programs)
        self._running: dict[str, subprocess.Popen[str]] = {}
        self._readers: list[threading.Thread] = []
        self._events: queue.SimpleQueue[_Ended | _Hurry] = queue.SimpleQueue()
        self._writing = threading.Lock()

    def run(self) -> int:
        """Start everything and wait. 0 after a wanted stop, else the code of the program that ended first, or 1.

        Call it from the main thread: only that one receives signals.
        """
        before = {number: signal.signal(number, self._on_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            # All are started from this thread before any other exists; see _die_with_parent.
            for program in self._programs:
                self._running[program.name] = self._start(program)
            for name, process in list(self._running.items()):
                self._follow(name, process)
            code = self._first_code(self._events.get())
            self._stop_all()
        finally:
            self._kill_all()
            for number, previous in before.items():
                signal.signal(number, previous)
        for reader in self._readers:
            reader.join(timeout=1)
        return code

    @property
    def running(self) -> list[subprocess.Popen[str]]:
        """The processes that were started and not yet seen to end by themselves."""
        return list(self._running.values())

    def say(self, name: str, line: str) -> None:
        """Write one line under a program's name, never mixed with another's."""
        with self._writing:
            self._output.write(f"{name:<{self._width}} | {line}\n")
            self._output.flush()

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._events.put(_Hurry())

    def _start(self, program: Program) -> subprocess.Popen[str]:
        return subprocess.Popen(
            program.command,
            env={**os.environ, "PYTHONUNBUFFERED": "1", **program.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            start_new_session=True,
            preexec_fn=_die_with_parent,  # noqa: PLW1509 - no second thread exists yet, see run()
        )

    def _follow(self, name: str, process: subprocess.Popen[str]) -> None:
        """Copy the program's output line by line, and tell when it has ended."""

        def copy(stream: IO[str]) -> None:
            with stream:
                for line in stream:
                    self.say(name, line.rstrip("\n"))

        def wait() -> None:
            self._events.put(_Ended(name, process.wait()))

        if process.stdout is not None:
            reader = threading.Thread(target=copy, args=(process.stdout,), daemon=True)
            reader.start()
            self._readers.append(reader)
        threading.Thread(target=wait, daemon=True).start()

    def _first_code(self, event: _Ended | _Hurry) -> int:
        if isinstance(event, _Hurry):
            return 0
        self._running.pop(event.name, None)
        self.say(event.name, f"ended with {event.code}; stopping the others")
        return event.code if event.code > 0 else 1

    def _stop_all(self) -> None:
        """Ask every program to finish what it holds, and wait until all have or the grace time is over."""
        for process in self._running.values():
            process.terminate()
        overdue = threading.Timer(self._grace_seconds, self._events.put, [_Hurry()])
        overdue.daemon = True
        overdue.start()
        while self._running:
            event = self._events.get()
            if isinstance(event, _Hurry):
                break
            self._running.pop(event.name, None)
        overdue.cancel()

    def _kill_all(self) -> None:
        for name, process in self._running.items():
            self.say(name, "killed")
            # Its whole session: a worker has children of its own.
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            if process.stdout is not None and not self._readers:
                process.stdout.close()


def _die_with_parent() -> None:
    """Runs in the child between fork and exec: the kernel ends it when the supervisor's main thread is gone."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.supervise", description="Run web, worker and scheduler.")
    parser.add_argument("--bind", default="127.0.0.1:8000", metavar="ADDRESS:PORT")
    parser.add_argument("--web-threads", type=int, default=4, metavar="N")
    parser.add_argument("--worker-threads", type=int, default=2, metavar="N")
    given = parser.parse_args(arguments)
    programs = service_programs(bind=given.bind, web_threads=given.web_threads, worker_threads=given.worker_threads)
    return Supervisor(programs, output=sys.stdout).run()


if __name__ == "__main__":
    sys.exit(main())
