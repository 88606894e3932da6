"""A promotion request as the API shows it: where it stands, what was measured, what blocks, who is missing."""

from __future__ import annotations

from typing import Any

from django.utils import timezone
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from audits.models import AuditRun, Finding, Observation
from governance import decisions, reporting
from governance.broken_glass import emergency_of
from governance.gates.emergencies import GlassStanding
from governance.models import (
    BreakGlass,
    BreakGlassReview,
    Condition,
    GateDecision,
    PromotionRequest,
    Review,
    Waiver,
    WaiverDecision,
)
from registry import receipts

ANY_OBJECT = {"type": "object", "additionalProperties": True}


class PolicyPinDocument(serializers.Serializer[Any]):
    """The exact policy text a request was made under."""

    slug = serializers.CharField(source="policy.slug")
    version = serializers.IntegerField(source="number")
    digest = serializers.CharField()


class PromotionDocument(serializers.ModelSerializer[PromotionRequest]):
    """A promotion request in a list."""

    model = serializers.CharField(source="version.model.slug", read_only=True)
    version = serializers.IntegerField(source="version.number", read_only=True)
    artifact_digest = serializers.CharField(source="version.artifact_digest", read_only=True)
    policy = PolicyPinDocument(source="policy_version", read_only=True)
    gate = serializers.CharField(source="gate_name", read_only=True)
    requested_by = serializers.CharField(source="requested_by.username", read_only=True)

    class Meta:
        model = PromotionRequest
        fields = (
            "id",
            "model",
            "version",
            "artifact_digest",
            "from_stage",
            "to_stage",
            "gate",
            "policy",
            "state",
            "round",
            "subject_digest",
            "reason",
            "requested_by",
            "requested_at",
            "ended_at",
        )


class ObservationDocument(serializers.ModelSerializer[Observation]):
    """What one check measured, or how it failed to; `document` is what `digest` covers."""

    check_id = serializers.CharField(read_only=True)

    class Meta:
        model = Observation
        fields = ("check_id", "check_version", "status", "duration_seconds", "measured_at", "digest", "document")


class FindingDocument(serializers.ModelSerializer[Finding]):
    """The judgement of one criterion."""

    class Meta:
        model = Finding
        fields = ("criterion_id", "outcome", "explanation", "measured_at", "digest", "document")


class RunDocument(serializers.ModelSerializer[AuditRun]):
    """The audit run of the present round: its plan, what was measured, how it was judged."""

    observations = ObservationDocument(many=True, read_only=True)
    findings = FindingDocument(many=True, read_only=True)

    class Meta:
        model = AuditRun
        fields = (
            "id",
            "state",
            "digest",
            "plan_digest",
            "plan",
            "seed",
            "opened_at",
            "closed_at",
            "observations",
            "findings",
        )


