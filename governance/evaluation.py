"""Gathers the facts on which a gate decides, each time afresh: roles, delegations, waivers, data, policy."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from audits.criteria import Outcome
from governance import gates
from governance.access.roles import roles_by_person
from governance.models import (
    BreakGlass,
    Condition,
    Decommission,
    Delegation,
    Incident,
    PolicyStatusChange,
    PromotionRequest,
    Review,
    Waiver,
)
from governance.policies import Exclusion, IncidentRule
from registry import recalls
from registry.models import Person, RegisteredModel

REVIEW = "registry.review_promotion"
ACCEPT_RISK = "registry.accept_risk"


def evaluate(request: PromotionRequest, now: datetime) -> gates.Decision:
    """What the pinned gate says about `request` at `now`. Everything is read afresh: roles, waivers, data, policy."""
    return gates.decide(
        request.gate,
        findings=_findings(request),
        reviews=_reviews(request),
        waivers=_waivers(request),
        circumstances=_circumstances(request, now),
        subject_digest=request.subject_digest,
        now=now,
    )


def separation_problem(request: PromotionRequest, person: Person, now: datetime) -> str:
    """Why `person` is too close to this request to approve it, or ""."""
    concerned = _concerned(request)
    if person.pk in concerned:
        return f"You {concerned[person.pk]}, so somebody else must approve it."
    if person.pseudonym in delegates_of(concerned, request, now):
        return (
            "You stand in for somebody who asked for this promotion or made the version; somebody else must approve it."
        )
    return ""


def delegates_of(concerned: dict[int, str], request: PromotionRequest, now: datetime) -> frozenset[str]:
    """Who stood in for one of those people at any time since the request was made. Ending it now changes nothing."""
    held = Delegation.objects.filter(delegator__in=concerned).overlapping(request.requested_at, now)
    return frozenset(held.values_list("delegate__pseudonym", flat=True))


def _concerned(request: PromotionRequest) -> dict[int, str]:
    """The people whose request or work it is, by key, each with what they did."""
    exclude, version = request.gate.exclude, request.version
    concerned: dict[int, str] = {}
    if Exclusion.RUN_AUTHOR in exclude and version.run_author_id:
        concerned[version.run_author_id] = "trained this version"
    if Exclusion.VERSION_AUTHOR in exclude:
        concerned[version.created_by_id] = "registered this version"
    concerned[request.requested_by_id] = "requested this promotion"
    return concerned


def _findings(request: PromotionRequest) -> list[gates.FindingFact]:
    waivable = {entry.id: entry.waivable and not entry.prohibited for entry in request.gate.criteria}
    return [
        gates.FindingFact(
            criterion_id=finding.criterion_id,
            outcome=Outcome(finding.outcome),
            explanation=finding.explanation,
            measured_at=finding.measured_at,
            waivable=waivable.get(finding.criterion_id, False),
        )
        for finding in request.run.findings.all()
    ]


def _reviews(request: PromotionRequest) -> list[gates.ReviewFact]:
    """Reviews of this round. Whether each reviewer still holds the role is asked now, not remembered."""
    facts = []
    rows = request.reviews.filter(round=request.round).select_related("reviewer", "delegation__delegator")
    voices = {row.pk: row.delegation.delegator if row.delegation else row.reviewer for row in rows}
    held = roles_by_person(set(voices.values()), REVIEW, request.version.model)
    for review in rows:
        voice = voices[review.pk]
        problem = _ineligible(review, held[voice.pk])
        facts.append(
            gates.ReviewFact(
                person=review.reviewer.pseudonym,
                role=review.role,
                verdict=gates.Verdict(review.verdict),
                subject_digest=review.subject_digest,
                at=review.created_at,
                round=review.round,
                eligible=not problem,
                ineligible_reason=problem,
                on_behalf_of=voice.pseudonym if review.delegation else "",
            )
        )
    return facts


def _ineligible(review: Review, held: set[str]) -> str:
    """Why the review does not count any more, or "". `held` are the roles of whoever it speaks for."""
    if review.reviewer.is_service or not review.reviewer.is_active:
        return "the reviewer has no active account of a human being"
    if review.role not in held:
        return f"the person no longer reviews as {review.role}"
    delegation = review.delegation
    if delegation is None:
        return ""
    model = review.request.version.model_id
    fits = (
        delegation.delegate_id == review.reviewer_id
        and delegation.role == review.role
        and delegation.model_id in (None, model)
        and delegation.starts_at <= review.created_at < delegation.ends_at
    )
    return "" if fits else "the delegation does not cover this review"


def _waivers(request: PromotionRequest) -> list[gates.WaiverFact]:
    waivers = Waiver.objects.filter(request=request, round=request.round, decision__isnull=False)
    decided = waivers.select_related("decision__decided_by", "requested_by")
    deciders = {waiver.decision.decided_by for waiver in decided}
    held = roles_by_person(deciders, "registry.decide_waiver", request.version.model)
    return [
        gates.WaiverFact(
            criterion_id=waiver.criterion_id,
            # A waiver falls with the role of whoever granted it.
            granted=waiver.decision.granted and waiver.decision.role in held[waiver.decision.decided_by_id],
            expires_at=waiver.expires_at,
            requested_by=waiver.requested_by.pseudonym,
            decided_by=waiver.decision.decided_by.pseudonym,
            decided_at=waiver.decision.decided_at,
        )
        for waiver in decided
    ]


def _circumstances(request: PromotionRequest, now: datetime) -> gates.Circumstances:
    version = request.version
    fallen = recalls.withdrawn_inputs(version)
    return gates.Circumstances(
        requester=request.requested_by.pseudonym,
        version_author=version.created_by.pseudonym,
        run_author=version.run_author.pseudonym if version.run_author else "",
        excluded=delegates_of(_concerned(request), request, now),
        withdrawn_inputs=tuple(one.name for one in fallen),
        accepted_risks=_accepted_risks(fallen, version.model),
        policy_recalled=request.policy_version.current_status == PolicyStatusChange.Status.RECALLED,
        incidents=_incidents(request),
        decommissioned=Decommission.objects.filter(version=version).exists(),
        conditions=_conditions(request),
        broken_glass=_broken_glass(request),
    )


def _accepted_risks(fallen: Iterable[recalls.WithdrawnInput], model: RegisteredModel) -> tuple[gates.AcceptedRisk, ...]:
    """What was signed about withdrawn data. It falls with the role of whoever signed."""
    signed = [(one.name, one.acceptance) for one in fallen if one.acceptance is not None]
    held = roles_by_person({acceptance.signed_by for _, acceptance in signed}, ACCEPT_RISK, model)
    return tuple(
        gates.AcceptedRisk(
            withdrawn_input=name,
            accepted_by=acceptance.signed_by.pseudonym,
            expires_at=acceptance.expires_at,
            eligible=acceptance.role in held[acceptance.signed_by_id],
        )
        for name, acceptance in signed
    )


def _incidents(request: PromotionRequest) -> tuple[str, ...]:
    """The open incidents of the version that close this gate: all, or where the policy says so the serious ones."""
    rows = Incident.objects.still_open().filter(version=request.version)
    if request.gate.incidents is IncidentRule.SERIOUS:
        rows = rows.filter(serious=True)
    return tuple(str(key) for key in rows.order_by("pk").values_list("pk", flat=True))


def _conditions(request: PromotionRequest) -> tuple[gates.ConditionFact, ...]:
    rows = Condition.objects.filter(review__request=request, review__round=request.round).select_related("met")
    return tuple(gates.ConditionFact(text=row.text, due_at=row.due_at, met=hasattr(row, "met")) for row in rows)


def _broken_glass(request: PromotionRequest) -> gates.BrokenGlassFact | None:
    """The emergency of this round."""
    broken = BreakGlass.objects.filter(request=request, round=request.round).select_related("invoked_by").first()
    return None if broken is None else glass_fact(broken)


def glass_fact(broken: BreakGlass) -> gates.BrokenGlassFact:
    """An emergency with the views of those who may still review."""
    views = list(broken.reviews.select_related("reviewer"))
    held = roles_by_person({view.reviewer for view in views}, REVIEW, broken.request.version.model)
    counted = {view.pk for view in views if view.role in held[view.reviewer_id]}
    return gates.BrokenGlassFact(
        invoked_by=broken.invoked_by.pseudonym,
        invoked_at=broken.invoked_at,
        expires_at=broken.expires_at,
        review_due_at=broken.review_due_at,
        upheld_by=frozenset(view.reviewer.pseudonym for view in views if view.upheld and view.pk in counted),
        # An objection stays one, whatever became of its author.
        objected_by=frozenset(view.reviewer.pseudonym for view in views if not view.upheld),
    )
