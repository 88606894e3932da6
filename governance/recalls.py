"""Recall: what follows when data is withdrawn, and the verb by which a person answers for a version all the same.

The gates of every descendant close with the withdrawal itself, because a gate is asked afresh each time. What takes
longer follows in the background, one request at a time: measure open requests again, sign that the gate of a passed
one is closed now (with a report that says so), and write to the owners.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from governance import decisions, promotions
from governance.access.roles import roles_of
from governance.errors import NotAffectedError, RoleNotHeldError, SeparationOfDutiesError
from governance.evaluation import ACCEPT_RISK
from governance.models import GateDecision, PromotionRequest, PromotionRound
from governance.moves import locked
from governance.refusals import recorded, subject_id
from governance.signatures.credentials import prove
from registry import ledger, recalls, work
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import DatasetVersion, DatasetWithdrawal, ModelVersion, Person, RegisteredModel, RiskAcceptance

RECALL_WORK = "governance.recall"
RECALL_LETTER_WORK = "governance.recall-letter"
#: Requests that one work item looks at before it hands over to the next.
BATCH = 50

State = PromotionRequest.State
_MEASURABLE = (State.BLOCKED, State.IN_REVIEW, State.APPROVED)


def data_withdrawn(*, version: DatasetVersion, **_signal: Any) -> None:
    """Have a worker follow up the withdrawal that this transaction records. A signal receiver."""
    key = DatasetWithdrawal.objects.values_list("pk", flat=True).get(dataset_version=version)
    work.enqueue(kind=RECALL_WORK, key=f"recall:{key}", payload={"withdrawal": key})


class RecallPerformer:
    """Follows up one withdrawal. Every step is done once, however often the work is taken up again."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Look at one batch of requests; the effect hands over to the next, or writes to the owners at the end."""
        withdrawal = DatasetWithdrawal.objects.select_related("dataset_version__dataset").get(pk=payload["withdrawal"])
        requests = PromotionRequest.objects.filter(
            version__in=recalls.models_made_with(withdrawal.dataset_version).values("pk"),
            state__in=(*_MEASURABLE, State.COMPLETED),
        )
        if "after" in payload:
            requests = requests.filter(pk__gt=payload["after"])
        batch = list(requests.order_by("pk")[:BATCH])
        for request in batch:
            follow_up(request=request, withdrawal=withdrawal)
        if len(batch) < BATCH:
            return lambda: _write_to_owners(withdrawal)
        after = str(batch[-1].pk)
        following = {"withdrawal": withdrawal.pk, "after": after}
        return lambda: _enqueue(RECALL_WORK, f"recall:{withdrawal.pk}:{after}", following)

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:  # noqa: ARG002  (the protocol's signature)
        """The gates are closed whatever happens here; the work item keeps the error for the operator."""
        return lambda: None


@transaction.atomic
def follow_up(*, request: PromotionRequest, withdrawal: DatasetWithdrawal) -> None:
    """Measure an open request again; sign what the gate of one that passed says now. Once for a withdrawal."""
    request = locked(request)
    since = withdrawal.withdrawn_at
    if request.state == State.COMPLETED:
        if not GateDecision.objects.filter(request=request, decided_at__gte=since).exists():
            decisions.decide_again(request)
        return
    cause = PromotionRound.Cause.DATA_WITHDRAWN
    done = PromotionRound.objects.filter(request=request, cause=cause, opened_at__gte=since).exists()
    if request.state in _MEASURABLE and not done:
        reason = f"{withdrawal.dataset_version} was withdrawn"
        promotions.measure_again(request, cause=cause, reason=reason, actor=ledger.SYSTEM)


