"""Deciding: may this subject pass this gate now? Pure: time and every fact are arguments.

Only what is shown speaks for opening. Each finding must be satisfied, or waived by somebody else for a limited time;
each seat of the quorum must be taken by a different, eligible, unconcerned person who approved exactly this subject.
Whatever is missing, repeated, stale, from the future or of unknown origin closes the gate, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from audits.criteria import Criterion, Outcome
from governance.gate_facts import (
    Circumstances,
    Decision,
    FindingFact,
    GateOutcome,
    MissingReview,
    Reason,
    ReasonCode,
    ReviewFact,
    Verdict,
    WaiverFact,
)
from governance.policy_values import Exclusion, Gate, Mode
from governance.quorums import is_full, seated

__all__ = [
    "Circumstances",
    "Decision",
    "FindingFact",
    "GateOutcome",
    "MissingReview",
    "Reason",
    "ReasonCode",
    "ReviewFact",
    "Verdict",
    "WaiverFact",
    "decide",
]

_FINDING_CODES = {
    Outcome.NOT_SATISFIED: ReasonCode.FINDING_NOT_SATISFIED,
    Outcome.INCONCLUSIVE: ReasonCode.FINDING_INCONCLUSIVE,
    Outcome.ERROR: ReasonCode.FINDING_ERROR,
    Outcome.TIMED_OUT: ReasonCode.FINDING_TIMED_OUT,
    Outcome.NOT_RUN: ReasonCode.FINDING_NOT_RUN,
}


@dataclass(slots=True)
class _Weighed:
    """What has been established so far. `ends` are the moments at which something that speaks for opening runs out."""

    met: list[Reason] = field(default_factory=list)
    blocking: list[Reason] = field(default_factory=list)
    waived: list[Reason] = field(default_factory=list)
    disregarded: list[Reason] = field(default_factory=list)
    missing: list[MissingReview] = field(default_factory=list)
    ends: list[datetime] = field(default_factory=list)


def decide(
    gate: Gate,
    *,
    findings: Iterable[FindingFact],
    reviews: Iterable[ReviewFact],
    waivers: Iterable[WaiverFact],
    circumstances: Circumstances,
    subject_digest: str,
    now: datetime,
) -> Decision:
    """Open or closed, with every reason. Raises TypeError when a naive time is given.

    The gate stays open until the first of: the oldest evidence reaches `evidence_max_age_days`, a waiver in use
    expires, or approvals older than `decision_valid_days` leave a seat empty. At that very moment it is closed.
    """
    seen = _Weighed()
    _weigh_circumstances(circumstances, subject_digest, seen)
    live = _live_waivers(gate, tuple(waivers), circumstances, now, seen)
    _weigh_findings(gate, tuple(findings), live, now, seen)
    _weigh_reviews(gate, tuple(reviews), circumstances, subject_digest, now, seen)
    is_open = not seen.blocking and not seen.missing
    return Decision(
        gate=gate.name,
        mode=str(gate.mode),
        enforced=gate.mode is Mode.ENFORCE,
        outcome=GateOutcome.OPEN if is_open else GateOutcome.CLOSED,
        decided_at=now,
        subject_digest=subject_digest,
        met=tuple(seen.met),
        blocking=tuple(seen.blocking),
        missing_reviews=tuple(seen.missing),
        waived=tuple(seen.waived),
        disregarded=tuple(seen.disregarded),
        valid_until=min(seen.ends) if is_open else None,
    )


# -- Circumstances ----------------------------------------------------------------------------------------------------
def _weigh_circumstances(circumstances: Circumstances, subject_digest: str, seen: _Weighed) -> None:
    """What closes the gate whatever was measured and whoever approved."""
    if not subject_digest:
        words = "Nothing has been fixed yet for reviewers to sign."
        seen.blocking.append(Reason(ReasonCode.SUBJECT_UNKNOWN, "", words))
    if circumstances.policy_recalled:
        words = "The policy this request was made under has been recalled."
        seen.blocking.append(Reason(ReasonCode.POLICY_RECALLED, "policy", words))
    for name in circumstances.withdrawn_inputs:
        words = f"{name} has been withdrawn, and this version depends on it."
        seen.blocking.append(Reason(ReasonCode.INPUT_WITHDRAWN, name, words))
    for name in circumstances.incidents:
        words = f"Incident {name} is open on this model."
        seen.blocking.append(Reason(ReasonCode.INCIDENT_OPEN, name, words))


def _excluded(gate: Gate, circumstances: Circumstances) -> dict[str, str]:
    """People too close to the subject to speak for it, each with the reason. The requester always is one."""
    concerned = dict.fromkeys(circumstances.excluded, "is excluded as a delegate of somebody concerned")
    if Exclusion.RUN_AUTHOR in gate.exclude:
        concerned[circumstances.run_author] = "trained this version"
    if Exclusion.VERSION_AUTHOR in gate.exclude:
        concerned[circumstances.version_author] = "registered this version"
    concerned[circumstances.requester] = "requested this promotion"
    return concerned


# -- Waivers ----------------------------------------------------------------------------------------------------------
def _live_waivers(
    gate: Gate, waivers: Sequence[WaiverFact], circumstances: Circumstances, now: datetime, seen: _Weighed
) -> dict[str, WaiverFact]:
    """The waiver in use for each criterion: of several, the one that lasts longest. The others are disregarded."""
    live: dict[str, WaiverFact] = {}
    concerned = _excluded(gate, circumstances)
    criteria = {criterion.id: criterion for criterion in gate.criteria}
    for waiver in waivers:
        problem = _waiver_problem(waiver, gate, criteria.get(waiver.criterion_id), concerned, now)
        if problem is not None:
            seen.disregarded.append(Reason(problem[0], waiver.criterion_id, f"A waiver {problem[1]}."))
        elif waiver.criterion_id not in live or live[waiver.criterion_id].expires_at < waiver.expires_at:
            live[waiver.criterion_id] = waiver
    return live


def _waiver_problem(
    waiver: WaiverFact, gate: Gate, criterion: Criterion | None, concerned: dict[str, str], now: datetime
) -> tuple[ReasonCode, str] | None:
    """Why this waiver does not count, or None."""
    if criterion is None:
        return ReasonCode.WAIVER_WITHOUT_FINDING, "names a criterion that this gate does not have"
    decider, longest = waiver.decided_by, timedelta(days=gate.waivers.max_days)
    problems = (
        (not waiver.granted, ReasonCode.WAIVER_REFUSED, "was asked for and refused"),
        (
            not (gate.waivers.allowed and criterion.waivable),
            ReasonCode.WAIVER_NOT_ALLOWED,
            "was granted, but the policy does not allow one here",
        ),
        (
            decider in ("", waiver.requested_by),
            ReasonCode.WAIVER_SELF_DECIDED,
            "was decided by the person who asked for it",
        ),
        (
            decider in concerned,
            ReasonCode.WAIVER_SELF_DECIDED,
            f"was decided by a person who {concerned.get(decider)}",
        ),
        (waiver.decided_at > now, ReasonCode.WAIVER_FROM_THE_FUTURE, "bears a date that has not come yet"),
        (
            waiver.expires_at - waiver.decided_at > longest,
            ReasonCode.WAIVER_TOO_LONG,
            f"was granted for longer than the {gate.waivers.max_days} days allowed",
        ),
        (waiver.expires_at <= now, ReasonCode.WAIVER_EXPIRED, f"expired on {waiver.expires_at:%Y-%m-%d}"),
    )
    return next(((code, words) for applies, code, words in problems if applies), None)


# -- Findings ---------------------------------------------------------------------------------------------------------
def _weigh_findings(
    gate: Gate, findings: Sequence[FindingFact], live: dict[str, WaiverFact], now: datetime, seen: _Weighed
) -> None:
    """Exactly one finding for each criterion, young enough, and satisfied or waived."""
    by_criterion: dict[str, list[FindingFact]] = defaultdict(list)
    for finding in findings:
        by_criterion[finding.criterion_id].append(finding)
    for criterion in gate.criteria:
        found = by_criterion.pop(criterion.id, [])
        if len(found) == 1:
            _weigh_finding(gate, found[0], live.get(criterion.id), now, seen)
        elif found:
            words = (
                f"{criterion.id} was judged {len(found)} times in one round, so it is unclear which judgement holds."
            )
            seen.blocking.append(Reason(ReasonCode.FINDING_REPEATED, criterion.id, words))
        else:
            words = f"{criterion.id} has not been judged."
            seen.blocking.append(Reason(ReasonCode.FINDING_MISSING, criterion.id, words))
    for name in by_criterion:
        words = f"{name} was judged, but is no criterion of this gate: the findings belong to another plan."
        seen.blocking.append(Reason(ReasonCode.FINDING_UNPLANNED, name, words))


def _weigh_finding(gate: Gate, finding: FindingFact, waiver: WaiverFact | None, now: datetime, seen: _Weighed) -> None:
    """One finding: its age first, since neither a good number nor a waiver makes old evidence young."""
    name = finding.criterion_id
    expires_at = finding.measured_at + timedelta(days=gate.evidence_max_age_days)
    seen.ends.append(expires_at)
    if finding.measured_at > now:
        words = f"The evidence for {name} bears a date that has not come yet."
        seen.blocking.append(Reason(ReasonCode.EVIDENCE_FROM_THE_FUTURE, name, words))
    if expires_at <= now:
        words = (
            f"The evidence for {name} was measured on {finding.measured_at:%Y-%m-%d} and is older than the "
            f"{gate.evidence_max_age_days} days allowed; measure again."
        )
        seen.blocking.append(Reason(ReasonCode.EVIDENCE_EXPIRED, name, words))
    if finding.outcome is Outcome.SATISFIED:
        seen.met.append(Reason(ReasonCode.CRITERION_SATISFIED, name, finding.explanation))
    elif waiver is not None and finding.waivable:
        words = f"{finding.explanation} Waived until {waiver.expires_at:%Y-%m-%d}."
        seen.waived.append(Reason(ReasonCode.CRITERION_WAIVED, name, words))
        seen.ends.append(waiver.expires_at)
    else:
        # An outcome this version does not know is an error, never a pass.
        code = _FINDING_CODES.get(finding.outcome, ReasonCode.FINDING_ERROR)
        seen.blocking.append(Reason(code, name, finding.explanation))


# -- Reviews ----------------------------------------------------------------------------------------------------------
def _weigh_reviews(
    gate: Gate,
    reviews: Sequence[ReviewFact],
    circumstances: Circumstances,
    subject_digest: str,
    now: datetime,
    seen: _Weighed,
) -> None:
    """Objections close, approvals fill seats. Everything said about another subject is disregarded."""
    current = [review for review in reviews if _is_current(review, subject_digest, now, seen)]
    for review in current:
        if review.verdict is Verdict.REJECT:
            words = f"A reviewer rejected this as {review.role}."
            seen.blocking.append(Reason(ReasonCode.REVIEW_REJECTED, review.person, words))
        elif review.verdict is Verdict.REQUEST_CHANGES:
            words = f"A reviewer asked for changes as {review.role}."
            seen.blocking.append(Reason(ReasonCode.CHANGES_REQUESTED, review.person, words))
    approvals = _approvals(gate, current, circumstances, now, seen)
    _fill_seats(gate, approvals, seen)


def _is_current(review: ReviewFact, subject_digest: str, now: datetime, seen: _Weighed) -> bool:
    """Whether the review is about this subject, by somebody who may review it now. Comments decide nothing."""
    if review.verdict is Verdict.COMMENT:
        return False
    problem: tuple[ReasonCode, str] | None = None
    if not subject_digest or review.subject_digest != subject_digest:
        problem = (ReasonCode.REVIEW_OF_ANOTHER_SUBJECT, "was about other evidence or an earlier round")
    elif not review.eligible:
        because = review.ineligible_reason or "the person may not review in this role"
        problem = (ReasonCode.REVIEWER_NOT_ELIGIBLE, f"does not count: {because}")
    elif review.at > now:
        problem = (ReasonCode.REVIEW_FROM_THE_FUTURE, "bears a date that has not come yet")
    if problem is not None:
        seen.disregarded.append(Reason(problem[0], review.person, f"A review as {review.role} {problem[1]}."))
    return problem is None


def _approvals(
    gate: Gate, current: Sequence[ReviewFact], circumstances: Circumstances, now: datetime, seen: _Weighed
) -> list[tuple[datetime, ReviewFact]]:
    """The approvals that may fill a seat, each with the moment at which it runs out."""
    concerned = _excluded(gate, circumstances)
    # Somebody who approved and also abstained, objected or rejected has not approved.
    undecided = {review.person for review in current if review.verdict is not Verdict.APPROVE}
    approvals = []
    for review in current:
        if review.verdict is not Verdict.APPROVE:
            continue
        expires_at = review.at + timedelta(days=gate.decision_valid_days)
        problem: tuple[ReasonCode, str] | None = None
        if review.person in concerned:
            problem = (ReasonCode.REVIEWER_EXCLUDED, f"does not count: the person {concerned[review.person]}")
        elif review.person in undecided:
            problem = (ReasonCode.REVIEW_CONTRADICTED, "is contradicted by another review of the same person")
        elif expires_at <= now:
            problem = (ReasonCode.REVIEW_EXPIRED, f"is older than the {gate.decision_valid_days} days a decision holds")
        if problem is None:
            approvals.append((expires_at, review))
        else:
            seen.disregarded.append(Reason(problem[0], review.person, f"An approval as {review.role} {problem[1]}."))
    return approvals


def _fill_seats(gate: Gate, approvals: Sequence[tuple[datetime, ReviewFact]], seen: _Weighed) -> None:
    """Seat different people in the roles asked for; note what is missing, or until when the quorum lasts."""
    if not gate.quorum or any(entry.count < 1 for entry in gate.quorum):
        words = "This gate asks for no reviewer, so nobody can answer for opening it."
        seen.blocking.append(Reason(ReasonCode.NO_REVIEWERS, gate.name, words))
        return
    people = seated(gate.quorum, _roles_by_person(approvals))
    for entry in gate.quorum:
        have = len(people[entry.role])
        words = f"{have} of {entry.count} approvals as {entry.role}, by different people."
        if have == entry.count:
            seen.met.append(Reason(ReasonCode.QUORUM_FILLED, entry.role, words))
        else:
            seen.missing.append(MissingReview(entry.role, entry.count, have))
            seen.blocking.append(Reason(ReasonCode.QUORUM_MISSING, entry.role, words))
    if not seen.missing:
        seen.ends.append(_quorum_ends(gate, approvals))


def _quorum_ends(gate: Gate, approvals: Sequence[tuple[datetime, ReviewFact]]) -> datetime:
    """The moment at which the approvals that are left no longer fill every seat. The quorum must be full."""
    for moment in sorted({expires_at for expires_at, _ in approvals}):
        lasting = [entry for entry in approvals if entry[0] > moment]
        if not is_full(gate.quorum, _roles_by_person(lasting)):
            return moment
    raise AssertionError("a quorum without approvals cannot be full")


def _roles_by_person(approvals: Iterable[tuple[datetime, ReviewFact]]) -> dict[str, set[str]]:
    roles: dict[str, set[str]] = defaultdict(set)
    for _, review in approvals:
        roles[review.person].add(review.role)
    return roles
