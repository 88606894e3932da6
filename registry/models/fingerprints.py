from __future__ import annotations

from django.conf import settings
from django.db import models

from registry.models.datasets import DatasetVersion


class FingerprintBatch(models.Model):
    """Fingerprints of rows of one dataset version, as one call brought them, under one key of the data's holder.

    Not a record: fingerprints are pseudonymous personal data and can be removed. The ledger answers for a batch and,
    through it, for every fingerprint; with the fingerprints goes the salt of what the ledger was told of them.
    """

    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="fingerprint_batches")
    key_id = models.CharField(max_length=80, db_index=True, help_text="The holder's name of a key that stays there.")
    count = models.PositiveIntegerField(help_text="How many were new.")
    salt = models.BinaryField(max_length=32)
    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = "fingerprint batch"
        verbose_name_plural = "fingerprint batches"
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.count} fingerprints of {self.dataset_version} under {self.key_id}"


class RecordFingerprint(models.Model):
    """A keyed digest (HMAC-SHA256) of what identifies one row, made where the data is held. Can be removed."""

    batch = models.ForeignKey(FingerprintBatch, on_delete=models.PROTECT, related_name="fingerprints")
    value = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = "record fingerprint"
        # By value first: the question is always which batches hold one value.
        constraints = (models.UniqueConstraint(fields=("value", "batch"), name="fingerprint_once"),)

    def __str__(self) -> str:
        return f"fingerprint {self.pk}"
