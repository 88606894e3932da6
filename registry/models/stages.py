from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models

from registry.models.immutable import Record, RecordQuerySet
from registry.models.model_versions import ModelVersion, RegisteredModel


class StageAssignmentQuerySet(RecordQuerySet["StageAssignment"]):
    """Questions about the history of stages."""

    def current(self) -> StageAssignmentQuerySet:
        """What is in each stage now; of an emptied exclusive stage the row without a version."""
        newest = self.filter(pk=models.Subquery(_newest(StageAssignment.objects.all())))
        # Versions that stood side by side leave no empty place behind; an exclusive stage can be seen to be empty.
        return newest.exclude(version=None, place__gt="")

    def as_of(self, moment: datetime) -> StageAssignmentQuerySet:
        """What was in each stage at `moment`, in one query; places that were empty then are left out."""
        until = StageAssignment.objects.filter(assigned_at__lte=moment)
        return self.filter(pk=models.Subquery(_newest(until)), version__isnull=False)


def _newest(rows: models.QuerySet[StageAssignment]) -> models.QuerySet[StageAssignment, int]:
    """The newest of `rows` at the place of the outer row."""
    here = {name: models.OuterRef(name) for name in ("model", "stage", "place")}
    return rows.filter(**here).order_by("-sequence").values_list("pk", flat=True)[:1]


class StageAssignment(Record):
    """From `assigned_at` on, `version` is in `stage` of `model`, or nothing is (`version` is null: retired).

    History rows, never overwritten. `sequence` counts within (model, stage) and is unique, so two promotions that race
    cannot both become the newest: exactly one version is in an exclusive stage at every committed instant. Where
    versions stand side by side, each has a `place` of its own; the place of an exclusive stage has no name.
    The database takes a row only with the ledger entry that tells of it and the gate decision that allowed it.
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
    place = models.CharField(max_length=20, blank=True, default="", help_text="Empty in an exclusive stage.")
    entry = models.PositiveBigIntegerField(null=True, help_text="Index of the ledger entry that tells of it.")

    objects: ClassVar[StageAssignmentQuerySet] = StageAssignmentQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        verbose_name = "stage assignment"
        ordering = ("-assigned_at", "-sequence")
        constraints = (
            models.UniqueConstraint(fields=("model", "stage", "sequence"), name="one_assignment_per_sequence"),
            models.UniqueConstraint(
                fields=("entry",), condition=models.Q(entry__isnull=False), name="one_assignment_per_entry"
            ),
        )

    def __str__(self) -> str:
        return f"{self.model.slug} {self.stage}: {self.version or 'empty'}"
