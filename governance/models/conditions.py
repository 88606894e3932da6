from __future__ import annotations

from django.conf import settings
from django.db import models

from governance.models.reviews import Review
from registry.models.immutable import Record


class Condition(Record):
    """What an approval depends on. Unmet when it falls due, it closes the gate."""

    review = models.ForeignKey(Review, on_delete=models.PROTECT, related_name="conditions")
    text = models.TextField()
    due_at = models.DateTimeField()

    class Meta:
        ordering = ("due_at", "pk")

    def __str__(self) -> str:
        return f"{self.text[:60]} (due {self.due_at:%Y-%m-%d})"


class ConditionMet(Record):
    """A reviewer in the role that set the condition confirms that it is met, and on what evidence."""

    condition = models.OneToOneField(Condition, on_delete=models.PROTECT, related_name="met")
    evidence = models.TextField()
    confirmed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    method = models.CharField(max_length=20)
    confirmed_at = models.DateTimeField()

    class Meta:
        verbose_name = "condition met"
        verbose_name_plural = "conditions met"

    def __str__(self) -> str:
        return f"met: {self.condition}"
