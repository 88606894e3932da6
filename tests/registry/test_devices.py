"""The seal key on a device: SoftHSM speaks PKCS#11 as real ones do, and the readers of the report see no difference."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pkcs11
import pytest
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from weasyprint import HTML

from audits.reports import bundle
from audits.reports.errors import SealError
from audits.reports.seal import check_seal, seal_pdf
from registry.devices import Device, DeviceError, DeviceKey
from registry.keys import Keyring, KeyringError, Purpose
from tests.programs import needs

MODULE = "/usr/lib/softhsm/libsofthsm2.so"
PIN = "4711"

pytestmark = needs("softhsm2-util")


@pytest.fixture(scope="module")
def hsm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a keyring whose seal key lies on a token, and nowhere else."""
    folder = tmp_path_factory.mktemp("hsm")
    (folder / "tokens").mkdir()
    (folder / "softhsm2.conf").write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(folder / "softhsm2.conf")
    keyring = Keyring.open(folder / "keys", create=True)
    for label, key in {"seal": keyring.seal_key, "another": ec.generate_private_key(ec.SECP256R1())}.items():
        put(folder, label, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    (folder / "keys" / "seal.key.pem").unlink()
    return folder / "keys"


@pytest.fixture(autouse=True)
def _logged_out(hsm: Path) -> None:
    """A token asks for its PIN once a process; here each test begins as a process of its own."""
    pkcs11.lib(MODULE).reinitialize()


def put(folder: Path, label: str, pem: bytes) -> None:
    if not any((folder / "tokens").iterdir()):
        util("--init-token", "--free", "--label", "assay", "--pin", PIN, "--so-pin", PIN)
    (folder / "key.pem").write_bytes(pem)
    number = {"seal": "01", "another": "02"}[label]
    util("--import", str(folder / "key.pem"), "--token", "assay", "--label", label, "--id", number, "--pin", PIN)
    (folder / "key.pem").unlink()


def util(*arguments: str) -> None:
    subprocess.run(["softhsm2-util", *arguments], check=True, capture_output=True)


def device(**changed: str) -> Device:
    return Device(**{"module": MODULE, "token": "assay", "label": "seal", "pin": PIN, **changed})


def test_a_report_is_sealed_by_a_key_that_never_leaves_its_device(hsm: Path) -> None:
    keyring = Keyring.open(hsm, seal_device=device())
    plain = bytes(HTML(string="<html lang=en><title>Report</title><p>Report</p></html>").write_pdf())
    sealed = seal_pdf(plain, keyring=keyring, reason="Report")
    check_seal(sealed, roots=[keyring.root], seal=keyring.chains[Purpose.SEAL][0])
    assert bundle.write({"a": b"b"}, facts={}, key=keyring.seal_key, chain=keyring.chains[Purpose.SEAL])


def test_the_key_itself_cannot_be_had(hsm: Path) -> None:
    key = Keyring.open(hsm, seal_device=device()).seal_key
    assert isinstance(key, DeviceKey)
    refused: tuple[Callable[[], object], ...] = (
        key.private_numbers,
        lambda: key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()),
        lambda: key.exchange(ec.ECDH(), key.public_key()),
        lambda: key.sign(b"x", ec.ECDSA(hashes.SHA384())),
    )
    for ask in refused:
        with pytest.raises(UnsupportedAlgorithm):
            ask()
    assert PIN not in repr(device())


def test_without_the_device_the_keyring_has_no_seal_key(hsm: Path) -> None:
    with pytest.raises(KeyringError, match="no key for seal"):
        Keyring.open(hsm)


@pytest.mark.parametrize(
    ("named", "words"),
    [
        (device(label="another"), "not that of the seal certificate"),
        (device(label="nothing"), "does not sign"),
        (device(token="nothing"), "does not sign"),
        (device(pin="0000"), "does not sign"),
        (device(module="/nowhere.so"), "does not sign"),
    ],
)
def test_another_device_seals_nothing(hsm: Path, named: Device, words: str) -> None:
    keyring = Keyring.open(hsm, seal_device=named)
    with pytest.raises(DeviceError, match=words):
        keyring.seal_key.sign(b"content", ec.ECDSA(hashes.SHA256()))
    plain = bytes(HTML(string="<html lang=en><title>Report</title><p>Report</p></html>").write_pdf())
    with pytest.raises(SealError, match=words):
        seal_pdf(plain, keyring=keyring, reason="Report")


def test_a_forked_worker_opens_the_device_anew(hsm: Path) -> None:
    key = Keyring.open(hsm, seal_device=device()).seal_key
    key.sign(b"before", ec.ECDSA(hashes.SHA256()))
    child = os.fork()
    if child == 0:
        try:
            key.sign(b"in the child", ec.ECDSA(hashes.SHA256()))
        except BaseException:  # noqa: BLE001
            os._exit(1)
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    key.sign(b"after", ec.ECDSA(hashes.SHA256()))
