"""`manage.py verify_ledger`: does the ledger still say what it said, and do the tables still say what it says?"""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from registry.errors import AssayError
from registry.notes import NoteKey
from registry.verification import verify

UNKNOWN = 2


class Command(BaseCommand):
    """Exit 0 when everything agrees, 1 when something does not, 2 when that could not be found out."""

    help = (
        "Recompute the whole ledger (A) and compare the tables with it (D); with --from-checkpoint compare with a "
        "checkpoint kept elsewhere (B), with --receipt with a receipt somebody was handed (C)."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Papers from elsewhere are what makes a rewritten log visible."""
        parser.add_argument("--from-checkpoint", metavar="FILE", type=Path, action="append", default=[])
        parser.add_argument("--receipt", metavar="FILE", type=Path, action="append", default=[])
        parser.add_argument("--key", metavar="VKEY", help="the log's key as it was published; by default all of ours")
        parser.add_argument("--without-rows", action="store_true", help="leave out layer D")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Say what was compared and what was found; the first bad entry comes first."""
        try:
            found = verify(
                checkpoints=[path.read_text() for path in options["from_checkpoint"]],
                receipts=[path.read_text() for path in options["receipt"]],
                rows=not options["without_rows"],
                key=NoteKey.parse(options["key"]) if options["key"] else None,
                progress=self._progress,
            )
        except (OSError, UnicodeDecodeError, DatabaseError, AssayError) as error:
            raise CommandError(f"The ledger could not be verified: {error}", returncode=UNKNOWN) from error
        finally:
            if sys.stderr.isatty():
                self.stderr.write("\r" + " " * 60 + "\r", ending="")
        for problem in found.problems:
            self.stdout.write(str(problem), self.style.ERROR)
        if found.problems:
            first = "" if found.first_bad is None else f" The first bad entry is {found.first_bad}."
            raise CommandError(f"{len(found.problems)} of the ledger's promises are broken.{first}", returncode=1)
        compared = ["A bodies", *(["D rows"] if not options["without_rows"] else [])]
        compared += [f"B {path.name}" for path in options["from_checkpoint"]]
        compared += [f"C {path.name}" for path in options["receipt"]]
        self.stdout.write(f"{found.size} entries, root {found.root.hex()}: all agree ({', '.join(compared)}).")
        if not options["from_checkpoint"]:
            self.stdout.write(
                "Only a checkpoint kept elsewhere shows that nobody rewrote it all: --from-checkpoint FILE."
            )

    def _progress(self, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r{done:,} of {total:,} entries ({done * 100 // total} %)", ending="")
