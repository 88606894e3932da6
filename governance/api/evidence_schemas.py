"""`/schemas/{name}.json`: the published JSON Schemas of the evidence, for everybody."""

from __future__ import annotations

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from audits.reports.schemas import SCHEMAS
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from registry.errors import UnknownSubjectError


class SchemaRead(ApiView):
    """What the evidence of a document holds."""

    scopes = {"GET": (Scope.REPORT_READ,)}
    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = serializers.Serializer

    @extend_schema(
        summary="Read the JSON Schema of the evidence",
        tags=["reports"],
        auth=[],
        responses={(200, "application/json"): OpenApiTypes.OBJECT},
    )
    def get(self, request: Request, name: str) -> Response:  # noqa: ARG002
        """report, dossier, portfolio or explanation: JSON Schema 2020-12."""
        if name not in SCHEMAS:
            raise UnknownSubjectError(f"The schemas are {', '.join(SCHEMAS)}.", field="name")
        return Response(SCHEMAS[name](), headers={"Cache-Control": "public, max-age=300"})
