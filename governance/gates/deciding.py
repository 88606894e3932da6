"""Deciding: may this subject pass this gate now? Pure: time and every fact are arguments.

Only what is shown speaks for opening. Each finding must be satisfied, or waived by somebody else for a limited time;
each seat of the quorum must be taken by a different, eligible, unconcerned person who approved exactly this subject.
Whatever is missing, repeated, stale, from the future or of unknown origin closes the gate, and says so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from audits.criteria import Criterion, Outcome
from governance.gates.emergencies import glass_ends, glass_problem
from governance.gates.facts import (
    OVERRIDABLE,
    BrokenGlassFact,
    Circumstances,
    ConditionFact,
    Decision,
    FindingFact,
    GateOutcome,
    Reason,
    ReasonCode,
    ReviewFact,
    WaiverFact,
)
from governance.gates.seats import weigh_reviews
from governance.gates.weighing import Weighed, excluded_from
from governance.policies.values import Gate, Mode

_FINDING_CODES = {
    Outcome.NOT_SATISFIED: ReasonCode.FINDING_NOT_SATISFIED,
    Outcome.INCONCLUSIVE: ReasonCode.FINDING_INCONCLUSIVE,
    Outcome.ERROR: ReasonCode.FINDING_ERROR,
    Outcome.TIMED_OUT: ReasonCode.FINDING_TIMED_OUT,
    Outcome.NOT_RUN: ReasonCode.FINDING_NOT_RUN,
}


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
    expires, an unmet condition falls due, approvals older than `decision_valid_days` leave a seat empty, or broken
    glass ends. At that very moment it is closed.
    """
    seen = Weighed()
    _weigh_circumstances(circumstances, subject_digest, seen)
    _weigh_withdrawals(circumstances, now, seen)
    _weigh_conditions(circumstances.conditions, now, seen)
    live = _live_waivers(gate, tuple(waivers), circumstances, now, seen)
    _weigh_findings(gate, tuple(findings), live, now, seen)
    weigh_reviews(gate, tuple(reviews), circumstances, subject_digest, now, seen)
    if circumstances.broken_glass is not None and seen.blocking:
        _weigh_broken_glass(gate, circumstances.broken_glass, now, seen)
    is_open = not seen.blocking
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
        overridden=tuple(seen.overridden),
    )


# -- Circumstances ----------------------------------------------------------------------------------------------------
def _weigh_circumstances(circumstances: Circumstances, subject_digest: str, seen: Weighed) -> None:
    """What closes the gate whatever was measured and whoever approved."""
    if not subject_digest:
        words = "Nothing has been fixed yet for reviewers to sign."
        seen.blocking.append(Reason(ReasonCode.SUBJECT_UNKNOWN, "", words))
    if circumstances.policy_recalled:
        words = "The policy this request was made under has been recalled."
        seen.blocking.append(Reason(ReasonCode.POLICY_RECALLED, "policy", words))
    if circumstances.decommissioned:
        words = "This version has been decommissioned."
        seen.blocking.append(Reason(ReasonCode.VERSION_DECOMMISSIONED, "version", words))
    for name in circumstances.incidents:
        words = f"Incident {name} of this version is open."
        seen.blocking.append(Reason(ReasonCode.INCIDENT_OPEN, name, words))


def _weigh_withdrawals(circumstances: Circumstances, now: datetime, seen: Weighed) -> None:
    """Withdrawn data closes the gate, unless somebody who may still do so answers for it until a day to come."""
    for name in circumstances.withdrawn_inputs:
        live = [
            risk.expires_at
            for risk in circumstances.accepted_risks
            if risk.withdrawn_input == name and risk.eligible and risk.expires_at > now
        ]
        if not live:
            words = f"{name} has been withdrawn, and this version depends on it."
            seen.blocking.append(Reason(ReasonCode.INPUT_WITHDRAWN, name, words))
            continue
        seen.ends.append(min(live))
        words = f"{name} has been withdrawn; the residual risk is accepted until {min(live):%Y-%m-%d}."
        seen.met.append(Reason(ReasonCode.RISK_ACCEPTED, name, words))


