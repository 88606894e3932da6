from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.urls import reverse

from registry.models.immutable import Record, RecordQuerySet


class Dataset(models.Model):
    """A named dataset and the person who answers for it."""

    slug = models.SlugField(max_length=80, unique=True)
    name = models.CharField(max_length=200)
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="owned_datasets")
    description = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ("slug",)

    def __str__(self) -> str:
        return self.slug


class DatasetVersionQuerySet(RecordQuerySet["DatasetVersion"]):
    """Questions about many dataset versions."""

    def withdrawn(self) -> DatasetVersionQuerySet:
        """Those that must not be used any more."""
        return self.filter(withdrawal__isnull=False)


class DatasetVersion(Record):
    """Immutable content and the facts under which it may be used (GDPR Art. 5, 6, 9, 30; AI Act Art. 10)."""

    dataset = models.ForeignKey(Dataset, on_delete=models.PROTECT, related_name="versions")
    number = models.PositiveIntegerField()
    digest = models.CharField(max_length=71, db_index=True)
    media_type = models.CharField(max_length=80, default="text/csv")
    row_count = models.PositiveBigIntegerField(null=True, blank=True)
    columns = models.JSONField(default=list, blank=True)
    source = models.CharField(max_length=500, blank=True, help_text="Where it came from; empty if made by a job.")
    job = models.CharField(max_length=200, blank=True, help_text="The job that made it from its inputs.")
    licence = models.CharField(max_length=80, blank=True, help_text="SPDX identifier")
    legal_basis = models.CharField(max_length=120, blank=True, help_text="GDPR Art. 6(1) letter and reason")
    purpose = models.CharField(max_length=300, blank=True)
    retention_until = models.DateField(null=True, blank=True)
    personal_data = models.BooleanField(default=False)
    special_categories = models.JSONField(default=list, blank=True, help_text="GDPR Art. 9 categories it holds")
    record_digest = models.CharField(max_length=71)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="dataset_versions")
    created_at = models.DateTimeField()

    objects: ClassVar[DatasetVersionQuerySet] = DatasetVersionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "dataset version"
        ordering = ("dataset__slug", "-number")
        constraints = (
            models.UniqueConstraint(fields=("dataset", "number"), name="dataset_version_number_once"),
            models.UniqueConstraint(fields=("dataset", "digest"), name="dataset_content_once"),
        )

    def __str__(self) -> str:
        return f"{self.dataset.slug}/{self.number}"

    def get_absolute_url(self) -> str:
        """The page of the dataset version in the admin."""
        return reverse("admin:registry_datasetversion_change", args=[self.pk])


class DatasetDerivation(Record):
    """`child` was made from `parent`: one edge of the lineage between datasets."""

    child = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="derived_from")
    parent = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="derivatives")

    class Meta:
        verbose_name = "dataset derivation"
        constraints = (models.UniqueConstraint(fields=("child", "parent"), name="derivation_once"),)

    def __str__(self) -> str:
        return f"{self.child} from {self.parent}"


class DatasetCardQuerySet(RecordQuerySet["DatasetCard"]):
    """Questions about many cards."""

    def newest(self) -> DatasetCardQuerySet:
        """The revision that counts, of each dataset version."""
        later = DatasetCard.objects.filter(
            dataset_version=models.OuterRef("dataset_version"), revision__gt=models.OuterRef("revision")
        )
        return self.filter(~models.Exists(later))


class DatasetCard(Record):
    """One revision of what is known about a dataset version (`registry.cards`). The newest one counts."""

    dataset_version = models.ForeignKey(DatasetVersion, on_delete=models.PROTECT, related_name="cards")
    revision = models.PositiveIntegerField()
    owner = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="dataset_cards")
    document = models.JSONField(help_text="The card, as registry.cards writes it.")
    digest = models.CharField(max_length=71, db_index=True)
    reason = models.TextField(help_text="What changed, and how the writer knows.")
    written_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    written_at = models.DateTimeField()

    objects: ClassVar[DatasetCardQuerySet] = DatasetCardQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "dataset card"
        ordering = ("dataset_version", "revision")
        constraints = (models.UniqueConstraint(fields=("dataset_version", "revision"), name="card_revision_once"),)

    def __str__(self) -> str:
        return f"card {self.revision} of {self.dataset_version}"

    def get_absolute_url(self) -> str:
        """The page of the revision in the admin."""
        return reverse("admin:registry_datasetcard_change", args=[self.pk])


class DatasetWithdrawal(Record):
    """A dataset version must not be used any more. Every gate of every descendant closes with this row."""

    class Kind(models.TextChoices):
        """Why data falls."""

        CONSENT = "consent", "consent was withdrawn"
        LICENCE = "licence", "the licence or agreement ended"
        DEFECT = "defect", "the data is wrong"
        ERASURE = "erasure", "erasure was asked for (GDPR Art. 17)"
        OTHER = "other", "another reason"

    dataset_version = models.OneToOneField(DatasetVersion, on_delete=models.PROTECT, related_name="withdrawal")
    kind = models.CharField(max_length=10, choices=Kind, default=Kind.OTHER)
    reason = models.TextField()
    withdrawn_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    withdrawn_at = models.DateTimeField()

    class Meta:
        verbose_name = "dataset withdrawal"
        constraints = (
            models.CheckConstraint(
                condition=models.Q(kind__in=("consent", "licence", "defect", "erasure", "other")),
                name="withdrawal_kind_known",
            ),
        )

    def __str__(self) -> str:
        return f"withdrawal of {self.dataset_version}"
