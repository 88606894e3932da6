"""What a gate decides on, and what it answers: frozen values. Pure.

People are named by pseudonym only. All times are aware; a naive one raises TypeError as soon as it is compared.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

from audits.criteria import Outcome


class Verdict(StrEnum):
    """What a reviewer decided. Only APPROVE fills a seat; REJECT and REQUEST_CHANGES close the gate for this round."""

    APPROVE = "approve"
    REJECT = "reject"
    REQUEST_CHANGES = "request_changes"
    ABSTAIN = "abstain"
    COMMENT = "comment"


class ReasonCode(StrEnum):
    """Why a gate is open or closed. Stable: pipelines and reports rely on the words; retired ones stay listed."""

    # met
    CRITERION_SATISFIED = "criterion-satisfied"
    CRITERION_WAIVED = "criterion-waived"
    QUORUM_FILLED = "quorum-filled"
    GLASS_BROKEN = "glass-broken"
    RISK_ACCEPTED = "residual-risk-accepted"
    # blocking
    FINDING_NOT_SATISFIED = "finding-not-satisfied"
    FINDING_INCONCLUSIVE = "finding-inconclusive"
    FINDING_ERROR = "finding-error"
    FINDING_TIMED_OUT = "finding-timed-out"
    FINDING_NOT_RUN = "finding-not-run"
    FINDING_MISSING = "finding-missing"
    FINDING_REPEATED = "finding-repeated"
    FINDING_UNPLANNED = "finding-unplanned"
    FINDING_PROHIBITED = "finding-prohibited"
    EVIDENCE_EXPIRED = "evidence-expired"
    EVIDENCE_FROM_THE_FUTURE = "evidence-from-the-future"
    REVIEW_REJECTED = "review-rejected"
    CHANGES_REQUESTED = "changes-requested"
    QUORUM_MISSING = "quorum-missing"
    NO_REVIEWERS = "no-reviewers"
    SUBJECT_UNKNOWN = "subject-unknown"
    INPUT_WITHDRAWN = "input-withdrawn"
    POLICY_RECALLED = "policy-recalled"
    INCIDENT_OPEN = "incident-open"
    CONDITION_UNMET = "condition-unmet"
    VERSION_DECOMMISSIONED = "version-decommissioned"
    # disregarded reviews and waivers
    REVIEW_OF_ANOTHER_SUBJECT = "review-of-another-subject"
    REVIEWER_NOT_ELIGIBLE = "reviewer-not-eligible"
    REVIEWER_EXCLUDED = "reviewer-excluded"
    REVIEW_FROM_THE_FUTURE = "review-from-the-future"
    REVIEW_EXPIRED = "review-expired"
    REVIEW_CONTRADICTED = "review-contradicted"
    REVIEW_AUTHORITY_USED = "review-authority-used"
    WAIVER_NOT_ALLOWED = "waiver-not-allowed"
    WAIVER_EXPIRED = "waiver-expired"
    WAIVER_TOO_LONG = "waiver-too-long"
    WAIVER_REFUSED = "waiver-refused"
    WAIVER_SELF_DECIDED = "waiver-self-decided"
    WAIVER_FROM_THE_FUTURE = "waiver-from-the-future"
    WAIVER_WITHOUT_FINDING = "waiver-without-finding"
    GLASS_NOT_ALLOWED = "glass-not-allowed"
    GLASS_FROM_THE_FUTURE = "glass-from-the-future"
    GLASS_EXPIRED = "glass-expired"
    GLASS_UNREVIEWED = "glass-unreviewed"
    GLASS_OBJECTED = "glass-objected"


#: What broken glass, or a gate that only warns, may leave open. Everything else is no matter of urgency: what is
#: prohibited stays prohibited, withdrawn data withdrawn, a rejection a rejection, and doubtful records stay doubtful.
OVERRIDABLE = frozenset(
    {
        ReasonCode.FINDING_NOT_SATISFIED,
        ReasonCode.FINDING_INCONCLUSIVE,
        ReasonCode.FINDING_ERROR,
        ReasonCode.FINDING_TIMED_OUT,
        ReasonCode.FINDING_NOT_RUN,
        ReasonCode.EVIDENCE_EXPIRED,
        ReasonCode.CHANGES_REQUESTED,
        ReasonCode.QUORUM_MISSING,
        ReasonCode.CONDITION_UNMET,
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class FindingFact:
    """The judgement of one criterion, and when the evidence behind it was measured."""

    criterion_id: str
    outcome: Outcome
    explanation: str
    measured_at: datetime
    waivable: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewFact:
    """One review. `eligible` says whether the person may review this model in this role now, not only back then.

    `on_behalf_of` is the person in whose role a delegate reviewed, "" for everybody else.
    """

    person: str
    role: str
    verdict: Verdict
    subject_digest: str
    at: datetime
    round: int = 1
    eligible: bool = False
    ineligible_reason: str = ""
    on_behalf_of: str = ""

    @property
    def authority(self) -> str:
        """Whose voice it is: however many delegates speak with it, it is one."""
        return self.on_behalf_of or self.person


@dataclass(frozen=True, slots=True, kw_only=True)
class WaiverFact:
    """One waiver of this round, decided. A waiver that nobody decided yet is not a fact for a gate."""

    criterion_id: str
    granted: bool
    expires_at: datetime
    requested_by: str
    decided_by: str
    decided_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ConditionFact:
    """What an approval of this round depends on. Unmet at `due_at`, it closes the gate."""

    text: str
    due_at: datetime
    met: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class BrokenGlassFact:
    """Somebody opened the gate in an emergency. Two others look at it until `review_due_at`; one objection ends it."""

    invoked_by: str
    invoked_at: datetime
    expires_at: datetime
    review_due_at: datetime
    upheld_by: frozenset[str] = frozenset()
    objected_by: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRisk:
    """Somebody answers for using `withdrawn_input` all the same until `expires_at`. `eligible` is asked now."""

    withdrawn_input: str
    accepted_by: str
    expires_at: datetime
    eligible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What else is true at this moment.

    `excluded` are further people who may not approve, as delegates of the requester or the author. `incidents` are ids
    of open incidents that close the gate. `withdrawn_inputs` are the withdrawn dataset versions behind the version,
    `accepted_risks` what was signed about them.
    """

    requester: str
    version_author: str
    run_author: str = ""
    excluded: frozenset[str] = frozenset()
    withdrawn_inputs: tuple[str, ...] = ()
    accepted_risks: tuple[AcceptedRisk, ...] = ()
    policy_recalled: bool = False
    incidents: tuple[str, ...] = ()
    decommissioned: bool = False
    conditions: tuple[ConditionFact, ...] = ()
    broken_glass: BrokenGlassFact | None = None


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence for a person, with a code for a machine. `subject` is the criterion, role, person or input."""

    code: ReasonCode
    subject: str
    explanation: str

    def to_document(self) -> dict[str, str]:
        """JSON-ready form."""
        return {"code": str(self.code), "subject": self.subject, "explanation": self.explanation}


@dataclass(frozen=True, slots=True)
class MissingReview:
    """A role in which approvals are missing. `have` counts people, each in one role only."""

    role: str
    needed: int
    have: int


class GateOutcome(StrEnum):
    """Open or closed; there is nothing between."""

    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """The answer of a gate. `outcome` is honest in every mode; `enforced` says whether it is meant to hold back.

    `valid_until` is the moment at which the gate closes by itself, None when it is closed. `disregarded` names the
    reviews and waivers that did not count, so that nobody wonders. `overridden` is what would have blocked but for
    broken glass.
    """

    gate: str
    mode: str
    enforced: bool
    outcome: GateOutcome
    decided_at: datetime
    subject_digest: str
    met: tuple[Reason, ...] = ()
    blocking: tuple[Reason, ...] = ()
    missing_reviews: tuple[MissingReview, ...] = ()
    waived: tuple[Reason, ...] = ()
    disregarded: tuple[Reason, ...] = field(default=())
    valid_until: datetime | None = None
    overridden: tuple[Reason, ...] = ()

    @property
    def may_pass(self) -> bool:
        """Open, or closed without being meant to hold back, and by nothing that holds back in every mode."""
        return self.is_open or (not self.enforced and all(reason.code in OVERRIDABLE for reason in self.blocking))

    @property
    def is_open(self) -> bool:
        """Whether the gate is open."""
        return self.outcome is GateOutcome.OPEN

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form; times are UTC with Z."""
        return {
            "gate": self.gate,
            "mode": self.mode,
            "enforced": self.enforced,
            "decision": str(self.outcome),
            "decided_at": _utc(self.decided_at),
            "valid_until": None if self.valid_until is None else _utc(self.valid_until),
            "subject_digest": self.subject_digest,
            "met": [reason.to_document() for reason in self.met],
            "blocking": [reason.to_document() for reason in self.blocking],
            "missing_reviews": [
                {"role": missing.role, "needed": missing.needed, "have": missing.have}
                for missing in self.missing_reviews
            ],
            "waived": [reason.to_document() for reason in self.waived],
            "disregarded": [reason.to_document() for reason in self.disregarded],
            "overridden": [reason.to_document() for reason in self.overridden],
        }


def _utc(moment: datetime) -> str:
    """ISO 8601 with Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
