"""`/models/{slug}/dossier/`: documents that follow the points of a law, as they stand now or sealed."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers

from audits.models import Report
from audits.reports.dossier import OUTLINES, render_markdown
from governance import reporting
from governance.access.tokens import Scope
from governance.api.assurance import AS_OF, day_of
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import StrictSerializer
from governance.api.errors import FormatUnavailableError, NotYetError
from governance.api.idempotency import idempotent
from governance.api.visibility import model_for
from governance.dossiers.documents import build_dossier
from governance.dossiers.orders import newest_dossier, order_dossier
from governance.reports.exports import handed_out
from registry.errors import InvalidInputError, UnknownSubjectError
from registry.models import ModelVersion, Person, RegisteredModel

#: What is answered from the records at once, and what a worker has sealed.
LIVE = ("json", "markdown")
SEALED = {
    "pdf": ("application/pdf", "pdf"),
    "html": ("text/html; charset=utf-8", "html"),
    "bundle": ("application/zip", "zip"),
}
FORMATS = (*LIVE, *SEALED)


class DossierOrder(StrictSerializer):
    """Which document, of which version, with the law of which day."""

    kind = serializers.ChoiceField(choices=tuple(OUTLINES), default="annex-iv")
    version = serializers.IntegerField(required=False, min_value=1, help_text="The newest unless given.")
    as_of = serializers.DateField(required=False, help_text="The law and the records of that day; today unless given.")
    final = serializers.BooleanField(default=False, help_text="True is refused while a point is open.")
    language = serializers.ChoiceField(choices=reporting.LANGUAGES, default="en")


class DossierOrdered(serializers.Serializer[Any]):
    """Under which number it is made, and where it will be."""

    number = serializers.CharField()
    document = serializers.CharField()


class DossierRead(ApiView):
    """Documents that follow the points of a law."""

    scopes = {"GET": (Scope.REPORT_READ,), "POST": (Scope.REPORT_READ,)}
    serializer_class = DossierOrder

    @extend_schema(
        summary="Read a document that follows the points of a law",
        tags=["assurance"],
        parameters=[
            OpenApiParameter("kind", OpenApiTypes.STR, enum=tuple(OUTLINES), description="annex-iv unless given"),
            OpenApiParameter("version", OpenApiTypes.INT, description="the newest version unless given"),
            AS_OF,
            OpenApiParameter("final", OpenApiTypes.BOOL, description="true refuses the document while a point is open"),
            OpenApiParameter("language", OpenApiTypes.STR, enum=reporting.LANGUAGES, description="en unless given"),
            OpenApiParameter(
                "format",
                OpenApiTypes.STR,
                enum=FORMATS,
                description="json (default) and markdown as it stands now; pdf, html and bundle as last sealed, "
                "ordered with POST on this path",
            ),
        ],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            (200, "text/markdown"): OpenApiTypes.STR,
            (200, "application/pdf"): OpenApiTypes.BINARY,
        },
    )
    def get(self, request: Request, slug: str) -> HttpResponse | Response:
        """Each point answered from the records, by a person, or open with the name of who owes it."""
        model = model_for(request, slug, "registry.read_report")
        asked = request.query_params
        form, final = asked.get("format", "json"), asked.get("final", "false")
        language, kind = asked.get("language", "en"), asked.get("kind", "annex-iv")
        if form not in FORMATS:
            raise FormatUnavailableError(f"The document comes as {', '.join(FORMATS)}.", field="format")
        if final not in ("true", "false"):
            raise InvalidInputError("final is true or false.", field="final")
        if kind not in OUTLINES:
            raise InvalidInputError(f"The kinds are {', '.join(OUTLINES)}.", field="kind")
        reporting.require_language(language)
        version, day = _version(model, asked.get("version")), day_of(request)
        if form in SEALED:
            report = newest_dossier(
                version, kind, as_of=day if "as_of" in asked else None, final=final == "true", language=language
            )
            return sealed_file(self.actor, report, form)
        document = build_dossier(version, kind=kind, as_of=day, final=final == "true", language=language)
        told: dict[str, Any] = {"actor": self.actor, "about": version, "kind": kind, "form": form}
        if form == "json":
            return Response(handed_out(document.to_evidence(), **told))
        return _file(handed_out(render_markdown(document), **told).encode(), "text/markdown; charset=utf-8")

    @extend_schema(
        summary="Have a document that follows the points of a law put on paper and sealed",
        tags=["assurance"],
        request=DossierOrder,
        responses={202: DossierOrdered},
    )
    @idempotent()
    def post(self, request: Request, slug: str) -> Response:
        """A worker draws and seals it. A final one is refused while a point is open."""
        version_wanted = (wanted := self.body(DossierOrder)).pop("version", None)
        version = _version(
            model_for(request, slug, "registry.read_report"), None if version_wanted is None else str(version_wanted)
        )
        wanted.setdefault("as_of", day_of(request))
        number = order_dossier(actor=self.actor, version=version, **wanted)
        place = (
            f"{request.path}?format=pdf&kind={wanted['kind']}&version={version.number}"
            f"&as_of={wanted['as_of'].isoformat()}&language={wanted['language']}"
        )
        return Response({"number": number, "document": place}, status=202, headers={"Location": place})


def sealed_file(actor: Person, report: Report | None, form: str) -> HttpResponse:
    """One form of a sealed document; that it was read is recorded. Raises NotYetError where there is none."""
    if report is None:
        raise NotYetError("No such document has been sealed yet; order it with POST on this path.")
    media_type, suffix = SEALED[form]
    read = {
        "pdf": lambda: reporting.read_report(actor=actor, report=report),
        "html": lambda: reporting.read_member(actor=actor, report=report, name="document.html"),
        "bundle": lambda: reporting.read_bundle(actor=actor, report=report),
    }
    response = _file(read[form](), media_type)
    response["Content-Disposition"] = f'attachment; filename="{report.number}.{suffix}"'
    return response


def _file(content: bytes, media_type: str) -> HttpResponse:
    response = HttpResponse(content, content_type=media_type)
    response["X-Content-Type-Options"] = "nosniff"
    response["Cache-Control"] = "private, no-store"
    return response


def _version(model: RegisteredModel, number: str | None) -> ModelVersion:
    versions = model.versions.select_related("model__owner", "created_by").order_by("-number")
    if number is not None and not (number.isascii() and number.isdigit() and len(number) < 10):  # noqa: PLR2004
        raise InvalidInputError("Give the number of a version.", field="version")
    found = versions.filter(number=int(number)).first() if number is not None else versions.first()
    if found is None:
        raise UnknownSubjectError(f"The model {model.slug} has no such version.", field="version")
    return found
