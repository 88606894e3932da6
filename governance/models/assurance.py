from __future__ import annotations

from django.conf import settings
from django.db import models

from registry.models import RegisteredModel
from registry.models.immutable import Record


class Classification(Record):
    """How a model was classified, by whom, on which answers, under the law of which day. The newest one counts."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="classifications")
    answers = models.JSONField(help_text="Every question with its answer.")
    reasons = models.TextField(help_text="Why the answers are what they are.")
    outcome = models.CharField(
        max_length=10,
        choices=[(name, name) for name in ("prohibited", "high", "limited", "minimal")],
    )
    document = models.JSONField(help_text="The steps that led to the outcome, and the controls that follow.")
    as_of = models.DateField()
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=200)
    method = models.CharField(max_length=20)
    signed_at = models.DateTimeField()

    class Meta:
        ordering = ("-pk",)
        permissions = (("classify_model", "Can classify models as legal reviewer"),)

    def __str__(self) -> str:
        return f"{self.model.slug}: {self.outcome}"


class ControlAssignment(Record):
    """Who owes the answer to a control that only a person can give, and by when. The newest one counts."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="control_assignments")
    control_id = models.CharField(max_length=60)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="controls_owed")
    due = models.DateField()
    assigned_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    assigned_at = models.DateTimeField()

    class Meta:
        verbose_name = "control assignment"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"{self.control_id} of {self.model.slug}: {self.owner} by {self.due}"


class Attestation(Record):
    """A person's signed answer to a control, with evidence where there is some, until it expires."""

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="attestations")
    control_id = models.CharField(max_length=60)
    question = models.TextField(help_text="The duty as it was put to the person.")
    answer = models.TextField()
    evidence_digest = models.CharField(max_length=71, blank=True)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=200)
    method = models.CharField(max_length=20)
    signed_at = models.DateTimeField()
    expires_on = models.DateField()

    class Meta:
        ordering = ("-pk",)
        permissions = (("attest_control", "Can answer for controls of a model"),)

    def __str__(self) -> str:
        return f"{self.control_id} of {self.model.slug}, until {self.expires_on}"
