"""`manage.py declare_key_compromised`: a key has been in other hands since a moment."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import datetime
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registry.errors import AssayError
from registry.key_history import declare_compromised


class Command(BaseCommand):
    """Writes the entry that `keys.json` publishes. Replacing the key is another step: put a new one in the keyring."""

    help = "State that a key was compromised: what it signed counts only where it is provably older than that."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """All three stand in the entry; the reason as a commitment."""
        parser.add_argument("key_id", help="sha256:… as keys.json names it")
        parser.add_argument("--since", required=True, type=datetime.fromisoformat, help="2026-03-01T12:00:00+00:00")
        parser.add_argument("--reason", required=True)

    def handle(self, *_args: Any, **options: Any) -> None:
        """Refuse with the reason, or confirm."""
        try:
            declare_compromised(key_id=options["key_id"], since=options["since"], reason=options["reason"])
        except AssayError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"{options['key_id']} is published as compromised since {options['since'].isoformat()}.")
