"""The verbs on audit runs: open one, record what each check measured, close it with a digest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from audits import signals
from audits.checks.base import parse_parameters
from audits.checks.catalogue import load_checks
from audits.criteria import judge
from audits.evidence import Column, DatasetEvidence, Evidence, HeldContent, ModelEvidence
from audits.measurements import Measurement, ObservationStatus
from audits.models import AuditRun, Finding, Observation
from audits.plans import AuditPlan
from audits.sandbox import ObservationResult, measure_in_child
from registry import ledger, provenance, storage, work
from registry.canonical import digest_of, is_digest
from registry.dataset_cards import cards_of, tagged_columns
from registry.errors import ContentErasedError, EvidenceMissingError
from registry.events import Event
from registry.lineage import Graph
from registry.models import ModelVersion, Person, StageAssignment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from audits.checks.base import Check

CHECK_WORK = "audit.check"


@lru_cache(maxsize=1)
def known_checks() -> Mapping[str, Check]:
    """The allow-list of `ASSAY_CHECKS`, by id. Raises CheckLoadError for an entry that is no check."""
    return load_checks(settings.ASSAY_CHECKS)


def seed_for(version: ModelVersion, plan: AuditPlan) -> int:
    """A seed that follows from what is measured and how, so that a replay needs no luck: 32 bits."""
    return int.from_bytes(hashlib.sha256(f"{version.artifact_digest}|{plan.digest}".encode()).digest()[:4], "big")


def open_run(*, version: ModelVersion, plan: AuditPlan, actor: Person | str) -> AuditRun:
    """Start measuring `version` by `plan`: one work item a check. Belongs into the caller's transaction."""
    with transaction.atomic():
        run = AuditRun.objects.create(
            version=version,
            plan=plan.to_document(),
            plan_digest=plan.digest,
            seed=seed_for(version, plan),
            opened_at=timezone.now(),
        )
        ledger.append(
            Event.RUN_OPENED,
            subject=f"run:{run.pk}",
            actor=actor,
            facts={"version": version.record_digest, "plan": plan.digest, "seed": run.seed},
        )
        for planned in plan.checks:
            work.enqueue(
                kind=CHECK_WORK, key=f"run:{run.pk}:{planned.check}", payload={"run": run.pk, "check": planned.check}
            )
    return run


def measure(run: AuditRun, check_id: str) -> ObservationResult:
    """Run one planned check in its child process. Changes nothing; may take as long as its time limit.

    A check that is no longer on the allow-list is not run, and says so.
    """
    plan = AuditPlan.from_document(run.plan)
    planned = next(entry for entry in plan.checks if entry.check == check_id)
    check = known_checks().get(check_id)
    if check is None:
        return ObservationResult.not_run("check-unknown", f"{check_id} is not among the checks this service runs.")
    parameters = parse_parameters(check, planned.parameters)
    reference = _in_stage(run.version, parameters.stage) if "reference_model" in check.needs else None
    with gathered_for(check, run.version, seed=run.seed, reference=reference) as evidence:
        return measure_in_child(
            check,
            parameters,
            evidence,
            timeout_seconds=planned.timeout_seconds,
            memory_mb=planned.memory_mb,
        )


def record_observation(*, run_id: int, check_id: str, result: ObservationResult) -> None:
    """Store what was measured and, if it was the last one, close the run. Belongs into the work's transaction."""
    run = AuditRun.objects.select_for_update().get(pk=run_id)
    if run.state == AuditRun.State.CLOSED or run.observations.filter(check_id=check_id).exists():
        return
    plan = AuditPlan.from_document(run.plan)
    planned = next(entry for entry in plan.checks if entry.check == check_id)
    check = known_checks().get(check_id)
    document = {
        "check": check_id,
        "check_version": check.version if check else "",
        "parameters": dict(planned.parameters),
        "seed": run.seed,
        **result.to_document(),
    }
    observation = Observation(
        run=run,
        check_id=check_id,
        check_version=document["check_version"],
        status=result.status.value,
        document=document,
        digest=digest_of(document),
        duration_seconds=result.duration_seconds,
        measured_at=timezone.now(),
    )
    observation.save()
    ledger.append(
        Event.OBSERVATION_RECORDED,
        subject=f"run:{run.pk}",
        facts={"check": check_id, "status": observation.status, "digest": observation.digest},
    )
    if run.observations.count() == len(plan.checks):
        _close(run, plan)


