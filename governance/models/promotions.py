from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.urls import reverse

from audits.models import AuditRun
from governance.models.policies import PolicyVersion
from governance.policies import Gate
from registry.models import ModelVersion


class PromotionRequest(models.Model):
    """Somebody asks that a version may pass a gate. The policy version is pinned when it is asked.

    The row changes only inside the verbs of `governance.promotions`, under its lock. Each re-run opens a new `round`
    with a new audit run, and reviews of an earlier round no longer count.
    """

    class State(models.TextChoices):
        """Where the request stands; `OPEN_STATES` may still move."""

        AUDITING = "auditing", "checks running"
        BLOCKED = "blocked", "blocked by findings"
        IN_REVIEW = "in_review", "waiting for reviews"
        APPROVED = "approved", "approved"
        COMPLETED = "completed", "in its stage"
        REJECTED = "rejected", "rejected"
        WITHDRAWN = "withdrawn", "withdrawn"

    OPEN_STATES = (State.AUDITING, State.BLOCKED, State.IN_REVIEW, State.APPROVED)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="promotion_requests")
    from_stage = models.CharField(max_length=60)
    to_stage = models.CharField(max_length=60)
    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="promotion_requests")
    gate_name = models.CharField(max_length=80)
    state = models.CharField(max_length=12, choices=State, default=State.AUDITING)
    round = models.PositiveIntegerField(default=1)
    run = models.ForeignKey(AuditRun, on_delete=models.PROTECT, related_name="promotion_requests")
    subject_digest = models.CharField(max_length=71, blank=True, help_text="What reviewers sign, once the run is closed.")
    reason = models.TextField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="promotion_requests"
    )
    requested_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "promotion request"
        ordering = ("-requested_at",)
        constraints = (
            models.UniqueConstraint(
                fields=("version", "to_stage"),
                condition=models.Q(state__in=("auditing", "blocked", "in_review", "approved")),
                name="one_open_request_per_stage",
            ),
            models.CheckConstraint(
                condition=models.Q(
                    state__in=("auditing", "blocked", "in_review", "approved", "completed", "rejected", "withdrawn")
                ),
                name="promotion_state_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.version} → {self.to_stage}"

    def get_absolute_url(self) -> str:
        """The review page."""
        return reverse("promotion", args=[self.pk])

    @property
    def is_open(self) -> bool:
        """Whether the request may still move."""
        return self.state in self.OPEN_STATES

    @property
    def gate(self) -> Gate:
        """The pinned gate. Raises LookupError if the pinned policy has no such gate."""
        for gate in self.policy_version.rules.gates:
            if gate.name == self.gate_name:
                return gate
        raise LookupError(f"policy {self.policy_version} has no gate {self.gate_name}")
