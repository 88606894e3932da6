"""The verbs on reviews: one person's signed decision, and the conditions it may set."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils import timezone

from governance import decisions
from governance.access.reviewers import delegation_for
from governance.errors import (
    DoubleReviewError,
    RoleNotAskedError,
    SeparationOfDutiesError,
    StaleSubjectError,
    WrongStateError,
)
from governance.evaluation import separation_problem
from governance.models import Condition, ConditionMet, Delegation, PromotionRequest, Review
from governance.moves import locked
from governance.refusals import recorded, subject_id
from governance.signatures.credentials import prove
from governance.signatures.reviews import NewCondition, Proof, ReviewWords, prove_reviewer
from registry import ledger
from registry.errors import InvalidInputError
from registry.events import Event
from registry.models import Person

State = PromotionRequest.State
Verdict = Review.Verdict
MOST_CONDITIONS = 20

#: What a signature may mean beside these verdicts; beside the others it means reviewed, or rejected as it stands.
_MEANINGS = {
    Verdict.APPROVE: (Review.Meaning.REVIEWED, Review.Meaning.APPROVED, Review.Meaning.RESPONSIBLE),
    Verdict.REJECT: (Review.Meaning.REJECTED,),
}


@recorded("request")
def record_review(  # noqa: PLR0913  (what is said, and the three ways to sign it)
    *,
    actor: Person,
    request: PromotionRequest,
    verdict: str,
    role: str,
    meaning: str,
    reason: str,
    subject_digest: str,
    password: str = "",
    otp: str = "",
    assertion: str = "",
    conditions: Sequence[NewCondition] = (),
) -> Review:
    """One person's signed decision on exactly what `subject_digest` names; an approval may set conditions.

    Raises WrongCredentialError, TooManyAttemptsError, ServiceAccountError, RoleNotHeldError, RoleNotAskedError,
    SeparationOfDutiesError, DoubleReviewError, StaleSubjectError, WrongStateError or InvalidInputError. The decision of
    the gate follows in the same transaction.
    """
    request = locked(request)
    words = ReviewWords(
        verdict=verdict,
        role=role,
        meaning=meaning,
        reason=reason,
        subject_digest=subject_digest,
        conditions=tuple(conditions),
    )
    proof = prove_reviewer(actor, request, words, password=password, otp=otp, assertion=assertion)
    _require_words(verdict, meaning, reason)
    _require_conditions(verdict, conditions)
    delegation = _require_voice(request, actor, words)
    review = _kept(request, actor, words, proof, delegation)
    decisions.advance(request)
    return review


def _require_voice(request: PromotionRequest, actor: Person, words: ReviewWords) -> Delegation | None:
    """The delegation through which the person speaks, None when it is their own role. Raises when they have no say."""
    delegation = delegation_for(actor, words.role, request)
    if words.role not in {quorum.role for quorum in request.gate.quorum}:
        raise RoleNotAskedError(f"The gate {request.gate_name} asks for no review as {words.role}.", field="role")
    _require_state(request, words.verdict, words.subject_digest)
    if words.verdict == Verdict.APPROVE:
        _require_distance(request, actor, delegation)
    if words.verdict != Verdict.COMMENT:
        _require_first(request, actor, delegation)
    return delegation


def _kept(
    request: PromotionRequest, actor: Person, words: ReviewWords, proof: Proof, delegation: Delegation | None
) -> Review:
    """The review with its ledger entry and its conditions."""
    entry = ledger.append(
        Event.REVIEW_RECORDED,
        subject=subject_id(request),
        actor=actor,
        facts={
            "round": request.round,
            "on_behalf_of": delegation.delegator.pseudonym if delegation else None,
            **words.facts(ledger.commit_text),
            **proof.facts,
        },
    )
    review = Review(
        request=request,
        round=request.round,
        reviewer=actor,
        printed_name=actor.printed_name,
        role=words.role,
        verdict=words.verdict,
        meaning=words.meaning,
        reason=words.reason,
        method=proof.method,
        assertion=proof.signed.papers if proof.signed else None,
        subject_digest=words.subject_digest,
        created_at=timezone.now(),
        delegation=delegation,
        entry=entry.index,
    )
    review.save()
    for condition in words.conditions:
        Condition(review=review, text=condition.text, due_at=condition.due_at).save()
    return review


@recorded("condition")
def confirm_condition(
    *, actor: Person, condition: Condition, evidence: str, password: str = "", otp: str = ""
) -> ConditionMet:
    """Somebody who reviews in the role that set the condition, and is not concerned, confirms that it is met.

    Raises WrongCredentialError, RoleNotHeldError, SeparationOfDutiesError, InvalidInputError, or WrongStateError when
    it was confirmed already. A condition that fell due can still be met: the gate opens again with it.
    """
    review = condition.review
    request = locked(review.request)
    method = prove(actor, password=password, otp=otp)
    delegation = delegation_for(actor, review.role, request)
    _require_distance(request, actor, delegation)
    if not evidence.strip():
        raise InvalidInputError("Say what shows that the condition is met.", field="evidence")
    if ConditionMet.objects.filter(condition=condition).exists():
        raise WrongStateError("This condition is confirmed already.")
    met = ConditionMet(
        condition=condition, evidence=evidence, confirmed_by=actor, method=method, confirmed_at=timezone.now()
    )
    met.save()
    ledger.append(
        Event.CONDITION_MET,
        subject=subject_id(request),
        actor=actor,
        facts={"condition": condition.pk, "method": method, "evidence": ledger.commit_text(evidence)},
    )
    decisions.decide_again(request)
    return met


def _require_state(request: PromotionRequest, verdict: str, subject_digest: str) -> None:
    if request.state not in (State.IN_REVIEW, State.BLOCKED):
        raise WrongStateError(f"The request is {request.get_state_display()}: there is nothing to review now.")
    if request.state == State.BLOCKED and verdict == Verdict.APPROVE:
        raise WrongStateError("Findings block this request; it cannot be approved while they stand.", field="verdict")
    if subject_digest != request.subject_digest:
        raise StaleSubjectError(
            f"You signed {subject_digest}, but {request.subject_digest} is in front of the gate. Read it again.",
            field="subject_digest",
        )


def _require_distance(request: PromotionRequest, actor: Person, delegation: Delegation | None) -> None:
    """Neither the person nor whoever they speak for may be concerned."""
    now = timezone.now()
    problem = separation_problem(request, actor, now)
    if not problem and delegation is not None and separation_problem(request, delegation.delegator, now):
        problem = "You stand in for somebody too close to this request; somebody else must approve it."
    if problem:
        raise SeparationOfDutiesError(problem)


def _require_first(request: PromotionRequest, actor: Person, delegation: Delegation | None) -> None:
    """A person counts once a round, and so does the voice of somebody who is away."""
    round_so_far = request.reviews.filter(round=request.round).exclude(verdict=Verdict.COMMENT)
    if round_so_far.filter(reviewer=actor).exists():
        raise DoubleReviewError("You have reviewed this round already; a person counts once.")
    if delegation is None:
        return
    heard = round_so_far.filter(delegation__delegator=delegation.delegator_id)
    if heard.exists() or round_so_far.filter(reviewer=delegation.delegator_id).exists():
        raise DoubleReviewError("The person you stand in for was heard in this round already.")


def _require_words(verdict: str, meaning: str, reason: str) -> None:
    if verdict not in Verdict.values:
        raise InvalidInputError(f"verdict is one of {', '.join(Verdict.values)}.", field="verdict")
    if meaning not in Review.Meaning.values:
        raise InvalidInputError(f"meaning is one of {', '.join(Review.Meaning.values)}.", field="meaning")
    if meaning not in _MEANINGS.get(Verdict(verdict), (Review.Meaning.REVIEWED, Review.Meaning.REJECTED)):
        raise InvalidInputError("The meaning of the signature contradicts the verdict.", field="meaning")
    if not reason.strip():
        raise InvalidInputError("Give the reason for your decision.", field="reason")


def _require_conditions(verdict: str, conditions: Sequence[NewCondition]) -> None:
    if conditions and verdict != Verdict.APPROVE:
        raise InvalidInputError("Only an approval has conditions.", field="conditions")
    if len(conditions) > MOST_CONDITIONS:
        raise InvalidInputError(f"An approval has {MOST_CONDITIONS} conditions at most.", field="conditions")
    now = timezone.now()
    for condition in conditions:
        if not condition.text.strip() or condition.due_at <= now:
            raise InvalidInputError("A condition says what must be done, and falls due after now.", field="conditions")
