"""The seal of a report: every byte under one signature, valid, trusted, in time, forbidding every change."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import re
from collections.abc import Collection, Iterator
from io import BytesIO
from typing import Any

from assay_common import Outcome, TamperedError, UnverifiableError, library, missing
from assay_keys import Keys, key_id_of

SCHEMA = "assay.report/1"
EVIDENCE = "evidence.json"


# -- The bytes ---------------------------------------------------------------------------------------------------------
_BYTE_RANGE = re.compile(rb"/ByteRange\s*\[\s*(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s+(\d{1,12})\s*\]")
_TRACES = (b"/ByteRange", b"ETSI.CAdES", b"/DocMDP", b"evidence.json", SCHEMA.encode())


def check_bytes(pdf: bytes) -> bytes:
    """The signature (DER), once exactly one is found and all bytes outside it are under its range and its digest.

    This comes before any PDF parser sees the file, so a file that was cut, extended or changed is called that, however
    badly it parses.
    """
    if b"%PDF-" not in pdf[:1024]:
        raise UnverifiableError("this is no PDF file")
    ranges = _BYTE_RANGE.findall(pdf)
    if not ranges:
        if any(trace in pdf for trace in _TRACES) or _holds_evidence(pdf):
            raise TamperedError("the seal was removed or damaged: the file has traces of a report but no signature")
        raise UnverifiableError("this PDF holds no signature, and nothing shows that it ever was a sealed report")
    if len(ranges) > 1:
        raise TamperedError(f"the file holds {len(ranges)} signatures; a report is sealed once and never again")
    first, second = _gap_in(ranges[0], pdf)
    signature = _signature(pdf[first:second])
    expected, algorithm = _sealed_digest(signature)
    if hashlib.new(algorithm, pdf[:first] + pdf[second:]).digest() != expected:
        raise TamperedError("the content was changed after sealing: its digest is not the one in the seal")
    return signature


def _gap_in(byte_range: tuple[bytes, ...], pdf: bytes) -> tuple[int, int]:
    """Where the signature itself stands, once everything else in the file is under its range."""
    size = len(pdf)
    start, first, second, length = (int(number) for number in byte_range)
    end = second + length
    if end > size:
        raise TamperedError(f"the file was cut short: {end - size} of {end} sealed bytes are missing at its end")
    if end < size:
        raise TamperedError(f"{size - end} bytes were added after the seal, from byte {end} on{_added(pdf, end)}")
    if start != 0 or second <= first:
        raise TamperedError("the seal does not cover the file from its first byte")
    return first, second


def _added(pdf: bytes, end: int) -> str:
    """What an update behind the seal replaces, as far as a parser can tell: pages, annotations, evidence, form."""
    try:
        reader = library("pyhanko.pdf_utils.reader").PdfFileReader(BytesIO(pdf))
        sealed = library("pyhanko.pdf_utils.reader").PdfFileReader(BytesIO(pdf[:end])).xrefs.total_revisions
        changed = {
            (one.idnum, one.generation)
            for revision in range(sealed, reader.xrefs.total_revisions)
            for one in reader.xrefs.explicit_refs_in_revision(revision)
        }
        found = [words for words, places in _places(reader) if changed & places]
    except Exception:  # noqa: BLE001 - a file that was put together by hand need not parse
        return ""
    return f"; they replace {', '.join(found)}" if found else ""


def _places(reader: Any) -> Iterator[tuple[str, set[tuple[int, int]]]]:
    """Parts of the document by name, with the objects that make them up."""
    for number in range(int(reader.root["/Pages"]["/Count"])):
        place = reader.find_page_for_modification(number)[0]
        page = place.get_object()
        yield f"page {number + 1}", _references(page, {"/Contents", "/Resources"}) | {_of(place)}
        yield f"an annotation on page {number + 1}", _references(page, {"/Annots"})
    form = _references(reader.root, {"/AcroForm"})
    yield "the form that holds the seal", form or {_of(reader.trailer.raw_get("/Root"))}
    for name, stream in _embedded_streams(reader):
        yield name, {_of(stream)}


def _of(item: Any) -> tuple[int, int]:
    return item.idnum, item.generation


def _references(node: Any, names: set[str]) -> set[tuple[int, int]]:
    """The objects that entries of a dictionary point to: directly, or one by one in a list."""
    found = set()
    for name in names & set(node):
        raw = node.raw_get(name)
        for item in [raw, *(raw.get_object() if hasattr(raw, "get_object") else raw)]:
            if hasattr(item, "idnum"):
                found.add(_of(item))
    return found


def _holds_evidence(pdf: bytes) -> bool:
    """Whether a PDF without a signature embeds the evidence that only reports embed."""
    reader = library("pyhanko.pdf_utils.reader")
    try:
        return any(name == EVIDENCE for name, _ in _embedded_files(reader.PdfFileReader(BytesIO(pdf))))
    except Exception:  # noqa: BLE001 - unreadable, so it holds nothing that anybody could read
        return False


def _signature(gap: bytes) -> bytes:
    """The DER in the gap `<hex…00>`: its own length, and nothing but zeroes behind it."""
    try:
        if gap[:1] != b"<" or gap[-1:] != b">":
            raise ValueError  # noqa: TRY301
        content = bytes.fromhex(gap[1:-1].decode("ascii"))
        if content.hex().upper().encode() != gap[1:-1]:  # one spelling: no byte of an issued file may change unseen
            raise ValueError  # noqa: TRY301
        size = content[1]
        header = 2
        if size & 0x80:
            header += size & 0x7F
            size = int.from_bytes(content[2:header], "big")
    except (ValueError, IndexError):
        raise TamperedError("the signature in the file is damaged") from None
    end = header + size
    if end > len(content) or any(content[end:]):
        raise TamperedError("the signature in the file is damaged: something follows it, or it is cut short")
    return content[:end]


def _sealed_digest(signature: bytes) -> tuple[bytes, str]:
    """The digest of the content that the signature states, and its algorithm; `check_seal` shows it to be true."""
    cms = library("asn1crypto.cms")
    try:
        signed = cms.ContentInfo.load(signature)["content"]
        (signer,) = signed["signer_infos"]
        algorithm = signer["digest_algorithm"]["algorithm"].native
        (value,) = [a["values"][0].native for a in signer["signed_attrs"] if a["type"].native == "message_digest"]
    except Exception:  # noqa: BLE001 - a damaged structure fails in any way it likes
        raise TamperedError("the signature in the file is damaged and cannot be read") from None
    if algorithm not in {"sha256", "sha384", "sha512"}:
        raise TamperedError(f"the seal names the digest {algorithm}, which no report is sealed with")
    return value, algorithm


# -- The signature -----------------------------------------------------------------------------------------------------
def check_seal(pdf: bytes, roots: list[Any], outcome: Outcome, crls: list[Any] | None = None) -> Any:
    """The PDF reader, once the seal is seen to be valid, trusted, in time, and to forbid every change.

    `crls` are revocation lists that came later than the report.
    """
    try:
        reader = library("pyhanko.pdf_utils.reader").PdfFileReader(BytesIO(pdf))
        signatures = list(reader.embedded_signatures)
        fields = list(library("pyhanko.sign.fields").enumerate_sig_fields(reader))
    except ImportError as error:
        missing(error)
    except Exception as error:  # noqa: BLE001
        raise TamperedError(f"the sealed file cannot be read as a PDF: {error}") from None
    if len(signatures) != 1 or len(fields) != 1:
        raise TamperedError(f"the file holds {len(signatures)} signatures in {len(fields)} fields instead of one")
    (signature,) = signatures
    stamped = _stamped_at(signature)
    status = _status(reader, signature, roots, stamped, crls or [])
    validation = library("pyhanko.sign.validation")
    if not (status.intact and status.valid):
        raise TamperedError("the seal is not a valid signature over this file")
    if status.coverage is not validation.SignatureCoverageLevel.ENTIRE_FILE:
        raise TamperedError("the seal does not cover the entire file")
    if signature.docmdp_level is not library("pyhanko.sign.fields").MDPPerm.NO_CHANGES:
        raise TamperedError("the seal does not forbid changes, as every report's does")
    subject = status.signing_cert.subject.native
    signer = subject.get("common_name") or status.signing_cert.subject.human_friendly
    if not status.trusted:
        raise UnverifiableError(f"the seal is by {signer!r}, which does not lead to a certificate in --trust")
    stamp = _trusted_stamp(status)
    outcome.facts |= {"signer": signer, "sealed_at": stamp.timestamp.astimezone(dt.UTC).isoformat()}
    outcome.facts["keys"] = {
        "seal": _key_id(status.signing_cert),
        "timestamp": _key_id(stamp.signing_cert),
    }
    outcome.facts["development"] = "DEVELOPMENT" in str(subject).upper()
    outcome.held.append(f"one seal over every byte, valid and trusted, by {signer}")
    outcome.held.append(f"timestamped {stamp.timestamp.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC; no change is allowed")
    return reader


def _key_id(certificate: Any) -> str:
    return key_id_of(certificate.public_key.dump())


def require_published(keys: Keys, outcome: Outcome) -> None:
    """Raise unless keys.json names the seal's key, and what it signed counts at the time that it was stamped.

    A certificate of the same authority is not enough: others may have one too.
    """
    ids, stamped = outcome.facts["keys"], dt.datetime.fromisoformat(outcome.facts["sealed_at"])
    own = {key.key_id: key for key in keys.of("timestamp")}
    if ids["timestamp"] in own:
        # Whoever holds a timestamp key can date back: no time of its own speaks for it.
        stamper = own[ids["timestamp"]]
        stamper.require_fit(None if stamper.compromised_since else stamped, "the timestamp")
    keys.by_id("seal", ids["seal"]).require_fit(stamped, "the report")
    outcome.held.append("the seal is by a key that the service published, in the time of that key")


def _trusted_stamp(status: Any) -> Any:
    """The timestamp, once it is seen to be one of this seal, by a trusted authority that can still be believed."""
    stamp = status.timestamp_validity
    if stamp is None:
        raise UnverifiableError("the seal bears no timestamp, so nothing shows when it was made")
    if not (stamp.intact and stamp.valid):
        raise TamperedError("the timestamp is not one of this seal")
    if not stamp.trusted:
        raise UnverifiableError("the timestamp is by an authority that does not lead to a certificate in --trust")
    if not status.bottom_line:
        raise UnverifiableError(f"the seal is not acceptable: {status.summary()}")
    if stamp.signing_cert.not_valid_after < dt.datetime.now(dt.UTC):
        raise UnverifiableError("the certificate of the timestamp authority has expired; ask for a renewed timestamp")
    return stamp


def _stamped_at(signature: Any) -> dt.datetime:
    """The time that the token claims; whether it may is checked with the signature."""
    generic = library("pyhanko.sign.validation.generic_cms")
    try:
        (token,) = generic.extract_tst_data_iter(signature.signer_info, signed=False)
        return token["encap_content_info"]["content"].parsed["gen_time"].native  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001
        raise UnverifiableError("the seal bears no readable timestamp, so nothing shows when it was made") from None


def _status(reader: Any, signature: Any, roots: list[Any], moment: dt.datetime, crls: list[Any]) -> Any:
    """Judged as of the stamped time from what is embedded; what is not stated as unrevoked is distrusted."""
    validation = library("pyhanko.sign.validation")
    settings = {
        "trust_roots": roots,
        "crls": crls,
        "moment": moment,
        "allow_fetching": False,
        "revocation_mode": "require",
        "retroactive_revinfo": True,
    }
    try:
        context = validation.DocumentSecurityStore.read_dss(reader).as_validation_context(settings)
        return asyncio.run(
            validation.async_validate_pdf_signature(
                signature, signer_validation_context=context, ts_validation_context=context
            )
        )
    except Exception as error:  # noqa: BLE001
        raise TamperedError(f"the seal cannot be validated: {error}") from None


# -- What is embedded --------------------------------------------------------------------------------------------------
def extract_evidence(reader: Any, schemas: Collection[str] = (SCHEMA,)) -> dict[str, Any]:
    """The one embedded file named evidence.json, as JSON of one of these schemas."""
    try:
        found = [content for name, content in _embedded_files(reader) if name == EVIDENCE]
    except Exception as error:  # noqa: BLE001
        raise UnverifiableError(f"the embedded files of the report cannot be read: {error}") from None
    if len(found) != 1:
        raise UnverifiableError(f"the sealed file holds {len(found)} files named {EVIDENCE} instead of one")
    try:
        evidence = json.loads(found[0])
    except ValueError:
        raise UnverifiableError(f"{EVIDENCE} in the report is not JSON") from None
    if not isinstance(evidence, dict) or evidence.get("schema") not in schemas:
        raise UnverifiableError(f"{EVIDENCE} is not of a schema that this verifier knows: {', '.join(schemas)}")
    return evidence


def _embedded_files(reader: Any) -> Iterator[tuple[str, bytes]]:
    for name, stream in _embedded_streams(reader):
        yield name, bytes(stream.get_object().data)


def _embedded_streams(reader: Any) -> Iterator[tuple[str, Any]]:
    """Names, and references of the streams."""
    pending = [reader.root["/Names"]["/EmbeddedFiles"]]
    while pending:
        node = pending.pop()
        pending.extend(node.get("/Kids", ()))
        names = node.get("/Names", ())
        for position in range(1, len(names), 2):
            specification = names[position]
            name = specification["/UF"] if "/UF" in specification else specification["/F"]
            yield str(name), specification["/EF"].raw_get("/F")
