"""E-mail about reviews that are missing: which request, and where to decide. It carries no evidence."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.urls import reverse

from governance.access.reviewers import reviewers_for
from governance.deadlines import review_due_at
from governance.models import PromotionRequest
from governance.refusals import subject_id
from registry import ledger, work
from registry.events import Event
from registry.models import Person

_EVENTS = {"reminder": Event.PROMOTION_REMINDED, "escalated": Event.PROMOTION_ESCALATED}

_SUBJECTS = {
    "reminder": "Your review of {subject} is due",
    "escalated": "Reviews of {subject} are overdue",
    "expired": "The request for {subject} expired",
}
_WORDS = {
    "reminder": "{subject} waits for reviews as {roles}. They are due on {due}.",
    "escalated": "{subject} waits for reviews as {roles}, which were due on {due}. Please find somebody who decides.",
    "expired": "Reviews of {subject} as {roles} did not come until {due}, so the request ended. Ask again when ready.",
}


class LetterPerformer:
    """Sends one letter, and logs that it was sent. Somebody may get it twice after a crash, but nobody not at all."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Send it now, unless the round it is about is over."""
        request = (
            PromotionRequest.objects.select_related("policy_version__policy", "run", "version__model__owner")
            .select_related("version__created_by", "version__run_author", "requested_by")
            .get(pk=payload["request"])
        )
        occasion = payload["occasion"]
        waiting = request.state == PromotionRequest.State.IN_REVIEW and request.round == payload["round"]
        if occasion in _EVENTS and not waiting:
            return lambda: None
        people = recipients(request, occasion)
        for address in people:
            _letter(request, occasion, address).send()
        return lambda: _tell(request, occasion, len(people))

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:  # noqa: ARG002  (the protocol's signature)
        """A letter that cannot be sent changes nothing; the work item keeps the error for the operator."""
        return lambda: None


def recipients(request: PromotionRequest, occasion: str) -> list[str]:
    """Who hears of it: whoever may still review; when it is overdue also the owner and the requester."""
    people: list[Person] = []
    if occasion in _EVENTS:
        people += [entry.person for entries in reviewers_for(request).values() for entry in entries]
    if occasion != "reminder":
        people += [request.version.model.owner, request.requested_by]
    return _addresses(people)


def _addresses(people: Iterable[Person]) -> list[str]:
    return sorted({person.email for person in people if person.email and person.is_active})


def _letter(request: PromotionRequest, occasion: str, address: str) -> EmailMessage:
    due = review_due_at(request)
    facts = {
        "subject": str(request),
        "roles": ", ".join(quorum.role.replace("_", " ") for quorum in request.gate.quorum),
        "due": f"{due:%Y-%m-%d %H:%M} UTC" if due else "no date",
    }
    link = f"{settings.ASSAY_BASE_URL}{reverse('promotion', args=[request.pk])}"
    return EmailMessage(
        subject=_SUBJECTS[occasion].format(**facts),
        body=f"{_WORDS[occasion].format(**facts)}\n\n{link}\n",
        to=[address],
    )


def _tell(request: PromotionRequest, occasion: str, count: int) -> None:
    if occasion in _EVENTS:
        ledger.append(
            _EVENTS[occasion], subject=subject_id(request), facts={"round": request.round, "people_told": count}
        )
