"""`/lineage`: where the emitters of OpenLineage send their events; and the graph of a version in other forms.

Emitters send again whatever is answered with 5xx. So what is wrong with an event is always 4xx and names the place.
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from typing import IO, Any

from django.conf import settings
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import parsers, serializers
from rest_framework.exceptions import ParseError, UnsupportedMediaType

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import read_limited
from governance.api.errors import BodyTooLargeError
from governance.api.idempotency import idempotent
from governance.api.permissions import READING
from governance.api.promotion_documents import ANY_OBJECT
from governance.api.visibility import version_for
from governance.reports.exports import handed_out
from governance.reports.lineage_pictures import lineage_svg
from registry import provenance, strict_json
from registry.authority import require
from registry.columns import origins_of
from registry.connectors import openlineage
from registry.connectors.statements import LineageRefusedError
from registry.exports import FORMS
from registry.lineage_events import RawEvent, checked, receive
from registry.lineage_findings import CONTRADICTION, CYCLE, findings

MOST_EVENTS = 10_000
IMPORTS = ("dvc", "git", "croissant")
DIRECTIONS = {
    "upstream": provenance.lineage_of,
    "downstream": provenance.lineage_below,
    "both": provenance.lineage_around,
}
_GZIP = 31  # zlib's number for a gzip header and trailer

EXAMPLE = OpenApiExample(
    "A training run has ended",
    value={
        "eventType": "COMPLETE",
        "eventTime": "2026-11-21T08:00:00Z",
        "run": {"runId": "01a1fb30-1c98-74a5-beb5-263808929362"},
        "job": {"namespace": "ml-training", "name": "credit_risk.train"},
        "inputs": [{"namespace": "s3://lake", "name": "credit/train.csv"}],
        "outputs": [{"namespace": "s3://lake", "name": "credit/model.skops"}],
        "producer": "https://example.com/pipeline",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
    },
    request_only=True,
)


class LineageBody(parsers.BaseParser):
    """One event or a list of them, plain or gzip; each keeps the text in which it came."""

    media_type = "application/json"

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """A list of (text, value), one for each event. Raises ParseError, BodyTooLargeError or UnsupportedMediaType."""
        del media_type
        request: Request = (parser_context or {})["request"]
        encoding = request.headers.get("Content-Encoding", "identity").lower()
        content = read_limited(stream)
        if encoding == "gzip":
            content = _unpacked(content)
        elif encoding != "identity":
            raise UnsupportedMediaType(encoding, "Send the body plain or as gzip.")
        try:
            return list(strict_json.elements(content.decode()))
        except ValueError as error:
            raise ParseError(f"The body is not JSON: {error}") from None


class ReceiptDocument(serializers.Serializer[Any]):
    """What became of the events. `repeated` were held already and changed nothing."""

    received = serializers.IntegerField()
    successful = serializers.IntegerField()
    failed = serializers.IntegerField()
    kept = serializers.IntegerField()
    repeated = serializers.IntegerField()


class BatchDocument(serializers.Serializer[Any]):
    """The answer that OpenLineage describes for a batch, which is taken as a whole or not at all."""

    status = serializers.ChoiceField(choices=("success",))
    summary = ReceiptDocument()


class LineageReceive(ApiView):
    """Events of OpenLineage 2-0-2."""

    scopes = {"POST": (Scope.LINEAGE_WRITE,)}
    untied_only = ("POST",)
    parser_classes = (LineageBody,)
    serializer_class = BatchDocument
    filter_backends = ()
    queryset = None

    @extend_schema(
        summary="Send lineage events",
        tags=["lineage"],
        request={"application/json": {"oneOf": [ANY_OBJECT, {"type": "array", "items": ANY_OBJECT}]}},
        responses={200: BatchDocument},
        examples=[EXAMPLE],
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """One event or a list, all or none. What is held already is recognised by its bytes; sending again is safe."""
        return self.taken(request, openlineage.FORMAT)

    def taken(self, request: Request, form: str) -> Response:
        """Keep the events of the body, and say how many were new."""
        events = _events(form, request.data if isinstance(request.data, list) else [])
        received = receive(actor=self.actor, events=events)
        summary = {
            "received": len(events),
            "successful": len(events),
            "failed": 0,
            "kept": received.kept,
            "repeated": received.repeated,
        }
        return Response({"status": "success", "summary": summary})


class LineageImport(LineageReceive):
    """What `manage.py import_lineage` collects, from a pipeline that cannot run it here."""

    @extend_schema(
        summary="Import lineage from another tool",
        tags=["lineage"],
        request={"application/json": {"oneOf": [ANY_OBJECT, {"type": "array", "items": ANY_OBJECT}]}},
        responses={200: BatchDocument},
    )
    @idempotent()
    def post(self, request: Request, form: str) -> Response:  # type: ignore[override]  # one more part of the path
        """One event or a list, all or none, in a format of docs/lineage.md: dvc, git or croissant."""
        if form not in IMPORTS:
            raise LineageRefusedError(f"The formats are {', '.join(IMPORTS)}.", field="format")
        return self.taken(request, form)


class ColumnDocument(serializers.Serializer[Any]):
    """A column of a dataset."""

    dataset = serializers.CharField()
    column = serializers.CharField()


class FeatureDocument(serializers.Serializer[Any]):
    """A feature of the model, and the columns it was made from, nearest first."""

    feature = serializers.CharField()
    columns = ColumnDocument(many=True)


class ColumnsRead(ApiView):
    """Column-level lineage of one model version."""

    scopes = {"GET": READING}
    serializer_class = FeatureDocument
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        summary="Read from which columns the features were made",
        tags=["lineage"],
        responses=FeatureDocument(many=True),
    )
    def get(self, request: Request, slug: str, number: int) -> Response:
        """As far as emitters told of steps between columns; along names where they told of none."""
        version = version_for(request, slug, number)
        found = [
            {"feature": origin.feature, "columns": [{"dataset": d, "column": c} for d, c in origin.columns]}
            for origin in origins_of(version, provenance.lineage_of(version))
        ]
        return Response(found)


class LineageFindingDocument(serializers.Serializer[Any]):
    """Something wrong in the graph, with the names of the nodes concerned."""

    code = serializers.ChoiceField(choices=(CONTRADICTION, CYCLE))
    nodes = serializers.ListField(child=serializers.CharField())
    explanation = serializers.CharField()


class FindingList(ApiView):
    """What is wrong in the whole graph."""

    scopes = {"GET": READING}
    untied_only = ("GET",)
    serializer_class = LineageFindingDocument
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        summary="List what is wrong in the lineage", tags=["lineage"], responses=LineageFindingDocument(many=True)
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Contradictory digests and cycles, over all datasets and models."""
        require(self.actor, "registry.view_dataset")
        return Response(LineageFindingDocument(findings(), many=True).data)


