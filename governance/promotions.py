"""The verbs on promotion requests. Nothing else changes where a request stands or which version is in a stage."""

from __future__ import annotations

import uuid
from typing import Any

from django.utils import timezone

from audits import runs
from audits.models import AuditRun
from governance import decisions, moves
from governance.decisions import advance
from governance.errors import GateClosedError, NoGateError, OpenRequestExistsError, WrongStateError
from governance.models import GateDecision, PromotionRequest, PromotionRound
from governance.moves import locked
from governance.policies import Mode, gate_for, plan_for
from governance.policy_versions import policy_in_force
from governance.refusals import recorded, subject_id
from governance.reviews import record_review
from governance.stages import assign_stage
from registry import ledger, recalls
from registry.authority import require
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import ModelVersion, Person, RegisteredModel, StageAssignment

__all__ = [
    "advance",
    "audit_finished",
    "complete",
    "locked",
    "measure_again",
    "record_review",
    "request_promotion",
    "rerun_checks",
    "withdraw_request",
]

State = PromotionRequest.State


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
    _require_none_open(version, to_stage)
    withdrawn = recalls.unaccepted(version, timezone.now())
    if withdrawn:
        raise WrongStateError(f"{version} depends on withdrawn data: {', '.join(withdrawn)}.", field="version")
    plan = plan_for(gate)
    run = runs.open_run(version=version, plan=plan, actor=actor)
    key = uuid.uuid4()
    entry = ledger.append(
        Event.PROMOTION_REQUESTED,
        subject=f"promotion:{key}",
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
    request = PromotionRequest.objects.create(
        id=key,
        version=version,
        from_stage=gate.from_stage,
        to_stage=to_stage,
        policy_version=policy_version,
        gate_name=gate.name,
        run=run,
        reason=reason,
        requested_by=actor,
        requested_at=timezone.now(),
        entry=entry.index,
    )
    moves.add_round(request, run=run, number=1, cause=PromotionRound.Cause.REQUESTED, reason=reason, actor=actor)
    return request


@recorded("request")
def withdraw_request(*, actor: Person, request: PromotionRequest, reason: str) -> PromotionRequest:
    """Take an open request back. Its requester may, and whoever may request for this model."""
    request = locked(request)
    if actor.pk != request.requested_by_id:
        require(actor, "registry.request_promotion", request.version.model)
    if not request.is_open:
        raise WrongStateError(f"The request is {request.get_state_display()} already.")
    ledger.append(
        Event.PROMOTION_WITHDRAWN,
        subject=subject_id(request),
        actor=actor,
        facts={"reason": ledger.commit_text(reason)},
    )
    moves.move(request, State.WITHDRAWN, actor=actor)
    return request


@recorded("request")
def rerun_checks(*, actor: Person, request: PromotionRequest, reason: str) -> PromotionRequest:
    """Measure again: a new round with a new run. Reviews and waivers of earlier rounds do not carry over."""
    request = locked(request)
    require(actor, "registry.request_promotion", request.version.model)
    if request.state not in (State.BLOCKED, State.IN_REVIEW, State.APPROVED):
        raise WrongStateError(f"The request is {request.get_state_display()}: it cannot be measured again.")
    measure_again(request, cause=PromotionRound.Cause.RERUN, reason=reason, actor=actor)
    return request


@recorded("request")
def complete(*, actor: Person, request: PromotionRequest, reason: str = "") -> StageAssignment:
    """Put a version into its stage, after the gate was asked again at this moment.

    An approved request needs an open gate. A gate that only warns or runs dry lets a version pass although it is
    closed, unless by something that holds back in every mode; a warning is overridden with a `reason`. The record says
    closed.
    Raises PermissionRefusedError, WrongStateError, InvalidInputError, or GateClosedError with what closes it.
    """
    request = locked(request)
    model = RegisteredModel.objects.select_for_update().get(pk=request.version.model_id)
    require(actor, "registry.complete_promotion", model)
    decision = _let_pass(request, reason)
    stage = next(entry for entry in request.policy_version.rules.stages if entry.name == request.to_stage)
    assignment = assign_stage(
        model=model,
        stage=request.to_stage,
        version=request.version,
        decision_digest=decision.digest,
        actor=actor,
        exclusive=stage.exclusive,
    )
    ledger.append(
        Event.PROMOTION_COMPLETED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "stage": request.to_stage,
            "version": request.version.record_digest,
            "decision": decision.digest,
            "gate": decision.outcome,
            "mode": str(request.gate.mode),
            "reason": ledger.commit_text(reason) if reason else None,
        },
    )
    moves.move(request, State.COMPLETED, actor=actor)
    return assignment


