"""`manage.py pull_mlflow --as USERNAME URL…`: see what is new on MLflow servers."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from registry.connectors.mlflow import DIGEST_NOTE
from registry.errors import AssayError
from registry.mlflow_import import pull
from registry.models import Person


class Command(BaseCommand):
    """Exit 0 when every server answered, 1 otherwise."""

    help = "Import registered models, versions, runs, datasets and aliases, and tell which aliases have moved."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Somebody answers for every import."""
        parser.add_argument("--as", dest="actor", default=settings.ASSAY_MLFLOW_ACTOR, metavar="USERNAME")
        parser.add_argument("servers", nargs="*", default=settings.ASSAY_MLFLOW_URLS, metavar="URL")

    def handle(self, *_args: Any, **options: Any) -> None:
        """One server after the other."""
        actor = Person.objects.filter(username=options["actor"], is_active=True).first()
        if actor is None or not options["servers"]:
            raise CommandError("Name who answers for it with --as, and at least one server.")
        for server in options["servers"]:
            try:
                pulled = pull(actor=actor, server=server)
            except AssayError as error:
                raise CommandError(f"{server}: {error}") from error
            self.stdout.write(f"{server}: {pulled.models} registered models, {pulled.changed} of them new or changed.")
            for move in pulled.moved:
                was, now = move.before or "nothing", move.after or "nothing"
                self.stdout.write(f"  {move.model}: the alias {move.alias} was on {was} and is on {now} now.")
        self.stdout.write(DIGEST_NOTE)
