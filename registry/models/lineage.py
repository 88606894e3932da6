from __future__ import annotations

from typing import ClassVar

from django.conf import settings
from django.db import models

from registry.lineage import VALUE
from registry.models.datasets import DatasetVersion
from registry.models.immutable import Record
from registry.models.model_versions import ModelVersion


class LineageDelivery(Record):
    """Everything one call or import brought. The ledger answers for the delivery, and through it for its events."""

    received_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    received_at = models.DateTimeField()
    event_count = models.PositiveIntegerField()

    class Meta:
        verbose_name = "lineage delivery"
        verbose_name_plural = "lineage deliveries"
        ordering = ("-pk",)

    def __str__(self) -> str:
        return f"delivery {self.pk} of {self.event_count} events"


class LineageEvent(Record):
    """What an emitter said, byte for byte. Nodes and edges are derived from these and can be built anew."""

    delivery = models.ForeignKey(LineageDelivery, on_delete=models.PROTECT, related_name="events")
    format = models.CharField(max_length=40, help_text="Which connector reads it.")
    digest = models.CharField(max_length=71, unique=True)
    content = models.TextField()

    class Meta:
        verbose_name = "lineage event"
        ordering = ("pk",)

    def __str__(self) -> str:
        return f"{self.format} {self.digest}"


class MlflowModel(models.Model):
    """What was seen last of a registered model on an MLflow server. The snapshots behind it are lineage events."""

    server = models.CharField(max_length=200)
    name = models.CharField(max_length=300)
    aliases = models.JSONField(default=dict, help_text="The full map from alias to version.")
    snapshot = models.CharField(max_length=71, help_text="Digest of what was seen, without the time.")
    seen_at = models.DateTimeField()

    class Meta:
        verbose_name = "MLflow model"
        ordering = ("server", "name")
        constraints = (models.UniqueConstraint(fields=("server", "name"), name="mlflow_model_once"),)

    def __str__(self) -> str:
        return f"{self.name} on {self.server}"


class LineageNode(models.Model):
    """One dataset version, run, job, feature, model version, deployment, or content known by its digest.

    Derived: `manage.py rebuild_lineage` makes it anew. `facts` are what events said, each with the stamp that decides
    which of two sayings is the newer one; a registered version's facts are read from its record instead.
    """

    name = models.TextField()
    kind = models.CharField(max_length=12)
    family = models.TextField(help_text="The name without the version of a dataset.")
    facts = models.JSONField(default=dict)
    dataset_version = models.OneToOneField(
        DatasetVersion, on_delete=models.PROTECT, null=True, related_name="lineage_node"
    )
    model_version = models.OneToOneField(ModelVersion, on_delete=models.PROTECT, null=True, related_name="lineage_node")

    class Meta:
        verbose_name = "lineage node"
        # Not `unique` and `db_index` of the fields: these bring a second index each on PostgreSQL, for LIKE, which
        # nothing here asks and every new node would pay for.
        indexes: ClassVar = [models.Index(fields=("family",), name="lineage_node_family")]
        constraints = (models.UniqueConstraint(fields=("name",), name="lineage_node_once"),)

    def __str__(self) -> str:
        return self.name


class LineageEdge(models.Model):
    """`source` went into `target`. Derived, like the nodes."""

    source = models.ForeignKey(LineageNode, on_delete=models.CASCADE, related_name="edges_out", db_index=False)
    target = models.ForeignKey(LineageNode, on_delete=models.CASCADE, related_name="edges_in", db_index=False)
    role = models.CharField(max_length=20)

    class Meta:
        verbose_name = "lineage edge"
        # One index for each direction of a walk, and both hold all that it reads.
        indexes: ClassVar = [models.Index(fields=("source", "target"), name="lineage_edge_onward")]
        constraints = (models.UniqueConstraint(fields=("target", "source", "role"), name="lineage_edge_once"),)

    def __str__(self) -> str:
        return f"{self.source} -> {self.target} ({self.role})"


class LineageColumnEdge(models.Model):
    """A column that was made from a column of another dataset, whatever the versions. Derived.

    Two sayings of different effect are two edges: a step that is masked in one account and open in another is open.
    """

    source_family = models.TextField()
    source_column = models.TextField()
    target_family = models.TextField()
    target_column = models.TextField()
    effect = models.CharField(max_length=12, default=VALUE, help_text="What becomes of the values: see EFFECTS.")

    class Meta:
        verbose_name = "lineage column edge"
        indexes: ClassVar = [
            models.Index(fields=("source_family", "source_column"), name="lineage_column_out"),
        ]
        constraints = (
            models.UniqueConstraint(
                fields=("target_family", "target_column", "source_family", "source_column", "effect"),
                name="column_edge_once",
            ),
        )

    def __str__(self) -> str:
        return f"{self.source_family}.{self.source_column} -> {self.target_family}.{self.target_column}"
