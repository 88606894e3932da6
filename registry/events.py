"""Every event the ledger knows, in one closed vocabulary.

Named `<noun>.<what happened>`. A retired member stays listed and is never used again for something else.
"""

from __future__ import annotations

from enum import StrEnum


class Event(StrEnum):
    """What an entry tells. The facts that go with each are described in docs/ledger.md."""

    # registry
    MODEL_REGISTERED = "model.registered"
    VERSION_REGISTERED = "version.registered"
    ARTIFACT_STORED = "artifact.stored"
    DATASET_REGISTERED = "dataset.registered"
    DATASET_VERSION_REGISTERED = "dataset-version.registered"
    DATASET_CARD_WRITTEN = "dataset-card.written"
    DATASET_WITHDRAWN = "dataset-version.withdrawn"
    LINEAGE_RECEIVED = "lineage.received"
    RECALL_TOLD = "recall.told"
    RISK_ACCEPTED = "residual-risk.accepted"
    ALIAS_MOVED = "mlflow.alias-moved"
    STAGE_ASSIGNED = "stage.assigned"
    VERSION_DECOMMISSIONED = "version.decommissioned"
    STAGE_RETIRED = "stage.retired"
    STAGE_ROLLED_BACK = "stage.rolled-back"
    KEY_CREATED = "key.created"
    KEY_RETIRED = "key.retired"
    KEY_COMPROMISED = "key.compromised"
    PERSON_ERASURE_REQUESTED = "person.erasure-requested"
    PERMISSION_GRANTED = "permission.granted"
    PERMISSION_WITHDRAWN = "permission.withdrawn"
    PERSON_ERASED = "person.erased"
    ROW_CHANGED = "row.changed"
    # audits
    RUN_OPENED = "run.opened"
    OBSERVATION_RECORDED = "observation.recorded"
    RUN_CLOSED = "run.closed"
    REPORT_SEALED = "report.sealed"
    REPORT_READ = "report.read"
    REPORT_REPLAYED = "report.replayed"
    EXPLANATION_GIVEN = "explanation.given"
    # governance
    POLICY_DRAFTED = "policy.drafted"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_RETIRED = "policy.retired"
    POLICY_RECALLED = "policy.recalled"
    PROMOTION_REQUESTED = "promotion.requested"
    PROMOTION_RERUN = "promotion.rerun"
    PROMOTION_WITHDRAWN = "promotion.withdrawn"
    PROMOTION_COMPLETED = "promotion.completed"
    PROMOTION_MOVED = "promotion.moved"
    PROMOTION_REMINDED = "promotion.reminded"
    PROMOTION_ESCALATED = "promotion.escalated"
    PROMOTION_EXPIRED = "promotion.expired"
    CONDITION_MET = "condition.met"
    GLASS_BROKEN = "glass.broken"
    GLASS_REVIEWED = "glass.reviewed"
    DELEGATION_GIVEN = "delegation.given"
    DELEGATION_ENDED = "delegation.ended"
    AUTHENTICATOR_ENROLLED = "authenticator.enrolled"
    AUTHENTICATOR_CONFIRMED = "authenticator.confirmed"
    AUTHENTICATOR_RETIRED = "authenticator.retired"
    REVIEW_RECORDED = "review.recorded"
    WAIVER_REQUESTED = "waiver.requested"
    WAIVER_GRANTED = "waiver.granted"
    WAIVER_REFUSED = "waiver.refused"
    GATE_DECIDED = "gate.decided"
    MODEL_CLASSIFIED = "model.classified"
    CONTROL_ASSIGNED = "control.assigned"
    CONTROL_ATTESTED = "control.attested"
    INCIDENT_REPORTED = "incident.reported"
    INCIDENT_CLOSED = "incident.closed"
    ACTION_REFUSED = "action.refused"
    TOKEN_ISSUED = "token.issued"  # noqa: S105  (the name of an event)
    TOKEN_REVOKED = "token.revoked"  # noqa: S105  (the name of an event)
    ROLE_GRANTED = "role.granted"
    ROLE_WITHDRAWN = "role.withdrawn"