def _weigh_conditions(conditions: Iterable[ConditionFact], now: datetime, seen: Weighed) -> None:
    """An approval on conditions holds while none of them is overdue."""
    for condition in conditions:
        if condition.met:
            continue
        if condition.due_at > now:
            seen.ends.append(condition.due_at)
        else:
            due = f"{condition.due_at:%Y-%m-%d}"
            words = f"A condition of the approval was due on {due} and is not met: {condition.text}"
            seen.blocking.append(Reason(ReasonCode.CONDITION_UNMET, "", words))


def _weigh_broken_glass(gate: Gate, glass: BrokenGlassFact, now: datetime, seen: Weighed) -> None:
    """Set aside what an emergency may set aside, for as long as it lasts; or say why this one does not count."""
    problem = glass_problem(gate, glass, now)
    if problem is not None:
        seen.disregarded.append(Reason(problem[0], glass.invoked_by, f"Broken glass {problem[1]}."))
        return
    seen.overridden = [reason for reason in seen.blocking if reason.code in OVERRIDABLE]
    seen.blocking = [reason for reason in seen.blocking if reason.code not in OVERRIDABLE]
    until = glass_ends(glass)
    count = len(seen.overridden)
    words = f"The glass was broken: {count} reasons to stay closed are set aside until {until:%Y-%m-%d %H:%M} UTC."
    seen.met.append(Reason(ReasonCode.GLASS_BROKEN, glass.invoked_by, words))
    # What is set aside may have run out already; from here on the end of the emergency counts.
    seen.ends = [moment for moment in seen.ends if moment > now]
    seen.ends.append(until)


# -- Waivers ----------------------------------------------------------------------------------------------------------
def _live_waivers(
    gate: Gate, waivers: Sequence[WaiverFact], circumstances: Circumstances, now: datetime, seen: Weighed
) -> dict[str, WaiverFact]:
    """The waiver in use for each criterion: of several, the one that lasts longest. The others are disregarded."""
    live: dict[str, WaiverFact] = {}
    concerned = excluded_from(gate, circumstances)
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
            not (gate.waivers.allowed and criterion.waivable) or criterion.prohibited,
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
    gate: Gate, findings: Sequence[FindingFact], live: dict[str, WaiverFact], now: datetime, seen: Weighed
) -> None:
    """Exactly one finding for each criterion, young enough, and satisfied or waived."""
    by_criterion: dict[str, list[FindingFact]] = defaultdict(list)
    for finding in findings:
        by_criterion[finding.criterion_id].append(finding)
    for criterion in gate.criteria:
        found = by_criterion.pop(criterion.id, [])
        if len(found) == 1:
            _weigh_finding(gate, criterion, found[0], live.get(criterion.id), now, seen)
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


def _weigh_finding(
    gate: Gate, criterion: Criterion, finding: FindingFact, waiver: WaiverFact | None, now: datetime, seen: Weighed
) -> None:
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
    elif criterion.prohibited:
        words = f"{finding.explanation} This is a prohibited practice: nobody can waive or override it."
        seen.blocking.append(Reason(ReasonCode.FINDING_PROHIBITED, name, words))
    elif waiver is not None and finding.waivable:
        words = f"{finding.explanation} Waived until {waiver.expires_at:%Y-%m-%d}."
        seen.waived.append(Reason(ReasonCode.CRITERION_WAIVED, name, words))
        seen.ends.append(waiver.expires_at)
    else:
        # An outcome this version does not know is an error, never a pass.
        code = _FINDING_CODES.get(finding.outcome, ReasonCode.FINDING_ERROR)
        seen.blocking.append(Reason(code, name, finding.explanation))
