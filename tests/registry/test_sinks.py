from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from django.db import transaction
from pytest_django.fixtures import Settings

from registry import ledger, outbound, sinks
from registry.errors import LedgerError
from registry.events import Event
from registry.models import Checkpoint, WorkItem
from registry.signing import keyring
from registry.verification import verify
from registry.witness import Witness, serve

pytestmark = pytest.mark.django_db


def running(server: HTTPServer) -> Iterator[str]:
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def witness(tmp_path: Path) -> Witness:
    return Witness(tmp_path / "witness", "witness.example/w", {keyring().origin: keyring().ledger.key})


@pytest.fixture
def witnessed(witness: Witness, settings: Settings) -> Iterator[Witness]:
    """A witness that this service is told to ask."""
    for url in running(serve(witness, "127.0.0.1", 0)):
        settings.ASSAY_WITNESSES = [f"{url}|{witness.key.encoded}"]
        settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
        yield witness


class Hook(BaseHTTPRequestHandler):
    """Keeps what it is sent; redirects whoever asks for it."""

    received: ClassVar[list[str]] = []

    def do_POST(self) -> None:
        self.received.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
        self.send_response(302 if self.path == "/elsewhere" else 204)
        if self.path == "/elsewhere":
            self.send_header("Location", "http://127.0.0.1:1/")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hook() -> Iterator[str]:
    Hook.received.clear()
    yield from running(HTTPServer(("127.0.0.1", 0), Hook))


def append() -> None:
    ledger.append(Event.REPORT_READ, subject="promotion:1")


def test_a_witness_cosigns_each_new_head_and_its_line_is_kept(witnessed: Witness) -> None:
    append()
    checkpoint = sinks.deliver()
    for _ in range(3):
        append()
        checkpoint = sinks.deliver()

        text, _, lines = checkpoint.note.rpartition("\n\n")
        assert witnessed.key.verify(lines.splitlines()[1], text + "\n")
    assert ledger.publish_checkpoint() == checkpoint
    assert verify(checkpoints=[checkpoint.note], rows=False).problems == ()


def test_delivering_twice_asks_the_witness_once(witnessed: Witness) -> None:
    del witnessed
    append()

    assert sinks.deliver() == sinks.deliver()
    assert Checkpoint.objects.count() == 2


def test_a_log_that_was_cut_back_is_not_cosigned_again(witnessed: Witness) -> None:
    append()
    with transaction.atomic():
        append()
        sinks.deliver()
        transaction.set_rollback(True)

    with pytest.raises(sinks.UndeliveredError, match=r"it has seen .* entries of this ledger"):
        sinks.deliver()
    del witnessed


def test_a_witness_is_asked_how_much_it_has_seen(witnessed: Witness, settings: Settings) -> None:
    del witnessed
    append()
    older = sinks.deliver()
    append()
    newer = sinks.deliver()
    (url,) = (configured.partition("|")[0] for configured in settings.ASSAY_WITNESSES)

    assert list(sinks.ask_witnesses(older.size, older.note)) == [(url, newer.size, "")]
    assert list(sinks.ask_witnesses(newer.size, newer.note)) == [(url, newer.size, "")]


def test_a_witness_of_another_tree_is_no_answer_but_a_refusal(witnessed: Witness) -> None:
    del witnessed
    append()
    with transaction.atomic():
        append()
        sinks.deliver()
        transaction.set_rollback(True)
    ledger.append(Event.REPORT_READ, subject="promotion:2")
    forked = ledger.publish_checkpoint()

    with pytest.raises(LedgerError, match="another tree"):
        list(sinks.ask_witnesses(forked.size, forked.note))


def test_a_witness_that_is_away_is_told_as_such(settings: Settings) -> None:
    settings.ASSAY_WITNESSES = ["https://127.0.0.1/|key"]
    append()
    note = ledger.publish_checkpoint().note

    ((_, seen, trouble),) = sinks.ask_witnesses(1, note)

    assert seen is None
    assert "not a public address" in trouble


