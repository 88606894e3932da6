"""What is written about law is held against the catalogue; each planted claim that cannot be upheld is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from audits.frameworks import lint
from audits.frameworks.catalogue import Catalogue
from audits.frameworks.citations import citations, controls_of

CATALOGUE = Catalogue.load()


def found(text: str) -> list[str]:
    return [defect.problem for defect in lint.defects(text, "x.md", CATALOGUE)]


def test_everything_that_ships_can_be_upheld() -> None:
    assert [place for place in lint.PLACES if not any(lint.ROOT.glob(place))] == [], "this place holds nothing any more"
    files = lint.shipped_files()
    assert {"README.md", "high_risk.yaml", "gate_report.html"} <= {path.name for path in files}
    assert lint.check(files) == []


# -- References -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "See Art. 10(2)(f) of the AI Act.",
        "See Article 10(2) AI Act and GDPR Art. 22.",
        "Annex III, point 5(b), and Annex I of the AI Act.",
        "Art. 2(2) and Art. 2(6) are about scope.",
        "Recital 71 of the GDPR explains it.",
        "GDPR Art. 35(3) lists them.",
        "It follows from Art. 4a.",
        "Art. 10(5) was repealed; its successor is Art. 4a.",
        "Siehe Artikel 10 der KI-Verordnung und Anhang IV.",
    ],
)
def test_a_reference_that_the_catalogue_knows_passes(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("See Art. 150.", "Art. 150 is not a reference"),
        ("See Art. 10(9) of the AI Act.", "Art. 10(9) is not a reference"),
        ("See Art. 10(2)(z) of the AI Act.", "EU AI Act Art. 10(2)(z) is not a reference"),
        ("See Annex XX.", "Annex XX is not a reference"),
        ("See GDPR Art. 73.", "GDPR Art. 73 is not a reference"),
        ("See Recital 71 of the AI Act.", "EU AI Act Recital 71 is not a reference"),
        ("See AI Act Art. 10(5).", "Art. 10(5) is repealed; see Art. 4a(1)"),
    ],
)
def test_an_unknown_or_repealed_reference_is_named(text: str, problem: str) -> None:
    assert any(problem in defect for defect in found(text)), found(text)


def test_a_reference_belongs_to_the_framework_that_is_named_nearest() -> None:
    text = "AI Act Art. 10(2)(f) and GDPR Art. 22(1)"
    assert [(citation.place, citation.framework) for citation in citations(text)] == [
        ("Art. 10", "EU AI Act"),
        ("Art. 22", "GDPR"),
    ]


def test_a_range_of_paragraphs_is_each_of_them() -> None:
    (citation,) = citations("AI Act Art. 2(2)")
    assert [control.id for control in controls_of(citation, CATALOGUE)] == ["aia-2"]


# -- Words ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "text",
    [
        "The model is compliant.",
        "This makes you GDPR-ready.",
        "It complies with the AI Act.",
        "It is in conformity with the law.",
        "Das Modell ist DSGVO-konform.",
        "Eine konforme Version.",
        "Sie entspricht der KI-Verordnung.",
        "Das Modell erfüllt die Anforderungen der DSGVO.",
        "A NON-COMPLIANT version is blocked.",
    ],
)
def test_words_that_pronounce_on_conformity_are_named(text: str) -> None:
    assert any("pronounces on conformity" in problem for problem in found(text))


def test_the_assessment_of_conformity_may_be_named_in_german() -> None:
    assert found("Die Konformitätsbewertung steht in Art. 43 der KI-Verordnung.") == []


def test_the_compliance_officer_may_be_named() -> None:
    assert found("The compliance officer drafts the policy. Evidence supports the control.") == []


def test_a_bad_word_may_be_quoted_with_a_reason() -> None:
    assert found("A report never says compliant. <!-- law: quoted, the word is forbidden here -->") == []


@pytest.mark.parametrize(
    "text",
    [
        "Art. 52 of the AI Act is about transparency.",
        "Transparency (Art. 52).",
        "Art. 12 needs tamper-evident logs.",
        "Artikel 12 meint ein manipulationssicheres Protokoll.",
        "The AI Act sets the four-fifths rule.",
    ],
)
def test_invented_duties_are_named(text: str) -> None:
    assert any("invented duty" in problem for problem in found(text)), found(text)


# -- Kinds of claims --------------------------------------------------------------------------------------------------
def test_a_duty_without_its_kind_is_named() -> None:
    assert any("without its kind" in problem for problem in found("Art. 12(1) requires logs."))
    assert any("without its kind" in problem for problem in found("The GDPR forbids it."))
    assert found("A policy must name its author.") == []


@pytest.mark.parametrize(
    "text",
    [
        "Art. 12(1) requires logs. <!-- law: required-by aia-12-1 -->",
        "Art. 12(1) requires logs. {# law: required-by aia-12-1 #}",
        "# Art. 12(1) requires logs.\n# law: required-by aia-12-1",
        "The table helps with Art. 10(2)(f), which requires an examination. <!-- law: supports aia-10-2-f -->",
        "Whether Art. 6(3) applies must be judged. <!-- law: human-judgement -->",
    ],
)
def test_a_claim_of_a_kind_passes(text: str) -> None:
    assert found(text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("It must. <!-- law: required-by aia-99-x -->", "aia-99-x is not a control"),
        ("It must. <!-- law: required-by -->", "names no control"),
        ("It must. <!-- law: supports -->", "names no control"),
        ("It must. <!-- law: supports aia-10-5 -->", "aia-10-5 is repealed"),
        ("It must. <!-- law: required-by aia-95-1 -->", "aia-95-1 obliges nobody"),
        ("It must. <!-- law: required-by nist-map-1 -->", "nist-map-1 obliges nobody"),
        (
            "Art. 13(1) requires it. <!-- law: required-by aia-12-1 -->",
            "aia-12-1 is not at a place",
        ),
        ("It must. <!-- law: perhaps aia-12-1 -->", "perhaps is no kind of claim"),
    ],
)
def test_a_claim_that_the_catalogue_does_not_hold_is_named(text: str, problem: str) -> None:
    assert any(problem in defect for defect in found(text)), found(text)


def test_a_mark_speaks_for_its_own_paragraph_only() -> None:
    text = "Art. 12(1) requires logs. <!-- law: required-by aia-12-1 -->\n\nArt. 12(1) requires logs."
    assert [(defect.line, "kind" in defect.problem) for defect in lint.defects(text, "x", CATALOGUE)] == [(3, True)]


# -- The command ------------------------------------------------------------------------------------------------------
def test_the_command_fails_on_a_file_that_cannot_be_upheld(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.md"
    bad.write_text("# Title\n\nSee Art. 150.\n")
    assert lint.main([str(bad)]) == 1
    assert "bad.md:3: Art. 150 is not a reference" in capsys.readouterr().out
    bad.write_bytes(b"\xff")
    assert lint.main([str(bad)]) == 1
    bad.write_text("Nothing about law.")
    assert lint.main([str(bad)]) == 0
