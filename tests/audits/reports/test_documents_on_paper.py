"""The other documents on paper: the page for management, and those that follow the points of a law."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
import subprocess
from datetime import date
from pathlib import Path

import pytest

from audits.frameworks.catalogue import Catalogue
from audits.reports.document import ReportDocument
from audits.reports.dossier import OUTLINES, DossierDocument, Point
from audits.reports.portfolio import DutyCounts, ModelEntry, PortfolioDocument, StageEntry
from audits.reports.render import SUMMARY, evidence_bytes, render_html, render_pdf
from tests.audits.reports.hostile_words import hostile
from tests.programs import needs_vera, vera

DAY = date(2026, 11, 20)
HOSTILE = "<script>alert(1)</script> {{ secret }} \u202egnp.exe \u200b file:///etc/passwd " + "long " * 400


def run(*words: object) -> str:
    return subprocess.run(list(map(str, words)), check=True, capture_output=True, text=True).stdout


def dossier(report: ReportDocument, kind: str, *, answer: str = "", final: bool = False) -> DossierDocument:
    outline, catalogue = OUTLINES[kind], Catalogue.load()
    points = tuple(
        Point(
            control=control.id,
            reference=f"{control.framework} {control.reference}",
            duty=control.duty,
            effective=catalogue.effective(control, DAY).text,
            answer=answer,
            signed_by="Rosa Reyes" if answer else "",
            owner="Olga Owner",
            due=DAY,
            title=control.title,
        )
        for control in outline.controls(catalogue, DAY)
    )
    identity = dataclasses.replace(report.identity, title=outline.title, number=f"{kind.upper()}-1")
    return DossierDocument(identity=identity, kind=kind, subject=report.subject, points=points, final=final)


@pytest.mark.parametrize("kind", OUTLINES)
def test_each_kind_is_a_page_that_says_what_is_open_and_who_owes_it(closed_document: ReportDocument, kind: str) -> None:
    document = dossier(closed_document, kind)
    page = render_html(document)
    assert page.count("To be completed by Olga Owner by 20 November 2026.") == len(document.points)
    assert "A draft may not be handed on as the final document." in page
    assert 'http-equiv="Content-Security-Policy" content="default-src \'none\'' in page
    told = re.search(r'<script type="application/json" id="evidence">(.*?)</script>', page, re.DOTALL)
    assert told is not None
    assert json.loads(told[1]) == json.loads(evidence_bytes(document))


def test_a_final_document_says_so_and_holds_no_placeholder(closed_document: ReportDocument) -> None:
    page = render_html(dossier(closed_document, "annex-iv", answer="Signed and stated.", final=True))
    assert "Every point is answered from the records or by a person who signed the answer." in page
    assert "To be completed" not in page
    assert "Draft" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)


def test_a_long_answer_is_printed_whole(closed_document: ReportDocument) -> None:
    """People sign up to 10,000 characters; a regulator reads them on paper."""
    answer = "word " * 1_990 + "the end"
    assert "word the end" in render_html(dossier(closed_document, "annex-v", answer=answer))


def test_hostile_words_stay_words(closed_document: ReportDocument) -> None:
    page = render_html(dossier(closed_document, "annex-iv", answer=HOSTILE))
    assert "<script>alert" not in page
    assert "{{ secret }}" in page
    assert "[U+202E]gnp.exe [U+200B]" in page


@pytest.mark.slow
def test_a_document_that_follows_a_law_is_one_tagged_pdf_with_its_evidence(
    closed_document: ReportDocument, tmp_path: Path
) -> None:
    document, path = dossier(closed_document, "annex-iv", answer=HOSTILE), tmp_path / "annex.pdf"
    path.write_bytes(render_pdf(document))
    assert render_pdf(document) == path.read_bytes()
    told = run("pdfinfo", path)
    assert re.search(r"Tagged:\s+yes", told)
    assert "Technical documentation" in told
    run("pdfdetach", "-save", "1", "-o", tmp_path / "evidence.json", path)
    assert (tmp_path / "evidence.json").read_bytes() == evidence_bytes(document)
    if shutil.which("qpdf"):
        run("qpdf", "--check", path)


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_the_summary_is_one_page_whatever_is_in_it(
    closed_document: ReportDocument, open_document: ReportDocument, language: str, tmp_path: Path
) -> None:
    for number, plain in enumerate((closed_document, open_document, hostile(closed_document))):
        document = dataclasses.replace(plain, identity=dataclasses.replace(plain.identity, language=language))
        path = tmp_path / f"{number}.pdf"
        path.write_bytes(render_pdf(document, SUMMARY))
        assert re.search(r"Pages:\s+1\n", run("pdfinfo", path))
        run("pdfdetach", "-save", "1", "-o", tmp_path / "evidence.json", path)
        assert (tmp_path / "evidence.json").read_bytes() == evidence_bytes(document)


def portfolio(report: ReportDocument) -> PortfolioDocument:
    entry = ModelEntry(
        model="care-priority",
        name="Care programme priority",
        owner="Olga Owner",
        risk_class="high",
        role="provider",
        stages=(StageEntry(stage="production", version=2, since=report.identity.generated_at),),
        blocking=1,
        overdue=2,
        next_due=DAY,
        duties=DutyCounts(binding=3, upcoming=4, unsettled=5, next_applies=DAY),
    )
    identity = dataclasses.replace(report.identity, title="Portfolio report", number="PORTFOLIO-1")
    return PortfolioDocument(identity=identity, prepared_for="Vera Vogel", models=(entry,))


@needs_vera()
@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_vera_agrees_with_every_other_document(closed_document: ReportDocument, language: str, tmp_path: Path) -> None:
    made: list[DossierDocument | PortfolioDocument] = [dossier(closed_document, kind) for kind in OUTLINES]
    made.append(dossier(closed_document, "annex-iv", answer="Signed and stated.", final=True))
    paths = []
    made.append(portfolio(closed_document))
    for number, plain in enumerate(made):
        identity = dataclasses.replace(plain.identity, language=language)
        paths.append(tmp_path / f"{number}.pdf")
        paths[-1].write_bytes(render_pdf(dataclasses.replace(plain, identity=identity)))
    paths.append(tmp_path / "summary.pdf")
    identity = dataclasses.replace(closed_document.identity, language=language)
    paths[-1].write_bytes(render_pdf(dataclasses.replace(closed_document, identity=identity), SUMMARY))
    for flavour in ("3a", "ua1"):
        said = vera(flavour, *paths)
        assert (said.returncode, said.stdout.count("compliant: true")) == (0, len(paths)), said.stdout + said.stderr
