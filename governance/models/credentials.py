from __future__ import annotations

from django.conf import settings
from django.db import models


class TotpDevice(models.Model):
    """A person's authenticator. Counts only once somebody else confirmed that it is theirs.

    `secret` is encrypted under a key beside the signing keys, so a copy of the database gives nobody a code.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="totp_devices")
    secret = models.BinaryField()
    enrolled_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    retired_at = models.DateTimeField(null=True, blank=True)
    last_step = models.PositiveBigIntegerField(default=0, help_text="The newest time step used: a code works once.")

    class Meta:
        verbose_name = "authenticator"
        constraints = (
            models.UniqueConstraint(
                fields=("person",),
                condition=models.Q(confirmed_at__isnull=False, retired_at__isnull=True),
                name="one_authenticator_in_use",
            ),
            models.CheckConstraint(
                condition=models.Q(confirmed_by__isnull=True) | ~models.Q(confirmed_by=models.F("person")),
                name="authenticator_confirmed_by_another",
            ),
        )

    def __str__(self) -> str:
        return f"authenticator of {self.person}"


class FailedCredential(models.Model):
    """A wrong credential beside a decision, so that nobody can try all codes."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "failed credential"

    def __str__(self) -> str:
        return f"{self.person} at {self.at:%Y-%m-%d %H:%M}"
