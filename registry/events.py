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
    DATASET_WITHDRAWN = "dataset-version.withdrawn"
    STAGE_ASSIGNED = "stage.assigned"
    KEY_CREATED = "key.created"
    PERSON_ERASED = "person.erased"
    # audits
    RUN_OPENED = "run.opened"
    OBSERVATION_RECORDED = "observation.recorded"
    RUN_CLOSED = "run.closed"
    REPORT_SEALED = "report.sealed"
    REPORT_READ = "report.read"
    # governance
    POLICY_DRAFTED = "policy.drafted"
    POLICY_ACTIVATED = "policy.activated"
    POLICY_RETIRED = "policy.retired"
    POLICY_RECALLED = "policy.recalled"
    PROMOTION_REQUESTED = "promotion.requested"
    PROMOTION_RERUN = "promotion.rerun"
    PROMOTION_WITHDRAWN = "promotion.withdrawn"
    PROMOTION_COMPLETED = "promotion.completed"
    REVIEW_RECORDED = "review.recorded"
    WAIVER_REQUESTED = "waiver.requested"
    WAIVER_GRANTED = "waiver.granted"
    WAIVER_REFUSED = "waiver.refused"
    GATE_DECIDED = "gate.decided"
    ACTION_REFUSED = "action.refused"
    TOKEN_ISSUED = "token.issued"
    TOKEN_REVOKED = "token.revoked"
    ROLE_GRANTED = "role.granted"
    ROLE_WITHDRAWN = "role.withdrawn"
