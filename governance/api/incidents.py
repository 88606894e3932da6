"""`/incidents/`: what versions did, and that it is dealt with."""

from __future__ import annotations

import django_filters
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response, created
from governance.api.bodies import SignedBody, StrictSerializer
from governance.api.idempotency import idempotent
from governance.api.pagination import Filters
from governance.api.permissions import READING
from governance.api.visibility import models_for, require_tie, version_for
from governance.incidents import close_incident, report_incident
from governance.models import Incident
from registry.errors import UnknownSubjectError


class IncidentBody(StrictSerializer):
    """Which version, what happened, and whether it is serious in the sense of the AI Act."""

    model = serializers.CharField(max_length=80)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    title = serializers.CharField(max_length=200, allow_blank=True)
    description = serializers.CharField(max_length=10_000, allow_blank=True)
    serious = serializers.BooleanField(default=True)


class IncidentEndBody(SignedBody):
    """What was found, and what keeps it from happening again."""

    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class IncidentDocument(serializers.ModelSerializer[Incident]):
    """An incident; `closed_at` is null while it is open."""

    model = serializers.CharField(source="version.model.slug", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    reported_by = serializers.CharField(source="reported_by.username", read_only=True)
    closed_at = serializers.DateTimeField(source="end.closed_at", read_only=True, allow_null=True, default=None)
    closed_by = serializers.CharField(source="end.closed_by.username", read_only=True, allow_null=True, default=None)
    closing_reason = serializers.CharField(source="end.reason", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Incident
        fields = (
            "id",
            "model",
            "version",
            "title",
            "description",
            "serious",
            "reported_by",
            "reported_at",
            "closed_at",
            "closed_by",
            "closing_reason",
        )


class IncidentFilter(Filters):
    """By model, by weight, and whether it is open."""

    model = django_filters.CharFilter(field_name="version__model__slug")
    version = django_filters.NumberFilter(field_name="version__number")
    is_open = django_filters.BooleanFilter(field_name="end", lookup_expr="isnull")

    class Meta:
        model = Incident
        fields = ("model", "version", "serious", "is_open")


class IncidentList(ApiView):
    """Incidents, and new ones."""

    scopes = {"GET": (*READING, Scope.MONITOR_WRITE), "POST": (Scope.MONITOR_WRITE, Scope.REVIEW_WRITE)}
    serializer_class = IncidentDocument
    filterset_class = IncidentFilter
    ordering_fields = ("reported_at",)
    ordering = ("-reported_at",)
    queryset = Incident.objects.none()

    @extend_schema(summary="List incidents", tags=["incidents"], responses={200: IncidentDocument(many=True)})
    def get(self, request: Request) -> Response:
        """Newest first, of every model the caller may see."""
        rows = Incident.objects.filter(version__model__in=models_for(request))
        return self.page(rows.select_related("version__model", "reported_by", "end__closed_by"))

    @extend_schema(
        summary="Report an incident", tags=["incidents"], request=IncidentBody, responses={201: IncidentDocument}
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Closes the gates of that version until somebody else answers for it that it is dealt with."""
        fields = self.body(IncidentBody)
        version = version_for(request, fields.pop("model"), fields.pop("version"), permission=None)
        incident = report_incident(actor=self.actor, version=version, **fields)
        return created(IncidentDocument(incident).data, request.build_absolute_uri(f"{incident.pk}/close/"))


class IncidentClose(ApiView):
    """The end of an incident."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = IncidentDocument

    @extend_schema(
        summary="Close an incident", tags=["incidents"], request=IncidentEndBody, responses={200: IncidentDocument}
    )
    @idempotent()
    def post(self, request: Request, key: int) -> Response:
        """Signed, by somebody who did not make the version."""
        rows = Incident.objects.select_related("version__model", "reported_by")
        incident = rows.filter(pk=key).first()
        if incident is None:
            raise UnknownSubjectError(f"There is no incident {key}.")
        require_tie(request, incident.version.model.slug)
        close_incident(actor=self.actor, incident=incident, **self.body(IncidentEndBody))
        return Response(IncidentDocument(rows.select_related("end__closed_by").get(pk=key)).data)
