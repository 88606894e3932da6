"""A report rendered, sealed and self-checked, beside a bare WeasyPrint render of the same HTML.

`python -m benchmarks.reports [--rounds 3] [--charts 12] [--plain 10] [--grow]`

The report has one chart for each of the first checks and none for the plain ones; 12 and 10 fill the 30 pages of the
budget. Rounds are interleaved, the median counts; the target is a ratio of 1.25. Time is that of the
processor, in this process and in the press that draws. With `--grow`, reports of about 10, 30, 100 and 500 pages are
drawn and sealed, each by a fresh press: what a page costs may not grow with their number.
"""

from __future__ import annotations

import argparse
import dataclasses
import logging
import os
import statistics
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime
from io import BytesIO
from pathlib import Path

from django.conf import settings
from pyhanko.pdf_utils.reader import PdfFileReader

from audits.criteria import Outcome
from audits.measurements import Interval, MetricValue, ObservationStatus, Table
from audits.reports import parts
from audits.reports.document import ReportDocument
from registry.canonical import digest
from registry.keys import Keyring

MOST = 1.25
#: Charts and plain checks that fill about 10, 30, 100 and 500 pages, and how much dearer a page of the last may be.
SIZES, MOST_GROWTH = ((2, 2), (12, 10), (48, 40), (250, 205)), 1.3
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LOREM = "A note of about this length stands under a check and says what its reader should know about the rows. " * 3
GROUPS = tuple(f"group {letter}" for letter in "ABCDEFGH")


def document(charts: int, plain: int = 0) -> ReportDocument:
    """A closed gate with `charts` checks of eight groups each, one finding and one chart a check, and `plain` ones."""
    made = [_check(number) for number in range(charts)]
    bare_checks = [dataclasses.replace(_check(number)[0], values=(), notes=(LOREM,) * 4) for number in range(plain)]
    return ReportDocument(
        identity=parts.Identity(number="B-1", generated_at=NOON, as_of=date(2026, 11, 20), product_version="0"),
        subject=parts.Subject(
            model="bench", name="Benchmark", purpose="To be timed.", risk_class="high", role="provider",
            affected_persons="nobody", owner="Olga", version=1, digest=digest(b"model"), format="skops",
            framework="scikit-learn", code_revision="c0ffee", author="Maya",
        ),
        request=parts.Request(
            id="1", from_stage="staging", to_stage="production", round=1, reason="To be timed.", requested_by="Maya",
            requested_at=NOON,
        ),
        policy=parts.PolicyFacts(slug="high_risk", version=1, digest=digest(b"policy"), title="High-risk models"),
        decision=parts.Decision(
            outcome="closed", decided_at=NOON, valid_until=None, digest=digest(b"decision"), enforced=True
        ),
        checks=(*(check for check, _ in made), *bare_checks),
        findings=tuple(finding for _, finding in made),
    )  # fmt: skip


def _check(number: int) -> tuple[parts.CheckFacts, parts.FindingFacts]:
    name = f"fairness.check_{number}"
    values = tuple(
        MetricValue(
            metric=f"rate_{number}",
            value=0.3 + place / 50,
            n=500 + place,
            feature="group",
            group=group,
            interval=Interval(0.28 + place / 50, 0.32 + place / 50, 0.95, "wilson"),
        )
        for place, group in enumerate(GROUPS)
    )
    rows = tuple((group, 100 + number, 50, 30, 320) for group in GROUPS)
    check = parts.CheckFacts(
        check=name,
        version="1",
        title=f"Check {number}",
        status=ObservationStatus.MEASURED,
        values=values,
        tables={"cells": Table(("group", "tp", "fp", "fn", "tn"), rows)},
    )
    finding = parts.FindingFacts(
        criterion=f"criterion-{number}",
        title=f"Criterion {number}",
        check=name,
        metric=f"rate_{number}",
        outcome=Outcome.INCONCLUSIVE,
        limit="at most 0.40",
        explanation="The interval crosses the limit.",
        reason="To be timed.",
        set_by="the bench",
        at_most="0.40",
        measured=values[-1],
    )
    return check, finding


def timed(work: Callable[[], object]) -> float:
    """Seconds of processor time, here and in the presses: other work on the machine disturbs it less than the clock."""
    begin = time.process_time() + _in_presses()
    work()
    return time.process_time() + _in_presses() - begin


