"""Builds the report document of a promotion from the records, has it sealed, and keeps it.

`audits.reports` draws what it is given; this module is where approvals and findings meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audits.criteria import Criterion, Outcome
from audits.frameworks.catalogue import Catalogue
from audits.measurements import MetricValue
from audits.models import Observation, Report
from audits.reports import parts
from audits.reports.document import ReportDocument
from audits.runs import known_checks, measurement_of
from governance import decisions
from governance.ledger_facts import ledger_facts
from governance.models import GateDecision, PromotionRequest, Waiver
from governance.refusals import subject_id
from governance.version import PRODUCT_VERSION
from registry import ledger, provenance, storage
from registry.canonical import digest
from registry.events import Event
from registry.keys import Purpose
from registry.models import Blob, ModelVersion, Person
from registry.signing import keyring


def build_document(decision: GateDecision, *, number: str, as_of: date) -> ReportDocument:
    """Everything the report of one decision says. Reads the records as they are now; `as_of` picks the law."""
    request = decision.request
    findings = finding_facts(request)
    now = timezone.now()
    verdict = decisions.evaluate(request, now)
    return ReportDocument(
        identity=parts.Identity(
            number=number,
            generated_at=now,
            as_of=as_of,
            product_version=PRODUCT_VERSION,
            seal_name=_seal_name(),
            development_seal=keyring().is_development,
        ),
        subject=_subject(request),
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
        ),
        decision=_decision(decision),
        reviews=review_facts(request, {reason.subject: reason.explanation for reason in verdict.disregarded}),
        waivers=waiver_facts(request),
        checks=tuple(check_facts(observation) for observation in request.run.observations.all()),
        findings=findings,
        controls=control_facts(findings, as_of),
        lineage=lineage_facts(request.version),
        ledger=ledger_facts(request),
        open_points=_open_points(decision),
    )


def issue_report(decision: GateDecision, *, as_of: date | None = None) -> tuple[Report, Blob]:
    """Render, seal, check and keep the report of `decision`. The heavy part runs outside any transaction."""
    # The renderer pulls in WeasyPrint and pyHanko: workers need them, the web process never does.
    from audits.reports.render import evidence_bytes, render_pdf  # noqa: PLC0415
    from audits.reports.seal import seal_pdf  # noqa: PLC0415

    ledger.publish_checkpoint()
    day = as_of or timezone.now().date()
    number = report_number(decision)
    document = build_document(decision, number=number, as_of=day)
    sealed = seal_pdf(
        render_pdf(document), keyring=keyring(), reason=f"Report {number}", tsa_url=settings.ASSAY_TSA_URL
    )
    evidence = evidence_bytes(document)
    with transaction.atomic():
        blob = storage.store_bytes(sealed, media_type="application/pdf")
        evidence_blob = storage.store_bytes(evidence, media_type="application/json")
        existing = Report.objects.filter(number=number).first()
        if existing is not None:
            return existing, blob
        report = Report(
            number=number,
            subject=subject_id(decision.request),
            as_of=day,
            file_digest=blob.digest,
            evidence_digest=evidence_blob.digest,
            created_at=timezone.now(),
        )
        report.save()
        ledger.append(
            Event.REPORT_SEALED,
            subject=report.subject,
            facts={
                "number": number,
                "file": blob.digest,
                "evidence": evidence_blob.digest,
                "decision": decision.digest,
            },
        )
    return report, blob


def report_number(decision: GateDecision) -> str:
    """The number of the report of a decision: its day and the beginning of its id."""
    return f"AR-{decision.decided_at:%Y%m%d}-{str(decision.pk)[:8].upper()}"


def newest_report(request: PromotionRequest) -> Report | None:
    """The last report that was issued for a request."""
    return Report.objects.filter(subject=subject_id(request)).order_by("-created_at").first()


def read_report(*, actor: Person, report: Report) -> bytes:
    """The sealed file, and an entry that this person read it."""
    content = storage.read_bytes(report.file_digest)
    with transaction.atomic():
        ledger.append(
            Event.REPORT_READ, subject=report.subject, actor=actor, facts={"number": report.number, "file": digest(content)}
        )
    return content


def _seal_name() -> str:
    return keyring().chains[Purpose.SEAL][0].subject.rfc4514_string()


def _subject(request: PromotionRequest) -> parts.Subject:
    version, model = request.version, request.version.model
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
        met=tuple(reason["explanation"] for reason in document["met"]),
        missing_reviews=tuple(
            parts.MissingReview(role=entry["role"], count=entry["needed"] - entry["have"])
            for entry in document["missing_reviews"]
        ),
    )


def review_facts(request: PromotionRequest, disregarded: Mapping[str, str]) -> tuple[parts.ReviewFacts, ...]:
    return tuple(
        parts.ReviewFacts(
            name=review.printed_name,
            role=review.role,
            verdict=review.verdict,
            meaning=review.get_meaning_display(),
            reason=review.reason,
            method=review.method,
            at=review.created_at,
            subject_digest=review.subject_digest,
            counts=review.round == request.round and review.reviewer.pseudonym not in disregarded,
            why_not="given in an earlier round"
            if review.round != request.round
            else disregarded.get(review.reviewer.pseudonym, ""),
        )
        for review in request.reviews.select_related("reviewer")
    )


def waiver_facts(request: PromotionRequest) -> tuple[parts.WaiverFacts, ...]:
    now = timezone.now()
    facts = []
    for waiver in Waiver.objects.filter(request=request).select_related("requested_by", "decision"):
        decision = getattr(waiver, "decision", None)
        granted = decision is not None and decision.granted
        facts.append(
            parts.WaiverFacts(
                criterion=waiver.criterion_id,
                requested_by=waiver.requested_by.printed_name,
                decided_by=decision.printed_name if decision else "",
                justification=waiver.justification,
                compensating_control=waiver.compensating_control,
                expires=waiver.expires_at,
                live=granted and waiver.round == request.round and waiver.expires_at > now,
            )
        )
    return tuple(facts)


def check_facts(observation: Observation) -> parts.CheckFacts:
    """What one check measured, or how it failed to."""
    document = observation.document
    check = known_checks().get(observation.check_id)
    measurement = measurement_of(observation)
    error = document.get("error") or {}
    return parts.CheckFacts(
        check=observation.check_id,
        version=observation.check_version,
        title=check.title if check else observation.check_id,
        status=observation.status,  # type: ignore[arg-type]
        parameters=document["parameters"],
        duration_seconds=observation.duration_seconds,
        seed=document["seed"],
        libraries=document.get("environment", {}),
        inputs=measurement.inputs if measurement else {},
        notes=measurement.notes if measurement else (),
        values=measurement.values if measurement else (),
        tables=measurement.tables if measurement else {},
        metrics=check.metrics if check else {},
        problem=error.get("message", ""),
        digest=observation.digest,
    )


def finding_facts(request: PromotionRequest) -> tuple[parts.FindingFacts, ...]:
    """The judged criteria of the request's present run, in the order of the policy."""
    waived = set(
        Waiver.objects.filter(
            request=request, round=request.round, decision__granted=True, expires_at__gt=timezone.now()
        ).values_list("criterion_id", flat=True)
    )
    values = {
        observation.check_id: measurement_of(observation) for observation in request.run.observations.all()
    }
    facts = []
    for finding in request.run.findings.all():
        criterion = Criterion.from_document(finding.document["criterion"])
        judgement = finding.document["judgement"]
        measurement = values.get(criterion.check)
        facts.append(
            parts.FindingFacts(
                criterion=criterion.id,
                title=criterion.id.replace("-", " ").capitalize(),
                check=criterion.check,
                metric=criterion.metric,
                outcome=Outcome(finding.outcome),
                limit=criterion.limits,
                explanation=finding.explanation,
                reason=criterion.reason,
                set_by=criterion.set_by,
                at_least=None if criterion.at_least is None else str(criterion.at_least),
                at_most=None if criterion.at_most is None else str(criterion.at_most),
                measured=_deciding(measurement.values if measurement else (), judgement["subject"]),
                rows_needed=judgement["rows_needed"],
                controls=criterion.controls,
                waived=criterion.id in waived,
            )
        )
    return tuple(facts)


