"""The report as HTML and PDF: what stands on paper is in the evidence, and nothing gets in or out that should not."""

from __future__ import annotations

import base64
import dataclasses
import json
import logging
import re
import subprocess
from collections.abc import Callable, Iterator
from datetime import date, datetime
from html import unescape
from html.parser import HTMLParser
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from django.utils import translation
from django.utils.translation import gettext
from weasyprint import HTML

from audits.measurements import MetricValue, ObservationStatus, Table
from audits.reports import figures, tongue, wording
from audits.reports.document import ReportDocument
from audits.reports.pages import MOST_VALUES, check_sections
from audits.reports.paper import to_pdf
from audits.reports.parts import CheckFacts
from audits.reports.render import TEMPLATES, RenderError, evidence_bytes, fetch_embedded, render_html, render_pdf
from audits.reports.seal import seal_pdf
from audits.reports.text import FONTS
from registry.canonical import canonical_json, digest
from registry.keys import Keyring
from tests.audits.reports.hostile_words import HOSTILE, hostile
from tests.programs import needs, needs_vera, vera

#: A number as each language writes it.
NUMBERS = {
    "en": re.compile(r"(?<![\w.:,\-])[−-]?\d+(?:,\d{3})*(?:\.\d+)?(?!\w)"),
    "de": re.compile(r"(?<![\w.:,\-])[−-]?\d+(?:\.\d{3})*(?:,\d+)?(?!\w)"),
}


