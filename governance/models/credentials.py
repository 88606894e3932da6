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


class SecurityKey(models.Model):
    """A person's WebAuthn authenticator. Counts only once somebody else confirmed that it is theirs.

    Holds the public half only: whoever copies or changes the database still cannot sign.
    """

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="security_keys")
    label = models.CharField(max_length=80, help_text="How its owner tells it from another one.")
    credential = models.CharField(max_length=1400, unique=True, help_text="Its identifier, base64url.")
    public_key = models.BinaryField(help_text="COSE, as the authenticator gave it.")
    key_id = models.CharField(max_length=71, help_text="The digest of the public key in DER.")
    sign_count = models.PositiveBigIntegerField(default=0, help_text="Goes up only: a copy of the key is found by it.")
    enrolled_at = models.DateTimeField()
    confirmed_at = models.DateTimeField(null=True, blank=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+"
    )
    retired_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "security key"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(confirmed_by__isnull=True) | ~models.Q(confirmed_by=models.F("person")),
                name="security_key_confirmed_by_another",
            ),
        )

    def __str__(self) -> str:
        return f"{self.label} of {self.person}"

    @property
    def fingerprint(self) -> str:
        """What its owner reads out to whoever confirms it."""
        return self.key_id.removeprefix("sha256:")[:8]


class PendingStatement(models.Model):
    """What a person is about to sign with a security key: good for minutes, and once. Its digest is the challenge."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    digest = models.CharField(max_length=71, unique=True)
    text = models.TextField()
    salts = models.JSONField(default=dict, help_text="Of the texts that the statement names by commitment.")
    expires_at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "pending statement"

    def __str__(self) -> str:
        return f"{self.digest} for {self.person}"


class FailedCredential(models.Model):
    """A wrong credential beside a decision, so that nobody can try all codes."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    at = models.DateTimeField(db_index=True)

    class Meta:
        verbose_name = "failed credential"

    def __str__(self) -> str:
        return f"{self.person} at {self.at:%Y-%m-%d %H:%M}"
