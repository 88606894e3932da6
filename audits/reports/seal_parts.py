"""What lies inside of a seal, each part as a file of its own, for whoever has OpenSSL and no reader of PDF seals."""

from __future__ import annotations

from collections.abc import Iterator
from io import BytesIO

from asn1crypto import cms, pem
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import DocumentSecurityStore

from audits.reports.errors import SealError

SIGNATURE, TIMESTAMP, CHAIN, REVOCATION = "seal.p7s", "seal.tst", "seal.chain.pem", "seal.crls.pem"
#: The bytes that the timestamp is about: the value of the signature.
STAMPED = "seal.signature"


def parts_of(sealed: bytes) -> dict[str, bytes]:
    """File name to content: signature (CMS), timestamp token (RFC 3161), certificates and revocation lists (PEM).

    Certificates and lists are those that the seal has to be judged by, of signer and timestamp. Raises SealError for a
    file that is not sealed.
    """
    reader = PdfFileReader(BytesIO(sealed))
    if len(reader.embedded_signatures) != 1:
        raise SealError("the file does not hold exactly one signature")
    (signature,) = reader.embedded_signatures
    store = DocumentSecurityStore.read_dss(reader)
    signer = signature.signer_info
    tokens = [
        attribute["values"][0]
        for attribute in signer["unsigned_attrs"]
        if attribute["type"].native == "signature_time_stamp_token"
    ]
    if len(tokens) != 1:
        raise SealError("the signature does not carry exactly one timestamp")
    certificates = [signature.signer_cert, *signature.other_embedded_certs, *store.load_certs()]
    lists = (entry.get_object().data for entry in store.crls)
    return {
        SIGNATURE: cms.ContentInfo({"content_type": "signed_data", "content": signature.signed_data}).dump(),
        STAMPED: signer["signature"].native,
        TIMESTAMP: tokens[0].dump(),
        CHAIN: b"".join(_armoured("CERTIFICATE", (one.dump() for one in certificates))),
        REVOCATION: b"".join(_armoured("X509 CRL", lists)),
    }


def _armoured(kind: str, contents: Iterator[bytes]) -> Iterator[bytes]:
    """Each once, in the order they came in."""
    for content in dict.fromkeys(contents):
        yield pem.armor(kind, content)
