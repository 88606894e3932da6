"""How states and events are said on a page: a shape, a word and a tone each, never colour alone."""

from __future__ import annotations

from dataclasses import dataclass

from audits.criteria import Outcome
from audits.health import Condition
from audits.measurements import ObservationStatus
from audits.reports.parts import Verdict
from audits.reports.tongue import ours
from audits.reports.wording import OUTCOMES
from governance.gates.emergencies import GlassStanding
from governance.models import PolicyStatusChange, PromotionRequest, Review
from governance.policies.diffs import Bearing

OK, BAD, WAIT, QUIET = "ok", "bad", "wait", "quiet"


@dataclass(frozen=True, slots=True)
class Badge:
    """A state as people see it. `tone` chooses the colour, `shape` says the same without colour."""

    shape: str
    word: str
    tone: str = QUIET


_State = PromotionRequest.State
_TONES = {
    Outcome.SATISFIED: OK,
    Outcome.NOT_SATISFIED: BAD,
    Outcome.INCONCLUSIVE: WAIT,
    Outcome.ERROR: BAD,
    Outcome.TIMED_OUT: BAD,
    Outcome.NOT_RUN: BAD,
}

_STATES = {
    _State.AUDITING: Badge("◔", "checks running", QUIET),
    _State.BLOCKED: Badge("◆", "blocked by findings", BAD),
    _State.IN_REVIEW: Badge("○", "waiting for reviews", WAIT),
    _State.APPROVED: Badge("●", "approved", OK),
    _State.COMPLETED: Badge("●", "in its stage", OK),
    _State.REJECTED: Badge("×", "rejected", BAD),
    _State.WITHDRAWN: Badge("–", "withdrawn", QUIET),
    _State.EXPIRED: Badge("–", "expired", QUIET),
}
_OUTCOMES = {outcome.value: Badge(*OUTCOMES[outcome], tone) for outcome, tone in _TONES.items()}
_STATUSES = {
    ObservationStatus.MEASURED.value: Badge("●", "measured", OK),
    ObservationStatus.ERROR.value: Badge("×", "error", BAD),
    ObservationStatus.TIMED_OUT.value: Badge("×", "timed out", BAD),
    ObservationStatus.NOT_RUN.value: Badge("×", "not run", BAD),
}
_VERDICTS = {
    Review.Verdict.APPROVE: Badge("●", "approves", OK),
    Review.Verdict.REJECT: Badge("×", "rejects", BAD),
    Review.Verdict.REQUEST_CHANGES: Badge("◆", "asks for changes", BAD),
    Review.Verdict.ABSTAIN: Badge("–", "abstains", QUIET),
    Review.Verdict.COMMENT: Badge("○", "comments", QUIET),
}
_POLICY = {
    PolicyStatusChange.Status.DRAFT: Badge("○", "draft", WAIT),
    PolicyStatusChange.Status.ACTIVE: Badge("●", "in force", OK),
    PolicyStatusChange.Status.RETIRED: Badge("–", "retired", QUIET),
    PolicyStatusChange.Status.RECALLED: Badge("×", "recalled", BAD),
}
_GATES = {"open": Badge("●", "open", OK), "closed": Badge("◆", "closed", BAD)}
_RISKS = {
    "high": Badge("▲", "high risk", WAIT),
    "limited": Badge("△", "limited risk"),
    "minimal": Badge("○", "minimal risk"),
}

_HEALTH = {
    Condition.SELF_TEST_FAILED.value: Badge("×", "self-test failed", BAD),
    Condition.NEVER_MEASURED.value: Badge("×", "never measured", BAD),
    Condition.ALWAYS_FAILED.value: Badge("◆", "always failed", WAIT),
    Condition.NEVER_FAILED.value: Badge("○", "never failed", WAIT),
    Condition.NEVER_RAN.value: Badge("–", "never ran", QUIET),
    Condition.TOO_EARLY.value: Badge("◔", "too early to tell", QUIET),
    Condition.ALIVE.value: Badge("●", "alive", OK),
}
_BEARINGS = {
    Bearing.STRICTER: Badge("▲", "stricter", OK),
    Bearing.LOOSER: Badge("▼", "looser", BAD),
    Bearing.OTHER: Badge("○", "other", QUIET),
}
_CONDITIONS = {
    "met": Badge("●", "met", OK),
    "open": Badge("○", "to be met", WAIT),
    "overdue": Badge("×", "overdue: closes the gate", BAD),
}
_GLASS = {
    GlassStanding.WAITING: Badge("!", "broken glass, others must look at it", BAD),
    GlassStanding.UPHELD: Badge("!", "broken glass, upheld by others", BAD),
    GlassStanding.OBJECTED: Badge("×", "broken glass, objected to", BAD),
    GlassStanding.OVERDUE: Badge("×", "broken glass, not looked at in time", BAD),
}

