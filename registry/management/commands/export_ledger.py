"""`manage.py export_ledger FILE`: the whole ledger in one file that strangers can compute again."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registry.ledger_export import write_export


class Command(BaseCommand):
    """Refuses to overwrite; the file is there whole or not at all."""

    help = "Write the ledger (C2SP tlog-tiles in a zip); check it with clients/assay_verify.py FILE --keys keys.json."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Where to."""
        parser.add_argument("file", type=Path)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Write beside, then move into place."""
        path: Path = options["file"]
        if path.exists():
            raise CommandError(f"{path} is there already.")
        draft = path.with_name(f".{path.name}.part")
        try:
            with draft.open("wb") as stream:
                checkpoint = write_export(stream)
            draft.rename(path)
        except OSError as error:
            raise CommandError(f"The ledger could not be written: {error}") from error
        finally:
            draft.unlink(missing_ok=True)
        self.stdout.write(f"{checkpoint.size} entries are in {path}.")
