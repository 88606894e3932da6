"""The keyring: one folder with a separate key for each purpose, and the certificates that vouch for them.

| file | what |
|---|---|
| `keyring.json` | schema, creation time, ledger origin, whether this is a development keyring |
| `seal.key.pem`, `timestamp.key.pem`, `gate.key.pem` | P-256 private keys |
| `ledger.key.pem` | Ed25519 private key of the log's notes |
| `seal.crt.pem`, `timestamp.crt.pem` | each leaf, followed by its issuers, without the root |
| `root.crt.pem` | the anchor that readers are given |
| `root.key.pem`, `issuing.key.pem` | development only: the authority itself, to state what is revoked |

A development keyring is made at first start. It is built beside the folder and moved into place in one step, so that
of several processes starting at once one wins and the others load what it made. Keys are never in the database and
never derived from another secret.
"""

from __future__ import annotations

import datetime as dt
import json
import os
import secrets
import shutil
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat

from registry import certificates
from registry.canonical import digest
from registry.devices import Device, DeviceKey
from registry.errors import AssayError
from registry.notes import NoteSigner

SCHEMA = "assay.keyring/1"
PUBLISHED_SCHEMA = "assay.keys/1"
DEVELOPMENT_ORIGIN = "assay.example/development"

PrivateKey = ec.EllipticCurvePrivateKey | Ed25519PrivateKey


class KeyringError(AssayError):
    """The keyring is missing, incomplete, readable by others, or contradicts itself."""

    code = "keyring"


class Purpose(StrEnum):
    """What a key may sign. No key serves two."""

    SEAL = "seal"
    TIMESTAMP = "timestamp"
    LEDGER = "ledger"
    GATE = "gate"


class _Authority(StrEnum):
    ROOT = "root"
    ISSUING = "issuing"


@dataclass(frozen=True, slots=True)
class Keyring:
    """A loaded keyring. Take private keys only from the properties, each of which serves one purpose."""

    folder: Path
    is_development: bool
    origin: str
    created: str
    root: x509.Certificate
    chains: dict[Purpose, tuple[x509.Certificate, ...]] = field(repr=False)
    _private: dict[str, PrivateKey] = field(repr=False)

    @classmethod
    def open(
        cls,
        folder: Path | str,
        *,
        create: bool = False,
        passphrase: bytes | None = None,
        seal_device: Device | None = None,
    ) -> Keyring:
        """Load the keyring in `folder`; with `create`, make a development one first where there is none.

        With `seal_device` the seal key is the one on that device, and the folder holds only its certificate.
        Raises KeyringError when there is none, or when what is there cannot be trusted.
        """
        folder = Path(folder)
        if not (folder / "keyring.json").exists():
            if not create:
                raise KeyringError(f"there is no keyring in {folder}; create one or name its folder", field="folder")
            _create_development(folder)
        return _load(folder, passphrase, seal_device)

    @property
    def seal_key(self) -> ec.EllipticCurvePrivateKey:
        """Seals reports."""
        return self._elliptic(Purpose.SEAL)

    @property
    def timestamp_key(self) -> ec.EllipticCurvePrivateKey | None:
        """Stamps time, where this installation is its own timestamp authority; None where another one is used."""
        return self._elliptic(Purpose.TIMESTAMP) if Purpose.TIMESTAMP in self._private else None

    @property
    def gate_key(self) -> ec.EllipticCurvePrivateKey:
        """Signs gate decisions."""
        return self._elliptic(Purpose.GATE)

    @property
    def gate_key_id(self) -> str:
        """The digest of the public gate key, as decisions name it."""
        return _key_id(self.gate_key)

    @property
    def ledger(self) -> NoteSigner:
        """Signs checkpoints, under the name of the log."""
        key = self._private[Purpose.LEDGER]
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyringError("the ledger key is not an Ed25519 key", field="ledger.key.pem")
        return NoteSigner(self.origin, key)

    @property
    def anchor_pem(self) -> bytes:
        """The root certificate: what a reader pins with `--trust`."""
        return self.root.public_bytes(Encoding.PEM)

    def revocation_lists(self, now: dt.datetime) -> tuple[x509.CertificateRevocationList, ...]:
        """What the own authority has revoked as of `now`, issuing authority first. Empty when it is not held here."""
        issuers = {_Authority.ISSUING: self.chains[Purpose.SEAL][-1], _Authority.ROOT: self.root}
        return tuple(
            certificates.revocation_list(issuer, self._elliptic(name), now)
            for name, issuer in issuers.items()
            if name in self._private
        )

    def published_keys(self) -> dict[str, Any]:
        """The document served as `keys.json`: every public key with its purpose and window. Holds nothing secret."""
        keys: list[dict[str, Any]] = []
        for purpose in Purpose:
            if purpose not in self._private:
                continue
            entry: dict[str, Any] = {
                "purpose": purpose.value,
                "status": "active",
                "valid_from": self.created,
                "valid_until": None,
                **_public_document(self._private[purpose]),
            }
            if purpose in self.chains:
                leaf = self.chains[purpose][0]
                entry["valid_from"] = _utc(leaf.not_valid_before_utc)
                entry["valid_until"] = _utc(leaf.not_valid_after_utc)
                entry["certificates"] = [c.public_bytes(Encoding.PEM).decode() for c in self.chains[purpose]]
            if purpose is Purpose.LEDGER:
                entry["origin"], entry["vkey"] = self.origin, self.ledger.key.encoded
            keys.append(entry)
        return {
            "schema": PUBLISHED_SCHEMA,
            "development": self.is_development,
            "root_certificate": self.anchor_pem.decode(),
            "keys": keys,
        }

    def _elliptic(self, name: str) -> ec.EllipticCurvePrivateKey:
        key = self._private[name]
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise KeyringError(f"the {name} key is not a P-256 key", field=f"{name}.key.pem")
        return key


