from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, ClassVar

from django.conf import settings
from django.db import models
from django.db.models.functions import Coalesce
from django.urls import reverse

from governance.policies import Policy as PolicyRules
from governance.policies import PolicyAlteredError, policy_from_document
from registry.canonical import digest_of
from registry.models.immutable import Record, RecordQuerySet


class Policy(models.Model):
    """A named set of rules. What it says is in its numbered versions."""

    slug = models.SlugField(max_length=80, unique=True)
    title = models.CharField(max_length=200)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name_plural = "policies"
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug


class PolicyVersionQuerySet(RecordQuerySet["PolicyVersion"]):
    """Questions about many policy versions."""

    def with_status(self) -> PolicyVersionQuerySet:
        """Annotate `status`: the newest status change, or draft."""
        newest = (
            PolicyStatusChange.objects.filter(policy_version=models.OuterRef("pk")).order_by("-pk").values("status")[:1]
        )
        return self.annotate(status=Coalesce(models.Subquery(newest), models.Value(PolicyStatusChange.Status.DRAFT)))

    def active(self) -> PolicyVersionQuerySet:
        """Versions in force: at most one per policy."""
        annotated: PolicyVersionQuerySet = self.with_status()
        return annotated.filter(status=PolicyStatusChange.Status.ACTIVE)  # type: ignore[misc]  # annotated just above


class PolicyVersion(Record):
    """An immutable numbered text. `document` is what `digest` covers; `source` is the YAML as it was written."""

    policy = models.ForeignKey(Policy, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    source = models.TextField()
    document = models.JSONField()
    digest = models.CharField(max_length=71)
    author = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="policy_versions")
    created_at = models.DateTimeField()

    objects: ClassVar[PolicyVersionQuerySet] = PolicyVersionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "policy version"
        ordering = ("policy__slug", "-number")
        permissions = (
            ("draft_policy", "Can draft policy versions"),
            ("activate_policy", "Can activate policy versions that somebody else drafted"),
        )
        constraints = (
            models.UniqueConstraint(fields=("policy", "number"), name="policy_version_number_once"),
            models.UniqueConstraint(fields=("policy", "digest"), name="policy_text_once"),
        )

    def __str__(self) -> str:
        return f"{self.policy.slug}/{self.number}"

    def get_absolute_url(self) -> str:
        """The page of the policy version in the admin."""
        return reverse("admin:governance_policyversion_change", args=[self.pk])

    @property
    def rules(self) -> PolicyRules:
        """The policy as frozen values.

        Raises PolicyError if the stored document is no valid policy, PolicyAlteredError if its digest is another.
        """
        rules, digest = _read(json.dumps(self.document, sort_keys=True))
        if digest != self.digest:
            raise PolicyAlteredError(f"The stored text of policy {self} is not the one that was put into force.")
        return rules

    @property
    def current_status(self) -> str:
        """draft, active, retired or recalled, by the newest status change."""
        newest = self.status_changes.order_by("-pk").first()
        return newest.status if newest else PolicyStatusChange.Status.DRAFT


@lru_cache(maxsize=128)
def _read(document: str) -> tuple[PolicyRules, str]:
    """The policy of the JSON text and its digest. Each gate is asked under the same few texts again and again."""
    found: Any = json.loads(document)
    return policy_from_document(found), digest_of(found)


class PolicyStatusChange(Record):
    """A policy version came into force, was replaced by a newer one, or was recalled."""

    class Status(models.TextChoices):
        """`recalled` also closes the gates of what was approved under it; `retired` only stops new requests."""

        DRAFT = "draft", "draft"
        ACTIVE = "active", "in force"
        RETIRED = "retired", "retired"
        RECALLED = "recalled", "recalled"

    policy_version = models.ForeignKey(PolicyVersion, on_delete=models.PROTECT, related_name="status_changes")
    status = models.CharField(max_length=8, choices=Status)
    changed_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    reason = models.TextField(blank=True)
    changed_at = models.DateTimeField()

    class Meta:
        verbose_name = "policy status change"
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.policy_version}: {self.status}"
