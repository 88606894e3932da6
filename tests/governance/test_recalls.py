"""Withdrawn data closes every gate behind it at once, its owners hear of it, and a person may answer for it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core import mail
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from audits.checks.lineage_completeness import LineageCompleteness, LineageParameters
from audits.runs import evidence_of
from governance.decisions import ask_gate
from governance.errors import (
    NotAffectedError,
    RoleNotHeldError,
    SeparationOfDutiesError,
    ServiceAccountError,
    WrongCredentialError,
)
from governance.models import GateDecision, PromotionRequest, PromotionRound
from governance.promotions import complete, request_promotion
from governance.recall_letters import letter
from governance.recalls import RecallPerformer, accept_risk
from registry import recalls
from registry.datasets import DatasetDescription, register_dataset_version, withdraw_dataset_version
from registry.errors import InvalidInputError
from registry.models import (
    DatasetVersion,
    DatasetWithdrawal,
    LedgerEntry,
    ModelVersion,
    Person,
    RiskAcceptance,
    StageAssignment,
    WorkItem,
)
from tests.people import COLUMNS, PASSWORD, World, dataset_version, person
from tests.stories import approve, measure

State = PromotionRequest.State


def withdrawn(actor: Person, data: DatasetVersion, kind: str = "consent") -> DatasetWithdrawal:
    return withdraw_dataset_version(actor=actor, version=data, reason="they asked", kind=kind)


def followed_up(withdrawal: DatasetWithdrawal) -> None:
    """What the worker does, without the checks it starts."""
    RecallPerformer().perform({"withdrawal": withdrawal.pk})()


def accepted(actor: Person, version: ModelVersion, withdrawal: DatasetWithdrawal, **changes: Any) -> RiskAcceptance:
    words: dict[str, Any] = {
        "role": "data_protection_officer",
        "justification": "Nobody can be singled out from the model.",
        "measures": "Retraining is planned for March.",
        "expires_at": timezone.now() + timedelta(days=20),
        "password": PASSWORD,
        **changes,
    }
    return accept_risk(actor=actor, version=version, withdrawal=withdrawal, **words)


def codes(version: ModelVersion) -> list[str]:
    return [reason["code"] for reason in ask_gate(version=version, stage="staging").blocking]


@pytest.fixture
def in_use(approved: PromotionRequest, mel: Person) -> PromotionRequest:
    """The version stands in staging."""
    complete(actor=mel, request=approved)
    approved.refresh_from_db()
    return approved


# -- The gate ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", DatasetWithdrawal.Kind.values)
def test_the_gate_is_closed_before_anybody_followed_up(
    in_use: PromotionRequest, version: ModelVersion, world: World, dora: Person, kind: str
) -> None:
    assert ask_gate(version=version, stage="staging").is_open
    withdrawn(dora, world.evaluation, kind)
    assert codes(version) == ["input-withdrawn"]


def test_a_kind_that_does_not_exist_withdraws_nothing(world: World, dora: Person) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        withdrawn(dora, world.evaluation, "mood")
    assert refusal.value.field == "kind"
    assert not DatasetWithdrawal.objects.exists()


class Anything(TestCase):
    """Withdrawing anything upstream never leaves a descendant without it being seen, whatever the graph."""

    @settings(max_examples=25, deadline=None)
    @given(st.data())
    def test_whatever_is_withdrawn_every_descendant_knows(self, data: st.DataObject) -> None:
        """Parents come before children, so any list of earlier parents is a history."""
        maya = person("maya-" + data.draw(st.uuids()).hex[:12], *_roles())
        count = data.draw(st.integers(2, 7))
        parents = [
            data.draw(st.sets(st.integers(0, index - 1), max_size=3)) if index else set() for index in range(count)
        ]
        made: list[DatasetVersion] = []
        for index in range(count):
            rows = [{"age": index, "bmi": 1, "sex": maya.username, "outcome": 0, "prediction": 0}]
            origin = [made[one] for one in parents[index]]
            made.append(dataset_version(maya, f"{maya.username}-{index}", rows, derived_from=origin))
        used = data.draw(st.integers(0, count - 1))
        world = World(_model(maya), made[used], maya)
        version = world.version(maya.username.encode())
        fallen = data.draw(st.integers(0, count - 1))
        withdrawn(maya, made[fallen])
        behind, waiting = set(), [used]
        while waiting:
            one = waiting.pop()
            behind.add(one)
            waiting += parents[one] - behind
        expected = (str(made[fallen]),) if fallen in behind else ()
        assert recalls.unaccepted(version, timezone.now()) == expected
        reached = {row.pk for row in recalls.affected_versions(made[fallen])}
        assert (version.pk in reached) == (fallen in behind)


def _roles() -> tuple[Any, ...]:
    from governance.models.access import Role

    return (Role.DATA_SCIENTIST, Role.DATA_PROTECTION_OFFICER)


def _model(owner: Person) -> Any:
    from registry.versions import register_model

    return register_model(actor=owner, slug=owner.username, name="m", intended_purpose="p", risk_class="high")


# -- The follow-up ----------------------------------------------------------------------------------------------------
def test_an_approved_request_is_measured_again_once(
    approved: PromotionRequest, world: World, version: ModelVersion, dora: Person
) -> None:
    withdrawal = withdrawn(dora, world.evaluation)
    assert WorkItem.objects.filter(key=f"recall:{withdrawal.pk}").exists()
    followed_up(withdrawal)
    followed_up(withdrawal)
    approved.refresh_from_db()
    assert (approved.state, approved.round) == (State.AUDITING, 2)
    assert PromotionRound.objects.filter(request=approved, cause="data_withdrawn").count() == 1
    measure(approved)
    assert approved.state == State.BLOCKED


def test_a_version_in_use_gets_a_signed_closed_decision_and_a_report_of_it(
    in_use: PromotionRequest, version: ModelVersion, world: World, dora: Person
) -> None:
    withdrawal = withdrawn(dora, world.evaluation)
    followed_up(withdrawal)
    followed_up(withdrawal)
    [decision, *earlier] = GateDecision.objects.filter(request=in_use)
    assert (decision.outcome, len(earlier)) == ("closed", 1)
    assert "patients/1 has been withdrawn" in decision.document["blocking"][0]["explanation"]
    assert WorkItem.objects.filter(key=f"report:{decision.pk}").exists()
    assert StageAssignment.objects.current().get().version == version  # taking it out of use is a person's decision


def test_owners_are_told_with_what_is_in_use(
    in_use: PromotionRequest, world: World, maya: Person, dora: Person
) -> None:
    maya.email = "maya@example.org"
    maya.save()
    withdrawal = withdrawn(dora, world.evaluation, "licence")
    followed_up(withdrawal)
    assert WorkItem.objects.filter(key=f"recall-letter:{withdrawal.pk}:{maya.pk}").exists()
    told = letter(withdrawal, maya)
    assert told.to == ["maya@example.org"]
    for words in (
        "patients/1 was withdrawn",
        "licence or agreement ended",
        "care-priority/1 in staging",
        "/datasets/patients",
    ):
        assert words in told.body
    told.send()
    assert len(mail.outbox) == 1
    entry = LedgerEntry.objects.filter(event="recall.told").latest("index")
    assert b'"deployments":1' in bytes(entry.body)
    assert b'"people_told":1' in bytes(entry.body)


def test_a_long_recall_hands_over_from_batch_to_batch(
    in_use: PromotionRequest, world: World, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("governance.recalls.BATCH", 1)
    withdrawal = withdrawn(dora, world.evaluation)
    followed_up(withdrawal)
    handed = WorkItem.objects.get(key=f"recall:{withdrawal.pk}:{in_use.pk}")
    assert not LedgerEntry.objects.filter(event="recall.told").exists()
    RecallPerformer().perform(handed.payload)()
    assert LedgerEntry.objects.filter(event="recall.told").count() == 1


def _clean(world: World) -> int | None:
    return recalls.clean_versions(world.evaluation).get(world.model.pk)


def test_the_way_out_names_a_later_version_that_is_clean(world: World, version: ModelVersion, maya: Person) -> None:
    assert _clean(world) is None
    other = dataset_version(maya, "others", [{"age": 1, "bmi": 2, "sex": "f", "outcome": 1, "prediction": 1}])
    world.version(b"model two", datasets={"evaluation": other})
    assert _clean(world) == 2


# -- Answering for it -------------------------------------------------------------------------------------------------
def test_dora_answers_and_the_gate_of_a_version_in_use_opens_until_then(
    in_use: PromotionRequest, version: ModelVersion, world: World, dora: Person
) -> None:
    withdrawal = withdrawn(dora, world.evaluation)
    followed_up(withdrawal)
    row = accepted(dora, version, withdrawal)
    answer = ask_gate(version=version, stage="staging")
    assert answer.is_open
    assert answer.valid_until == row.expires_at
    document = answer.require_decision().document
    assert "residual-risk-accepted" in [reason["code"] for reason in document["met"]]
    entry = LedgerEntry.objects.filter(event="residual-risk.accepted").latest("index")
    assert b"singled out" not in bytes(entry.body)


def test_an_open_request_is_measured_and_reviewed_anew(
    approved: PromotionRequest, version: ModelVersion, world: World, dora: Person, victor: Person, rosa: Person
) -> None:
    withdrawal = withdrawn(dora, world.evaluation)
    followed_up(withdrawal)
    approved.refresh_from_db()
    measure(approved)
    accepted(dora, version, withdrawal)
    approved.refresh_from_db()
    assert (approved.state, approved.round) == (State.AUDITING, 3)
    measure(approved)
    assert approved.state == State.IN_REVIEW
    approve(approved, victor, "model_validator")
    approve(approved, rosa, "risk_officer")
    assert ask_gate(version=version, stage="staging").is_open


def test_an_answer_ends_and_falls_with_the_role(
    in_use: PromotionRequest, version: ModelVersion, world: World, dora: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    withdrawal = withdrawn(dora, world.evaluation)
    followed_up(withdrawal)
    row = accepted(dora, version, withdrawal)
    groups = list(dora.groups.all())
    dora.groups.clear()
    assert "input-withdrawn" in codes(version)
    dora.groups.set(groups)
    assert ask_gate(version=version, stage="staging").is_open
    monkeypatch.setattr("django.utils.timezone.now", lambda: row.expires_at)
    assert "input-withdrawn" in codes(version)


def test_the_newest_answer_counts(in_use: PromotionRequest, version: ModelVersion, world: World, dora: Person) -> None:
    withdrawal = withdrawn(dora, world.evaluation)
    accepted(dora, version, withdrawal)
    sooner = accepted(dora, version, withdrawal, expires_at=timezone.now() + timedelta(days=2))
    assert ask_gate(version=version, stage="staging").valid_until == sooner.expires_at


def test_the_check_counts_no_withdrawal_that_somebody_answers_for(
    version: ModelVersion, world: World, dora: Person
) -> None:
    def counted() -> float | None:
        with evidence_of(version, seed=1) as evidence:
            [value] = LineageCompleteness().measure(evidence, LineageParameters()).of("withdrawn_inputs")
        return value.value

    withdrawal = withdrawn(dora, world.evaluation)
    assert counted() == 1
    accepted(dora, version, withdrawal)
    assert counted() == 0


def test_a_second_withdrawal_behind_the_same_version_needs_its_own_answer(
    in_use: PromotionRequest, version: ModelVersion, world: World, maya: Person, dora: Person
) -> None:
    register_dataset_version(
        actor=maya,
        dataset=world.evaluation.dataset,
        description=DatasetDescription(digest="sha256:" + "1" * 64, columns=COLUMNS),
    )
    first = withdrawn(dora, world.evaluation)
    other = withdrawn(dora, DatasetVersion.objects.get(number=2))
    with pytest.raises(NotAffectedError):
        accepted(dora, version, other)
    accepted(dora, version, first)
    assert ask_gate(version=version, stage="staging").is_open


@pytest.mark.parametrize(
    ("who", "changes", "error", "field"),
    [
        ("dora", {"password": "guess"}, WrongCredentialError, "password"),
        ("dora", {"role": "risk_officer"}, RoleNotHeldError, "role"),
        ("dora", {"justification": " "}, InvalidInputError, "justification"),
        ("dora", {"measures": ""}, InvalidInputError, "measures"),
        ("dora", {"expires_at": timezone.now() - timedelta(days=1)}, InvalidInputError, "expires_at"),
        ("dora", {"expires_at": timezone.now() + timedelta(days=400)}, InvalidInputError, "expires_at"),
        ("rosa", {}, RoleNotHeldError, "role"),
        ("maya", {}, RoleNotHeldError, "role"),
        ("otto", {}, RoleNotHeldError, "role"),
        ("ada", {}, RoleNotHeldError, "role"),
        ("pia", {}, ServiceAccountError, ""),
    ],
)
def test_who_may_not_answer_and_how_not(
    world: World,
    version: ModelVersion,
    dora: Person,
    request: pytest.FixtureRequest,
    who: str,
    changes: dict[str, Any],
    error: type[Exception],
    field: str,
) -> None:
    withdrawal = withdrawn(dora, world.evaluation)
    with pytest.raises(error) as refusal:
        accepted(request.getfixturevalue(who), version, withdrawal, **changes)
    if field != "password":
        assert refusal.value.field == field  # type: ignore[attr-defined]
    assert not RiskAcceptance.objects.exists()
    assert LedgerEntry.objects.filter(event="action.refused").exists()


def test_whoever_made_the_version_does_not_answer_for_it(
    world: World, version: ModelVersion, maya: Person, dora: Person
) -> None:
    maya.groups.add(Group.objects.get(role_group__role="data_protection_officer"))
    withdrawal = withdrawn(dora, world.evaluation)
    with pytest.raises(SeparationOfDutiesError):
        accepted(maya, version, withdrawal)


def test_with_an_answer_the_version_may_be_asked_for_again(
    policy: Any, world: World, version: ModelVersion, maya: Person, dora: Person
) -> None:
    accepted(dora, version, withdrawn(dora, world.evaluation))
    assert request_promotion(actor=maya, version=version, to_stage="staging", reason="under the answer").is_open
