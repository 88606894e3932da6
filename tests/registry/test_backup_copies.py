"""What a copy on disk may look like, and each way in which it is not whole."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from registry.backup.copies import (
    BackupBrokenError,
    BackupError,
    Manifest,
    evidence_name,
    new_copy,
    open_copy,
)

CONTENT = b"x" * 3000
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"
EVIDENCE = evidence_name(DIGEST)


def write(target: Path, **changes: Any) -> Path:
    with new_copy(target) as writer:
        parts = [
            writer.add("database.sqlite3", io.BytesIO(b"tables" * 5000)),
            writer.add(EVIDENCE, io.BytesIO(CONTENT)),
            writer.add("checkpoint", io.BytesIO(b"note")),
        ]
        manifest = Manifest("2026-11-21", "0.1.0", "sqlite", 3, "00" * 32, tuple(parts))
        told = json.loads(manifest.content) | changes
        writer.add("manifest.json", io.BytesIO(json.dumps(told).encode()))
    return target


def check(source: Path) -> Manifest:
    with open_copy(source) as copy:
        copy.check(lambda _what, _done, _total: None)
        return copy.manifest


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_a_whole_copy_is_read_as_it_was_written(tmp_path: Path, name: str) -> None:
    manifest = check(write(tmp_path / name))

    assert manifest.named(EVIDENCE).digest == DIGEST
    assert [path.name for path in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_only_its_owner_reads_it(tmp_path: Path, name: str) -> None:
    assert write(tmp_path / name).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_nothing_stays_of_a_copy_that_was_broken_off(tmp_path: Path, name: str) -> None:
    with pytest.raises(TypeError):
        write(tmp_path / name, unwritable=object())

    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["copy", "copy.tar"])
def test_a_copy_is_never_written_over_another(tmp_path: Path, name: str) -> None:
    write(tmp_path / name)

    with pytest.raises(BackupError, match="is there already"):
        write(tmp_path / name)


def altered(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1] + b"?")


FOLDER_DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "altered database": (lambda copy: altered(copy / "database.sqlite3"), "database.sqlite3 is not what"),
    "truncated evidence": (lambda copy: (copy / EVIDENCE).write_bytes(CONTENT[:9]), f"{EVIDENCE} is not what"),
    "missing part": (lambda copy: (copy / "checkpoint").unlink(), "misses checkpoint"),
    "a part too many": (lambda copy: (copy / "other").write_bytes(b""), "without naming it, other"),
    "half-written": (lambda copy: (copy / "manifest.json").unlink(), "has no manifest"),
    "cut manifest": (lambda copy: (copy / "manifest.json").write_bytes(b'{"schema": '), "cannot be read"),
    "symbolic link": (lambda copy: (copy / "link").symlink_to("/etc/passwd"), "symbolic link"),
}


@pytest.mark.parametrize("damage", FOLDER_DAMAGE)
def test_a_damaged_folder_is_refused_by_name(tmp_path: Path, damage: str) -> None:
    copy = write(tmp_path / "copy")
    harm, word = FOLDER_DAMAGE[damage]
    harm(copy)

    with pytest.raises(BackupBrokenError, match=word):
        check(copy)


@pytest.mark.parametrize("kept", [0, 100, 700, 20_000, 33_000])
def test_a_tar_that_was_cut_short_is_refused(tmp_path: Path, kept: int) -> None:
    copy = write(tmp_path / "copy.tar")
    copy.write_bytes(copy.read_bytes()[:kept])

    with pytest.raises(BackupBrokenError):
        check(copy)


def test_one_byte_of_a_tar_is_seen(tmp_path: Path) -> None:
    copy = write(tmp_path / "copy.tar")
    copy.write_bytes(copy.read_bytes().replace(b"tablestables", b"tablestablet", 1))

    with pytest.raises(BackupBrokenError, match=r"database\.sqlite3"):
        check(copy)


def test_a_tar_with_one_name_twice_is_refused(tmp_path: Path) -> None:
    copy = write(tmp_path / "copy.tar")
    with tarfile.open(copy, "a:") as tar:
        tar.addfile(tarfile.TarInfo("checkpoint"))

    with pytest.raises(BackupBrokenError, match="twice"):
        check(copy)


@pytest.mark.parametrize(
    "changes",
    [
        {"schema": "assay.backup/2"},
        {"engine": "oracle"},
        {"ledger_size": "3"},
        {"ledger_root": "no hex"},
        {"parts": [{"name": "../../etc/passwd", "size": 1, "digest": DIGEST}]},
        {"parts": [{"name": "keys/../../x", "size": 1, "digest": DIGEST}]},
        {"parts": [{"name": f"evidence/sha256/{'0' * 64}", "size": 1, "digest": DIGEST}]},
        {"parts": [{"name": "checkpoint", "size": 1, "digest": DIGEST}] * 2},
        {"parts": [{"name": "checkpoint", "size": -1, "digest": DIGEST}]},
        {"surplus": 1},
    ],
)
def test_a_manifest_that_names_other_things_is_refused(tmp_path: Path, changes: dict[str, Any]) -> None:
    with pytest.raises(BackupBrokenError):
        check(write(tmp_path / "copy", **changes))


def test_where_no_copy_is_nothing_is_read(tmp_path: Path) -> None:
    with pytest.raises(BackupError, match="no copy at"):
        check(tmp_path / "nowhere")
