"""CycloneDX 1.6: a bill of materials of the model version, with its model card and with declarations.

Declarations say which claims the evidence bears and which it does not (counter-claims). They give no score of
conformance: nobody here pronounces on that.
"""

from __future__ import annotations

import json
from typing import Any

from audits.criteria import Outcome
from audits.measurements import MetricValue
from audits.oscal import identify
from audits.reports.document import ReportDocument, plain
from audits.reports.parts import ControlFacts, FindingFacts
from audits.reports.text import visible

SCHEMA = "http://cyclonedx.org/schema/bom-1.6.schema.json"
MODEL, ASSESSOR, TARGET = "model", "assessor", "target"
MOST_METRICS = 400


def render_cyclonedx(document: ReportDocument) -> str:
    """The bill of materials. The same document gives the same text."""
    made = {
        "$schema": SCHEMA,
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{identify('bom', document.identity.number)}",
        "version": 1,
        "metadata": {
            "timestamp": plain(document.identity.generated_at),
            "tools": {
                "components": [
                    {"type": "application", "name": "Assay", "version": visible(document.identity.product_version)}
                ]
            },
            "component": _model(document),
        },
        "components": [_dataset(node.id, visible(node.label)) for node in _datasets(document)],
        "dependencies": _dependencies(document),
        "declarations": _declarations(document),
        "definitions": {"standards": _standards(document)},
    }
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _hash(digest: str) -> list[dict[str, str]]:
    return [{"alg": "SHA-256", "content": digest.removeprefix("sha256:")}] if digest.startswith("sha256:") else []


def _model(document: ReportDocument) -> dict[str, Any]:
    subject = document.subject
    return {
        "type": "machine-learning-model",
        "bom-ref": MODEL,
        "name": visible(subject.model),
        "version": str(subject.version),
        "description": visible(subject.purpose),
        "hashes": _hash(subject.digest),
        "modelCard": _card(document),
        "properties": [
            {"name": "assay:gate", "value": document.decision.outcome},
            {"name": "assay:stage", "value": visible(document.request.to_stage)},
            {"name": "assay:policy", "value": visible(f"{document.policy.slug}/{document.policy.version}")},
            {"name": "assay:decision", "value": document.decision.digest},
            {"name": "assay:law-as-of", "value": document.identity.as_of.isoformat()},
        ],
    }


def _card(document: ReportDocument) -> dict[str, Any]:
    subject = document.subject
    values = [value for check in document.checks for value in check.values if value.value is not None]
    limits = [note for check in document.checks for note in check.notes]
    risks = [
        {"name": visible(f"Waived: {waiver.criterion}"), "mitigationStrategy": visible(waiver.compensating_control)}
        for waiver in document.waivers
        if waiver.live
    ]
    return {
        "modelParameters": {
            "datasets": [{"ref": node.id} for node in _datasets(document)],
            "architectureFamily": visible(subject.framework or subject.format or "not stated"),
        },
        "quantitativeAnalysis": {"performanceMetrics": [_metric(value) for value in values[:MOST_METRICS]]},
        "considerations": {
            "useCases": [visible(subject.purpose)] if subject.purpose else [],
            "technicalLimitations": [visible(note) for note in dict.fromkeys(limits)],
            "ethicalConsiderations": risks,
            "fairnessAssessments": [_fairness(finding) for finding in document.findings if _is_about_a_group(finding)],
        },
    }


def _metric(value: MetricValue) -> dict[str, Any]:
    made: dict[str, Any] = {"type": visible(value.metric), "value": repr(value.value)}
    where = f"{value.feature}={value.group}" if value.group else value.feature
    if where:
        made["slice"] = visible(where)
    if value.interval is not None:
        sides = {"lowerBound": value.interval.low, "upperBound": value.interval.high}
        made["confidenceInterval"] = {name: repr(side) for name, side in sides.items() if side is not None}
    return made


def _is_about_a_group(finding: FindingFacts) -> bool:
    return finding.check.startswith("fairness.") and finding.measured is not None and bool(finding.measured.feature)


