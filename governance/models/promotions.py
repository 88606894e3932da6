from __future__ import annotations

import uuid
from typing import Any

from django.conf import settings
from django.db import models
from django.urls import reverse

from audits.models import AuditRun
from governance.models.policies import PolicyVersion
from governance.policies import Gate
from registry.models import ModelVersion
from registry.models.immutable import Record, refused

_BY_VERBS = "A promotion request moves only by its verbs."
_NEVER_DELETED = "A promotion request is never deleted; withdraw it instead."


class PromotionRequestQuerySet(models.QuerySet["PromotionRequest"]):
    """Rows that only the verbs move. The database refuses what goes around this class (`governance.last_line`)."""

    def update(self, **_values: Any) -> int:
        """Refuse: a request is moved by a verb, which writes the ledger entry that the database asks for."""
        raise refused(self.model, "update", _BY_VERBS)

    def delete(self) -> tuple[int, dict[str, int]]:
        """Refuse: what was asked for stays on record."""
        raise refused(self.model, "delete", _NEVER_DELETED)

    def bulk_update(self, *_args: Any, **_kwargs: Any) -> int:
        """Refuse, as `update` does."""
        raise refused(self.model, "bulk_update", _BY_VERBS)

    def moved(self, **values: Any) -> int:
        """The one way a row changes. For `governance.moves` only."""
        return super().update(**values)


class PromotionRequest(models.Model):
    """Somebody asks that a version may pass a gate. The policy version is pinned when it is asked.

    The row changes only through `governance.moves`, under its lock. Each re-run opens a new `round` with a new audit
    run, and reviews of an earlier round no longer count.
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
        EXPIRED = "expired", "expired at its review deadline"

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
    subject_digest = models.CharField(
        max_length=71, blank=True, help_text="What reviewers sign, once the run is closed."
    )
    reason = models.TextField()
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="promotion_requests"
    )
    requested_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True, blank=True)
    entry = models.PositiveBigIntegerField(
        null=True, help_text="Index of the ledger entry that tells of its last move."
    )

    objects = PromotionRequestQuerySet.as_manager()

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
                    state__in=(
                        "auditing",
                        "blocked",
                        "in_review",
                        "approved",
                        "completed",
                        "rejected",
                        "withdrawn",
                        "expired",
                    )
                ),
                name="promotion_state_known",
            ),
        )

    def __str__(self) -> str:
        return f"{self.version} → {self.to_stage}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert once. Raises ImmutableError for a row that exists: it is moved by a verb."""
        if not self._state.adding:
            raise refused(type(self), "save", _BY_VERBS, self.pk)
        kwargs["force_insert"] = True
        super().save(*args, **kwargs)

    def get_absolute_url(self) -> str:
        """The review page."""
        return reverse("promotion", args=[self.pk])

    def delete(self, *_args: Any, **_kwargs: Any) -> tuple[int, dict[str, int]]:
        """Refuse: what was asked for stays on record."""
        raise refused(type(self), "delete", _NEVER_DELETED, self.pk)

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


#: Which state may follow which. The database holds it too (`governance.last_line`); ended states are followed by none.
MOVES: dict[str, tuple[str, ...]] = {
    "auditing": ("blocked", "in_review", "withdrawn"),
    "blocked": ("auditing", "in_review", "approved", "completed", "rejected", "withdrawn", "expired"),
    "in_review": ("auditing", "blocked", "approved", "completed", "rejected", "withdrawn", "expired"),
    "approved": ("auditing", "completed", "withdrawn"),
    "completed": (),
    "rejected": (),
    "withdrawn": (),
    "expired": (),
}


class PromotionRound(Record):
    """One round of a request: which run measured it and why it was opened. What was said in one counts in no other."""

    class Cause(models.TextChoices):
        """Why everything began anew."""

        REQUESTED = "requested", "requested"
        RERUN = "rerun", "measured again"
        DATA_WITHDRAWN = "data_withdrawn", "data was withdrawn"

    request = models.ForeignKey(PromotionRequest, on_delete=models.PROTECT, related_name="rounds")
    number = models.PositiveIntegerField()
    run = models.OneToOneField(AuditRun, on_delete=models.PROTECT, related_name="promotion_round")
    cause = models.CharField(max_length=16, choices=Cause)
    reason = models.TextField(blank=True)
    opened_by = models.CharField(max_length=34, help_text="Pseudonym, or system.")
    opened_at = models.DateTimeField()

    class Meta:
        verbose_name = "promotion round"
        ordering = ("number",)
        constraints = (models.UniqueConstraint(fields=("request", "number"), name="promotion_round_once"),)

    def __str__(self) -> str:
        return f"round {self.number} of {self.request}"
