"""`/promotions/{id}/report/`: the sealed report and the evidence inside it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from governance import reporting
from governance.api.base import ApiView, Request
from governance.api.errors import FormatUnavailableError, NotYetError
from governance.api.visibility import promotion_for
from governance.tokens import Scope
from registry import storage

FORMATS = ("pdf", "json")


class ReportQuestion(serializers.Serializer[Any]):
    """In which form."""

    format = serializers.CharField(max_length=20, default="pdf")


class ReportRead(ApiView):
    """The report of one request."""

    scopes = {"GET": (Scope.REPORT_READ,)}
    serializer_class = ReportQuestion

    @extend_schema(
        summary="Download the report",
        tags=["reports"],
        parameters=[OpenApiParameter("format", OpenApiTypes.STR, enum=FORMATS, description="pdf (sealed) or json")],
        responses={(200, "application/pdf"): OpenApiTypes.BINARY, (200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, key: UUID) -> HttpResponse:
        """The newest sealed report, byte for byte as it was signed, or the evidence that is embedded in it."""
        form = request.query_params.get("format", "pdf")
        found = promotion_for(request, key, "registry.read_report")
        if form not in FORMATS:
            raise FormatUnavailableError(f"The report comes as {' or '.join(FORMATS)}.", field="format")
        report = reporting.newest_report(found)
        if report is None:
            raise NotYetError("No report has been sealed yet; one follows each decision of the gate.")
        if form == "json":
            content, kind = storage.read_bytes(report.evidence_digest), "application/json"
        else:
            content, kind = reporting.read_report(actor=self.actor, report=report), "application/pdf"
        response = HttpResponse(content, content_type=kind)
        response["Content-Disposition"] = f'attachment; filename="{report.number}.{form}"'
        response["Cache-Control"] = "private, no-store"
        response["Digest"] = report.file_digest if form == "pdf" else report.evidence_digest
        return response
