"""The policy time machine: what would a draft have said of every promotion that was ever decided?

Nothing is measured again. The stored observations are judged by the draft's limits, and its gate decides on the reviews
and waivers of that round as they were when the decision was signed.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any
from uuid import UUID

from django.db.models import Prefetch

from audits.criteria import Criterion, judge
from audits.measurements import ObservationStatus
from audits.models import Observation
from audits.runs import measurement_of
from governance import gates
from governance.decisions import state_after
from governance.models import GateDecision, PolicyVersion, PromotionRequest, PromotionRound, Review, Waiver
from governance.policies import Gate, Policy, gate_for

State = PromotionRequest.State


class Effect(StrEnum):
    """What the draft would have changed for one promotion."""

    NEWLY_BLOCKED = "newly-blocked"
    RELEASED = "released"
    UNCHANGED = "unchanged"
    NOT_SELECTED = "not-selected"


@dataclass(frozen=True, slots=True)
class Replay:
    """One past decision under the draft. `reasons` are what blocks under it, as a decision document has them."""

    request: str
    version: str
    to_stage: str
    effect: Effect
    was: str
    would_be: str
    reasons: tuple[dict[str, str], ...] = ()

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form."""
        return {
            "request": self.request,
            "version": self.version,
            "to_stage": self.to_stage,
            "effect": str(self.effect),
            "was": self.was,
            "would_be": self.would_be,
            "reasons": list(self.reasons),
        }


