from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import models
from django.db.models.fields.json import KeyTextTransform, KeyTransform

from audits.criteria import Outcome
from audits.measurements import ObservationStatus
from registry.models import ModelVersion
from registry.models.immutable import Record, RecordQuerySet

#: How the reason begins when a check failed its self-test (`audits.controls.withheld`).
_SELF_TEST = "the self-test of the check failed"


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


class ObservationQuerySet(RecordQuerySet["Observation"]):
    """Questions about many observations."""

    def tally(self) -> Iterable[Mapping[str, Any]]:
        """For each check: attempts, how many measured, and in how many its self-test failed."""
        failed = models.Q(document__measurement__values__0__not_estimable__startswith=_SELF_TEST)
        return (
            self.order_by()
            .values("check_id")
            .annotate(
                attempts=models.Count("id"),
                measured=models.Count("id", filter=models.Q(status=ObservationStatus.MEASURED.value)),
                self_tests_failed=models.Count("id", filter=failed),
            )
        )


class FindingQuerySet(RecordQuerySet["Finding"]):
    """Questions about many findings."""

    def tally(self) -> Iterable[Mapping[str, Any]]:
        """For each check: how its criteria were judged."""
        counts = {
            name: models.Count("id", filter=models.Q(outcome=outcome.value))
            for name, outcome in (
                ("satisfied", Outcome.SATISFIED),
                ("not_satisfied", Outcome.NOT_SATISFIED),
                ("inconclusive", Outcome.INCONCLUSIVE),
            )
        }
        return (
            self.order_by()
            .values(check=KeyTextTransform("check", KeyTransform("criterion", "document")))
            .annotate(**counts)
        )


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

    objects = ObservationQuerySet.as_manager()  # type: ignore[misc]  # django-stubs takes a manager for an instance's

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

    objects = FindingQuerySet.as_manager()  # type: ignore[misc]  # as above

    class Meta:
        ordering = ("run", "id")
        constraints = (models.UniqueConstraint(fields=("run", "criterion_id"), name="one_finding_per_criterion"),)

    def __str__(self) -> str:
        return f"{self.criterion_id}: {self.outcome}"
