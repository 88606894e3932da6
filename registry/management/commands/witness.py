"""`manage.py witness`: the small second program that cosigns checkpoints. Run it on another host, for somebody else."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registry.errors import AssayError
from registry.notes import NoteKey
from registry.witness import Witness, serve


class Command(BaseCommand):
    """Serves `POST /add-checkpoint` until it is stopped. Touches no database."""

    help = "Cosign checkpoints of the logs whose keys are given, never two histories of one log."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The logs it knows are its whole policy."""
        parser.add_argument("--folder", type=Path, required=True, help="keeps its key and what it cosigned last")
        parser.add_argument("--name", required=True, help="its name on cosignatures, such as witness.example.org/1")
        parser.add_argument("--log", metavar="VKEY", action="append", required=True, help="a log's public key")
        parser.add_argument("--bind", default="127.0.0.1:8081", metavar="HOST:PORT")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Print the key that others verify with, then serve."""
        host, _, port = options["bind"].rpartition(":")
        try:
            keys = [NoteKey.parse(encoded) for encoded in options["log"]]
            witness = Witness(options["folder"], options["name"], {key.name: key for key in keys})
            server = serve(witness, host, int(port))
        except (AssayError, OSError, ValueError) as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{witness.key.encoded}\n")
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            server.server_close()
