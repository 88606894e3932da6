"""The portfolio report: every model that a person may see, what is where, and what needs somebody's attention.

No Django here. Counts, never a percentage: a portfolio has open points with owners, not a grade.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from audits.reports.document import plain
from audits.reports.parts import Identity

SCHEMA = "assay.portfolio/1"
MOST_ON_PAPER = 400


@dataclass(frozen=True, slots=True, kw_only=True)
class StageEntry:
    """A version in a stage, and the last decision of the gate that let it in."""

    stage: str
    version: int
    since: datetime
    outcome: str = ""
    valid_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class DutyCounts:
    """How many of the duties that a classification names bind on the day of the report, and how many will.

    `unsettled` are those whose date nobody can name with certainty. `next_applies` is the next day on which a duty
    begins to apply, on the route of the model where it has one.
    """

    binding: int
    upcoming: int
    unsettled: int = 0
    next_applies: date | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelEntry:
    """One model. `overdue` are answers that somebody owes by a day that has passed.

    `duties` is None while nobody with a mandate has classified the model.
    """

    model: str
    name: str
    owner: str
    risk_class: str
    role: str
    stages: tuple[StageEntry, ...] = ()
    blocking: int = 0
    open_requests: int = 0
    live_waivers: int = 0
    broken_glass: int = 0
    overdue: int = 0
    next_due: date | None = None
    duties: DutyCounts | None = None

    @property
    def needs_attention(self) -> bool:
        """Whether something stands against it on the day of the report."""
        return bool(self.live_waivers or self.broken_glass or self.overdue or self.blocking)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioDocument:
    """The whole report, as one person may see it."""

    identity: Identity
    prepared_for: str
    models: tuple[ModelEntry, ...]

    def to_evidence(self) -> dict[str, Any]:
        """Everything on paper, JSON-ready, and the models that paper has no room for."""
        return {
            "schema": SCHEMA,
            "report": plain(self.identity),
            "prepared_for": self.prepared_for,
            "models": plain(self.models),
        }


def context(document: PortfolioDocument, evidence_digest: str) -> dict[str, Any]:
    """Everything the template prints: what needs attention first."""
    ordered = sorted(document.models, key=lambda entry: (not entry.needs_attention, entry.name.lower(), entry.model))
    by_risk: dict[str, int] = {}
    for entry in document.models:
        by_risk[entry.risk_class] = by_risk.get(entry.risk_class, 0) + 1
    return {
        "document": document,
        "evidence_digest": evidence_digest,
        "models": ordered[:MOST_ON_PAPER],
        "total": len(ordered),
        "attention": sum(entry.needs_attention for entry in ordered),
        "waivers": sum(entry.live_waivers for entry in ordered),
        "glass": sum(entry.broken_glass for entry in ordered),
        "overdue": sum(entry.overdue for entry in ordered),
        "requests": sum(entry.open_requests for entry in ordered),
        "by_risk": tuple(sorted(by_risk.items())),
    }
