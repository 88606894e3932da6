"""`manage.py backup PLACE`: one consistent copy of database, evidence and newest checkpoint."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import Error as DatabaseError

from governance.version import PRODUCT_VERSION
from registry.backup.making import make_backup
from registry.errors import AssayError, DigestMismatchError, EvidenceMissingError, LedgerError

BROKEN, IMPOSSIBLE = 1, 2


class Command(BaseCommand):
    """Exit 0 when the copy is whole, 1 when the record itself is damaged, 2 when no copy could be made."""

    help = (
        "Copy database, evidence and newest checkpoint into a new folder, or into a tar when the name ends with .tar. "
        "The service may run. Keys are left out, because whoever has copy and keys can sign another history."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("target", metavar="FOLDER|FILE.tar", type=Path)
        parser.add_argument("--with-keys", action="store_true", help="the keys too: keep such a copy like a key")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Say what was copied, and what to keep elsewhere."""
        try:
            manifest, digest = make_backup(
                options["target"].absolute(),
                product=PRODUCT_VERSION,
                with_keys=options["with_keys"],
                progress=self._progress,
            )
        except (EvidenceMissingError, DigestMismatchError, LedgerError) as error:
            raise CommandError(f"The record is damaged, no copy was made: {error}", returncode=BROKEN) from error
        except (AssayError, DatabaseError, OSError) as error:
            raise CommandError(f"No copy was made: {error}", returncode=IMPOSSIBLE) from error
        size = sum(part.size for part in manifest.parts)
        self.stdout.write(f"{options['target']}: {len(manifest.parts)} parts, {size:,} bytes, {manifest.engine}.")
        self.stdout.write(f"Ledger: {manifest.ledger_size} entries, root {manifest.ledger_root}.")
        self.stdout.write(f"Manifest: {digest} (entry backup.made names it).")
        if not options["with_keys"]:
            self.stdout.write("The keys are not in it: keep them apart (--with-keys puts them in).")

    def _progress(self, what: str, done: int, total: int) -> None:
        if sys.stderr.isatty():
            self.stderr.write(f"\r\033[K{done:,} of {total:,} {what}", ending="" if done < total else "\n")
