from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.conf import settings
from django.db import models

from registry.models import RegisteredModel
from registry.models.immutable import Record, RecordQuerySet


class DelegationQuerySet(RecordQuerySet["Delegation"]):
    """Questions about many delegations."""

    def live(self, moment: datetime) -> DelegationQuerySet:
        """In force at `moment`: begun, not run out, not ended before."""
        return self.filter(starts_at__lte=moment, ends_at__gt=moment).exclude(ending__ended_at__lte=moment)

    def overlapping(self, begin: datetime, end: datetime) -> DelegationQuerySet:
        """In force at any moment of that time, so that ending one just before a vote changes nothing."""
        return self.filter(starts_at__lte=end, ends_at__gt=begin).exclude(ending__ended_at__lte=begin)

    def for_model(self, model: RegisteredModel) -> DelegationQuerySet:
        """Delegations that hold for `model`."""
        return self.filter(models.Q(model=None) | models.Q(model=model))


class Delegation(Record):
    """While `delegator` is away, `delegate` reviews in their role: as a person of their own, in their own name."""

    delegator = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_given")
    delegate = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="delegations_held")
    role = models.CharField(max_length=40)
    model = models.ForeignKey(
        RegisteredModel,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="delegations",
        help_text="Empty: all.",
    )
    reason = models.TextField(help_text="As an out-of-office note; shown to whoever looks for a reviewer.")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    created_at = models.DateTimeField()

    objects: ClassVar[DelegationQuerySet] = DelegationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        ordering = ("-starts_at",)
        constraints = (
            models.CheckConstraint(
                condition=~models.Q(delegator=models.F("delegate")), name="nobody_delegates_to_themselves"
            ),
            models.CheckConstraint(
                condition=models.Q(ends_at__gt=models.F("starts_at")), name="delegation_ends_after_it_starts"
            ),
        )

    def __str__(self) -> str:
        return f"{self.delegate} for {self.delegator} as {self.role}"


class DelegationEnd(Record):
    """Somebody is back before the delegation would have run out."""

    delegation = models.OneToOneField(Delegation, on_delete=models.PROTECT, related_name="ending")
    ended_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    ended_at = models.DateTimeField()

    class Meta:
        verbose_name = "end of a delegation"
        verbose_name_plural = "ends of delegations"

    def __str__(self) -> str:
        return f"end of {self.delegation}"
