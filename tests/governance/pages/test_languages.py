"""The reviewer's pages in German: by the browser's language or by choice, with people's words left as they are."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import translation
from django.utils.html import conditional_escape

from audits.criteria import Outcome
from audits.measurements import ObservationStatus
from audits.reports.parts import CheckFacts, FindingFacts
from audits.reports.tongue import ours
from audits.reports.wording import wording_of
from audits.runs import known_checks
from deploy.build_translations import ROOT
from governance.models import PromotionRequest
from governance.pages.review_page import CheckSection
from governance.policy_versions import LIBRARY, draft_policy
from registry.models import Person
from registry.tongue import called
from tests.audits.reports.test_translations import bare_words
from tests.governance.pages.conftest import Browser

PAGES = ROOT / "templates" / "pages"
VIEWS = sorted((ROOT / "governance" / "pages").glob("*.py"))
#: What a view or a form says to its reader.
SAID = {"label", "help_text", "empty_label", "title", "told", "button", "done", "back_title", "refused"}


@pytest.mark.parametrize("path", sorted(PAGES.rglob("*.html")), ids=lambda path: str(path.relative_to(PAGES)))
def test_no_word_of_a_page_stands_outside_of_a_translation(path: Path) -> None:
    assert set(bare_words(path.read_text(encoding="utf-8"))) <= {
        "Assay",
        "page",
        "narrow",
        "version",
        "credit",
        "door",
        "OpenLineage",
        "PROV",
        "SVG",
        "Mermaid",
        "JSON",
    }


def bare_sayings(source: str) -> list[str]:
    """What a view says in English only: a literal where a reader's words stand, outside of `gettext`."""
    found = []
    for call in ast.walk(ast.parse(source)):
        if not isinstance(call, ast.Call):
            continue
        said = [keyword.value for keyword in call.keywords if keyword.arg in SAID]
        name = ast.unparse(call.func)
        if name in {"ReasonField", "messages.success"} or name.endswith(".add_error"):
            said += call.args
        for value in said:
            parts: tuple[ast.expr, ...] = (value.body, value.orelse) if isinstance(value, ast.IfExp) else (value,)
            if isinstance(value, ast.BoolOp):
                parts = tuple(value.values)
            found += [ast.unparse(part) for part in parts if _is_english(part)]
    return found


def _is_english(part: ast.expr) -> bool:
    texts = [part] if isinstance(part, ast.Constant) else part.values if isinstance(part, ast.JoinedStr) else []
    # A name of a field, such as "due_on", is no sentence.
    return any(re.search("[A-Z]| ", str(text.value)) for text in texts if isinstance(text, ast.Constant) and text.value)


@pytest.mark.parametrize("path", VIEWS, ids=lambda path: path.stem)
def test_nothing_that_a_view_says_stands_outside_of_a_translation(path: Path) -> None:
    assert bare_sayings(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    "source",
    [
        'CharField(label="Name of it")',
        'Act(told=f"Version {number} goes")',
        'Act(refused=_("No.") if a else "It is over.")',
        'Act(refused=refused or "It is over.")',
        'ReasonField("Reason", gettext_lazy("Kept."))',
        'messages.success(request, f"{version} is done.")',
        'self.add_error("due_on", "Say by when.")',
    ],
)
def test_a_bare_saying_of_a_view_would_be_found(source: str) -> None:
    assert len(bare_sayings(source)) == 1


def test_a_translated_saying_is_let_through() -> None:
    assert bare_sayings('Act(told=_("It goes."), back_title=str(version), refused="")') == []


def test_a_page_says_in_german_why_nothing_was_measured() -> None:
    check = CheckFacts(
        check="performance.metrics",
        version="1",
        title="Performance",
        status=ObservationStatus.ERROR,
        problem="target: no row has a label; tag the column that holds it as target",
        notes=("Ordered by score; 3 lists.",),
    )
    section = CheckSection(check=check, findings=(), pictures=(), wording=wording_of(check.check))
    with translation.override("de"):
        page = render_to_string("pages/parts/check.html", {"section": section})
    assert "Es wurde nichts gemessen.</strong> target: keine Zeile hat ein Label; kennzeichnen Sie die Spalte" in page
    left = (check.problem, check.notes[0], section.wording.method, section.wording.reading, section.wording.limits)
    assert [words for words in left if words in page] == []


