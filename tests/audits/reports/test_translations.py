"""Reports in German: nothing is left untranslated, names and texts of people stay as they are."""

from __future__ import annotations

import dataclasses
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import polib
import pytest
from django.utils import translation

from audits.checks.catalogue import load_checks
from audits.criteria import Outcome
from audits.frameworks.catalogue import FOLDER, Catalogue
from audits.health import MEANINGS
from audits.measurements import ObservationStatus
from audits.reports import figures, tongue, wording
from audits.reports.document import ReportDocument
from audits.reports.dossier import OUTLINES, PointStatus
from audits.reports.parts import Verdict
from audits.reports.render import SUMMARY, render_html
from audits.reports.tongue import ours
from deploy import build_translations
from governance.dossiers.documents import LINEAGE_NOW, NAMES_NOW, REGISTERED_LATER
from governance.models import PromotionRequest, Review
from governance.policies.metric_tree import PROPOSALS, QUESTIONS
from governance.settings import ASSAY_CHECKS
from registry.models import DatasetWithdrawal

ROOT = build_translations.ROOT
LANGUAGES = sorted(path.parts[-3] for path in build_translations.LOCALE.glob("*/LC_MESSAGES/django.po"))
SENTENCES = (Path(__file__).parents[2] / "governance" / "sentences.txt").read_text(encoding="utf-8")


def catalogue(language: str, domain: str) -> polib.POFile:
    return polib.pofile(str(build_translations.LOCALE / language / "LC_MESSAGES" / f"{domain}.po"))


# -- The files --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    entries = {(e.msgid, e.msgid_plural or "", e.msgctxt or "") for e in catalogue(language, "django")}
    assert entries == {(m.text, m.plural, m.context) for m in build_translations.messages()}
    assert [e.msgid for e in catalogue(language, "django") if not e.translated()] == []


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("domain", ["django", "sentences"])
def test_a_translation_names_what_the_message_names(language: str, domain: str) -> None:
    """A part that is lost or misspelt would be a hole in a sentence, or an error while a report is drawn."""
    part = re.compile(r"%\(\w+\)s|\{\w+\}")
    for entry in catalogue(language, domain):
        wanted = set(part.findall(entry.msgid))
        for said in entry.msgstr_plural.values() if entry.msgid_plural else [entry.msgstr]:
            assert set(part.findall(said)) == wanted, entry.msgid


@pytest.mark.parametrize(
    "path", sorted(build_translations.LOCALE.glob("*/LC_MESSAGES/*.po")), ids=lambda path: path.name
)
def test_what_ships_is_what_the_translators_wrote(path: Path) -> None:
    assert path.with_suffix(".mo").read_bytes() == build_translations.compiled(path)


def test_a_message_without_a_translation_would_be_found() -> None:
    """Planted: a new message, a plural, and a context."""
    told = set(build_translations.in_python('_("A"); ngettext("one", "many", n); pgettext("c", "B"); other("C")'))
    message = build_translations.Message
    assert told == {message("A"), message("one", plural="many"), message("B", context="c")}
    page = '{% translate "A" %}{% blocktranslate with x=y %}B {{ x }}{% endblocktranslate %}{{ z|default:_("C") }}'
    assert {m.text for m in build_translations.in_template(page)} == {"A", "B %(x)s", "C"}
    made = build_translations.updated(polib.POFile(), {message("A"): ["x.html"]})
    assert [e.msgid for e in made if not e.translated()] == ["A"]