class LineageQuestion(serializers.Serializer[Any]):
    """Which way, and in which form."""

    direction = serializers.ChoiceField(choices=tuple(DIRECTIONS), default="upstream")
    format = serializers.ChoiceField(choices=(*FORMS, "svg"), default="json")


class LineageRead(ApiView):
    """The graph of one model version."""

    scopes = {"GET": READING}
    serializer_class = LineageQuestion
    filter_backends = ()

    @extend_schema(
        summary="Read the lineage of a version",
        tags=["lineage"],
        parameters=[LineageQuestion],
        responses={(200, "application/json"): OpenApiTypes.OBJECT, (200, "image/svg+xml"): OpenApiTypes.STR},
    )
    def get(self, request: Request, slug: str, number: int) -> HttpResponse:
        """What it was made from (or what was made with it): as JSON, OpenLineage, W3C PROV, Mermaid or a picture."""
        question = LineageQuestion(data=request.query_params.dict())
        question.is_valid(raise_exception=True)
        asked = question.validated_data
        version = version_for(request, slug, number)
        graph = DIRECTIONS[asked["direction"]](version)
        if asked["format"] == "svg":
            response = HttpResponse(lineage_svg(graph), content_type="image/svg+xml")
            response["Content-Security-Policy"] = "default-src 'none'; style-src 'unsafe-inline'; sandbox"
            return response
        kind, written = FORMS[asked["format"]]
        form = asked["format"]
        document = handed_out(written(graph), actor=self.actor, about=version, kind="lineage", form=form)
        return HttpResponse(document, content_type=kind)


def _events(form: str, given: Sequence[tuple[str, Any]]) -> list[RawEvent]:
    """Valid events. Raises LineageRefusedError naming the first place at fault."""
    if not given:
        raise LineageRefusedError("Send one event or a list of events.", field="body")
    if len(given) > MOST_EVENTS:
        raise LineageRefusedError(f"A batch has {MOST_EVENTS} events at most.", field="body")
    events = []
    for index, (text, value) in enumerate(given):
        place = f"[{index}]." if len(given) > 1 else ""
        events.append(checked(form, text, value, place))
    return events


def _unpacked(content: bytes) -> bytes:
    """The content of one gzip member. Raises BodyTooLargeError before more than the limit is unpacked, ParseError."""
    limit: int = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    unpacking = zlib.decompressobj(_GZIP)
    try:
        found = unpacking.decompress(content, limit + 1)
    except zlib.error as error:
        raise ParseError(f"The body is not gzip: {error}") from None
    if len(found) > limit:
        raise BodyTooLargeError(f"The body is longer than {limit} bytes when unpacked.")
    if not unpacking.eof or unpacking.unused_data:
        raise ParseError("The gzip body is cut off, or something follows it.")
    return found
