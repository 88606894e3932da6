"""How a review is signed: by the reviewer's security key over the whole statement, or by password and code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from governance.access.reviewers import delegation_for
from governance.errors import ServiceAccountError, WrongCredentialError
from governance.models import PromotionRequest
from governance.signatures import security_keys, statements
from governance.signatures.credentials import prove, require_patience
from registry import ledger
from registry.models import Person

STATEMENT = "assay.review/1"


@dataclass(frozen=True, slots=True)
class NewCondition:
    """What an approval shall depend on, and by when it must be met."""

    text: str
    due_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewWords:
    """What one person says of one request: everything that their signature covers."""

    verdict: str
    role: str
    meaning: str
    reason: str
    subject_digest: str
    conditions: Sequence[NewCondition] = ()

    def facts(self, commit: Callable[[str], str]) -> dict[str, Any]:
        """As the ledger and the signed statement tell it: free text by its commitment."""
        return {
            "verdict": self.verdict,
            "role": self.role,
            "meaning": self.meaning,
            "subject_digest": self.subject_digest,
            "reason": commit(self.reason),
            "conditions": [
                {"due_at": ledger.utc_text(entry.due_at), "text": commit(entry.text)} for entry in self.conditions
            ],
        }


@dataclass(frozen=True, slots=True)
class Proof:
    """How the reviewer proved to be themselves; `signed` is set for a security key."""

    method: str
    signed: security_keys.Signed | None = None

    @property
    def facts(self) -> dict[str, str]:
        """What the ledger tells of it."""
        if self.signed is None:
            return {"method": self.method}
        return {"method": self.method, "statement": self.signed.digest, "key": self.signed.key.key_id}


def review_options(*, actor: Person, request: PromotionRequest, words: ReviewWords) -> dict[str, Any]:
    """What the browser asks the reviewer's security key; the statement is kept for minutes, to be signed once.

    Raises WrongCredentialError without a key in use, RoleNotHeldError.
    """
    return security_keys.signing_options(actor, _statement(actor, request, words))


def prove_reviewer(
    actor: Person, request: PromotionRequest, words: ReviewWords, *, password: str, otp: str, assertion: str
) -> Proof:
    """By the security key where an assertion is given; else by password and code, as `credentials.prove` asks.

    Whoever has a security key in use may fall back to the password and the code of an authenticator together: a stolen
    password alone signs nothing. Raises ServiceAccountError, TooManyAttemptsError, WrongCredentialError.
    """
    if not assertion:
        if security_keys.in_use(actor) and not (password and otp):
            raise WrongCredentialError(
                "Sign with your security key; or give your password and the code of your authenticator.", field="otp"
            )
        return Proof(prove(actor, password=password, otp=otp))
    if actor.is_service:
        raise ServiceAccountError("A service account cannot sign; a human being must decide.")
    require_patience(actor)
    return Proof(security_keys.METHOD, security_keys.signed(actor, assertion, _statement(actor, request, words)))


def _statement(actor: Person, request: PromotionRequest, words: ReviewWords) -> statements.Write:
    delegation = delegation_for(actor, words.role, request)
    about = {
        "type": STATEMENT,
        "reviewer": actor.pseudonym,
        "on_behalf_of": delegation.delegator.pseudonym if delegation else None,
        "request": str(request.pk),
        "round": request.round,
        "artifact": request.version.artifact_digest,
        "to_stage": request.to_stage,
    }

    def write(commit: Callable[[str], str]) -> Mapping[str, Any]:
        return {**about, **words.facts(commit)}

    return write