class Page(HTMLParser):
    """Every element with its attributes, and the text of the evidence block."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.evidence = ""
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        if self.elements and self.elements[-1] == ("script", {"type": "application/json", "id": "evidence"}):
            self.evidence += data


@pytest.fixture(scope="session")
def pdf(closed_document: ReportDocument, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("report") / "report.pdf"
    path.write_bytes(render_pdf(closed_document))
    return path


def run(*command: str | Path) -> str:
    return subprocess.run([str(part) for part in command], check=True, capture_output=True, text=True).stdout


# -- HTML --------------------------------------------------------------------------------------------------------------


def test_the_page_carries_its_evidence_and_loads_nothing(closed_document: ReportDocument) -> None:
    page = Page(render_html(closed_document))
    assert json.loads(page.evidence) == json.loads(evidence_bytes(closed_document))
    addresses = [v for _, a in page.elements for k, v in a.items() if k in {"src", "href", "action", "data", "srcset"}]
    assert addresses
    assert all(str(address).startswith(("data:image/svg+xml;base64,", "#")) for address in addresses)


def test_no_table_repeats_what_a_chart_prints_and_the_ear_is_told_it(closed_document: ReportDocument) -> None:
    sections = check_sections(closed_document)
    drawn = [(section, value) for section in sections for picture in section.pictures for value in picture.printed]
    assert len(drawn) > 3
    for section, value in drawn:
        assert value not in section.values
        assert any(figures.measured(value) in picture.alt for picture in section.pictures)
    for section in sections:
        printed = {value for picture in section.pictures for value in picture.printed}
        assert {*section.values, *printed} >= set(section.facts.values[:MOST_VALUES])


def test_hostile_words_in_every_field_stay_words(closed_document: ReportDocument) -> None:
    tame, wild = Page(render_html(closed_document)), Page(render_html(hostile(closed_document)))
    assert {tag for tag, _ in wild.elements} <= {tag for tag, _ in tame.elements}
    assert sum(tag == "script" for tag, _ in wild.elements) == 1
    assert sum(tag == "style" for tag, _ in wild.elements) == 1
    assert not any(name.startswith("on") for _, attributes in wild.elements for name in attributes)
    assert json.loads(wild.evidence)["request"]["reason"] == HOSTILE


def test_hostile_words_are_shown_with_their_invisible_letters_spelt_out(closed_document: ReportDocument) -> None:
    html = render_html(hostile(closed_document)).partition('<script type="application/json"')[0]
    assert "[U+202E]gnp.exe[U+200B]" in html
    assert "{{ document.subject }}{% include" in html
    assert "\u202e" not in html


def test_a_development_seal_cannot_be_overlooked(
    closed_document: ReportDocument, open_document: ReportDocument
) -> None:
    assert render_html(closed_document).count("Development seal — not for production") >= 2
    assert "Development seal" not in render_html(open_document)


def test_an_open_gate_says_so_with_shape_word_and_end(open_document: ReportDocument) -> None:
    html = render_html(open_document)
    assert "● Gate open" in re.sub(r"<[^>]+>", "", html).replace("\n", " ")
    assert "until <b>18 February 2027</b>" in html
    assert "Gate closed" not in html


def test_a_closed_gate_never_says_open(closed_document: ReportDocument) -> None:
    text = re.sub(r"<[^>]+>", "", render_html(closed_document).partition('<script type="application/json"')[0])
    assert "◆ Gate closed" in text
    assert "Gate open" not in text
    assert "awaiting 1 × risk officer" in text


def test_a_gate_that_is_not_enforced_says_so(open_document: ReportDocument) -> None:
    loose = dataclasses.replace(open_document, decision=dataclasses.replace(open_document.decision, enforced=False))
    assert "The gate was not enforced" in render_html(loose)
    assert "The gate was not enforced" not in render_html(open_document)


def test_an_empty_report_says_what_is_not_there(bare: Callable[..., ReportDocument]) -> None:
    html = render_html(bare())
    for words in (
        "Nobody has reviewed this request.",
        "Nothing has been judged. A gate without findings stays closed.",
        "No check was run.",
        "No waiver was asked for, and break-glass was not used.",
        "No lineage was recorded for this version.",
        "No ledger checkpoint is embedded.",
        "The policy names no controls.",
    ):
        assert words in html


@pytest.mark.parametrize("status", [s for s in ObservationStatus if s is not ObservationStatus.MEASURED])
def test_a_check_that_did_not_measure_says_that_it_blocks(
    bare: Callable[..., ReportDocument], status: ObservationStatus
) -> None:
    check = CheckFacts(check="x.y", version="1", title="X", status=status, problem="Out of memory.")
    html = render_html(bare(checks=(check,)))
    assert f"Nothing was measured ({status})." in html
    assert "Out of memory." in html
    assert "blocks the gate like a failed criterion" in html


def test_long_tables_stay_short_on_paper_and_say_where_the_rest_is(bare: Callable[..., ReportDocument]) -> None:
    table = Table(("group", "n"), tuple((f"group {i}", i) for i in range(5000)))
    values = tuple(MetricValue(metric="rate", value=0.5, n=i, feature="place", group=f"group {i}") for i in range(5000))
    check = CheckFacts(
        check="x.y", version="1", title="X", status=ObservationStatus.MEASURED, values=values, tables={"cells": table}
    )
    document = bare(checks=(check,))
    html = render_html(document)
    assert html.count("<tr>") < 60
    assert "first 6 of 5,000 rows" in html
    assert len(json.loads(evidence_bytes(document))["observations"][0]["tables"]["cells"]["rows"]) == 5000


def test_the_words_of_the_report_claim_no_conformity() -> None:
    own = [path.read_text() for path in (TEMPLATES / "reports").rglob("*.*")]
    own.append(Path(wording.__file__).read_text())
    for text in own:
        assert not re.search(r"\bcompl(y|iant|ies|iance)\b|Art\. ?52\b|certified|guarantee", text, re.IGNORECASE)


# -- what may be loaded ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "url",
    [
        "http://evil.example/x.png",
        "https://evil.example/x.css",
        "file:///etc/passwd",
        "ftp://evil.example/x",
        "assay:fonts/../../../etc/passwd",
        "assay:fonts/",
        "data:text/html,<script>",
        "data:image/svg+xml,<svg/>",
        "",
    ],
)
def test_the_fetcher_stops_at_everything_from_outside(url: str) -> None:
    from weasyprint.urls import FatalURLFetchingError

    with pytest.raises(FatalURLFetchingError, match="may load nothing from outside"):
        fetch_embedded(url)


@pytest.mark.parametrize("path", sorted(FONTS.glob("*.?tf")), ids=lambda path: path.name)
def test_the_fetcher_gives_the_shipped_fonts(path: Path) -> None:
    assert fetch_embedded(f"assay:fonts/{path.name}").read() == path.read_bytes()


def test_a_picture_that_asks_for_a_file_ends_the_rendering(
    bare: Callable[..., ReportDocument], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: no document can do this, so a broken chart has to."""
    reaching = '<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><image href="file:///etc/passwd"/></svg>'
    monkeypatch.setattr("audits.reports.charts.timeline", lambda *_, **__: reaching)
    with pytest.raises(RenderError, match="could not be drawn"):
        render_pdf(bare())