def _create_development(folder: Path) -> None:
    """Make a development keyring at `folder`, unless another process does so first."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    building = folder.parent / f".{folder.name}.{secrets.token_hex(8)}"
    building.mkdir(mode=0o700)
    try:
        _write_development(building, dt.datetime.now(dt.UTC).replace(microsecond=0))
        _sync(building)
        # Renaming onto a folder that is not empty fails, and that is the race: the first one to arrive wins.
        building.rename(folder)
        _sync(folder.parent)
    except OSError as error:
        if not (folder / "keyring.json").exists():
            raise KeyringError(f"no keyring can be made in {folder}: {error}", field="folder") from error
    finally:
        shutil.rmtree(building, ignore_errors=True)


def _write_development(folder: Path, now: dt.datetime) -> None:
    elliptic = (*_Authority, Purpose.SEAL, Purpose.TIMESTAMP, Purpose.GATE)
    keys = {name: ec.generate_private_key(ec.SECP256R1()) for name in elliptic}
    root = certificates.root_certificate(keys[_Authority.ROOT], now)
    issuer_key = keys[_Authority.ISSUING]
    issuer = certificates.issuing_certificate(issuer_key, root, keys[_Authority.ROOT], now)
    seal = certificates.seal_certificate(keys[Purpose.SEAL], issuer, issuer_key, now)
    timestamp = certificates.timestamp_certificate(keys[Purpose.TIMESTAMP], issuer, issuer_key, now)
    private: dict[str, PrivateKey] = {**keys, Purpose.LEDGER: Ed25519PrivateKey.generate()}
    for name, key in private.items():
        _write(folder / f"{name}.key.pem", key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    for name, chain in {"seal": (seal, issuer), "timestamp": (timestamp, issuer), "root": (root,)}.items():
        _write(folder / f"{name}.crt.pem", b"".join(c.public_bytes(Encoding.PEM) for c in chain))
    about = {"schema": SCHEMA, "development": True, "origin": DEVELOPMENT_ORIGIN, "created": _utc(now)}
    _write(folder / "keyring.json", json.dumps(about, indent=1).encode())


def _write(path: Path, content: bytes) -> None:
    """Create a file that nobody else may read. Raises FileExistsError rather than touch one that is there."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _load(folder: Path, passphrase: bytes | None, seal_device: Device | None) -> Keyring:
    about = _about(folder)
    private: dict[str, PrivateKey] = {}
    for name in (*Purpose, *_Authority):
        path = folder / f"{name}.key.pem"
        if path.exists():
            private[name] = _private_key(path, passphrase)
    if seal_device is not None:
        private[Purpose.SEAL] = DeviceKey(seal_device, _public_seal(folder / "seal.crt.pem"))
    for purpose in (Purpose.SEAL, Purpose.LEDGER, Purpose.GATE):
        if purpose not in private:
            raise KeyringError(f"the keyring has no key for {purpose}", field=f"{purpose}.key.pem")
    (root,) = _certificates(folder / "root.crt.pem")[:1]
    chains = {Purpose.SEAL: _certificates(folder / "seal.crt.pem")}
    if Purpose.TIMESTAMP in private:
        chains[Purpose.TIMESTAMP] = _certificates(folder / "timestamp.crt.pem")
    for purpose, chain in chains.items():
        _require_chain(purpose, chain, root, private[purpose])
    marked = any(certificates.is_marked_development(certificate) for certificate in (root, *chains[Purpose.SEAL]))
    return Keyring(
        folder=folder,
        # Either sign suffices: a development certificate does not turn into another by editing a flag.
        is_development=marked or about["development"] is not False,
        origin=about["origin"],
        created=about["created"],
        root=root,
        chains=chains,
        _private=private,
    )


