"""SARIF 2.1.0: each criterion a rule, each finding a result, waivers as accepted suppressions.

Whatever keeps the gate closed has the level error, an inconclusive finding too.
"""

from __future__ import annotations

import json
from typing import Any

from audits.criteria import Outcome
from audits.reports.document import ReportDocument
from audits.reports.parts import FindingFacts, WaiverFacts
from audits.reports.text import visible

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
GATE = "gate-decision"


def render_sarif(document: ReportDocument) -> str:
    """The report for code-scanning views."""
    place = f"models/{document.subject.model}/versions/{document.subject.version}"
    waivers = {waiver.criterion: waiver for waiver in document.waivers if waiver.live}
    results = [_result(finding, place, waivers.get(finding.criterion)) for finding in document.findings]
    run = {
        "tool": {
            "driver": {
                "name": "Assay",
                "version": document.identity.product_version,
                "rules": [*(_rule(finding) for finding in document.findings), _gate_rule(document)],
            }
        },
        "automationDetails": {"id": visible(f"assay/{document.subject.model}/{document.request.to_stage}/")},
        "results": [*results, _gate(document, place)],
        "properties": {"report": visible(document.identity.number), "policyDigest": document.policy.digest},
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, ensure_ascii=False, indent=1) + "\n"


def _rule(finding: FindingFacts) -> dict[str, Any]:
    return {
        "id": visible(finding.criterion),
        "shortDescription": {"text": visible(finding.title or finding.criterion)},
        "fullDescription": {"text": visible(f"{finding.metric}, {finding.limit}: {finding.reason}")},
        "properties": {"tags": [visible(control) for control in dict.fromkeys(finding.controls)]},
    }


def _gate_rule(document: ReportDocument) -> dict[str, Any]:
    words = f"The gate of policy {document.policy.slug}, version {document.policy.version}"
    return {"id": GATE, "shortDescription": {"text": visible(words)}}


def _result(finding: FindingFacts, place: str, waiver: WaiverFacts | None) -> dict[str, Any]:
    good = finding.outcome is Outcome.SATISFIED
    result = _made(finding.criterion, good, f"{finding.outcome}: {finding.explanation} Limit: {finding.limit}.", place)
    if finding.waived and waiver is not None:
        told = {"kind": "external", "status": "accepted", "justification": visible(waiver.justification)}
        result["suppressions"] = [told]
    return result


def _gate(document: ReportDocument, place: str) -> dict[str, Any]:
    decision = document.decision
    awaited = [f"awaiting {entry.count} x {entry.role}" for entry in decision.missing_reviews]
    told = f"Gate {decision.outcome}. " + "; ".join([*decision.blocking, *awaited])
    return _made(GATE, decision.outcome == "open", told, place)


def _made(rule: str, good: bool, message: str, place: str) -> dict[str, Any]:  # noqa: FBT001 - four facts of one row
    return {
        "ruleId": visible(rule),
        "kind": "pass" if good else "fail",
        "level": "none" if good else "error",
        "message": {"text": visible(message).strip()},
        "locations": [
            {
                "physicalLocation": {"artifactLocation": {"uri": place}, "region": {"startLine": 1}},
                "logicalLocations": [{"fullyQualifiedName": visible(place), "kind": "module"}],
            }
        ],
        "partialFingerprints": {"criterion/v1": visible(f"{place}#{rule}")},
    }
