"""The verbs on waivers: one person asks, another decides, and both are on record."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from audits.criteria import Outcome
from governance import decisions
from governance.access.roles import roles_of
from governance.errors import (
    NotWaivableError,
    RoleNotHeldError,
    SeparationOfDutiesError,
    StaleSubjectError,
    WaiverRenewalError,
    WrongStateError,
)
from governance.evaluation import separation_problem
from governance.models import PromotionRequest, Waiver, WaiverDecision
from governance.moves import locked
from governance.refusals import recorded, subject_id
from governance.signatures.credentials import prove
from registry import ledger
from registry.authority import require
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import Person

State = PromotionRequest.State


@recorded("request")
def request_waiver(
    *,
    actor: Person,
    request: PromotionRequest,
    criterion_id: str,
    justification: str,
    compensating_control: str,
    expires_at: datetime,
) -> Waiver:
    """Ask that a finding that blocks may stand until `expires_at`.

    Raises PermissionRefusedError, WrongStateError, NotWaivableError, WaiverRenewalError for a criterion that was waived
    in this round already, or InvalidInputError naming the field.
    """
    request = locked(request)
    require(actor, "registry.request_waiver", request.version.model)
    if request.state not in (State.BLOCKED, State.IN_REVIEW):
        raise WrongStateError(f"The request is {request.get_state_display()}: nothing can be waived now.")
    _require_waivable(request, criterion_id)
    _require_texts(justification=justification, compensating_control=compensating_control)
    _require_expiry(request, expires_at)
    _require_no_renewal(request, criterion_id)
    waiver = Waiver(
        request=request,
        round=request.round,
        criterion_id=criterion_id,
        justification=justification,
        compensating_control=compensating_control,
        expires_at=expires_at,
        requested_by=actor,
        requested_at=timezone.now(),
    )
    waiver.save()
    ledger.append(
        Event.WAIVER_REQUESTED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "waiver": waiver.pk,
            "criterion": criterion_id,
            "round": request.round,
            "expires_at": ledger.utc_text(expires_at),
            "justification": ledger.commit_text(justification),
            "compensating_control": ledger.commit_text(compensating_control),
        },
    )
    return waiver


@recorded("waiver")
def decide_waiver(
    *, actor: Person, waiver: Waiver, granted: bool, role: str, reason: str, password: str = "", otp: str = ""
) -> WaiverDecision:
    """Grant or refuse a waiver, once, signed. The gate is asked again in the same transaction.

    Raises WrongCredentialError, ServiceAccountError, RoleNotHeldError, SeparationOfDutiesError, StaleSubjectError for a
    waiver of an earlier round, WrongStateError when it is decided or expired already.
    """
    request = locked(waiver.request)
    waiver = Waiver.objects.select_related("requested_by").get(pk=waiver.pk)
    method = prove(actor, password=password, otp=otp)
    _require_decider(actor, role, waiver, request)
    _require_undecided(waiver, request)
    if not reason.strip():
        raise InvalidInputError("Give the reason for your decision.", field="reason")
    if granted:
        _require_waivable(request, waiver.criterion_id)
        _require_expiry(request, waiver.expires_at)
    entry = ledger.append(
        Event.WAIVER_GRANTED if granted else Event.WAIVER_REFUSED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "waiver": waiver.pk,
            "criterion": waiver.criterion_id,
            "role": role,
            "method": method,
            "reason": ledger.commit_text(reason),
        },
    )
    decision = WaiverDecision(
        waiver=waiver,
        granted=granted,
        reason=reason,
        decided_by=actor,
        printed_name=actor.printed_name,
        role=role,
        method=method,
        decided_at=timezone.now(),
        entry=entry.index,
    )
    decision.save()
    decisions.advance(request)
    return decision


def _require_decider(actor: Person, role: str, waiver: Waiver, request: PromotionRequest) -> None:
    """Somebody who decides waivers in that role, did not ask for this one, and is not concerned."""
    if role not in roles_of(actor, "registry.decide_waiver", request.version.model):
        raise RoleNotHeldError(f"{actor.get_username()} does not decide waivers as {role}.", field="role")
    if actor.pk == waiver.requested_by_id:
        raise SeparationOfDutiesError("You asked for this waiver, so somebody else must decide it.")
    problem = separation_problem(request, actor, timezone.now())
    if problem:
        raise SeparationOfDutiesError(problem)


def _require_undecided(waiver: Waiver, request: PromotionRequest) -> None:
    if WaiverDecision.objects.filter(waiver=waiver).exists():
        raise WrongStateError("This waiver is decided already.")
    if request.state not in (State.BLOCKED, State.IN_REVIEW):
        raise WrongStateError(f"The request is {request.get_state_display()}: nothing can be waived now.")
    if waiver.round != request.round:
        raise StaleSubjectError("The checks ran again since; ask for the waiver anew.")


def _require_texts(**texts: str) -> None:
    for field, text in texts.items():
        if not text.strip():
            raise InvalidInputError("Say why, and what protects people meanwhile.", field=field)


def _require_waivable(request: PromotionRequest, criterion_id: str) -> None:
    gate = request.gate
    criterion = next((entry for entry in gate.criteria if entry.id == criterion_id), None)
    if criterion is None:
        raise InvalidInputError(f"The gate {gate.name} has no criterion {criterion_id}.", field="criterion_id")
    if criterion.prohibited:
        raise NotWaivableError(
            f"{criterion_id} marks a prohibited practice: nobody can waive it.", field="criterion_id"
        )
    if not (gate.waivers.allowed and criterion.waivable):
        raise NotWaivableError(f"The policy allows no waiver of {criterion_id}.", field="criterion_id")
    finding = request.run.findings.filter(criterion_id=criterion_id).first()
    if finding is not None and finding.outcome == Outcome.SATISFIED:
        raise NotWaivableError(f"{criterion_id} is satisfied: there is nothing to waive.", field="criterion_id")


def _require_no_renewal(request: PromotionRequest, criterion_id: str) -> None:
    """A waiver is granted once a round: whoever wants it for longer has the evidence measured and reviewed anew."""
    granted = Waiver.objects.filter(
        request=request, round=request.round, criterion_id=criterion_id, decision__granted=True
    ).first()
    if granted is not None:
        raise WaiverRenewalError(
            f"{criterion_id} was waived in this round until {granted.expires_at:%Y-%m-%d}; a waiver is not prolonged. "
            "Run the checks again: a new round has a new review.",
            field="criterion_id",
        )
    waiting = Waiver.objects.filter(request=request, round=request.round, criterion_id=criterion_id, decision=None)
    if waiting.exists():
        raise WrongStateError(f"A waiver of {criterion_id} is waiting for a decision already.", field="criterion_id")


def _require_expiry(request: PromotionRequest, expires_at: datetime) -> None:
    now = timezone.now()
    latest = now + timedelta(days=request.gate.waivers.max_days)
    if not now < expires_at <= latest:
        raise InvalidInputError(
            f"A waiver ends after now and within {request.gate.waivers.max_days} days.", field="expires_at"
        )
