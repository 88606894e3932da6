"""What the records say about every model that a person may see, and the sealed report of it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Mapping
from datetime import date
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

from audits.models import Report
from audits.reports.parts import Identity
from audits.reports.portfolio import ModelEntry, PortfolioDocument
from governance import reporting
from governance.moments import Moment
from governance.refusals import recorded
from governance.reports import bundle as report_bundle
from governance.reports import issuing
from governance.reports import portfolio_records as records
from governance.reports.document import seal_name
from governance.version import PRODUCT_VERSION
from registry import ledger, work
from registry.authority import models_permitting
from registry.events import Event
from registry.models import Person, RegisteredModel
from registry.models.model_versions import ProviderRole, RiskClass
from registry.signing import keyring

PORTFOLIO_WORK = "governance.portfolio"
KIND = "portfolio"
READ = "registry.read_report"


def build_portfolio(
    person: Person,
    *,
    as_of: date | None = None,
    slugs: tuple[str, ...] | None = None,
    language: str = "en",
    number: str = "",
) -> PortfolioDocument:
    """The portfolio of whoever asks: the models whose reports they may read, of `slugs` where given.

    `as_of` is the day whose law and records are told, today unless given. Who may see what is as it is now, and so are
    names and owners. The number of queries does not depend on the number of models.
    """
    now = timezone.now()
    moment = Moment.of(as_of or now.date(), now=now)
    models = models_permitting(person, READ).filter(created_at__lte=moment.known)
    models = models.select_related("owner").order_by("slug")
    if slugs is not None:
        models = models.filter(slug__in=slugs)
    return PortfolioDocument(
        identity=Identity(
            number=number or f"PORTFOLIO-{moment.day:%Y%m%d}",
            generated_at=now,
            as_of=moment.day,
            product_version=PRODUCT_VERSION,
            title="Portfolio report",
            language=language,
            seal_name=seal_name(),
            development_seal=keyring().is_development,
        ),
        prepared_for=person.printed_name,
        models=_entries(models, moment),
    )


def _entries(models: QuerySet[RegisteredModel], moment: Moment) -> tuple[ModelEntry, ...]:
    stages, requests = records.stages(models, moment), records.open_requests(models, moment)
    blocking, asked = records.blocking(requests, moment), Counter(request.version.model_id for request in requests)
    waivers, glass = records.live_waivers(models, moment), records.broken_glass(models, moment)
    overdue, due = records.owed(models, moment)
    standings = records.standings(models, moment)
    return tuple(
        ModelEntry(
            model=model.slug,
            name=model.name,
            owner=model.owner.printed_name,
            risk_class=str(RiskClass(standings[model.pk].risk_class).label),
            role=str(ProviderRole(standings[model.pk].role).label),
            stages=tuple(stages.get(model.pk, ())),
            blocking=blocking.get(model.pk, 0),
            open_requests=asked[model.pk],
            live_waivers=waivers[model.pk],
            broken_glass=glass[model.pk],
            overdue=overdue[model.pk],
            next_due=due.get(model.pk),
            duties=standings[model.pk].duties,
        )
        for model in models
    )


@recorded("model")
def order_portfolio(
    *, actor: Person, as_of: date | None = None, slugs: tuple[str, ...] | None = None, language: str = "en"
) -> str:
    """Have the portfolio of whoever asks put on paper and sealed; its number. Raises InvalidInputError."""
    day = as_of or timezone.now().date()
    reporting.require_language(language)
    reporting.require_day(day)
    number = f"PORTFOLIO-{timezone.now():%Y%m%d}-{uuid.uuid4().hex[:8].upper()}"
    payload = {
        "number": number,
        "person": actor.pk,
        "as_of": day.isoformat(),
        "language": language,
        "slugs": None if slugs is None else sorted(slugs),
    }
    work.enqueue(kind=PORTFOLIO_WORK, key=f"portfolio:{number}", payload=payload)
    facts = {"number": number, "as_of": day.isoformat(), "language": language}
    ledger.append(Event.REPORT_ORDERED, subject=subject_of(actor), actor=actor, facts=facts)
    return number


def issue_portfolio(order: Mapping[str, Any]) -> Report:
    """Do what was ordered, with what the person may see now."""
    person = Person.objects.get(pk=order["person"])
    slugs = None if order["slugs"] is None else tuple(order["slugs"])
    # Orders that were queued before portfolios had a day carry none.
    day = date.fromisoformat(order["as_of"]) if "as_of" in order else None
    document = build_portfolio(person, as_of=day, slugs=slugs, language=order["language"], number=order["number"])
    report, _ = issuing.issue(
        issuing.Issue(document=document, kind=KIND, subject=subject_of(person), facts={"kind": KIND}),
        lambda sealed: report_bundle.pack_document(document, sealed=sealed, facts={"models": len(document.models)}),
    )
    return report


def subject_of(person: Person) -> str:
    """How the ledger names the portfolio of a person: by pseudonym."""
    return f"portfolio:{person.pseudonym}"


def newest_portfolio(person: Person, *, as_of: date | None = None, language: str = "en") -> Report | None:
    """The last one that was sealed for this person, of that day where one is given.

    Nobody reads another's: it holds what they may see.
    """
    found = Report.objects.filter(subject=subject_of(person), kind=KIND, language=language)
    found = found.filter(as_of=as_of) if as_of else found
    return found.order_by("-created_at").first()
