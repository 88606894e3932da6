from __future__ import annotations

from typing import ClassVar

from django.db import models

from registry.models.immutable import Record, RecordQuerySet
from registry.models.model_versions import ModelVersion, RegisteredModel


class StageAssignmentQuerySet(RecordQuerySet["StageAssignment"]):
    """Questions about the history of stages."""

    def current(self) -> StageAssignmentQuerySet:
        """The newest row of each model and stage: what is there now."""
        newest = (
            StageAssignment.objects.filter(model=models.OuterRef("model"), stage=models.OuterRef("stage"))
            .order_by("-sequence")
            .values("pk")[:1]
        )
        return self.filter(pk=models.Subquery(newest))


class StageAssignment(Record):
    """From `assigned_at` on, `version` is in `stage` of `model`, or nothing is (`version` is null: retired).

    History rows, never overwritten. `sequence` counts within (model, stage) and is unique, so two promotions that race
    cannot both become the newest: exactly one version is in the stage at every committed instant.
    """

    model = models.ForeignKey(RegisteredModel, on_delete=models.PROTECT, related_name="stage_assignments")
    stage = models.CharField(max_length=60)
    sequence = models.PositiveIntegerField()
    version = models.ForeignKey(
        ModelVersion, on_delete=models.PROTECT, null=True, blank=True, related_name="stage_assignments"
    )
    decision_digest = models.CharField(max_length=71, help_text="Digest of the gate decision that allowed it.")
    assigned_by = models.CharField(max_length=34, help_text="Pseudonym of the person who carried it out.")
    assigned_at = models.DateTimeField()

    objects: ClassVar[StageAssignmentQuerySet] = StageAssignmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "stage assignment"
        ordering = ("-assigned_at", "-sequence")
        constraints = (
            models.UniqueConstraint(fields=("model", "stage", "sequence"), name="one_assignment_per_sequence"),
        )

    def __str__(self) -> str:
        return f"{self.model.slug} {self.stage}: {self.version or 'empty'}"