_CLASSES = {
    "prohibited": Badge("×", "prohibited", BAD),
    "high": Badge("▲", "high risk", WAIT),
    "limited": Badge("△", "limited risk"),
    "minimal": Badge("○", "minimal risk"),
}
_CLAIMS = {
    Verdict.SUPPORTS.value: Badge("●", Verdict.SUPPORTS.value, OK),
    Verdict.DOES_NOT_SUPPORT.value: Badge("×", Verdict.DOES_NOT_SUPPORT.value, BAD),
    Verdict.AWAITING_A_PERSON.value: Badge("○", Verdict.AWAITING_A_PERSON.value, WAIT),
    Verdict.NOT_ASSESSED.value: Badge("◔", Verdict.NOT_ASSESSED.value, QUIET),
    Verdict.NOT_APPLICABLE.value: Badge("–", Verdict.NOT_APPLICABLE.value, QUIET),
}

_FAMILIES = {
    "class": _CLASSES,
    "claim": _CLAIMS,
    "state": _STATES,
    "outcome": _OUTCOMES,
    "status": _STATUSES,
    "verdict": _VERDICTS,
    "policy": _POLICY,
    "gate": _GATES,
    "risk": _RISKS,
    "health": _HEALTH,
    "glass": _GLASS,
    "bearing": _BEARINGS,
    "condition": _CONDITIONS,
}


def badge(family: str, word: str) -> Badge:
    """The badge of a word. A word that nobody knows is shown as it is, without a claim."""
    return _FAMILIES[family].get(word, Badge("?", str(word)))  # type: ignore[attr-defined, no-any-return]


EVENTS = {
    "model.registered": "registered the model",
    "version.registered": "registered the version",
    "artifact.stored": "stored the file",
    "dataset.registered": "registered the dataset",
    "dataset-version.registered": "registered the dataset version",
    "dataset-version.withdrawn": "withdrew the data",
    "stage.assigned": "changed what is in the stage",
    "stage.retired": "took the version out of the stage",
    "stage.rolled-back": "brought an earlier version back",
    "version.decommissioned": "took the version out of use for good",
    "key.created": "created a key",
    "key.retired": "retired a key",
    "key.compromised": "declared a key compromised",
    "person.erasure-requested": "asked that a person be erased",
    "person.erased": "erased a person's name",
    "backup.made": "made a copy of the whole record",
    "backup.restored": "put a copy of the whole record back",
    "configuration.changed": "noted that the service runs with other settings",
    "dataset-card.written": "wrote what is known about the data",
    "fingerprints.received": "sent fingerprints of records",
    "fingerprints.removed": "removed fingerprints of records",
    "fingerprints.searched": "asked which models saw a record",
    "lineage.received": "delivered lineage",
    "recall.told": "told who is affected by withdrawn data",
    "residual-risk.accepted": "accepted the residual risk of withdrawn data",
    "row.changed": "changed a row",
    "model.classified": "classified the model",
    "control.assigned": "said who owes the answer to a control",
    "control.attested": "answered for a control",
    "mlflow.alias-moved": "moved an alias in MLflow",
    "session.opened": "signed in",
    "session.closed": "signed out",
    "session.refused": "refused a sign-in",
    "document.exported": "took a document out",
    "report.ordered": "ordered a report",
    "report.replayed": "measured the checks of a report again",
    "run.opened": "started the checks",
    "observation.recorded": "recorded a measurement",
    "run.closed": "closed the run and judged its findings",
    "report.sealed": "sealed the report",
    "report.read": "read a report",
    "explanation.given": "explained one decision",
    "policy.drafted": "drafted a policy version",
    "policy.activated": "put the policy version into force",
    "policy.retired": "retired the policy version",
    "policy.recalled": "recalled the policy version",
    "promotion.requested": "asked for the promotion",
    "promotion.rerun": "had the checks run again",
    "promotion.withdrawn": "withdrew the request",
    "promotion.completed": "put the version into its stage",
    "promotion.moved": "moved the request on",
    "promotion.reminded": "reminded the reviewers",
    "promotion.escalated": "told others that reviews are overdue",
    "promotion.expired": "ended the request: its reviews did not come in time",
    "condition.met": "confirmed that a condition is met",
    "glass.broken": "broke the glass: opened a closed gate",
    "glass.reviewed": "looked at the broken glass",
    "delegation.given": "let somebody else review in their role",
    "delegation.ended": "ended a delegation",
    "authenticator.enrolled": "enrolled an authenticator",
    "authenticator.confirmed": "confirmed somebody’s authenticator",
    "authenticator.retired": "retired an authenticator",
    "review.recorded": "signed a review",
    "waiver.requested": "asked for a waiver",
    "waiver.granted": "granted a waiver",
    "waiver.refused": "refused a waiver",
    "incident.reported": "reported an incident",
    "incident.closed": "closed an incident",
    "gate.decided": "decided the gate",
    "action.refused": "was refused",
    "token.issued": "issued a token",
    "token.revoked": "revoked a token",
    "permission.granted": "gave a group a permission",
    "permission.withdrawn": "took a permission from a group",
    "role.granted": "granted a role",
    "role.withdrawn": "withdrew a role",
}


def event_in_words(event: str) -> str:
    """What happened, as the end of a sentence that begins with a person."""
    return ours(EVENTS.get(event, event.replace(".", " ").replace("-", " ")))
