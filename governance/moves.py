"""The one place where a promotion request moves: the row and the ledger entry that tells of it, together."""

from __future__ import annotations

from typing import Any

from django.utils import timezone

from audits.models import AuditRun
from governance.errors import WrongStateError
from governance.models import PromotionRequest, PromotionRound
from governance.refusals import subject_id
from registry import ledger, rows
from registry.canonical import digest_of
from registry.events import Event
from registry.models import Person

State = PromotionRequest.State


def locked(request: PromotionRequest) -> PromotionRequest:
    """The request as it is now, locked until the transaction ends. Every verb starts with it.

    Its run is locked first, as a worker does that brings in a measurement: whoever took them the other way round could
    wait for each other. Raises WrongStateError when a new run was started between the two.
    """
    run_id = PromotionRequest.objects.values_list("run_id", flat=True).get(pk=request.pk)
    AuditRun.objects.select_for_update().get(pk=run_id)
    now = (
        PromotionRequest.objects.select_for_update(of=("self",))
        .select_related("version__model", "version__created_by", "version__run_author", "policy_version__policy")
        .select_related("run", "requested_by")
        .get(pk=request.pk)
    )
    if now.run_id != run_id:
        raise WrongStateError("The checks were started anew at this very moment; look at the request again.")
    return now


def move(request: PromotionRequest, state: str, *, actor: Person | str = ledger.SYSTEM, **fields: Any) -> None:
    """Bring the locked `request` to `state`, with further fields. The database refuses what MOVES forbids."""
    former = request.state
    changes = {"state": state, **fields}
    if state not in PromotionRequest.OPEN_STATES:
        changes["ended_at"] = timezone.now()
    for name, value in changes.items():
        setattr(request, name, value)
    entry = ledger.append(
        Event.PROMOTION_MOVED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "from": former,
            "to": state,
            "round": request.round,
            "run": request.run_id,
            "subject_digest": request.subject_digest,
        },
    )
    request.entry = entry.index
    PromotionRequest.objects.filter(pk=request.pk).moved(**changes, entry=entry.index)
    rows.note(request)


def begin_round(request: PromotionRequest, *, run: AuditRun, cause: str, reason: str, actor: Person | str) -> None:
    """Measure anew: the next round with a run of its own. What was said in earlier ones stays there."""
    add_round(request, run=run, number=request.round + 1, cause=cause, reason=reason, actor=actor)
    move(request, State.AUDITING, actor=actor, round=request.round + 1, run=run, subject_digest="")


def add_round(
    request: PromotionRequest, *, run: AuditRun, number: int, cause: str, reason: str, actor: Person | str
) -> PromotionRound:
    """The record of one round: its run stays linked when a later one has begun."""
    added = PromotionRound(
        request=request,
        number=number,
        run=run,
        cause=cause,
        reason=reason,
        opened_by=actor.pseudonym if isinstance(actor, Person) else actor,
        opened_at=timezone.now(),
    )
    added.save()
    return added


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
