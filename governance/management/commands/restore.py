"""`manage.py restore PLACE`: put a copy back, with proof of integrity."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from registry.backup.copies import BackupBrokenError, BackupOutdatedError
from registry.backup.restoring import Restored, Wish, restore_backup
from registry.errors import AssayError, LedgerError

REFUSED, IMPOSSIBLE = 1, 2


class Command(BaseCommand):
    """Exit 0 when the copy is in place and verifies, 1 when the copy is refused, 2 when it could not be put back."""

    help = (
        "Verify a copy, put it into the configured database and evidence store, and verify its ledger. Stop the "
        "service first. Nothing is changed unless all of it succeeds."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A checkpoint from elsewhere shows that the copy is not an old one."""
        parser.add_argument("source", metavar="FOLDER|FILE.tar", type=Path)
        parser.add_argument("--replace", action="store_true", help="keep what is in the database aside")
        parser.add_argument("--with-keys", action="store_true", help="put back the keys too, where there are none")
        parser.add_argument("--from-checkpoint", metavar="FILE", type=Path, action="append", default=[])

    def handle(self, *_args: Any, **options: Any) -> None:
        """Say what was compared, what was found and what is left to do."""
        try:
            wish = Wish(
                replace=options["replace"],
                with_keys=options["with_keys"],
                checkpoints=tuple(path.read_text() for path in options["from_checkpoint"]),
            )
            restored = restore_backup(options["source"].absolute(), wish, self._progress)
        except (BackupBrokenError, BackupOutdatedError, LedgerError) as error:
            raise CommandError(f"The copy is refused, nothing was changed: {error}", returncode=REFUSED) from error
        except (AssayError, DatabaseError, OSError, UnicodeDecodeError) as error:
            raise CommandError(f"Nothing was restored: {error}", returncode=IMPOSSIBLE) from error
        self._say(restored, given=bool(wish.checkpoints))

    def _say(self, restored: Restored, *, given: bool) -> None:
        found, manifest = restored.verification, restored.manifest
        self.stdout.write(f"The copy of {manifest.made_at}, made by release {manifest.product}, is in place.")
        self.stdout.write(f"{found.size} entries, root {found.root.hex()}: ledger and rows agree.")
        for place in restored.places:
            self.stdout.write(place)
        if not given and not restored.places:
            self.stdout.write(
                "Only a checkpoint kept elsewhere shows that no newer copy exists: --from-checkpoint FILE."
            )
        if restored.former:
            self.stdout.write(f"What was there before is kept: {restored.former}.")
        self.stdout.write("Repeat the erasures that came after the copy before anybody signs in: docs/erasure.md.")

    def _progress(self, what: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{done:,} of {total:,} {what}", ending="" if done < total else "\n")
