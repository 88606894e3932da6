"""What the reader trusts: root certificates, and revocation lists that came later than the report."""

from __future__ import annotations

import base64
import re
from pathlib import Path
from typing import Any

from assay_common import UnverifiableError, library


def read_roots(path: Path | None) -> list[Any]:
    """The certificates in a PEM file. Raises UnverifiableError."""
    if path is None:
        raise UnverifiableError("a seal leads to a certificate: give --trust with the root that you trust")
    roots = _read(path, "--trust", "CERTIFICATE", library("asn1crypto.x509").Certificate)
    for root in roots:
        root.subject.dump()
    return roots


def read_lists(paths: list[Path]) -> list[Any]:
    """Revocation lists, in PEM or DER. Raises UnverifiableError."""
    kind = library("asn1crypto.crl").CertificateList
    return [one for path in paths for one in _read(path, "--crl", "X509 CRL", kind)]


def _read(path: Path, option: str, label: str, kind: Any) -> list[Any]:
    try:
        content = path.read_bytes()
        pattern = rb"-----BEGIN %b-----(.+?)-----END %b-----" % (label.encode(), label.encode())
        blocks = [base64.b64decode(block) for block in re.findall(pattern, content, re.DOTALL)]
        if not blocks and content[:1] == b"\x30":
            blocks = [content]
        found = [kind.load(block, strict=True) for block in blocks]
        for one in found:
            _ = one.native
    except (OSError, ValueError, TypeError) as error:
        raise UnverifiableError(f"{option} {path} cannot be read: {error}") from None
    if not found:
        raise UnverifiableError(f"{option} {path} holds no {label.lower()}")
    return found
