"""Ways around the verbs, in SQL: the last line."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.models import (
    GateDecision,
    PromotionRequest,
    Review,
)
from governance.policy_versions import draft_policy
from governance.promotions import complete
from registry.models import LedgerEntry, Person, StageAssignment
from tests.governance.bypasses.scene import LAX, Attempts, Scene, must_be_refused
from tests.people import World
from tests.stories import approve

State = PromotionRequest.State
ATTEMPTS = Attempts()


def _hand_written(scene: Scene, decision: str, **changes: Any) -> StageAssignment:
    """A row as somebody would write it who has the database and not the verbs."""
    facts = {
        "model": scene.model,
        "stage": "staging",
        "sequence": 1,
        "version": scene.version,
        "decision_digest": decision,
        "assigned_by": scene.mel.pseudonym,
        "assigned_at": timezone.now(),
        "entry": 0,
    }
    return StageAssignment(**{**facts, **changes})


@ATTEMPTS("held-by-database", "SQL puts a version into a stage without any decision")
def _(scene: Scene) -> None:
    _hand_written(scene, "sha256:" + "0" * 64).save()


@ATTEMPTS("held-by-database", "SQL puts a version into a stage with the closed decision it got")
def _(scene: Scene) -> None:
    scene.blocked()
    _hand_written(scene, GateDecision.objects.get().digest).save()


@ATTEMPTS("held-by-database", "SQL puts an approved version into a stage without the ledger")
def _(scene: Scene) -> None:
    scene.approved()
    _hand_written(scene, GateDecision.objects.get(outcome="open").digest).save()


@ATTEMPTS("held-by-database", "SQL puts another version into a stage with a decision and an entry that exist")
def _(scene: Scene) -> None:
    assignment = complete(actor=scene.mel, request=scene.approved())
    other = World(scene.model, scene.world.evaluation, scene.mel).version(b"model two")
    _hand_written(scene, assignment.decision_digest, version=other, sequence=2, entry=assignment.entry).save()


@ATTEMPTS("held-by-database", "SQL repeats an assignment that was right once")
def _(scene: Scene) -> None:
    assignment = complete(actor=scene.mel, request=scene.approved())
    _hand_written(scene, assignment.decision_digest, sequence=2, entry=assignment.entry).save()


@ATTEMPTS("held-by-database", "SQL rewrites what was in a stage")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.approved())
    scene.sql("UPDATE registry_stageassignment SET version_id = NULL")


@ATTEMPTS("held-by-database", "SQL approves a request")
def _(scene: Scene) -> None:
    scene.sql("UPDATE governance_promotionrequest SET state = 'approved'")


@ATTEMPTS("held-by-database", "SQL completes an approved request without its stage")
def _(scene: Scene) -> None:
    scene.approved()
    scene.sql("UPDATE governance_promotionrequest SET state = 'completed', entry = entry + 1")


@ATTEMPTS("held-by-database", "SQL opens a request again that was rejected")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="reject", meaning="rejected")
    scene.sql("UPDATE governance_promotionrequest SET state = 'in_review', ended_at = NULL")


@ATTEMPTS("held-by-database", "SQL pins a kinder policy to an open request")
def _(scene: Scene) -> None:
    lax = draft_policy(actor=scene.carla, source=LAX)
    scene.sql("UPDATE governance_promotionrequest SET policy_version_id = %s", lax.pk)


@ATTEMPTS("held-by-database", "SQL makes somebody else the requester")
def _(scene: Scene) -> None:
    scene.sql("UPDATE governance_promotionrequest SET requested_by_id = %s", scene.otto.pk)


@ATTEMPTS("held-by-database", "SQL turns the round back to one that was approved")
def _(scene: Scene) -> None:
    scene.approved()
    scene.again()
    scene.sql("UPDATE governance_promotionrequest SET round = 1, state = 'approved'")


@ATTEMPTS("held-by-database", "SQL deletes a request")
def _(scene: Scene) -> None:
    scene.sql("DELETE FROM governance_promotionrequest")


def _forged_review(scene: Scene, reviewer: Person, **changes: Any) -> Review:
    facts = {
        "request": scene.request,
        "round": scene.request.round,
        "reviewer": reviewer,
        "printed_name": reviewer.printed_name,
        "role": "model_validator",
        "verdict": "approve",
        "meaning": "approved",
        "reason": "fine",
        "method": "password",
        "subject_digest": scene.request.subject_digest,
        "created_at": timezone.now(),
        "entry": LedgerEntry.objects.latest("index").index,
    }
    return Review(**{**facts, **changes})


@ATTEMPTS("held-by-database", "SQL forges a review")
def _(scene: Scene) -> None:
    scene.reviewing()
    _forged_review(scene, scene.victor).save()


@ATTEMPTS("held-by-database", "SQL forges a second review from the entry of the first")
def _(scene: Scene) -> None:
    real = approve(scene.reviewing(), scene.victor, "model_validator")
    _forged_review(scene, scene.vera, entry=real.entry).save()


@ATTEMPTS("held-by-database", "SQL turns a rejection into an approval")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="request_changes", meaning="reviewed")
    scene.sql("UPDATE governance_review SET verdict = 'approve'")


@ATTEMPTS("held-by-database", "SQL grants a waiver to who asked for it")
def _(scene: Scene) -> None:
    waiver = scene.waiver()
    scene.sql(
        "INSERT INTO governance_waiverdecision"
        " (waiver_id, granted, reason, decided_by_id, printed_name, role, method, decided_at, entry)"
        " VALUES (%s, %s, 'fine', %s, 'Maya', 'risk_officer', 'password', %s, 1)",
        waiver.pk,
        True,
        scene.maya.pk,
        timezone.now(),
    )


@ATTEMPTS("held-by-database", "SQL puts a policy into force for its author")
def _(scene: Scene) -> None:
    lax = draft_policy(actor=scene.carla, source=LAX)
    scene.sql(
        "INSERT INTO governance_policystatuschange (policy_version_id, status, changed_by_id, reason, changed_at)"
        " VALUES (%s, 'active', %s, '', %s)",
        lax.pk,
        scene.carla.pk,
        timezone.now(),
    )


@ATTEMPTS("held-by-database", "SQL makes a waiver last longer")
def _(scene: Scene) -> None:
    scene.granted()
    scene.sql("UPDATE governance_waiver SET expires_at = %s", timezone.now() + timedelta(days=900))


@ATTEMPTS("held-by-database", "SQL removes the refusal from the ledger")
def _(scene: Scene) -> None:
    scene.sql("DELETE FROM registry_ledgerentry")


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
