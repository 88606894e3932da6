"""The keyring: made once however many start at once, and refused when it cannot be trusted."""

from __future__ import annotations

import datetime as dt
import json
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_public_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID

from registry.certificates import DEVELOPMENT_MARK
from registry.keys import Keyring, KeyringError, Purpose
from registry.notes import NoteKey

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    Keyring.open(tmp_path / "keys", create=True)
    return tmp_path / "keys"


def test_a_keyring_is_made_only_when_asked(tmp_path: Path) -> None:
    with pytest.raises(KeyringError, match="no keyring"):
        Keyring.open(tmp_path / "keys")
    assert not list(tmp_path.iterdir())


def test_a_new_keyring_is_for_development_and_says_so_in_every_subject(folder: Path) -> None:
    keyring = Keyring.open(folder)
    assert keyring.is_development
    for certificate in (keyring.root, *keyring.chains[Purpose.SEAL], *keyring.chains[Purpose.TIMESTAMP]):
        assert DEVELOPMENT_MARK in certificate.subject.rfc4514_string()


def test_nobody_else_may_read_it_and_nothing_is_left_beside_it(folder: Path) -> None:
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert list(folder.parent.iterdir()) == [folder]


def test_no_key_serves_two_purposes(folder: Path) -> None:
    keys = Keyring.open(folder).published_keys()["keys"]
    assert {entry["purpose"] for entry in keys} == set(Purpose)
    assert len({entry["key_id"] for entry in keys}) == len(Purpose)


def test_opening_again_gives_the_same_keys(folder: Path) -> None:
    before = Keyring.open(folder).published_keys()
    assert Keyring.open(folder, create=True).published_keys() == before


def test_an_empty_folder_made_beforehand_is_filled(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    assert Keyring.open(tmp_path / "keys", create=True).is_development


def test_a_folder_with_other_things_in_it_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "keys").mkdir()
    (tmp_path / "keys" / "thesis.txt").write_text("mine")
    with pytest.raises(KeyringError, match="no keyring can be made"):
        Keyring.open(tmp_path / "keys", create=True)
    assert [path.name for path in tmp_path.rglob("*")] == ["keys", "thesis.txt"]


def test_of_many_processes_starting_at_once_all_get_the_same_keys(tmp_path: Path) -> None:
    code = (
        "import sys; from registry.keys import Keyring; "
        "print(Keyring.open(sys.argv[1], create=True).published_keys()['keys'])"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "keys")]
    starting = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(6)]
    answers = {process.communicate(timeout=60)[0] for process in starting}
    assert all(process.returncode == 0 for process in starting)
    assert len(answers) == 1
    assert "Ed25519" in answers.pop()
    assert [path.name for path in tmp_path.iterdir()] == ["keys"]


def test_each_certificate_may_do_its_own_work_and_no_other(folder: Path) -> None:
    keyring = Keyring.open(folder)

    def usage(certificate: x509.Certificate) -> set[str]:
        found = certificate.extensions.get_extension_for_class(x509.KeyUsage).value
        names = ("digital_signature", "content_commitment", "key_cert_sign", "crl_sign", "key_agreement")
        return {name for name in names if getattr(found, name)}

    seal, issuer = keyring.chains[Purpose.SEAL]
    assert usage(seal) == {"digital_signature", "content_commitment"}
    assert usage(issuer) == usage(keyring.root) == {"key_cert_sign", "crl_sign"}
    with pytest.raises(x509.ExtensionNotFound):
        seal.extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    stamp = keyring.chains[Purpose.TIMESTAMP][0].extensions.get_extension_for_class(x509.ExtendedKeyUsage)
    assert stamp.critical
    assert list(stamp.value) == [ExtendedKeyUsageOID.TIME_STAMPING]


