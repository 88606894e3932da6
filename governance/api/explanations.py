"""`/models/{slug}/versions/{n}/explanations/`: one decision explained to the person it concerns."""

from __future__ import annotations

import base64
import json
from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from governance import reporting
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import StrictSerializer
from governance.api.idempotency import idempotent
from governance.api.visibility import version_for
from governance.explanations import explain_decision
from registry import receipts


class ExplanationBody(StrictSerializer):
    """The person's row, which is used and not kept."""

    row = serializers.DictField(
        child=serializers.JSONField(allow_null=True), help_text="Every feature of the signature; null where not known"
    )
    mutable = serializers.ListField(
        child=serializers.CharField(max_length=200),
        default=list,
        max_length=50,
        help_text="What the person could change: income=+ only upwards, debts=- only downwards, job either way",
    )
    as_of = serializers.DateField(required=False, help_text="The law of that day; today unless given.")
    language = serializers.ChoiceField(choices=reporting.LANGUAGES, default="en")

    def validate_row(self, row: dict[str, Any]) -> dict[str, Any]:
        """Values are texts, numbers, booleans or null."""
        wrong = [name for name, value in row.items() if isinstance(value, dict | list)]
        if wrong:
            raise serializers.ValidationError(f"{wrong[0]} must be a text, a number, true, false or null.")
        return row


class ExplanationGiven(serializers.Serializer[Any]):
    """Handed out once; ask again for another one. A repeated request with the same key is answered without content."""

    number = serializers.CharField()
    explanation = serializers.DictField(allow_null=True)
    pdf = serializers.CharField(allow_null=True, help_text="The sealed page, base64")
    receipt = serializers.CharField(
        allow_null=True, help_text="C2SP tlog-proof of the ledger's entry, which names the digests of JSON and page"
    )


class ExplanationCreate(ApiView):
    """Explanations of single decisions."""

    scopes = {"POST": (Scope.REPORT_READ,)}
    serializer_class = ExplanationGiven

    @extend_schema(
        summary="Explain one decision",
        tags=["versions"],
        request=ExplanationBody,
        responses={201: ExplanationGiven},
    )
    @idempotent(withhold=("explanation", "pdf", "receipt"))
    def post(self, request: Request, slug: str, number: int) -> Response:
        """Decision, reasons with codes, the nearest change that would have turned it; as JSON and as a sealed page."""
        version = version_for(request, slug, number, permission=None)
        given = explain_decision(actor=self.actor, version=version, **self.body(ExplanationBody))
        told = {
            "number": given.number,
            "explanation": json.loads(given.evidence),
            "pdf": base64.b64encode(given.sealed).decode("ascii"),
            "receipt": receipts.receipt_text(given.entry),
        }
        return Response(told, status=201, headers={"Cache-Control": "private, no-store"})
