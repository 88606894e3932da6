"""`/promotions/{id}/break-glass/`: opening a closed gate in an emergency, and what two others say afterwards."""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers

from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import SignedBody
from governance.api.idempotency import idempotent
from governance.api.promotion_documents import BrokenGlassDocument, BrokenGlassReviewDocument
from governance.api.visibility import promotion_for
from governance.broken_glass import break_glass, review_broken_glass
from governance.models import BreakGlass
from registry.errors import UnknownSubjectError


class BreakGlassBody(SignedBody):
    """What the emergency is, and for how many hours the gate is opened."""

    justification = serializers.CharField(max_length=10_000, allow_blank=True)
    hours = serializers.IntegerField(min_value=1, max_value=2**15)


class BrokenGlassReviewBody(SignedBody):
    """Whether it was right, in which role you say so, and why."""

    upheld = serializers.BooleanField()
    role = serializers.CharField(max_length=40)
    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class BreakGlassCreate(ApiView):
    """An emergency."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = BrokenGlassDocument

    @extend_schema(
        summary="Break the glass",
        tags=["reviews"],
        request=BreakGlassBody,
        responses={201: BrokenGlassDocument},
        examples=[
            OpenApiExample(
                "For four hours",
                value={"justification": "The ward is without a ranking.", "hours": 4, "password": "your own"},
                request_only=True,
            )
        ],
    )
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """Signed, once a round, for hours only. Two others look at it by `review_due_at`, or the gate closes again."""
        found = promotion_for(request, key, permission=None)
        broken = break_glass(actor=self.actor, request=found, **self.body(BreakGlassBody))
        return Response(BrokenGlassDocument(broken).data, status=201)


class BreakGlassReview(ApiView):
    """A later view of an emergency."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = BrokenGlassReviewDocument

    @extend_schema(
        summary="Review an emergency afterwards",
        tags=["reviews"],
        request=BrokenGlassReviewBody,
        responses={201: BrokenGlassReviewDocument},
    )
    @idempotent()
    def post(self, request: Request, key: UUID, broken: int) -> Response:
        """Signed, once each, by somebody who neither broke the glass nor is behind the request.

        One objection closes the gate again.
        """
        found = promotion_for(request, key, permission=None)
        emergency = BreakGlass.objects.filter(request=found, pk=broken).first()
        if emergency is None:
            raise UnknownSubjectError(f"This request has no emergency {broken}.")
        view = review_broken_glass(actor=self.actor, broken=emergency, **self.body(BrokenGlassReviewBody))
        return Response(BrokenGlassReviewDocument(view).data, status=201)
