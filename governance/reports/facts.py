"""What the records of a promotion say, as the parts of a report: reviews, waivers, checks, findings, lineage."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any

from django.utils import timezone

from audits.criteria import Criterion, Outcome
from audits.measurements import MetricValue
from audits.models import Observation
from audits.reports import parts
from audits.reports.wording import metric_in_words
from audits.runs import known_checks, measurement_of
from governance.basis import Basis
from governance.models import BreakGlass, GateDecision, PromotionRequest, Waiver
from governance.policies import metric_choice
from governance.policies.metric_choice import MetricChoice
from registry import provenance
from registry.column_walk import ColumnWalk, Place
from registry.connectors.statements import label_of
from registry.lineage import Graph
from registry.models import DatasetWithdrawal, ModelVersion


def review_facts(basis: Basis, disregarded: Mapping[str, str]) -> tuple[parts.ReviewFacts, ...]:
    """Every review until then, with the reason why one does not count; `disregarded` maps a pseudonym to it."""
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
            assertion=review.assertion,
            counts=review.round == basis.round and review.reviewer.pseudonym not in disregarded,
            why_not="given in an earlier round"
            if review.round != basis.round
            else disregarded.get(review.reviewer.pseudonym, ""),
        )
        for review in basis.request.reviews.filter(created_at__lte=basis.at).select_related("reviewer")
    )


def waiver_facts(basis: Basis) -> tuple[parts.WaiverFacts, ...]:
    """Every waiver that had been asked for then, and whether it counted; and every emergency, later ones too."""
    facts = []
    asked = Waiver.objects.filter(request=basis.request, requested_at__lte=basis.at)
    for waiver in asked.select_related("requested_by", "decision"):
        decision = getattr(waiver, "decision", None)
        if decision is not None and decision.decided_at > basis.at:
            decision = None
        granted = decision is not None and decision.granted
        facts.append(
            parts.WaiverFacts(
                criterion=waiver.criterion_id,
                requested_by=waiver.requested_by.printed_name,
                decided_by=decision.printed_name if decision else "",
                justification=waiver.justification,
                compensating_control=waiver.compensating_control,
                expires=waiver.expires_at,
                live=granted and waiver.round == basis.round and waiver.expires_at > basis.at,
            )
        )
    return (*facts, *_emergencies(basis.request))


def _emergencies(request: PromotionRequest) -> Iterator[parts.WaiverFacts]:
    """Every time the glass was broken for this version, whichever request it was: no later report leaves it out."""
    now = timezone.now()
    for broken in BreakGlass.objects.filter(request__version=request.version_id).prefetch_related("reviews"):
        views = broken.reviews.all()
        objected = any(not view.upheld for view in views)
        yield parts.WaiverFacts(
            criterion=f"every check of the gate to {broken.request.to_stage}",
            requested_by=broken.printed_name,
            decided_by=", ".join(f"{view.printed_name} ({'upheld' if view.upheld else 'objected'})" for view in views),
            justification=broken.justification,
            compensating_control="",
            expires=broken.expires_at,
            live=broken.round == broken.request.round and broken.expires_at > now and not objected,
            break_glass=True,
        )


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


def choice_facts(choice: MetricChoice | None) -> parts.ChoiceFacts | None:
    """How the policy came to its fairness measure, in words."""
    if choice is None:
        return None
    proposal = metric_choice.chosen(choice)
    return parts.ChoiceFacts(
        answers=metric_choice.in_words(choice),
        led_to=proposal.title,
        why=proposal.why,
        measures=tuple(metric_in_words(metric) for _, metric in proposal.measures),
        departure=choice.departure,
    )


def finding_facts(basis: Basis) -> tuple[parts.FindingFacts, ...]:
    """The judged criteria of its run, in the order of the policy."""
    granted = Waiver.objects.filter(
        request=basis.request,
        round=basis.round,
        decision__granted=True,
        decision__decided_at__lte=basis.at,
        expires_at__gt=basis.at,
    )
    waived = set(granted.values_list("criterion_id", flat=True))
    values = {observation.check_id: measurement_of(observation) for observation in basis.run.observations.all()}
    facts = []
    for finding in basis.run.findings.all():
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
                decide_on=str(criterion.decide_on),
                minimum_n=criterion.minimum_n,
            )
        )
    return tuple(facts)


def _deciding(values: tuple[MetricValue, ...], label: str) -> MetricValue | None:
    return next((value for value in values if value.label == label), None) if label else None


def lineage_facts(version: ModelVersion, at: datetime | None = None) -> parts.Lineage:
    """The graph upstream of a version, with what is wrong in it; what was withdrawn after `at` is told so."""
    return of_graph(provenance.lineage_of(version), _withdrawn_after(at) if at else frozenset())


def of_graph(graph: Graph, later: frozenset[str] = frozenset()) -> parts.Lineage:
    """Any graph as a report shows it; `later` are datasets that were withdrawn only after the report's decision."""
    nodes = []
    walk = ColumnWalk(graph)
    sources = {feature: walk.sources(feature) for feature in walk.features()}
    for node in graph.nodes:
        facts: Mapping[str, Any] = node.facts
        problem = "withdrawn" if facts.get("withdrawn") else ""
        if problem and node.id in later:
            problem = "withdrawn later"
        if problem and facts.get("risk_accepted_until"):
            problem += f", residual risk accepted until {facts['risk_accepted_until']}"
        if len(facts.get("digests", ())) > 1:
            problem = "; ".join(filter(None, (problem, "contradictory digests")))
        label = label_of(node.id, str(facts.get("job", "")))
        told = (facts.get("state"), facts.get("licence"), (facts.get("digest") or "")[:19])
        detail = " · ".join(str(part) for part in told if part) or _columns_in_words(sources.get(node.id, ()))
        nodes.append(parts.LineageNode(id=node.id, kind=node.kind, label=label, detail=detail, problem=problem))
    edges = [(edge.source, edge.target) for edge in graph.edges]
    edges += [(node, feature) for feature, places in sources.items() for node, _column in places]
    return parts.Lineage(nodes=tuple(nodes), edges=tuple(edges))


def _columns_in_words(places: Iterable[Place]) -> str:
    """Whence a feature comes, one step back."""
    return ", ".join(f"{column} of {label_of(node)}" for node, column in places)


def _withdrawn_after(at: datetime) -> frozenset[str]:
    rows = DatasetWithdrawal.objects.filter(withdrawn_at__gt=at).select_related("dataset_version__dataset")
    return frozenset(f"dataset:{row.dataset_version}" for row in rows)


def open_points(decision: GateDecision) -> tuple[parts.OpenPoint, ...]:
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
