"""The gate audit report as one frozen value: everything that stands on paper, and nothing a template must look up.

No Django here. `governance.reporting` builds the value from the records; `audits.reports.render` draws it and
`audits.reports.formats` exports it. The parts are in `audits.reports.parts`.
"""

from __future__ import annotations

import base64
import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from enum import StrEnum
from typing import Any

from audits.criteria import Outcome
from audits.reports.parts import (
    CheckFacts,
    Comparison,
    ControlFacts,
    Decision,
    DocumentError,
    FindingFacts,
    Identity,
    LedgerFacts,
    Lineage,
    OpenPoint,
    PolicyFacts,
    Request,
    ReviewFacts,
    Subject,
    WaiverFacts,
)

SCHEMA = "assay.report/1"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportDocument:
    """The whole gate audit report."""

    identity: Identity
    subject: Subject
    request: Request
    policy: PolicyFacts
    decision: Decision
    reviews: tuple[ReviewFacts, ...] = ()
    waivers: tuple[WaiverFacts, ...] = ()
    checks: tuple[CheckFacts, ...] = ()
    findings: tuple[FindingFacts, ...] = ()
    controls: tuple[ControlFacts, ...] = ()
    lineage: Lineage = field(default_factory=Lineage)
    ledger: LedgerFacts = field(default_factory=LedgerFacts)
    open_points: tuple[OpenPoint, ...] = ()
    comparison: Comparison | None = None

    def findings_of(self, check: str) -> tuple[FindingFacts, ...]:
        """The findings that judge one check, in the order of the policy."""
        return tuple(finding for finding in self.findings if finding.check == check)

    def count(self, outcome: Outcome) -> int:
        """How many criteria came out so."""
        return sum(finding.outcome is outcome for finding in self.findings)

    def to_evidence(self) -> dict[str, Any]:
        """The evidence JSON embedded in the PDF: every fact on paper and the bulk that paper has no room for."""
        return {
            "schema": SCHEMA,
            "report": plain(self.identity),
            "decision": plain(self.decision),
            "subject": plain(self.subject),
            "request": plain(self.request),
            "policy": plain(self.policy),
            "observations": [_observation(check) for check in self.checks],
            "findings": plain(self.findings),
            "reviews": plain(self.reviews),
            "waivers": plain(self.waivers),
            "controls": plain(self.controls),
            "lineage": plain(self.lineage),
            "ledger": plain(self.ledger),
            "open_points": plain(self.open_points),
            "comparison": plain(self.comparison),
        }


def _observation(check: CheckFacts) -> dict[str, Any]:
    document: dict[str, Any] = plain(check)
    return {"check": document.pop("check"), "check_version": document.pop("version"), **document}


def plain(value: Any) -> Any:
    """`value` as JSON knows it: bytes as base64, times as UTC with Z, dates as ISO, dataclasses as objects.

    Raises DocumentError for a naive datetime: a time without its zone is not evidence.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {entry.name: plain(getattr(value, entry.name)) for entry in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    return _scalar(value)


def _scalar(value: Any) -> str | bool | float | None:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise DocumentError("datetime", f"{value.isoformat()} has no time zone")
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, StrEnum):
        return value.value
    if value is None or isinstance(value, str | bool | int | float):
        return value
    raise DocumentError("document", f"{type(value).__name__} has no place in a report")
