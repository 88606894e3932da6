"""Facts for the gate: everything is in order unless a story changes it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from audits.criteria import Criterion, Outcome
from audits.plans import AuditPlan, PlannedCheck
from governance.gates import Circumstances, Decision, FindingFact, ReviewFact, Verdict, WaiverFact, decide
from governance.policies import Exclusion, Gate, Quorum, WaiverRule

NOW = datetime(2026, 11, 20, 12, 0, tzinfo=UTC)
DAY = timedelta(days=1)
SUBJECT = "sha256:" + "a" * 64


def criterion(name: str, **changes: Any) -> Criterion:
    fields: dict[str, Any] = {
        "id": name,
        "check": "performance.metrics",
        "metric": "accuracy",
        "at_least": Decimal("0.7"),
        "reason": "Agreed.",
        "set_by": "Rosa, risk officer",
    }
    return Criterion(**{**fields, **changes})


def plan(*criteria: Criterion) -> AuditPlan:
    return AuditPlan(checks=(PlannedCheck(check="performance.metrics"),), criteria=criteria)


def gate(**changes: Any) -> Gate:
    """Accuracy, and a gap that may be waived; one validator and one risk officer."""
    fields: dict[str, Any] = {
        "name": "to-production",
        "from_stage": "staging",
        "to_stage": "production",
        "evidence_max_age_days": 30,
        "decision_valid_days": 90,
        "plan": plan(criterion("accuracy"), criterion("gap", waivable=True)),
        "quorum": (Quorum(role="model_validator"), Quorum(role="risk_officer")),
        "exclude": (Exclusion.REQUESTER, Exclusion.VERSION_AUTHOR),
        "waivers": WaiverRule(allowed=True, max_days=90),
    }
    return Gate(**{**fields, **changes})


def finding(name: str, outcome: Outcome = Outcome.SATISFIED, **changes: Any) -> FindingFact:
    fields: dict[str, Any] = {
        "criterion_id": name,
        "outcome": outcome,
        "explanation": f"{name} was looked at.",
        "measured_at": NOW - DAY,
        "waivable": name == "gap",
    }
    return FindingFact(**{**fields, **changes})


def review(person: str, role: str, verdict: Verdict = Verdict.APPROVE, **changes: Any) -> ReviewFact:
    fields: dict[str, Any] = {
        "person": person,
        "role": role,
        "verdict": verdict,
        "subject_digest": SUBJECT,
        "at": NOW - timedelta(hours=1),
        "eligible": True,
    }
    return ReviewFact(**{**fields, **changes})


def waiver(name: str = "gap", **changes: Any) -> WaiverFact:
    fields: dict[str, Any] = {
        "criterion_id": name,
        "granted": True,
        "expires_at": NOW + 20 * DAY,
        "requested_by": "maya",
        "decided_by": "dora",
        "decided_at": NOW - DAY,
    }
    return WaiverFact(**{**fields, **changes})


FINDINGS = (finding("accuracy"), finding("gap"))
REVIEWS = (review("victor", "model_validator"), review("rosa", "risk_officer"))
CIRCUMSTANCES = Circumstances(requester="maya", version_author="mel", run_author="tom")


def decided(of: Gate | None = None, **changes: Any) -> Decision:
    """What the gate says; open unless something is changed."""
    facts: dict[str, Any] = {
        "findings": FINDINGS,
        "reviews": REVIEWS,
        "waivers": (),
        "circumstances": CIRCUMSTANCES,
        "subject_digest": SUBJECT,
        "now": NOW,
    }
    return decide(of or gate(), **{**facts, **changes})


def codes(decision: Decision) -> list[str]:
    return [str(reason.code) for reason in decision.blocking]


def disregarded(decision: Decision) -> list[str]:
    return [str(reason.code) for reason in decision.disregarded]
