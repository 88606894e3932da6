"""A check that does what a hostile or broken one would do, for the tests of the sandbox."""

from __future__ import annotations

import ctypes
import os
import socket
import subprocess
import sys
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from audits.checks.base import ReferenceDisagreementError
from audits.evidence import Evidence
from audits.measurements import Measurement, MetricValue


@dataclass(frozen=True, slots=True)
class DeedParameters:
    """What to do, and with what."""

    deed: str = "answer"
    target: str = ""


class Deed:
    """A check that does what a hostile or broken one would do."""

    id: ClassVar[str] = "test.deed"
    version: ClassVar[str] = "1"
    title: ClassVar[str] = "A deed"
    needs: ClassVar[frozenset[str]] = frozenset()
    Parameters: ClassVar[type[DeedParameters]] = DeedParameters
    metrics: ClassVar[Mapping[str, str]] = {"answer": "What it saw."}

    def measure(self, evidence: Evidence, parameters: DeedParameters) -> Measurement:
        del evidence
        note = str(getattr(self, parameters.deed)(parameters.target))
        return Measurement(values=(MetricValue(metric="answer", value=1.0, n=1),), inputs={}, notes=(note,))

    def answer(self, _: str) -> str:
        return "done"

    def sleep(self, _: str) -> None:
        time.sleep(60)

    def spin(self, _: str) -> None:
        while True:
            pass

    def crash(self, _: str) -> None:
        os.abort()

    def leave(self, _: str) -> None:
        os._exit(3)

    def exit(self, _: str) -> None:
        sys.exit(0)

    def fail(self, _: str) -> None:
        raise RuntimeError("no such luck")

    def disagree(self, _: str) -> None:
        raise ReferenceDisagreementError("rate[sex=f]", "is 0.5 here and 0.4 by somebody else")

    def swallow(self, _: str) -> int:
        return len(bytearray(4 << 30))

    def connect(self, target: str) -> None:
        socket.create_connection(("127.0.0.1", int(target)), timeout=2)

    def connect_below_python(self, target: str) -> int:
        """By the C library, which no audit hook sees."""
        libc = ctypes.CDLL(None)
        address = b"\x02\x00" + int(target).to_bytes(2, "big") + b"\x7f\x00\x00\x01" + bytes(8)
        return int(libc.connect(libc.socket(2, 1, 0), address, len(address)))

    def secrets(self, _: str) -> str:
        return ",".join(sorted(os.environ))

    def start(self, _: str) -> None:
        subprocess.run(["/bin/true"], check=True)

    def write(self, _: str) -> str:
        Path("left-behind").write_text("x")
        return str(Path.cwd())

    def fill(self, _: str) -> None:
        with Path("large").open("wb") as stream:
            stream.writelines(bytes(1 << 20) for _piece in range(200))

    def print(self, _: str) -> str:
        print(  # noqa: T201
            '{"measurement": "forged"}', flush=True
        )
        return "printed"

    def warn(self, _: str) -> str:
        warnings.warn("harmless", UserWarning, stacklevel=1)
        return "warned"

    # Further attacks, each of which answers with what it reached.

    def allocate(self, _: str) -> int:
        return len([bytearray(1 << 30) for _piece in range(20)])

    def fork_bomb(self, _: str) -> str:
        """By the C library, which no audit hook sees."""
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.fork() == 0:
            os._exit(0)
        return os.strerror(ctypes.get_errno())

    def clone_bomb(self, _: str) -> str:
        """By the system calls themselves: clone and clone3 without CLONE_THREAD (x86-64)."""
        libc = ctypes.CDLL(None, use_errno=True)
        children = [libc.syscall(56, 17, 0, 0, 0, 0), libc.syscall(435, b"\0" * 64, 64)]
        if 0 in children:
            os._exit(0)
        return str(children)

    def run_program(self, _: str) -> str:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.execve(b"/bin/true", None, None)
        return os.strerror(ctypes.get_errno())

    def signal_parent(self, target: str) -> str:
        libc = ctypes.CDLL(None, use_errno=True)
        libc.kill(int(target), 0)
        return os.strerror(ctypes.get_errno())

    def thread(self, _: str) -> str:
        import threading

        said: list[str] = []
        worker = threading.Thread(target=said.append, args=("threads run",))
        worker.start()
        worker.join()
        return said[0]

    def read(self, target: str) -> str:
        return Path(target).read_text(errors="replace")[:100]

    def read_below_python(self, target: str) -> str:
        libc = ctypes.CDLL(None, use_errno=True)
        found = libc.open(target.encode(), os.O_RDONLY)
        return "opened" if found >= 0 else os.strerror(ctypes.get_errno())

    def write_outside(self, target: str) -> str:
        Path(target).write_text("was here")
        return "written"

    def write_below_python(self, target: str) -> str:
        libc = ctypes.CDLL(None, use_errno=True)
        found = libc.open(target.encode(), os.O_WRONLY | os.O_CREAT, 0o600)
        return "opened" if found >= 0 else os.strerror(ctypes.get_errno())

    def link(self, target: str) -> str:
        """A symbolic link out of the folder, by which to write there."""
        libc = ctypes.CDLL(None, use_errno=True)
        made = libc.symlink(target.encode(), b"way-out")
        return "linked" if made == 0 else os.strerror(ctypes.get_errno())

    def environment_of(self, target: str) -> str:
        return Path(f"/proc/{target}/environ").read_text(errors="replace")
