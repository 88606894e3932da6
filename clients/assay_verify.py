#!/usr/bin/env python3
"""Check a sealed Assay report without Assay.

    python assay_verify.py report.pdf --trust ca.pem [--keys keys.json] [--checkpoint kept.note] [--json]

One file; needs Python 3.11 or later and `pip install pyhanko` (which brings `cryptography`). It talks to no network.

Exit codes: 0 authentic · 1 tampered: something disagrees, and the output says what · 2 cannot be verified: wrong
usage, an unreadable file, an issuer you do not trust, a missing library. Only 0 means that the report may be relied on.

What is checked, in this order, each only after the one before it held:
 1. Exactly one seal, over every byte of the file, and the bytes are those that were sealed.
 2. The seal is a valid signature, forbids every change, leads to a certificate in --trust, was not revoked, and a
    timestamp authority that leads there too saw it in time.
 3. The evidence is taken out of the sealed file: every ledger entry is proven to be under the checkpoint; with --keys
    the log's signature on the checkpoint is checked; with --checkpoint the log's history is held against a
    checkpoint that was kept elsewhere.
 4. Every rate that the evidence states beside a table of counts is computed again from the counts.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import datetime as dt
import hashlib
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, NoReturn

AUTHENTIC, TAMPERED, UNVERIFIABLE = 0, 1, 2
SCHEMA = "assay.report/1"
EVIDENCE = "evidence.json"
TOLERANCE = 1e-9

_VERDICTS = {
    AUTHENTIC: "AUTHENTIC: this report is exactly as it was sealed, and its evidence agrees with itself.",
    TAMPERED: "TAMPERED: do not rely on this report.",
    UNVERIFIABLE: "CANNOT BE VERIFIED: this says nothing for or against the report.",
}


class TamperedError(Exception):
    """Something in the file disagrees with what was sealed or stated."""


class UnverifiableError(Exception):
    """The question cannot be answered."""


@dataclass
class Outcome:
    """What was checked so far (`held`), what was not and why (`skipped`), and how it ended."""

    exit_code: int = UNVERIFIABLE
    problem: str = ""
    held: list[str] = field(default_factory=list)
    skipped: list[str] = field(default_factory=list)
    facts: dict[str, Any] = field(default_factory=dict)


# -- 1. The bytes -----------------------------------------------------------------------------------------------------
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
    first, second = _gap_in(ranges[0], len(pdf))
    signature = _signature(pdf[first:second])
    expected, algorithm = _sealed_digest(signature)
    if hashlib.new(algorithm, pdf[:first] + pdf[second:]).digest() != expected:
        raise TamperedError("the content was changed after sealing: its digest is not the one in the seal")
    return signature


def _gap_in(byte_range: tuple[bytes, ...], size: int) -> tuple[int, int]:
    """Where the signature itself stands, once everything else in a file of `size` bytes is under its range."""
    start, first, second, length = (int(number) for number in byte_range)
    end = second + length
    if end > size:
        raise TamperedError(f"the file was cut short: {end - size} of {end} sealed bytes are missing at its end")
    if end < size:
        raise TamperedError(f"{size - end} bytes were added after the seal, from byte {end} on")
    if start != 0 or second <= first:
        raise TamperedError("the seal does not cover the file from its first byte")
    return first, second


def _holds_evidence(pdf: bytes) -> bool:
    """Whether a PDF without a signature embeds the evidence that only reports embed."""
    reader = _pyhanko("pyhanko.pdf_utils.reader")
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
    cms = _pyhanko("asn1crypto.cms")
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


# -- 2. The seal ------------------------------------------------------------------------------------------------------
def check_seal(pdf: bytes, roots: list[Any], outcome: Outcome) -> Any:
    """The PDF reader, once the seal is seen to be valid, trusted, in time, and to forbid every change."""
    try:
        reader = _pyhanko("pyhanko.pdf_utils.reader").PdfFileReader(BytesIO(pdf))
        signatures = list(reader.embedded_signatures)
        fields = list(_pyhanko("pyhanko.sign.fields").enumerate_sig_fields(reader))
    except ImportError as error:
        _missing(error)
    except Exception as error:  # noqa: BLE001
        raise TamperedError(f"the sealed file cannot be read as a PDF: {error}") from None
    if len(signatures) != 1 or len(fields) != 1:
        raise TamperedError(f"the file holds {len(signatures)} signatures in {len(fields)} fields instead of one")
    (signature,) = signatures
    stamped = _stamped_at(signature)
    status = _status(reader, signature, roots, stamped)
    validation = _pyhanko("pyhanko.sign.validation")
    if not (status.intact and status.valid):
        raise TamperedError("the seal is not a valid signature over this file")
    if status.coverage is not validation.SignatureCoverageLevel.ENTIRE_FILE:
        raise TamperedError("the seal does not cover the entire file")
    if signature.docmdp_level is not _pyhanko("pyhanko.sign.fields").MDPPerm.NO_CHANGES:
        raise TamperedError("the seal does not forbid changes, as every report's does")
    subject = status.signing_cert.subject.native
    signer = subject.get("common_name") or status.signing_cert.subject.human_friendly
    if not status.trusted:
        raise UnverifiableError(f"the seal is by {signer!r}, which does not lead to a certificate in --trust")
    stamp = _trusted_stamp(status)
    outcome.facts |= {"signer": signer, "sealed_at": stamp.timestamp.astimezone(dt.UTC).isoformat()}
    outcome.facts["development"] = "DEVELOPMENT" in str(subject).upper()
    outcome.held.append(f"one seal over every byte, valid and trusted, by {signer}")
    outcome.held.append(f"timestamped {stamp.timestamp.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC; no change is allowed")
    return reader


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
    generic = _pyhanko("pyhanko.sign.validation.generic_cms")
    try:
        (token,) = generic.extract_tst_data_iter(signature.signer_info, signed=False)
        return token["encap_content_info"]["content"].parsed["gen_time"].native  # type: ignore[no-any-return]
    except Exception:  # noqa: BLE001
        raise UnverifiableError("the seal bears no readable timestamp, so nothing shows when it was made") from None


def _status(reader: Any, signature: Any, roots: list[Any], moment: dt.datetime) -> Any:
    """Judged as of the stamped time from what is embedded; what is not stated as unrevoked is distrusted."""
    validation = _pyhanko("pyhanko.sign.validation")
    settings = {
        "trust_roots": roots,
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


def read_roots(path: Path) -> list[Any]:
    """The certificates in a PEM file."""
    x509 = _pyhanko("asn1crypto.x509")
    try:
        blocks = re.findall(
            r"-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----", path.read_text("ascii"), re.DOTALL
        )
        roots = [x509.Certificate.load(base64.b64decode(block)) for block in blocks]
        for root in roots:
            root.subject.dump()
    except (OSError, ValueError) as error:
        raise UnverifiableError(f"--trust {path} cannot be read: {error}") from None
    if not roots:
        raise UnverifiableError(f"--trust {path} holds no certificate in PEM")
    return roots


# -- 3. The evidence and the ledger -----------------------------------------------------------------------------------
def extract_evidence(reader: Any) -> dict[str, Any]:
    """The one embedded file named evidence.json, as JSON."""
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
    if not isinstance(evidence, dict) or evidence.get("schema") != SCHEMA:
        raise UnverifiableError(f"{EVIDENCE} is not of the schema {SCHEMA}, which is all that this verifier knows")
    return evidence


def _embedded_files(reader: Any) -> Iterator[tuple[str, bytes]]:
    pending = [reader.root["/Names"]["/EmbeddedFiles"]]
    while pending:
        node = pending.pop()
        pending.extend(node.get("/Kids", ()))
        names = node.get("/Names", ())
        for position in range(1, len(names), 2):
            specification = names[position]
            name = specification["/UF"] if "/UF" in specification else specification["/F"]
            yield str(name), bytes(specification["/EF"]["/F"].data)


def check_ledger(evidence: Mapping[str, Any], keys: Path | None, kept: Path | None, outcome: Outcome) -> None:
    """Each entry under the checkpoint, the checkpoint under the log's key, the history under a kept checkpoint."""
    ledger = evidence.get("ledger") or {}
    note = ledger.get("checkpoint") or ""
    if not note:
        if keys or kept or ledger.get("entries"):
            raise UnverifiableError("the report embeds no ledger checkpoint to check")
        outcome.skipped.append("the ledger: this report embeds no checkpoint")
        return
    origin, size, root = parse_checkpoint(note, "the embedded checkpoint", TamperedError)
    entries = ledger.get("entries") or []
    for number, entry in enumerate(entries):
        _check_entry(number, entry, size, root)
    outcome.held.append(f"{len(entries)} ledger entries are in the log {origin} at size {size}")
    outcome.facts["checkpoint"] = {"origin": origin, "size": size, "root": base64.b64encode(root).decode()}
    if keys is None:
        outcome.skipped.append("the log's own signature on the checkpoint: give --keys keys.json to check it")
    else:
        _check_note(note, _log_key(keys, origin))
        outcome.held.append("the checkpoint is signed by the log's key")
    if kept is None:
        outcome.skipped.append("the log's history: give --checkpoint with one that was kept elsewhere to check it")
    else:
        _check_history(ledger, kept, (origin, size, root))
        outcome.held.append("the log's history agrees with the checkpoint that was kept elsewhere")


