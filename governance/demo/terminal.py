"""How the demo speaks: headed steps, facts beside each other, a moving line while something runs."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

_STYLES = {"bold": "1", "dim": "2", "green": "32", "red": "31", "yellow": "33", "cyan": "36"}
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"


class Terminal:
    """Writes the story. On a pipe it writes plain lines without movement or colour."""

    def __init__(self, stream: TextIO = sys.stdout) -> None:
        self._stream = stream
        self._moving = stream.isatty()
        self._step = 0
        self._started = time.monotonic()

    def title(self, text: str, under: str) -> None:
        """The first lines."""
        self._write(f"\n{self.styled(text, 'bold')}\n{self.styled(under, 'dim')}\n")

    def step(self, text: str) -> None:
        """A numbered heading."""
        self._step += 1
        elapsed = f"{time.monotonic() - self._started:5.1f} s"
        self._write(
            f"\n{self.styled(f'{self._step:2d}', 'cyan')} {self.styled(text, 'bold')}  {self.styled(elapsed, 'dim')}\n"
        )

    def say(self, text: str, style: str = "") -> None:
        """An indented line."""
        self._write(f"   {self.styled(text, style) if style else text}\n")

    def fact(self, name: str, value: str) -> None:
        """A name and its value, aligned."""
        self._write(f"   {self.styled(f'{name:<14}', 'dim')} {value}\n")

    def good(self, text: str) -> None:
        """Something that holds."""
        self.say(f"✓ {text}", "green")

    def bad(self, text: str) -> None:
        """Something that was refused, or blocks."""
        self.say(f"✗ {text}", "red")

    def open_question(self, text: str) -> None:
        """Something the evidence does not settle."""
        self.say(f"? {text}", "yellow")

    @contextmanager
    def waiting(self) -> Iterator[Callable[[str], None]]:
        """Give a function that shows what is being waited for, on one line that moves."""
        shown = [""]
        frame = [0]

        def show(text: str) -> None:
            frame[0] += 1
            if self._moving:
                spin = _FRAMES[frame[0] % len(_FRAMES)]
                self._write(f"\r\x1b[2K   {self.styled(spin, 'cyan')} {text}")
            elif text != shown[0]:
                self._write(f"   · {text}\n")
            shown[0] = text

        try:
            yield show
        finally:
            if self._moving:
                self._write("\r\x1b[2K")

    def styled(self, text: str, style: str) -> str:
        """`text` in a style, where the stream is a terminal."""
        return f"\x1b[{_STYLES[style]}m{text}\x1b[0m" if self._moving else text

    def _write(self, text: str) -> None:
        self._stream.write(text)
        self._stream.flush()
