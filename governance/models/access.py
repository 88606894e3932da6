from __future__ import annotations

from django.conf import settings
from django.contrib.auth.models import Group
from django.db import models

from registry.models import RegisteredModel


class Role(models.TextChoices):
    """The roles of the workflow. A group carries a role; several groups may carry the same one (a team each)."""

    DATA_SCIENTIST = "data_scientist", "data scientist"
    ML_ENGINEER = "ml_engineer", "ML engineer"
    MODEL_OWNER = "model_owner", "model owner"
    MODEL_VALIDATOR = "model_validator", "model validator"
    RISK_OFFICER = "risk_officer", "risk officer"
    DATA_PROTECTION_OFFICER = "data_protection_officer", "data protection officer"
    COMPLIANCE_OFFICER = "compliance_officer", "compliance officer"
    BUSINESS_OWNER = "business_owner", "business owner"
    AUDITOR = "auditor", "auditor"
    OPERATOR = "operator", "operator"
    ADMINISTRATOR = "administrator", "administrator"


class RoleGroup(models.Model):
    """The role that a group carries. Permissions on single models are given to the group through guardian."""

    group = models.OneToOneField(Group, on_delete=models.CASCADE, related_name="role_group")
    role = models.CharField(max_length=40, choices=Role)

    class Meta:
        verbose_name = "role of a group"
        verbose_name_plural = "roles of groups"

    def __str__(self) -> str:
        return f"{self.group} carries {self.role}"


class AccessToken(models.Model):
    """A bearer token for the API. Only its digest is kept; it expires, is scoped, and may be tied to single models."""

    digest = models.CharField(max_length=71, unique=True)
    prefix = models.CharField(max_length=12, help_text="The first characters, to recognise it by.")
    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="access_tokens")
    label = models.CharField(max_length=120)
    scopes = models.JSONField(default=list)
    registered_models = models.ManyToManyField(
        RegisteredModel, blank=True, related_name="access_tokens", help_text="Empty: every model the person may see."
    )
    tied = models.BooleanField(
        default=False,
        help_text="Made for single models. It stays so when the last of them is gone: then it opens nothing.",
    )
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    revoked_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "access token"
        ordering = ("-created_at",)

    def __str__(self) -> str:
        return f"{self.label} ({self.prefix}…)"


class IdempotencyKey(models.Model):
    """The answer that was given to a creating POST, so that a repeated one gets the same and creates nothing."""

    person = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    key = models.CharField(max_length=200)
    request_digest = models.CharField(max_length=71)
    status = models.PositiveSmallIntegerField()
    body = models.JSONField()
    headers = models.JSONField(default=dict)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = "idempotency key"
        constraints = (models.UniqueConstraint(fields=("person", "key"), name="idempotency_key_once"),)

    def __str__(self) -> str:
        return self.key
