"""A process that appends to the ledger, sometimes rolls back, and now and then dies in the middle.

usage: python ledger_writer.py <name> <appends>; prints the index of every entry once its commit has returned.
"""

from __future__ import annotations

import os
import random
import signal
import sys

import django
from django.db import transaction

ROLLBACKS = 0.1
DEATHS = 0.02


def main(name: str, appends: int) -> None:
    django.setup()
    from registry import ledger
    from registry.events import Event
    from registry.models import Dataset, Person

    owner = Person.objects.get(username="writer")
    dice = random.Random(name)  # noqa: S311  (a test's dice)
    for number in range(appends):
        with transaction.atomic():
            Dataset.objects.create(slug=f"{name}-{number}", name=name, owner=owner)
            if dice.random() < DEATHS:
                os.kill(os.getpid(), signal.SIGKILL)
            entry = ledger.append(Event.DATASET_REGISTERED, subject=f"dataset:{name}-{number}", actor=owner)
            if dice.random() < DEATHS:
                os.kill(os.getpid(), signal.SIGKILL)
            if dice.random() < ROLLBACKS:
                transaction.set_rollback(True)
                continue
        sys.stdout.write(f"{entry.index} {name}-{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
