from __future__ import annotations

from django.conf import settings
from django.db import models

from governance.models.delegations import Delegation
from governance.models.promotions import PromotionRequest
from registry.models.immutable import Record


class Review(Record):
    """One person's decision on one round, bound to exactly what was in front of them (`subject_digest`)."""

    class Verdict(models.TextChoices):
        """Only `approve` counts towards the quorum; one eligible `reject` ends the request."""

        APPROVE = "approve", "approve"
        REJECT = "reject", "reject"
        REQUEST_CHANGES = "request_changes", "request changes"
        ABSTAIN = "abstain", "abstain (conflict of interest)"
        COMMENT = "comment", "comment"

    class Meaning(models.TextChoices):
        """What the signature means (21 CFR 11.50(a)(3) asks for it; the words are printed in the report)."""

        REVIEWED = "reviewed", "I have reviewed the evidence"
        APPROVED = "approved", "I approve this promotion"
        REJECTED = "rejected", "I reject this promotion"
        RESPONSIBLE = "responsible", "I take responsibility for this use"

    request = models.ForeignKey(PromotionRequest, on_delete=models.PROTECT, related_name="reviews")
    round = models.PositiveIntegerField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="reviews")
    printed_name = models.CharField(max_length=200, help_text="The name as it was when the review was signed.")
    role = models.CharField(max_length=40)
    verdict = models.CharField(max_length=16, choices=Verdict)
    meaning = models.CharField(max_length=16, choices=Meaning)
    reason = models.TextField()
    method = models.CharField(max_length=20, help_text="How the person proved who they are, in the same request.")
    subject_digest = models.CharField(max_length=71)
    assertion = models.JSONField(
        null=True, help_text="What the reviewer's security key signed, and its signature; null for other methods."
    )
    created_at = models.DateTimeField()
    delegation = models.ForeignKey(
        Delegation,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="reviews",
        help_text="Set when the person reviewed in the role of somebody who was away.",
    )
    entry = models.PositiveBigIntegerField(null=True, help_text="Index of the ledger entry that tells of it.")

    class Meta:
        ordering = ("created_at", "pk")
        constraints = (
            # A comment decides nothing, so it does not use up the person's one decision of the round.
            models.UniqueConstraint(
                fields=("request", "round", "reviewer"),
                condition=~models.Q(verdict="comment"),
                name="one_review_per_person_and_round",
            ),
        )

    def __str__(self) -> str:
        return f"{self.printed_name} ({self.role}): {self.verdict}"


class Waiver(Record):
    """Somebody asks that one finding may stand for a while although it blocks."""

    request = models.ForeignKey(PromotionRequest, on_delete=models.PROTECT, related_name="waivers")
    round = models.PositiveIntegerField()
    criterion_id = models.CharField(max_length=80)
    justification = models.TextField()
    compensating_control = models.TextField(help_text="What protects people meanwhile.")
    expires_at = models.DateTimeField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="waivers_requested"
    )
    requested_at = models.DateTimeField()

    class Meta:
        ordering = ("requested_at", "pk")

    def __str__(self) -> str:
        return f"waiver of {self.criterion_id} for {self.request}"


class WaiverDecision(Record):
    """Somebody else grants or refuses it, once."""

    waiver = models.OneToOneField(Waiver, on_delete=models.PROTECT, related_name="decision")
    granted = models.BooleanField()
    reason = models.TextField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="waivers_decided")
    printed_name = models.CharField(max_length=200)
    role = models.CharField(max_length=40)
    method = models.CharField(max_length=20)
    decided_at = models.DateTimeField()
    entry = models.PositiveBigIntegerField(null=True, help_text="Index of the ledger entry that tells of it.")

    class Meta:
        verbose_name = "waiver decision"

    def __str__(self) -> str:
        return f"{'granted' if self.granted else 'refused'}: {self.waiver}"
