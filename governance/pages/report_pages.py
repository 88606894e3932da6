"""Sealed reports: the list, and the file."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from audits.models import Report
from governance import reporting
from governance.access.sight import VIEW
from governance.models import PromotionRequest
from governance.pages.abilities import may_read_report
from governance.pages.access import found, person_of, requests_seen_by, strict_page, visible_request
from governance.pages.document_pages import document_of, documents_seen_by
from registry.authority import permits

PAGE_SIZE = 25
PREFIX = "promotion:"


@require_safe
@strict_page
def reports(request: HttpRequest) -> HttpResponse:
    """The reports of the models that the person may see."""
    person = person_of(request)
    rows = Report.objects.filter(subject__startswith=PREFIX).order_by("-created_at", "-pk")
    seen = _subjects_seen(request)
    page = Paginator(rows if seen is None else rows.filter(subject__in=seen), PAGE_SIZE).get_page(
        request.GET.get("page")
    )
    keys = [key for report in page.object_list if (key := _request_key(report)) is not None]
    about = (
        PromotionRequest.objects.filter(pk__in=keys)
        .select_related("version__model", "policy_version__policy")
        .in_bulk()
    )
    context = {
        "page": page,
        "rows": [(report, about.get(_request_key(report))) for report in page.object_list],
        "person": person,
        "documents": documents_seen_by(person)[:PAGE_SIZE],
    }
    return render(request, "pages/reports.html", context)


@require_safe
@strict_page
def report_file(request: HttpRequest, number: str) -> HttpResponse:
    """The sealed PDF, exactly as it was issued. That somebody read it is written into the ledger."""
    report: Report = found(Report.objects.all(), number=number)
    person, key = person_of(request), _request_key(report)
    if key is None:
        document_of(request, report)
    elif not may_read_report(person, visible_request(request, key)):
        raise PermissionDenied("No group of yours may read the reports of this model.")
    content = reporting.read_report(actor=person, report=report)
    response = HttpResponse(content, content_type="application/pdf")
    response["Content-Disposition"] = f'attachment; filename="{report.number}.pdf"'
    response["X-Content-Type-Options"] = "nosniff"
    return response


def _request_key(report: Report) -> UUID | None:
    try:
        return UUID(report.subject.removeprefix(PREFIX))
    except ValueError:
        return None


def _subjects_seen(request: HttpRequest) -> list[str] | None:
    """The report subjects of the models the person may see; None when that is every model."""
    person = person_of(request)
    if person.is_superuser or permits(person, VIEW):
        return None
    keys: Any = requests_seen_by(person).values_list("pk", flat=True)
    return [f"{PREFIX}{key}" for key in keys]
