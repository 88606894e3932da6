"""Starting and ending child processes, cold (a new interpreter) or warm (a fork of the zygote)."""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from typing import IO, Protocol

from audits.confinement import stripped_environment
from audits.zygote import FORK, MESSAGE, REAP, REPLY

_READY_SECONDS = 60


class Child(Protocol):
    """A running child and the descriptor on which its answer arrives."""

    answer: int

    def end(self) -> int:
        """Kill it and whatever it started, if still alive; its exit code, negative for a signal."""
        ...


class SpawnedChild:
    """A new interpreter in a session of its own."""

    def __init__(self, job: IO[bytes], folder: str, line: int | None) -> None:
        """Start it; raises OSError."""
        self.answer, writing = os.pipe()
        passed = (writing,) if line is None else (writing, line)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "audits.child", *map(str, passed)],
                stdin=job,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=passed,
                env=stripped_environment(folder),
                cwd=folder,
                start_new_session=True,
            )
        except OSError:
            os.close(self.answer)
            raise
        finally:
            os.close(writing)

    def end(self) -> int:
        """See `Child`. Not yet waited for, so the id is still its own."""
        kill_group(self._process.pid)
        return self._process.wait()


class ForkedChild:
    """A fork of the zygote."""

    def __init__(self, zygote: Zygote, process: int, answer: int) -> None:
        self.answer = answer
        self._zygote = zygote
        self._process = process

    def end(self) -> int:
        """See `Child`. The zygote has not reaped it yet, so the id is still its own."""
        kill_group(self._process)
        return self._zygote.reap(self._process)


def _beside_the_code(environment: dict[str, str]) -> dict[str, str]:
    """The zygote, which reads no evidence, keeps compiled loops where Python keeps compiled modules.

    Without that, each worker would spend seconds on compiling them anew.
    """
    return {name: value for name, value in environment.items() if name != "NUMBA_CACHE_DIR"}


def kill_group(process: int) -> None:
    """SIGKILL to the process and to the group it leads."""
    for kill in (os.kill, os.killpg):
        with contextlib.suppress(ProcessLookupError):
            kill(process, signal.SIGKILL)


class Zygote:
    """This process's zygote. Raises OSError from any method when it is gone."""

    def __init__(self) -> None:
        """Start it and wait until it has imported everything."""
        self._lock = threading.Lock()
        self._folder = tempfile.TemporaryDirectory(prefix="assay-zygote-")
        self._control, theirs = socket.socketpair()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "audits.zygote", str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                env=_beside_the_code(stripped_environment(self._folder.name)),
                cwd=self._folder.name,
                start_new_session=True,
            )
        self._control.settimeout(_READY_SECONDS)
        try:
            if self._control.recv(1) != b"+":
                raise ConnectionResetError("the zygote ended while it was starting")
        except OSError:
            self.close()
            raise

    def fork(self, job: IO[bytes], line: int | None) -> ForkedChild:
        """A child that reads `job`, and asks its questions on `line`."""
        reading, writing = os.pipe()
        try:
            process = self._ask(FORK, 0, [job.fileno(), writing, *(() if line is None else (line,))])
        except OSError:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        return ForkedChild(self, process, reading)

    def reap(self, process: int) -> int:
        """The exit code of a child that was killed or has ended."""
        return self._ask(REAP, process, [])

    def _ask(self, command: bytes, process: int, descriptors: list[int]) -> int:
        with self._lock:
            socket.send_fds(self._control, [MESSAGE.pack(command, process)], descriptors)
            reply = self._control.recv(REPLY.size, socket.MSG_WAITALL)
        if len(reply) < REPLY.size:
            raise ConnectionResetError("the zygote is gone")
        return int(REPLY.unpack(reply)[0])

    def close(self) -> None:
        """End it, and with it every child that still runs."""
        self._control.close()
        kill_group(self._process.pid)
        self._process.wait()
        self._folder.cleanup()

    def forget(self) -> None:
        """After a fork of this process: the zygote belongs to the parent, so only our copy of the socket goes."""
        self._control.close()
        self._process.returncode = 0
        self._folder._finalizer.detach()  # type: ignore[attr-defined]  # noqa: SLF001 - the folder is the parent's


class _Nursery:
    """The one zygote of this process, made when first needed and again when it died."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._zygote: Zygote | None = None

    def start(self, job: IO[bytes], folder: str, line: int | None) -> Child:
        """A warm child, or a cold one where no zygote can be had."""
        for _attempt in range(2):
            try:
                with self._lock:
                    if self._zygote is None:
                        self._zygote = Zygote()
                    zygote = self._zygote
                return zygote.fork(job, line)
            except OSError:
                self.close()
        return SpawnedChild(job, folder, line)

    def close(self) -> None:
        """End the zygote, if there is one."""
        with self._lock:
            zygote, self._zygote = self._zygote, None
        if zygote is not None:
            zygote.close()

    def forget(self) -> None:
        """In a fork: start afresh, with a lock nobody else can be holding."""
        zygote, self._zygote = self._zygote, None
        self._lock = threading.Lock()
        if zygote is not None:
            zygote.forget()


_nursery = _Nursery()
atexit.register(_nursery.close)
os.register_at_fork(after_in_child=_nursery.forget)


def start_child(job: IO[bytes], folder: str, *, warm: bool, line: int | None = None) -> Child:
    """Start a child on `job`, a file positioned at its beginning; `line` is where it may ask (`audits.questions`).

    Raises OSError where none can be started.
    """
    return _nursery.start(job, folder, line) if warm else SpawnedChild(job, folder, line)