def _public_seal(path: Path) -> ec.EllipticCurvePublicKey:
    public = _certificates(path)[0].public_key()
    if not isinstance(public, ec.EllipticCurvePublicKey) or not isinstance(public.curve, ec.SECP256R1):
        raise KeyringError("the seal certificate is not one of a P-256 key", field=path.name)
    return public


def _about(folder: Path) -> dict[str, Any]:
    try:
        about = json.loads((folder / "keyring.json").read_bytes())
        if about["schema"] != SCHEMA:
            raise KeyringError(f"the keyring is of schema {about['schema']}, not {SCHEMA}", field="keyring.json")
        return {"development": about["development"], "origin": str(about["origin"]), "created": str(about["created"])}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise KeyringError(f"{folder / 'keyring.json'} cannot be read: {error}", field="keyring.json") from error


def _private_key(path: Path, passphrase: bytes | None) -> PrivateKey:
    if path.stat().st_mode & 0o077:
        raise KeyringError(f"{path} may be read by others; run chmod 600 on it", field=path.name)
    content = path.read_bytes()
    encrypted = b"ENCRYPTED" in content
    if encrypted and passphrase is None:
        raise KeyringError(f"{path} is encrypted and no passphrase was given", field=path.name)
    try:
        key = serialization.load_pem_private_key(content, passphrase if encrypted else None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise KeyringError(f"{path} holds no private key that can be read: {error}", field=path.name) from error
    if isinstance(key, Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise KeyringError(f"{path} is neither a P-256 nor an Ed25519 key", field=path.name)


def _certificates(path: Path) -> tuple[x509.Certificate, ...]:
    try:
        return tuple(x509.load_pem_x509_certificates(path.read_bytes()))
    except (OSError, ValueError) as error:
        raise KeyringError(f"{path} holds no certificate that can be read: {error}", field=path.name) from error


def _require_chain(
    purpose: Purpose, chain: tuple[x509.Certificate, ...], root: x509.Certificate, key: PrivateKey
) -> None:
    """Refuse a leaf of another key, and a chain that does not lead to the root."""
    where = f"{purpose}.crt.pem"
    if _spki(chain[0].public_key()) != _spki(key.public_key()):
        raise KeyringError(f"the {purpose} certificate belongs to another key", field=where)
    for certificate, issuer in zip(chain, (*chain[1:], root), strict=True):
        try:
            certificate.verify_directly_issued_by(issuer)
        except (InvalidSignature, ValueError, TypeError) as error:
            raise KeyringError(f"the {purpose} certificate does not lead to the root", field=where) from error


def _public_document(key: PrivateKey) -> dict[str, str]:
    pem = key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()
    algorithm = "Ed25519" if isinstance(key, Ed25519PrivateKey) else "ECDSA-P256-SHA256"
    return {"algorithm": algorithm, "key_id": _key_id(key), "public_key": pem}


def _key_id(key: PrivateKey) -> str:
    return digest(_spki(key.public_key()))


def _spki(key: Any) -> bytes:
    return bytes(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))


def _utc(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
