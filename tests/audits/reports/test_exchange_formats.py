"""OSCAL, CycloneDX and model cards: valid for strangers, without a claim of conformity or a lost reference."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from markdown_it import MarkdownIt

from audits.criteria import Outcome
from audits.frameworks.catalogue import Catalogue
from audits.frameworks.oscal import identifiers
from audits.oscal import dangling
from audits.reports.document import ReportDocument
from audits.reports.formats import FORMATS
from audits.reports.formats.oscal import DanglingReferenceError
from audits.reports.parts import ControlFacts, Verdict

SCHEMAS = Path(__file__).parents[4] / "shared" / "payloads" / "schemas"
HOSTILE = "<script>x</script> \x00\u202e\n# heading\n--- {{ 7*7 }} \u200b"

Build = Callable[..., ReportDocument]


def catalogued(document: ReportDocument) -> ReportDocument:
    """The document with controls that the catalogue holds, one for each verdict."""
    names = dict(zip(Verdict, ("aia-10-2-f", "aia-10-2-g", "aia-13-1", "aia-14-1", "gdpr-44"), strict=True))
    catalogue = Catalogue.load()
    first = document.findings[0].criterion if document.findings else ""
    found = tuple((verdict, catalogue.control(name)) for verdict, name in names.items())
    controls = tuple(
        ControlFacts(
            id=control.id, framework=control.framework, reference=control.reference, title=control.title,
            duty=control.duty, effective="binding", verdict=verdict, findings=(first,) if first else (),
        )
        for verdict, control in found
    )  # fmt: skip
    return dataclasses.replace(document, controls=controls)


def wild(document: ReportDocument) -> ReportDocument:
    finding = dataclasses.replace(document.findings[0], title=HOSTILE, explanation=HOSTILE, limit=HOSTILE)
    review = dataclasses.replace(document.reviews[0], name=HOSTILE, role=HOSTILE, reason=HOSTILE)
    return dataclasses.replace(
        document,
        subject=dataclasses.replace(document.subject, name=HOSTILE, model=HOSTILE, purpose=HOSTILE, framework=HOSTILE),
        request=dataclasses.replace(document.request, reason=HOSTILE),
        findings=(finding, *document.findings[1:]),
        reviews=(review,),
    )


def tame(document: ReportDocument) -> ReportDocument:
    return document


def made(name: str, document: ReportDocument) -> Any:
    return json.loads(FORMATS[name].render(catalogued(document)))


VARIANTS = pytest.mark.parametrize("change", [tame, wild])


# -- OSCAL -------------------------------------------------------------------------------------------------------------
@VARIANTS
def test_trestle_reads_the_assessment_results(
    closed_document: ReportDocument, change: Callable[[ReportDocument], ReportDocument]
) -> None:
    from trestle.oscal.assessment_results import AssessmentResults

    read = AssessmentResults.parse_obj(made("oscal", change(closed_document))["assessment-results"])
    assert len(read.results[0].findings or ()) == 4


def test_trestle_reads_a_report_without_anything(bare: Build) -> None:
    from trestle.oscal.assessment_results import AssessmentResults

    read = AssessmentResults.parse_obj(json.loads(FORMATS["oscal"].render(bare()))["assessment-results"])
    assert read.results[0].findings is None


def test_the_assessment_results_follow_their_schema(closed_document: ReportDocument) -> None:
    path = SCHEMAS / "oscal_assessment_results.trestle-derived.schema.json"
    if not path.exists():
        pytest.skip("the OSCAL schema is not beside this repository")
    jsonschema.Draft202012Validator(json.loads(path.read_text())).validate(made("oscal", closed_document))


@VARIANTS
def test_every_reference_of_the_assessment_results_leads_somewhere(
    closed_document: ReportDocument, change: Callable[[ReportDocument], ReportDocument]
) -> None:
    document = made("oscal", change(closed_document))
    assert dangling(document, identifiers(Catalogue.load(), closed_document.identity.as_of)) == ()
    # Without the catalog that it imports, the controls are lost: the check sees them.
    assert dangling(document)


def test_assessment_results_that_would_lose_a_reference_are_not_written(
    closed_document: ReportDocument, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("audits.reports.formats.oscal.statement_of", lambda name: f"{name}_gone")
    with pytest.raises(DanglingReferenceError, match="aia-10-2-f_gone"):
        FORMATS["oscal"].render(catalogued(closed_document))


@pytest.mark.parametrize(
    ("verdict", "state", "reason"),
    [
        (Verdict.SUPPORTS, "satisfied", "pass"),
        (Verdict.DOES_NOT_SUPPORT, "not-satisfied", "fail"),
        (Verdict.NOT_ASSESSED, "not-satisfied", "other"),
        (Verdict.AWAITING_A_PERSON, "not-satisfied", "other"),
    ],
)
def test_only_what_evidence_supports_is_satisfied(
    closed_document: ReportDocument, verdict: Verdict, state: str, reason: str
) -> None:
    found = {
        next(p["value"] for p in finding["props"] if p["name"] == "verdict"): finding["target"]["status"]
        for finding in made("oscal", closed_document)["assessment-results"]["results"][0]["findings"]
    }
    assert (found[verdict.value]["state"], found[verdict.value]["reason"]) == (state, reason)
    assert "no statement that a duty is fulfilled" in found[verdict.value]["remarks"]


def test_what_does_not_apply_is_excluded_and_the_decision_is_a_property(closed_document: ReportDocument) -> None:
    result = made("oscal", closed_document)["assessment-results"]["results"][0]
    selection = result["reviewed-controls"]["control-selections"][0]
    assert selection["exclude-controls"] == [{"control-id": "gdpr-44"}]
    assert ("gate-decision", "closed") in {(p["name"], p["value"]) for p in result["props"]}
    assert [risk["status"] for risk in result["risks"]] == ["deviation-approved", "deviation-requested"]


def test_a_control_that_was_not_law_on_the_day_is_left_out(closed_document: ReportDocument) -> None:
    old = dataclasses.replace(closed_document.identity, as_of=date(2020, 1, 1))
    result = made("oscal", dataclasses.replace(closed_document, identity=old))["assessment-results"]["results"][0]
    assert "findings" not in result


# -- CycloneDX ---------------------------------------------------------------------------------------------------------
@VARIANTS
def test_cyclonedx_is_valid_for_the_strict_validator(
    closed_document: ReportDocument, change: Callable[[ReportDocument], ReportDocument]
) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    text = FORMATS["cyclonedx"].render(catalogued(change(closed_document)))
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None


def test_a_bill_of_materials_without_anything_is_valid(bare: Build) -> None:
    from cyclonedx.schema import SchemaVersion
    from cyclonedx.validation.json import JsonStrictValidator

    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(FORMATS["cyclonedx"].render(bare())) is None


def test_every_reference_of_the_bill_of_materials_leads_somewhere(closed_document: ReportDocument) -> None:
    bom = made("cyclonedx", closed_document)
    text = json.dumps(bom)
    declared = set(re.findall(r'"bom-ref": "([^"]+)"', text))
    assert len(re.findall(r'"bom-ref": ', text)) == len(declared)
    referred = {entry for row in bom["dependencies"] for entry in (row["ref"], *row["dependsOn"])}
    for mapped in bom["declarations"]["attestations"][0]["map"]:
        referred |= {mapped["requirement"], *mapped["claims"], *mapped["counterClaims"]}
    for claim in bom["declarations"]["claims"]:
        referred |= {claim["target"], *claim["evidence"]}
    assert referred <= declared


def test_a_claim_that_is_not_satisfied_speaks_against_the_requirement(closed_document: ReportDocument) -> None:
    bom = made("cyclonedx", closed_document)
    claims = dict(zip((f.criterion for f in closed_document.findings), bom["declarations"]["claims"], strict=True))
    open_ = {claims[f.criterion]["bom-ref"] for f in closed_document.findings if f.outcome is not Outcome.SATISFIED}
    for mapped in bom["declarations"]["attestations"][0]["map"]:
        assert not open_ & set(mapped["claims"])
        assert set(mapped["counterClaims"]) <= open_
        assert "conformance" not in mapped


def test_the_model_depends_on_its_data_through_the_jobs_between(closed_document: ReportDocument) -> None:
    rows = {row["ref"]: row["dependsOn"] for row in made("cyclonedx", closed_document)["dependencies"]}
    assert rows["model"] == ["dataset:evaluation/4", "dataset:train/4"]
    assert rows["dataset:train/4"] == ["dataset:cohort/4"]


# -- Model cards -------------------------------------------------------------------------------------------------------
@VARIANTS
def test_the_hub_reads_the_metadata_of_the_model_card(
    closed_document: ReportDocument, change: Callable[[ReportDocument], ReportDocument]
) -> None:
    text = FORMATS["model-card"].render(change(closed_document))
    _, head, body = text.split("---\n", 2)
    metadata = yaml.safe_load(head)
    metrics = metadata["model-index"][0]["results"][0]["metrics"]
    values = [value for check in closed_document.checks for value in check.values if value.value is not None]
    assert [metric["value"] for metric in metrics] == [value.value for value in values]
    html = MarkdownIt("commonmark", {"html": True}).enable("table").render(body)
    assert "<script" not in html
    assert html.count("<h1") == 1


def test_the_model_card_in_json_follows_its_schema(closed_document: ReportDocument) -> None:
    path = SCHEMAS / "model_card" / "google_model_card_v0.0.2.schema.json"
    if not path.exists():
        pytest.skip("the schema of the model card is not beside this repository")
    jsonschema.Draft7Validator(json.loads(path.read_text())).validate(made("model-card-json", closed_document))


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_no_form_claims_conformity_or_cites_the_draft(name: str, closed_document: ReportDocument) -> None:
    text = FORMATS[name].render(catalogued(closed_document))
    assert not re.search(r"\b(non-)?complian(t|ce)\b|\bin conformity\b", text, re.IGNORECASE)
    assert "Art. 52" not in text
