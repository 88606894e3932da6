"""Weighing reviews: objections close a gate, approvals of different, unconcerned people fill its seats. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from governance.gates.facts import Circumstances, MissingReview, Reason, ReasonCode, ReviewFact, Verdict
from governance.gates.quorums import is_full, seated
from governance.gates.weighing import Weighed, excluded_from
from governance.policies.values import Gate


def weigh_reviews(
    gate: Gate,
    reviews: Sequence[ReviewFact],
    circumstances: Circumstances,
    subject_digest: str,
    now: datetime,
    seen: Weighed,
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


def _is_current(review: ReviewFact, subject_digest: str, now: datetime, seen: Weighed) -> bool:
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
    gate: Gate, current: Sequence[ReviewFact], circumstances: Circumstances, now: datetime, seen: Weighed
) -> list[tuple[datetime, ReviewFact]]:
    """The approvals that may fill a seat, each with the moment at which it runs out."""
    concerned = excluded_from(gate, circumstances)
    # Somebody who approved and also abstained, objected or rejected has not approved.
    undecided = {review.person for review in current if review.verdict is not Verdict.APPROVE}
    approvals = []
    # Whoever spoke for themselves goes before their delegate; of two delegates of one person the first one counts.
    used = {review.person for review in current if not review.on_behalf_of}
    for review in sorted(current, key=lambda review: review.at):
        if review.verdict is not Verdict.APPROVE:
            continue
        problem = _contested(review, concerned, undecided, used)
        expires_at = review.at + timedelta(days=gate.decision_valid_days)
        if problem is None and expires_at <= now:
            words = f"is older than the {gate.decision_valid_days} days a decision holds"
            problem = (ReasonCode.REVIEW_EXPIRED, words)
        if problem is None:
            used.add(review.authority)
            approvals.append((expires_at, review))
        else:
            seen.disregarded.append(Reason(problem[0], review.person, f"An approval as {review.role} {problem[1]}."))
    return approvals


def _contested(
    review: ReviewFact, concerned: dict[str, str], undecided: set[str], used: set[str]
) -> tuple[ReasonCode, str] | None:
    """Why this approval fills no seat whatever its age, or None."""
    if review.person in concerned:
        return ReasonCode.REVIEWER_EXCLUDED, f"does not count: the person {concerned[review.person]}"
    if review.authority in concerned:
        words = f"does not count: the person spoke for somebody who {concerned[review.authority]}"
        return ReasonCode.REVIEWER_EXCLUDED, words
    if review.on_behalf_of and review.authority in used:
        return ReasonCode.REVIEW_AUTHORITY_USED, "does not count: the delegator's voice was heard already"
    if review.person in undecided:
        return ReasonCode.REVIEW_CONTRADICTED, "is contradicted by another review of the same person"
    return None


def _fill_seats(gate: Gate, approvals: Sequence[tuple[datetime, ReviewFact]], seen: Weighed) -> None:
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
