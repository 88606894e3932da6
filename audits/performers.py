"""The work this app performs, registered when the apps are ready."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from audits import runs
from audits.measurements import ObservationStatus
from audits.models import AuditRun
from audits.sandbox import ObservationResult
from registry import work


class CheckPerformer:
    """Measures one planned check of one run."""

    def perform(self, payload: Mapping[str, Any]) -> work.Effect:
        """Measure now; the effect stores the observation."""
        run = AuditRun.objects.select_related("version__model").get(pk=payload["run"])
        result = runs.measure(run, payload["check"])
        return lambda: runs.record_observation(run_id=run.pk, check_id=payload["check"], result=result)

    def gave_up(self, payload: Mapping[str, Any], error: str) -> work.Effect:
        """A check that cannot be brought to an end is an error observation, and blocks like a failure."""
        result = ObservationResult.failed(ObservationStatus.ERROR, "worker-failed", error)
        return lambda: runs.record_observation(run_id=payload["run"], check_id=payload["check"], result=result)


work.performs(runs.CHECK_WORK, CheckPerformer())
