from __future__ import annotations

from django.conf import settings
from django.db import models

from registry.models.immutable import Record


class ErasureRequest(Record):
    """Somebody asks that a person's data be erased. Nothing happens until somebody else confirms it."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="erasure_requests")
    ground = models.TextField(help_text="Why, and why no duty to keep stands against it.")
    requested_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=20)
    requested_at = models.DateTimeField()

    class Meta:
        verbose_name = "erasure request"
        ordering = ("-requested_at",)

    def __str__(self) -> str:
        return f"erasure of {self.person}"


class Erasure(Record):
    """A person's data is gone. What remains is the pseudonym, under which the record goes on."""

    request = models.OneToOneField(ErasureRequest, on_delete=models.PROTECT, related_name="erasure")
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=20)
    erased_at = models.DateTimeField()
    rows = models.PositiveIntegerField(help_text="Records in which a text was erased.")
    reports = models.JSONField(default=list, help_text="Numbers of the reports whose files were erased.")

    class Meta:
        ordering = ("-erased_at",)
        permissions = (("erase_person", "Can ask for and confirm the erasure of a person's data"),)

    def __str__(self) -> str:
        return f"done: {self.request}"