def _in_presses() -> float:
    """Seconds of processor time that the idle presses have used so far."""
    from audits.reports import press

    used = 0.0
    for idle in press._presses._idle:  # noqa: SLF001 - nobody else wants to know
        process = idle._process.pid  # noqa: SLF001
        fields = Path(f"/proc/{process}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        used += (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    return used


def bare(html: str) -> bytes:
    """WeasyPrint with nothing of ours but the fonts, which the HTML names."""
    from weasyprint import HTML

    from audits.reports.render import fetch_embedded

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pdf: bytes = HTML(string=html, url_fetcher=fetch_embedded).write_pdf()
    return pdf


def pages_of(html: str) -> int:
    """How many pages the HTML fills."""
    from weasyprint import HTML

    from audits.reports.render import fetch_embedded

    return len(HTML(string=html, url_fetcher=fetch_embedded).render().pages)


def measure(rounds: int, shown: ReportDocument, folder: Path | str) -> tuple[list[float], list[float], int]:
    """Seconds of ours and of the bare render, round by round, and the pages."""
    from audits.reports.render import evidence_bytes, paper_html, render_pdf
    from audits.reports.seal import seal_pdf

    keyring = Keyring.open(f"{folder}/keys", create=True)
    html = paper_html(shown, evidence_bytes(shown))
    pages = pages_of(html)
    ours, theirs = list[float](), list[float]()
    seal_pdf(render_pdf(shown), keyring=keyring, reason="warm")
    for number in range(rounds):
        fresh = dataclasses.replace(shown, identity=dataclasses.replace(shown.identity, number=f"B-{number}"))
        theirs.append(timed(lambda: bare(html)))
        ours.append(timed(lambda: seal_pdf(render_pdf(fresh), keyring=keyring, reason="bench")))  # noqa: B023
    return ours, theirs, pages


def grow(folder: Path | str) -> int:
    """Print what a page costs as reports grow; 1 when a page of the largest is dearer than one of 30 pages."""
    from audits.reports import press
    from audits.reports.render import render_pdf
    from audits.reports.seal import seal_pdf

    keyring, costs = Keyring.open(f"{folder}/keys", create=True), list[float]()
    sys.stdout.write("pages   CPU s   CPU ms a page   MB at most   PDF KB\n")
    for charts, plain in SIZES:
        press._presses.close()  # noqa: SLF001 - what a fresh one needs is asked
        render_pdf(document(1))
        made = list[bytes]()
        shown = document(charts, plain)
        seconds = timed(lambda: made.append(seal_pdf(render_pdf(shown), keyring=keyring, reason="bench")))  # noqa: B023
        pages = int(PdfFileReader(BytesIO(made[0])).root["/Pages"]["/Count"])
        costs.append(seconds / pages)
        sys.stdout.write(
            f"{pages:5}  {seconds:6.2f}  {1000 * costs[-1]:14.0f}  {_peak():11}  {len(made[0]) // 1024:7}\n"
        )
    return int(costs[-1] > MOST_GROWTH * costs[1])


def _peak() -> int:
    """Megabytes that the idle press needed at most."""
    from audits.reports import press

    (idle,) = press._presses._idle  # noqa: SLF001
    status = Path(f"/proc/{idle._process.pid}/status").read_text(encoding="ascii")  # noqa: SLF001
    return int(status.partition("VmHWM:")[2].split()[0]) // 1024


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 when the ratio is above the target."""
    parser = argparse.ArgumentParser(description="Reports beside a bare render.")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--charts", type=int, default=12)
    parser.add_argument("--plain", type=int, default=10)
    parser.add_argument("--grow", action="store_true", help="reports of 10 to 500 pages instead")
    given = parser.parse_args(arguments)
    if not settings.configured:
        settings.configure(USE_I18N=False)
    logging.getLogger("pyhanko_certvalidator").setLevel(logging.ERROR)
    logging.getLogger("pyhanko").setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(prefix="assay-bench-") as folder:
        if given.grow:
            return grow(folder)
        ours, theirs, pages = measure(given.rounds, document(given.charts, given.plain), folder)
    ratio = statistics.median(ours) / statistics.median(theirs)
    sys.stdout.write(
        f"{given.charts} charts, {pages} pages, {given.rounds} rounds, CPU s (median, lowest to highest)\n"
        f"  bare WeasyPrint render    {statistics.median(theirs):6.2f}  {min(theirs):.2f} to {max(theirs):.2f}\n"
        f"  render, seal, self-check  {statistics.median(ours):6.2f}  {min(ours):.2f} to {max(ours):.2f}\n"
        f"  ratio {ratio:.2f} (target: at most {MOST})\n"
    )
    return int(ratio > MOST)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
