from __future__ import annotations

from django.conf import settings
from django.db import models

from registry.models.datasets import DatasetWithdrawal
from registry.models.immutable import Record
from registry.models.model_versions import ModelVersion


class RiskAcceptance(Record):
    """A person answers for leaving one version in use although data behind it was withdrawn, until a day.

    Of several for the same version and withdrawal the newest one counts.
    """

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="risk_acceptances")
    withdrawal = models.ForeignKey(DatasetWithdrawal, on_delete=models.PROTECT, related_name="acceptances")
    justification = models.TextField(help_text="Why the remaining risk to people is acceptable.")
    measures = models.TextField(help_text="What protects people meanwhile.")
    expires_at = models.DateTimeField()
    role = models.CharField(max_length=40)
    signed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=200)
    method = models.CharField(max_length=20)
    signed_at = models.DateTimeField()

    class Meta:
        verbose_name = "risk acceptance"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"residual risk of {self.version} after the {self.withdrawal}"
