"""The verbs on stages: what is put there, taken out, or brought back. History rows are appended, never changed."""

from __future__ import annotations

from django.db import IntegrityError
from django.db.models import Max
from django.utils import timezone

from governance import moves
from governance.decisions import ask_gate
from governance.errors import GateClosedError, WrongStateError
from governance.models import Decommission, PromotionRequest
from governance.refusals import recorded, subject_id
from governance.signatures.credentials import prove
from registry import graph, ledger
from registry.authority import require
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import ModelVersion, Person, RegisteredModel, StageAssignment

State = PromotionRequest.State


def assign_stage(
    *,
    model: RegisteredModel,
    stage: str,
    version: ModelVersion,
    decision_digest: str,
    actor: Person,
    exclusive: bool = True,
) -> StageAssignment:
    """Append the row that says what is in the stage from now on. `model` must be locked by the caller.

    In an exclusive stage the version takes the place of whatever stood there; otherwise it stands beside the others.
    """
    place = "" if exclusive else str(version.number)
    occupied = StageAssignment.objects.current().filter(model=model, stage=stage, version__isnull=False)
    others = occupied.exclude(place="") if exclusive else occupied.filter(place="")
    for former in others.order_by("sequence"):
        _append(former.model, stage, None, former.decision_digest, actor, former.place)
    return _append(model, stage, version, decision_digest, actor, place)


@recorded("model")
def roll_back(
    *, actor: Person, model: RegisteredModel, stage: str, reason: str, to: int | None = None
) -> StageAssignment:
    """Bring an earlier version back into an exclusive stage: the one before, or version number `to`.

    It must have been there, and its gate must be open at this moment; a version whose decision has run out needs a new
    promotion, or broken glass. Raises PermissionRefusedError, InvalidInputError, WrongStateError, GateClosedError.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    require(actor, "registry.complete_promotion", model)
    if not reason.strip():
        raise InvalidInputError("Say why the earlier version is brought back.", field="reason")
    here = StageAssignment.objects.current().filter(model=model, stage=stage, place="").first()
    target = _earlier(model, stage, here, to)
    answer = ask_gate(version=target, stage=stage)
    if not answer.is_open:
        raise GateClosedError(
            f"{target} may not return to {stage}: " + "; ".join(entry["explanation"] for entry in answer.blocking)
        )
    decision = answer.require_decision()
    assignment = assign_stage(model=model, stage=stage, version=target, decision_digest=decision.digest, actor=actor)
    ledger.append(
        Event.STAGE_ROLLED_BACK,
        subject=f"model:{model.slug}",
        actor=actor,
        facts={
            "stage": stage,
            "from": here.version.record_digest if here and here.version else None,
            "to": target.record_digest,
            "reason": ledger.commit_text(reason),
        },
    )
    return assignment


@recorded("version")
def retire_version(*, actor: Person, version: ModelVersion, stage: str, reason: str) -> StageAssignment:
    """Take a version out of a stage; nothing takes its place.

    Raises PermissionRefusedError, InvalidInputError, WrongStateError when it is not there.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    require(actor, "registry.retire_version", model)
    if not reason.strip():
        raise InvalidInputError("Say why the version is taken out.", field="reason")
    here = StageAssignment.objects.current().filter(stage=stage, version=version).first()
    if here is None:
        raise WrongStateError(f"{version} is not in {stage}.", field="stage")
    assignment = _append(model, stage, None, here.decision_digest, actor, here.place)
    ledger.append(
        Event.STAGE_RETIRED,
        subject=f"model:{model.slug}",
        actor=actor,
        facts={"stage": stage, "version": version.record_digest, "reason": ledger.commit_text(reason)},
    )
    return assignment


@recorded("version")
def decommission_version(
    *, actor: Person, version: ModelVersion, reason: str, password: str = "", otp: str = ""
) -> Decommission:
    """Take a version out of use for good: out of every stage, its open requests withdrawn, all its gates closed.

    Raises PermissionRefusedError, WrongCredentialError, InvalidInputError, WrongStateError when it is done already.
    """
    open_requests = PromotionRequest.objects.filter(version=version, state__in=PromotionRequest.OPEN_STATES)
    requests = [moves.locked(request) for request in open_requests.order_by("pk")]
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    require(actor, "registry.retire_version", model)
    method = prove(actor, password=password, otp=otp)
    if not reason.strip():
        raise InvalidInputError("Say why the version goes out of use.", field="reason")
    if Decommission.objects.filter(version=version).exists():
        raise WrongStateError(f"{version} is decommissioned already.")
    row = Decommission(
        version=version,
        reason=reason,
        decided_by=actor,
        printed_name=actor.printed_name,
        method=method,
        decided_at=timezone.now(),
    )
    row.save()
    ledger.append(
        Event.VERSION_DECOMMISSIONED,
        subject=subject_id(version),
        actor=actor,
        facts={"version": version.record_digest, "method": method, "reason": ledger.commit_text(reason)},
    )
    for request in requests:
        moves.move(request, State.WITHDRAWN, actor=actor)
    for here in StageAssignment.objects.current().filter(version=version).order_by("pk"):
        _append(model, here.stage, None, here.decision_digest, actor, here.place)
    return row


def _earlier(model: RegisteredModel, stage: str, here: StageAssignment | None, to: int | None) -> ModelVersion:
    """The version to bring back: number `to`, or the newest one that stood there before and is another one."""
    former = StageAssignment.objects.filter(model=model, stage=stage, place="", version__isnull=False)
    if here is not None and here.version_id is not None:
        former = former.exclude(version=here.version_id)
    # Nobody is brought back by default who went out of use for good; asked for by number, the gate says so.
    former = former.filter(version__decommission=None) if to is None else former.filter(version__number=to)
    found = former.select_related("version__model").order_by("-sequence").first()
    if found is None or found.version is None:
        which = f"Version {to}" if to is not None else "No earlier version"
        raise WrongStateError(f"{which} of {model.slug} was in {stage} before.", field="to")
    return found.version


def _append(
    model: RegisteredModel, stage: str, version: ModelVersion | None, decision_digest: str, actor: Person, place: str
) -> StageAssignment:
    rows = StageAssignment.objects.filter(model=model, stage=stage)
    sequence = (rows.aggregate(newest=Max("sequence"))["newest"] or 0) + 1
    entry = ledger.append(
        Event.STAGE_ASSIGNED,
        subject=f"model:{model.slug}",
        actor=actor,
        facts={
            "stage": stage,
            "place": place,
            "sequence": sequence,
            "version": version.record_digest if version else None,
            "decision": decision_digest,
        },
    )
    assignment = StageAssignment(
        model=model,
        stage=stage,
        sequence=sequence,
        version=version,
        decision_digest=decision_digest,
        assigned_by=actor.pseudonym,
        assigned_at=timezone.now(),
        place=place,
        entry=entry.index,
    )
    try:
        assignment.save()
    except IntegrityError as error:
        raise WrongStateError(f"The database refuses this change of {stage} of {model.slug}: {error}") from None
    graph.record_assignment(assignment)
    return assignment
