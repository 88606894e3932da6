"""Sealing a report: one PAdES signature, in one revision, that forbids every later change and can be checked offline.

The seal is the organisation's, made by the service; people's signatures are the reviews inside the report. It is a
certification signature (DocMDP P=1) in an invisible field, so that the file keeps its PDF/A and PDF/UA form, with an
RFC 3161 timestamp and with certificates and revocation lists embedded (PAdES B-LT). Nothing leaves here that the
checks of an outside reader would refuse.
"""

from __future__ import annotations

import asyncio
import contextvars
import datetime as dt
from collections.abc import Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from typing import Any

from asn1crypto import algos, crl, x509
from cryptography import x509 as pyca
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.misc import PdfError
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter, enumerate_sig_fields
from pyhanko.sign.general import SigningError
from pyhanko.sign.signers import PdfSignatureMetadata, PdfSigner, Signer
from pyhanko.sign.signers.pdf_signer import DSSContentSettings, SigDSSPlacementPreference
from pyhanko.sign.validation import (
    DocumentSecurityStore,
    SignatureCoverageLevel,
    async_validate_pdf_signature,
)
from pyhanko.sign.validation.errors import SignatureValidationError
from pyhanko_certvalidator import ValidationContext
from pyhanko_certvalidator.errors import ValidationError
from pyhanko_certvalidator.registry import SimpleCertificateStore

from audits.reports.errors import SealError
from audits.reports.timestamps import OwnTimeStamper, RemoteTimeStamper
from registry.devices import DeviceError
from registry.keys import Keyring, Purpose

FIELD_NAME = "AssaySeal"
_LONGEST_SIGNATURE = 72  # ECDSA P-256 in DER

_PDF_PROBLEMS = (DeviceError, PdfError, SigningError, SignatureValidationError, ValidationError, OSError, ValueError)


@dataclass(frozen=True, slots=True)
class SealFacts:
    """What a reader learns from a seal: who sealed, and when the timestamp authority saw it."""

    signer: str
    sealed_at: dt.datetime
    field_name: str


def seal_pdf(
    pdf: bytes,
    *,
    keyring: Keyring,
    reason: str,
    field_name: str = FIELD_NAME,
    location: str = "",
    tsa_url: str = "",
    tsa_roots: Sequence[pyca.Certificate] = (),
    now: dt.datetime | None = None,
) -> bytes:
    """The PDF with its seal, checked as a reader would check it.

    `tsa_url` names an RFC 3161 authority, whose chain must lead to the root of the keyring or to one of `tsa_roots`;
    without it the keyring's own timestamp key is used. `now` is for the own authority and its revocation lists.
    Raises SealError; the input must hold no signature yet.
    """
    moment = now or dt.datetime.now(dt.UTC)
    roots = [_asn1(certificate) for certificate in (keyring.root, *tsa_roots)]
    try:
        writer = IncrementalPdfFileWriter(BytesIO(pdf))
        if any(True for _ in enumerate_sig_fields(writer.prev)):
            raise SealError("the report holds a signature field already; a seal is the first and only one")
        stamper = RemoteTimeStamper(tsa_url, timeout=15) if tsa_url else OwnTimeStamper(keyring, moment)
        signer = PdfSigner(
            _metadata(keyring, roots, moment, reason=reason, field_name=field_name, location=location, remote=tsa_url),
            _KeySigner(keyring),
            timestamper=stamper,
            new_field_spec=SigFieldSpec(sig_field_name=field_name),
        )
        sealed = _run(signer.async_sign_pdf(writer)).getvalue()
    except _PDF_PROBLEMS as error:
        raise SealError(f"the report could not be sealed: {error}") from error
    # A remote authority stamps after `moment`; only our own stamps exactly then.
    seen_at = None if tsa_url else moment
    check_seal(sealed, roots=(keyring.root, *tsa_roots), seal=keyring.chains[Purpose.SEAL][0], moment=seen_at)
    return bytes(sealed)


def check_seal(
    pdf: bytes,
    *,
    roots: Sequence[pyca.Certificate],
    seal: pyca.Certificate | None = None,
    moment: dt.datetime | None = None,
) -> SealFacts:
    """Hold a sealed file against the rules of the outside verifier; with `seal`, it must be by that certificate.

    Certificates and revocation lists are judged as of `moment`, by default now. Raises SealError naming the first
    rule that is broken.
    """
    try:
        facts: SealFacts = _run(
            _checked(pdf, [_asn1(root) for root in roots], None if seal is None else _asn1(seal), moment)
        )
    except _PDF_PROBLEMS as error:
        raise SealError(f"the sealed report cannot be verified: {error}") from error
    return facts


