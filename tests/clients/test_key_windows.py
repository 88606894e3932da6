"""Expiry, revocation, rotation and compromise: what still verifies years later, and what no longer does."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import SigFieldSpec
from pyhanko.sign.signers import PdfSigner

from audits.reports import seal
from audits.reports.seal import seal_pdf
from registry import dsse
from registry.canonical import digest_of
from registry.keys import Keyring, Purpose, _write_development
from tests.clients.desk import AUTHENTIC, NOW, UNVERIFIABLE, Desk, Log, evidence_of, pdf_of
from tests.clients.test_assay_papers import decision, told

DAY = dt.timedelta(days=1)
YEAR = 365 * DAY


def aged(folder: Path, age: dt.timedelta) -> tuple[Keyring, dt.datetime]:
    """A keyring that was made so long ago, and a moment an hour later."""
    folder.mkdir(mode=0o700)
    _write_development(folder, NOW - age)
    return Keyring.open(folder), NOW - age + dt.timedelta(hours=1)


def trusted(desk: Desk, keyring: Keyring) -> tuple[str, str]:
    return "--trust", desk.put("old.pem", keyring.anchor_pem)


def unstamped(keyring: Keyring, moment: dt.datetime) -> bytes:
    """A seal like ours in all but the timestamp."""
    roots = [seal._asn1(keyring.root)]
    writer = IncrementalPdfFileWriter(BytesIO(pdf_of(evidence_of(keyring))))
    names: dict[str, Any] = {"reason": "Report", "field_name": seal.FIELD_NAME, "location": "", "remote": ""}
    metadata = seal._metadata(keyring, roots, moment, **names)
    field = SigFieldSpec(sig_field_name=seal.FIELD_NAME)
    signer = PdfSigner(metadata, seal._KeySigner(keyring), new_field_spec=field)
    return bytes(asyncio.run(signer.async_sign_pdf(writer)).getvalue())


# -- Expiry: the seal's certificate holds for two years, that of the timestamp for five --------------------------------
@pytest.mark.parametrize(
    ("age", "exit_code"), [(dt.timedelta(0), AUTHENTIC), (3 * YEAR, AUTHENTIC), (6 * YEAR, UNVERIFIABLE)]
)
def test_a_stamped_report_outlives_its_seal_certificate_but_not_its_timestamp(
    desk: Desk, tmp_path: Path, age: dt.timedelta, exit_code: int
) -> None:
    keyring, then = aged(tmp_path / "keys", age + DAY)
    sealed = seal_pdf(pdf_of(evidence_of(keyring)), keyring=keyring, reason="Report", now=then)
    outcome = desk.verify(sealed, *trusted(desk, keyring))
    assert outcome.exit_code == exit_code, outcome.problem


@pytest.mark.parametrize("age", [DAY, 3 * YEAR])
def test_a_report_without_a_timestamp_shows_no_time_and_is_not_relied_on(
    desk: Desk, tmp_path: Path, age: dt.timedelta
) -> None:
    keyring, then = aged(tmp_path / "keys", age)
    outcome = desk.verify(unstamped(keyring, then), *trusted(desk, keyring))
    assert outcome.exit_code == UNVERIFIABLE
    assert "no readable timestamp" in outcome.problem


# -- Revocation, told by a list that is newer than the report ----------------------------------------------------------
@pytest.mark.parametrize(
    ("purpose", "revoked", "exit_code"),
    [
        (Purpose.SEAL, -DAY, UNVERIFIABLE),
        (Purpose.SEAL, DAY, AUTHENTIC),
        (Purpose.TIMESTAMP, -DAY, UNVERIFIABLE),
    ],
)
def test_a_revocation_counts_from_its_moment_on(
    desk: Desk, tmp_path: Path, purpose: Purpose, revoked: dt.timedelta, exit_code: int
) -> None:
    keyring, then = aged(tmp_path / "keys", 30 * DAY)
    sealed = seal_pdf(pdf_of(evidence_of(keyring)), keyring=keyring, reason="Report", now=then + 10 * DAY)
    assert desk.verify(sealed, *trusted(desk, keyring)).exit_code == AUTHENTIC
    leaf, issuer = keyring.chains[purpose]
    told = desk.put("new.crl", revocation(keyring, leaf, issuer, then + 10 * DAY + revoked))
    outcome = desk.verify(sealed, *trusted(desk, keyring), "--crl", told)
    assert outcome.exit_code == exit_code, outcome.problem


def revocation(keyring: Keyring, leaf: x509.Certificate, issuer: x509.Certificate, at: dt.datetime) -> bytes:
    """The issuer's list of today, on which `leaf` stands."""
    revoked = x509.RevokedCertificateBuilder().serial_number(leaf.serial_number).revocation_date(at).build()
    builder = x509.CertificateRevocationListBuilder().issuer_name(issuer.subject).last_update(NOW)
    builder = builder.next_update(NOW + 30 * DAY).add_revoked_certificate(revoked)
    for extension, critical in crl_extensions(keyring):
        builder = builder.add_extension(extension, critical)
    key = keyring._private["issuing"]
    assert isinstance(key, ec.EllipticCurvePrivateKey)
    return builder.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def crl_extensions(keyring: Keyring) -> list[tuple[x509.ExtensionType, bool]]:
    listed = keyring.revocation_lists(NOW)[0].extensions
    return [(one.value, one.critical) for one in listed if not isinstance(one.value, x509.CRLNumber)] + [
        (x509.CRLNumber(10**9), False)
    ]


