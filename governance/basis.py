"""What a page or a report rests on: one round of a request, the run that measured it, and a moment."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from django.utils import timezone

from audits.models import AuditRun
from governance.models import GateDecision, PromotionRequest, PromotionRound
from governance.moments import Moment
from governance.refusals import subject_id
from registry.errors import EvidenceMissingError
from registry.events import Event
from registry.models import LedgerEntry, ModelVersion


@dataclass(frozen=True, slots=True)
class Basis:
    """`entry` is the last ledger entry that was known then; None where nothing came after it yet."""

    request: PromotionRequest
    round: int
    run: AuditRun
    at: datetime
    entry: int | None = None


def basis_now(request: PromotionRequest) -> Basis:
    """What is in front of the gate at this moment."""
    return Basis(request, request.round, request.run, timezone.now())


def basis_then(version: ModelVersion, moment: Moment) -> Basis | None:
    """The newest audit of `version` that was finished by then, whatever was measured since; None before the first."""
    finished = PromotionRound.objects.filter(
        request__version=version, run__state=AuditRun.State.CLOSED, run__closed_at__lte=moment.known
    )
    newest = finished.select_related("request", "run").order_by("-run__closed_at", "-pk").first()
    return Basis(newest.request, newest.number, newest.run, moment.known) if newest else None


def basis_of(decision: GateDecision) -> Basis:
    """What was in front of the gate when it decided, whatever was measured or said since.

    Raises EvidenceMissingError when the run that the signed decision names is not the one on record.
    """
    request, number = decision.request, decision.document["round"]
    opened = request.rounds.select_related("run").filter(number=number).first()
    if opened is None:
        raise EvidenceMissingError(f"Round {number} of {request.pk}, on which the gate decided, is not on record.")
    # Decisions that were signed before they named their run are found by their round alone.
    named = decision.document.get("run")
    if named is not None and named != run_identity(opened.run):
        raise EvidenceMissingError(f"Run {opened.run_id} is not the one on which the gate decided.")
    return Basis(request, number, opened.run, decision.decided_at, _entry_of(decision))


def run_identity(run: AuditRun) -> dict[str, str | int]:
    """How a decision names the run it rests on."""
    return {"id": run.pk, "digest": run.digest}


def _entry_of(decision: GateDecision) -> int | None:
    if decision.entry is not None:
        return int(decision.entry)
    told = LedgerEntry.objects.filter(event=Event.GATE_DECIDED, subject=subject_id(decision.request)).order_by("-index")
    for index, body in told.values_list("index", "body"):
        if json.loads(bytes(body))["facts"]["digest"] == decision.digest:
            return int(index)
    return None
