from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models

from governance.models.promotions import PromotionRequest
from registry.models import ModelVersion
from registry.models.immutable import Record


class GateDecision(Record):
    """The signed outcome of a gate. `envelope` is a DSSE envelope whose subject is the artifact digest."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request = models.ForeignKey(PromotionRequest, on_delete=models.PROTECT, related_name="decisions")
    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="gate_decisions")
    stage = models.CharField(max_length=60)
    outcome = models.CharField(max_length=6, choices=(("open", "open"), ("closed", "closed")))
    subject_digest = models.CharField(max_length=71)
    document = models.JSONField()
    digest = models.CharField(max_length=71, unique=True)
    envelope = models.JSONField()
    summary = models.JSONField(
        null=True, help_text="The same as a SLSA verification summary, in an envelope of its own."
    )
    decided_at = models.DateTimeField()
    valid_until = models.DateTimeField(null=True, blank=True)
    entry = models.PositiveBigIntegerField(null=True, help_text="Index of the ledger entry that tells of it.")

    class Meta:
        verbose_name = "gate decision"
        ordering = ("-decided_at",)
        indexes = (models.Index(fields=("version", "stage", "-decided_at"), name="decision_of_version"),)

    def __str__(self) -> str:
        return f"{self.stage} {self.outcome} for {self.version}"


class Decommission(Record):
    """A version went out of use for good: every gate of it is closed from here on."""

    version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, related_name="decommission")
    reason = models.TextField()
    decided_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=200)
    method = models.CharField(max_length=20)
    decided_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.version} decommissioned"
