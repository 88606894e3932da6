"""The verbs on promotion requests. Nothing else changes where a request stands or which version is in a stage."""

from __future__ import annotations

from typing import Any

from django.db import IntegrityError
from django.db.models import Max
from django.utils import timezone

from audits import runs
from audits.models import AuditRun
from governance import decisions
from governance.credentials import prove
from governance.errors import (
    DoubleReviewError,
    GateClosedError,
    NoGateError,
    OpenRequestExistsError,
    RoleNotAskedError,
    RoleNotHeldError,
    SeparationOfDutiesError,
    StaleSubjectError,
    WrongStateError,
)
from governance.models import GateDecision, PromotionRequest, Review
from governance.policies import gate_for, plan_for
from governance.policy_versions import policy_in_force
from governance.refusals import recorded, subject_id
from governance.roles import roles_of
from registry import ledger, provenance
from registry.authority import require
from registry.canonical import digest_of
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import ModelVersion, Person, RegisteredModel, StageAssignment

State = PromotionRequest.State
Verdict = Review.Verdict


@recorded("version")
def request_promotion(*, actor: Person, version: ModelVersion, to_stage: str, reason: str) -> PromotionRequest:
    """Ask that `version` may go to `to_stage`: pins the policy in force, finds its gate, starts the checks.

    Raises PermissionRefusedError, InvalidInputError, NoPolicyError, NoGateError, OpenRequestExistsError, or
    WrongStateError when an input of the version was withdrawn.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    require(actor, "registry.request_promotion", model)
    if not reason.strip():
        raise InvalidInputError("Say why the version should be promoted.", field="reason")
    policy_version = policy_in_force(model)
    rules = policy_version.rules
    gate = _gate_from_here(version, rules, to_stage)
    open_already = PromotionRequest.objects.filter(
        version=version, to_stage=to_stage, state__in=PromotionRequest.OPEN_STATES
    ).first()
    if open_already is not None:
        raise OpenRequestExistsError(f"The request {open_already.pk} for {version} to {to_stage} is open already.")
    withdrawn = provenance.withdrawn_inputs(version)
    if withdrawn:
        raise WrongStateError(f"{version} depends on withdrawn data: {', '.join(withdrawn)}.", field="version")
    plan = plan_for(gate)
    run = runs.open_run(version=version, plan=plan, actor=actor)
    request = PromotionRequest.objects.create(
        version=version,
        from_stage=gate.from_stage,
        to_stage=to_stage,
        policy_version=policy_version,
        gate_name=gate.name,
        run=run,
        reason=reason,
        requested_by=actor,
        requested_at=timezone.now(),
    )
    ledger.append(
        Event.PROMOTION_REQUESTED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "version": version.record_digest,
            "artifact": version.artifact_digest,
            "to_stage": to_stage,
            "policy": policy_version.digest,
            "gate": gate.name,
            "plan": plan.digest,
            "run": run.pk,
            "reason": ledger.commit_text(reason),
        },
    )
    return request


@recorded("request")
def record_review(
    *,
    actor: Person,
    request: PromotionRequest,
    verdict: str,
    role: str,
    meaning: str,
    reason: str,
    subject_digest: str,
    password: str,
) -> Review:
    """One person's signed decision on exactly what `subject_digest` names.

    Raises WrongCredentialError, ServiceAccountError, RoleNotHeldError, RoleNotAskedError, SeparationOfDutiesError,
    DoubleReviewError, StaleSubjectError, WrongStateError or InvalidInputError. The decision of the gate follows in the
    same transaction.
    """
    request = locked(request)
    model = request.version.model
    gate = request.gate
    method = prove(actor, password=password)
    _require_words(verdict, meaning, reason)
    if role not in roles_of(actor, "registry.review_promotion", model):
        raise RoleNotHeldError(f"{actor.get_username()} does not review {model.slug} as {role}.", field="role")
    if role not in {quorum.role for quorum in gate.quorum}:
        raise RoleNotAskedError(f"The gate {gate.name} asks for no review as {role}.", field="role")
    if request.state not in (State.IN_REVIEW, State.BLOCKED):
        raise WrongStateError(f"The request is {request.get_state_display()}: there is nothing to review now.")
    if request.state == State.BLOCKED and verdict == Verdict.APPROVE:
        raise WrongStateError("Findings block this request; it cannot be approved while they stand.", field="verdict")
    if subject_digest != request.subject_digest:
        raise StaleSubjectError(
            f"You signed {subject_digest}, but {request.subject_digest} is in front of the gate. Read it again.",
            field="subject_digest",
        )
    problem = decisions.separation_problem(request, actor)
    if problem and verdict == Verdict.APPROVE:
        raise SeparationOfDutiesError(problem)
    reviewed = request.reviews.filter(round=request.round, reviewer=actor).exclude(verdict=Verdict.COMMENT).exists()
    if reviewed and verdict != Verdict.COMMENT:
        raise DoubleReviewError("You have reviewed this round already; a person counts once.")
    review = Review(
        request=request,
        round=request.round,
        reviewer=actor,
        printed_name=actor.printed_name,
        role=role,
        verdict=verdict,
        meaning=meaning,
        reason=reason,
        method=method,
        subject_digest=subject_digest,
        created_at=timezone.now(),
    )
    review.save()
    ledger.append(
        Event.REVIEW_RECORDED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "round": request.round,
            "role": role,
            "verdict": verdict,
            "meaning": meaning,
            "method": method,
            "subject_digest": subject_digest,
            "reason": ledger.commit_text(reason),
        },
    )
    advance(request)
    return review


@recorded("request")
def withdraw_request(*, actor: Person, request: PromotionRequest, reason: str) -> PromotionRequest:
    """Take an open request back. Its requester may, and whoever may request for this model."""
    request = locked(request)
    if actor.pk != request.requested_by_id:
        require(actor, "registry.request_promotion", request.version.model)
    if not request.is_open:
        raise WrongStateError(f"The request is {request.get_state_display()} already.")
    _end(request, State.WITHDRAWN)
    ledger.append(
        Event.PROMOTION_WITHDRAWN,
        subject=subject_id(request),
        actor=actor,
        facts={"reason": ledger.commit_text(reason)},
    )
    return request


@recorded("request")
def rerun_checks(*, actor: Person, request: PromotionRequest, reason: str) -> PromotionRequest:
    """Measure again: a new round with a new run. Reviews and waivers of earlier rounds do not carry over."""
    request = locked(request)
    require(actor, "registry.request_promotion", request.version.model)
    if request.state not in (State.BLOCKED, State.IN_REVIEW):
        raise WrongStateError(f"The request is {request.get_state_display()}: it cannot be measured again.")
    plan = plan_for(request.gate)
    request.run = runs.open_run(version=request.version, plan=plan, actor=actor)
    request.round += 1
    request.state = State.AUDITING
    request.subject_digest = ""
    request.save(update_fields=["run", "round", "state", "subject_digest"])
    ledger.append(
        Event.PROMOTION_RERUN,
        subject=subject_id(request),
        actor=actor,
        facts={"round": request.round, "run": request.run.pk, "reason": ledger.commit_text(reason)},
    )
    return request


@recorded("request")
def complete(*, actor: Person, request: PromotionRequest) -> StageAssignment:
    """Put an approved version into its stage, after the gate was asked again at this moment.

    Raises PermissionRefusedError, WrongStateError, or GateClosedError with what closed it since.
    """
    request = locked(request)
    model = RegisteredModel.objects.select_for_update().get(pk=request.version.model_id)
    require(actor, "registry.complete_promotion", model)
    if request.state != State.APPROVED:
        raise WrongStateError(f"The request is {request.get_state_display()}, not approved.")
    now_open = decisions.ask_gate(version=request.version, stage=request.to_stage)
    if not now_open.is_open:
        raise GateClosedError("The gate is closed now: " + "; ".join(entry["explanation"] for entry in now_open.blocking))
    decision: GateDecision = now_open.require_decision()
    assignment = assign_stage(
        model=model, stage=request.to_stage, version=request.version, decision_digest=decision.digest, actor=actor
    )
    _end(request, State.COMPLETED)
    ledger.append(
        Event.PROMOTION_COMPLETED,
        subject=subject_id(request),
        actor=actor,
        facts={"stage": request.to_stage, "version": request.version.record_digest, "decision": decision.digest},
    )
    return assignment


def assign_stage(
    *, model: RegisteredModel, stage: str, version: ModelVersion | None, decision_digest: str, actor: Person
) -> StageAssignment:
    """Append the row that says what is in the stage from now on. `model` must be locked by the caller."""
    rows = StageAssignment.objects.filter(model=model, stage=stage)
    assignment = StageAssignment(
        model=model,
        stage=stage,
        sequence=(rows.aggregate(newest=Max("sequence"))["newest"] or 0) + 1,
        version=version,
        decision_digest=decision_digest,
        assigned_by=actor.pseudonym,
        assigned_at=timezone.now(),
    )
    try:
        assignment.save()
    except IntegrityError:
        raise WrongStateError(f"Another promotion changed {stage} of {model.slug} at the same moment.") from None
    ledger.append(
        Event.STAGE_ASSIGNED,
        subject=f"model:{model.slug}",
        actor=actor,
        facts={
            "stage": stage,
            "sequence": assignment.sequence,
            "version": version.record_digest if version else None,
            "decision": decision_digest,
        },
    )
    return assignment


def audit_finished(*, run: AuditRun, **_signal: Any) -> None:
    """The run of a request was closed: fix what reviewers will sign, and see what the gate says. A signal receiver."""
    for found in PromotionRequest.objects.filter(run=run, state=State.AUDITING):
        request = locked(found)
        request.subject_digest = subject_digest_of(request)
        request.save(update_fields=["subject_digest"])
        advance(request)


def subject_digest_of(request: PromotionRequest) -> str:
    """Exactly what a reviewer signs: version, plan, measured run, policy, stage and round."""
    return digest_of(
        {
            "request": str(request.pk),
            "round": request.round,
            "version": request.version.record_digest,
            "artifact": request.version.artifact_digest,
            "plan": request.run.plan_digest,
            "run": request.run.digest,
            "policy": request.policy_version.digest,
            "gate": request.gate_name,
            "to_stage": request.to_stage,
        }
    )


def advance(request: PromotionRequest) -> None:
    """Ask the gate and move the locked request accordingly; a final word becomes a signed decision and a report."""
    verdict = decisions.evaluate(request, timezone.now())
    state = decisions.state_after(verdict)
    if state in (State.APPROVED, State.REJECTED) or (state == State.BLOCKED and request.state != State.BLOCKED):
        decisions.issue(request=request, decision=verdict)
    if state == State.REJECTED:
        _end(request, state)
    elif state != request.state:
        request.state = state
        request.save(update_fields=["state"])


def locked(request: PromotionRequest) -> PromotionRequest:
    """The request as it is now, locked until the transaction ends. Every verb starts with it."""
    return (
        PromotionRequest.objects.select_for_update(of=("self",))
        .select_related("version__model", "policy_version__policy", "run", "requested_by")
        .get(pk=request.pk)
    )


def _end(request: PromotionRequest, state: str) -> None:
    request.state = state
    request.ended_at = timezone.now()
    request.save(update_fields=["state", "ended_at"])


def _gate_from_here(version: ModelVersion, rules: Any, to_stage: str) -> Any:
    """The gate into `to_stage` from a stage the version is in now; a version in no stage is in the policy's first."""
    if to_stage not in {stage.name for stage in rules.stages}:
        known = ", ".join(stage.name for stage in rules.stages)
        raise InvalidInputError(f"{to_stage!r} is no stage of policy {rules.slug}; it has {known}.", field="to_stage")
    here = set(
        StageAssignment.objects.current().filter(version=version).values_list("stage", flat=True)
    ) or {rules.stages[0].name}
    for stage in rules.stages:
        if stage.name in here:
            gate = gate_for(rules, stage.name, to_stage)
            if gate is not None:
                return gate
    raise NoGateError(
        f"{version} is in {', '.join(sorted(here))}, and policy {rules.slug} has no gate from there to {to_stage}.",
        field="to_stage",
    )


def _require_words(verdict: str, meaning: str, reason: str) -> None:
    if verdict not in Verdict.values:
        raise InvalidInputError(f"verdict is one of {', '.join(Verdict.values)}.", field="verdict")
    if meaning not in Review.Meaning.values:
        raise InvalidInputError(f"meaning is one of {', '.join(Review.Meaning.values)}.", field="meaning")
    if (verdict == Verdict.APPROVE) == (meaning == Review.Meaning.REJECTED):
        raise InvalidInputError("The meaning of the signature contradicts the verdict.", field="meaning")
    if not reason.strip():
        raise InvalidInputError("Give the reason for your decision.", field="reason")