# -- Rotation and compromise, told by keys.json ------------------------------------------------------------------------
def published(desk: Desk, purpose: Purpose, **fate: Any) -> str:
    """keys.json in which the key of a purpose went out of use, and another one came in its place."""
    document = desk.keyring.published_keys()
    for entry in document["keys"]:
        if entry["purpose"] == purpose:
            entry |= {name: stamp(value) if isinstance(value, dt.datetime) else value for name, value in fate.items()}
    return desk.put("fates.json", json.dumps(document))


def stamp(moment: dt.datetime) -> str:
    return moment.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


FATES = [
    ({"status": "active"}, AUTHENTIC),
    ({"status": "retired", "valid_until": NOW + DAY}, AUTHENTIC),
    ({"status": "retired", "valid_until": NOW - DAY}, UNVERIFIABLE),
    ({"status": "compromised", "compromised_since": NOW + DAY}, AUTHENTIC),
    ({"status": "compromised", "compromised_since": NOW - DAY}, UNVERIFIABLE),
]


@pytest.mark.parametrize("purpose", [Purpose.SEAL, Purpose.LEDGER])
@pytest.mark.parametrize(("fate", "exit_code"), FATES)
def test_a_report_counts_within_the_time_of_its_keys(
    desk: Desk, purpose: Purpose, fate: dict[str, Any], exit_code: int
) -> None:
    outcome = desk.verify(desk.report, "--keys", published(desk, purpose, **fate))
    assert outcome.exit_code == exit_code, outcome.problem


@pytest.mark.parametrize("since", [NOW - DAY, NOW + DAY])
def test_a_stolen_timestamp_key_dates_back_so_its_stamps_say_nothing(desk: Desk, since: dt.datetime) -> None:
    keys = published(desk, Purpose.TIMESTAMP, status="compromised", compromised_since=since)
    outcome = desk.verify(desk.report, "--keys", keys)
    assert (outcome.exit_code, "timestamp" in outcome.problem) == (UNVERIFIABLE, True)


def test_a_certificate_of_the_same_authority_is_not_enough(desk: Desk, tmp_path: Path) -> None:
    """Somebody else has a seal of the same authority: the root is trusted, the key is not the service's."""
    document = desk.keyring.published_keys()
    stranger = Keyring.open(tmp_path / "keys", create=True).published_keys()
    others = [entry for entry in document["keys"] if entry["purpose"] != "seal"]
    seals = [entry for entry in stranger["keys"] if entry["purpose"] == "seal"]
    keys = desk.put("others.json", json.dumps({**document, "keys": [*others, *seals]}))
    outcome = desk.verify(desk.report, "--keys", keys)
    assert (outcome.exit_code, "names no seal key" in outcome.problem) == (UNVERIFIABLE, True)


def test_checkpoints_of_every_key_that_the_log_ever_had_are_verified(desk: Desk, tmp_path: Path) -> None:
    """The service rotated: the newest key comes first in keys.json, the report is under the one before."""
    document = desk.keyring.published_keys()
    newer = list(Keyring.open(tmp_path / "keys", create=True).published_keys()["keys"])
    keys = desk.put("rotated.json", json.dumps({**document, "keys": [*newer, *document["keys"]]}))
    outcome = desk.verify(desk.report, "--keys", keys)
    assert (outcome.exit_code, outcome.problem) == (AUTHENTIC, "")


@pytest.mark.parametrize(
    ("fate", "receipt", "exit_code"),
    [
        ({"status": "retired", "valid_until": dt.datetime(2026, 12, 1, tzinfo=dt.UTC)}, False, AUTHENTIC),
        ({"status": "retired", "valid_until": dt.datetime(2026, 11, 1, tzinfo=dt.UTC)}, False, UNVERIFIABLE),
        ({"status": "compromised", "compromised_since": dt.datetime(2026, 12, 1, tzinfo=dt.UTC)}, False, UNVERIFIABLE),
        ({"status": "compromised", "compromised_since": dt.datetime(2026, 12, 1, tzinfo=dt.UTC)}, True, AUTHENTIC),
        ({"status": "compromised", "compromised_since": dt.datetime(2026, 11, 1, tzinfo=dt.UTC)}, True, UNVERIFIABLE),
    ],
)
def test_a_decision_of_a_compromised_gate_key_counts_only_where_the_ledger_shows_that_it_is_older(
    desk: Desk,
    fate: dict[str, Any],
    receipt: bool,  # noqa: FBT001
    exit_code: int,
) -> None:
    signed = dsse.sign_statement(dsse.gate_decision(decision()), desk.keyring.gate_key)
    paper = desk.put("d.tlog-proof", Log(0, told=[told(envelope=digest_of(signed))]).receipt(0, desk.keyring))
    options = ["--keys", published(desk, Purpose.GATE, **fate), *(["--receipt", paper] if receipt else [])]
    outcome = desk.check("decision.json", json.dumps(signed), *options)
    assert outcome.exit_code == exit_code, outcome.problem


@pytest.mark.parametrize(
    "content",
    ["", "[]", '{"keys": 7}', '{"keys": [{"purpose": "seal"}]}', '{"keys": [{"vkey": "x"}]}'],
)
def test_a_keys_file_that_is_none_cannot_verify_anything(desk: Desk, content: str) -> None:
    outcome = desk.verify(desk.report, "--keys", desk.put("bad.json", content))
    assert (outcome.exit_code, "--keys" in outcome.problem) == (UNVERIFIABLE, True)
