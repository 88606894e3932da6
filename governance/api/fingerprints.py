"""Which data and which models saw one record, asked by a keyed fingerprint of it."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import StrictSerializer
from governance.api.idempotency import idempotent
from governance.api.permissions import READING
from governance.api.recalls import DescendantDocument, facts_of_descendants
from governance.api.visibility import known_dataset_version, models_for
from registry import recalls
from registry.fingerprints import MOST, receive_fingerprints, remove_fingerprints, search_fingerprint

_KEY_HELP = "The holder's name of the key. The key itself never comes here."
_VALUE_HELP = "HMAC-SHA256 as 64 lower-case hex digits"


class FingerprintsBody(StrictSerializer):
    """Fingerprints of rows, all under one key."""

    key_id = serializers.CharField(max_length=80, help_text=_KEY_HELP)
    values = serializers.ListField(
        child=serializers.CharField(max_length=64), min_length=1, max_length=MOST, help_text=_VALUE_HELP
    )


class SearchBody(StrictSerializer):
    """One record, named by its fingerprint."""

    key_id = serializers.CharField(max_length=80, help_text=_KEY_HELP)
    value = serializers.CharField(max_length=64, help_text=_VALUE_HELP)


class ReceivedDocument(serializers.Serializer[Any]):
    """What became of the fingerprints that were sent."""

    kept = serializers.IntegerField(help_text="New ones.")
    repeated = serializers.IntegerField(help_text="Held already, or sent twice.")


class RemovedDocument(serializers.Serializer[Any]):
    """How many fingerprints were deleted."""

    removed = serializers.IntegerField()


class HoldingVersion(serializers.Serializer[Any]):
    """A dataset version that holds the record."""

    dataset = serializers.CharField(source="dataset.slug")
    number = serializers.IntegerField()
    withdrawn_at = serializers.DateTimeField(source="withdrawal.withdrawn_at", default=None, allow_null=True)


class FoundDocument(serializers.Serializer[Any]):
    """Where the record is, and every model version made or measured with that data or with anything derived from it."""

    datasets = HoldingVersion(many=True)
    models = DescendantDocument(many=True)
    models_not_shown = serializers.IntegerField(help_text="Versions of models that you may not see.")
    asked = serializers.IntegerField(help_text="Dataset versions that have fingerprints under this key.")
    not_asked = serializers.IntegerField(help_text="All others: this answer says nothing of them.")


class FingerprintList(ApiView):
    """The fingerprints of one dataset version. They can be sent and asked for, never read."""

    scopes = {"POST": (Scope.REGISTRY_WRITE,)}
    serializer_class = ReceivedDocument

    @extend_schema(
        summary="Send fingerprints of rows",
        tags=["datasets"],
        request=FingerprintsBody,
        responses={200: ReceivedDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        """All or none are taken. Those that are held already change nothing, so a batch can be sent again."""
        told = self.body(FingerprintsBody)
        received = receive_fingerprints(actor=self.actor, version=known_dataset_version(slug, number), **told)
        return Response(ReceivedDocument(received).data)


class FingerprintRemoval(ApiView):
    """The end of the fingerprints of one dataset version."""

    scopes = {"POST": (Scope.REGISTRY_WRITE,)}
    untied_only = ("POST",)
    serializer_class = RemovedDocument

    @extend_schema(
        summary="Remove the fingerprints of withdrawn data",
        tags=["datasets"],
        request=None,
        responses={200: RemovedDocument},
    )
    @idempotent()
    def post(self, request: Request, slug: str, number: int) -> Response:  # noqa: ARG002
        """Deletes them all, under every key. They are not taken again."""
        removed = remove_fingerprints(actor=self.actor, version=known_dataset_version(slug, number))
        return Response(RemovedDocument({"removed": removed}).data)


class FingerprintSearch(ApiView):
    """Which models saw this record. A POST, because addresses stand in logs."""

    scopes = {"POST": READING}
    serializer_class = FoundDocument

    @extend_schema(
        summary="Find what saw one record",
        tags=["datasets"],
        request=SearchBody,
        responses={200: FoundDocument},
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """The data that holds it, what was made with that data, and where it is in use. Withdrawn data counts too."""
        found = search_fingerprint(actor=self.actor, **self.body(SearchBody))
        affected = recalls.affected_versions(*found.datasets)
        shown = affected.filter(model__in=models_for(request))
        answer = {
            "datasets": found.datasets,
            "models": shown,
            "models_not_shown": affected.count() - shown.count(),
            "asked": found.asked,
            "not_asked": found.not_asked,
        }
        return Response(FoundDocument(answer, context=facts_of_descendants(*found.datasets)).data)