@dataclass(frozen=True, slots=True)
class Simulation:
    """Every past promotion under a draft."""

    policy: str
    replays: tuple[Replay, ...]

    def of(self, effect: Effect) -> tuple[Replay, ...]:
        """The promotions for which that would have happened."""
        return tuple(replay for replay in self.replays if replay.effect is effect)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form: how many of each, and every promotion that would have ended otherwise."""
        changed = (*self.of(Effect.NEWLY_BLOCKED), *self.of(Effect.RELEASED))
        return {
            "policy": self.policy,
            "promotions": len(self.replays),
            "counts": {str(effect): len(self.of(effect)) for effect in Effect},
            "changed": [replay.to_document() for replay in changed],
        }


def simulate(policy_version: PolicyVersion) -> Simulation:
    """Judge every promotion that was ever decided by the rules of `policy_version`, draft or not. Changes nothing."""
    return simulate_some(policy_version, past_decisions())


def simulate_some(policy_version: PolicyVersion, decisions: Sequence[UUID]) -> Simulation:
    """As `simulate`, for these decisions only: a long history is gone through in parts."""
    rules = policy_version.rules
    return Simulation(str(policy_version), tuple(_replay(rules, decision) for decision in _read(decisions)))


def past_decisions() -> list[UUID]:
    """The last decision of each request that was ever decided, the oldest request first."""
    decided = GateDecision.objects.order_by("decided_at").values_list("request", "pk")
    return list(dict(decided).values())  # the last one of a request stays


def _read(keys: Sequence[UUID]) -> Iterator[GateDecision]:
    """The decisions with everything a replay reads, in few queries whatever their number."""
    rounds = Prefetch("request__rounds", PromotionRound.objects.select_related("run"))
    observations = Prefetch("request__rounds__run__observations", Observation.objects.all())
    reviews = Prefetch("request__reviews", Review.objects.select_related("reviewer", "delegation__delegator"))
    waivers = Prefetch("request__waivers", Waiver.objects.select_related("decision__decided_by", "requested_by"))
    for start in range(0, len(keys), 500):  # SQLite takes a limited number of values in one statement
        rows = (
            GateDecision.objects.filter(pk__in=keys[start : start + 500])
            .select_related("request__version__model", "request__version__created_by", "request__version__run_author")
            .select_related("request__requested_by")
            .prefetch_related(rounds, observations, reviews, waivers)  # type: ignore[type-var]
        )
        yield from rows.order_by("decided_at")


def _replay(rules: Policy, decision: GateDecision) -> Replay:
    request = decision.request
    model = request.version.model
    was = _standing(decision.document)

    def replay(effect: Effect, would_be: str, reasons: tuple[dict[str, str], ...] = ()) -> Replay:
        return Replay(str(request.pk), str(request.version), request.to_stage, effect, was, would_be, reasons)

    if not rules.selects.matches(risk_class=model.risk_class, tags=model.tags, model=model.slug):
        return replay(Effect.NOT_SELECTED, was)
    gate = gate_for(rules, request.from_stage, request.to_stage)
    if gate is None:
        words = f"The draft has no gate from {request.from_stage} to {request.to_stage}."
        reason = {"code": "no-gate", "subject": request.to_stage, "explanation": words}
        return replay(_effect(was, State.BLOCKED), State.BLOCKED, (reason,))
    verdict = _decide(gate, decision)
    would_be = str(state_after(verdict))
    return replay(_effect(was, would_be), would_be, tuple(reason.to_document() for reason in verdict.blocking))


_RANK = {State.REJECTED: 0, State.BLOCKED: 0, State.IN_REVIEW: 1, State.APPROVED: 2}


def _effect(was: str, would_be: str) -> Effect:
    """Blocked, waiting for reviews, approved: a step down is newly blocked, a step up released."""
    before, after = _RANK[State(was)], _RANK[State(would_be)]
    if before == after:
        return Effect.UNCHANGED
    return Effect.NEWLY_BLOCKED if after < before else Effect.RELEASED


def _standing(document: Mapping[str, Any]) -> str:
    """Where a request stood after a decision, from the signed document."""
    if document["decision"] == "open":
        return State.APPROVED
    codes = {reason["code"] for reason in document["blocking"]}
    if "review-rejected" in codes:
        return State.REJECTED
    return State.IN_REVIEW if codes <= {"quorum-missing"} else State.BLOCKED


def _decide(gate: Gate, decision: GateDecision) -> gates.Decision:
    request, then = decision.request, decision.decided_at
    round_number = decision.document["round"]
    version = request.version
    run = next(entry.run for entry in request.rounds.all() if entry.number == round_number)
    return gates.decide(
        gate,
        findings=list(_findings(gate.criteria, run.observations.all())),
        reviews=[_review(row) for row in request.reviews.all() if row.round == round_number and row.created_at <= then],
        waivers=[
            _waiver(row)
            for row in request.waivers.all()
            if row.round == round_number and hasattr(row, "decision") and row.decision.decided_at <= then
        ],
        circumstances=gates.Circumstances(
            requester=request.requested_by.pseudonym,
            version_author=version.created_by.pseudonym,
            run_author=version.run_author.pseudonym if version.run_author else "",
            withdrawn_inputs=_blocked_by(decision, "input-withdrawn"),
            incidents=_blocked_by(decision, "incident-open"),
        ),
        subject_digest=decision.subject_digest,
        now=then,
    )


def _blocked_by(decision: GateDecision, code: str) -> tuple[str, ...]:
    """What closed the gate for that reason when the decision was signed."""
    return tuple(reason["subject"] for reason in decision.document["blocking"] if reason["code"] == code)


def _findings(criteria: Iterable[Criterion], observations: Iterable[Observation]) -> Iterator[gates.FindingFact]:
    """The stored measurements, judged by these criteria. What was never measured has not been run."""
    measured = {observation.check_id: observation for observation in observations}
    by_check: dict[str, list[Criterion]] = defaultdict(list)
    for criterion in criteria:
        by_check[criterion.check].append(criterion)
    for check, judged in by_check.items():
        observation = measured.get(check)
        if observation is None:
            continue  # the gate says of itself that the criterion has not been judged
        status, measurement = ObservationStatus(observation.status), measurement_of(observation)
        error = (observation.document.get("error") or {}).get("message", "")
        for criterion in judged:
            judgement = judge(status, measurement, criterion, error=error)
            yield gates.FindingFact(
                criterion_id=criterion.id,
                outcome=judgement.outcome,
                explanation=judgement.explanation,
                measured_at=observation.measured_at,
                waivable=criterion.waivable and not criterion.prohibited,
            )


def _review(row: Review) -> gates.ReviewFact:
    """A review as it counted when it was signed: the verb had asked for the role."""
    return gates.ReviewFact(
        person=row.reviewer.pseudonym,
        role=row.role,
        verdict=gates.Verdict(row.verdict),
        subject_digest=row.subject_digest,
        at=row.created_at,
        round=row.round,
        eligible=True,
        on_behalf_of=row.delegation.delegator.pseudonym if row.delegation else "",
    )


def _waiver(row: Waiver) -> gates.WaiverFact:
    return gates.WaiverFact(
        criterion_id=row.criterion_id,
        granted=row.decision.granted,
        expires_at=row.expires_at,
        requested_by=row.requested_by.pseudonym,
        decided_by=row.decision.decided_by.pseudonym,
        decided_at=row.decision.decided_at,
    )
