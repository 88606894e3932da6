from __future__ import annotations

from django.db import models

from registry.models.immutable import Record


class Report(Record):
    """A sealed report that was issued: the exact file is in the evidence store under `file_digest`."""

    number = models.CharField(max_length=40, unique=True)
    kind = models.CharField(max_length=20, default="gate-audit")
    subject = models.CharField(max_length=200, db_index=True, help_text="e.g. promotion:<id>")
    language = models.CharField(max_length=10, default="en")
    as_of = models.DateField(help_text="The law as it stood on this day.")
    file_digest = models.CharField(max_length=71)
    evidence_digest = models.CharField(max_length=71)
    created_at = models.DateTimeField()
    bundle_digest = models.CharField(
        max_length=71, blank=True, default="", help_text="The zip with every form of the report; empty for old ones."
    )

    class Meta:
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return self.number