def test_the_authority_states_what_it_has_revoked(folder: Path) -> None:
    keyring = Keyring.open(folder)
    now = dt.datetime(2030, 1, 1, tzinfo=dt.UTC)
    by_issuer, by_root = keyring.revocation_lists(now)
    assert by_issuer.is_signature_valid(keyring.chains[Purpose.SEAL][1].public_key())  # type: ignore[arg-type]
    assert by_root.is_signature_valid(keyring.root.public_key())  # type: ignore[arg-type]
    assert list(by_issuer) == list(by_root) == []
    assert by_issuer.last_update_utc < now < (by_issuer.next_update_utc or now)


def test_the_published_keys_hold_nothing_secret_and_can_be_used(folder: Path) -> None:
    keyring = Keyring.open(folder)
    document = keyring.published_keys()
    text = json.dumps(document)
    assert "PRIVATE" not in text
    assert document["development"] is True
    by_purpose = {entry["purpose"]: entry for entry in document["keys"]}
    assert NoteKey.parse(by_purpose["ledger"]["vkey"]) == keyring.ledger.key
    assert by_purpose["gate"]["key_id"] == keyring.gate_key_id
    gate = load_pem_public_key(by_purpose["gate"]["public_key"].encode())
    assert gate == keyring.gate_key.public_key()
    leaf = x509.load_pem_x509_certificate(by_purpose["seal"]["certificates"][0].encode())
    assert leaf == keyring.chains[Purpose.SEAL][0]
    assert by_purpose["seal"]["valid_until"].endswith("Z")


def test_a_keyring_shows_no_secret_when_printed(folder: Path) -> None:
    assert "Private" not in repr(Keyring.open(folder))


def test_the_mark_survives_an_edited_flag(folder: Path) -> None:
    about = json.loads((folder / "keyring.json").read_text())
    (folder / "keyring.json").write_text(json.dumps({**about, "development": False}))
    assert Keyring.open(folder).is_development


@pytest.mark.parametrize("name", ["seal.key.pem", "ledger.key.pem", "gate.key.pem", "root.crt.pem", "seal.crt.pem"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(KeyringError) as refusal:
        Keyring.open(folder)
    assert refusal.value.field == name


@pytest.mark.parametrize("name", ["seal.key.pem", "ledger.key.pem", "root.crt.pem", "seal.crt.pem", "keyring.json"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"])
def test_a_spoilt_file_is_named(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    with pytest.raises(KeyringError) as refusal:
        Keyring.open(folder)
    assert refusal.value.field == name


def test_a_key_that_others_may_read_is_refused(folder: Path) -> None:
    (folder / "seal.key.pem").chmod(0o644)
    with pytest.raises(KeyringError, match="chmod 600"):
        Keyring.open(folder)


def test_a_key_that_is_not_the_certified_one_is_refused(folder: Path) -> None:
    (folder / "seal.key.pem").write_bytes((folder / "gate.key.pem").read_bytes())
    with pytest.raises(KeyringError, match="another key"):
        Keyring.open(folder)


def test_a_chain_to_another_root_is_refused(folder: Path, tmp_path: Path) -> None:
    other = Keyring.open(tmp_path / "other", create=True)
    (folder / "root.crt.pem").write_bytes(other.anchor_pem)
    with pytest.raises(KeyringError, match="does not lead to the root"):
        Keyring.open(folder)


@pytest.mark.parametrize("curve", [ec.SECP384R1(), ec.SECP256K1()])
def test_a_key_on_another_curve_is_refused(folder: Path, curve: ec.EllipticCurve) -> None:
    key = ec.generate_private_key(curve)
    (folder / "gate.key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(KeyringError, match="P-256"):
        Keyring.open(folder)


def test_an_encrypted_key_opens_with_its_passphrase_only(folder: Path) -> None:
    key = Keyring.open(folder).gate_key
    secret = BestAvailableEncryption(b"correct horse")
    (folder / "gate.key.pem").write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, secret))
    assert Keyring.open(folder, passphrase=b"correct horse").gate_key.private_numbers() == key.private_numbers()
    for passphrase in (None, b"battery staple"):
        with pytest.raises(KeyringError) as refusal:
            Keyring.open(folder, passphrase=passphrase)
        assert refusal.value.field == "gate.key.pem"
