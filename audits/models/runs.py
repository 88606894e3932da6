from __future__ import annotations

from django.db import models

from audits.criteria import Outcome
from audits.measurements import ObservationStatus
from registry.models import ModelVersion
from registry.models.immutable import Record


class AuditRun(models.Model):
    """One execution of an audit plan on one model version. Closed once, then never touched again."""

    class State(models.TextChoices):
        """A run is open until every planned check has its observation."""

        RUNNING = "running", "running"
        CLOSED = "closed", "closed"

    version = models.ForeignKey(ModelVersion, on_delete=models.PROTECT, related_name="audit_runs")
    plan = models.JSONField(help_text="The audit plan as data: checks with parameters, criteria with limits.")
    plan_digest = models.CharField(max_length=71)
    seed = models.PositiveBigIntegerField(default=0)
    state = models.CharField(max_length=8, choices=State, default=State.RUNNING)
    digest = models.CharField(max_length=71, blank=True, help_text="Over plan, observations and findings, when closed.")
    opened_at = models.DateTimeField()
    closed_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "audit run"
        ordering = ("-opened_at",)
        constraints = (
            models.CheckConstraint(
                condition=models.Q(state="running", digest="", closed_at=None)
                | (models.Q(state="closed", closed_at__isnull=False) & ~models.Q(digest="")),
                name="closed_run_has_digest",
            ),
        )

    def __str__(self) -> str:
        return f"run {self.pk} of {self.version}"


class Observation(Record):
    """What one check measured, or how it failed to. `document` is exactly what `digest` covers."""

    run = models.ForeignKey(AuditRun, on_delete=models.PROTECT, related_name="observations")
    check_id = models.CharField(max_length=80)
    check_version = models.CharField(max_length=20)
    status = models.CharField(max_length=10, choices=[(s.value, s.value) for s in ObservationStatus])
    document = models.JSONField()
    digest = models.CharField(max_length=71)
    duration_seconds = models.FloatField()
    measured_at = models.DateTimeField()

    class Meta:
        ordering = ("run", "check_id")
        constraints = (models.UniqueConstraint(fields=("run", "check_id"), name="one_observation_per_check"),)

    def __str__(self) -> str:
        return f"{self.check_id}: {self.status}"


class Finding(Record):
    """The judgement of one criterion in one run."""

    run = models.ForeignKey(AuditRun, on_delete=models.PROTECT, related_name="findings")
    criterion_id = models.CharField(max_length=80)
    outcome = models.CharField(max_length=16, choices=[(o.value, o.value) for o in Outcome])
    explanation = models.TextField()
    document = models.JSONField(help_text="Criterion and judgement as data.")
    digest = models.CharField(max_length=71)
    measured_at = models.DateTimeField()

    class Meta:
        ordering = ("run", "id")
        constraints = (models.UniqueConstraint(fields=("run", "criterion_id"), name="one_finding_per_criterion"),)

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.outcome}"