def _close(run: AuditRun, plan: AuditPlan) -> None:
    """Judge every criterion, seal the run with a digest, tell whoever waits for it."""
    observations = {observation.check_id: observation for observation in run.observations.all()}
    digests: list[str] = []
    for criterion in plan.criteria:
        observation = observations[criterion.check]
        judgement = judge(
            ObservationStatus(observation.status),
            measurement_of(observation),
            criterion,
            error=observation.document.get("error", {}).get("message", ""),
        )
        document = {"criterion": criterion.to_document(), "judgement": judgement.to_document()}
        finding = Finding(
            run=run,
            criterion_id=criterion.id,
            outcome=judgement.outcome.value,
            explanation=judgement.explanation,
            document=document,
            digest=digest_of(document),
            measured_at=observation.measured_at,
        )
        finding.save()
        digests.append(finding.digest)
    run.state = AuditRun.State.CLOSED
    run.closed_at = timezone.now()
    run.digest = digest_of(
        {
            "version": run.version.record_digest,
            "plan": run.plan_digest,
            "observations": sorted(observation.digest for observation in observations.values()),
            "findings": sorted(digests),
        }
    )
    run.save(update_fields=["state", "closed_at", "digest"])
    ledger.append(
        Event.RUN_CLOSED,
        subject=f"run:{run.pk}",
        facts={"version": run.version.record_digest, "digest": run.digest, "findings": sorted(digests)},
    )
    signals.run_closed.send(sender=AuditRun, run=run)


def measurement_of(observation: Observation) -> Measurement | None:
    """The measured values, or None when nothing was measured."""
    document = observation.document.get("measurement")
    return None if document is None else Measurement.from_document(document)


def gathered_for(
    check: Check, version: ModelVersion, *, seed: int, reference: ModelVersion | None
) -> AbstractContextManager[Evidence]:
    """What the check is given: the bytes of everything upstream where it hashes them, else rows and models."""
    if "content" in check.needs:
        return contents_of(version, seed=seed)
    return evidence_of(version, seed=seed, reference=reference)


@contextmanager
def evidence_of(version: ModelVersion, *, seed: int, reference: ModelVersion | None = None) -> Iterator[Evidence]:
    """What is held of a version with verified local paths, for as long as the block lasts."""
    with ExitStack() as held:
        model = _model(held, version)
        datasets: dict[str, DatasetEvidence] = {}
        uses = list(version.inputs.select_related("dataset_version__dataset__owner"))
        cards = cards_of(use.dataset_version for use in uses)
        for use in uses:
            dataset = use.dataset_version
            path = _held(held, dataset.digest)
            if path is None:
                continue  # declared but not held: a check that needs it will say that it could not run
            datasets[use.role] = DatasetEvidence(
                role=use.role,
                name=str(dataset),
                digest=dataset.digest,
                path=path,
                media_type=dataset.media_type,
                columns=tuple(_column(entry) for entry in tagged_columns(dataset, cards[dataset.pk])),
            )
        yield Evidence(
            model=model,
            datasets=datasets,
            lineage=provenance.lineage_of(version).to_document(),
            seed=seed,
            reference_model=None if reference is None else _model(held, reference),
        )


@contextmanager
def contents_of(version: ModelVersion, *, seed: int) -> Iterator[Evidence]:
    """The lineage of a version with everything that is held of it, as it lies in the store: nothing is verified yet."""
    lineage = provenance.lineage_of(version)
    with ExitStack() as held:
        yield Evidence(
            model=_model(None, version),
            datasets={},
            lineage=lineage.to_document(),
            seed=seed,
            contents=tuple(_contents(held, lineage)),
        )


def _contents(held: ExitStack, lineage: Graph) -> Iterator[HeldContent]:
    for node in lineage.nodes:
        digest = str(node.facts.get("digest") or "")
        if is_digest(digest) and storage.holds(digest):
            try:
                path = held.enter_context(storage.unverified_copy(digest))
            except (ContentErasedError, EvidenceMissingError):
                continue  # the record names it and the store has it no more: the check counts it as not held
            yield HeldContent(node=node.id, digest=digest, path=path)


def _model(held: ExitStack | None, version: ModelVersion) -> ModelEvidence:
    return ModelEvidence(
        name=str(version),
        digest=version.artifact_digest,
        format=version.artifact_format,
        path=None if held is None else _held(held, version.artifact_digest),
        signature=version.signature,
    )


def _in_stage(version: ModelVersion, stage: str) -> ModelVersion | None:
    """Another version of the same model that is in the stage now, the newest of several; None where there is none."""
    assignments = StageAssignment.objects.current().filter(model=version.model, stage=stage, version__isnull=False)
    found = assignments.exclude(version=version).select_related("version").order_by("-assigned_at", "-pk").first()
    return None if found is None else found.version


def _held(held: ExitStack, digest: str) -> Any:
    return held.enter_context(storage.local_copy(digest)) if storage.holds(digest) else None


def _column(entry: dict[str, Any]) -> Column:
    return Column(entry["name"], entry["type"], tuple(entry["tags"]))
