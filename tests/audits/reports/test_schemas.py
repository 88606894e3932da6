"""The published schemas: valid themselves, held by the evidence of every document, refusing what is no evidence."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from jsonschema import Draft202012Validator, FormatChecker, ValidationError

from audits.reports.document import ReportDocument
from audits.reports.render import evidence_bytes
from audits.reports.schemas import SCHEMAS, _Schemas
from tests.audits.reports.test_documents_on_paper import dossier


def held(name: str, evidence: Any) -> None:
    Draft202012Validator(SCHEMAS[name](), format_checker=FormatChecker()).validate(evidence)


def evidence_of(document: Any) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(evidence_bytes(document))
    return told


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_schema_is_a_schema(name: str) -> None:
    Draft202012Validator.check_schema(SCHEMAS[name]())


def test_the_evidence_of_a_report_holds_its_schema(
    closed_document: ReportDocument, open_document: ReportDocument, bare: Callable[..., ReportDocument]
) -> None:
    for document in (closed_document, open_document, bare()):
        held("report", evidence_of(document))


@pytest.mark.parametrize("answer", ["", "Said and signed."])
def test_the_evidence_of_a_dossier_holds_its_schema(closed_document: ReportDocument, answer: str) -> None:
    held("dossier", evidence_of(dossier(closed_document, "annex-iv", answer=answer, final=bool(answer))))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda evidence: evidence.pop("decision"),
        lambda evidence: evidence["decision"].update(outcome=1),
        lambda evidence: evidence["report"].update(generated_at="yesterday"),
        lambda evidence: evidence["findings"][0].update(outcome="fine"),
        lambda evidence: evidence["controls"][0].update(verdict="compliant"),
        lambda evidence: evidence["observations"][0].pop("check_version"),
        lambda evidence: evidence["comparison"]["rows"][0].append(1),
        lambda evidence: evidence.update(surprise=True),
        lambda evidence: evidence.update(schema="assay.report/2"),
    ],
)
def test_what_is_not_evidence_is_refused(closed_document: ReportDocument, spoil: Callable[[Any], Any]) -> None:
    evidence = evidence_of(closed_document)
    spoil(evidence)
    with pytest.raises(ValidationError):
        held("report", evidence)


def test_evidence_from_before_a_field_came_stays_valid(closed_document: ReportDocument) -> None:
    evidence = evidence_of(closed_document)
    del evidence["comparison"]["note"]
    held("report", evidence)


def test_a_type_without_a_place_in_evidence_is_refused() -> None:
    with pytest.raises(TypeError, match="no place in evidence"):
        _Schemas().of(complex)
