"""What the records say about every model that a person may see, and the sealed report of it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import Count, Min, QuerySet
from django.utils import timezone

from audits.models import Finding, Report
from audits.reports.parts import Identity
from audits.reports.portfolio import ModelEntry, PortfolioDocument, StageEntry
from governance import reporting
from governance.models import Attestation, BreakGlass, ControlAssignment, GateDecision, PromotionRequest, Waiver
from governance.refusals import recorded
from governance.reports import bundle as report_bundle
from governance.reports import issuing
from governance.reports.document import seal_name
from governance.version import PRODUCT_VERSION
from registry import ledger, work
from registry.authority import models_permitting
from registry.events import Event
from registry.models import ModelVersion, Person, RegisteredModel, StageAssignment
from registry.signing import keyring

PORTFOLIO_WORK = "governance.reports.portfolio"
KIND = "portfolio"
READ = "registry.read_report"
_OPEN = ("auditing", "blocked", "in_review", "approved")


def build_portfolio(
    person: Person, *, slugs: tuple[str, ...] | None = None, language: str = "en", number: str = ""
) -> PortfolioDocument:
    """The portfolio of whoever asks: the models whose reports they may read, of `slugs` where given.

    The number of queries does not depend on the number of models.
    """
    now = timezone.now()
    models = models_permitting(person, READ).select_related("owner").order_by("slug")
    if slugs is not None:
        models = models.filter(slug__in=slugs)
    return PortfolioDocument(
        identity=Identity(
            number=number or f"PORTFOLIO-{now:%Y%m%d}",
            generated_at=now,
            as_of=now.date(),
            product_version=PRODUCT_VERSION,
            title="Portfolio report",
            language=language,
            seal_name=seal_name(),
            development_seal=keyring().is_development,
        ),
        prepared_for=person.printed_name,
        models=_entries(models, now.date()),
    )


def _entries(models: QuerySet[RegisteredModel], today: date) -> tuple[ModelEntry, ...]:
    stages, blocking = _stages(models), _blocking(models)
    waivers = _live_waivers(models)
    now = timezone.now()
    glass = Counter(
        BreakGlass.objects.filter(request__version__model__in=models, expires_at__gt=now).values_list(
            "request__version__model", flat=True
        )
    )
    requests = dict(
        PromotionRequest.objects.filter(version__model__in=models, state__in=_OPEN)
        .values_list("version__model")
        .annotate(Count("pk"))
        .order_by()
    )
    overdue, due = _owed(models, today)
    return tuple(
        ModelEntry(
            model=model.slug,
            name=model.name,
            owner=model.owner.printed_name,
            risk_class=model.get_risk_class_display(),
            role=model.get_role_display(),
            stages=tuple(stages.get(model.pk, ())),
            blocking=blocking.get(model.pk, 0),
            open_requests=requests.get(model.pk, 0),
            live_waivers=waivers[model.pk],
            broken_glass=glass[model.pk],
            overdue=overdue[model.pk],
            next_due=due.get(model.pk),
        )
        for model in models
    )


def _stages(models: QuerySet[RegisteredModel]) -> Mapping[int, list[StageEntry]]:
    """What is in each stage now, with the newest decision about that version and stage."""
    current = StageAssignment.objects.current().filter(model__in=models, version__isnull=False)
    assigned = list(current.select_related("version").order_by("stage", "place"))
    decided: dict[tuple[int, str], GateDecision] = {}
    decisions = GateDecision.objects.filter(version__in=[one.version_id for one in assigned])
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


def _blocking(models: QuerySet[RegisteredModel]) -> Mapping[int, int]:
    """How many reasons keep the gate of the newest open request of each model closed."""
    requests = PromotionRequest.objects.filter(version__model__in=models, state="blocked").order_by("requested_at")
    newest = {request.version.model_id: request for request in requests.select_related("version", "run")}
    runs = {request.run_id: model for model, request in newest.items()}
    found = Finding.objects.filter(run__in=runs).exclude(outcome="satisfied").values_list("run").annotate(Count("pk"))
    return {runs[run]: number for run, number in found.order_by()}


def _live_waivers(models: QuerySet[RegisteredModel]) -> Counter[int]:
    live = Waiver.objects.filter(
        request__version__model__in=models, decision__granted=True, expires_at__gt=timezone.now()
    )
    return Counter(live.values_list("request__version__model", flat=True))


def _owed(models: QuerySet[RegisteredModel], today: date) -> tuple[Counter[int], Mapping[int, date]]:
    """Answers that are overdue, and the next day on which one is due, of those that nobody has signed."""
    answered = set(
        Attestation.objects.filter(model__in=models, expires_on__gt=today).values_list("model", "control_id")
    )
    overdue, due = Counter[int](), dict[int, date]()
    owed = ControlAssignment.objects.filter(model__in=models).values_list("model", "control_id").annotate(Min("due"))
    for model, control, day in owed.order_by():
        if (model, control) in answered:
            continue
        if day < today:
            overdue[model] += 1
        else:
            due[model] = min(day, due.get(model, day))
    return overdue, due


@recorded("model")
def order_portfolio(*, actor: Person, slugs: tuple[str, ...] | None = None, language: str = "en") -> str:
    """Have the portfolio of whoever asks put on paper and sealed; its number. Raises InvalidInputError."""
    reporting.require_language(language)
    number = f"PORTFOLIO-{timezone.now():%Y%m%d}-{uuid.uuid4().hex[:8].upper()}"
    payload = {
        "number": number,
        "person": actor.pk,
        "language": language,
        "slugs": None if slugs is None else sorted(slugs),
    }
    work.enqueue(kind=PORTFOLIO_WORK, key=f"portfolio:{number}", payload=payload)
    facts = {"number": number, "language": language}
    ledger.append(Event.REPORT_ORDERED, subject=subject_of(actor), actor=actor, facts=facts)
    return number


def issue_portfolio(order: Mapping[str, Any]) -> Report:
    """Do what was ordered, with what the person may see now."""
    person = Person.objects.get(pk=order["person"])
    slugs = None if order["slugs"] is None else tuple(order["slugs"])
    document = build_portfolio(person, slugs=slugs, language=order["language"], number=order["number"])
    report, _ = issuing.issue(
        issuing.Issue(document=document, kind=KIND, subject=subject_of(person), facts={"kind": KIND}),
        lambda sealed: report_bundle.pack_document(document, sealed=sealed, facts={"models": len(document.models)}),
    )
    return report


def subject_of(person: Person) -> str:
    """How the ledger names the portfolio of a person: by pseudonym."""
    return f"portfolio:{person.pseudonym}"


def newest_portfolio(person: Person, *, language: str = "en") -> Report | None:
    """The last one that was sealed for this person. Nobody reads another's: it holds what they may see."""
    found = Report.objects.filter(subject=subject_of(person), kind=KIND, language=language)
    return found.order_by("-created_at").first()
