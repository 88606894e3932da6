"""The press: drawing in processes of their own, which give back what they took and can reach nothing."""

from __future__ import annotations

import dataclasses
import os
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from audits.reports import press
from audits.reports.document import ReportDocument
from audits.reports.paper import RenderError
from audits.reports.render import render_pdf

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def draw(html: str) -> bytes:
    page = f"<!DOCTYPE html><html lang='en'><head><title>A page</title></head><body>{html}</body></html>"
    return press.draw(page, number="R-1", generated_at=NOON, evidence=b"{}")


def megabytes(process: int) -> int:
    status = Path(f"/proc/{process}/status").read_text()
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS:")) >> 10


@pytest.fixture(autouse=True)
def _no_idle_presses() -> Iterator[None]:
    press._presses.close()
    yield
    press._presses.close()


def test_one_press_draws_one_document_after_another() -> None:
    assert draw("<p>one").startswith(b"%PDF-")
    (first,) = press._presses._idle
    assert draw("<p>two").startswith(b"%PDF-")
    assert press._presses._idle == [first]
    assert first.documents == 2


def test_a_worn_press_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(press, "MOST_DOCUMENTS", 1)
    draw("<p>one")
    assert press._presses._idle == []


def test_a_press_that_was_killed_while_idle_is_replaced() -> None:
    draw("<p>one")
    (first,) = press._presses._idle
    first._process.kill()
    assert draw("<p>two").startswith(b"%PDF-")
    assert press._presses._idle != [first]


def test_a_press_that_dies_at_its_first_document_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """Planted: a document that ends the process would end the next one too, so it is not tried for ever."""
    monkeypatch.setattr(press, "MOST_SECONDS", 0)
    with pytest.raises(RenderError, match="ended without an answer"):
        draw("<p>one")


def test_a_press_sees_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "not for the press")
    draw("<p>one")
    (made,) = press._presses._idle
    environment = Path(f"/proc/{made._process.pid}/environ").read_bytes()
    assert b"not for the press" not in environment
    assert b"PYTHONPATH=" in environment


def test_what_is_refused_leaves_the_press_alive() -> None:
    with pytest.raises(RenderError, match="may load nothing from outside"):
        draw("<img src='file:///etc/passwd' alt=x>")
    assert len(press._presses._idle) == 1
    assert draw("<p>two").startswith(b"%PDF-")


@pytest.mark.slow
def test_a_hundred_reports_by_two_workers_leave_no_memory_behind(bare: Callable[..., ReportDocument]) -> None:
    """The worker holds nothing of the renderer; no press holds more after fifty documents than after its first ten."""
    document, failures = bare(), list[BaseException]()
    worker: list[int] = []
    presses: dict[int, list[int]] = {}

    def work(name: int) -> None:
        try:
            for turn in range(50):
                identity = dataclasses.replace(document.identity, number=f"R-{name}-{turn}")
                render_pdf(dataclasses.replace(document, identity=identity))
                worker.append(megabytes(os.getpid()))
                for idle in tuple(press._presses._idle):
                    presses.setdefault(idle._process.pid, []).append(megabytes(idle._process.pid))
        except BaseException as error:  # noqa: BLE001 - told below, in the thread of the test
            failures.append(error)

    threads = [threading.Thread(target=work, args=(name,)) for name in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert len(worker) == 100
    assert max(worker[50:]) - max(worker[:10]) <= 5
    # Worn presses were replaced: none may be larger than the first ones were.
    assert len(presses) >= 2
    assert max(max(seen) for seen in presses.values()) < 400
