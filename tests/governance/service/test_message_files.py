"""The embedded broker under the reader and the writer that meet, and under what a power cut leaves."""

from __future__ import annotations

import queue
import threading
from pathlib import Path
from typing import Any

import pytest
from kombu.connection import Connection

from governance.service import message_files


@pytest.fixture
def channel(tmp_path: Path) -> Any:
    """A channel of the transport that the service's own broker address names."""
    message_files.use_whole_messages()
    folders = {name: str(tmp_path) for name in ("data_folder_in", "data_folder_out", "control_folder")}
    with Connection("filesystem://", transport_options=folders) as broker:  # type: ignore[no-untyped-call]
        yield broker.channel()


def test_the_service_uses_it(channel: Any) -> None:
    assert isinstance(channel, message_files.Channel)


def test_a_message_arrives_as_it_was_sent_and_once(channel: Any) -> None:
    channel._put("assay", {"body": "Prüfung", "n": 1})
    assert channel._get("assay") == {"body": "Prüfung", "n": 1}
    with pytest.raises(queue.Empty):
        channel._get("assay")


def test_a_message_that_is_still_written_is_not_taken(
    channel: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[object] = []
    rename = Path.replace

    def look_then_rename(source: Path, target: Path) -> Path:
        try:
            seen.append(channel._get("assay"))
        except queue.Empty:
            seen.append("nothing yet")
        return rename(source, target)

    monkeypatch.setattr(Path, "replace", look_then_rename)
    channel._put("assay", {"n": 1})
    assert seen == ["nothing yet"]
    assert channel._get("assay") == {"n": 1}


@pytest.mark.parametrize("left", [b"", b'{"body": "cut', b"\xff\xfe"], ids=["empty", "cut", "no text"])
def test_what_cannot_be_read_is_passed_over_and_told(
    channel: Any, tmp_path: Path, left: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    Path(tmp_path, "0_x.assay.msg").write_bytes(left)
    channel._put("assay", {"n": 2})
    assert channel._get("assay") == {"n": 2}
    assert "passed over" in caplog.text


def test_a_reader_beside_a_writer_loses_nothing(channel: Any) -> None:
    count = 300
    got: list[int] = []

    def read() -> None:
        while len(got) < count:
            try:
                got.append(channel._get("assay")["n"])
            except queue.Empty:
                continue

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for n in range(count):
        channel._put("assay", {"n": n, "body": "x" * 5_000})
    reader.join(timeout=60)
    assert sorted(got) == list(range(count))