class Words(HTMLParser):
    """The words of a template that stand outside of every tag, comment and translation."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self._silent = 0
        self.feed(source)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._silent += tag in {"style", "script", "pre", "code"}
        self.found += [v for name, v in attrs if name in {"alt", "title", "aria-label", "placeholder"} and v]

    def handle_endtag(self, tag: str) -> None:
        self._silent -= tag in {"style", "script", "pre", "code"}

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self.found.append(data)


def bare_words(source: str) -> list[str]:
    source = re.sub(r"\{%\s*blocktranslate.*?endblocktranslate\s*%\}", "", source, flags=re.DOTALL)
    source = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", "", source, flags=re.DOTALL)
    return [word for text in Words(source).found for word in re.findall(r"[A-Za-z]{2,}", text)]


@pytest.mark.parametrize("path", sorted((ROOT / "templates" / "reports").rglob("*.html")), ids=lambda path: path.name)
def test_no_word_of_a_report_stands_outside_of_a_translation(path: Path) -> None:
    assert set(bare_words(path.read_text(encoding="utf-8"))) <= {
        "Assay",
        "dossier",
        "summary",
        "explanation",
        "portfolio",
    }


def test_a_bare_word_would_be_found() -> None:
    assert bare_words("<p class='x'>{% translate 'a b' %} left {{ here }}</p><img alt='too'>") == ["left", "too"]


# -- What the records say ---------------------------------------------------------------------------------------------
def vocabulary() -> list[str]:
    """Every fixed word and sentence that a report takes from the records or the code rather than from a template."""
    checks = load_checks(ASSAY_CHECKS).values()
    texts = [wording.GENERAL, *wording.CHECKS.values()]
    return [
        *(check.title for check in checks),
        *(wording.metric_in_words(metric) for check in checks for metric in check.metrics),
        *(text for words in texts for text in (words.method, words.reading, words.limits)),
        *(word for _, word in wording.OUTCOMES.values()),
        *(word for _, word in wording.POINTS.values()),
        *(str(status) for status in (*PointStatus, *Verdict, *ObservationStatus)),
        *(outline.title for outline in OUTLINES.values()),
        *(str(word) for word in (*Review.Verdict.values, *Review.Meaning.labels)),
        *(str(word) for word in (*DatasetWithdrawal.Kind.labels, *PromotionRequest.State.labels)),
        *(question.text for question in QUESTIONS.values()),
        *(question.help for question in QUESTIONS.values()),
        *(option.text for question in QUESTIONS.values() for option in question.options),
        *(text for proposal in PROPOSALS.values() for text in (proposal.title, proposal.why)),
        "Gate audit report",
        *(NAMES_NOW, LINEAGE_NOW, REGISTERED_LATER),
    ]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_word_of_the_records_has_its_translation(language: str) -> None:
    known = {entry.msgid for entry in catalogue(language, "sentences") if entry.msgstr}
    assert [word for word in vocabulary() if word not in known] == []


@pytest.mark.parametrize("meaning", MEANINGS.values())
def test_what_the_record_of_a_check_means_is_said_in_german(meaning: str) -> None:
    with translation.override("de"):
        assert ours(meaning) != meaning


def test_every_sentence_of_a_gate_is_said_in_german() -> None:
    """The sentences are those that the gate's own tests have collected; the words of criteria are the test's."""
    told = re.findall(r"^(?:met|blocking|disregarded|overridden) \S+ \[[^]]*\] (.+)$", SENTENCES, re.MULTILINE)
    assert len(told) > 100
    with translation.override("de"):
        left = {text for text in told if ours(text) == text and not text.endswith("was looked at.")}
    assert left == set()


@pytest.mark.parametrize("outcome", Outcome)
def test_a_sentence_keeps_its_numbers_names_and_meaning(outcome: Outcome) -> None:
    said = (
        "Selection rate (error: high and low) is 0.41 (95 % interval 0.33 to 0.49, 1120 rows): its whole interval is "
        "above the limit of 0.20."
    )
    with translation.override("de"):
        assert ours(said) == (
            "Auswahlrate (error: high and low) ist 0,41 (95-%-Intervall 0,33 bis 0,49, 1120 Zeilen): sein ganzes "
            "Intervall liegt über der Grenze von 0,20."
        )
        assert ours(wording.OUTCOMES[outcome][1]) != wording.OUTCOMES[outcome][1]


@pytest.mark.parametrize("text", ["We looked at it and it is fine.", "", " ", "{what} is {value}", "a: b" * 900])
def test_what_a_person_said_stays_as_it_is(text: str) -> None:
    with translation.override("de"):
        assert ours(text) == text


def test_every_control_says_when_it_applies_in_german() -> None:
    found = Catalogue.load()
    english = {"binding", "upcoming", "unsettled", "applies", "since", "December", "voluntary", "and"}
    with translation.override("de"):
        for control in found.all():
            text = ours(found.effective(control, found.frameworks[0].retrieved).text)
            assert not english & set(re.findall(r"[A-Za-z]+", text)), text


LAWS = sorted((FOLDER / "languages").glob("*.json"))


@pytest.mark.parametrize("path", LAWS, ids=lambda path: path.stem)
def test_every_title_and_every_duty_of_the_catalogue_is_said_in_the_language(path: Path) -> None:
    """The English words are the key: where they change, the translation is missed here."""
    told: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    controls = Catalogue.load().all()
    assert {*told["titles"], *told["left_in_english"]} == {control.title for control in controls}
    assert set(told["duties"]) == {version.duty for control in controls for version in control.versions}
    assert all(said.strip() for said in (*told["titles"].values(), *told["duties"].values()))
    assert told["source"]


@pytest.mark.parametrize("path", LAWS, ids=lambda path: path.stem)
def test_a_translated_duty_cites_the_same_places_and_numbers(path: Path) -> None:
    def places(text: str) -> set[str]:
        return set(re.findall(r"\d+(?:\w?(?:\(\w+\))+)|\d{2,}", text.replace("7.5", "7,5")))

    told: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["duties"]
    assert {duty: said for duty, said in told.items() if places(duty) != places(said)} == {}


@pytest.mark.parametrize("path", LAWS, ids=lambda path: path.stem)
def test_a_translated_duty_says_what_the_linter_allows(path: Path) -> None:
    told: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["duties"]
    assert [said for said in told.values() if re.search(r"\b(ist|sind) (\w+)?konform\b|rechtskonform", said)] == []


# -- The report -------------------------------------------------------------------------------------------------------
def test_numbers_and_days_are_written_as_the_language_writes_them() -> None:
    with translation.override("de"):
        assert figures.figure(1234.5678) == "1.234,568"
        assert figures.count(12345) == "12.345"
        assert figures.day(Catalogue.load().frameworks[0].retrieved) == "20. November 2026"
    assert figures.figure(1234.5678) == "1,234.568"


@pytest.mark.parametrize("layout", [None, SUMMARY])
def test_a_german_report_is_german_and_its_evidence_the_same(closed_document: ReportDocument, layout: Any) -> None:
    identity = dataclasses.replace(closed_document.identity, language="de")
    page = render_html(dataclasses.replace(closed_document, identity=identity), layout)
    assert '<html lang="de">' in page
    assert "Gate geschlossen" in page
    assert "höchstens 0,20" in page
    shown = re.sub(r"<(style|script|pre|code).*?</\1>|<[^>]+>", " ", page, flags=re.DOTALL)
    words = set(re.findall(r"\b[a-z]+\b", shown))
    english = {"the", "are", "not", "satisfied", "inconclusive", "until", "awaiting", "supports", "version", "rows"}
    assert words & english <= spoken(closed_document)


def spoken(document: ReportDocument) -> set[str]:
    """The words that people and policies said, which are quoted as they are."""
    texts = json.dumps(
        [
            [[f.title, f.reason, f.explanation, f.set_by] for f in document.findings],
            [[r.reason, r.meaning, r.why_not, r.method] for r in document.reviews],
            [[w.justification, w.compensating_control] for w in document.waivers],
            [[c.duty, c.why, c.title] for c in document.controls],
            [[c.title, c.problem, list(c.notes)] for c in document.checks],
            [[p.what, p.owner] for p in document.open_points],
            [*document.decision.blocking, *document.decision.met, document.request.reason, document.subject.purpose],
            [[n.label, n.detail, n.problem] for n in document.lineage.nodes],
        ]
    )
    return set(re.findall(r"\b[a-z]+\b", texts))


def test_a_language_without_files_is_english() -> None:
    with translation.override("fr"):
        assert ours("satisfied") == "satisfied"
        assert tongue.article("Human oversight") == "Human oversight"
