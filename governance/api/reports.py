"""`/promotions/{id}/report/`: the sealed report, its other forms, and the same with the law of another day."""

from __future__ import annotations

from datetime import date
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from audits.models import Report
from audits.reports.formats import FORMATS as FORMS
from governance import reporting
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import StrictSerializer
from governance.api.errors import FormatUnavailableError, NotYetError
from governance.api.idempotency import idempotent
from governance.api.visibility import promotion_for
from registry import receipts, storage
from registry.errors import InvalidInputError

FORMATS = ("pdf", "json", "bundle", "receipt", *(name for name in FORMS if name != "json"))


class ReportQuestion(serializers.Serializer[Any]):
    """In which form, with the law of which day, in which language."""

    format = serializers.CharField(max_length=20, default="pdf")


class ReportOrder(StrictSerializer):
    """A report of the newest decision with the law of another day or in another language."""

    as_of = serializers.DateField(help_text="The law as it stood, or will stand, on this day.")
    language = serializers.ChoiceField(choices=reporting.LANGUAGES, default="en")


class ReportOrdered(serializers.Serializer[Any]):
    """Under which number it is made, and where it will be."""

    number = serializers.CharField()
    report = serializers.CharField()


class ReportRead(ApiView):
    """The report of one request."""

    scopes = {"GET": (Scope.REPORT_READ,), "POST": (Scope.REPORT_READ,)}
    serializer_class = ReportQuestion

    @extend_schema(
        summary="Download the report",
        tags=["reports"],
        parameters=[
            OpenApiParameter(
                "format",
                OpenApiTypes.STR,
                enum=FORMATS,
                description="pdf (sealed), receipt (the proof that the ledger names the digest of the PDF), bundle (a "
                "zip with every form and a signed manifest), or one of the forms",
            ),
            OpenApiParameter(
                "as_of", OpenApiTypes.DATE, description="The law of that day; order it first with POST on this path."
            ),
            OpenApiParameter("language", OpenApiTypes.STR, enum=reporting.LANGUAGES, description="en unless given"),
        ],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, (200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, key: UUID) -> HttpResponse:
        """The newest sealed report, byte for byte as it was signed, or one of the forms that were packed with it."""
        form = request.query_params.get("format", "pdf")
        found = promotion_for(request, key, "registry.read_report")
        if form not in FORMATS:
            raise FormatUnavailableError(f"The report comes as {', '.join(FORMATS)}.", field="format")
        as_of, language = _day(request), _language(request)
        report = reporting.newest_report(found, as_of=as_of, language=language)
        if report is None:
            way = "order it with POST on this path" if as_of or language else "one follows each decision of the gate"
            raise NotYetError(f"No such report has been sealed yet; {way}.")
        content, kind, suffix = self._content(report, form)
        response = HttpResponse(content, content_type=kind)
        response["Content-Disposition"] = f'attachment; filename="{report.number}.{suffix}"'
        response["Cache-Control"] = "private, no-store"
        response["X-Content-Type-Options"] = "nosniff"
        whole = {"pdf": report.file_digest, "json": report.evidence_digest, "bundle": report.bundle_digest}
        if form in whole:
            response["Digest"] = whole[form]
        return response

    @extend_schema(
        summary="Order the report for another day or in another language",
        tags=["reports"],
        request=ReportOrder,
        responses={202: ReportOrdered},
    )
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """Have the newest decision described with the law of `as_of`. Ordering the same twice makes one report."""
        found = promotion_for(request, key, "registry.read_report")
        wanted = self.body(ReportOrder)
        number = reporting.order_report(actor=self.actor, request=found, **wanted)
        place = f"{request.path}?as_of={wanted['as_of'].isoformat()}&language={wanted['language']}"
        return Response({"number": number, "report": place}, status=202, headers={"Location": place})

    def _content(self, report: Report, form: str) -> tuple[bytes, str, str]:
        """Content, media type and the end of the file's name. Reading anything but the evidence is recorded."""
        if form == "pdf":
            return reporting.read_report(actor=self.actor, report=report), "application/pdf", "pdf"
        if form == "receipt":
            return (reporting.receipt_of_report(report) or "").encode(), receipts.MEDIA_TYPE, "tlog-proof"
        if form == "json":
            return storage.read_bytes(report.evidence_digest), "application/json", "json"
        if not report.bundle_digest:
            raise FormatUnavailableError("This report is old and comes as pdf or json.", field="format")
        if form == "bundle":
            return reporting.read_bundle(actor=self.actor, report=report), "application/zip", "zip"
        made = FORMS[form]
        content = reporting.read_member(actor=self.actor, report=report, name=made.file)
        return content, made.media_type, made.file


def _day(request: Request) -> date | None:
    text = request.query_params.get("as_of")
    if text is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise InvalidInputError("Give the day as YYYY-MM-DD.", field="as_of") from None


def _language(request: Request) -> str | None:
    language = request.query_params.get("language")
    if language is not None and language not in reporting.LANGUAGES:
        raise InvalidInputError(f"Reports are written in {' or '.join(reporting.LANGUAGES)}.", field="language")
    return language