def _let_pass(request: PromotionRequest, reason: str) -> GateDecision:
    """The decision by which the version may pass now. Raises GateClosedError, WrongStateError or InvalidInputError."""
    if request.state == State.APPROVED:
        answer = decisions.ask_gate(version=request.version, stage=request.to_stage)
        if not answer.is_open:
            raise GateClosedError(
                "The gate is closed now: " + "; ".join(entry["explanation"] for entry in answer.blocking)
            )
        return answer.require_decision()
    if request.gate.mode is Mode.ENFORCE or request.state not in (State.BLOCKED, State.IN_REVIEW):
        raise WrongStateError(f"The request is {request.get_state_display()}, not approved.")
    verdict = decisions.evaluate(request, timezone.now())
    if not verdict.may_pass:
        raise GateClosedError(
            "This holds back in every mode: " + "; ".join(reason.explanation for reason in verdict.blocking)
        )
    if request.gate.mode is Mode.WARN and not reason.strip():
        raise InvalidInputError("The gate warns; say why the version passes all the same.", field="reason")
    return decisions.issue(request=request, decision=verdict)


def audit_finished(*, run: AuditRun, **_signal: Any) -> None:
    """The run of a request was closed: fix what reviewers will sign, and see what the gate says. A signal receiver."""
    for found in PromotionRequest.objects.filter(run=run, state=State.AUDITING):
        request = locked(found)
        request.subject_digest = moves.subject_digest_of(request)
        decisions.advance(request)


def measure_again(request: PromotionRequest, *, cause: str, reason: str, actor: Person | str) -> None:
    """Begin a new round of the locked request with a run of its own."""
    run = runs.open_run(version=request.version, plan=plan_for(request.gate), actor=actor)
    ledger.append(
        Event.PROMOTION_RERUN,
        subject=subject_id(request),
        actor=actor,
        facts={"round": request.round + 1, "run": run.pk, "cause": cause, "reason": ledger.commit_text(reason)},
    )
    moves.begin_round(request, run=run, cause=cause, reason=reason, actor=actor)


def _require_none_open(version: ModelVersion, to_stage: str) -> None:
    there = PromotionRequest.objects.filter(
        version=version, to_stage=to_stage, state__in=PromotionRequest.OPEN_STATES
    ).first()
    if there is not None:
        raise OpenRequestExistsError(f"The request {there.pk} for {version} to {to_stage} is open already.")


def _gate_from_here(version: ModelVersion, rules: Any, to_stage: str) -> Any:
    """The gate into `to_stage` from a stage the version is in now; a version in no stage is in the policy's first."""
    if to_stage not in {stage.name for stage in rules.stages}:
        known = ", ".join(stage.name for stage in rules.stages)
        raise InvalidInputError(f"{to_stage!r} is no stage of policy {rules.slug}; it has {known}.", field="to_stage")
    here = set(StageAssignment.objects.current().filter(version=version).values_list("stage", flat=True)) or {
        rules.stages[0].name
    }
    for stage in rules.stages:
        if stage.name in here:
            gate = gate_for(rules, stage.name, to_stage)
            if gate is not None:
                return gate
    raise NoGateError(
        f"{version} is in {', '.join(sorted(here))}, and policy {rules.slug} has no gate from there to {to_stage}.",
        field="to_stage",
    )
