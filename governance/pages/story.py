"""What the ledger tells about one thing, in words, with people's names put back in."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from audits.reports.tongue import ours
from governance.pages.words import BAD, OK, QUIET, event_in_words
from registry.models import LedgerEntry, Person

_GOOD = {"gate.decided:open", "promotion.completed", "policy.activated", "waiver.granted"}
_BAD = {"gate.decided:closed", "action.refused", "dataset-version.withdrawn", "policy.recalled", "waiver.refused"}


@dataclass(frozen=True, slots=True)
class Told:
    """One entry as a sentence: `who` `what`; `detail` is what the facts add."""

    index: int
    at: datetime
    who: str
    what: str
    detail: str
    tone: str
    event: str
    subject: str


def tell(entries: Iterable[LedgerEntry]) -> list[Told]:
    """The entries in words, in the order given. Names need one query; an erased person stays a pseudonym."""
    bodies = [(entry, json.loads(bytes(entry.body))) for entry in entries]
    actors = {body["actor"] for _, body in bodies}
    names = {person.pseudonym: person.printed_name for person in Person.objects.filter(pseudonym__in=actors)}
    return [_told(entry, body, names) for entry, body in bodies]


def about(subjects: Sequence[str], most: int = 100) -> list[Told]:
    """What the ledger has about these subjects, newest first, `most` entries at most."""
    return tell(LedgerEntry.objects.filter(subject__in=list(subjects)).order_by("-index")[:most])


def _told(entry: LedgerEntry, body: dict[str, Any], names: dict[str, str]) -> Told:
    actor, facts = body["actor"], body.get("facts", {})
    who = "Assay" if actor == "system" else names.get(actor, actor)
    key = f"{entry.event}:{facts['decision']}" if entry.event == "gate.decided" else entry.event
    tone = OK if key in _GOOD else BAD if key in _BAD else QUIET
    if entry.event == "review.recorded":
        tone = OK if facts.get("verdict") == "approve" else BAD if facts.get("verdict") == "reject" else QUIET
    return Told(
        index=entry.index,
        at=datetime.fromisoformat(body["at"]),
        who=who,
        what=event_in_words(entry.event),
        detail=_detail(entry.event, facts),
        tone=tone,
        event=entry.event,
        subject=entry.subject,
    )


def _detail(event: str, facts: dict[str, Any]) -> str:
    """The one fact that a reader of this event looks for. Names, numbers and codes stay as they are."""
    told = {name: str(value) for name, value in facts.items()}
    role = ours(told.get("role", "").replace("_", " "))
    details = {
        "observation.recorded": f"{told.get('check', '')}: {ours(told.get('status', ''))}",
        "review.recorded": f"{ours(told.get('verdict', ''))} ({role})",
        "gate.decided": ours(told.get("decision", "")),
        "action.refused": f"{told.get('verb', '')}: {told.get('code', '')}",
        "stage.assigned": told.get("stage", ""),
        "promotion.requested": _("to {stage}, gate {gate}").format(
            stage=told.get("to_stage", ""), gate=told.get("gate", "")
        ),
        "promotion.completed": told.get("stage", ""),
        "waiver.requested": told.get("criterion", ""),
        "waiver.granted": f"{told.get('criterion', '')} ({role})",
        "waiver.refused": f"{told.get('criterion', '')} ({role})",
        "report.sealed": told.get("number", ""),
        "report.read": told.get("number", ""),
        "promotion.rerun": _("round {number}").format(number=told.get("round", "")),
    }
    return details.get(event, "")
