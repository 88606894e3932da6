from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.layout import PROJECT
from deploy.supervise import Program, Supervisor, service_programs

PATIENCE = 10.0
STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
)


def python(name: str, source: str) -> Program:
    return Program(name, (sys.executable, "-c", source))


def until(true: Callable[[], bool]) -> bool:
    """Whether it became true within the patience of a slow machine."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False


def signal_when(true: Callable[[], bool], *numbers: int) -> threading.Thread:
    """Send this process the signals, one after the other, once the condition holds."""

    def wait_and_send() -> None:
        until(true)
        for number in numbers:
            os.kill(os.getpid(), number)
            time.sleep(0.2)

    thread = threading.Thread(target=wait_and_send)
    thread.start()
    return thread


def test_one_that_ends_takes_the_others_with_it_and_gives_its_code() -> None:
    output = io.StringIO()
    programs = [python("web", "import time; time.sleep(60)"), python("worker", "raise SystemExit(7)")]
    started = time.monotonic()
    assert Supervisor(programs, output=output).run() == 7
    assert time.monotonic() - started < PATIENCE
    assert "worker | ended with 7; stopping the others" in output.getvalue()


def test_one_that_ends_well_is_still_a_failure_of_the_whole() -> None:
    assert Supervisor([python("web", "")], output=io.StringIO()).run() == 1


def test_each_line_carries_its_name() -> None:
    output = io.StringIO()
    Supervisor([python("web", "print('up'); print('häh', end='')"), python("worker", "import time; time.sleep(60)")],
               output=output).run()  # fmt: skip
    assert "web    | up\n" in output.getvalue()
    assert "web    | häh\n" in output.getvalue()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_stops_all_gently_and_counts_as_success(number: int, tmp_path: Path) -> None:
    ready, gone = tmp_path / "ready", tmp_path / "gone"
    source = (
        "import pathlib, signal, sys, time\n"
        f"signal.signal(signal.SIGTERM, lambda *_: (pathlib.Path({str(gone)!r}).touch(), sys.exit(0)))\n"
        f"pathlib.Path({str(ready)!r}).touch()\n"
        "time.sleep(60)\n"
    )
    sender = signal_when(ready.exists, number)
    assert Supervisor([python("web", source)], output=io.StringIO()).run() == 0
    sender.join()
    assert gone.exists()


def test_one_that_does_not_stop_is_killed_after_the_grace_time() -> None:
    output = io.StringIO()
    programs = [python("deaf", STUBBORN)]
    sender = signal_when(lambda: "deaf | deaf" in output.getvalue(), signal.SIGTERM)
    assert Supervisor(programs, output=output, grace_seconds=0.3).run() == 0
    sender.join()
    assert "deaf | killed" in output.getvalue()


def test_a_second_signal_kills_at_once() -> None:
    output = io.StringIO()
    started = time.monotonic()
    sender = signal_when(lambda: "deaf | deaf" in output.getvalue(), signal.SIGINT, signal.SIGINT)
    Supervisor([python("deaf", STUBBORN)], output=output, grace_seconds=60).run()
    sender.join()
    assert time.monotonic() - started < PATIENCE


def test_a_program_that_is_not_there_stops_what_was_started() -> None:
    programs = [python("web", "import time; time.sleep(60)"), Program("worker", ("/no/such/program",))]
    supervisor = Supervisor(programs, output=io.StringIO())
    with pytest.raises(FileNotFoundError):
        supervisor.run()
    assert all(process.poll() is not None for process in supervisor.running)


def test_nothing_outlives_a_supervisor_that_is_killed(tmp_path: Path) -> None:
    number = tmp_path / "pid"
    source = f"import os, pathlib, time; pathlib.Path({str(number)!r}).write_text(str(os.getpid())); time.sleep(60)"
    runner = (
        "import sys; from deploy.supervise import Program, Supervisor\n"
        f"Supervisor([Program('web', (sys.executable, '-c', {source!r}))], output=sys.stdout).run()\n"
    )
    with subprocess.Popen([sys.executable, "-c", runner], cwd=PROJECT.root) as supervisor:
        assert until(lambda: number.exists() and number.read_text() != "")
        supervisor.kill()
    assert until(lambda: _is_gone(int(number.read_text())))


def test_the_service_is_web_worker_and_beat() -> None:
    programs = {program.name: program for program in service_programs(bind="127.0.0.1:8123")}
    assert list(programs) == ["web", "worker", "beat"]
    assert "127.0.0.1:8123" in programs["web"].command
    assert "--no-control-socket" in programs["web"].command, "gunicorn would open one in the home folder"
    assert {"threads", "--without-gossip", "--without-mingle", "--without-heartbeat"} <= set(programs["worker"].command)


def test_numerical_libraries_get_one_thread_unless_the_operator_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    def threads_of_the_worker() -> str:
        return service_programs(bind="")[1].environment["OMP_NUM_THREADS"]

    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert threads_of_the_worker() == "1"
    monkeypatch.setenv("OMP_NUM_THREADS", "4")
    assert threads_of_the_worker() == "4"


def _is_gone(pid: int) -> bool:
    """Whether the process ended; one that nobody waited for stays a zombie in a container without an init."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return True
    return state == "Z"
