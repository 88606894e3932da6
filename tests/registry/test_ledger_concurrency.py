"""Eight processes write at once, roll back and are killed: no gap, no fork, no lost entry."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from registry import ledger
from registry.models import Dataset, LedgerEntry, Person
from registry.verification import verify

WRITERS = 8
APPENDS = 25
PROGRAM = Path(__file__).with_name("ledger_writer.py")


def environment() -> dict[str, str]:
    """The test's own database, for another process."""
    database = connection.settings_dict
    if connection.vendor == "sqlite":
        url = f"sqlite:///{database['NAME']}"
    else:
        secret = f":{database['PASSWORD']}" if database["PASSWORD"] else ""
        url = f"postgres://{database['USER']}{secret}@{database['HOST']}:{database['PORT']}/{database['NAME']}"
    return {
        **os.environ,
        "DATABASE_URL": url,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(settings.BASE_DIR),
    }


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_eight_writers_that_roll_back_and_die_leave_one_unbroken_log() -> None:
    Person.objects.create_user("writer")
    before = ledger.size()
    commands = [[sys.executable, str(PROGRAM), f"w{writer}", str(APPENDS)] for writer in range(WRITERS)]

    running = [subprocess.Popen(command, env=environment(), stdout=subprocess.PIPE, text=True) for command in commands]
    answers = [process.communicate(timeout=240)[0] for process in running]

    codes = {process.returncode for process in running}
    assert codes <= {0, -9}
    assert codes == {0, -9}, "some writers must die and some must live, or the test proves nothing"
    confirmed = dict(line.split() for answer in answers for line in answer.splitlines())
    written = LedgerEntry.objects.filter(index__gte=before, event="dataset.registered").order_by("index")
    told = {str(index): subject.removeprefix("dataset:") for index, subject in written.values_list("index", "subject")}
    assert confirmed.items() <= told.items()
    assert len(confirmed) > WRITERS
    assert sorted(told.values()) == sorted(Dataset.objects.values_list("slug", flat=True))
    assert list(LedgerEntry.objects.order_by("index").values_list("index", flat=True)) == list(range(ledger.size()))
    assert verify(checkpoints=[ledger.publish_checkpoint().note]).problems == ()
