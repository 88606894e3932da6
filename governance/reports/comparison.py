"""The numbers of a report beside those of the version that was in the target stage when the gate decided."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from audits.models import AuditRun
from audits.reports import parts
from audits.runs import measurement_of
from governance.basis import Basis
from governance.models import PromotionRequest
from registry.models import ModelVersion, StageAssignment

SAME_DATA = "measured on the same evaluation data"
OTHER_DATA = "measured on other evaluation data, so the difference is also that of the data"
#: Families whose overall values are compared although no criterion judges them.
_ALWAYS = ("performance.",)

Key = tuple[str, str]


def comparison(
    basis: Basis, checks: tuple[parts.CheckFacts, ...], findings: tuple[parts.FindingFacts, ...]
) -> parts.Comparison | None:
    """Judged values and overall performance, then and now; None where the stage was empty or nothing is on record."""
    there = _in_the_stage(basis)
    if there is None:
        return None
    run = _newest_run(there, basis)
    if run is None:
        return None
    before, data = _measured(run)
    rows = tuple((label, before.get(key), value) for key, label, value in _wanted(checks, findings))
    here = {check.inputs["evaluation"] for check in checks if "evaluation" in check.inputs}
    return parts.Comparison(
        version=there.number,
        digest=there.artifact_digest,
        rows=rows,
        note=SAME_DATA if here == data else OTHER_DATA,
    )


def _in_the_stage(basis: Basis) -> ModelVersion | None:
    """The other version that was in the target stage at that moment; of several, the one that came last."""
    version = basis.request.version
    then = StageAssignment.objects.as_of(basis.at).filter(
        model=version.model, stage=basis.request.to_stage, version__isnull=False
    )
    assigned = then.exclude(version=version).select_related("version").order_by("-assigned_at").first()
    return assigned.version if assigned else None


def _newest_run(version: ModelVersion, basis: Basis) -> AuditRun | None:
    """The last finished audit of that version before that moment, whichever gate it was for."""
    requests = PromotionRequest.objects.filter(version=version, run__state=AuditRun.State.CLOSED)
    found = requests.filter(run__closed_at__lte=basis.at).select_related("run").order_by("-run__closed_at").first()
    return found.run if found else None


def _measured(run: AuditRun) -> tuple[Mapping[Key, float | None], set[str]]:
    """Each value of a run by check and label, and the evaluation data it read."""
    values: dict[Key, float | None] = {}
    data = set()
    for observation in run.observations.all():
        measurement = measurement_of(observation)
        if measurement is None:
            continue
        values |= {(observation.check_id, value.label): value.value for value in measurement.values}
        data |= {digest for name, digest in measurement.inputs.items() if name == "evaluation"}
    return values, data


def _wanted(
    checks: tuple[parts.CheckFacts, ...], findings: tuple[parts.FindingFacts, ...]
) -> Iterator[tuple[Key, str, float | None]]:
    """What is compared, each value once: what was judged, then the overall values of performance."""
    seen: set[Key] = set()
    judged = [(finding.check, finding.measured) for finding in findings if finding.measured is not None]
    overall = [
        (check.check, value)
        for check in checks
        if check.check.startswith(_ALWAYS)
        for value in check.values
        if not value.feature and value.value is not None
    ]
    for check, value in (*judged, *overall):
        key = (check, value.label)
        if key not in seen:
            seen.add(key)
            yield key, value.spoken, value.value
