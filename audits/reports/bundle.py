"""The evidence bundle: one zip with every form of a report and a signed manifest that names each file by digest.

The manifest is an in-toto statement in a DSSE envelope, signed with the seal key, whose certificates lie beside it. So
a reader needs the zip, the root certificate from another way, and no service. The same files give the same bytes up to
the signature.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from registry.canonical import digest
from registry.dsse import STATEMENT_TYPE, sign_statement
from registry.errors import AssayError

MANIFEST, CHAIN = "MANIFEST.dsse.json", "MANIFEST.chain.pem"
PREDICATE = "urn:assay:evidence-bundle:v1"
_EPOCH = (1980, 1, 1, 0, 0, 0)


class BundleError(AssayError):
    """The bundle has no file of that name, or cannot be read."""

    code = "bundle-invalid"


def statement(files: Mapping[str, bytes], facts: Mapping[str, Any]) -> dict[str, Any]:
    """What the manifest says: each file with its digest and size, and what the bundle is about."""
    return {
        "_type": STATEMENT_TYPE,
        "subject": [
            {"name": name, "digest": {"sha256": digest(content).removeprefix("sha256:")}}
            for name, content in sorted(files.items())
        ],
        "predicateType": PREDICATE,
        "predicate": {**facts, "sizes": {name: len(content) for name, content in sorted(files.items())}},
    }


def write(
    files: Mapping[str, bytes],
    *,
    facts: Mapping[str, Any],
    key: ec.EllipticCurvePrivateKey,
    chain: tuple[Certificate, ...],
) -> bytes:
    """The zip. `chain` begins with the certificate of `key`. Raises CanonicalError for facts without canonical form."""
    envelope = sign_statement(statement(files, facts), key)
    manifest = json.dumps(envelope, sort_keys=True, separators=(",", ":")).encode()
    certificates = b"".join(certificate.public_bytes(Encoding.PEM) for certificate in chain)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, content in sorted({**files, MANIFEST: manifest, CHAIN: certificates}.items()):
            entry = zipfile.ZipInfo(name, _EPOCH)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, content)
    return buffer.getvalue()


def member(packed: bytes, name: str) -> bytes:
    """One file of a bundle. Raises BundleError."""
    try:
        with zipfile.ZipFile(io.BytesIO(packed)) as opened:
            return opened.read(name)
    except KeyError:
        raise BundleError(f"This bundle holds no {name}.", field="format") from None
    except zipfile.BadZipFile as error:
        raise BundleError(f"The bundle cannot be read: {error}.") from error
