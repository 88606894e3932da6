"""Asks the gates. `gates.decide` is pure; here its facts are gathered, its answer is signed, and it is asked again."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.utils import timezone

from governance import gates, moves
from governance.basis import run_identity
from governance.errors import GateClosedError
from governance.evaluation import evaluate
from governance.gates.facts import ReasonCode
from governance.models import GateDecision, PromotionRequest
from governance.refusals import subject_id
from registry import dsse, ledger, receipts, work
from registry.canonical import digest_of
from registry.errors import AssayError
from registry.events import Event
from registry.models import ModelVersion
from registry.signing import keyring

__all__ = ["GateAnswer", "advance", "ask_gate", "decide_again", "evaluate", "issue", "state_after"]

log = logging.getLogger("assay.gate")

REPORT_WORK = "governance.report"
State = PromotionRequest.State


# -- The answer becomes a record --------------------------------------------------------------------------------------
_WAITING = {ReasonCode.QUORUM_MISSING}


def state_after(decision: gates.Decision) -> State:
    """Where a request stands after this answer of its gate."""
    if decision.is_open:
        return State.APPROVED
    codes = {reason.code for reason in decision.blocking}
    if ReasonCode.REVIEW_REJECTED in codes:
        return State.REJECTED
    return State.IN_REVIEW if codes <= _WAITING else State.BLOCKED


def advance(request: PromotionRequest) -> None:
    """Ask the gate and move the locked request accordingly; a final word becomes a signed decision and a report."""
    verdict = evaluate(request, timezone.now())
    state = state_after(verdict)
    if state in (State.APPROVED, State.REJECTED) or (state == State.BLOCKED and request.state != State.BLOCKED):
        issue(request=request, decision=verdict)
    if state != request.state:
        moves.move(request, state, subject_digest=request.subject_digest)


def decide_again(request: PromotionRequest) -> None:
    """Sign what the gate says now of a request that passed already: its conditions or its emergency were looked at.

    The signed decision before it ran out when a condition fell due or a view was due; this one knows better.
    """
    if request.state in (State.APPROVED, State.COMPLETED):
        issue(request=request, decision=evaluate(request, timezone.now()))


def issue(*, request: PromotionRequest, decision: gates.Decision) -> GateDecision:
    """Sign the answer, log it, and ask for the report. Belongs into the transaction that moves the request."""
    version = request.version
    document = {**decision.to_document(), **_identity(request)}
    stated = _stated(request, decision.is_open, document)
    envelope = dsse.sign_statement(dsse.gate_decision(stated), keyring().gate_key)
    summary = dsse.sign_statement(dsse.verification_summary(stated), keyring().gate_key)
    entry = ledger.append(
        Event.GATE_DECIDED,
        subject=subject_id(request),
        facts={
            "decision": str(decision.outcome),
            "digest": digest_of(document),
            "envelope": digest_of(envelope),
            "summary": digest_of(summary),
            "artifact": version.artifact_digest,
            "stage": request.to_stage,
            "valid_until": document["valid_until"],
        },
    )
    record = GateDecision(
        request=request,
        version=version,
        stage=request.to_stage,
        outcome=str(decision.outcome),
        subject_digest=request.subject_digest,
        document=document,
        digest=digest_of(document),
        envelope=envelope,
        summary=summary,
        decided_at=decision.decided_at,
        valid_until=decision.valid_until,
        entry=entry.index,
    )
    record.save()
    work.enqueue(kind=REPORT_WORK, key=f"report:{record.pk}", payload={"decision": str(record.pk)})
    return record


def _stated(request: PromotionRequest, is_open: bool, document: dict[str, Any]) -> dsse.Decision:  # noqa: FBT001
    """What both statements are made from."""
    version = request.version
    return dsse.Decision(
        is_open=is_open,
        subject=str(version),
        subject_digest=version.artifact_digest,
        verifier=settings.ASSAY_BASE_URL,
        resource=f"{settings.ASSAY_BASE_URL}/models/{version.model.slug}/versions/{version.number}#{request.to_stage}",
        policy=f"policy:{request.policy_version}",
        policy_digest=request.policy_version.digest,
        stage=request.to_stage,
        decided_at=document["decided_at"],
        valid_until=document["valid_until"] or document["decided_at"],
        details=document,
    )


def _identity(request: PromotionRequest) -> dict[str, Any]:
    version = request.version
    return {
        "request": str(request.pk),
        "round": request.round,
        "run": run_identity(request.run),
        "stage": request.to_stage,
        "subject": {"model": version.model.slug, "version": version.number, "digest": version.artifact_digest},
        "policy": {
            "slug": request.policy_version.policy.slug,
            "version": request.policy_version.number,
            "digest": request.policy_version.digest,
        },
    }


# -- Asked at the moment of deployment --------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class GateAnswer:
    """What the gate of one stage says about one version at this moment. Closed unless everything says open."""

    is_open: bool
    blocking: tuple[dict[str, str], ...]
    missing_reviews: tuple[dict[str, Any], ...] = ()
    policy: dict[str, Any] | None = None
    subject: dict[str, Any] | None = None
    decided_at: datetime | None = None
    valid_until: datetime | None = None
    decision: GateDecision | None = None
    pending: bool = False
    mode: str = "enforce"
    overridden: tuple[dict[str, str], ...] = ()

    def require_decision(self) -> GateDecision:
        """The signed decision behind an open answer. Raises GateClosedError when there is none."""
        if self.decision is None:
            raise GateClosedError("There is no signed decision.")
        return self.decision

    def document(self) -> dict[str, Any]:
        """The answer of `GET /gates/{stage}/`."""
        return {
            "decision": "open" if self.is_open else "closed",
            "pending": self.pending,
            "mode": self.mode,
            "enforced": self.mode == "enforce",
            "break_glass": bool(self.overridden),
            "overridden": list(self.overridden),
            "blocking": list(self.blocking),
            "missing_reviews": list(self.missing_reviews),
            "policy": self.policy,
            "subject": self.subject,
            "decided_at": ledger.utc_text(self.decided_at) if self.decided_at else None,
            "valid_until": ledger.utc_text(self.valid_until) if self.valid_until else None,
            "decision_id": str(self.decision.pk) if self.decision else None,
            "attestation": f"/api/v1/decisions/{self.decision.pk}/attestation/" if self.decision else None,
            "receipt": receipt_of_decision(self.decision) if self.decision else None,
        }


def receipt_of_decision(decision: GateDecision) -> str | None:
    """The `.tlog-proof` of the entry that tells of it, None for a decision of the time before receipts."""
    return receipts.receipt_text(decision.entry, leaf=str(decision.pk))


def ask_gate(*, version: ModelVersion | None, stage: str) -> GateAnswer:
    """Evaluate everything that can have changed since the decision was signed, now. Never raises; doubt is closed."""
    if version is None:
        return _closed("unknown-subject", "No version of that identity is registered.")
    try:
        return _asked(version, stage)
    except Exception as error:  # whatever goes wrong here, the answer of a gate must not be open
        log.exception("the gate %s could not be evaluated for %s", stage, version)
        code = error.code if isinstance(error, AssayError) else "evaluation-failed"
        return _closed(code, "The gate could not be evaluated; it stays closed.")


def _asked(version: ModelVersion, stage: str) -> GateAnswer:
    decision = (
        GateDecision.objects.filter(version=version, stage=stage)
        .select_related("request__policy_version__policy", "request__run", "request__requested_by")
        .select_related("request__version__model", "request__version__created_by", "request__version__run_author")
        .order_by("-decided_at", "-pk")
        .first()
    )
    if decision is None:
        return _undecided(version, stage)
    decision.version = version  # the row just read, not a second query for it
    request = decision.request
    now = timezone.now()
    answer = evaluate(request, now)
    problems = _signature_problems(decision)
    if request.state not in (State.APPROVED, State.COMPLETED) and answer.is_open:
        problems.append(_reason("request-not-approved", f"The request is {request.get_state_display()}."))
    if decision.outcome == "open" and (decision.valid_until is None or decision.valid_until <= now):
        problems.append(_reason("decision-expired", "The decision has run out; ask for the promotion again."))
    if decision.outcome != "open" and answer.is_open:
        problems.append(_reason("decision-closed", "The signed decision is closed."))
    identity = _identity(request)
    is_open = answer.is_open and not problems
    document = answer.to_document()
    return GateAnswer(
        is_open=is_open,
        blocking=(*document["blocking"], *problems),
        missing_reviews=tuple(document["missing_reviews"]),
        policy=identity["policy"],
        subject=identity["subject"],
        decided_at=decision.decided_at,
        valid_until=min(filter(None, (decision.valid_until, answer.valid_until)), default=None) if is_open else None,
        decision=decision,
        mode=document["mode"],
        overridden=tuple(document["overridden"]) if is_open else (),
    )


def _undecided(version: ModelVersion, stage: str) -> GateAnswer:
    """Nothing was decided for this stage: say whether something is on its way."""
    subject = {"model": version.model.slug, "version": version.number, "digest": version.artifact_digest}
    request = (
        PromotionRequest.objects.filter(version=version, to_stage=stage, state__in=PromotionRequest.OPEN_STATES)
        .select_related("policy_version__policy", "run", "requested_by", "version__model", "version__created_by")
        .first()
    )
    if request is None:
        return _closed("not-requested", f"No promotion of {version} to {stage} was decided.", subject=subject)
    if request.state == State.AUDITING:
        return GateAnswer(
            is_open=False,
            blocking=(_reason("checks-running", "The checks are still running."),),
            policy=_identity(request)["policy"],
            subject=subject,
            pending=True,
        )
    answer = evaluate(request, timezone.now()).to_document()
    return GateAnswer(
        is_open=False,
        blocking=tuple(answer["blocking"]) or (_reason("not-decided", "The gate has not decided yet."),),
        missing_reviews=tuple(answer["missing_reviews"]),
        policy=_identity(request)["policy"],
        subject=subject,
        pending=request.state == State.IN_REVIEW,
        mode=answer["mode"],
    )


def _signature_problems(decision: GateDecision) -> list[dict[str, str]]:
    """An answer rests on the signed statement, not on the row beside it."""
    try:
        statement = dsse.verify_envelope(decision.envelope, keyring().gate_key.public_key())
    except AssayError as error:
        return [_reason("decision-unsigned", f"The signature of the decision does not verify: {error}")]
    predicate = statement["predicate"]
    artifact = f"sha256:{statement['subject'][0]['digest']['sha256']}"
    told = (predicate["decision"], predicate["stage"], artifact, digest_of(predicate["details"]))
    if told != (decision.outcome, decision.stage, decision.version.artifact_digest, decision.digest):
        return [_reason("decision-altered", "The stored decision is not the one that was signed.")]
    request = decision.request
    if moves.subject_digest_of(request) != request.subject_digest:
        return [_reason("evidence-altered", "The measured evidence is not what was put in front of the reviewers.")]
    if decision.subject_digest != request.subject_digest:
        return [_reason("decision-stale", "The evidence changed after the decision was signed.")]
    return []


def _closed(code: str, explanation: str, subject: dict[str, Any] | None = None) -> GateAnswer:
    return GateAnswer(is_open=False, blocking=(_reason(code, explanation),), subject=subject)


def _reason(code: str, explanation: str) -> dict[str, str]:
    return {"code": code, "subject": "", "explanation": explanation}
