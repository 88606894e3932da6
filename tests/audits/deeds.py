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
