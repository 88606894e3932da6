"""RFC 3161 timestamps for sealed reports: an own authority for development, another's over HTTP in production.

Whoever stamps, the token is held against the digest that was sent before it goes into a report.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from asn1crypto import algos, cms, core, tsp, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.sign.general import as_signing_certificate_v2, simple_cms_attribute
from pyhanko.sign.timestamps import TimeStamper
from pyhanko.sign.timestamps.common_utils import TimestampRequestError, get_nonce
from pyhanko.sign.timestamps.requests_client import RequestsHTTPTimeStamper

from registry.keys import Keyring, Purpose

# An identifier made from a random UUID (ITU-T X.667): nobody else's policy, and no registration needed.
DEVELOPMENT_POLICY = "2.25.329800735698586629295641978511506172918"


class CheckedTimeStamper(TimeStamper):
    """A timestamper whose tokens are refused unless they stamp the digest that was asked for.

    The library checks status and nonce only, so that a faulty or hostile authority could stamp something else.
    """

    async def async_timestamp(self, message_digest: bytes, md_algorithm: str) -> cms.ContentInfo:
        """The token. Raises TimestampRequestError, which is an OSError."""
        token = await super().async_timestamp(message_digest, md_algorithm)
        imprint = token["content"]["encap_content_info"]["content"].parsed["message_imprint"]
        if (
            imprint["hashed_message"].native != message_digest
            or imprint["hash_algorithm"]["algorithm"].native != md_algorithm
        ):
            raise TimestampRequestError("the timestamp authority stamped another digest than the one sent")
        return token


class RemoteTimeStamper(CheckedTimeStamper, RequestsHTTPTimeStamper):
    """Asks the authority at a URL."""


class OwnTimeStamper(CheckedTimeStamper):
    """Stamps with the timestamp key of a development keyring. It is only as trustworthy as this machine's clock."""

    def __init__(self, keyring: Keyring, now: dt.datetime) -> None:
        super().__init__(include_nonce=True)  # type: ignore[no-untyped-call]
        key = keyring.timestamp_key
        if key is None:
            raise TimestampRequestError("the keyring has no timestamp key; name a timestamp authority by its URL")
        self._key = key
        self._now = now.astimezone(dt.UTC).replace(microsecond=0)
        chain = keyring.chains[Purpose.TIMESTAMP]
        self._chain = [x509.Certificate.load(certificate.public_bytes(Encoding.DER)) for certificate in chain]

    async def async_request_tsa_response(self, req: tsp.TimeStampReq) -> tsp.TimeStampResp:
        """Answer a request, here and now."""
        content = self._info(req).dump()
        algorithm = algos.DigestAlgorithm({"algorithm": "sha256"})
        attributes = self._attributes(content)
        signer = cms.SignerInfo(
            {
                "version": "v1",
                "sid": cms.SignerIdentifier({"issuer_and_serial_number": self._identity()}),
                "digest_algorithm": algorithm,
                "signature_algorithm": algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
                "signed_attrs": attributes,
                "signature": self._key.sign(attributes.dump(), ec.ECDSA(hashes.SHA256())),
            }
        )
        signed = cms.SignedData(
            {
                "version": "v3",
                "digest_algorithms": cms.DigestAlgorithms((algorithm,)),
                "encap_content_info": {"content_type": "tst_info", "content": cms.ParsableOctetString(content)},
                "certificates": self._chain,
                "signer_infos": [signer],
            }
        )
        token = cms.ContentInfo({"content_type": "signed_data", "content": signed})
        answer = tsp.TimeStampResp({"status": {"status": "granted"}, "time_stamp_token": token})
        # Read back from its bytes, as from a remote authority: a value under construction is re-encoded on every
        # look at it (wbond/asn1crypto#256), a parsed one is not.
        return tsp.TimeStampResp.load(answer.dump())

    def _info(self, request: tsp.TimeStampReq) -> tsp.TSTInfo:
        values: dict[str, Any] = {
            "version": "v1",
            "policy": DEVELOPMENT_POLICY,
            "message_imprint": request["message_imprint"],
            "serial_number": get_nonce(),
            "gen_time": self._now,
            "accuracy": {"seconds": 1},
            "tsa": x509.GeneralName(name="directory_name", value=self._chain[0].subject),
        }
        if request["nonce"].native is not None:
            values["nonce"] = request["nonce"]
        return tsp.TSTInfo(values)

    def _attributes(self, content: bytes) -> cms.CMSAttributes:
        digest = hashes.Hash(hashes.SHA256())
        digest.update(content)
        return cms.CMSAttributes(
            [
                simple_cms_attribute("content_type", "tst_info"),
                simple_cms_attribute("signing_time", cms.Time({"utc_time": core.UTCTime(self._now)})),
                simple_cms_attribute("signing_certificate_v2", as_signing_certificate_v2(self._chain[0])),
                simple_cms_attribute("message_digest", digest.finalize()),
            ]
        )

    def _identity(self) -> cms.IssuerAndSerialNumber:
        leaf = self._chain[0]
        return cms.IssuerAndSerialNumber({"issuer": leaf.issuer, "serial_number": leaf.serial_number})