@pytest.mark.django_db
def test_the_steps_of_running_checks_are_said_in_german(
    asked: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    browser, place = signed_in(victor), reverse("promotion-progress", args=[asked.pk])
    steps = browser.get(place, headers={"accept-language": "de"}).json()["checks"]
    with translation.override("de"):
        assert [step["title"] for step in steps] == [ours(known_checks()[step["check"]].title) for step in steps]
    assert {step["words"] for step in steps} == {"läuft"}
    assert not {step["title"] for step in steps} & {step["title"] for step in browser.get(place).json()["checks"]}


@pytest.mark.django_db
def test_what_happened_is_told_in_german_with_its_details(
    in_review: PromotionRequest, ada: Person, signed_in: Browser
) -> None:
    page = signed_in(ada).get(reverse("ledger"), headers={"accept-language": "de"}).content.decode()
    assert "nach staging, Gate" in page
    assert "fairness.group_metrics: gemessen" in page


@pytest.mark.django_db
def test_a_review_page_speaks_the_readers_language(
    in_review: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    browser, place = signed_in(victor), reverse("promotion", args=[in_review.pk])
    german = browser.get(place, headers={"accept-language": "de"}).content.decode()
    assert '<html lang="de"' in german
    assert "wartet auf Prüfungen" in german
    assert "höchstens 0,20" in german
    assert "Woher diese Version kommt" in german
    assert "Gruppenfairness" in german
    assert in_review.reason in german
    english = browser.get(place).content.decode()
    assert "waiting for reviews" in english
    assert "at most 0.20" in english


@pytest.mark.django_db
def test_the_pages_around_a_review_speak_german(staged: PromotionRequest, ada: Person, signed_in: Browser) -> None:
    slug, number = staged.version.model.slug, staged.version.number
    said = {
        reverse("models"): "Jetzt in seinen Stufen",
        reverse("model", args=[slug]): "Geschichte der Stufen",
        reverse("model-version", args=[slug, number]): "Entscheidungen der Gates",
        reverse("reports"): "Portfoliobericht",
        reverse("policies"): "Richtlinien",
        reverse("policy-version", args=["house_rules", 1]): "Nachweise gelten 30 Tage",
        reverse("ledger"): "in der Reihenfolge, in der es geschah",
        reverse("ledger-entry", args=[0]): "Belegt durch den Baum",
    }
    browser = signed_in(ada)
    for place, words in said.items():
        page = browser.get(place, headers={"accept-language": "de"}).content.decode()
        assert '<html lang="de"' in page, place
        assert words in page, place


@pytest.mark.django_db
def test_the_pages_on_which_people_act_speak_german(
    staged: PromotionRequest, ada: Person, maya: Person, carla: Person, signed_in: Browser
) -> None:
    version, rules = [staged.version.model.slug, staged.version.number], ["house_rules", 1]
    said = {
        (ada, reverse("promotions")): ["Wartet auf mich", ">Offen", ">Alle"],
        (ada, reverse("model-version", args=version)): ["Technische Dokumentation (KI-VO"],
        (ada, reverse("delegations")): ["Vertretungen", "Sie vertreten niemanden"],
        (ada, reverse("delegation-give")): ["Sich vertreten lassen", "Sie prüfen in keiner Rolle"],
        (ada, reverse("authenticators")): ["Ihre Sicherheitsschlüssel", "Einmalcodes anderer"],
        (ada, reverse("authenticator-enrol")): ["Das Geheimnis zeigen", "Ihr Passwort"],
        (ada, reverse("security-key-enrol")): ["Name des Schlüssels", "Berühren Sie Ihren Sicherheitsschlüssel."],
        (ada, reverse("gate-health")): ["Zustand der Gates", "Gruppenfairness von Entscheidungen", "nie gelaufen"],
        (ada, reverse("promotion", args=[staged.pk])): ["Das Gate zu staging ist offen"],
        (maya, reverse("promotion-ask", args=version)): ["Die Beförderung beantragen", "Prüfende lesen es zuerst"],
        (maya, reverse("version-decommission", args=version)): ["endgültig außer Betrieb nehmen"],
        (carla, reverse("metric-choice")): ["Wonach wird gehandelt?", "eine Entscheidung, ja oder nein"],
        (carla, reverse("policy-draft")): ["Text der Richtlinie (YAML)", "Entwerfen"],
        (carla, reverse("policy-recall", args=rules)): ["zurückrufen", "1 Antrag ist an sie gebunden"],
        (carla, reverse("policy-simulate", args=rules)): ["Neu gesperrt", "{done} von {total} vergangenen"],
    }
    left: dict[tuple[str, str], str] = {}
    for (person, place), words in said.items():
        page = signed_in(person).get(place, headers={"accept-language": "de"}).content.decode()
        left |= {(place, word): person.username for word in words if word not in page}
    assert left == {}


@pytest.mark.django_db
def test_a_duty_is_read_in_german(staged: PromotionRequest, ada: Person, signed_in: Browser) -> None:
    place = reverse("coverage", args=[staged.version.model.slug, staged.version.number])
    page = signed_in(ada).get(place, headers={"accept-language": "de"}).content.decode()
    assert "Daten auf mögliche Verzerrungen prüfen" in page
    assert "Examine data" not in page


@pytest.mark.django_db
def test_a_person_chooses_a_language_and_keeps_it(
    in_review: PromotionRequest, victor: Person, signed_in: Browser
) -> None:
    browser = signed_in(victor)
    browser.post(reverse("set_language"), {"language": "de", "next": "/"})
    page = browser.get(reverse("promotions")).content.decode()
    assert "Beförderungsanträge" in page
    assert not re.search(r">\s*Sign out\s*<", page)


@pytest.mark.parametrize("name", sorted(path.stem for path in LIBRARY.glob("*.yaml")))
def test_what_a_policy_of_the_library_says_is_german(name: str, carla: Person, signed_in: Browser) -> None:
    """Its titles and reasons are words of ours, which teams take over as they are."""
    version = draft_policy(actor=carla, source=(LIBRARY / f"{name}.yaml").read_text(encoding="utf-8"))
    client = signed_in(carla)
    told = [
        client.get(place, headers={"accept-language": "de"}).content.decode()
        for place in (reverse("policy-version", args=[name, version.number]), reverse("policies"))
    ]
    rules = version.rules
    criteria = [criterion for gate in rules.gates for criterion in gate.criteria]
    with translation.override("de"):
        german = {ours(text) for one in criteria for text in (one.reason, one.set_by)}
        title, description = ours(rules.title), ours(rules.description)
        excluded = [called(who.replace("_", " ").replace("-", " ")) for gate in rules.gates for who in gate.exclude]
    assert not german & {text for one in criteria for text in (one.reason, one.set_by)}
    assert all(conditional_escape(text) in told[0].partition('id="text"')[0] for text in german)
    assert {title, description}.isdisjoint({rules.title, rules.description})
    assert all(conditional_escape(text) in told[0] for text in (title, description, *excluded))
    assert title in told[1]


@pytest.mark.parametrize("outcome", [Outcome.SATISFIED, Outcome.NOT_SATISFIED])
def test_a_finding_says_the_words_of_the_library_in_german(outcome: Outcome) -> None:
    finding = FindingFacts(
        criterion="legal-basis",
        title="Legal basis",
        check="lineage.completeness",
        metric="personal_datasets_missing_legal_basis",
        outcome=outcome,
        limit="at most 0",
        explanation="",
        reason="Without a digest it cannot be shown later which bytes the model was made from.",
        set_by="Assay policy library 2026-11, for your risk officer to confirm",
        controls=("gdpr-6-1",),
    )
    check = CheckFacts(check=finding.check, version="1", title="Completeness", status=ObservationStatus.MEASURED)
    section = CheckSection(check=check, findings=(finding,), pictures=(), wording=wording_of(check.check))
    with translation.override("de"):
        page = render_to_string("pages/parts/check.html", {"section": section})
        title, reason, limit = (ours(text) for text in (finding.title, finding.reason, finding.limit))
    assert [text for text in (title, reason, limit) if text not in page] == []
    assert [text for text in (finding.title, finding.reason, finding.set_by, finding.limit) if text in page] == []
