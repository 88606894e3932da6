from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from django.db import connection, transaction
from django.utils import timezone
from pytest_django.fixtures import Settings

from registry import ledger, work
from registry.events import Event
from registry.models import LedgerEntry, WorkItem

State = WorkItem.State
ROOT = Path(__file__).resolve().parent.parent.parent


class Recorder:
    """Counts attempts, fails as often as told, and writes one ledger entry per success."""

    def __init__(self, failures: int = 0) -> None:
        self.attempts = 0
        self.failures = failures
        self.during: list[Any] = []

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        self.attempts += 1
        for action in self.during:
            action()
        if self.attempts <= self.failures:
            raise RuntimeError("not today")
        return lambda: _tell("done")

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:
        return lambda: _tell(f"gave up: {error}")


def _tell(what: str) -> None:
    ledger.append(Event.RUN_OPENED, subject=what)


def told() -> list[str]:
    return list(LedgerEntry.objects.filter(event=Event.RUN_OPENED).values_list("subject", flat=True))


@pytest.fixture
def recorder(db: None) -> Iterator[Recorder]:
    made = Recorder()
    work.performs("test.record", made)
    yield made
    work._performers.pop("test.record")


def item(**changes: Any) -> WorkItem:
    made = work.enqueue(kind="test.record", key=uuid.uuid4().hex, payload={})
    if changes:
        WorkItem.objects.filter(pk=made.pk).update(**changes)
    return made


def test_work_is_done_once_with_its_effect(recorder: Recorder) -> None:
    made = item()
    assert work.perform(made.pk)
    assert not work.perform(made.pk)
    assert told() == ["done"]
    made.refresh_from_db()
    assert (made.state, made.attempts, made.lease_until) == (State.DONE, 1, None)


def test_the_same_key_is_asked_for_once(recorder: Recorder) -> None:
    first = work.enqueue(kind="test.record", key="one", payload={})
    assert work.enqueue(kind="test.record", key="one", payload={}) == first
    assert work.perform_all() == 1


