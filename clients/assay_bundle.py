#!/usr/bin/env python3
"""Check an evidence bundle without Assay.

    python assay_bundle.py bundle.zip --trust ca.pem [--json]

Needs assay_common.py beside it, Python 3.11 or later and `pip install cryptography`. It talks to no network and writes
no file.

Exit codes: 0 authentic: every file is the one that was packed and sealed · 1 tampered: a file was changed, added or
taken away, or the manifest is not signed by the key it should be · 2 cannot be verified: wrong usage, an unreadable
file, an issuer you do not trust. Only 0 means that the files may be relied on.

The report inside has a seal of its own with a timestamp: check it with assay_verify.py.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import sys
import zipfile
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))  # the parts lie beside this file, however it is started

from assay_common import AUTHENTIC, TAMPERED, UNVERIFIABLE, TamperedError, UnverifiableError

try:
    from cryptography import x509
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec
except ImportError:
    print("CANNOT BE VERIFIED: the library cryptography is missing: pip install cryptography", file=sys.stderr)
    sys.exit(2)

MANIFEST, CHAIN = "MANIFEST.dsse.json", "MANIFEST.chain.pem"
PAYLOAD_TYPE, PREDICATE = "application/vnd.in-toto+json", "urn:assay:evidence-bundle:v1"
MOST_BYTES, MOST_FILES = 512 << 20, 200


def read(path: Path) -> dict[str, bytes]:
    """The files of the zip. Raises UnverifiableError for what is no zip, TamperedError for one nobody here packed."""
    try:
        with zipfile.ZipFile(path) as packed:
            entries = packed.infolist()
            names = [entry.filename for entry in entries]
            if len(set(names)) != len(names):
                raise TamperedError("the zip holds two files of one name")
            if len(entries) > MOST_FILES or sum(entry.file_size for entry in entries) > MOST_BYTES:
                raise UnverifiableError("the zip is larger than any bundle")
            return {entry.filename: packed.read(entry) for entry in entries}
    except (OSError, NotImplementedError, RuntimeError) as error:
        raise UnverifiableError(f"the bundle cannot be read: {error}") from None
    except (zipfile.BadZipFile, EOFError) as error:
        raise TamperedError(f"the zip is damaged: {error}") from None


def statement_of(files: Mapping[str, bytes], trust: bytes) -> dict[str, Any]:
    """The signed manifest, once its signature and certificates hold. Raises TamperedError or UnverifiableError."""
    try:
        envelope = json.loads(files[MANIFEST])
        payload = base64.b64decode(envelope["payload"], validate=True)
        (signature,) = [base64.b64decode(entry["sig"], validate=True) for entry in envelope["signatures"]]
        kind = envelope["payloadType"]
    except KeyError as error:
        raise TamperedError(f"the manifest has no {error}") from None
    except (ValueError, TypeError) as error:
        raise TamperedError(f"the manifest cannot be read: {error}") from None
    if kind != PAYLOAD_TYPE:
        raise TamperedError(f"the manifest is {kind!r}, not an in-toto statement")
    signed = b"DSSEv1 %d %b %d %b" % (len(kind), kind.encode(), len(payload), payload)
    check_signature(files.get(CHAIN, b""), trust, signed, signature)
    statement: dict[str, Any] = json.loads(payload)
    if statement.get("predicateType") != PREDICATE:
        raise TamperedError("the signed statement is about something else")
    return statement


def check_signature(chain: bytes, trust: bytes, signed: bytes, signature: bytes) -> None:
    """Whether the first certificate of the chain signed, and the chain leads to a root in `trust`."""
    try:
        roots = x509.load_pem_x509_certificates(trust)
    except ValueError as error:
        raise UnverifiableError(f"--trust holds no certificate: {error}") from None
    try:
        certificates = x509.load_pem_x509_certificates(chain)
    except ValueError:
        raise TamperedError("the certificates of the manifest cannot be read") from None
    check_chain(certificates, roots)
    key = certificates[0].public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise TamperedError("the key of the manifest is of another kind")
    try:
        key.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise TamperedError("the signature of the manifest does not hold") from None


def check_chain(certificates: Sequence[x509.Certificate], roots: Sequence[x509.Certificate]) -> None:
    """Whether each certificate was issued by the next, and the last by a root. Raises like `check_signature`."""
    for child, issuer in pairwise(certificates):
        if not _issued(child, issuer):
            raise TamperedError("the certificates of the manifest do not belong together")
    last = certificates[-1]
    if not any(last == root or _issued(last, root) for root in roots):
        raise UnverifiableError("the manifest was signed under an issuer that you do not trust")


def _issued(child: x509.Certificate, issuer: x509.Certificate) -> bool:
    try:
        child.verify_directly_issued_by(issuer)
        return issuer.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except (InvalidSignature, ValueError, TypeError, x509.ExtensionNotFound):
        return False


def compare(files: Mapping[str, bytes], statement: Mapping[str, Any]) -> list[str]:
    """The names of the files that are as they were packed. Raises TamperedError naming what is not."""
    try:
        listed = {entry["name"]: entry["digest"]["sha256"] for entry in statement["subject"]}
    except (KeyError, TypeError) as error:
        raise TamperedError(f"the manifest lists files in another way: {error}") from None
    present = set(files) - {MANIFEST, CHAIN}
    for name in sorted(set(listed) - present):
        raise TamperedError(f"{name} was taken away")
    for name in sorted(present - set(listed)):
        raise TamperedError(f"{name} was added")
    for name, expected in sorted(listed.items()):
        if hashlib.sha256(files[name]).hexdigest() != expected:
            raise TamperedError(f"{name} was changed")
    return sorted(listed)


def main(arguments: list[str] | None = None) -> int:
    """Run the command. The exit codes stand at the top of this file."""
    parser = argparse.ArgumentParser(description="Check an evidence bundle without Assay.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--trust", type=Path, required=True, metavar="ca.pem")
    parser.add_argument("--json", action="store_true", help="answer as JSON")
    given = parser.parse_args(arguments)
    answer: dict[str, Any] = {"exit_code": UNVERIFIABLE, "problem": "", "files": [], "about": {}}
    try:
        files = read(given.bundle)
        statement = statement_of(files, given.trust.read_bytes())
        answer["files"] = compare(files, statement)
        answer["about"] = {key: value for key, value in statement["predicate"].items() if key != "sizes"}
        answer["exit_code"] = AUTHENTIC
    except TamperedError as error:
        answer.update(exit_code=TAMPERED, problem=str(error))
    except (UnverifiableError, OSError) as error:
        answer.update(problem=str(error))
    if given.json:
        print(json.dumps(answer, sort_keys=True))
    else:
        words = {AUTHENTIC: "AUTHENTIC", TAMPERED: "TAMPERED", UNVERIFIABLE: "CANNOT BE VERIFIED"}
        print(f"{words[answer['exit_code']]}: {answer['problem'] or str(len(answer['files'])) + ' files as packed'}")
        for key, value in answer["about"].items():
            print(f"  {key}: {value}")
    return int(answer["exit_code"])


if __name__ == "__main__":
    sys.exit(main())
