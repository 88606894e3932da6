from __future__ import annotations

from django.db import models

from registry.models.immutable import Record


class Blob(Record):
    """Content held in the evidence store, named by its digest."""

    digest = models.CharField(max_length=71, primary_key=True)
    size = models.PositiveBigIntegerField()
    media_type = models.CharField(max_length=120)
    created_at = models.DateTimeField()

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.digest


class ErasedBlob(Record):
    """Content that held a person's data and was erased. Its digest stays, so that old proofs name what they named."""

    digest = models.CharField(max_length=71, primary_key=True)
    erased_at = models.DateTimeField()

    class Meta:
        verbose_name = "erased content"
        verbose_name_plural = "erased contents"

    def __str__(self) -> str:
        return self.digest
