"""Other forms of the report: the same verdict everywhere, and never green where the gate is closed."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from defusedxml import ElementTree
from markdown_it import MarkdownIt

from audits.criteria import Outcome
from audits.reports.document import ReportDocument
from audits.reports.formats import FORMATS
from audits.reports.render import evidence_bytes

SHARED = Path(__file__).parents[4] / "shared"
HOSTILE = "<script>x</script> | ![i](http://evil.example/x) @all `code` ]]> \x00\u202e\n# heading"


def rendered(name: str, document: ReportDocument) -> str:
    return FORMATS[name].render(document)


def with_outcome(document: ReportDocument, outcome: Outcome, *, waived: bool = False) -> ReportDocument:
    finding = dataclasses.replace(document.findings[0], outcome=outcome, waived=waived)
    return dataclasses.replace(document, findings=(finding,))


def wild(document: ReportDocument) -> ReportDocument:
    finding = dataclasses.replace(
        document.findings[0], title=HOSTILE, criterion=HOSTILE, explanation=HOSTILE, limit=HOSTILE
    )
    return dataclasses.replace(
        document,
        subject=dataclasses.replace(document.subject, name=HOSTILE, model=HOSTILE),
        decision=dataclasses.replace(document.decision, blocking=(HOSTILE,)),
        findings=(finding,),
    )


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_the_same_document_gives_the_same_text(name: str, closed_document: ReportDocument) -> None:
    assert rendered(name, closed_document) == rendered(name, closed_document)


def test_json_is_the_embedded_evidence(closed_document: ReportDocument) -> None:
    assert rendered("json", closed_document).encode() == evidence_bytes(closed_document)


# -- JUnit -------------------------------------------------------------------------------------------------------------


def junit(document: ReportDocument) -> Any:
    return ElementTree.fromstring(rendered("junit", document))


def test_a_closed_gate_is_red_in_junit_even_if_every_criterion_is_satisfied(closed_document: ReportDocument) -> None:
    root = junit(with_outcome(closed_document, Outcome.SATISFIED))
    gate = next(suite for suite in root.iter("testsuite") if suite.attrib["name"] == "gate")
    assert gate.attrib["failures"] == "1"


def test_an_open_gate_is_green_in_junit(open_document: ReportDocument) -> None:
    root = junit(open_document)
    assert len(list(root.iter("testcase"))) >= 3
    assert list(root.iter("failure")) == list(root.iter("error")) == list(root.iter("skipped")) == []


@pytest.mark.parametrize(
    ("outcome", "waived", "mark"),
    [
        (Outcome.NOT_SATISFIED, False, "failure"),
        (Outcome.INCONCLUSIVE, False, "failure"),
        (Outcome.ERROR, False, "error"),
        (Outcome.TIMED_OUT, False, "error"),
        (Outcome.NOT_RUN, False, "error"),
        (Outcome.NOT_SATISFIED, True, "skipped"),
    ],
)
def test_whatever_is_not_satisfied_is_marked_in_junit(
    open_document: ReportDocument,
    outcome: Outcome,
    waived: bool,  # noqa: FBT001 - a column of the table above
    mark: str,
) -> None:
    root = junit(with_outcome(open_document, outcome, waived=waived))
    assert [element.tag for case in root.iter("testcase") for element in case] == [mark]


def test_a_finding_whose_check_has_no_observation_is_still_told(
    bare: Callable[..., ReportDocument], closed_document: ReportDocument
) -> None:
    root = junit(bare(findings=closed_document.findings[-1:]))
    assert [case.attrib["name"] for case in root.iter("testcase")] == ["missing-values", "decision"]


def test_hostile_words_stay_words_in_junit(closed_document: ReportDocument) -> None:
    tags = {element.tag for element in junit(wild(closed_document)).iter()}
    assert tags <= {"testsuites", "testsuite", "testcase", "failure", "error", "skipped"}


# -- SARIF -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", [lambda document: document, wild], ids=["tame", "hostile"])
def test_sarif_follows_its_schema(
    closed_document: ReportDocument, make: Callable[[ReportDocument], ReportDocument]
) -> None:
    schemas = sorted((SHARED / "payloads" / "schemas" / "sarif").glob("*.json"))
    if not schemas:
        pytest.skip("the SARIF schema is not beside this repository")
    schema = json.loads(schemas[0].read_text())
    jsonschema.Draft7Validator(schema).validate(json.loads(rendered("sarif", make(closed_document))))


@pytest.mark.parametrize("outcome", [outcome for outcome in Outcome if outcome is not Outcome.SATISFIED])
def test_whatever_is_not_satisfied_is_an_error_in_sarif(open_document: ReportDocument, outcome: Outcome) -> None:
    results = json.loads(rendered("sarif", with_outcome(open_document, outcome)))["runs"][0]["results"]
    assert [(r["kind"], r["level"]) for r in results] == [("fail", "error"), ("pass", "none")]


def test_a_live_waiver_is_a_suppression_in_sarif(closed_document: ReportDocument) -> None:
    results = json.loads(rendered("sarif", closed_document))["runs"][0]["results"]
    suppressed = {r["ruleId"]: r["suppressions"][0]["status"] for r in results if "suppressions" in r}
    assert suppressed == {"selection-rate-age": "accepted"}


# -- Markdown ----------------------------------------------------------------------------------------------------------


def test_markdown_tells_the_decision_the_people_and_the_findings(closed_document: ReportDocument) -> None:
    text = rendered("markdown", closed_document)
    assert text.startswith("# ◆ Gate closed: Care\\-programme prioritisation, version 3")
    assert "**Development seal — not for production.**" in text
    assert "awaiting 1 × risk officer" in text
    assert "| at most 0.20 | 0.269 |" in text
    assert "◆ not satisfied, waived |" in text or "inconclusive, waived |" in text


def test_hostile_words_stay_words_in_markdown(closed_document: ReportDocument) -> None:
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(rendered("markdown", wild(closed_document)))
    assert "<script" not in html
    assert "<img" not in html
    assert "<a " not in html
    assert html.count("<h1") == 1
    assert "<th>Criterion</th>" in html