def _fairness(finding: FindingFacts) -> dict[str, str]:
    measured = finding.measured
    assert measured is not None  # noqa: S101 - `_is_about_a_group` has seen it
    where = f"{measured.feature}: {measured.group}" if measured.group else f"groups of {measured.feature}"
    told = f"{finding.metric}, {finding.limit}: {finding.outcome.value}. {finding.explanation}"
    return {"groupAtRisk": visible(where), "harms": visible(told)}


def _datasets(document: ReportDocument) -> list[Any]:
    return [node for node in document.lineage.nodes if node.kind == "dataset"]


def _dataset(ref: str, name: str) -> dict[str, Any]:
    return {"type": "data", "bom-ref": ref, "name": name, "data": [{"type": "dataset", "name": name}]}


def _dependencies(document: ReportDocument) -> list[dict[str, Any]]:
    """What each dataset and the model were made from, with the jobs between them left out."""
    lineage = document.lineage
    kinds = {node.id: node.kind for node in lineage.nodes}
    above: dict[str, list[str]] = {}
    for source, target in lineage.edges:
        above.setdefault(target, []).append(source)
    own = f"model:{document.subject.model}/{document.subject.version}"

    def datasets_above(node: str) -> list[str]:
        found: dict[str, None] = {}
        waiting, seen = list(above.get(node, ())), {node}
        while waiting:
            name = waiting.pop()
            if name in seen:
                continue
            seen.add(name)
            if kinds.get(name) == "dataset":
                found[name] = None
            else:
                waiting += above.get(name, ())
        return sorted(found)

    rows = [{"ref": MODEL, "dependsOn": datasets_above(own)}]
    return rows + [{"ref": node.id, "dependsOn": datasets_above(node.id)} for node in _datasets(document)]


def _declarations(document: ReportDocument) -> dict[str, Any]:
    claims = {finding.criterion: f"claim-{index}" for index, finding in enumerate(document.findings)}
    evidence = {check.check: f"evidence-{index}" for index, check in enumerate(document.checks)}
    name = document.identity.seal_name or "Assay"
    return {
        "assessors": [{"bom-ref": ASSESSOR, "thirdParty": False, "organization": {"name": visible(name)}}],
        "attestations": [
            {
                "summary": "Controls to which the evidence of this report speaks; no statement of conformity.",
                "assessor": ASSESSOR,
                "map": [_mapped(control, document.findings, claims) for control in document.controls],
            }
        ],
        "claims": [
            {
                "bom-ref": claims[finding.criterion],
                "target": TARGET,
                "predicate": visible(f"{finding.metric} {finding.limit}"),
                "reasoning": visible(f"{finding.outcome.value}: {finding.explanation}"),
                "evidence": [evidence[finding.check]] if finding.check in evidence else [],
            }
            for finding in document.findings
        ],
        "evidence": [
            {
                "bom-ref": evidence[check.check],
                "propertyName": visible(check.check),
                "description": visible(f"{check.title}: {check.status.value}. {check.problem}".strip()),
            }
            for check in document.checks
        ],
        "targets": {
            "components": [
                {
                    "type": "machine-learning-model",
                    "bom-ref": TARGET,
                    "name": visible(document.subject.model),
                    "version": str(document.subject.version),
                    "hashes": _hash(document.subject.digest),
                }
            ]
        },
    }


def _mapped(control: ControlFacts, findings: tuple[FindingFacts, ...], claims: dict[str, str]) -> dict[str, Any]:
    spoken = [finding for finding in findings if finding.criterion in control.findings]
    held = [claims[finding.criterion] for finding in spoken if finding.outcome is Outcome.SATISFIED]
    open_ = [claims[finding.criterion] for finding in spoken if finding.outcome is not Outcome.SATISFIED]
    return {"requirement": f"requirement-{control.id}", "claims": held, "counterClaims": open_}


def _standards(document: ReportDocument) -> list[dict[str, Any]]:
    names = dict.fromkeys(control.framework for control in document.controls)
    return [
        {
            "bom-ref": f"standard-{index}",
            "name": visible(name),
            "version": f"as of {document.identity.as_of.isoformat()}",
            "requirements": [
                {
                    "bom-ref": f"requirement-{control.id}",
                    "identifier": visible(control.reference),
                    "title": visible(control.title),
                    "text": visible(control.duty),
                    "descriptions": [visible(control.effective)],
                }
                for control in document.controls
                if control.framework == name
            ],
        }
        for index, name in enumerate(names)
    ]
