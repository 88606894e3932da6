"""Documents beside the gate report: ordered on a page, made by a worker, listed and read under Reports."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from audits.models import Report
from audits.reports.dossier import OUTLINES
from governance.dossiers.orders import order_dossier
from governance.pages.access import found, person_of, strict_page, visible_models, visible_version
from governance.pages.forms import carried_out
from governance.reports import portfolio
from registry.authority import models_permitting, permits
from registry.models import ModelVersion, Person

VERSION = "version:"


class DayForm(forms.Form):
    """With the law of which day, today unless given, and in which language."""

    as_of = forms.DateField(required=False)
    language = forms.ChoiceField(choices=settings.LANGUAGES)

    def told(self) -> dict[str, Any]:
        """What the verbs take."""
        return {**self.cleaned_data, "as_of": self.cleaned_data["as_of"] or timezone.now().date()}


class DocumentForm(DayForm):
    """Which document, and whether it may have open points."""

    kind = forms.ChoiceField(choices=[(kind, outline.title) for kind, outline in OUTLINES.items()])
    final = forms.BooleanField(required=False)


@require_POST
@strict_page
def order_portfolio(request: HttpRequest) -> HttpResponse:
    """Have the portfolio of whoever asks sealed."""
    form = DayForm(request.POST)
    told = form.told() if form.is_valid() else None
    made = carried_out(form, lambda: portfolio.order_portfolio(actor=person_of(request), **told)) if told else None
    _tell(request, form, made)
    return redirect("reports")


@require_POST
@strict_page
def order_document(request: HttpRequest, slug: str, number: int) -> HttpResponse:
    """Have a document about a version sealed."""
    version, form = visible_version(request, slug, number), DocumentForm(request.POST)
    told = form.told() if form.is_valid() else None
    made = carried_out(form, lambda: order_dossier(actor=person_of(request), version=version, **told)) if told else None
    _tell(request, form, made)
    return redirect("model-version", slug, number)


def _tell(request: HttpRequest, form: forms.Form, number: str | None) -> None:
    if number is not None:
        messages.success(
            request, _("%(number)s is ordered. It is listed under Reports once it is sealed.") % {"number": number}
        )
        return
    for problems in form.errors.values():
        messages.error(request, " ".join(map(str, problems)))


def documents_seen_by(person: Person) -> QuerySet[Report]:
    """The sealed documents that are no gate reports and that the person may read: of their models, and their own."""
    versions = ModelVersion.objects.filter(model__in=models_permitting(person, portfolio.READ))
    if person.is_superuser:
        versions = ModelVersion.objects.all()
    subjects = [f"{VERSION}{slug}/{number}" for slug, number in versions.values_list("model__slug", "number")[:5000]]
    about = Q(subject__in=subjects, kind__in=tuple(OUTLINES)) | Q(
        subject=portfolio.subject_of(person), kind=portfolio.KIND
    )
    return Report.objects.filter(about).order_by("-created_at", "-pk")


def document_of(request: HttpRequest, report: Report) -> None:
    """Raises Http404 unless the person may read this document."""
    person = person_of(request)
    if report.kind == portfolio.KIND and report.subject == portfolio.subject_of(person):
        return
    slug, _slash, number = report.subject.removeprefix(VERSION).rpartition("/")
    if report.kind not in OUTLINES or not number.isdigit():
        raise Http404("There is no such document.")
    model = found(visible_models(person), slug=slug)
    if not (person.is_superuser or permits(person, portfolio.READ, model)):
        raise Http404("There is no such document.")
