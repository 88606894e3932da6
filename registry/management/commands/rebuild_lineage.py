"""`manage.py rebuild_lineage`: derive the lineage graph anew from kept events and registered records."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import transaction

from registry import graph, lineage_events, lineage_findings
from registry.canonical import digest_of


class Command(BaseCommand):
    """Exit 0 when the graph was as it should be or was made so, 1 when --check found another one."""

    help = "Derive nodes and edges anew. With --check only compare, and exit 1 when the stored graph is another one."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """A comparison leaves everything as it is."""
        parser.add_argument("--check", action="store_true", help="compare and change nothing")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Say whether anything was different."""
        with transaction.atomic():
            before = digest_of(graph.document())
            lineage_events.rebuild()
            found = graph.document()
            same = digest_of(found) == before
            transaction.set_rollback(options["check"])
        for finding in lineage_findings.findings():
            self.stdout.write(f"{finding.code}: {', '.join(finding.nodes)}. {finding.explanation}", self.style.WARNING)
        size = f"{len(found['nodes'])} nodes, {len(found['edges'])} edges, {len(found['columns'])} column steps"
        if same:
            self.stdout.write(f"The graph is what events and records say: {size}.")
        elif options["check"]:
            raise CommandError(f"The stored graph is not what events and records say ({size}).", returncode=1)
        else:
            self.stdout.write(f"The graph was different and is built anew: {size}.")
