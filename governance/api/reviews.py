"""`/promotions/{id}/reviews/`, `…/conditions/` and `…/waivers/`: what people sign.

The actor is the authenticated person and never a field of the body; the credential comes in the same request.
"""

from __future__ import annotations

from uuid import UUID

from drf_spectacular.utils import OpenApiExample, extend_schema
from rest_framework import serializers

from governance import promotions, reviews, waivers
from governance.access.tokens import Scope
from governance.api.base import ApiView, Request, Response
from governance.api.bodies import SignedBody, StrictSerializer
from governance.api.idempotency import idempotent
from governance.api.promotion_documents import (
    ANY_OBJECT,
    ConditionDocument,
    ReviewDocument,
    SignedReviewDocument,
    WaiverDecisionDocument,
    WaiverDocument,
)
from governance.api.visibility import promotion_for
from governance.models import Condition, Waiver
from governance.signatures.reviews import NewCondition, ReviewWords, review_options
from registry.errors import UnknownSubjectError


class ConditionBody(StrictSerializer):
    """What an approval depends on, and by when it must be met."""

    text = serializers.CharField(max_length=10_000)
    due_at = serializers.DateTimeField()


class ReviewBody(SignedBody):
    """A decision on exactly what `subject_digest` names: copy it from the request that you read."""

    verdict = serializers.CharField(max_length=16, help_text="approve, reject, request_changes, abstain or comment")
    role = serializers.CharField(max_length=40)
    meaning = serializers.CharField(max_length=16, help_text="reviewed, approved, rejected or responsible")
    reason = serializers.CharField(max_length=10_000, allow_blank=True)
    subject_digest = serializers.CharField(max_length=71)
    conditions = ConditionBody(many=True, required=False)
    assertion = serializers.CharField(
        max_length=20_000,
        write_only=True,
        default="",
        allow_blank=True,
        help_text="What a security key answered to `reviews/statement/`, as JSON, in place of password and code.",
    )


class ConfirmationBody(SignedBody):
    """What shows that the condition is met."""

    evidence = serializers.CharField(max_length=10_000, allow_blank=True)


class WaiverBody(StrictSerializer):
    """Which finding should stand for a while, why, and what protects people meanwhile."""

    criterion_id = serializers.CharField(max_length=80)
    justification = serializers.CharField(max_length=10_000, allow_blank=True)
    compensating_control = serializers.CharField(max_length=10_000, allow_blank=True)
    expires_at = serializers.DateTimeField()


class WaiverDecisionBody(SignedBody):
    """Granted or refused, in which role, and why."""

    granted = serializers.BooleanField()
    role = serializers.CharField(max_length=40)
    reason = serializers.CharField(max_length=10_000, allow_blank=True)


class ReviewCreate(ApiView):
    """Reviews of one request."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = ReviewDocument

    @extend_schema(
        summary="Review a promotion request",
        tags=["reviews"],
        request=ReviewBody,
        responses={201: SignedReviewDocument},
        examples=[
            OpenApiExample(
                "An approval",
                value={
                    "verdict": "approve",
                    "role": "model_validator",
                    "meaning": "approved",
                    "reason": "All groups are within the limits, and the intervals are narrow.",
                    "subject_digest": "sha256:" + "0" * 64,
                    "password": "your own",
                },
                request_only=True,
            )
        ],
    )
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """Signs a review. Requester, author and service accounts cannot approve; nobody counts twice."""
        found = promotion_for(request, key, permission=None)
        fields = self.body(ReviewBody)
        conditions = [NewCondition(**entry) for entry in fields.pop("conditions", ())]
        review = promotions.record_review(actor=self.actor, request=found, conditions=conditions, **fields)
        return Response(SignedReviewDocument(review).data, status=201)


class ReviewStatement(ApiView):
    """What a security key is asked to sign."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = ReviewBody

    @extend_schema(
        summary="Prepare a review for a security key",
        tags=["reviews"],
        request=ReviewBody,
        responses={(200, "application/json"): ANY_OBJECT},
    )
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """PublicKeyCredentialRequestOptions whose challenge is the digest of the statement; good for minutes, once."""
        found = promotion_for(request, key, permission=None)
        fields = self.body(ReviewBody)
        conditions = tuple(NewCondition(**entry) for entry in fields.pop("conditions", ()))
        told = {name: fields[name] for name in ("verdict", "role", "meaning", "reason", "subject_digest")}
        words = ReviewWords(**told, conditions=conditions)
        return Response(review_options(actor=self.actor, request=found, words=words))


class ConditionConfirm(ApiView):
    """The confirmation that a condition of an approval is met."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = ConditionDocument

    @extend_schema(
        summary="Confirm a condition",
        tags=["reviews"],
        request=ConfirmationBody,
        responses={201: ConditionDocument},
    )
    @idempotent()
    def post(self, request: Request, key: UUID, condition: int) -> Response:
        """Signed by somebody who reviews in the role that set it and is not behind the request."""
        found = promotion_for(request, key, permission=None)
        rows = Condition.objects.filter(review__request=found).select_related("review__request", "met__confirmed_by")
        row = rows.filter(pk=condition).first()
        if row is None:
            raise UnknownSubjectError(f"This request has no condition {condition}.")
        reviews.confirm_condition(actor=self.actor, condition=row, **self.body(ConfirmationBody))
        return Response(ConditionDocument(rows.get(pk=condition)).data, status=201)


class WaiverCreate(ApiView):
    """Waivers of one request."""

    scopes = {"POST": (Scope.PROMOTION_REQUEST,)}
    serializer_class = WaiverDocument

    @extend_schema(summary="Ask for a waiver", tags=["reviews"], request=WaiverBody, responses={201: WaiverDocument})
    @idempotent()
    def post(self, request: Request, key: UUID) -> Response:
        """Somebody else decides it; until then the finding blocks."""
        found = promotion_for(request, key, permission=None)
        waiver = waivers.request_waiver(actor=self.actor, request=found, **self.body(WaiverBody))
        return Response(WaiverDocument(waiver).data, status=201)


class WaiverDecide(ApiView):
    """The decision on one waiver."""

    scopes = {"POST": (Scope.REVIEW_WRITE,)}
    serializer_class = WaiverDecisionDocument

    @extend_schema(
        summary="Grant or refuse a waiver",
        tags=["reviews"],
        request=WaiverDecisionBody,
        responses={201: WaiverDecisionDocument},
    )
    @idempotent()
    def post(self, request: Request, key: UUID, waiver: int) -> Response:
        """Signed, once, by somebody who neither asked for it nor is too close to the version."""
        found = promotion_for(request, key, permission=None)
        asked = Waiver.objects.filter(request=found, pk=waiver).first()
        if asked is None:
            raise UnknownSubjectError(f"This request has no waiver {waiver}.")
        decision = waivers.decide_waiver(actor=self.actor, waiver=asked, **self.body(WaiverDecisionBody))
        return Response(WaiverDecisionDocument(decision).data, status=201)
