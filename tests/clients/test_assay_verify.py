"""The independent verifier: honest reports pass, and every way to change one is called by its name."""

from __future__ import annotations

import base64
import copy
import datetime as dt
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from weasyprint import HTML, Attachment

from audits.reports.seal import seal_pdf
from clients import assay_verify
from registry.keys import DEVELOPMENT_ORIGIN, Keyring, _write_development
from registry.merkle import append_nodes, consistency_proof, inclusion_proof, leaf_hash, root
from registry.notes import Checkpoint, sign_checkpoint

CLIENT = Path(assay_verify.__file__)
NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
AUTHENTIC, TAMPERED, UNVERIFIABLE = 0, 1, 2


class Log:
    """A small ledger of numbered entries."""

    def __init__(self, size: int, changed: int = -1) -> None:
        self.nodes: dict[tuple[int, int], bytes] = {}
        for number in range(size):
            leaf = leaf_hash(self.body(number, changed))
            self.nodes.update({(level, at): value for level, at, value in append_nodes(number, leaf, self.read)})

    def read(self, level: int, index: int) -> bytes:
        return self.nodes[level, index]

    @staticmethod
    def body(number: int, changed: int = -1) -> bytes:
        return b'{"event":"%s","n":%d}' % (b"rewritten" if number == changed else b"review.recorded", number)

    def note(self, size: int, keyring: Keyring) -> str:
        return sign_checkpoint(Checkpoint(DEVELOPMENT_ORIGIN, size, root(size, self.read)), keyring.ledger)


LOG = Log(30)
# (group, label, prediction, count): women 10 of 40 selected, men 30 of 60.
COUNTS = [("f", 1, 1, 8), ("f", 1, 0, 12), ("f", 0, 1, 2), ("f", 0, 0, 18), ("m", 1, 1, 24), ("m", 1, 0, 6),
          ("m", 0, 1, 6), ("m", 0, 0, 24)]  # fmt: skip
STATED = [
    ("selection_rate", "", "", 0.4),
    ("accuracy", "", "", 0.74),
    ("group_size", "sex", "f", 40.0),
    ("selection_rate", "sex", "f", 0.25),
    ("selection_rate", "sex", "m", 0.5),
    ("true_positive_rate", "sex", "f", 0.4),
    ("true_positive_rate", "sex", "m", 0.8),
    ("false_positive_rate", "sex", "m", 0.2),
    ("precision", "sex", "f", 0.8),
    ("negative_predictive_value", "sex", "f", 0.6),
    ("prevalence", "sex", "f", 0.5),
    ("accuracy", "sex", "m", 0.8),
    ("selection_rate_difference", "sex", "f", -0.25),
    ("selection_rate_ratio_to_rest", "sex", "f", 0.5),
    ("demographic_parity_difference", "sex", "", 0.25),
    ("selection_rate_ratio", "sex", "", 0.5),
    ("equal_opportunity_difference", "sex", "", 0.4),
    ("predictive_equality_difference", "sex", "", 0.1),
    ("equalized_odds_difference", "sex", "", 0.4),
    ("predictive_parity_difference", "sex", "", 0.0),
    ("accuracy_equality_difference", "sex", "", 0.15),
]


def evidence_of(keyring: Keyring, size: int = 23) -> dict[str, Any]:
    entries = [
        {
            "index": index,
            "body": base64.b64encode(LOG.body(index)).decode(),
            "proof": [sibling.hex() for sibling in inclusion_proof(index, size, LOG.read)],
        }
        for index in (0, 11, size - 1)
    ]
    consistency = [
        {"old": 8, "new": size, "proof": [sibling.hex() for sibling in consistency_proof(8, size, LOG.read)]}
    ]
    values = [
        {"metric": metric, "value": value, "n": 1, "feature": feature, "group": group}
        for metric, feature, group, value in [*STATED, ("a_metric_of_tomorrow", "", "", 0.1)]
    ]
    cells = {
        "columns": ["feature", "group", "label", "prediction", "count"],
        "rows": [["sex", *row] for row in COUNTS],
    }
    return {
        "schema": "assay.report/1",
        "decision": {"decision": "open"},
        "observations": [{"check": "fairness.group_metrics", "values": values, "tables": {"cells": cells}}],
        "findings": [],
        "reviews": [],
        "ledger": {"checkpoint": LOG.note(size, keyring), "entries": entries, "consistency": consistency},
    }


def pdf_of(evidence: Any, name: str = "evidence.json") -> bytes:
    attachment = Attachment(string=json.dumps(evidence), name=name, relationship="Data", created=NOW, modified=NOW)
    page = "<html lang=en><title>Report</title><h1>Report</h1><p>Victor and Vera approve.</p></html>"
    return bytes(HTML(string=page).write_pdf(attachments=[attachment]))


