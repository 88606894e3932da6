"""`/promotions/`: asking that a version may go to a stage, and what its requester may do afterwards."""

from __future__ import annotations

from uuid import UUID

import django_filters
from django.db.models import QuerySet
from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers

from governance import promotions
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response, created
from governance.api.bodies import StrictSerializer
from governance.api.conditional import conditional
from governance.api.idempotency import idempotent
from governance.api.pagination import Filters
from governance.api.permissions import READING
from governance.api.promotion_documents import PromotionDetailDocument, PromotionDocument, promotion_document
from governance.api.registered_models import StageDocument
from governance.api.schema import IF_NONE_MATCH
from governance.api.visibility import models_for, promotion_for, version_for
from governance.models import PromotionRequest

ASKING = (Scope.PROMOTION_REQUEST,)


class PromotionBody(StrictSerializer):
    """Which version should go where, and why."""

    model = serializers.CharField(max_length=80)
    version = serializers.IntegerField(min_value=1, max_value=2**31 - 1)
    to_stage = serializers.CharField(max_length=60)
    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class ReasonBody(StrictSerializer):
    """Why."""

    reason = serializers.CharField(max_length=10_000)


class CompletionBody(StrictSerializer):
    """Why a version passes a gate that warns; otherwise there is nothing to say."""

    reason = serializers.CharField(max_length=10_000, allow_blank=True, default="")


class PromotionFilter(Filters):
    """By subject, by where it stands, by who asked."""

    model = django_filters.CharFilter(field_name="version__model__slug")
    version = django_filters.NumberFilter(field_name="version__number")
    requested_by = django_filters.CharFilter(field_name="requested_by__username")
    policy = django_filters.CharFilter(field_name="policy_version__policy__slug")
    is_open = django_filters.BooleanFilter(method="whether_open", label="Whether it may still move")

    class Meta:
        model = PromotionRequest
        fields = ("model", "version", "to_stage", "state", "requested_by", "policy", "is_open")

    def whether_open(
        self,
        rows: QuerySet[PromotionRequest],
        name: str,  # noqa: ARG002  (django-filter's signature)
        value: bool,  # noqa: FBT001
    ) -> QuerySet[PromotionRequest]:
        """Requests that may still move, or those that ended."""
        wanted = {"state__in": PromotionRequest.OPEN_STATES}
        return rows.filter(**wanted) if value else rows.exclude(**wanted)


class PromotionList(ApiView):
    """All promotion requests, and new ones."""

    scopes = {"GET": READING, "POST": ASKING}
    serializer_class = PromotionDocument
    filterset_class = PromotionFilter
    ordering_fields = ("requested_at", "ended_at", "state")
    ordering = ("-requested_at",)
    queryset = PromotionRequest.objects.none()

    @extend_schema(
        summary="List promotion requests", tags=["promotions"], responses={200: PromotionDocument(many=True)}
    )
    def get(self, request: Request) -> Response:
        """Newest first, of every model the caller may see."""
        rows = PromotionRequest.objects.filter(version__model__in=models_for(request))
        return self.page(rows.select_related("version__model", "policy_version__policy", "requested_by"))

    @extend_schema(
        summary="Request a promotion",
        tags=["promotions"],
        request=PromotionBody,
        responses={202: PromotionDetailDocument},
        examples=[
            OpenApiExample(
                "To production",
                value={
                    "model": "care-priority",
                    "version": 2,
                    "to_stage": "production",
                    "reason": "Better calibrated.",
                },
                request_only=True,
            )
        ],
    )
    @idempotent()
    def post(self, request: Request) -> Response:
        """Pins the policy in force and starts its checks. Poll the Location, or ask the gate with `wait`."""
        fields = self.body(PromotionBody)
        version = version_for(request, fields["model"], fields["version"], permission=None)
        found = promotions.request_promotion(
            actor=self.actor, version=version, to_stage=fields["to_stage"], reason=fields["reason"]
        )
        return created(promotion_document(found), request.build_absolute_uri(f"{found.pk}/"), status=202)


class PromotionDetail(ApiView):
    """One promotion request."""

    scopes = {"GET": (*READING, Scope.GATE_READ)}
    serializer_class = PromotionDetailDocument

    @extend_schema(summary="Read a promotion request", tags=["promotions"], parameters=[IF_NONE_MATCH])
    def get(self, request: Request, key: UUID) -> Response:
        """State, plan, observations, findings, reviews, waivers, what blocks and who is missing."""
        return conditional(request, promotion_document(promotion_for(request, key)))


class PromotionWithdraw(ApiView):
    """Taking a request back."""

    scopes = {"POST": ASKING}
    serializer_class = PromotionDetailDocument

    @extend_schema(
        summary="Withdraw a promotion request",
        tags=["promotions"],
        request=ReasonBody,
        responses={200: PromotionDetailDocument},
    )
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """Ends an open request; nothing of it is deleted."""
        found = promotion_for(request, key, permission=None)
        promotions.withdraw_request(actor=self.actor, request=found, **self.body(ReasonBody))
        return Response(promotion_document(found))


class PromotionRerun(ApiView):
    """Measuring again."""

    scopes = {"POST": ASKING}
    serializer_class = PromotionDetailDocument

    @extend_schema(
        summary="Run the checks again",
        tags=["promotions"],
        request=ReasonBody,
        responses={202: PromotionDetailDocument},
    )
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """Opens a new round; reviews and waivers of earlier rounds do not carry over."""
        found = promotion_for(request, key, permission=None)
        promotions.rerun_checks(actor=self.actor, request=found, **self.body(ReasonBody))
        return Response(promotion_document(found), status=202)


class PromotionComplete(ApiView):
    """Putting an approved version into its stage."""

    scopes = {"POST": ASKING}
    serializer_class = StageDocument

    @extend_schema(
        summary="Complete a promotion", tags=["promotions"], request=CompletionBody, responses={201: StageDocument}
    )
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """Asks the gate again at this moment; closed is a 409 that says what closed it since."""
        found = promotion_for(request, key, permission=None)
        assignment = promotions.complete(actor=self.actor, request=found, **self.body(CompletionBody))
        return Response(StageDocument(assignment).data, status=201)
