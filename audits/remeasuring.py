"""Measures what a closed run measured once more, from the inputs, seed and parameters that it pinned."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from audits import runs
from audits.agreement import TOLERANCE, Agreement, Difference, agreement_of, differences
from audits.checks.base import parse_parameters
from audits.criteria import judge
from audits.measurements import ObservationStatus
from audits.models import Observation
from audits.plans import AuditPlan
from audits.sandbox import ObservationResult, measure_in_child
from registry.errors import AssayError
from registry.models import DatasetWithdrawal, ModelVersion

#: How an attempt ends that says something about this machine and nothing about the figures.
_NO_ANSWER = frozenset(
    {"check-unknown", "evidence-missing", "digest-mismatch", "worker-failed", "out-of-memory", "timed-out", "crashed"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Remeasured:
    """One check, measured again. `caveats` name what is not as it was; `problem` says why there is no second answer."""

    check: str
    agreement: Agreement
    differences: tuple[Difference, ...] = ()
    caveats: tuple[str, ...] = ()
    problem: str = ""
    figures: int = 0

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {**dataclasses.asdict(self), "agreement": str(self.agreement)}


def remeasure(observation: Observation, *, tolerance: float = TOLERANCE) -> Remeasured:
    """Measure again what `observation` recorded and compare every figure and judgement. Changes nothing.

    Never raises for evidence that is gone or changed: that is an answer too.
    """
    check = runs.known_checks().get(observation.check_id)
    caveats = () if check is None else _version_caveats(observation, check.version)
    try:
        result = _measured_again(observation)
    except AssayError as error:
        return _not_repeated(observation, str(error), caveats)
    caveats += _library_caveats(observation.document.get("environment", {}), result.environment)
    recorded = observation.document.get("measurement")
    if result.code in _NO_ANSWER and (recorded is not None or result.code != _code_of(observation)):
        return _not_repeated(observation, result.message, caveats)
    found = (*_status_difference(observation, result), *_judged_differently(observation, result))
    if recorded is not None and result.measurement is not None:
        found = (*differences(recorded, json.loads(json.dumps(result.measurement.to_document())), tolerance), *found)
    return Remeasured(
        check=observation.check_id,
        agreement=agreement_of(found),
        differences=found,
        caveats=caveats,
        figures=len(recorded["values"]) if recorded else 0,
    )


def _measured_again(observation: Observation) -> ObservationResult:
    run = observation.run
    planned = AuditPlan.from_document(run.plan).check(observation.check_id)
    check = runs.known_checks().get(observation.check_id)
    if check is None:
        return ObservationResult.not_run("check-unknown", f"{observation.check_id} is not among the checks run here.")
    parameters = parse_parameters(check, planned.parameters)
    reference = _compared_with(observation)
    with runs.gathered_for(check, run.version, seed=run.seed, reference=reference) as held:
        return measure_in_child(
            check,
            parameters,
            dataclasses.replace(held, lineage=_as_it_was(held.lineage, observation)),
            timeout_seconds=planned.timeout_seconds,
            memory_mb=planned.memory_mb,
        )


def _compared_with(observation: Observation) -> ModelVersion | None:
    """The version it was compared with then, whatever is in the stage now."""
    inputs = observation.document.get("measurement", {}).get("inputs", {})
    digest = inputs.get("reference_model")
    if digest is None:
        return None
    return ModelVersion.objects.filter(model=observation.run.version.model_id, artifact_digest=digest).first()


def _as_it_was(lineage: Mapping[str, Any], observation: Observation) -> dict[str, Any]:
    """The lineage without what was withdrawn since. Other changes show in its digest."""
    rows = DatasetWithdrawal.objects.filter(withdrawn_at__gt=observation.measured_at)
    later = {f"dataset:{row.dataset_version}" for row in rows.select_related("dataset_version__dataset")}
    nodes = [
        {**node, "facts": {**node["facts"], "withdrawn": False}} if node["id"] in later else node
        for node in lineage["nodes"]
    ]
    return {**lineage, "nodes": nodes}


def _version_caveats(observation: Observation, present: str) -> tuple[str, ...]:
    if present == observation.check_version:
        return ()
    return (f"version {present} of the check is installed, version {observation.check_version} measured then",)


def _library_caveats(then: Mapping[str, Any], now: Mapping[str, Any]) -> tuple[str, ...]:
    """What the figures may depend on and is not as it was, told rather than guessed."""
    if not now:
        return ()
    pairs = {name: (then.get(name), now.get(name)) for name in ("python", "machine")}
    old, new = then.get("libraries", {}), now.get("libraries", {})
    pairs |= {name: (old.get(name), new.get(name)) for name in sorted({*old, *new})}
    return tuple(
        f"{name} is {present or 'absent'} here and was {former or 'not recorded'} then"
        for name, (former, present) in pairs.items()
        if former != present
    )


def _status_difference(observation: Observation, result: ObservationResult) -> tuple[Difference, ...]:
    then = (observation.status, _code_of(observation))
    now = (result.status.value, result.code)
    return () if then == now else (Difference("how it ended", " ".join(then).strip(), " ".join(now).strip()),)


def _judged_differently(observation: Observation, result: ObservationResult) -> Iterator[Difference]:
    outcomes = dict(observation.run.findings.values_list("criterion_id", "outcome"))
    for criterion in AuditPlan.from_document(observation.run.plan).criteria_of(observation.check_id):
        now = judge(ObservationStatus(result.status), result.measurement, criterion, error=result.message)
        if outcomes.get(criterion.id) != now.outcome.value:
            yield Difference(f"criterion {criterion.id}", outcomes.get(criterion.id), now.outcome.value)


def _code_of(observation: Observation) -> str:
    return str(observation.document.get("error", {}).get("code", ""))


def _not_repeated(observation: Observation, problem: str, caveats: tuple[str, ...]) -> Remeasured:
    return Remeasured(check=observation.check_id, agreement=Agreement.NOT_REPEATED, caveats=caveats, problem=problem)
