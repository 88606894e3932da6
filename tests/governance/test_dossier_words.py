"""Documents that follow a law, as readers meet them: in one language, with what is asked, and whether it is due."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator
from datetime import timedelta
from io import BytesIO

import jsonschema
import pytest
from django.utils import timezone, translation
from weasyprint import HTML

from audits.frameworks.catalogue import Catalogue
from audits.reports.dossier import OUTLINES, DossierDocument, Point
from audits.reports.dossier_pages import chapters
from audits.reports.render import render_html
from audits.reports.seal import seal_pdf
from audits.reports.tongue import ours
from governance.dossiers.data_answers import Data, lacking
from governance.dossiers.documents import NOT_CLASSIFIED, build_dossier
from governance.law.classifications import classify_model
from governance.models import PromotionRequest
from governance.reports.bundle import pack_document
from registry.cards import Card
from registry.models import ModelVersion, Person
from registry.signing import keyring
from tests.governance.law.test_classification_rules import PLAIN
from tests.people import PASSWORD, World

TODAY = timezone.now().date()
KINDS = pytest.mark.parametrize("kind", sorted(OUTLINES))
#: Words of ours that no sentence of a German document holds.
ENGLISH = {"rows", "found", "satisfied", "interval", "licence", "source", "columns", "stored", "kept", "card", "most"}


def sentences(document: DossierDocument) -> Iterator[str]:
    for point in document.points:
        yield from (*point.recorded, *point.hints)


@KINDS
def test_what_the_records_say_is_said_in_german(in_review: PromotionRequest, kind: str) -> None:
    with translation.override("de"):
        for text in sentences(build_dossier(in_review.version, kind=kind, as_of=TODAY)):
            assert not set(re.findall(r"[a-z]+", ours(text))) & ENGLISH, text


@KINDS
def test_no_sentence_of_the_records_names_a_metric_as_programs_do(in_review: PromotionRequest, kind: str) -> None:
    for text in sentences(build_dossier(in_review.version, kind=kind, as_of=TODAY)):
        assert not re.search(r"\b[a-z]+_[a-z_]+(:| (at|between))", text), text


def test_a_criterion_is_told_with_its_metric_its_limit_and_how_it_came_out(in_review: PromotionRequest) -> None:
    document = build_dossier(in_review.version, kind="annex-iv", as_of=TODAY)
    tests = next(point for point in document.points if point.control == "aia-annex4-2-g").recorded
    told = next(text for text in tests if "demographic parity difference" in text)
    assert re.fullmatch(r"[A-Z][\w ]+: demographic parity difference, at most [\d.]+; found [\d.−]+, [a-z ]+\.", told)
    with translation.override("de"):
        assert ", höchstens 0,20; gefunden 0," in ours(told)


# -- What is asked for ------------------------------------------------------------------------------------------------
def test_a_chapter_says_in_words_what_its_points_ask_for(version: ModelVersion) -> None:
    def about(kind: str) -> list[tuple[str, str, bool]]:
        document = build_dossier(version, kind=kind, as_of=TODAY)
        return [(chapter.title, chapter.about, chapter.alone) for chapter in chapters(document.points)]

    assert about("annex-iv")[0] == ("EU AI Act Annex IV, point 1", "General description", False)
    assert about("annex-iv")[4][1:] == ("Describe the Art. 9 risk management system in detail", True)
    assert about("instructions") == [
        ("EU AI Act Art. 13(3)", "Transparency and provision of information to deployers", False)
    ]
    assert [told for _, told, _ in about("art-10")][:2] == [
        "Processing of special categories of personal data for bias detection and correction",
        "Data and data governance",
    ]


@KINDS
def test_every_point_bears_the_official_title_of_its_article(version: ModelVersion, kind: str) -> None:
    catalogue = Catalogue.load()
    for point in build_dossier(version, kind=kind, as_of=TODAY).points:
        assert point.title == catalogue.control(point.control).title


def test_a_reference_that_is_a_chapter_by_itself_is_printed_once_as_heading(version: ModelVersion) -> None:
    page = render_html(build_dossier(version, kind="annex-v", as_of=TODAY))
    assert len(re.findall(r"<h[23]>EU AI Act Annex V, point 3\b", page)) == 1
    assert '<span class="whole">(AI Act, Annex V)</span>' in page


# -- What is due ------------------------------------------------------------------------------------------------------
def test_a_document_says_whether_anybody_has_settled_that_it_is_due(
    world: World, version: ModelVersion, carla: Person
) -> None:
    assert build_dossier(version, kind="fria", as_of=TODAY).owed == NOT_CLASSIFIED

    def classified(**changes: object) -> dict[str, str]:
        answers = {**PLAIN, **changes}
        classify_model(actor=carla, model=world.model, answers=answers, reasons="Read.", password=PASSWORD)
        return {
            kind: build_dossier(version, kind=kind, as_of=TODAY).owed.rpartition(" document ")[2]
            for kind in ("fria", "dpia", "annex-iv", "art-30")
        }

    nothing = {"fria": "is not due.", "dpia": "is not due.", "annex-iv": "is not due.", "art-30": "is not due."}
    assert classified() == nothing
    due = dict.fromkeys(nothing, "is due.")
    deployer = {"role": "deployer", "annex_iii": ["5(b)"], "personal_data": True, "dpia": ["a"]}
    assert classified(**deployer) == {**due, "annex-iv": "is not due."}
    assert classified(**{**deployer, "role": "provider"}) == {**due, "fria": "is not due."}
    with translation.override("de"):
        assert "ist dieses Dokument geschuldet." in ours(build_dossier(version, kind="dpia", as_of=TODAY).owed)
    assert build_dossier(version, kind="fria", as_of=TODAY - timedelta(days=1)).owed == NOT_CLASSIFIED


# -- What the cards leave open ----------------------------------------------------------------------------------------
def test_an_open_point_names_the_data_that_leave_it_open() -> None:
    told = Data(name="a/1", card=Card(personal_data=True, recipients=("the clinic",)))
    silent = Data(name="b/1", card=Card(personal_data=True))
    assert lacking("gdpr-30-1-d", (told, silent)) == ("a/1: the clinic.", "The card of b/1 says nothing to this.")
    assert lacking("gdpr-30-1-d", ()) == ("No registered data behind this version is declared personal.",)
    assert lacking("aia-10-4", ()) == ()
    assert lacking("aia-10-2-e", (silent,)) == ()
    assert lacking("aia-annex4-5", (silent,)) == ()


def test_the_help_of_the_cards_leaves_the_point_open(version: ModelVersion) -> None:
    def of(kind: str) -> dict[str, Point]:
        return {point.control: point for point in build_dossier(version, kind=kind, as_of=TODAY).points}

    recipients = of("art-30")["gdpr-30-1-d"]
    assert recipients.hints
    assert not recipients.recorded
    assert recipients.status == "to be completed"


# -- For machines -----------------------------------------------------------------------------------------------------
@pytest.fixture(scope="module")
def sealed() -> bytes:
    """A page with a seal; the pages of a document take longer to draw, and it is not about them here."""
    page = HTML(string="<html lang=en><title>Page</title><p>Page</p></html>").write_pdf(pdf_variant="pdf/ua-1")
    return seal_pdf(page, keyring=keyring(), reason="Page")


@KINDS
def test_the_bundle_of_a_document_carries_the_schema_that_its_evidence_follows(
    version: ModelVersion, kind: str, sealed: bytes
) -> None:
    document = build_dossier(version, kind=kind, as_of=TODAY)
    with zipfile.ZipFile(BytesIO(pack_document(document, sealed=sealed, facts={}))) as bundle:
        schema, evidence = (json.loads(bundle.read(name)) for name in ("evidence.schema.json", "evidence.json"))
    assert schema["properties"]["schema"]["const"] == evidence["schema"]
    jsonschema.Draft202012Validator(schema).validate(evidence)
