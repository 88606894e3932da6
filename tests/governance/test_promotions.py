from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from audits.measurements import ObservationStatus
from audits.sandbox import ObservationResult
from governance.access.roles import group_for
from governance.decisions import ask_gate
from governance.errors import (
    DoubleReviewError,
    GateClosedError,
    NoGateError,
    NoPolicyError,
    OpenRequestExistsError,
    RoleNotAskedError,
    RoleNotHeldError,
    SeparationOfDutiesError,
    ServiceAccountError,
    StaleSubjectError,
    WrongCredentialError,
    WrongStateError,
)
from governance.models import GateDecision, PolicyVersion, PromotionRequest, Review
from governance.models.access import Role
from governance.policy_versions import recall_policy
from governance.promotions import complete, record_review, request_promotion, rerun_checks, withdraw_request
from registry.datasets import withdraw_dataset_version
from registry.errors import ImmutableError, InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, ModelVersion, Person, StageAssignment
from registry.models.immutable import Record
from tests.people import PASSWORD, World
from tests.stories import approve, gap, measure, result

State = PromotionRequest.State


def refusals(code: str) -> list[LedgerEntry]:
    return [
        entry
        for entry in LedgerEntry.objects.filter(event="action.refused")
        if f'"code":"{code}"'.encode() in bytes(entry.body)
    ]


def test_a_fair_version_reviewed_by_two_people_reaches_its_stage(
    approved: PromotionRequest, mel: Person, version: ModelVersion
) -> None:
    assert approved.state == State.APPROVED
    assert ask_gate(version=version, stage="staging").is_open

    complete(actor=mel, request=approved)

    approved.refresh_from_db()
    assert approved.state == State.COMPLETED
    assert StageAssignment.objects.current().get(stage="staging").version == version
    assert ask_gate(version=version, stage="staging").is_open
    told = list(LedgerEntry.objects.values_list("event", flat=True))
    for event in ("promotion.requested", "run.closed", "review.recorded", "gate.decided", "stage.assigned"):
        assert event in told


def test_an_unfair_version_is_refused_for_a_reason_a_reviewer_understands(
    asked: PromotionRequest, version: ModelVersion
) -> None:
    blocked = measure(asked, result(gap(0.45)))

    assert blocked.state == State.BLOCKED
    answer = ask_gate(version=version, stage="staging")
    assert not answer.is_open
    (reason,) = [entry for entry in answer.blocking if entry["subject"] == "selection-gap"]
    assert "0.45" in reason["explanation"]
    assert "0.20" in reason["explanation"]


def test_an_undecided_measurement_blocks_like_a_failure(asked: PromotionRequest) -> None:
    assert measure(asked, result(gap(0.19, half=0.05))).state == State.BLOCKED


@pytest.mark.parametrize("status", [ObservationStatus.ERROR, ObservationStatus.TIMED_OUT, ObservationStatus.NOT_RUN])
def test_a_check_that_did_not_measure_blocks(asked: PromotionRequest, status: ObservationStatus) -> None:
    blocked = measure(asked, ObservationResult.failed(status, "child-killed", "The check was killed."))
    assert blocked.state == State.BLOCKED
    assert blocked.run.findings.get(criterion_id="selection-gap").outcome == status.value


# -- Asking -----------------------------------------------------------------------------------------------------------
def test_nobody_asks_without_a_role(policy: PolicyVersion, version: ModelVersion, otto: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        request_promotion(actor=otto, version=version, to_stage="staging", reason="please")
    assert len(refusals("permission-refused")) == 1


def test_a_superuser_without_a_role_is_nobody(policy: PolicyVersion, version: ModelVersion, ada: Person) -> None:
    assert ada.is_superuser
    with pytest.raises(PermissionRefusedError):
        request_promotion(actor=ada, version=version, to_stage="staging", reason="please")


def test_one_open_request_per_version_and_stage(asked: PromotionRequest, version: ModelVersion, maya: Person) -> None:
    with pytest.raises(OpenRequestExistsError):
        request_promotion(actor=maya, version=version, to_stage="staging", reason="again")


def test_there_is_no_way_around_a_stage(policy: PolicyVersion, version: ModelVersion, maya: Person) -> None:
    with pytest.raises(NoGateError):
        request_promotion(actor=maya, version=version, to_stage="production", reason="quickly")


def test_an_unknown_stage_is_named(policy: PolicyVersion, version: ModelVersion, maya: Person) -> None:
    with pytest.raises(InvalidInputError) as caught:
        request_promotion(actor=maya, version=version, to_stage="moon", reason="up")
    assert caught.value.field == "to_stage"
    assert "staging" in caught.value.problem


def test_without_a_policy_in_force_nothing_can_be_asked(version: ModelVersion, maya: Person) -> None:
    with pytest.raises(NoPolicyError):
        request_promotion(actor=maya, version=version, to_stage="staging", reason="please")


def test_withdrawn_data_cannot_be_promoted(
    policy: PolicyVersion, world: World, version: ModelVersion, maya: Person, dora: Person
) -> None:
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent was withdrawn")
    with pytest.raises(WrongStateError, match="patients/1"):
        request_promotion(actor=maya, version=version, to_stage="staging", reason="please")


# -- Reviewing --------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("who", "role", "changes", "error"),
    [
        ("otto", "model_validator", {}, RoleNotHeldError),
        ("ada", "model_validator", {}, RoleNotHeldError),
        ("dora", "data_protection_officer", {}, RoleNotAskedError),
        ("victor", "risk_officer", {}, RoleNotHeldError),
        ("victor", "model_validator", {"password": "wrong"}, WrongCredentialError),
        ("victor", "model_validator", {"password": ""}, WrongCredentialError),
        ("victor", "model_validator", {"subject_digest": "sha256:" + "0" * 64}, StaleSubjectError),
        ("victor", "model_validator", {"reason": " "}, InvalidInputError),
        ("victor", "model_validator", {"verdict": "perhaps"}, InvalidInputError),
        ("victor", "model_validator", {"meaning": "rejected"}, InvalidInputError),
    ],
)
def test_a_review_is_refused(
    request: pytest.FixtureRequest,
    in_review: PromotionRequest,
    who: str,
    role: str,
    changes: dict[str, str],
    error: type[Exception],
) -> None:
    with pytest.raises(error) as caught:
        approve(in_review, request.getfixturevalue(who), role, **changes)
    assert not Review.objects.exists()
    assert len(refusals(caught.value.code)) == 1  # type: ignore[attr-defined]


