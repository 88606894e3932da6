"""`/ledger/`: the signed head, entries and proofs, for whoever checks us; and the keys to check with."""

from __future__ import annotations

import base64
from datetime import datetime
from typing import Any

import django_filters
from django.core.validators import RegexValidator
from django.db.models import QuerySet
from django.http import HttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import serializers
from rest_framework.permissions import AllowAny

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.pagination import Filters
from governance.api.permissions import READING
from governance.api.promotion_documents import ANY_OBJECT
from registry import key_history, ledger, receipts, tiles
from registry.authority import permits, require
from registry.errors import InvalidInputError, UnknownSubjectError
from registry.events import Event
from registry.models import LedgerEntry
from registry.models.entry_fields import ActorInBody, TimeInBody

PROVING = (*READING, Scope.GATE_READ)
MAX_SIZE = 2**63 - 1


class EntryDocument(serializers.Serializer[Any]):
    """One entry. `body` is canonical JSON; its UTF-8 bytes are what `leaf_hash` covers (RFC 6962)."""

    index = serializers.IntegerField()
    event = serializers.CharField()
    subject = serializers.CharField()
    leaf_hash = serializers.CharField()
    body = serializers.CharField()

    def to_representation(self, entry: LedgerEntry) -> dict[str, Any]:
        """The row as it is published."""
        return {
            "index": entry.index,
            "event": entry.event,
            "subject": entry.subject,
            "leaf_hash": f"sha256:{bytes(entry.leaf_hash).hex()}",
            "body": bytes(entry.body).decode(),
        }


class EntryFilter(Filters):
    """By what happened, to what, by whom, where in the ledger and when."""

    event = django_filters.ChoiceFilter(choices=[(event.value, event.value) for event in Event])
    subject = django_filters.CharFilter(help_text="Exactly, such as version:credit/3")
    actor = django_filters.CharFilter(
        method="caused_by",
        help_text="A pseudonym, or system",
        validators=[RegexValidator(r"\A(p-[0-9a-f]{32}|system)\Z", "This is the pseudonym of a person, or system.")],
    )
    from_index = django_filters.NumberFilter(
        field_name="index", lookup_expr="gte", min_value=0, max_value=MAX_SIZE, decimal_places=0
    )
    to_index = django_filters.NumberFilter(
        field_name="index",
        lookup_expr="lte",
        min_value=0,
        max_value=MAX_SIZE,
        decimal_places=0,
        help_text="This one included",
    )
    since = django_filters.IsoDateTimeFilter(method="not_before", help_text="At this moment or later")
    until = django_filters.IsoDateTimeFilter(method="before", help_text="Before this moment")

    class Meta:
        model = LedgerEntry
        fields = ("event", "subject")

    def caused_by(self, rows: QuerySet[LedgerEntry], name: str, value: str) -> QuerySet[LedgerEntry]:  # noqa: ARG002
        """What that actor did."""
        return rows.alias(actor=ActorInBody("body")).filter(actor=value.encode())

    def not_before(self, rows: QuerySet[LedgerEntry], name: str, value: datetime) -> QuerySet[LedgerEntry]:  # noqa: ARG002
        """From then on."""
        return rows.alias(at=TimeInBody("body")).filter(at__gte=ledger.utc_text(value).encode())

    def before(self, rows: QuerySet[LedgerEntry], name: str, value: datetime) -> QuerySet[LedgerEntry]:  # noqa: ARG002
        """Until then."""
        return rows.alias(at=TimeInBody("body")).filter(at__lt=ledger.utc_text(value).encode())


class InclusionQuestion(serializers.Serializer[Any]):
    """Which entry, in the tree of which size."""

    index = serializers.IntegerField(min_value=0, max_value=MAX_SIZE)
    size = serializers.IntegerField(min_value=1, max_value=MAX_SIZE, required=False, help_text="By default the newest")


class InclusionDocument(serializers.Serializer[Any]):
    """The audit path, hashes in base64."""

    index = serializers.IntegerField()
    size = serializers.IntegerField()
    root = serializers.CharField()  # type: ignore[assignment]  # DRF takes declared fields off the class
    proof = serializers.ListField(child=serializers.CharField())


class ConsistencyQuestion(serializers.Serializer[Any]):
    """From which size to which."""

    old = serializers.IntegerField(min_value=0, max_value=MAX_SIZE)
    new = serializers.IntegerField(min_value=0, max_value=MAX_SIZE)


class ConsistencyDocument(serializers.Serializer[Any]):
    """The consistency proof, hashes in base64."""

    old = serializers.IntegerField()
    new = serializers.IntegerField()
    old_root = serializers.CharField()
    new_root = serializers.CharField()
    proof = serializers.ListField(child=serializers.CharField())


class CheckpointRead(ApiView):
    """The signed head."""

    scopes = {"GET": PROVING}
    serializer_class = EntryDocument

    @extend_schema(
        summary="Read the signed head of the ledger",
        tags=["ledger"],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request) -> HttpResponse:  # noqa: ARG002
        """A C2SP checkpoint over every entry so far. Keep it: with a later one it proves that nothing was rewritten."""
        return HttpResponse(ledger.publish_checkpoint().note, content_type="text/plain; charset=utf-8")


