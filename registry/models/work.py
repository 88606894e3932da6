from __future__ import annotations

from django.db import models


class WorkItem(models.Model):
    """Something a worker must do, and who is doing it. The row is the truth; the broker's message only wakes a worker.

    Claimed by one conditional UPDATE, kept by renewing the lease, finished in the same transaction as its effect.
    """

    class State(models.TextChoices):
        """`dead`: every attempt failed, and the failure itself was recorded as the result."""

        QUEUED = "queued", "queued"
        LEASED = "leased", "in work"
        DONE = "done", "done"
        DEAD = "dead", "given up"

    kind = models.CharField(max_length=40)
    key = models.CharField(max_length=200, unique=True)
    payload = models.JSONField(default=dict)
    state = models.CharField(max_length=8, choices=State, default=State.QUEUED)
    attempts = models.PositiveSmallIntegerField(default=0)
    owner = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    last_error = models.TextField(blank=True)
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "work item"
        indexes = (models.Index(fields=("state", "lease_until"), name="work_item_due"),)

    def __str__(self) -> str:
        return f"{self.kind} {self.key}"
