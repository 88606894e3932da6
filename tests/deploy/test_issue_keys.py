from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from deploy.layout import PROJECT
from registry.keys import Keyring
from tests.programs import needs

pytestmark = needs("openssl")


def issue(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROJECT.root / "deploy" / "issue-keys", *arguments], check=False, capture_output=True, text=True
    )


def test_the_service_takes_the_keys_as_real_ones(tmp_path: Path) -> None:
    assert issue(tmp_path / "keys", "Example Bänk AG").returncode == 0
    keyring = Keyring.open(tmp_path / "keys")
    assert not keyring.is_development
    assert "O=Example Bänk AG" in keyring.root.subject.rfc4514_string()


def test_nobody_else_can_read_them_and_the_authority_lies_apart(tmp_path: Path) -> None:
    issue(tmp_path / "keys", "Example Bank AG")
    private = [*tmp_path.glob("keys/*.key.pem"), *tmp_path.glob("keys.authority/*.key.pem")]
    assert sorted(path.name for path in private) == ["gate.key.pem", "ledger.key.pem", "root.key.pem", "seal.key.pem"]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert not (tmp_path / "keys" / "root.key.pem").exists()


def test_keys_are_never_overwritten(tmp_path: Path) -> None:
    issue(tmp_path / "keys", "Example Bank AG")
    before = (tmp_path / "keys" / "seal.key.pem").read_bytes()
    again = issue(tmp_path / "keys", "Example Bank AG")
    assert (again.returncode, (tmp_path / "keys" / "seal.key.pem").read_bytes()) == (1, before)
    assert "never overwritten" in again.stderr


@pytest.mark.parametrize("name", ["Bank/CN=Somebody Else", "Bank=Else"])
def test_a_name_cannot_smuggle_in_another_one(tmp_path: Path, name: str) -> None:
    refused = issue(tmp_path / "keys", name)
    assert refused.returncode == 2
    assert not (tmp_path / "keys").exists()


def test_without_an_organisation_it_says_how_to_call_it(tmp_path: Path) -> None:
    assert issue(tmp_path / "keys").stderr == "usage: deploy/issue-keys FOLDER ORGANISATION\n"