@recorded("version")
def accept_risk(
    *,
    actor: Person,
    version: ModelVersion,
    withdrawal: DatasetWithdrawal,
    role: str,
    justification: str,
    measures: str,
    expires_at: datetime,
    password: str = "",
    otp: str = "",
) -> RiskAcceptance:
    """Answer, signed, for leaving `version` in use until `expires_at` although data behind it was withdrawn.

    Its open requests are measured and reviewed anew; the gate of one that passed is decided again. Raises
    PermissionRefusedError, ServiceAccountError, WrongCredentialError, RoleNotHeldError, SeparationOfDutiesError,
    NotAffectedError when the data is not behind the version, or InvalidInputError naming the field.
    """
    requests = _concerned(version)
    method = prove(actor, password=password, otp=otp)
    _require_answerable(actor, version, role)
    _require_affected(version, withdrawal)
    _require_reasons(justification=justification, measures=measures)
    _require_end(expires_at)
    accepted = RiskAcceptance(
        version=version,
        withdrawal=withdrawal,
        justification=justification,
        measures=measures,
        expires_at=expires_at,
        role=role,
        signed_by=actor,
        printed_name=actor.printed_name,
        method=method,
        signed_at=timezone.now(),
    )
    accepted.save()
    facts = {
        "acceptance": accepted.pk,
        "withdrawal": withdrawal.pk,
        "expires_at": ledger.utc_text(expires_at),
        "role": role,
        "method": method,
        "justification": ledger.commit_text(justification),
        "measures": ledger.commit_text(measures),
    }
    ledger.append(Event.RISK_ACCEPTED, subject=subject_id(version), actor=actor, facts=facts)
    for request in requests:
        _judge_anew(request, withdrawal, actor)
    return accepted


def _concerned(version: ModelVersion) -> list[PromotionRequest]:
    """Requests that the acceptance changes something for, locked."""
    rows = PromotionRequest.objects.filter(version=version, state__in=(*_MEASURABLE, State.COMPLETED))
    return [locked(request) for request in rows.order_by("pk")]


def _judge_anew(request: PromotionRequest, withdrawal: DatasetWithdrawal, actor: Person) -> None:
    """The gate of what has passed is decided again; what is under way is measured and reviewed again."""
    if request.state == State.COMPLETED:
        decisions.decide_again(request)
        return
    reason = f"the residual risk after the withdrawal of {withdrawal.dataset_version} was accepted"
    promotions.measure_again(request, cause=PromotionRound.Cause.RERUN, reason=reason, actor=actor)


def _require_affected(version: ModelVersion, withdrawal: DatasetWithdrawal) -> None:
    if withdrawal.pk not in {one.withdrawal.pk for one in recalls.withdrawn_inputs(version)}:
        raise NotAffectedError(f"{version} was not made with {withdrawal.dataset_version}.", field="withdrawal")


def _require_reasons(**texts: str) -> None:
    for field, text in texts.items():
        if not text.strip():
            raise InvalidInputError("Say why the risk may stay, and what protects people meanwhile.", field=field)


def _require_answerable(actor: Person, version: ModelVersion, role: str) -> None:
    """Who answers holds the role, and neither made the version nor owns the model, which is locked for it."""
    model = RegisteredModel.objects.select_for_update().get(pk=version.model_id)
    if role not in roles_of(actor, ACCEPT_RISK, model):
        raise RoleNotHeldError(f"{actor.get_username()} does not accept risks of {model.slug} as {role}.", field="role")
    if actor.pk in (version.created_by_id, version.run_author_id, model.owner_id):
        raise SeparationOfDutiesError("You made this version or own the model, so somebody else must answer for it.")


def _require_end(expires_at: datetime) -> None:
    now, days = timezone.now(), settings.ASSAY_RISK_ACCEPTANCE_DAYS
    if not now < expires_at <= now + timedelta(days=days):
        raise InvalidInputError(f"An acceptance ends after now and within {days} days.", field="expires_at")


def _write_to_owners(withdrawal: DatasetWithdrawal) -> None:
    """One letter for each owner of an affected model, and the entry that says how far the recall reached."""
    dataset = withdrawal.dataset_version
    versions = recalls.models_made_with(dataset)
    owners = Person.objects.filter(owned_models__versions__in=versions.values("pk"), is_active=True).distinct()
    for owner in owners:
        payload = {"withdrawal": withdrawal.pk, "person": owner.pk}
        _enqueue(RECALL_LETTER_WORK, f"recall-letter:{withdrawal.pk}:{owner.pk}", payload)
    ledger.append(
        Event.RECALL_TOLD,
        subject=f"dataset:{dataset}",
        facts={
            "withdrawal": withdrawal.pk,
            "versions": versions.count(),
            "deployments": recalls.affected_deployments(dataset).count(),
            "people_told": len(owners),
        },
    )


def _enqueue(kind: str, key: str, payload: Mapping[str, Any]) -> None:
    work.enqueue(kind=kind, key=key, payload=payload)