def parse_checkpoint(note: str, what: str, error: type[Exception]) -> tuple[str, int, bytes]:
    """Origin, size and root of a checkpoint note."""
    try:
        text = note.split("\n\n", 1)[0]
        origin, size, root = text.split("\n")[:3]
        decoded = base64.b64decode(root, validate=True)
        if not origin or not re.fullmatch(r"0|[1-9][0-9]{0,18}", size, re.ASCII) or len(decoded) != 32:  # noqa: PLR2004
            raise ValueError  # noqa: TRY301
    except ValueError:
        raise error(f"{what} is not a checkpoint") from None
    return origin, int(size), decoded


def _check_entry(number: int, entry: Mapping[str, Any], size: int, root: bytes) -> None:
    try:
        index = entry["index"]
        where = f"ledger entry {index}"
        current = hashlib.sha256(b"\x00" + base64.b64decode(entry["body"], validate=True)).digest()
        proof = [bytes.fromhex(sibling) for sibling in entry["proof"]]
        if not isinstance(index, int):
            raise TypeError  # noqa: TRY301
    except (KeyError, TypeError, ValueError):
        raise TamperedError(f"item {number} of the ledger entries is malformed") from None
    if not 0 <= index < size:
        raise TamperedError(f"{where} is outside the log of {size} entries that the checkpoint states")
    last = size - 1
    for sibling in proof:
        if last == 0:
            raise TamperedError(f"{where}: its proof is too long")
        if index & 1 or index == last:
            current = _node(sibling, current)
            while index and not index & 1:
                index, last = index >> 1, last >> 1
        else:
            current = _node(current, sibling)
        index, last = index >> 1, last >> 1
    if last or current != root:
        raise TamperedError(f"{where} is not in the log that the checkpoint states: its proof leads elsewhere")


