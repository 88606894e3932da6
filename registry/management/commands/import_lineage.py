"""`manage.py import_lineage --from dvc PATH…`: take in what other tools know about where data and models come from."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from registry.connectors import croissant, dvc, git
from registry.errors import AssayError
from registry.lineage_events import raw_event, receive
from registry.models import Person

FORMATS = ("dvc", "git", "croissant", "openlineage")


class Command(BaseCommand):
    """Exit 0 when everything was taken in (or was held already), 1 when anything was refused; then nothing was."""

    help = (
        "Import lineage. dvc: the folder of a repository (.dvc files, dvc.lock, manifests; beside it Git's revision); "
        "git: the folder of a repository (commits, and tags as GTO sets them); croissant: JSON-LD files; "
        "openlineage: files with one event a line."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Somebody answers for every import."""
        parser.add_argument("--from", dest="format", choices=FORMATS, required=True)
        parser.add_argument("--as", dest="actor", required=True, metavar="USERNAME", help="who answers for the import")
        parser.add_argument("--repository", default="", help="its address, by which others know it; else the folder")
        parser.add_argument("paths", nargs="+", type=Path, metavar="PATH")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Collect, then keep all or none."""
        actor = Person.objects.filter(username=options["actor"], is_active=True).first()
        if actor is None:
            raise CommandError(f"Nobody signs in as {options['actor']}.")
        try:
            collected = [event for path in options["paths"] for event in _collected(options, path)]
            events = [
                raw_event(options["format"], event if isinstance(event, str) else json.dumps(event, sort_keys=True))
                for event in collected
            ]
            received = receive(actor=actor, events=events)
        except (OSError, UnicodeDecodeError, AssayError) as error:
            where = f"{error.field}: " if isinstance(error, AssayError) and error.field else ""
            raise CommandError(f"Nothing was imported. {where}{error}") from error
        self.stdout.write(f"{received.kept} events are new, {received.repeated} were held already.")


def _collected(options: Mapping[str, Any], path: Path) -> Iterable[dict[str, Any] | str]:
    form, repository = options["format"], options["repository"] or path.resolve().as_uri()
    if form == "git":
        return git.collect(path, repository=repository)
    if form == "dvc":
        return [dvc.collect(path, repository=repository, revision=_revision(path))]
    if form == "croissant":
        return [croissant.collect(path)]
    return _lines(path)


def _revision(path: Path) -> str:
    """The commit of the workspace, "" where it is no Git repository."""
    try:
        return str(next(iter(git.collect(path, repository="-", most=1)))["commit"])
    except (AssayError, StopIteration):
        return ""


def _lines(path: Path) -> Iterator[str]:
    return (line for line in path.read_text().splitlines() if line.strip())