def test_a_worker_is_woken_only_after_the_commit(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    woken: list[int] = []
    monkeypatch.setattr(work, "_wake", [woken.append])
    with django_capture_on_commit_callbacks(execute=True):
        made = item()
        assert woken == []
    assert woken == [made.pk]


def test_a_broker_that_is_down_loses_no_work(
    recorder: Recorder, monkeypatch: pytest.MonkeyPatch, django_capture_on_commit_callbacks: Any
) -> None:
    def broken(_item: int) -> None:
        raise ConnectionError("no broker")

    monkeypatch.setattr(work, "_wake", [broken])
    with django_capture_on_commit_callbacks(execute=True):
        item()
    woken: list[int] = []
    monkeypatch.setattr(work, "_wake", [woken.append])
    assert work.sweep() == 1
    assert len(woken) == 1


def test_a_failure_waits_and_is_tried_again(recorder: Recorder) -> None:
    recorder.failures = 1
    made = item()
    assert work.perform(made.pk)
    made.refresh_from_db()
    assert made.state == State.QUEUED
    assert "not today" in made.last_error
    assert made.lease_until is not None
    assert not work.perform(made.pk), "it must not be tried again before its pause is over"
    WorkItem.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert work.perform(made.pk)
    assert told() == ["done"]


def test_the_last_failure_is_the_result(recorder: Recorder, settings: Settings) -> None:
    settings.ASSAY_WORK_ATTEMPTS = 2
    recorder.failures = 9
    made = item()
    for _ in range(2):
        assert work.perform(made.pk)
        WorkItem.objects.filter(state=State.QUEUED).update(lease_until=None)
    made.refresh_from_db()
    assert made.state == State.DEAD
    assert told() == ["gave up: RuntimeError: not today"]
    assert not work.perform(made.pk)


def test_work_in_hand_is_not_taken(recorder: Recorder) -> None:
    made = item(state=State.LEASED, owner="another", lease_until=timezone.now() + timedelta(minutes=1))
    assert not work.perform(made.pk)
    assert work.sweep() == 0


def test_work_of_a_worker_that_died_is_taken_over(recorder: Recorder) -> None:
    made = item(state=State.LEASED, owner="dead", attempts=1, lease_until=timezone.now() - timedelta(seconds=1))
    assert work.sweep() == 1
    assert work.perform(made.pk)
    assert told() == ["done"]


def test_a_worker_that_lost_its_lease_writes_nothing(recorder: Recorder) -> None:
    made = item()
    recorder.during.append(lambda: WorkItem.objects.filter(pk=made.pk).update(owner="another", attempts=2))
    assert not work.perform(made.pk)
    assert told() == []


def test_an_effect_that_fails_is_rolled_back_whole(recorder: Recorder, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(_payload: Mapping[str, Any]) -> work.Effect:
        def effect() -> None:
            _tell("half")
            raise RuntimeError("in the middle")

        return effect

    monkeypatch.setattr(recorder, "perform", half)
    made = item()
    assert work.perform(made.pk)
    assert told() == []
    made.refresh_from_db()
    assert made.state == State.QUEUED


@pytest.mark.django_db(transaction=True)
def test_the_lease_is_renewed_while_the_work_lasts(settings: Settings) -> None:
    settings.ASSAY_LEASE_SECONDS = 1
    recorder = Recorder()
    work.performs("test.record", recorder)
    made = item()
    leases: list[Any] = []

    def look() -> None:
        for _ in range(4):
            time.sleep(0.6)
            leases.append(WorkItem.objects.get(pk=made.pk).lease_until)

    recorder.during.append(look)
    assert work.perform(made.pk)
    assert told() == ["done"]
    assert len(set(leases)) > 1, "a lease of one second must have been renewed within two and a half"


@pytest.mark.django_db(transaction=True)
def test_of_many_workers_one_gets_the_work() -> None:
    recorder = Recorder()
    work.performs("test.record", recorder)
    made = item()
    results: list[bool] = []

    def compete() -> None:
        results.append(work.perform(made.pk))
        connection.close()

    threads = [threading.Thread(target=compete) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results.count(True) == 1
    assert told() == ["done"]


# -- Real brokers, and workers that are killed ------------------------------------------------------------------------
def broker_url(name: str, folder: Path) -> str:
    if name == "embedded":
        return "filesystem://"
    defaults = {
        "redis": ("REDIS_URL_TEST", "redis://127.0.0.1:6379/13"),
        "rabbitmq": ("AMQP_URL_TEST", "amqp://guest:guest@127.0.0.1:5672//"),
    }
    variable, local = defaults[name]
    url = os.environ.get(variable, local)
    if variable not in os.environ and not _answers(url):
        pytest.skip(f"no {name} on this machine: start one, or name it by {variable}")
    return url


def _answers(url: str) -> bool:
    from kombu.connection import Connection

    try:
        with Connection(url, connect_timeout=2) as broker:  # type: ignore[no-untyped-call]
            broker.ensure_connection(max_retries=0, timeout=2)
    except Exception:  # noqa: BLE001  (whatever it is, nobody answers)
        return False
    return True


def database_url() -> str:
    facts = connection.settings_dict
    if connection.vendor == "sqlite":
        return f"sqlite:///{facts['NAME']}"
    return f"postgres://{facts['USER']}:{facts['PASSWORD']}@{facts['HOST']}:{facts['PORT'] or 5432}/{facts['NAME']}"


@contextmanager
def running(*arguments: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, "-m", "celery", "-A", "tests.registry.sleepy_worker", *arguments],
            cwd=ROOT,
            env=environment,
            start_new_session=True,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


WORKER = ("worker", "-P", "threads", "-c", "2", "--without-gossip", "--without-mingle", "--without-heartbeat")


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("broker", ["embedded", "redis", "rabbitmq"])
def test_killed_workers_lose_nothing_and_do_nothing_twice(broker: str, tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "DATABASE_URL": database_url(),
        "CELERY_BROKER_URL": broker_url(broker, tmp_path),
        "ASSAY_DATA": str(tmp_path),
        "ASSAY_ENV": "development",
        "ASSAY_LEASE_SECONDS": "2",
        "ASSAY_SWEEP_SECONDS": "1",
        "ASSAY_WORK_ATTEMPTS": "20",
    }
    with transaction.atomic():
        for number in range(24):
            work.enqueue(kind="test.sleep", key=f"sleep:{number}", payload={"seconds": 0.3, "name": str(number)})
    log = tmp_path / "celery.log"

    def done() -> int:
        return WorkItem.objects.filter(state=State.DONE).count()

    with running("beat", "--pidfile=", environment=environment, log=log):
        for enough in (4, 10):
            with running(*WORKER, environment=environment, log=log) as worker:
                _wait(lambda enough=enough: done() >= enough, worker, log)
                # and leaves the block by SIGKILL, with work in its hands
        with running(*WORKER, environment=environment, log=log) as worker:
            _wait(lambda: done() == 24, worker, log)
    counted = Counter(subject for subject in told() if subject.startswith("sleep:"))
    assert counted == {f"sleep:{number}": 1 for number in range(24)}


def _wait(done: Any, worker: subprocess.Popen[bytes], log: Path, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        said = log.read_text(errors="replace")[-3000:]
        assert worker.poll() is None, said
        assert time.monotonic() < deadline, (
            said,
            list(WorkItem.objects.values_list("state", "attempts", "last_error")),
        )
        time.sleep(0.1)