def _check_history(ledger: Mapping[str, Any], kept: Path, embedded: tuple[str, int, bytes]) -> None:
    """Same log, and one of the two checkpoints continues the other."""
    try:
        text = kept.read_text("utf-8")
    except (OSError, ValueError) as error:
        raise UnverifiableError(f"--checkpoint {kept} cannot be read: {error}") from None
    origin, size, root = parse_checkpoint(text, f"--checkpoint {kept}", UnverifiableError)
    if origin != embedded[0]:
        raise UnverifiableError(f"--checkpoint is of the log {origin}, the report is of {embedded[0]}")
    if size == embedded[1]:
        if root != embedded[2]:
            raise TamperedError(f"the log shows two histories: at size {size} the kept checkpoint has another root")
        return
    (old, old_root), (new, new_root) = sorted([(size, root), embedded[1:]])
    for proof in ledger.get("consistency") or []:
        if isinstance(proof, dict) and (proof.get("old"), proof.get("new")) == (old, new):
            try:
                hashes = [bytes.fromhex(sibling) for sibling in proof["proof"]]
            except (KeyError, TypeError, ValueError):
                raise TamperedError("the consistency proof in the report is malformed") from None
            if not continues(old, new, old_root, new_root, hashes):
                raise TamperedError(f"the log shows two histories: size {new} does not continue the kept size {old}")
            return
    raise UnverifiableError(
        f"the kept checkpoint is of size {size}, the report's of size {embedded[1]}, and the report embeds no proof "
        f"that one continues the other; ask the service for the consistency proof from {old} to {new}"
    )