def test_the_requester_cannot_approve_even_with_the_role(in_review: PromotionRequest, maya: Person) -> None:
    maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    with pytest.raises(SeparationOfDutiesError):
        approve(in_review, maya, "model_validator")


def test_a_service_account_cannot_review(in_review: PromotionRequest, pia: Person) -> None:
    pia.groups.add(group_for(Role.MODEL_VALIDATOR))
    with pytest.raises(ServiceAccountError):
        approve(in_review, pia, "model_validator")


def test_a_person_counts_once_a_round(in_review: PromotionRequest, victor: Person) -> None:
    approve(in_review, victor, "model_validator")
    with pytest.raises(DoubleReviewError):
        approve(in_review, victor, "model_validator")


def test_one_person_in_two_roles_does_not_fill_two_seats(in_review: PromotionRequest, victor: Person) -> None:
    victor.groups.add(group_for(Role.RISK_OFFICER))
    approve(in_review, victor, "model_validator")
    with pytest.raises(DoubleReviewError):
        approve(in_review, victor, "risk_officer")
    in_review.refresh_from_db()
    assert in_review.state == State.IN_REVIEW


def test_one_rejection_ends_the_request(in_review: PromotionRequest, victor: Person, rosa: Person) -> None:
    approve(in_review, victor, "model_validator", verdict="reject", meaning="rejected")
    in_review.refresh_from_db()
    assert in_review.state == State.REJECTED
    with pytest.raises(WrongStateError):
        approve(in_review, rosa, "risk_officer")


def test_a_blocked_request_cannot_be_approved(asked: PromotionRequest, victor: Person) -> None:
    blocked = measure(asked, result(gap(0.45)))
    with pytest.raises(WrongStateError):
        approve(blocked, victor, "model_validator")


def test_a_review_of_an_earlier_round_does_not_count(
    in_review: PromotionRequest, victor: Person, rosa: Person, maya: Person
) -> None:
    approve(in_review, victor, "model_validator")
    first_subject = in_review.subject_digest

    rerun_checks(actor=maya, request=in_review, reason="fresh evidence")
    in_review.refresh_from_db()
    second = measure(in_review)

    assert second.round == 2
    assert second.subject_digest != first_subject
    approve(second, rosa, "risk_officer")
    second.refresh_from_db()
    assert second.state == State.IN_REVIEW


# -- After the approval -----------------------------------------------------------------------------------------------
def test_a_reviewer_who_loses_the_role_closes_the_gate(
    approved: PromotionRequest, version: ModelVersion, victor: Person, mel: Person
) -> None:
    victor.groups.clear()
    assert not ask_gate(version=version, stage="staging").is_open
    with pytest.raises(GateClosedError):
        complete(actor=mel, request=approved)
    assert not StageAssignment.objects.exists()


def test_withdrawn_data_closes_the_gate_at_once(
    approved: PromotionRequest, world: World, version: ModelVersion, dora: Person
) -> None:
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="erasure request")
    answer = ask_gate(version=version, stage="staging")
    assert "input-withdrawn" in [entry["code"] for entry in answer.blocking]


def test_a_recalled_policy_closes_the_gate(
    approved: PromotionRequest, version: ModelVersion, policy: PolicyVersion, carla: Person
) -> None:
    recall_policy(actor=carla, policy_version=policy, password=PASSWORD, reason="the limit was a typing error")
    assert "policy-recalled" in [entry["code"] for entry in ask_gate(version=version, stage="staging").blocking]


