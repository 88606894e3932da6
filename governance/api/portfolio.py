"""`/portfolio/`: every model that the caller may see, as it stands now or stood on a day, live or sealed."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from governance import reporting
from governance.access.tokens import Scope
from governance.api.assurance import day_of
from governance.api.authentication import grant_of
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import StrictSerializer
from governance.api.dossiers import SEALED, DossierOrdered, sealed_file
from governance.api.errors import FormatUnavailableError
from governance.api.idempotency import idempotent
from governance.reports import portfolio

FORMATS = ("json", *SEALED)


class PortfolioOrder(StrictSerializer):
    """With the records and the law of which day, in which language."""

    as_of = serializers.DateField(required=False, help_text="The records and the law of that day; today unless given.")
    language = serializers.ChoiceField(choices=reporting.LANGUAGES, default="en")


class PortfolioRead(ApiView):
    """All models of the caller."""

    scopes = {"GET": (Scope.REPORT_READ,), "POST": (Scope.REPORT_READ,)}
    serializer_class = PortfolioOrder

    @extend_schema(
        summary="Read the portfolio",
        tags=["reports"],
        parameters=[
            OpenApiParameter(
                "format",
                OpenApiTypes.STR,
                enum=FORMATS,
                description="json (default) as it stands now; pdf, html and bundle as last sealed for the caller, "
                "ordered with POST on this path",
            ),
            OpenApiParameter(
                "as_of", OpenApiTypes.DATE, description="The records and the law of that day; today unless given."
            ),
            OpenApiParameter("language", OpenApiTypes.STR, enum=reporting.LANGUAGES, description="en unless given"),
        ],
        responses={(200, "application/json"): OpenApiTypes.OBJECT, (200, "application/pdf"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request) -> HttpResponse | Response:
        """Every model whose reports the caller may read: what is where, and what needs attention."""
        form, language = request.query_params.get("format", "json"), request.query_params.get("language", "en")
        if form not in FORMATS:
            raise FormatUnavailableError(f"The portfolio comes as {', '.join(FORMATS)}.", field="format")
        reporting.require_language(language)
        day = day_of(request)
        if form == "json":
            found = portfolio.build_portfolio(self.actor, as_of=day, slugs=_tied(request), language=language)
            return Response(found.to_evidence())
        wanted = day if "as_of" in request.query_params else None
        return sealed_file(self.actor, portfolio.newest_portfolio(self.actor, as_of=wanted, language=language), form)

    @extend_schema(
        summary="Have the portfolio put on paper and sealed",
        tags=["reports"],
        request=PortfolioOrder,
        responses={202: DossierOrdered},
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """A worker draws and seals it for the caller alone."""
        wanted: dict[str, Any] = self.body(PortfolioOrder)
        number = portfolio.order_portfolio(actor=self.actor, slugs=_tied(request), **wanted)
        day = f"&as_of={wanted['as_of'].isoformat()}" if "as_of" in wanted else ""
        place = f"{request.path}?format=pdf{day}&language={wanted['language']}"
        return Response({"number": number, "document": place}, status=202, headers={"Location": place})


def _tied(request: Request) -> tuple[str, ...] | None:
    """The models that the token is tied to; None for all."""
    grant = grant_of(request)
    return None if grant is None or grant.models is None else tuple(grant.models)