def continues(old: int, new: int, old_root: bytes, new_root: bytes, proof: list[bytes]) -> bool:
    """Whether the tree `new` begins with the tree `old` (RFC 9162, 2.1.4.2), for 0 < old < new."""
    if not 0 < old < new or not proof:
        return False
    path = [old_root, *proof] if old & (old - 1) == 0 else proof
    position, last = old - 1, new - 1
    while position & 1:
        position, last = position >> 1, last >> 1
    then = now = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if position & 1 or position == last:
            then, now = _node(sibling, then), _node(sibling, now)
            while position and not position & 1:
                position, last = position >> 1, last >> 1
        else:
            now = _node(now, sibling)
        position, last = position >> 1, last >> 1
    return last == 0 and then == old_root and now == new_root


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _log_key(keys: Path, origin: str) -> bytes:
    """The Ed25519 key that keys.json publishes for this log."""
    try:
        document = json.loads(keys.read_bytes())
        published = [entry["vkey"] for entry in document["keys"] if entry["purpose"] == "ledger"]
        for vkey in published:
            name, _, rest = vkey.partition("+")
            material = base64.b64decode(rest.partition("+")[2], validate=True)
            if name == origin and material[:1] == b"\x01" and len(material) == 33:  # noqa: PLR2004
                return bytes(material[1:])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnverifiableError(f"--keys {keys} cannot be read: {error!r}") from None
    raise UnverifiableError(f"--keys {keys} names no key for the log {origin}")


def _check_note(note: str, public: bytes) -> None:
    """Raise unless the log's own line in the note is a signature over its text."""
    ed25519 = _pyhanko("cryptography.hazmat.primitives.asymmetric.ed25519")
    text, _, lines = note.rpartition("\n\n")
    text += "\n"
    name = text.split("\n", 1)[0]
    key_id = hashlib.sha256(name.encode() + b"\n\x01" + public).digest()[:4]
    for line in lines.splitlines():
        mark, _, encoded = line.rpartition(" ")
        try:
            content = base64.b64decode(encoded, validate=True)
        except ValueError:
            continue
        if mark == f"\N{EM DASH} {name}" and content[:4] == key_id:
            try:
                ed25519.Ed25519PublicKey.from_public_bytes(public).verify(content[4:], text.encode())
            except Exception:  # noqa: BLE001
                raise TamperedError("the signature on the embedded checkpoint is not one of the log's key") from None
            return
    raise TamperedError("the embedded checkpoint is not signed by the log's key in --keys")


# -- 4. The numbers ---------------------------------------------------------------------------------------------------
Counts = dict[tuple[Any, Any], int]
_BOTH, _ANY = (0, 1), (0, 1, None)
# metric: labels and predictions of what is counted, then of what it is a share of
_RATES: dict[str, tuple[tuple[Any, ...], tuple[Any, ...], tuple[Any, ...], tuple[Any, ...]]] = {
    "selection_rate": (_ANY, (1,), _ANY, _BOTH),
    "true_positive_rate": ((1,), (1,), (1,), _BOTH),
    "false_positive_rate": ((0,), (1,), (0,), _BOTH),
    "precision": ((1,), (1,), _BOTH, (1,)),
    "negative_predictive_value": ((0,), (0,), _BOTH, (0,)),
    "prevalence": ((1,), _ANY, _BOTH, _ANY),
    "missing_prediction_fraction": (_ANY, (None,), _ANY, _ANY),
    "missing_label_fraction": ((None,), _ANY, _ANY, _ANY),
}
_GAPS = {
    "demographic_parity_difference": ("selection_rate",),
    "equal_opportunity_difference": ("true_positive_rate",),
    "predictive_equality_difference": ("false_positive_rate",),
    "predictive_parity_difference": ("precision",),
    "accuracy_equality_difference": ("accuracy",),
    "equalized_odds_difference": ("true_positive_rate", "false_positive_rate"),
}


def check_numbers(evidence: Mapping[str, Any], outcome: Outcome) -> None:
    """Compute every known rate again from the table `cells` beside it; raise on the first that disagrees."""
    computed = stated = 0
    for observation in evidence.get("observations") or []:
        for holder in _with_cells(observation):
            features = _cells(holder["tables"]["cells"])
            for value in holder["values"]:
                stated += 1
                computed += _agrees(value, features)
    outcome.facts["recomputed"] = computed
    if computed:
        outcome.held.append(f"{computed} figures were computed again from their count tables and agree")
    if stated > computed:
        outcome.skipped.append(f"{stated - computed} figures that cannot be computed from counts alone")


