"""Drawing in processes of their own, each for a number of documents: the press.

WeasyPrint and the C libraries below it keep some memory of each document they drew, about a megabyte; a process that
ends gives all of it back. A press has no keys, no database, no network and no files but libraries and its own folder
(`audits.confinement`), so that nothing hostile in a text can reach further than a broken picture. Two threads of a
worker draw at the same time, on two cores.

A press ends when its worker does, after `MOST_DOCUMENTS`, and after `IDLE_SECONDS` without work.
"""

from __future__ import annotations

import atexit
import base64
import contextlib
import gc
import json
import os
import select
import subprocess
import sys
import tempfile
import threading
from datetime import datetime
from pathlib import Path
from typing import IO, Any

from audits.confinement import confine, folder_variables, stripped_environment
from audits.reports.paper import RenderError, to_pdf

MOST_DOCUMENTS, IDLE_SECONDS, MOST_SECONDS, MEMORY_MB = 25, 60, 900, 3072
_CPU_SECONDS = MOST_DOCUMENTS * MOST_SECONDS
_LENGTH = 8
_COLLECT_AFTER = (50_000, 20, 10)
_DRAWN, _REFUSED = b"+", b"-"
#: What set-up leaves for the loader and for fontconfig on machines without Pango of their own.
_PASSED = ("LD_LIBRARY_PATH", "FONTCONFIG_FILE")
_FONT_FOLDERS = (Path("/etc/fonts"), Path("/var/cache/fontconfig"))


def draw(html: str, *, number: str, generated_at: datetime, evidence: bytes) -> bytes:
    """The unsealed PDF of `audits.reports.paper.to_pdf`, drawn by a press.

    Raises RenderError when the document asks for something from outside, or when the press ends without an answer.
    """
    job = json.dumps(
        {
            "html": html,
            "number": number,
            "generated_at": generated_at.isoformat(),
            "evidence": base64.b64encode(evidence).decode("ascii"),
        }
    ).encode()
    press = _presses.take()
    answer = press.ask(job)
    if answer is None and press.documents > 1:
        # It was idle and has ended, or it was started by a thread that is gone: a fresh one does the work.
        press.end()
        press = Press()
        answer = press.ask(job)
    if answer is None:
        press.end()
        raise RenderError(f"The drawing of {number} ended without an answer, or took longer than {MOST_SECONDS} s.")
    _presses.give_back(press)
    if answer[:1] == _REFUSED:
        raise RenderError(answer[1:].decode())
    return answer[1:]


class Press:
    """One drawing process, from the side of who asks it. For one thread at a time."""

    def __init__(self) -> None:
        self.documents = 0
        self._folder = tempfile.TemporaryDirectory(prefix="assay-press-")
        environment = stripped_environment(self._folder.name)
        environment |= {name: os.environ[name] for name in _PASSED if name in os.environ}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "audits.reports.press", self._folder.name],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env=environment,
            cwd=self._folder.name,
            start_new_session=True,
        )

    def ask(self, job: bytes) -> bytes | None:
        """The answer, or None when the process has ended or takes too long."""
        self.documents += 1
        killer = threading.Timer(MOST_SECONDS, self._process.kill)
        killer.daemon = True
        killer.start()
        try:
            _write(_piped(self._process.stdin), job)
            return _read(_piped(self._process.stdout))
        except OSError:
            return None
        finally:
            killer.cancel()

    def end(self) -> None:
        """End it and take its folder away."""
        self._process.kill()
        for stream in (self._process.stdin, self._process.stdout):
            with contextlib.suppress(OSError):
                _piped(stream).close()
        self._process.wait()
        self._folder.cleanup()

    @property
    def is_worn(self) -> bool:
        """Whether it has drawn as many documents as one process should."""
        return self.documents >= MOST_DOCUMENTS


class _Presses:
    """The idle presses of this process."""

    def __init__(self) -> None:
        self._idle: list[Press] = []
        self._lock = threading.Lock()
        self._owner = os.getpid()

    def take(self) -> Press:
        """An idle press, or a new one. After a fork the presses belong to the parent."""
        with self._lock:
            if self._owner != os.getpid():
                self._idle, self._owner = [], os.getpid()
            return self._idle.pop() if self._idle else Press()

    def give_back(self, press: Press) -> None:
        """Keep it for the next document, unless it is worn."""
        if press.is_worn:
            press.end()
            return
        with self._lock:
            self._idle.append(press)

    def close(self) -> None:
        """End all that are idle."""
        with self._lock:
            idle, self._idle = (self._idle, []) if self._owner == os.getpid() else ([], [])
        for press in idle:
            press.end()


_presses = _Presses()
atexit.register(_presses.close)


def _piped(stream: IO[bytes] | None) -> IO[bytes]:
    if stream is None:
        raise OSError("the process has no pipe")
    return stream


def _write(stream: IO[bytes], content: bytes) -> None:
    stream.write(len(content).to_bytes(_LENGTH, "big"))
    stream.write(content)
    stream.flush()


def _read(stream: IO[bytes]) -> bytes | None:
    """One message; None when the other side has ended."""
    head = stream.read(_LENGTH)
    if len(head) < _LENGTH:
        return None
    length = int.from_bytes(head, "big")
    content = stream.read(length)
    return content if len(content) == length else None


# -- Inside the press -------------------------------------------------------------------------------------------------
def _answered(job: dict[str, Any]) -> bytes:
    try:
        return _DRAWN + to_pdf(
            job["html"],
            number=job["number"],
            generated_at=datetime.fromisoformat(job["generated_at"]),
            evidence=base64.b64decode(job["evidence"]),
        )
    except RenderError as error:
        return _REFUSED + str(error).encode()
    except Exception as error:  # noqa: BLE001 - whatever a library raises, nothing was drawn
        return _REFUSED + f"The document could not be drawn: {type(error).__name__}: {error}".encode()[:2000]


def main() -> None:
    """Draw what arrives on standard input until it ends or nothing comes for a while."""
    folder = sys.argv[1]
    os.environ.update(folder_variables(folder))
    tempfile.tempdir = folder
    jobs, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a library prints must not be taken for an answer.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    import weasyprint

    readable = [Path(weasyprint.__file__).resolve().parents[1], *filter(Path.exists, _FONT_FOLDERS)]
    # Nearly everything that is made while a document is drawn lives until it is done: looking for cycles as seldom as
    # this saves a tenth to a fifth of the time, for some 100 MB.
    gc.freeze()
    gc.set_threshold(*_COLLECT_AFTER)
    confine(memory_mb=MEMORY_MB, cpu_seconds=_CPU_SECONDS, folder=folder, readable=readable)
    while select.select([jobs], [], [], IDLE_SECONDS)[0]:
        job = _read(jobs)
        if job is None:
            return
        _write(answers, _answered(json.loads(job)))


if __name__ == "__main__":
    main()