@dataclass
class Desk:
    """What a reader has: a folder with the root certificate and the published keys."""

    folder: Path
    keyring: Keyring
    report: bytes

    def verify(self, content: bytes, *options: str) -> assay_verify.Outcome:
        path = self.folder / "report.pdf"
        path.write_bytes(content)
        parsed = ["--trust", str(self.folder / "ca.pem"), *options]
        return assay_verify.verify(assay_verify.parser().parse_args([str(path), *parsed]))

    def verify_evidence(self, evidence: Any, *options: str) -> assay_verify.Outcome:
        return self.verify(seal_pdf(pdf_of(evidence), keyring=self.keyring, reason="Report"), *options)

    def keep(self, note: str) -> str:
        (self.folder / "kept.note").write_text(note)
        return str(self.folder / "kept.note")

    @property
    def keys(self) -> str:
        return str(self.folder / "keys.json")


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    folder = tmp_path_factory.mktemp("desk")
    keyring = Keyring.open(folder / "keys", create=True)
    (folder / "ca.pem").write_bytes(keyring.anchor_pem)
    (folder / "keys.json").write_text(json.dumps(keyring.published_keys()))
    return Desk(folder, keyring, seal_pdf(pdf_of(evidence_of(keyring)), keyring=keyring, reason="Report"))


# -- Honest reports ---------------------------------------------------------------------------------------------------
def test_an_honest_report_is_authentic_and_everything_in_it_was_checked(desk: Desk) -> None:
    kept = desk.keep(LOG.note(8, desk.keyring))
    outcome = desk.verify(desk.report, "--keys", desk.keys, "--checkpoint", kept)
    assert (outcome.exit_code, outcome.problem) == (AUTHENTIC, "")
    assert outcome.facts["recomputed"] == len(STATED)
    assert outcome.skipped == ["1 figures that cannot be computed from counts alone"]
    assert outcome.facts["decision"] == "open"
    assert outcome.facts["development"] is True


def test_what_was_not_checked_is_said(desk: Desk) -> None:
    outcome = desk.verify(desk.report)
    assert outcome.exit_code == AUTHENTIC
    assert [word for word in ("--keys", "--checkpoint") if word in " ".join(outcome.skipped)] == [
        "--keys",
        "--checkpoint",
    ]


