"""Tells the person at the terminal what set-up is doing."""

from __future__ import annotations

import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTH = 44


class Progress:
    """One line a step: `set-up  Python packages ........ 98 of 98, 41 s`."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()

    @contextmanager
    def step(self, title: str) -> Iterator[Callable[[str], None]]:
        """Announce a step, and at its end how long it took; the given function shows how far it is, on a terminal."""
        started = time.monotonic()
        last = ""

        def show(state: str) -> None:
            nonlocal last
            last = state
            if self._live:
                self._write(f"\r\033[K{self._label(title)} {state}")

        if self._live:
            show("...")
        else:
            self._write(f"{self._label(title)} ...\n")
        last = ""
        try:
            yield show
        except BaseException:
            self._finish(title, "failed")
            raise
        self._finish(title, ", ".join(filter(None, (last, f"{time.monotonic() - started:.0f} s"))))

    def _finish(self, title: str, outcome: str) -> None:
        before = "\r\033[K" if self._live else ""
        self._write(f"{before}{self._label(title)} {outcome}\n")

    @staticmethod
    def _label(title: str) -> str:
        return f"set-up  {title + ' ':.<{WIDTH}}"

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
