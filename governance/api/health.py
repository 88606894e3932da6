"""`/gate-health/`: the record of every check, so that one which never stops anybody is noticed."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from audits.health import Condition, check_health, worst_first
from audits.runs import known_checks
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.permissions import READING
from registry.authority import require


class CheckHealthDocument(serializers.Serializer[Any]):
    """The whole record of one check."""

    check = serializers.CharField()
    condition = serializers.ChoiceField(choices=[condition.value for condition in Condition])
    meaning = serializers.CharField()
    attempts = serializers.IntegerField()
    measured = serializers.IntegerField()
    self_tests_failed = serializers.IntegerField()
    satisfied = serializers.IntegerField()
    not_satisfied = serializers.IntegerField()
    inconclusive = serializers.IntegerField()


class GateHealthRead(ApiView):
    """All checks, over all models."""

    scopes = {"GET": (*READING, Scope.GATE_READ)}
    untied_only = ("GET",)
    serializer_class = CheckHealthDocument
    filter_backends = ()
    pagination_class = None

    @extend_schema(
        summary="Read the health of the gates", tags=["gates"], responses={200: CheckHealthDocument(many=True)}
    )
    def get(self, request: Request) -> Response:  # noqa: ARG002
        """Every check with its whole record, what to worry about first."""
        require(self.actor, "audits.view_observation")
        rows = worst_first(check_health(known_checks()))
        return Response([dict(CheckHealthDocument(row).data) for row in rows])
