from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from registry.models import ModelVersion
from registry.models.immutable import Record, RecordQuerySet


class IncidentQuerySet(RecordQuerySet["Incident"]):
    """Questions about many incidents."""

    def still_open(self) -> IncidentQuerySet:
        """Those that nobody has closed."""
        return self.filter(end=None)


class Incident(Record):
    """A version did harm, or nearly did. While it is open, the gates of that version are closed."""

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="incidents")
    title = models.CharField(max_length=200)
    description = models.TextField(help_text="What happened, to whom, and what was done at once.")
    serious = models.BooleanField(help_text="A serious incident in the sense of Article 3(49) of the AI Act.")
    reported_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reported_at = models.DateTimeField()

    objects: ClassVar[IncidentQuerySet] = IncidentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"incident {self.pk} of {self.version}"


class IncidentEnd(Record):
    """Somebody answers for it that the incident is dealt with."""

    incident = models.OneToOneField(Incident, on_delete=models.PROTECT, related_name="end")
    reason = models.TextField(help_text="What was found, and what keeps it from happening again.")
    closed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=200)
    method = models.CharField(max_length=20)
    closed_at = models.DateTimeField()

    class Meta:
        verbose_name = "end of an incident"
        verbose_name_plural = "ends of incidents"

    def __str__(self) -> str:
        return f"end of {self.incident}"
