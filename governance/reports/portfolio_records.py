"""What the records told about many models on one day: each question in a fixed number of queries."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from django.db.models import Q, QuerySet

from audits.frameworks.catalogue import Catalogue, EffectStatus, Route
from audits.models import Finding
from audits.reports.portfolio import DutyCounts, StageEntry
from governance.models import (
    Attestation,
    BreakGlass,
    Classification,
    ControlAssignment,
    GateDecision,
    PromotionRequest,
    Waiver,
)
from governance.moments import Moment
from governance.refusals import subject_id
from registry.events import Event
from registry.models import LedgerEntry, ModelVersion, RegisteredModel, StageAssignment

Models = QuerySet[RegisteredModel]


def stages(models: Models, moment: Moment) -> Mapping[int, list[StageEntry]]:
    """What was in each stage, with the newest decision about that version and stage."""
    there = StageAssignment.objects.as_of(moment.known).filter(model__in=models)
    assigned = list(there.select_related("version").order_by("stage", "place"))
    decided: dict[tuple[int, str], GateDecision] = {}
    decisions = GateDecision.objects.filter(
        version__in=[one.version_id for one in assigned], decided_at__lte=moment.known
    )
    for decision in decisions.only("version_id", "stage", "outcome", "valid_until").order_by("decided_at", "pk"):
        decided[decision.version_id, decision.stage] = decision
    found: dict[int, list[StageEntry]] = {}
    for one in assigned:
        if not isinstance(one.version, ModelVersion):
            continue
        decision_ = decided.get((one.version.pk, one.stage))
        found.setdefault(one.model_id, []).append(
            StageEntry(
                stage=one.stage,
                version=one.version.number,
                since=one.assigned_at,
                outcome=decision_.outcome if decision_ else "",
                valid_until=decision_.valid_until if decision_ else None,
            )
        )
    return found


def open_requests(models: Models, moment: Moment) -> tuple[PromotionRequest, ...]:
    """The requests that were open, the oldest first."""
    still_open = Q(ended_at=None) | Q(ended_at__gt=moment.known)
    asked = PromotionRequest.objects.filter(still_open, version__model__in=models, requested_at__lte=moment.known)
    return tuple(asked.select_related("version").order_by("requested_at", "pk"))


def blocking(requests: Iterable[PromotionRequest], moment: Moment) -> Mapping[int, int]:
    """For each model, how many findings kept the gate of its newest blocked request closed."""
    placed = _placed(tuple(requests), moment)
    runs = {request.version.model_id: run for request, state, run in placed if state == PromotionRequest.State.BLOCKED}
    unmet = Finding.objects.filter(run__in=runs.values()).exclude(outcome="satisfied")
    counts = Counter(unmet.values_list("run", flat=True))
    return {model: counts[run] for model, run in runs.items()}


def _placed(requests: tuple[PromotionRequest, ...], moment: Moment) -> list[tuple[PromotionRequest, str, int]]:
    """Each request with the state and run that its last move until then gave it: the ledger tells all of them."""
    subjects = {subject_id(request): request for request in requests}
    moves = LedgerEntry.objects.filter(event=Event.PROMOTION_MOVED, subject__in=subjects).order_by("index")
    told: dict[str, tuple[str, int]] = {}
    first_runs: dict[str, int] = {}
    for subject, body in moves.values_list("subject", "body"):
        entry = json.loads(bytes(body))
        facts = entry["facts"]
        first_runs.setdefault(subject, facts["run"])
        if datetime.fromisoformat(entry["at"]) <= moment.known:
            told[subject] = (facts["to"], facts["run"])
    asked = PromotionRequest.State.AUDITING
    return [
        (request, *told.get(subject, (asked, first_runs.get(subject, request.run_id))))
        for subject, request in subjects.items()
    ]


def live_waivers(models: Models, moment: Moment) -> Counter[int]:
    """Granted by then, and not run out."""
    live = Waiver.objects.filter(
        request__version__model__in=models,
        decision__granted=True,
        decision__decided_at__lte=moment.known,
        expires_at__gt=moment.at,
    )
    return Counter(live.values_list("request__version__model", flat=True))


def broken_glass(models: Models, moment: Moment) -> Counter[int]:
    """Emergencies that still held a gate open."""
    live = BreakGlass.objects.filter(
        request__version__model__in=models, invoked_at__lte=moment.known, expires_at__gt=moment.at
    )
    return Counter(live.values_list("request__version__model", flat=True))


def owed(models: Models, moment: Moment) -> tuple[Counter[int], Mapping[int, date]]:
    """Answers that are overdue, and the next day on which one is due, of those that nobody has signed."""
    signed = Attestation.objects.filter(model__in=models, signed_at__lte=moment.known, expires_on__gt=moment.day)
    answered = set(signed.values_list("model", "control_id"))
    assigned = ControlAssignment.objects.filter(model__in=models, assigned_at__lte=moment.known).order_by("pk")
    # The newest assignment of a control counts.
    days = {(model, control): day for model, control, day in assigned.values_list("model", "control_id", "due")}
    overdue, due = Counter[int](), dict[int, date]()
    for (model, control), day in days.items():
        if (model, control) in answered:
            continue
        if day < moment.day:
            overdue[model] += 1
        else:
            due[model] = min(day, due.get(model, day))
    return overdue, due


# -- Law --------------------------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class Standing:
    """Risk class and role of a model, and the duties that its classification names; None where there was none."""

    risk_class: str
    role: str
    duties: DutyCounts | None


def standings(models: Models, moment: Moment) -> Mapping[int, Standing]:
    """How each model was classified, and what its duties meant on the day.

    Before its first classification a model has the class and role with which it was registered.
    """
    signed = Classification.objects.filter(model__in=models, signed_at__lte=moment.known).order_by("pk")
    newest = {one.model_id: one for one in signed}
    subjects = {f"model:{model.slug}": model for model in models}
    entries = LedgerEntry.objects.filter(event=Event.MODEL_REGISTERED, subject__in=subjects)
    found = {model.pk: Standing(model.risk_class, model.role, None) for model in subjects.values()}
    for subject, body in entries.values_list("subject", "body"):
        facts = json.loads(bytes(body))["facts"]
        found[subjects[subject].pk] = Standing(facts["risk_class"], facts["role"], None)
    for model, one in newest.items():
        risk_class = "high" if one.outcome == "prohibited" else one.outcome
        counts = duty_counts(one.document["controls"], moment.day, route=_route(one))
        found[model] = Standing(risk_class, one.answers["role"], counts)
    return found


def _route(classification: Classification) -> Route | None:
    """The one way on which the system is high-risk; None where it is on both, or on none."""
    listed, product = bool(classification.answers.get("annex_iii")), bool(classification.answers.get("annex_i"))
    if listed == product:
        return None
    return Route.ANNEX_III if listed else Route.ANNEX_I


def duty_counts(controls: Iterable[str], day: date, *, route: Route | None) -> DutyCounts:
    """How many of these controls bind on the day, how many will, and from when the next one does."""
    catalogue = Catalogue.load()
    effects = [
        catalogue.effective(catalogue.control(name), day, route=route) for name in controls if name in catalogue.by_id
    ]
    counts = Counter(effect.status for effect in effects)
    ahead = [
        entry.date
        for effect in effects
        if effect.status in (EffectStatus.UPCOMING, EffectStatus.BINDING)
        for entry in effect.dates
        if entry.date > day
    ]
    return DutyCounts(
        binding=counts[EffectStatus.BINDING],
        upcoming=counts[EffectStatus.UPCOMING],
        unsettled=counts[EffectStatus.DATE_UNSETTLED],
        next_applies=min(ahead, default=None),
    )