def _deciding(values: tuple[MetricValue, ...], label: str) -> MetricValue | None:
    return next((value for value in values if value.label == label), None) if label else None


def control_facts(findings: tuple[parts.FindingFacts, ...], as_of: date) -> tuple[parts.ControlFacts, ...]:
    """Each control that a finding speaks to, with what the evidence says about it; the worst finding decides."""
    catalogue = Catalogue.load()
    by_control: dict[str, list[parts.FindingFacts]] = {}
    for finding in findings:
        for control_id in finding.controls:
            by_control.setdefault(control_id, []).append(finding)
    facts = []
    for control in catalogue.controls(by_control):
        spoken = by_control[control.id]
        text = control.version(as_of)
        facts.append(
            parts.ControlFacts(
                id=control.id,
                framework=control.framework,
                reference=control.reference,
                title=control.title,
                duty=text.duty if text else control.duty,
                effective=catalogue.effective(control, as_of).text,
                verdict=_verdict(spoken),
                why=_why(spoken),
                findings=tuple(finding.criterion for finding in spoken),
            )
        )
    return tuple(facts)


def _verdict(findings: list[parts.FindingFacts]) -> parts.Verdict:
    outcomes = {finding.outcome for finding in findings}
    if Outcome.NOT_SATISFIED in outcomes:
        return parts.Verdict.DOES_NOT_SUPPORT
    if outcomes == {Outcome.SATISFIED}:
        return parts.Verdict.SUPPORTS
    return parts.Verdict.NOT_ASSESSED


def _why(findings: list[parts.FindingFacts]) -> str:
    open_findings = [finding for finding in findings if finding.outcome is not Outcome.SATISFIED]
    return "; ".join(f"{finding.criterion} is {finding.outcome}" for finding in open_findings)


def lineage_facts(version: ModelVersion) -> parts.Lineage:
    """The graph upstream of a version, with what is wrong in it."""
    graph = provenance.lineage_of(version)
    nodes = []
    for node in graph.nodes:
        facts: Mapping[str, Any] = node.facts
        problem = "withdrawn" if facts.get("withdrawn") else ""
        detail = " · ".join(filter(None, (facts.get("licence", ""), facts.get("digest", "")[:19])))
        nodes.append(
            parts.LineageNode(id=node.id, kind=node.kind, label=node.id.split(":", 1)[1], detail=detail, problem=problem)
        )
    return parts.Lineage(nodes=tuple(nodes), edges=tuple((edge.source, edge.target) for edge in graph.edges))


def _open_points(decision: GateDecision) -> tuple[parts.OpenPoint, ...]:
    """What is missing and who owns it: missing reviews belong to a role, blocking findings to the model's owner."""
    owner = decision.request.version.model.owner.printed_name
    missing = [
        parts.OpenPoint(what=f"A review as {entry['role'].replace('_', ' ')}", owner=entry["role"].replace("_", " "))
        for entry in decision.document["missing_reviews"]
    ]
    blocking = [
        parts.OpenPoint(what=reason["explanation"], owner=owner)
        for reason in decision.document["blocking"]
        if reason["code"] != "quorum-missing"
    ]
    return (*missing, *blocking)
