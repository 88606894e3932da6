"""The corpus of changed reports: every one is found, and called by its name."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import random
import re
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.generic import pdf_name
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from audits.reports.seal import seal_pdf
from registry.keys import Keyring
from tests.clients.desk import AUTHENTIC, NUMBER, TAMPERED, UNVERIFIABLE, Desk, Log, evidence_of, pdf_of
from tests.clients.test_assay_explanation import EXPLANATION


# -- Changed files ----------------------------------------------------------------------------------------------------
def test_four_hundred_turned_bits_are_all_found(desk: Desk) -> None:
    found = re.search(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)\s*\]", desk.report)
    assert found
    _, first, second, length = map(int, found.groups())
    chance = random.Random(20261121)  # noqa: S311 - a fixed corpus, no secret
    for _ in range(400):
        at = chance.choice([chance.randrange(first), chance.randrange(second, second + length)])
        changed = bytearray(desk.report)
        changed[at] ^= 1 << chance.randrange(8)
        outcome = desk.verify(bytes(changed))
        assert outcome.exit_code != AUTHENTIC, at
        # Only the five bytes that make it a PDF at all can turn the question into another one.
        assert outcome.exit_code == TAMPERED or at < 5, (at, outcome.problem)


def test_a_turned_bit_in_every_object_is_found(desk: Desk) -> None:
    spans = [found.span() for found in re.finditer(rb"\d+ 0 obj\b.*?endobj", desk.report, re.DOTALL)]
    gap = _gap(desk.report)
    assert len(spans) > 20
    for start, end in spans:
        places = [at for at in range(start, end) if at not in range(*gap)]
        at = places[len(places) // 2]
        changed = bytearray(desk.report)
        changed[at] ^= 4
        outcome = desk.verify(bytes(changed))
        assert outcome.exit_code == TAMPERED, (start, at, outcome.problem)


def _gap(report: bytes) -> tuple[int, int]:
    found = re.search(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)\s*\]", report)
    assert found
    return int(found.group(2)), int(found.group(3))


@pytest.mark.slow
def test_no_turned_digit_of_the_signature_escapes_the_ledger(desk: Desk) -> None:
    """The signature does not cover all of itself (RFC 5652: unsigned attributes, certificates); the ledger does."""
    first, second = _gap(desk.report)
    used = len(desk.report[first + 1 : second - 1].rstrip(b"0"))
    receipt = desk.put("report.tlog-proof", _sealed(desk).receipt(1, desk.keyring))
    options = ("--keys", desk.keys, "--receipt", receipt)
    assert desk.verify(desk.report, *options).exit_code == AUTHENTIC
    escaped = 0
    for at in range(first + 1, first + used, used // 100):
        changed = bytearray(desk.report)
        changed[at : at + 1] = b"%X" % (int(changed[at : at + 1], 16) ^ 1)
        outcome = desk.verify(bytes(changed), *options)
        assert outcome.exit_code != AUTHENTIC, at
        escaped += "the ledger tells of this report" in outcome.problem
    assert escaped, "every flip was found by the signature, so this shows nothing of the ledger"


def _sealed(desk: Desk, *, number: str = NUMBER) -> Log:
    """A ledger in which the sealing of the report on the desk is entry 1."""
    sealed = {"number": number, "file": f"sha256:{hashlib.sha256(desk.report).hexdigest()}"}
    at = "2026-11-21T10:00:00.000000Z"
    return Log(
        0,
        told=[
            {"event": "report.read", "subject": "promotion:1", "at": at, "facts": {}},
            {"event": "report.sealed", "subject": "promotion:1", "at": at, "facts": sealed},
            {"event": "report.read", "subject": "promotion:1", "at": at, "facts": {"number": number}},
        ],
    )


@pytest.mark.parametrize(("number", "index"), [(NUMBER, 0), (NUMBER, 2), ("AR-20261121-11111111", 1)])
def test_a_receipt_of_another_entry_is_no_receipt_of_this_report(desk: Desk, number: str, index: int) -> None:
    receipt = desk.put("other.tlog-proof", _sealed(desk, number=number).receipt(index, desk.keyring))
    outcome = desk.verify(desk.report, "--keys", desk.keys, "--receipt", receipt)
    assert outcome.exit_code == TAMPERED
    assert "another entry" in outcome.problem


def test_another_spelling_of_the_same_signature_is_found(desk: Desk) -> None:
    letter = re.search(rb"(?<=/Contents <)[0-9]+([A-F])", desk.report)
    assert letter
    at = letter.start(1)
    outcome = desk.verify(desk.report[:at] + desk.report[at : at + 1].lower() + desk.report[at + 1 :])
    assert outcome.exit_code == TAMPERED
    assert "damaged" in outcome.problem


def _page_replaced(report: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(report))
    page = writer.root["/Pages"]["/Kids"][0]
    page["/MediaBox"] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 100, 100)))
    writer.update_container(page)
    return _written(writer)


def _text_replaced(report: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(report))
    page = writer.root["/Pages"]["/Kids"][0]
    stream = generic.StreamObject(stream_data=b"BT /F1 12 Tf (Everybody approves) Tj ET")
    page["/Contents"] = writer.add_object(stream)
    writer.update_container(page)
    return _written(writer)


def _annotated(report: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(report))
    page = writer.root["/Pages"]["/Kids"][0]
    note = {"/Type": "/Annot", "/Subtype": "/FreeText"}
    annotation = generic.DictionaryObject({pdf_name(key): pdf_name(value) for key, value in note.items()})
    annotation["/Rect"] = generic.ArrayObject(map(generic.NumberObject, (0, 0, 400, 400)))
    annotation["/Contents"] = generic.TextStringObject("open")
    reference = writer.add_object(annotation)
    if "/Annots" in page:
        page["/Annots"].append(reference)
        writer.update_container(page["/Annots"])
    else:
        page["/Annots"] = generic.ArrayObject([reference])
    writer.update_container(page)
    return _written(writer)


def _form_removed(report: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(report))
    del writer.root["/AcroForm"]
    writer.update_root()
    return _written(writer)


def _evidence_replaced(report: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(BytesIO(report))
    names = writer.root["/Names"]["/EmbeddedFiles"]["/Names"]
    reference = names[1]["/EF"].raw_get("/F")
    stream = generic.StreamObject(stream_data=b'{"schema":"assay.report/1"}')
    writer.objects[(reference.generation, reference.idnum)] = stream
    return _written(writer)


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    out = BytesIO()
    writer.write(out)
    return out.getvalue()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda report: report + b"x", "1 bytes were added after the seal"),
        (lambda report: report + b"\n%%EOF\n", "were added after the seal"),
        (lambda report: report[:-1], "cut short: 1 of"),
        (lambda report: report[:-300], "cut short: 300 of"),
        (lambda report: report[: len(report) * 3 // 4], "removed or damaged"),
        (lambda report: report[: report.index(b"/DocMDP") + 9], "removed or damaged"),
        (_page_replaced, "they replace page 1"),
        (_text_replaced, "they replace page 1"),
        (_annotated, "an annotation on page 1"),
        (_form_removed, "they replace the form that holds the seal"),
        (_evidence_replaced, "they replace evidence.json"),
        (lambda report: report.replace(b"/ByteRange", b"/ByteRangf"), "removed or damaged"),
        (lambda report: report.replace(b"Victor", b"Victim", 1) + b"%", "were added"),
        (lambda report: report.replace(b"/ByteRange", b"/ByteRange [0 1 2 3] /ByteRange", 1), "2 signatures"),
    ],
)
def test_a_changed_file_is_called_what_it_is(desk: Desk, change: Callable[[bytes], bytes], words: str) -> None:
    changed = change(desk.report)
    assert changed != desk.report
    outcome = desk.verify(changed)
    assert outcome.exit_code == TAMPERED
    assert words in outcome.problem


def test_a_report_whose_seal_was_stripped_is_not_an_unsealed_one(desk: Desk) -> None:
    outcome = desk.verify(pdf_of(evidence_of(desk.keyring)))
    assert outcome.exit_code == TAMPERED
    assert "removed" in outcome.problem


def test_a_report_sealed_anew_by_another_authority_is_not_trusted(desk: Desk, tmp_path: Path) -> None:
    forger = Keyring.open(tmp_path / "keys", create=True)
    forged = seal_pdf(pdf_of(evidence_of(forger)), keyring=forger, reason="Report")
    outcome = desk.verify(forged)
    assert outcome.exit_code == UNVERIFIABLE
    assert "does not lead to a certificate in --trust" in outcome.problem


@pytest.mark.parametrize("content", [b"", b"hello", b"%PDF-1.7\n%%EOF\n", bytes(1000)])
def test_what_never_was_a_report_cannot_be_verified(desk: Desk, content: bytes) -> None:
    assert desk.verify(content).exit_code == UNVERIFIABLE


@pytest.mark.parametrize("content", [b"", b"nonsense", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"])
def test_an_unreadable_trust_file_cannot_verify_anything(desk: Desk, tmp_path: Path, content: bytes) -> None:
    (tmp_path / "ca.pem").write_bytes(content)
    outcome = desk.verify(desk.report, "--trust", str(tmp_path / "ca.pem"))
    assert outcome.exit_code == UNVERIFIABLE
    assert "--trust" in outcome.problem


def test_the_parts_of_the_corpus_are_what_they_claim(desk: Desk) -> None:
    """Guards the corpus itself: the update attacks must yield files that a parser accepts."""
    for change in (_page_replaced, _text_replaced, _annotated, _form_removed, _evidence_replaced):
        assert PdfFileReader(BytesIO(change(desk.report))).xrefs.total_revisions >= 3


HONEST, DRAWN = 1000, 40


@pytest.mark.slow
def test_a_thousand_honest_files_raise_no_alarm(desk: Desk) -> None:
    """Each is sealed on its own, over one of forty documents; on two idle processors it takes under two minutes."""
    workers = os.cpu_count() or 1
    shares = [range(first, HONEST, workers) for first in range(workers)]
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        alarms = [alarm for found in pool.map(_honest, [desk.folder] * workers, shares) for alarm in found]
    assert alarms == []


def _honest(folder: Path, numbers: range) -> list[tuple[int, str]]:
    """The numbers of sealed files that were not found authentic, and what was said of them."""
    desk = Desk(folder, Keyring.open(folder / "keys"), b"")
    drawn: dict[int, bytes] = {}
    alarms = []
    for number in numbers:
        kind = number % DRAWN
        if kind not in drawn:
            report = {**evidence_of(desk.keyring, 13 + kind % 18), "report": {"number": f"AR-{kind}"}}
            drawn[kind] = pdf_of(EXPLANATION if kind % 5 == 0 else report)
        sealed = seal_pdf(drawn[kind], keyring=desk.keyring, reason=f"File {number}")
        arguments = ("--trust", str(folder / "ca.pem"), "--keys", desk.keys)
        outcome = desk.check(f"honest-{number}.pdf", sealed, *arguments)
        (folder / f"honest-{number}.pdf").unlink()
        if outcome.exit_code != AUTHENTIC:
            alarms.append((number, outcome.problem))
    return alarms
