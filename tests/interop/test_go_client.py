"""A Go program on golang.org/x/mod, which shares no code with us, verifies the exported ledger.

Debian: apt-get install golang-go golang-golang-x-mod-dev
"""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from django.db import transaction

from registry import ledger, tiles
from registry.events import Event
from registry.signing import keyring
from tests.programs import IN_CI

SOURCE = Path(__file__).parent / "ledger" / "main.go"
GOPATH = Path("/usr/share/gocode")

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The compiled program."""
    if not IN_CI and (not shutil.which("go") or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir()):
        pytest.skip("needs Go: apt-get install golang-go golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    built = folder / "verify"
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "GOPATH": str(GOPATH),
        "GO111MODULE": "off",
        "GOCACHE": str(folder / "cache"),
        "CGO_ENABLED": "0",
    }
    subprocess.run(["go", "build", "-o", built, SOURCE], check=True, env=environment)
    return built


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    """A ledger of more than one tile, laid out as the API serves it."""
    old = []
    with transaction.atomic():
        while ledger.size() < 600:
            if ledger.size() in (1, 255, 256, 257, 300, 512):
                old.append((ledger.size(), ledger.root()))
            ledger.append(Event.REPORT_READ, subject=f"promotion:{ledger.size()}", facts={"size": "x" * ledger.size()})
    checkpoint = ledger.publish_checkpoint()
    write(tmp_path / "checkpoint", checkpoint.note.encode())
    for name in tiles.names(checkpoint.size):
        write(tmp_path / "tile" / "entries" / name.path, tiles.entry_bundle(name))
    for level in range(2):
        for name in tiles.names(checkpoint.size, level):
            write(tmp_path / "tile" / str(level) / name.path, tiles.hash_tile(level, name))
    proofs = {
        "inclusion": [
            {"index": index, "proof": b64(ledger.inclusion_proof(index, checkpoint.size))}
            for index in range(0, checkpoint.size, 7)
        ],
        "consistency": [
            {"old": size, "old_root": b64([root])[0], "proof": b64(ledger.consistency_proof(size, checkpoint.size))}
            for size, root in old
        ],
    }
    write(tmp_path / "proofs.json", json.dumps(proofs).encode())
    return tmp_path


def b64(hashes: list[bytes]) -> list[str]:
    return [base64.b64encode(value).decode() for value in hashes]


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def verify(program: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [str(program), str(folder), keyring().ledger.key.encoded]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_go_verifies_checkpoint_tiles_and_proofs(program: Path, exported: Path) -> None:
    done = verify(program, exported)

    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("600 entries, 86 inclusion and ")


@pytest.mark.parametrize(
    "name", ["checkpoint", "tile/0/001", "tile/1/000.p/2", "tile/entries/000", "tile/0/002.p/88", "proofs.json"]
)
def test_go_refuses_each_file_with_one_byte_changed(program: Path, exported: Path, name: str) -> None:
    path = exported / name
    content = bytearray(path.read_bytes())
    content[100 if len(content) > 100 else len(content) // 2] ^= 1
    path.write_bytes(content)

    assert verify(program, exported).returncode != 0
