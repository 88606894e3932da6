"""Model cards: the README of the Hugging Face Hub, and the JSON of the Model Card Toolkit (schema 0.0.2).

Only what was measured here stands under the metrics; what the trainer declared is not repeated.
"""

from __future__ import annotations

import json
import re
from typing import Any

import yaml

from audits.measurements import MetricValue
from audits.reports import figures
from audits.reports.document import ReportDocument
from audits.reports.formats.markdown import findings_table
from audits.reports.text import said, visible
from audits.reports.wording import metric_in_words, wording_of

_LIBRARIES = {"scikit-learn": "sklearn", "sklearn": "sklearn", "xgboost": "xgboost", "lightgbm": "lightgbm"}
MOST_METRICS = 200


def render_huggingface(document: ReportDocument) -> str:
    """README.md with its metadata block."""
    head = yaml.safe_dump(_metadata(document), allow_unicode=True, sort_keys=False)
    return f"---\n{head}---\n{_body(document)}"


def _metadata(document: ReportDocument) -> dict[str, Any]:
    subject = document.subject
    library = re.split(r"[ =/]", subject.framework.lower())[0] if subject.framework else ""
    evaluated = next((c.inputs["evaluation"] for c in document.checks if "evaluation" in c.inputs), "")
    results = [
        {
            "task": {"type": "tabular-classification"},
            "dataset": {"name": "evaluation", "type": "evaluation", **({"revision": evaluated} if evaluated else {})},
            "metrics": [
                {"type": visible(value.metric), "value": value.value, "name": visible(value.label)}
                for value in _measured(document)
            ],
        }
    ]
    return {
        **({"library_name": _LIBRARIES[library]} if library in _LIBRARIES else {}),
        "tags": ["tabular-classification", "audited"],
        "model-index": [{"name": visible(subject.model), "results": results}],
    }


def _measured(document: ReportDocument) -> list[MetricValue]:
    found = [value for check in document.checks for value in check.values if value.value is not None]
    return found[:MOST_METRICS]


def _body(document: ReportDocument) -> str:
    subject, decision = document.subject, document.decision
    decided = f"decided {figures.moment(decision.decided_at)}"
    policy = f"under policy {said(document.policy.slug)} version {document.policy.version}"
    affected = said(subject.affected_persons) or "not stated"
    lines = [f"# {said(subject.name)}, version {subject.version}", "", "## Intended use", ""]
    lines += [said(subject.purpose) or "Not stated.", ""]
    lines += [f"Affected persons: {affected}. Owner: {said(subject.owner)}.", "", "## Decision", ""]
    lines += [f"Gate {decision.outcome} for {said(document.request.to_stage)}, {decided} {policy}."]
    lines += [f"Report {said(document.identity.number)}.", "", *findings_table(document), "## Limits", ""]
    lines += [f"- {said(check.title)}: {said(wording_of(check.check).limits)}" for check in document.checks]
    lines += ["", "## Data", ""]
    lines += [
        f"- {said(node.label)} {said(node.detail)}" + (f" ({said(node.problem)})" if node.problem else "")
        for node in document.lineage.nodes
        if node.kind == "dataset"
    ] or ["No dataset was recorded."]
    return "\n".join([*lines, "", f"Artifact `{visible(subject.digest).replace('`', '')}`", ""])


def render_google(document: ReportDocument) -> str:
    """model_card.json."""
    subject = document.subject
    made = {
        "schema_version": "0.0.2",
        "model_details": {
            "name": visible(subject.name),
            "overview": visible(subject.purpose),
            "owners": [{"name": visible(subject.owner)}],
            "version": {"name": str(subject.version), "date": document.identity.generated_at.date().isoformat()},
            "references": [{"reference": visible(f"Report {document.identity.number}")}],
        },
        "model_parameters": {
            "model_architecture": visible(subject.framework or subject.format),
            "data": [
                {"name": visible(node.label), "description": visible(node.detail)}
                for node in document.lineage.nodes
                if node.kind == "dataset"
            ],
        },
        "quantitative_analysis": {"performance_metrics": [_google_metric(value) for value in _measured(document)]},
        "considerations": {
            "users": [],
            "use_cases": [{"description": visible(subject.purpose)}] if subject.purpose else [],
            "limitations": [{"description": wording_of(check.check).limits} for check in document.checks],
            "ethical_considerations": [
                {"name": visible(finding.title), "mitigation_strategy": visible(finding.explanation)}
                for finding in document.findings
                if finding.check.startswith("fairness.")
            ],
        },
    }
    return json.dumps(made, ensure_ascii=False, indent=1) + "\n"


def _google_metric(value: MetricValue) -> dict[str, Any]:
    where = f"{value.feature}={value.group}" if value.group else value.feature or "all"
    made: dict[str, Any] = {"type": metric_in_words(visible(value.metric)), "value": repr(value.value)}
    made["slice"] = visible(where)
    if value.interval is not None:
        sides = {"lower_bound": value.interval.low, "upper_bound": value.interval.high}
        made["confidence_interval"] = {name: repr(side) for name, side in sides.items() if side is not None}
    return made
