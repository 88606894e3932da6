"""What happens while reviews are missing: people are reminded, others told, or the request ends. Nothing approves."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone

from governance import moves
from governance.errors import WrongStateError
from governance.models import PromotionRequest
from governance.policies import OnDeadline
from governance.refusals import recorded, subject_id
from registry import ledger, work
from registry.errors import AssayError
from registry.events import Event
from registry.models import WorkItem

LETTER_WORK = "governance.letter"
State = PromotionRequest.State


def review_due_at(request: PromotionRequest) -> datetime | None:
    """When the reviews of the present round are due; None without a deadline or before its checks are done."""
    days = request.gate.review_deadline_days
    closed_at = request.run.closed_at
    return None if days is None or closed_at is None else closed_at + timedelta(days=days)


def watch() -> int:
    """Look at every request under review, once an hour: remind at half time, then escalate or expire. How many moved.

    One request that cannot be looked at keeps nobody from the others.
    """
    waiting = PromotionRequest.objects.filter(state=State.IN_REVIEW).select_related(
        "policy_version__policy", "run", "version__model"
    )
    touched = 0
    for request in waiting.order_by("requested_at").iterator():
        touched += _look_at(request, timezone.now())
    return touched


@recorded("request")
def expire_request(*, request: PromotionRequest) -> PromotionRequest:
    """End a request whose reviews did not come in time. The clock does it, nobody else.

    Raises WrongStateError when it is not under review any more, its deadline has not come, or the policy escalates.
    """
    request = moves.locked(request)
    due_at = review_due_at(request)
    if request.state != State.IN_REVIEW or due_at is None or due_at > timezone.now():
        raise WrongStateError("The reviews of this request are not overdue.")
    if request.gate.on_deadline is not OnDeadline.EXPIRE:
        raise WrongStateError("The policy escalates at the deadline; it does not end the request.")
    ledger.append(
        Event.PROMOTION_EXPIRED,
        subject=subject_id(request),
        facts={"round": request.round, "due_at": ledger.utc_text(due_at)},
    )
    moves.move(request, State.EXPIRED)
    write_letter(request, "expired")
    return request


def write_letter(request: PromotionRequest, occasion: str) -> bool:
    """Have a letter sent once for this occasion of this round. False when it was asked for before."""
    key = f"letter:{request.pk}:{request.round}:{occasion}"
    payload = {"request": str(request.pk), "round": request.round, "occasion": occasion}
    if WorkItem.objects.filter(key=key).exists():
        return False
    work.enqueue(kind=LETTER_WORK, key=key, payload=payload)
    return True


def _look_at(request: PromotionRequest, now: datetime) -> bool:
    due_at = review_due_at(request)
    if due_at is None or request.run.closed_at is None:
        return False
    if now >= due_at:
        if request.gate.on_deadline is OnDeadline.ESCALATE:
            return write_letter(request, "escalated")
        try:
            expire_request(request=request)
        except AssayError:
            return False  # it moved between the look and the lock; the refusal is on record
        return True
    half = request.run.closed_at + (due_at - request.run.closed_at) / 2
    return now >= half and write_letter(request, "reminder")