def _with_cells(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document that has both values and a table of counts."""
    if isinstance(node, dict):
        tables, values = node.get("tables"), node.get("values")
        if isinstance(tables, dict) and isinstance(tables.get("cells"), dict) and isinstance(values, list):
            yield node
        for item in node.values():
            yield from _with_cells(item)
    elif isinstance(node, list):
        for item in node:
            yield from _with_cells(item)


def _cells(table: Mapping[str, Any]) -> dict[str, dict[str, Counts]]:
    """Feature -> group -> (label, prediction) -> count."""
    features: dict[str, dict[str, Counts]] = {}
    try:
        at = [table["columns"].index(name) for name in ("feature", "group", "label", "prediction", "count")]
        for row in table["rows"]:
            feature, group, label, prediction, count = (row[position] for position in at)
            if not isinstance(count, int) or count < 0:
                raise ValueError(f"the count {count!r}")  # noqa: TRY301
            counts = features.setdefault(feature, {}).setdefault(group, {})
            counts[label, prediction] = counts.get((label, prediction), 0) + count
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise TamperedError(f"a table of counts in the evidence is malformed: {error}") from None
    return features


def _agrees(value: Mapping[str, Any], features: Mapping[str, dict[str, Counts]]) -> bool:
    """True when the figure was computed again, False when counts do not give it. Raises when it differs."""
    try:
        metric, stated, feature, group = value["metric"], value["value"], value["feature"], value["group"]
    except (KeyError, TypeError):
        raise TamperedError("a stated figure in the evidence is malformed") from None
    if stated is None or (feature and feature not in features) or not features:
        return False
    groups = features[feature] if feature else next(iter(features.values()))
    label = f"{metric}[{feature}{'=' + group if group else ''}]" if feature else metric
    if group and group not in groups:
        raise TamperedError(f"{label} is stated, but its counts are not in the evidence")
    try:
        computed = _computed(metric, groups, group)
    except ZeroDivisionError:
        raise TamperedError(f"{label} is stated as {stated}, but its counts give no such figure") from None
    if computed is None:
        return False
    if not isinstance(stated, int | float) or not abs(computed - stated) <= TOLERANCE:
        raise TamperedError(f"{label} is stated as {stated}, but its counts give {computed:.12g}")
    return True


def _computed(metric: str, groups: dict[str, Counts], group: str) -> float | None:  # noqa: PLR0911  (one a metric)
    if group:
        own = groups[group]
        rest = _summed(counts for name, counts in groups.items() if name != group)
        if metric == "group_size":
            return float(sum(own.values()))
        if metric == "selection_rate_ratio_to_rest":
            return _rate("selection_rate", own) / _rate("selection_rate", rest)
        base = metric.removesuffix("_difference")
        if base != metric and (base in _RATES or base == "accuracy"):
            return _rate(base, own) - _rate(base, rest)
        return _rate(metric, own) if metric in _RATES or metric == "accuracy" else None
    if metric in _GAPS:
        return max(_gap(rate, groups) for rate in _GAPS[metric])
    if metric == "selection_rate_ratio":
        rates = [_rate("selection_rate", counts) for counts in groups.values()]
        return min(rates) / max(rates)
    return _rate(metric, _summed(groups.values())) if metric in _RATES or metric == "accuracy" else None


def _gap(metric: str, groups: Mapping[str, Counts]) -> float:
    rates = [_rate(metric, counts) for counts in groups.values()]
    return max(rates) - min(rates)


def _rate(metric: str, counts: Counts) -> float:
    if metric == "accuracy":
        hits = counts.get((0, 0), 0) + counts.get((1, 1), 0)
        return hits / sum(n for (y, p), n in counts.items() if y in _BOTH and p in _BOTH)
    labels, predictions, of_labels, of_predictions = _RATES[metric]
    hits = sum(n for (y, p), n in counts.items() if y in labels and p in predictions)
    return hits / sum(n for (y, p), n in counts.items() if y in of_labels and p in of_predictions)


def _summed(many: Any) -> Counts:
    total: Counts = {}
    for counts in many:
        for key, count in counts.items():
            total[key] = total.get(key, 0) + count
    return total


# -- The command ------------------------------------------------------------------------------------------------------
def verify(arguments: argparse.Namespace) -> Outcome:
    """Run all checks; never raises."""
    outcome = Outcome()
    try:
        roots = read_roots(arguments.trust)
        try:
            pdf = arguments.report.read_bytes()
        except OSError as error:
            raise UnverifiableError(f"{arguments.report} cannot be read: {error.strerror}") from None
        outcome.facts |= {"file": arguments.report.name, "digest": f"sha256:{hashlib.sha256(pdf).hexdigest()}"}
        check_bytes(pdf)
        evidence = extract_evidence(check_seal(pdf, roots, outcome))
        decision = evidence.get("decision")
        outcome.facts["decision"] = decision.get("decision") if isinstance(decision, dict) else decision
        check_ledger(evidence, arguments.keys, arguments.checkpoint, outcome)
        check_numbers(evidence, outcome)
        outcome.exit_code = AUTHENTIC
    except TamperedError as error:
        outcome.exit_code, outcome.problem = TAMPERED, str(error)
    except UnverifiableError as error:
        outcome.problem = str(error)
    except Exception as error:  # noqa: BLE001 - whatever went wrong, the answer is never "authentic"
        outcome.problem = f"the check itself failed on this file: {error!r}"
    return outcome


def _pyhanko(module: str) -> Any:
    """Import late, so that a missing library is a readable answer and not a traceback."""
    try:
        return __import__(module, fromlist=["_"])
    except ImportError as error:
        _missing(error)


def _missing(error: ImportError) -> NoReturn:
    raise UnverifiableError(f"a library is missing ({error.name or error}): pip install pyhanko") from None


def _as_text(outcome: Outcome, paint: Callable[[str, str], str]) -> str:
    facts = outcome.facts
    lines = [f"Report   {facts['file']}", f"Digest   {facts['digest']}"] if "digest" in facts else []
    if "signer" in facts:
        lines += [f"Sealed   by {facts['signer']}", f"         at {facts['sealed_at']}"]
    if facts.get("development"):
        lines.append(
            paint("33", "         This is a DEVELOPMENT seal: it proves integrity, not who issued the report.")
        )
    lines.append("")
    lines += [f"  {paint('32', 'ok     ')} {held}" for held in outcome.held]
    lines += [f"  {paint('33', 'skipped')} {skipped}" for skipped in outcome.skipped]
    if outcome.problem:
        lines.append(f"  {paint('31', 'FAILED ')} {outcome.problem}")
    colour = {AUTHENTIC: "1;32", TAMPERED: "1;31", UNVERIFIABLE: "1;33"}[outcome.exit_code]
    return "\n".join([*lines, "", paint(colour, _VERDICTS[outcome.exit_code])]).lstrip("\n")


def parser() -> argparse.ArgumentParser:
    """The command line."""
    description, _, details = (__doc__ or "").partition("\n")
    parser = argparse.ArgumentParser(
        prog="assay_verify.py",
        description=description,
        epilog=details,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("report", type=Path, help="the sealed PDF")
    parser.add_argument("--trust", type=Path, required=True, help="PEM file with the root certificate you trust")
    parser.add_argument("--keys", type=Path, help="keys.json of the service, for the log's key")
    parser.add_argument("--checkpoint", type=Path, help="a checkpoint of the log that was kept elsewhere")
    parser.add_argument("--json", action="store_true", help="print the outcome as JSON")
    return parser


def main(argv: list[str] | None = None) -> int:
    """Parse, verify, print; the answer is the exit code."""
    arguments = parser().parse_args(argv)
    logging.disable(logging.CRITICAL)  # the libraries' own words would only confuse the verdict
    outcome = verify(arguments)
    if arguments.json:
        verdict = {AUTHENTIC: "authentic", TAMPERED: "tampered", UNVERIFIABLE: "cannot-be-verified"}[outcome.exit_code]
        answer = {"verdict": verdict, "problem": outcome.problem, "held": outcome.held, "skipped": outcome.skipped}
        print(json.dumps({**answer, **outcome.facts}, indent=2, ensure_ascii=False))
    else:
        coloured = sys.stdout.isatty()
        print(_as_text(outcome, lambda code, text: f"\x1b[{code}m{text}\x1b[0m" if coloured else text))
    return outcome.exit_code


if __name__ == "__main__":
    sys.exit(main())
