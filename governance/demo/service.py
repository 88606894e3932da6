"""Starts web server and worker as the real processes they are, and stops them again."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from django.conf import settings

READY_SECONDS = 90.0


class ServiceError(RuntimeError):
    """The service did not come up; the message names its log."""


class Service:
    """Web server, worker and scheduler under one supervisor, on one address."""

    def __init__(self, bind: str) -> None:
        self.bind = bind
        self.log = Path(settings.ASSAY_DATA) / "demo-service.log"
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://{self.bind}"

    def start(self) -> None:
        """Start it and wait until it says that it is ready. Raises ServiceError."""
        host, _, port = self.bind.partition(":")
        with socket.socket() as probe:
            if probe.connect_ex((host, int(port))) == 0:
                raise ServiceError(f"Something else answers at {self.bind}; free the port, or give --bind HOST:PORT.")
        with self.log.open("wb") as log:
            self._running = subprocess.Popen(
                [sys.executable, "-m", "deploy.supervise", "--bind", self.bind],
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                cwd=settings.BASE_DIR,
                env={**os.environ, "ASSAY_BASE_URL": self.url},
            )
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if self._running.poll() is not None:
                raise ServiceError(f"The service ended with {self._running.returncode}; see {self.log}.")
            if self._answers():
                return
            time.sleep(0.2)
        self.stop()
        raise ServiceError(f"The service was not ready within {READY_SECONDS:.0f} s; see {self.log}.")

    def wait(self) -> int:
        """Serve until somebody stops it."""
        return self._running.wait() if self._running else 0

    def stop(self) -> None:
        """End all its processes."""
        if self._running is not None and self._running.poll() is None:
            self._running.terminate()
            self._running.wait(timeout=40)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/readyz", timeout=5) as answer:  # noqa: S310  (our own address)
                return bool(answer.status == 200)  # noqa: PLR2004
        except (urllib.error.URLError, OSError):
            return False


def free_address() -> str:
    """A loopback address nobody uses right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"127.0.0.1:{probe.getsockname()[1]}"