def test_the_file_runs_alone_and_answers_by_its_exit_code(desk: Desk, tmp_path: Path) -> None:
    (tmp_path / "verify.py").write_bytes(CLIENT.read_bytes())
    (tmp_path / "report.pdf").write_bytes(desk.report)
    changed = bytearray(desk.report)
    changed[len(changed) // 3] ^= 1
    (tmp_path / "changed.pdf").write_bytes(changed)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "verify.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    trust = ("--trust", str(desk.folder / "ca.pem"))
    assert run("report.pdf", *trust).returncode == AUTHENTIC
    assert "AUTHENTIC" in run("report.pdf", *trust).stdout
    ran = run("changed.pdf", *trust, "--json")
    assert (ran.returncode, json.loads(ran.stdout)["verdict"]) == (TAMPERED, "tampered")
    assert run("report.pdf").returncode == UNVERIFIABLE
    assert run("nothing.pdf", *trust).returncode == UNVERIFIABLE


def test_it_imports_nothing_of_the_product() -> None:
    imported = re.findall(r"^\s*(?:from|import) (\w+)", CLIENT.read_text(), re.MULTILINE)
    assert not {"registry", "audits", "governance", "django"} & set(imported)


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


def test_no_turned_bit_in_the_signature_value_passes(desk: Desk) -> None:
    found = re.search(rb"/ByteRange\s*\[\s*(\d+) (\d+) (\d+) (\d+)\s*\]", desk.report)
    assert found
    first = int(found.group(2))
    for offset in (0, 1, 2, 5, 9):
        changed = bytearray(desk.report)
        changed[first + offset] ^= 1
        assert desk.verify(bytes(changed)).exit_code != AUTHENTIC, offset


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
        (lambda report: report[: len(report) // 3], "removed or damaged"),
        (_page_replaced, "were added after the seal"),
        (_form_removed, "were added after the seal"),
        (_evidence_replaced, "were added after the seal"),
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


# -- Time -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(("years", "exit_code"), [(3, AUTHENTIC), (6, UNVERIFIABLE)])
def test_a_report_outlives_its_seal_certificate_but_not_its_timestamp(
    desk: Desk, tmp_path: Path, years: int, exit_code: int
) -> None:
    then = NOW - dt.timedelta(days=365 * years)
    (tmp_path / "keys").mkdir(mode=0o700)
    _write_development(tmp_path / "keys", then)
    old = Keyring.open(tmp_path / "keys")
    (tmp_path / "ca.pem").write_bytes(old.anchor_pem)
    sealed = seal_pdf(pdf_of(evidence_of(old)), keyring=old, reason="Report", now=then + dt.timedelta(hours=1))
    outcome = desk.verify(sealed, "--trust", str(tmp_path / "ca.pem"))
    assert outcome.exit_code == exit_code, outcome.problem


# -- Sealed, but the evidence disagrees with itself -------------------------------------------------------------------
def _changed(evidence: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    changed = copy.deepcopy(evidence)
    change(changed)
    assert changed != evidence
    return changed


def _values(evidence: dict[str, Any]) -> Any:
    return evidence["observations"][0]["values"]


def _entry(evidence: dict[str, Any]) -> Any:
    return evidence["ledger"]["entries"][1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: _values(e)[3].update(value=0.26), "selection_rate[sex=f] is stated as 0.26"),
        (lambda e: _values(e)[3].update(value=0.25 + 1e-8), "selection_rate[sex=f]"),
        (lambda e: _values(e)[3].update(value="0.25"), "selection_rate[sex=f]"),
        (lambda e: _values(e)[3].update(group="x"), "counts are not in the evidence"),
        (lambda e: _values(e)[-4].update(value=0.3), "equalized_odds_difference[sex]"),
        (lambda e: e["observations"][0]["tables"]["cells"]["rows"][0].__setitem__(4, 9), "is stated as"),
        (lambda e: e["observations"][0]["tables"]["cells"]["rows"][0].__setitem__(4, -8), "malformed"),
        (lambda e: e["observations"][0]["tables"]["cells"]["columns"].pop(), "malformed"),
        (lambda e: _entry(e).update(body=base64.b64encode(LOG.body(11, 11)).decode()), "ledger entry 11"),
        (lambda e: _entry(e).update(index=12), "ledger entry 12"),
        (lambda e: _entry(e).update(index=23), "outside the log of 23"),
        (lambda e: _entry(e)["proof"].pop(), "ledger entry 11"),
        (lambda e: _entry(e)["proof"].append("00" * 32), "too long"),
        (lambda e: _entry(e)["proof"].__setitem__(0, "zz"), "malformed"),
        (lambda e: _entry(e).pop("body"), "malformed"),
        (lambda e: e["ledger"].update(checkpoint="nonsense"), "not a checkpoint"),
    ],
)
def test_evidence_that_disagrees_with_itself_is_found(
    desk: Desk, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    outcome = desk.verify_evidence(_changed(evidence_of(desk.keyring), change))
    assert outcome.exit_code == TAMPERED
    assert words in outcome.problem


def test_a_checkpoint_by_another_key_is_found(desk: Desk, tmp_path: Path) -> None:
    stranger = Keyring.open(tmp_path / "keys", create=True)
    evidence = _changed(evidence_of(desk.keyring), lambda e: e["ledger"].update(checkpoint=LOG.note(23, stranger)))
    assert desk.verify_evidence(evidence).exit_code == AUTHENTIC
    outcome = desk.verify_evidence(evidence, "--keys", desk.keys)
    assert outcome.exit_code == TAMPERED
    assert "not signed by the log's key" in outcome.problem


@pytest.mark.parametrize(
    ("size", "changed", "exit_code", "words"),
    [
        (23, -1, AUTHENTIC, ""),
        (8, -1, AUTHENTIC, ""),
        (23, 4, TAMPERED, "two histories"),
        (8, 4, TAMPERED, "two histories"),
        (9, -1, UNVERIFIABLE, "no proof that one continues the other"),
        (30, -1, UNVERIFIABLE, "no proof that one continues the other"),
    ],
)
def test_a_rewritten_history_is_found_by_whoever_kept_a_checkpoint(
    desk: Desk, size: int, changed: int, exit_code: int, words: str
) -> None:
    kept = desk.keep(Log(30, changed).note(size, desk.keyring))
    outcome = desk.verify(desk.report, "--checkpoint", kept)
    assert outcome.exit_code == exit_code, outcome.problem
    assert words in outcome.problem


@pytest.mark.parametrize("note", ["", "other.example\n23\n" + "A" * 43 + "=\n\n", "x\n-1\nAAAA\n"])
def test_a_kept_checkpoint_that_is_none_cannot_answer(desk: Desk, note: str) -> None:
    assert desk.verify(desk.report, "--checkpoint", desk.keep(note)).exit_code == UNVERIFIABLE


@pytest.mark.parametrize(
    ("evidence", "name"),
    [({"schema": "assay.report/2"}, "evidence.json"), ([], "evidence.json"), ({"schema": "assay.report/1"}, "x.json")],
)
def test_evidence_of_another_form_cannot_be_verified(desk: Desk, evidence: Any, name: str) -> None:
    sealed = seal_pdf(pdf_of(evidence, name), keyring=desk.keyring, reason="Report")
    assert desk.verify(sealed).exit_code == UNVERIFIABLE


def test_the_parts_of_the_corpus_are_what_they_claim(desk: Desk) -> None:
    """Guards the corpus itself: the update attacks must yield files that a parser accepts."""
    for change in (_page_replaced, _form_removed, _evidence_replaced):
        assert PdfFileReader(BytesIO(change(desk.report))).xrefs.total_revisions >= 3
