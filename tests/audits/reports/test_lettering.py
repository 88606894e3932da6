"""The words of a chart on paper: each line whole, at its place, and no drawing of its own."""

from __future__ import annotations

import subprocess
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from pyhanko.pdf_utils.reader import PdfFileReader

from audits.reports.charts import svg
from audits.reports.filters import data_url
from audits.reports.paper import to_pdf

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def drawn(*texts: str) -> bytes:
    """A page with one picture of these texts."""
    source = data_url(svg.picture("Words", "Some words.", 100, list(texts)))
    html = f'<html lang="en"><title>Words</title><p>On paper.</p><img alt="words" src="{source}"></html>'
    return to_pdf(html, number="W-1", generated_at=NOON, evidence=b"{}")


def left_edge(pdf: bytes, folder: Path) -> float:
    """Where the only word of the picture begins, in points."""
    (folder / "w.pdf").write_bytes(pdf)
    told = subprocess.run(
        ["pdftotext", "-bbox", str(folder / "w.pdf"), "-"], capture_output=True, text=True, check=True
    ).stdout
    (line,) = (line for line in told.splitlines() if "0.4567" in line)
    return float(line.partition('xMin="')[2].partition('"')[0])


def test_a_text_is_no_drawing_of_its_own() -> None:
    """One that is anchored at its end used to be one, with a frame that cut its letters."""

    def objects(pdf: bytes) -> int:
        return len(list(PdfFileReader(BytesIO(pdf)).xrefs.explicit_refs_in_revision(0)))

    one, three = (drawn(*(svg.text(300, 20 * at, "abc", anchor="end") for at in range(1, 1 + n))) for n in (1, 3))
    assert objects(one) == objects(three)


def test_a_text_stands_where_its_anchor_says(tmp_path: Path) -> None:
    edges = [left_edge(drawn(svg.text(300, 50, "0.4567", anchor=a)), tmp_path) for a in ("start", "middle", "end")]
    assert edges[0] - edges[1] == pytest.approx(edges[1] - edges[2], abs=0.01)
    assert edges[0] - edges[1] > 5


@pytest.mark.parametrize("words", ["", "   "])
def test_a_text_without_words_leaves_no_trace(words: str) -> None:
    assert drawn(svg.text(10, 10, words)) == drawn(svg.text(10, 10, ""))