class EntryList(ApiView):
    """Entries."""

    scopes = {"GET": READING}
    serializer_class = EntryDocument
    filterset_class = EntryFilter
    ordering_fields = ("index",)
    ordering = ("-index",)
    queryset = LedgerEntry.objects.none()

    @extend_schema(summary="List entries of the ledger", tags=["ledger"], responses={200: EntryDocument(many=True)})
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Newest first. To mirror the ledger read its tiles: a page moves while the ledger grows."""
        require(self.actor, "registry.view_ledgerentry")
        return self.page(LedgerEntry.objects.all())


class EntryRead(ApiView):
    """One entry."""

    scopes = {"GET": READING}
    serializer_class = EntryDocument

    @extend_schema(summary="Read an entry of the ledger", tags=["ledger"])
    def get(self, request: Request, index: int) -> Response:  # noqa: ARG002
        """Its exact body."""
        require(self.actor, "registry.view_ledgerentry")
        entry = LedgerEntry.objects.filter(index=index).first()
        if entry is None:
            raise UnknownSubjectError(f"The ledger has no entry {index}.")
        return Response(EntryDocument(entry).data, headers={"Cache-Control": "private, immutable, max-age=31536000"})


class InclusionProof(ApiView):
    """Proof that an entry is in the ledger."""

    scopes = {"GET": PROVING}
    serializer_class = InclusionDocument

    @extend_schema(summary="Prove that an entry is in the ledger", tags=["ledger"], parameters=[InclusionQuestion])
    def get(self, request: Request) -> Response:
        """The path from the entry to the root of the tree of `size` entries."""
        asked = _asked(InclusionQuestion, request)
        size = _grown(asked.get("size", ledger.size()), "size")
        proof = ledger.inclusion_proof(asked["index"], size)
        document = {"index": asked["index"], "size": size, "root": _b64(ledger.root(size)), "proof": _all_b64(proof)}
        return Response(document)


class ReceiptRead(ApiView):
    """Entry, path and signed head in one file."""

    scopes = {"GET": PROVING}
    serializer_class = InclusionDocument

    @extend_schema(
        summary="Read the receipt of an entry",
        tags=["ledger"],
        parameters=[OpenApiParameter("index", OpenApiTypes.INT, OpenApiParameter.PATH)],
        responses={(200, "text/plain"): OpenApiTypes.STR},
    )
    def get(self, request: Request, index: int) -> HttpResponse:  # noqa: ARG002
        """A C2SP tlog-proof. It carries the entry for whoever caused it or may read the ledger."""
        person = self.actor
        may_read = permits(person, "registry.view_ledgerentry") or receipts.caused_by(index, person.pseudonym)
        text = receipts.receipt_of(index, with_entry=may_read).text
        return HttpResponse(text, content_type=receipts.MEDIA_TYPE)


class TileRead(ApiView):
    """256 hashes of one level, or as many as are final."""

    scopes = {"GET": PROVING}
    serializer_class = InclusionDocument

    @extend_schema(
        summary="Read a tile of hashes",
        tags=["ledger"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, level: int, name: str) -> HttpResponse:  # noqa: ARG002
        """C2SP tlog-tiles: `tile/<level>/<index>[.p/<width>]`. Never changes once it can be read."""
        return _tile(tiles.hash_tile(level, tiles.TileName.parse(name)))


class BundleRead(ApiView):
    """256 entries, or as many as there are."""

    scopes = {"GET": READING}
    serializer_class = EntryDocument

    @extend_schema(
        summary="Read a bundle of entries",
        tags=["ledger"],
        responses={(200, "application/octet-stream"): OpenApiTypes.BINARY},
    )
    def get(self, request: Request, name: str) -> HttpResponse:  # noqa: ARG002
        """C2SP tlog-tiles: `tile/entries/<index>[.p/<width>]`, each body behind its length in two bytes."""
        require(self.actor, "registry.view_ledgerentry")
        return _tile(tiles.entry_bundle(tiles.TileName.parse(name)))


class ConsistencyProof(ApiView):
    """Proof that the ledger only grew."""

    scopes = {"GET": PROVING}
    serializer_class = ConsistencyDocument

    @extend_schema(summary="Prove that the ledger only grew", tags=["ledger"], parameters=[ConsistencyQuestion])
    def get(self, request: Request) -> Response:
        """That the tree of `old` entries is a prefix of the tree of `new` ones."""
        asked = _asked(ConsistencyQuestion, request)
        proof = ledger.consistency_proof(asked["old"], _grown(asked["new"], "new"))
        document = {
            **asked,
            "old_root": _b64(ledger.root(asked["old"])),
            "new_root": _b64(ledger.root(asked["new"])),
            "proof": _all_b64(proof),
        }
        return Response(document)


class KeysRead(ApiView):
    """The public keys, for everybody."""

    scopes = {"GET": PROVING}
    authentication_classes = ()
    permission_classes = (AllowAny,)
    serializer_class = EntryDocument

    @extend_schema(
        summary="Read the public keys", tags=["ledger"], auth=[], responses={(200, "application/json"): ANY_OBJECT}
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """One for each purpose. Fetch them over a channel you trust and pin them: they cannot vouch for themselves."""
        return Response(key_history.published_keys(), headers={"Cache-Control": "public, max-age=300"})


def _tile(content: bytes) -> HttpResponse:
    cached = {"Cache-Control": "private, immutable, max-age=31536000"}
    return HttpResponse(content, content_type="application/octet-stream", headers=cached)


def _asked(kind: type[serializers.Serializer[Any]], request: Request) -> dict[str, Any]:
    question = kind(data=request.query_params.dict())
    question.is_valid(raise_exception=True)
    return dict(question.validated_data)


def _grown(size: int, field: str) -> int:
    """The size, if the ledger has grown to it. Raises InvalidInputError."""
    if size > ledger.size():
        raise InvalidInputError(f"The ledger has {ledger.size()} entries.", field=field)
    return size


def _b64(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _all_b64(hashes: list[bytes]) -> list[str]:
    return [_b64(entry) for entry in hashes]