class ConditionDocument(serializers.ModelSerializer[Condition]):
    """What an approval depends on; `met_at` is null until somebody confirmed it."""

    met_at = serializers.DateTimeField(source="met.confirmed_at", read_only=True, allow_null=True, default=None)
    confirmed_by = serializers.CharField(
        source="met.confirmed_by.username", read_only=True, allow_null=True, default=None
    )
    evidence = serializers.CharField(source="met.evidence", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Condition
        fields = ("id", "text", "due_at", "met_at", "confirmed_by", "evidence")


class ReviewDocument(serializers.ModelSerializer[Review]):
    """One person's signed review, with the conditions that it set."""

    reviewer = serializers.CharField(source="reviewer.username", read_only=True)
    conditions = ConditionDocument(many=True, read_only=True)

    class Meta:
        model = Review
        fields = (
            "id",
            "round",
            "reviewer",
            "printed_name",
            "role",
            "verdict",
            "meaning",
            "reason",
            "method",
            "subject_digest",
            "created_at",
            "conditions",
            "entry",
        )


class SignedReviewDocument(ReviewDocument):
    """The review just signed, with the proof that the ledger tells of it. Keep the receipt."""

    receipt = serializers.SerializerMethodField()

    class Meta(ReviewDocument.Meta):
        fields = (*ReviewDocument.Meta.fields, "receipt")  # type: ignore[assignment]

    def get_receipt(self, review: Review) -> str | None:
        """A C2SP tlog-proof that carries its entry."""
        return receipts.receipt_text(review.entry)


class BrokenGlassReviewDocument(serializers.ModelSerializer[BreakGlassReview]):
    """One later view of an emergency."""

    reviewer = serializers.CharField(source="reviewer.username", read_only=True)

    class Meta:
        model = BreakGlassReview
        fields = ("upheld", "reason", "reviewer", "printed_name", "role", "method", "reviewed_at")


class BrokenGlassDocument(serializers.ModelSerializer[BreakGlass]):
    """An emergency: who opened the gate, why, until when, and what others said afterwards."""

    invoked_by = serializers.CharField(source="invoked_by.username", read_only=True)
    reviews = BrokenGlassReviewDocument(many=True, read_only=True)
    standing = serializers.SerializerMethodField()
    in_force = serializers.SerializerMethodField()

    class Meta:
        model = BreakGlass
        fields = (
            "id",
            "round",
            "justification",
            "invoked_by",
            "printed_name",
            "method",
            "invoked_at",
            "expires_at",
            "review_due_at",
            "standing",
            "in_force",
            "reviews",
        )

    @extend_schema_field({"type": "string", "enum": [str(standing) for standing in GlassStanding]})
    def get_standing(self, broken: BreakGlass) -> str:
        """What the later reviews came to."""
        return str(emergency_of(broken).standing)

    @extend_schema_field({"type": "boolean"})
    def get_in_force(self, broken: BreakGlass) -> bool:
        """Whether it opens the gate at this moment."""
        return emergency_of(broken).in_force


class WaiverDecisionDocument(serializers.ModelSerializer[WaiverDecision]):
    """Who granted or refused a waiver."""

    decided_by = serializers.CharField(source="decided_by.username", read_only=True)

    class Meta:
        model = WaiverDecision
        fields = ("granted", "reason", "decided_by", "role", "method", "decided_at")


class WaiverDocument(serializers.ModelSerializer[Waiver]):
    """A waiver; `decision` is null while nobody has decided."""

    requested_by = serializers.CharField(source="requested_by.username", read_only=True)
    decision = WaiverDecisionDocument(read_only=True, allow_null=True, default=None)

    class Meta:
        model = Waiver
        fields = (
            "id",
            "round",
            "criterion_id",
            "justification",
            "compensating_control",
            "expires_at",
            "requested_by",
            "requested_at",
            "decision",
        )


class DecisionDocument(serializers.ModelSerializer[GateDecision]):
    """A signed gate decision; the envelope itself is under `attestation`."""

    attestation = serializers.SerializerMethodField()

    class Meta:
        model = GateDecision
        fields = ("id", "stage", "outcome", "digest", "decided_at", "valid_until", "attestation")

    def get_attestation(self, decision: GateDecision) -> str:
        """Path of the envelope."""
        return f"/api/v1/decisions/{decision.pk}/attestation/"


class PromotionDetailDocument(PromotionDocument):
    """A promotion request with everything a reviewer needs. `gate_now` is evaluated at this moment."""

    run = RunDocument(read_only=True)
    reviews = ReviewDocument(many=True, read_only=True)
    waivers = WaiverDocument(many=True, read_only=True)
    broken_glass = BrokenGlassDocument(many=True, read_only=True)
    decisions = DecisionDocument(many=True, read_only=True)
    gate_now = serializers.SerializerMethodField()
    report = serializers.SerializerMethodField()

    class Meta(PromotionDocument.Meta):
        fields = (  # type: ignore[assignment]
            *PromotionDocument.Meta.fields,
            "gate_now",
            "run",
            "reviews",
            "waivers",
            "broken_glass",
            "decisions",
            "report",
        )

    @extend_schema_field(ANY_OBJECT)
    def get_gate_now(self, request: PromotionRequest) -> dict[str, Any]:
        """What is met, what blocks, who is missing."""
        answer = decisions.evaluate(request, timezone.now()).to_document()
        del answer["decided_at"]  # the moment of asking; it would make every answer a new one
        return answer

    @extend_schema_field({"type": "string", "nullable": True})
    def get_report(self, request: PromotionRequest) -> str | None:
        """Path of the newest sealed report, null until there is one."""
        return None if reporting.newest_report(request) is None else f"/api/v1/promotions/{request.pk}/report/"


def promotion_document(request: PromotionRequest) -> dict[str, Any]:
    """One request as `GET /promotions/{id}/` shows it."""
    found = (
        PromotionRequest.objects.select_related(
            "version__model", "version__created_by", "version__run_author", "policy_version__policy"
        )
        .select_related("run", "requested_by")
        .prefetch_related("run__observations", "run__findings", "reviews__reviewer", "decisions")
        .prefetch_related("waivers__requested_by", "waivers__decision__decided_by")
        .prefetch_related("reviews__conditions__met__confirmed_by", "broken_glass__reviews__reviewer")
        .get(pk=request.pk)
    )
    return dict(PromotionDetailDocument(found).data)
