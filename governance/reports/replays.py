"""Replays a report: every check it shows is measured again, and every figure held against the one it shows.

Not to be confused with `governance.replay`, which retells the workflow from the ledger.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import Q

from audits.agreement import TOLERANCE, Agreement, Difference, differences
from audits.models import Observation, Report
from audits.remeasuring import Remeasured, remeasure
from governance.basis import basis_of
from governance.models import GateDecision
from registry import ledger, storage
from registry.canonical import digest_file, digest_of
from registry.errors import EvidenceMissingError, InvalidInputError, UnknownSubjectError
from registry.events import Event

Progress = Callable[[int, int, str, Remeasured | None], None]

#: From best to worst: the worst check decides what is said of the report.
_GRAVITY = (Agreement.IDENTICAL, Agreement.WITHIN_TOLERANCE, Agreement.NOT_REPEATED, Agreement.DIFFERENT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """How a report stands to what its checks measure now. `tolerance` is relative; counts and words are exact."""

    number: str
    tolerance: float
    checks: tuple[Remeasured, ...]

    @property
    def agreement(self) -> Agreement:
        """That of the worst check."""
        return max((check.agreement for check in self.checks), key=_GRAVITY.index)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "report": self.number,
            "agreement": str(self.agreement),
            "tolerance": self.tolerance,
            "checks": [check.to_document() for check in self.checks],
        }


def find_report(named: str) -> Report:
    """The report of that number, of that promotion (the newest), or of that very file: PDF, evidence JSON or bundle.

    Raises UnknownSubjectError. A file is found by its digest, so one that was changed is not found.
    """
    path = Path(named)
    if path.is_file():
        found = digest_file(path)
        of_file = Q(file_digest=found) | Q(evidence_digest=found) | Q(bundle_digest=found)
        report = Report.objects.filter(of_file).first()
        if report is None:
            raise UnknownSubjectError(
                f"No report of these bytes was issued here ({found}). clients/assay_verify.py says whether it was "
                "tampered with, and which report it claims to be."
            )
        return report
    report = Report.objects.filter(number=named.strip()).first() or _of_promotion(named)
    if report is None:
        raise UnknownSubjectError(f"{named} is neither a file, nor the number of a report, nor a promotion with one.")
    return report


def _of_promotion(named: str) -> Report | None:
    try:
        return Report.objects.filter(subject=f"promotion:{UUID(named)}").first()
    except ValueError:
        return None


def replay_report(report: Report, *, tolerance: float = TOLERANCE, progress: Progress = lambda *_told: None) -> Replay:
    """Measure every check of a report again and tell the ledger how that ended.

    Raises EvidenceMissingError or DigestMismatchError when the report's own evidence cannot be read any more.
    """
    shown = json.loads(storage.read_bytes(report.evidence_digest))
    if "decision" not in shown:
        raise InvalidInputError(f"{report.number} is no report of a decision: it shows no checks to measure again.")
    decision = GateDecision.objects.filter(digest=shown["decision"]["digest"]).first()
    if decision is None:
        raise EvidenceMissingError(f"The decision that {report.number} is about is not on record.")
    observations = {row.check_id: row for row in basis_of(decision).run.observations.select_related("run__version")}
    checks: list[Remeasured] = []
    for number, entry in enumerate(shown["observations"]):
        progress(number, len(shown["observations"]), entry["check"], None)
        checks.append(_replayed(entry, observations.get(entry["check"]), tolerance))
        progress(number + 1, len(shown["observations"]), entry["check"], checks[-1])
    replay = Replay(number=report.number, tolerance=tolerance, checks=tuple(checks))
    with transaction.atomic():
        facts = {
            "number": report.number,
            "evidence": report.evidence_digest,
            "agreement": str(replay.agreement),
            "checks": {check.check: str(check.agreement) for check in checks},
        }
        ledger.append(Event.REPORT_REPLAYED, subject=report.subject, facts=facts)
    return replay


def _replayed(shown: dict[str, Any], observation: Observation | None, tolerance: float) -> Remeasured:
    """First paper against record, then record against a new measurement."""
    name = shown["check"]
    if observation is None:
        problem = "the run has no observation of this check on record"
        return Remeasured(check=name, agreement=Agreement.NOT_REPEATED, problem=problem)
    altered = _altered(shown, observation)
    if altered:
        return Remeasured(check=name, agreement=Agreement.DIFFERENT, differences=altered)
    return remeasure(observation, tolerance=tolerance)


def _altered(shown: dict[str, Any], observation: Observation) -> tuple[Difference, ...]:
    """Where the stored observation is not the one that the report shows; the digest covers all of it."""
    found = digest_of(observation.document)
    if shown["digest"] == found:
        return ()
    recorded = observation.document.get("measurement")
    figures = differences(shown, recorded, 0.0) if recorded and shown["values"] else ()
    return (Difference("digest of the stored observation", shown["digest"], found), *figures)
