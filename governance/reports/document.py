"""Everything that the gate audit report of one decision says, from the records."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils import timezone

from audits.reports import parts
from audits.reports.document import ReportDocument
from governance.basis import basis_of
from governance.gates.facts import ReasonCode
from governance.models import GateDecision
from governance.reports import controls as report_controls
from governance.reports import facts as report_facts
from governance.reports.comparison import comparison
from governance.reports.ledger_facts import ledger_facts
from governance.version import PRODUCT_VERSION
from registry.keys import Purpose
from registry.models import ModelVersion
from registry.signing import keyring


def build_document(decision: GateDecision, *, number: str, as_of: date, language: str = "en") -> ReportDocument:
    """Everything the report of one decision says: the evidence it was made on, whatever happened since.

    `as_of` picks the law. Raises EvidenceMissingError when that evidence is not on record any more.
    """
    request, basis = decision.request, basis_of(decision)
    findings = report_facts.finding_facts(basis)
    checks = tuple(report_facts.check_facts(observation) for observation in basis.run.observations.all())
    return ReportDocument(
        identity=parts.Identity(
            number=number,
            generated_at=timezone.now(),
            as_of=as_of,
            product_version=PRODUCT_VERSION,
            language=language,
            seal_name=seal_name(),
            development_seal=keyring().is_development,
        ),
        subject=subject_of(request.version),
        request=parts.Request(
            id=str(request.pk),
            from_stage=request.from_stage,
            to_stage=request.to_stage,
            round=decision.document["round"],
            reason=request.reason,
            requested_by=request.requested_by.printed_name,
            requested_at=request.requested_at,
        ),
        policy=parts.PolicyFacts(
            slug=request.policy_version.policy.slug,
            version=request.policy_version.number,
            digest=request.policy_version.digest,
            title=request.policy_version.policy.title,
            gate=request.gate_name,
            choice=report_facts.choice_facts(request.policy_version.rules.metric_choice),
        ),
        decision=_decision(decision),
        reviews=report_facts.review_facts(
            basis, {reason["subject"]: reason["explanation"] for reason in decision.document["disregarded"]}
        ),
        waivers=report_facts.waiver_facts(basis),
        checks=checks,
        findings=findings,
        controls=report_controls.control_facts(findings, as_of),
        lineage=report_facts.lineage_facts(request.version, basis.at),
        ledger=ledger_facts(basis),
        open_points=report_facts.open_points(decision),
        comparison=comparison(basis, checks, findings),
    )


def seal_name() -> str:
    """Who seals, as the certificate names them."""
    return keyring().chains[Purpose.SEAL][0].subject.rfc4514_string()


def subject_of(version: ModelVersion) -> parts.Subject:
    """The model version that a report is about."""
    model = version.model
    return parts.Subject(
        model=model.slug,
        name=model.name,
        purpose=model.intended_purpose,
        risk_class=model.get_risk_class_display(),
        role=model.get_role_display(),
        affected_persons=model.affected_persons,
        owner=model.owner.printed_name,
        version=version.number,
        digest=version.artifact_digest,
        format=version.artifact_format,
        framework=version.framework,
        code_revision=version.code_revision,
        author=version.created_by.printed_name,
        registered_at=version.created_at,
    )


def _decision(decision: GateDecision) -> parts.Decision:
    document = decision.document
    return parts.Decision(
        outcome=decision.outcome,
        decided_at=decision.decided_at,
        valid_until=decision.valid_until,
        digest=decision.digest,
        enforced=document["enforced"],
        blocking=tuple(reason["explanation"] for reason in document["blocking"]),
        met=_met(document),
        missing_reviews=tuple(
            parts.MissingReview(role=entry["role"], count=entry["needed"] - entry["have"])
            for entry in document["missing_reviews"]
        ),
    )


def _met(document: dict[str, Any]) -> tuple[str, ...]:
    """What speaks for opening, counted, so that it can be read on the first page; each finding follows further on."""
    by_code: dict[str, list[dict[str, str]]] = {}
    for reason in document["met"]:
        by_code.setdefault(reason["code"], []).append(reason)
    satisfied = len(by_code.pop(ReasonCode.CRITERION_SATISFIED, []))
    words = [f"{satisfied} criteria satisfied"] if satisfied else []
    words += [f"{reason['subject'].replace('-', ' ').capitalize()}: waived" for reason in document.get("waived", [])]
    if by_code.pop(ReasonCode.QUORUM_FILLED, []):
        words.append("Every seat of the quorum is taken")
    words += [reason["explanation"] for reasons in by_code.values() for reason in reasons]
    return tuple(words)