def test_a_witness_of_another_key_is_not_believed(witnessed: Witness, tmp_path: Path, settings: Settings) -> None:
    del witnessed
    other = Witness(tmp_path / "other", "witness.example/w", {})
    settings.ASSAY_WITNESSES = [settings.ASSAY_WITNESSES[0].partition("|")[0] + "|" + other.key.encoded]
    append()

    with pytest.raises(sinks.UndeliveredError, match="no cosignature"):
        sinks.deliver()
    assert not Checkpoint.objects.filter(note__contains="witness.example").exists()


def test_a_checkpoint_is_written_to_the_folder_and_never_over_another(tmp_path: Path, settings: Settings) -> None:
    settings.ASSAY_CHECKPOINT_FOLDER = str(tmp_path / "kept")
    append()
    first = sinks.deliver()
    sinks.deliver()
    append()
    second = sinks.deliver()

    kept = sorted((tmp_path / "kept").iterdir())
    assert [path.read_text() for path in kept] == [first.note, second.note]


def test_a_checkpoint_is_posted_to_the_webhook(hook: str, settings: Settings) -> None:
    settings.ASSAY_CHECKPOINT_WEBHOOKS = [hook]
    settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
    append()

    checkpoint = sinks.deliver()

    assert Hook.received == [checkpoint.note]


def test_a_redirect_is_not_followed(hook: str, settings: Settings) -> None:
    settings.ASSAY_CHECKPOINT_WEBHOOKS = [f"{hook}/elsewhere"]
    settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
    append()

    with pytest.raises(sinks.UndeliveredError, match="it answered 302"):
        sinks.deliver()


def test_one_place_that_fails_does_not_keep_it_from_the_others(tmp_path: Path, settings: Settings) -> None:
    settings.ASSAY_CHECKPOINT_WEBHOOKS = ["https://127.0.0.1/"]
    settings.ASSAY_CHECKPOINT_FOLDER = str(tmp_path / "kept")
    append()

    with pytest.raises(sinks.UndeliveredError, match="not a public address"):
        sinks.deliver()
    assert len(list((tmp_path / "kept").iterdir())) == 1


@pytest.mark.parametrize(
    "url",
    [
        "https://127.0.0.1/",
        "https://[::1]/",
        "https://10.0.0.1/",
        "https://192.168.1.1/",
        "https://169.254.169.254/latest/meta-data/",
        "https://[fe80::1]/",
        "https://[::ffff:127.0.0.1]/",
        "https://0.0.0.0/",
        "https://100.64.0.1/",
        "https://localhost/",
        "https://2130706433/",
        "http://example.org/",
        "https://user@example.org/",
        "ftp://example.org/",
        "file:///etc/passwd",
        "https:///path",
    ],
)
def test_an_address_that_is_not_public_is_never_called(url: str) -> None:
    with pytest.raises(outbound.OutboundRefusedError):
        outbound.post(url, b"", content_type="text/plain")


def test_a_host_that_does_not_answer_is_a_failure_that_may_pass(settings: Settings) -> None:
    settings.ASSAY_OUTBOUND_HOSTS = ["127.0.0.1"]
    with pytest.raises(outbound.OutboundFailedError) as raised:
        outbound.post("http://127.0.0.1:1/", b"", content_type="text/plain")
    assert raised.value.retryable


@pytest.mark.parametrize("event", [Event.GATE_DECIDED, Event.STAGE_ASSIGNED])
def test_each_stage_decision_asks_for_a_delivery(event: Event, settings: Settings) -> None:
    settings.ASSAY_CHECKPOINT_FOLDER = "/elsewhere"
    append()
    assert not WorkItem.objects.exists()

    entry = ledger.append(event, subject="promotion:1")

    assert WorkItem.objects.get().key == f"checkpoint:entry:{entry.index}"


def test_without_a_place_outside_nothing_is_asked() -> None:
    ledger.append(Event.GATE_DECIDED, subject="promotion:1")

    assert not WorkItem.objects.exists()