def test_old_evidence_closes_the_gate(
    approved: PromotionRequest, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = timezone.now() + timedelta(days=31)
    monkeypatch.setattr("governance.decisions.timezone.now", lambda: later)
    codes = [entry["code"] for entry in ask_gate(version=version, stage="staging").blocking]
    assert "evidence-expired" in codes
    assert "decision-expired" in codes


@pytest.mark.parametrize("stage", ["production", "moon"])
def test_an_approval_for_one_stage_opens_no_other(
    approved: PromotionRequest, version: ModelVersion, stage: str
) -> None:
    assert not ask_gate(version=version, stage=stage).is_open


def test_another_version_is_not_approved_with_it(approved: PromotionRequest, world: World) -> None:
    assert not ask_gate(version=world.version(b"model two"), stage="staging").is_open


def test_an_unknown_version_is_closed() -> None:
    assert not ask_gate(version=None, stage="staging").is_open


def _forge(table: str, column: str, value: str) -> None:
    """What a database administrator can do: set the trigger aside and change the row."""
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")  # no ALTER TABLE while deferred checks are pending
            cursor.execute(f'ALTER TABLE {table} DISABLE TRIGGER "{table}_keep_row"')
        else:
            cursor.execute(f'DROP TRIGGER "{table}_keep_update"')
        cursor.execute(f"UPDATE {table} SET {column} = %s", [value])


@pytest.mark.parametrize(
    ("column", "value", "code"),
    [
        ("envelope", '{"payload": "", "payloadType": "x", "signatures": []}', "decision-unsigned"),
        ("digest", "sha256:" + "0" * 64, "decision-altered"),
        ("stage", "production", "decision-altered"),
    ],
)
def test_a_decision_forged_in_the_database_opens_nothing(
    approved: PromotionRequest, version: ModelVersion, column: str, value: str, code: str
) -> None:
    _forge("governance_gatedecision", column, value)
    answer = ask_gate(version=version, stage="production" if column == "stage" else "staging")
    assert not answer.is_open
    assert code in [entry["code"] for entry in answer.blocking]


def test_a_closed_decision_turned_open_in_the_database_stays_closed(
    asked: PromotionRequest, version: ModelVersion
) -> None:
    measure(asked, result(gap(0.45)))
    _forge("governance_gatedecision", "outcome", "open")
    assert not ask_gate(version=version, stage="staging").is_open


@pytest.mark.parametrize("state", State.values)
def test_no_state_is_written_by_hand(in_review: PromotionRequest, state: str) -> None:
    with pytest.raises(ImmutableError):
        PromotionRequest.objects.filter(pk=in_review.pk).update(state=state)
    in_review.state = state
    with pytest.raises(ImmutableError):
        in_review.save()
    with pytest.raises(IntegrityError, match="is held by the workflow"), transaction.atomic():
        PromotionRequest.objects.filter(pk=in_review.pk).moved(state=state)


def test_only_who_may_complete_completes(approved: PromotionRequest, otto: Person, victor: Person) -> None:
    for person in (otto, victor):
        with pytest.raises(PermissionRefusedError):
            complete(actor=person, request=approved)


def test_an_approval_is_used_once(approved: PromotionRequest, mel: Person) -> None:
    complete(actor=mel, request=approved)
    with pytest.raises(WrongStateError):
        complete(actor=mel, request=approved)


def test_a_withdrawn_request_is_over(in_review: PromotionRequest, maya: Person, victor: Person) -> None:
    withdraw_request(actor=maya, request=in_review, reason="not needed")
    with pytest.raises(WrongStateError):
        approve(in_review, victor, "model_validator")
    with pytest.raises(WrongStateError):
        withdraw_request(actor=maya, request=in_review, reason="again")


# -- The record -------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("model", [Review, GateDecision, StageAssignment, ModelVersion, LedgerEntry])
def test_records_refuse_change_in_python_and_in_sql(
    approved: PromotionRequest, mel: Person, model: type[Record]
) -> None:
    complete(actor=mel, request=approved)
    row = model.objects.first()
    assert row is not None
    with pytest.raises(ImmutableError):
        row.save()
    with pytest.raises(ImmutableError):
        row.delete()
    with pytest.raises(ImmutableError):
        model.objects.update(pk=row.pk)  # type: ignore[misc]
    with pytest.raises(ImmutableError):
        model.objects.all().delete()
    table, key = model._meta.db_table, model._meta.pk.column
    statements = [f"UPDATE {table} SET {key} = {key}", f"DELETE FROM {table}"]
    if connection.vendor == "sqlite":
        statements.append(f"INSERT OR REPLACE INTO {table} SELECT * FROM {table}")
    for statement in statements:
        with (
            pytest.raises(IntegrityError, match=r"is part of the record|is held by the workflow"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement.replace(f"SET {key} = {key}", f'SET "{key}" = "{key}"'))


def test_the_actor_cannot_be_named_by_the_caller(in_review: PromotionRequest, victor: Person) -> None:
    with pytest.raises(TypeError):
        record_review(  # type: ignore[call-arg]
            actor=victor,
            request=in_review,
            reviewer="vera",
            verdict="approve",
            role="model_validator",
            meaning="approved",
            reason="x",
            subject_digest=in_review.subject_digest,
            password=PASSWORD,
        )