async def _checked(
    pdf: bytes, roots: list[x509.Certificate], seal: x509.Certificate | None, moment: dt.datetime | None
) -> SealFacts:
    reader = PdfFileReader(BytesIO(pdf))
    if sum(1 for _ in enumerate_sig_fields(reader)) != 1 or len(reader.embedded_signatures) != 1:
        raise SealError("the file does not hold exactly one signature")
    (signature,) = reader.embedded_signatures
    # Everything needed must be inside the file: nothing is fetched, and what is not stated as unrevoked is refused.
    settings = {
        "trust_roots": roots,
        "moment": moment,
        "allow_fetching": False,
        "revocation_mode": "require",
        "retroactive_revinfo": True,
    }
    context = DocumentSecurityStore.read_dss(reader).as_validation_context(settings)
    status = await async_validate_pdf_signature(
        signature, signer_validation_context=context, ts_validation_context=context
    )
    stamp = status.timestamp_validity
    broken = {
        "the signature is not valid or not trusted": not status.bottom_line,
        "the signature does not cover the entire file": status.coverage is not SignatureCoverageLevel.ENTIRE_FILE,
        "the signature does not forbid changes": signature.docmdp_level is not MDPPerm.NO_CHANGES,
        "the file has no trusted timestamp": stamp is None or not (stamp.valid and stamp.intact and stamp.trusted),
        "the file is sealed by another certificate": seal is not None and status.signing_cert.dump() != seal.dump(),
    }
    for problem, holds in broken.items():
        if holds:
            raise SealError(f"{problem}: {status.summary()}")
    if stamp is None:
        raise SealError("the file has no timestamp")
    return SealFacts(status.signing_cert.subject.native["common_name"], stamp.timestamp, signature.field_name)


def _metadata(
    keyring: Keyring,
    roots: list[x509.Certificate],
    moment: dt.datetime,
    *,
    reason: str,
    field_name: str,
    location: str,
    remote: str,
) -> PdfSignatureMetadata:
    lists = [
        crl.CertificateList.load(revoked.public_bytes(Encoding.DER)) for revoked in keyring.revocation_lists(moment)
    ]
    context = ValidationContext(
        trust_roots=roots,
        moment=None if remote else moment,
        other_certs=_chain(keyring, Purpose.SEAL) + _chain(keyring, Purpose.TIMESTAMP),
        crls=lists,
        # Authorities of others state revocation on the network; our own states it in the lists above.
        allow_fetching=bool(remote) or not lists,
        revocation_mode="require",
    )
    return PdfSignatureMetadata(
        field_name=field_name,
        md_algorithm="sha256",
        reason=reason,
        location=location or None,
        certify=True,
        docmdp_permissions=MDPPerm.NO_CHANGES,
        subfilter=SigSeedSubFilter.PADES,
        embed_validation_info=True,
        validation_context=context,
        # One revision: an honest file then reads "total document signed" everywhere.
        dss_settings=DSSContentSettings(include_vri=False, placement=SigDSSPlacementPreference.TOGETHER_WITH_SIGNATURE),
    )


class _KeySigner(Signer):
    """Signs with the seal key wherever it is: in a file, or on a device that gives nothing but signatures."""

    def __init__(self, keyring: Keyring) -> None:
        leaf, *issuers = _chain(keyring, Purpose.SEAL)
        super().__init__(
            signing_cert=leaf,
            cert_registry=SimpleCertificateStore.from_certs(issuers),
            signature_mechanism=algos.SignedDigestAlgorithm({"algorithm": "sha256_ecdsa"}),
            embed_roots=False,
        )
        self._key = keyring.seal_key

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: FBT001, FBT002
        """The signature in DER; a rehearsal gets as many zeroes as the longest one has bytes."""
        del digest_algorithm
        return bytes(_LONGEST_SIGNATURE) if dry_run else self._key.sign(data, ec.ECDSA(hashes.SHA256()))


def _chain(keyring: Keyring, purpose: Purpose) -> list[x509.Certificate]:
    return [_asn1(certificate) for certificate in keyring.chains.get(purpose, ())]


def _asn1(certificate: pyca.Certificate) -> x509.Certificate:
    return x509.Certificate.load(certificate.public_bytes(Encoding.DER))


def _run(work: Coroutine[Any, Any, Any]) -> Any:
    """Run to the end, also where the caller's thread has an event loop already (then in another thread)."""
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return asyncio.run(work)
    with ThreadPoolExecutor(max_workers=1) as pool:
        return pool.submit(contextvars.copy_context().run, asyncio.run, work).result()
