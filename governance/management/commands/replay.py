"""`manage.py replay REPORT`: does the same measuring still give the figures that a report shows?"""

from __future__ import annotations

import json
import sys
import time
from argparse import ArgumentParser, ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from audits.agreement import TOLERANCE, Agreement
from audits.remeasuring import Remeasured
from governance.reports.replays import Replay, find_report, replay_report
from registry.errors import AssayError

DIFFERS, UNKNOWN = 1, 2
MOST_SHOWN = 20

_WORDS = {
    Agreement.IDENTICAL: "identical",
    Agreement.WITHIN_TOLERANCE: "within tolerance",
    Agreement.DIFFERENT: "DIFFERENT",
    Agreement.NOT_REPEATED: "could not be repeated",
}
_VERDICTS = {
    Agreement.IDENTICAL: "every figure and judgement is the one that the report shows",
    Agreement.WITHIN_TOLERANCE: "every figure is within the tolerance, every judgement the same",
    Agreement.DIFFERENT: "what is measured now is not what the report shows",
    Agreement.NOT_REPEATED: "not every check could be repeated, so this says nothing for or against those",
}


class Command(BaseCommand):
    """Exit 0 when all agree, 1 when a figure or judgement differs, 2 when something could not be repeated."""

    help = (
        "Measure every check of a report again, from its pinned inputs, seed and parameters, and compare figure by "
        "figure. REPORT is the number of a report, the id of a promotion, or a file as it was handed out (PDF, "
        "evidence.json or bundle). Changes nothing but the ledger, which is told how it ended."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument("report", metavar="REPORT")
        parser.add_argument(
            "--tolerance",
            type=_tolerance,
            default=TOLERANCE,
            help="relative, for measured numbers only: counts and words are exact (default %(default)g)",
        )
        parser.add_argument("--json", action="store_true", help="print one JSON document")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Say for each check how it ended, then for the report."""
        self._quiet = options["json"]
        self._began = time.monotonic()
        try:
            report = find_report(options["report"])
            replay = replay_report(report, tolerance=options["tolerance"], progress=self._progress)
        except AssayError as error:
            raise CommandError(f"The report could not be replayed: {error}", returncode=UNKNOWN) from error
        if self._quiet:
            self.stdout.write(json.dumps(replay.to_document(), indent=1, ensure_ascii=False))
        self._conclude(replay)

    def _progress(self, done: int, total: int, check: str, ended: Remeasured | None) -> None:
        if ended is None:
            self._began = time.monotonic()
            if sys.stderr.isatty():
                self.stderr.write(f"\r\033[K[{done + 1}/{total}] {check} …", ending="")
            return
        if sys.stderr.isatty():
            self.stderr.write("\r\033[K", ending="")
        if not self._quiet:
            self._tell(done, total, ended)

    def _tell(self, done: int, total: int, ended: Remeasured) -> None:
        style = self.style.ERROR if ended.agreement is Agreement.DIFFERENT else self.style.SUCCESS
        style = self.style.WARNING if ended.agreement is Agreement.NOT_REPEATED else style
        figures = f", {ended.figures} figures" if ended.figures else ""
        took = f"{time.monotonic() - self._began:.1f} s"
        self.stdout.write(f"[{done}/{total}] {ended.check}: {style(_WORDS[ended.agreement])}{figures}, {took}")
        if ended.problem:
            self.stdout.write(f"      {ended.problem}")
        for caveat in ended.caveats:
            self.stdout.write(f"      note: {caveat}")
        for difference in ended.differences[:MOST_SHOWN]:
            word = "tolerated: " if difference.tolerated else ""
            self.stdout.write(f"      {word}{difference}")
        if len(ended.differences) > MOST_SHOWN:
            self.stdout.write(f"      … and {len(ended.differences) - MOST_SHOWN} more; --json lists them all")

    def _conclude(self, replay: Replay) -> None:
        told = f"{replay.number}: {_VERDICTS[replay.agreement]} (relative tolerance {replay.tolerance:g})."
        if replay.agreement in (Agreement.IDENTICAL, Agreement.WITHIN_TOLERANCE):
            if not self._quiet:
                self.stdout.write(self.style.SUCCESS(told))
            return
        raise CommandError(told, returncode=DIFFERS if replay.agreement is Agreement.DIFFERENT else UNKNOWN)


def _tolerance(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < 1:
        raise ArgumentTypeError("a number from 0 to below 1")
    return value