def test_nothing_is_drawn_while_failures_would_go_unnoticed(bare: Callable[..., ReportDocument]) -> None:
    logging.disable(logging.CRITICAL)
    try:
        with pytest.raises(RenderError, match="Logging is switched off"):
            to_pdf("<p>", number="R-1", generated_at=bare().identity.generated_at, evidence=b"{}")
    finally:
        logging.disable(logging.NOTSET)


def test_a_page_that_asks_for_a_file_ends_the_rendering(
    bare: Callable[..., ReportDocument], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: no document can do this, so a broken template has to."""
    monkeypatch.setattr("audits.reports.render._html", lambda *_, **__: "<p><img src='file:///etc/passwd'>")
    with pytest.raises(RenderError, match="may load nothing from outside"):
        render_pdf(bare())


# -- PDF ---------------------------------------------------------------------------------------------------------------


def numbers(text: str) -> set[str]:
    """The numbers of a text in the active language."""
    return set(NUMBERS[translation.get_language() or "en"].findall(text))


def leaves(value: Any) -> Iterator[Any]:
    if isinstance(value, dict):
        yield from chain(value, chain.from_iterable(leaves(entry) for entry in value.values()))
    elif isinstance(value, list):
        yield from chain.from_iterable(leaves(entry) for entry in value)
    else:
        yield value


def printable_numbers(evidence: Any) -> set[str]:
    """Every number that paper may show: those of the evidence as they are printed, and how many there are of each."""
    allowed: set[str] = set()
    limits = [float(b) for f in evidence["findings"] for b in (f["at_least"], f["at_most"]) if b is not None]
    for leaf in leaves(evidence):
        if isinstance(leaf, int | float) and not isinstance(leaf, bool):
            forms = {figures.figure(leaf, limit) for limit in limits} | {figures.figure(leaf), str(leaf)}
            allowed |= numbers(" ".join(forms))
        elif isinstance(leaf, str):
            # A sentence of ours, a title or a duty is printed in the reader's language.
            allowed |= numbers(" ".join((leaf, tongue.ours(leaf), tongue.article(leaf), tongue.law(leaf))))
            if re.fullmatch(r"\d{4}-\d\d-\d\dT.*Z", leaf):
                at = datetime.fromisoformat(leaf)
                allowed |= numbers(f"{figures.moment(at)} {at:%H:%M}")
            elif re.fullmatch(r"\d{4}-\d\d-\d\d", leaf):
                allowed |= numbers(figures.day(date.fromisoformat(leaf)))
    lists = [entry for entry in evidence.values() if isinstance(entry, list)]
    lists += [o["values"] for o in evidence["observations"]] + list(evidence["lineage"].values())
    allowed |= {str(count) for entry in lists for count in range(len(entry) + 1)}
    return allowed


def printed_numbers(pdf: Path, html: str) -> set[str]:
    """The numbers of the PDF's text without page numbers, axis ticks and the fixed words of the report."""
    pages = int(re.findall(r"Pages:\s+(\d+)", run("pdfinfo", pdf))[0])
    fixed = {str(page) for page in range(1, pages + 1)}
    for source in (TEMPLATES / "reports").rglob("*.html"):
        words = re.sub(r'\{% translate "([^"]*)" %\}', lambda told: gettext(told[1]), source.read_text())
        fixed |= numbers(re.sub(r"\{[{%#].*?[}%#]\}|<[^>]+>", " ", words))
    for picture in re.findall(r'src="data:image/svg\+xml;base64,([^"]+)"', html):
        ticks = re.findall(r'<text class="tick"[^>]*>([^<]*)', base64.b64decode(picture).decode())
        fixed |= numbers(" ".join(ticks))
    return numbers(run("pdftotext", pdf, "-")) - fixed


@needs("pdftotext")
@pytest.mark.slow
def test_every_number_on_paper_is_in_the_embedded_evidence(
    pdf: Path, closed_document: ReportDocument, tmp_path: Path
) -> None:
    run("pdfdetach", "-save", "1", "-o", tmp_path / "evidence.json", pdf)
    evidence = json.loads((tmp_path / "evidence.json").read_bytes())
    printed = printed_numbers(pdf, render_html(closed_document))
    assert {"0.269", "0.835", "310", "1,480"} <= printed
    assert printed - printable_numbers(evidence) == set()


@needs("pdftotext")
@pytest.mark.slow
def test_every_number_of_a_german_report_is_in_its_evidence(closed_document: ReportDocument, tmp_path: Path) -> None:
    identity = dataclasses.replace(closed_document.identity, language="de")
    document, path = dataclasses.replace(closed_document, identity=identity), tmp_path / "bericht.pdf"
    path.write_bytes(render_pdf(document))
    text = evidence_bytes(document).decode()
    with translation.override("de"):
        printed = printed_numbers(path, render_html(document))
        assert {"0,269", "0,835", "310", "1.480"} <= printed
        assert printed - printable_numbers(json.loads(text)) == set()
        # Planted: a number that the evidence does not hold.
        assert printed - printable_numbers(json.loads(text.replace("0.8347", "0.9347"))) == {"0,835"}


@needs("pdftotext")
@pytest.mark.slow
def test_a_number_that_is_not_in_the_evidence_would_be_noticed(pdf: Path, closed_document: ReportDocument) -> None:
    evidence = json.loads(evidence_bytes(closed_document))
    text = canonical_json(evidence).decode().replace("0.8347", "0.9347")
    missing = printed_numbers(pdf, render_html(closed_document)) - printable_numbers(json.loads(text))
    assert missing == {"0.835"}


@needs("pdfdetach")
@pytest.mark.slow
def test_the_embedded_file_is_the_evidence_whose_digest_is_printed(
    pdf: Path, closed_document: ReportDocument, tmp_path: Path
) -> None:
    run("pdfdetach", "-save", "1", "-o", tmp_path / "evidence.json", pdf)
    evidence = (tmp_path / "evidence.json").read_bytes()
    assert evidence == evidence_bytes(closed_document)
    text = re.sub(r"\s", "", run("pdftotext", pdf, "-"))
    assert digest(evidence) in text
    assert text.count(digest(evidence)[:23]) >= int(re.findall(r"Pages:\s+(\d+)", run("pdfinfo", pdf))[0])


@pytest.mark.slow
def test_the_same_document_gives_the_same_bytes(pdf: Path, closed_document: ReportDocument) -> None:
    assert render_pdf(closed_document) == pdf.read_bytes()


@needs("pdfinfo")
@pytest.mark.slow
def test_the_file_is_tagged_titled_and_dated_by_the_document(pdf: Path) -> None:
    told = run("pdfinfo", "-isodates", pdf)
    assert re.search(r"Tagged:\s+yes", told)
    assert re.search(r"Title:\s+Gate audit report R-2026-0007: Care-programme prioritisation, version 3", told)
    assert re.search(r"CreationDate:\s+2026-11-20T12:01:00Z", told)
    assert re.search(r"JavaScript:\s+no", told)
    packet = run("pdfinfo", "-meta", pdf)
    assert 'pdfaid:part="3"' in packet
    assert 'pdfaid:conformance="A"' in packet
    assert 'pdfuaid:part="1"' in packet
    assert packet.count("<rdf:RDF") == 1


@needs("qpdf")
@pytest.mark.slow
def test_the_file_is_sound(pdf: Path) -> None:
    assert "No syntax or stream encoding errors found" in run("qpdf", "--check", pdf)


@needs("pdfsig")
@needs("certutil")
@needs("openssl")
@pytest.mark.slow
def test_the_commands_that_the_report_prints_confirm_a_sealed_copy(
    pdf: Path, closed_document: ReportDocument, tmp_path: Path
) -> None:
    keyring = Keyring.open(tmp_path / "keys", create=True)
    (tmp_path / "report.pdf").write_bytes(seal_pdf(pdf.read_bytes(), keyring=keyring, reason="Gate audit report"))
    (tmp_path / "ca.pem").write_bytes(keyring.anchor_pem)
    blocks = [unescape(block) for block in re.findall(r"<pre>(.*?)</pre>", render_html(closed_document), re.DOTALL)]
    shell = [block for block in blocks if block.startswith(("mkdir nss", "python3 -c", "pdfdetach"))]
    assert len(shell) == 3
    done = subprocess.run(
        ["bash", "-e", "-c", "\n".join(shell)], cwd=tmp_path, check=True, capture_output=True, text=True
    )  # fmt: skip
    for words in ("Signature is Valid", "Total document signed", "Certificate is Trusted"):
        assert words in done.stdout
    assert "CAdES Verification successful" in done.stderr
    assert digest(evidence_bytes(closed_document)).removeprefix("sha256:") in done.stdout


@needs_vera()
@pytest.mark.slow
@pytest.mark.parametrize("flavour", ["3a", "ua1"])
def test_vera_agrees_before_and_after_sealing(pdf: Path, flavour: str, tmp_path: Path) -> None:
    keyring = Keyring.open(tmp_path / "keys", create=True)
    sealed = tmp_path / "sealed.pdf"
    sealed.write_bytes(seal_pdf(pdf.read_bytes(), keyring=keyring, reason="Gate audit report"))
    said = vera(flavour, pdf, sealed)
    assert (said.returncode, said.stdout.count("compliant: true")) == (0, 2), said.stdout + said.stderr


@needs_vera()
@pytest.mark.slow
def test_vera_would_say_so(tmp_path: Path) -> None:
    """Guards the test above: a PDF that keeps to nothing is told."""
    plain = tmp_path / "plain.pdf"
    plain.write_bytes(HTML(string="<p>Plain</p>").write_pdf())
    said = vera("3a", plain)
    assert (said.returncode, "compliant: false" in said.stdout) == (1, True)


@needs("pdffonts")
@pytest.mark.slow
def test_hostile_words_end_up_on_paper_in_shipped_fonts_and_nowhere_else(
    closed_document: ReportDocument, tmp_path: Path
) -> None:
    path = tmp_path / "hostile.pdf"
    path.write_bytes(render_pdf(hostile(closed_document)))
    names = [line.split()[0] for line in run("pdffonts", path).splitlines()[2:]]
    assert names
    assert all("+Assay-" in name for name in names), names
    text = run("pdftotext", path, "-")
    assert "root:" not in text
    assert "[U+202E]" in text
    assert "\u202egnp" not in text
    assert run("pdfdetach", "-list", path).startswith("1 embedded file")
    cover = run("pdftotext", "-l", "1", path, "-")
    assert "Gate closed" in cover
    assert "This version may not go to" in cover
    assert "Decided 20 November 2026, 12:00:00 UTC" in cover


@needs("pdftotext")
@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "de"])
def test_a_decision_with_many_reasons_stays_on_the_first_page(
    closed_document: ReportDocument, language: str, tmp_path: Path
) -> None:
    reason = (
        "Selection rate difference (age band: under 45) is -0.855 (95 % interval -0.8972 to -0.7994, 110 rows): its "
        "whole interval is below the limit of -0.40."
    )
    decision = dataclasses.replace(closed_document.decision, blocking=(reason,) * 9)
    identity = dataclasses.replace(closed_document.identity, language=language)
    path = tmp_path / "closed.pdf"
    document = dataclasses.replace(closed_document, decision=decision, identity=identity, waivers=())
    path.write_bytes(render_pdf(document))
    second = run("pdftotext", "-f", "2", "-l", "2", path, "-")
    assert {"en": "Contents", "de": "Inhalt"}[language] in second
