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
