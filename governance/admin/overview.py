"""The first page of the admin: what waits for me, what is open, what was decided, what is where and still right."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count
from django.http import HttpRequest
from django.utils.translation import gettext as _

from audits.reports import figures
from audits.reports.tongue import ours
from governance import decisions
from governance.broken_glass import emergencies_of
from governance.gates.facts import GateOutcome
from governance.models import BreakGlass, GateDecision, PromotionRequest
from governance.pages.access import requests_seen_by, visible_models
from governance.pages.waiting import emergencies_waiting_for, reviews_waiting_for, waivers_waiting_for
from governance.pages.words import Badge, badge
from registry import ledger
from registry.models import Checkpoint, Person, StageAssignment, WorkItem

MOST_ROWS = 8


@dataclass(frozen=True, slots=True)
class GateHealth:
    """A version in its stage, and whether its gate would still be open now."""

    assignment: StageAssignment
    badge: Badge
    words: str


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """The admin's dashboard callback. Every list is short, so that the page stays quick however much there is."""
    person = request.user
    if not isinstance(person, Person):
        return context
    seen = requests_seen_by(person)
    rows = seen.select_related("version__model", "requested_by")
    counted = dict(seen.order_by().values_list("state").annotate(amount=Count("pk")))
    return {
        **context,
        "title": _("Overview"),
        "waiting": rows.filter(pk__in=reviews_waiting_for(person).values("pk")).order_by("requested_at")[:MOST_ROWS],
        "waivers": waivers_waiting_for(person).select_related("request__version__model")[:MOST_ROWS],
        "emergencies": emergencies_of(BreakGlass.objects.filter(request__in=seen))[:MOST_ROWS],
        "to_look_at": {entry.broken.pk for entry in emergencies_waiting_for(person)},
        "states": [(state, counted.get(state, 0)) for state in PromotionRequest.OPEN_STATES],
        "open_requests": rows.filter(state__in=PromotionRequest.OPEN_STATES).order_by("-requested_at")[:MOST_ROWS],
        "recent": GateDecision.objects.filter(request__in=seen).select_related("version__model", "request")[:MOST_ROWS],
        "health": gate_health(person),
        "ledger_size": ledger.size(),
        "checkpoint": Checkpoint.objects.first(),
        "given_up": WorkItem.objects.filter(state=WorkItem.State.DEAD).count(),
    }


def gate_health(person: Person) -> list[GateHealth]:
    """What is in the stages of the models that the person may see, each with its gate asked again now."""
    rows = (
        StageAssignment.objects.current()
        .filter(model__in=visible_models(person), version__isnull=False)
        .select_related("model", "version__model")
        .order_by("-assigned_at")[:MOST_ROWS]
    )
    return [_health(assignment) for assignment in rows]


def _health(assignment: StageAssignment) -> GateHealth:
    answer = decisions.ask_gate(version=assignment.version, stage=assignment.stage)
    if answer.is_open:
        until = _("until {day}").format(day=figures.day(answer.valid_until.date())) if answer.valid_until else ""
        return GateHealth(assignment, badge("gate", GateOutcome.OPEN.value), until)
    first = answer.blocking[0]["explanation"] if answer.blocking else _("reviews are missing")
    return GateHealth(assignment, badge("gate", GateOutcome.CLOSED.value), ours(str(first)))
