from __future__ import annotations

from django.conf import settings
from django.db import models

from governance.models.promotions import PromotionRequest
from registry.models.immutable import Record


class BreakGlass(Record):
    """Somebody opened a gate that the rules keep closed: with reason, for a short time, and reviewed afterwards.

    It stays on record, and in every report of the request, for ever.
    """

    request = models.ForeignKey(PromotionRequest, on_delete=models.PROTECT, related_name="broken_glass")
    round = models.PositiveIntegerField()
    justification = models.TextField()
    invoked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=200)
    method = models.CharField(max_length=20)
    invoked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    review_due_at = models.DateTimeField()

    class Meta:
        verbose_name = "broken glass"
        verbose_name_plural = "broken glass"
        ordering = ("invoked_at", "pk")
        constraints = (
            models.UniqueConstraint(fields=("request", "round"), name="glass_broken_once_a_round"),
            models.CheckConstraint(
                condition=models.Q(expires_at__gt=models.F("invoked_at")), name="broken_glass_expires"
            ),
        )

    def __str__(self) -> str:
        return f"glass broken for {self.request}"


class BreakGlassReview(Record):
    """One of two other people looks at it afterwards: was it right?"""

    broken = models.ForeignKey(BreakGlass, on_delete=models.PROTECT, related_name="reviews")
    upheld = models.BooleanField()
    reason = models.TextField()
    reviewer = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    printed_name = models.CharField(max_length=200)
    role = models.CharField(max_length=40)
    method = models.CharField(max_length=20)
    reviewed_at = models.DateTimeField()

    class Meta:
        verbose_name = "review of broken glass"
        verbose_name_plural = "reviews of broken glass"
        ordering = ("reviewed_at", "pk")
        constraints = (models.UniqueConstraint(fields=("broken", "reviewer"), name="one_view_of_broken_glass_each"),)

    def __str__(self) -> str:
        return f"{'upheld' if self.upheld else 'objected'}: {self.broken}"
