"""What a team needs on a bad day, done by the book: standing in, conditions, emergencies, warnings, going back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.utils import timezone

from governance import deadlines, stages
from governance.basis import basis_now
from governance.broken_glass import break_glass, review_broken_glass
from governance.decisions import ask_gate
from governance.delegations import delegate_role, end_delegation
from governance.errors import (
    BreakGlassRefusedError,
    DoubleReviewError,
    GateClosedError,
    NotWaivableError,
    WaiverRenewalError,
    WrongStateError,
)
from governance.models import Condition, Decommission, PolicyVersion, PromotionRequest, PromotionRound
from governance.models.access import Role
from governance.policy_versions import activate_policy, draft_policy
from governance.promotions import complete, request_promotion, rerun_checks
from governance.report_facts import waiver_facts
from governance.reviewers import reviewers_for
from governance.reviews import NewCondition, confirm_condition
from governance.roles import group_for
from governance.waivers import decide_waiver, request_waiver
from registry import work
from registry.datasets import withdraw_dataset_version
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, ModelVersion, Person, StageAssignment
from tests.people import PASSWORD, World
from tests.stories import POLICY, approve, gap, measure, result

State = PromotionRequest.State
WAIVERS = "    waivers: {allowed: true, max_days: 20}\n"


def rules(author: Person, activator: Person, *changes: tuple[str, str]) -> PolicyVersion:
    """House rules with changes, in force."""
    text = POLICY
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    version = draft_policy(actor=author, source=text)
    return activate_policy(actor=activator, policy_version=version, password=PASSWORD, reason="agreed")


def ask(maya: Person, version: ModelVersion) -> PromotionRequest:
    return request_promotion(actor=maya, version=version, to_stage="staging", reason="It is ready.")


def later(monkeypatch: pytest.MonkeyPatch, **delta: float) -> None:
    moment = timezone.now() + timedelta(**delta)
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)


def in_production(version: ModelVersion) -> bool:
    return StageAssignment.objects.current().filter(stage="staging", version=version).exists()


# -- Standing in ------------------------------------------------------------------------------------------------------
def away(delegator: Person, delegate: Person, **changes: Any) -> Any:
    facts: dict[str, Any] = {
        "role": Role.MODEL_VALIDATOR,
        "ends_at": timezone.now() + timedelta(days=7),
        "reason": "on leave",
        "password": PASSWORD,
    }
    return delegate_role(actor=delegator, delegate=delegate, **{**facts, **changes})


def test_a_delegate_reviews_in_their_own_name_and_fills_the_seat(
    in_review: PromotionRequest, victor: Person, otto: Person, rosa: Person
) -> None:
    away(victor, otto)
    review = approve(in_review, otto, "model_validator")
    assert review.printed_name == "Otto Olsen"
    assert review.delegation is not None
    assert review.delegation.delegator == victor
    approve(in_review, rosa, "risk_officer")
    in_review.refresh_from_db()
    assert in_review.state == State.APPROVED
    assert victor.pseudonym.encode() in bytes(LedgerEntry.objects.filter(event="review.recorded")[0].body)


def test_the_end_of_a_delegation_does_not_undo_what_was_reviewed(
    in_review: PromotionRequest, version: ModelVersion, victor: Person, otto: Person, rosa: Person
) -> None:
    delegation = away(victor, otto)
    approve(in_review, otto, "model_validator")
    approve(in_review, rosa, "risk_officer")
    end_delegation(actor=victor, delegation=delegation)
    assert ask_gate(version=version, stage="staging").is_open


def test_who_lost_the_role_has_nobody_speaking_for_them(
    in_review: PromotionRequest, version: ModelVersion, victor: Person, otto: Person, rosa: Person
) -> None:
    away(victor, otto)
    approve(in_review, otto, "model_validator")
    approve(in_review, rosa, "risk_officer")
    victor.groups.clear()
    assert not ask_gate(version=version, stage="staging").is_open


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"ends_at": timezone.now() + timedelta(days=61)}, "ends_at"),
        ({"ends_at": timezone.now() - timedelta(days=1)}, "ends_at"),
        ({"reason": " "}, "reason"),
    ],
)
def test_a_delegation_is_dated_and_reasoned(victor: Person, otto: Person, changes: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        away(victor, otto, **changes)
    assert caught.value.field == field


def test_a_delegation_that_is_over_is_not_ended_again(victor: Person, otto: Person, vera: Person) -> None:
    delegation = away(victor, otto)
    with pytest.raises(PermissionRefusedError):
        end_delegation(actor=vera, delegation=delegation)
    end_delegation(actor=otto, delegation=delegation)
    with pytest.raises(WrongStateError):
        end_delegation(actor=victor, delegation=delegation)


def test_a_delegation_for_one_model_holds_for_no_other(
    in_review: PromotionRequest, world: World, victor: Person, otto: Person
) -> None:
    away(victor, otto, model=world.model)
    assert [entry.person for entry in reviewers_for(in_review)["model_validator"]] == [victor, otto]


def test_who_may_review_leaves_out_the_concerned_and_who_has_reviewed(
    in_review: PromotionRequest, maya: Person, victor: Person, vera: Person, rosa: Person, otto: Person
) -> None:
    maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    away(maya, otto)
    approve(in_review, victor, "model_validator")
    possible = {role: [entry.person for entry in entries] for role, entries in reviewers_for(in_review).items()}
    assert possible == {"model_validator": [vera], "risk_officer": [rosa]}


# -- Conditions -------------------------------------------------------------------------------------------------------
def conditional(request: PromotionRequest, victor: Person, rosa: Person) -> Condition:
    due = NewCondition("Retrain with the new codes.", timezone.now() + timedelta(days=2))
    approve(request, victor, "model_validator", conditions=(due,))
    approve(request, rosa, "risk_officer")
    return Condition.objects.get()


def test_an_approval_on_a_condition_holds_until_it_falls_due(
    in_review: PromotionRequest, version: ModelVersion, victor: Person, rosa: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    condition = conditional(in_review, victor, rosa)
    answer = ask_gate(version=version, stage="staging")
    assert answer.is_open
    assert answer.valid_until == condition.due_at
    later(monkeypatch, days=2)
    assert "condition-unmet" in [entry["code"] for entry in ask_gate(version=version, stage="staging").blocking]


def test_a_condition_that_was_confirmed_holds_nothing_back(
    in_review: PromotionRequest,
    version: ModelVersion,
    victor: Person,
    vera: Person,
    rosa: Person,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    condition = conditional(in_review, victor, rosa)
    confirm_condition(actor=vera, condition=condition, evidence="run 14", password=PASSWORD)
    with pytest.raises(WrongStateError):
        confirm_condition(actor=victor, condition=condition, evidence="again", password=PASSWORD)
    later(monkeypatch, days=3)
    assert ask_gate(version=version, stage="staging").is_open


@pytest.mark.parametrize(
    ("verdict", "meaning", "text", "days"),
    [("reject", "rejected", "x", 1), ("approve", "approved", " ", 1), ("approve", "approved", "x", -1)],
)
def test_only_an_approval_has_conditions_and_they_lie_ahead(
    in_review: PromotionRequest, victor: Person, verdict: str, meaning: str, text: str, days: int
) -> None:
    due = NewCondition(text, timezone.now() + timedelta(days=days))
    with pytest.raises(InvalidInputError) as caught:
        approve(in_review, victor, "model_validator", verdict=verdict, meaning=meaning, conditions=(due,))
    assert caught.value.field == "conditions"


# -- Emergencies ------------------------------------------------------------------------------------------------------
GLASS = (WAIVERS, WAIVERS + "    break_glass: {allowed: true, max_hours: 8, review_days: 2}\n")


@pytest.fixture
def emergency(carla: Person, rosa: Person, maya: Person, version: ModelVersion) -> PromotionRequest:
    """A blocked request under a policy that knows emergencies."""
    rules(carla, rosa, GLASS)
    return measure(ask(maya, version), result(gap(0.45)))


def shatter(request: PromotionRequest, rosa: Person) -> Any:
    return break_glass(actor=rosa, request=request, justification="Patients wait.", hours=4, password=PASSWORD)


def test_an_emergency_puts_the_version_into_its_stage_and_says_so_everywhere(
    emergency: PromotionRequest, version: ModelVersion, rosa: Person, mel: Person
) -> None:
    broken = shatter(emergency, rosa)
    answer = ask_gate(version=version, stage="staging")
    assert answer.is_open
    assert answer.document()["break_glass"] is True
    assert {entry["code"] for entry in answer.overridden} == {"finding-not-satisfied", "quorum-missing"}
    assert answer.valid_until == broken.expires_at
    complete(actor=mel, request=emergency)
    assert in_production(version)
    assert LedgerEntry.objects.filter(event="glass.broken").count() == 1


def test_every_later_report_shows_the_emergency(
    emergency: PromotionRequest, version: ModelVersion, rosa: Person, victor: Person, mel: Person
) -> None:
    broken = shatter(emergency, rosa)
    review_broken_glass(
        actor=victor, broken=broken, upheld=True, role="model_validator", reason="right", password=PASSWORD
    )
    complete(actor=mel, request=emergency)
    (shown,) = [entry for entry in waiver_facts(basis_now(emergency)) if entry.break_glass]
    assert (shown.requested_by, shown.decided_by) == ("Rosa Reyes", "Victor Vance (upheld)")
    assert shown.justification == "Patients wait."
    assert shown.live


def test_two_others_look_at_it_and_one_objection_ends_it(
    emergency: PromotionRequest, version: ModelVersion, rosa: Person, victor: Person, vera: Person
) -> None:
    broken = shatter(emergency, rosa)
    facts = {"broken": broken, "role": "model_validator", "reason": "I looked.", "password": PASSWORD}
    review_broken_glass(actor=victor, upheld=True, **facts)
    with pytest.raises(DoubleReviewError):
        review_broken_glass(actor=victor, upheld=True, **facts)
    assert ask_gate(version=version, stage="staging").is_open
    review_broken_glass(actor=vera, upheld=False, **facts)
    assert not ask_gate(version=version, stage="staging").is_open


def test_an_emergency_that_nobody_upheld_in_time_ends(
    carla: Person, rosa: Person, maya: Person, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = "    break_glass: {allowed: true, max_hours: 168, review_days: 1}\n"
    rules(carla, rosa, (WAIVERS, WAIVERS + long))
    request = measure(ask(maya, version), result(gap(0.45)))
    break_glass(actor=rosa, request=request, justification="x", hours=100, password=PASSWORD)
    later(monkeypatch, hours=23)
    assert ask_gate(version=version, stage="staging").is_open
    later(monkeypatch, hours=1)
    assert not ask_gate(version=version, stage="staging").is_open


def test_an_emergency_is_not_prolonged(emergency: PromotionRequest, rosa: Person) -> None:
    shatter(emergency, rosa)
    with pytest.raises(WrongStateError):
        shatter(emergency, rosa)


def test_a_policy_without_emergencies_has_none(asked: PromotionRequest, rosa: Person) -> None:
    with pytest.raises(BreakGlassRefusedError):
        shatter(measure(asked, result(gap(0.45))), rosa)


# -- Gates that do not hold back --------------------------------------------------------------------------------------
@pytest.mark.parametrize("mode", ["warn", "dry-run"])
def test_a_gate_that_is_not_enforced_lets_pass_and_the_record_says_closed(
    carla: Person, rosa: Person, maya: Person, mel: Person, version: ModelVersion, mode: str
) -> None:
    rules(carla, rosa, (WAIVERS, f"{WAIVERS}    mode: {mode}\n"))
    request = measure(ask(maya, version), result(gap(0.45)))
    if mode == "warn":
        with pytest.raises(InvalidInputError):
            complete(actor=mel, request=request)
    complete(actor=mel, request=request, reason="We are still setting the limits.")
    assert in_production(version)
    answer = ask_gate(version=version, stage="staging").document()
    assert (answer["decision"], answer["mode"], answer["enforced"]) == ("closed", mode, False)
    assert "finding-not-satisfied" in [entry["code"] for entry in answer["blocking"]]


@pytest.mark.parametrize("mode", ["warn", "dry-run"])
def test_what_is_prohibited_holds_back_in_every_mode(
    carla: Person, rosa: Person, maya: Person, mel: Person, version: ModelVersion, mode: str
) -> None:
    prohibited = ("        waivable: true\n", "        prohibited_practice: true\n")
    rules(carla, rosa, (WAIVERS, f"{WAIVERS}    mode: {mode}\n"), prohibited)
    request = measure(ask(maya, version), result(gap(0.45)))
    with pytest.raises(GateClosedError, match="prohibited"):
        complete(actor=mel, request=request, reason="never mind")
    with pytest.raises(NotWaivableError):
        request_waiver(
            actor=maya,
            request=request,
            criterion_id="selection-gap",
            justification="x",
            compensating_control="y",
            expires_at=timezone.now() + timedelta(days=1),
        )


# -- Rounds -----------------------------------------------------------------------------------------------------------
def test_every_round_keeps_its_run_and_why_it_began(
    approved: PromotionRequest, maya: Person, dora: Person, world: World
) -> None:
    first = approved.run
    again = measure(rerun_checks(actor=maya, request=approved, reason="a newer library"))
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent was withdrawn")
    again.refresh_from_db()
    rounds = list(PromotionRound.objects.filter(request=approved))
    assert [(entry.number, entry.cause) for entry in rounds] == [
        (1, "requested"),
        (2, "rerun"),
        (3, "data_withdrawn"),
    ]
    assert rounds[0].run == first
    assert (again.state, again.round, again.subject_digest) == (State.AUDITING, 3, "")
    assert again.run == rounds[2].run


def test_a_waiver_can_be_had_again_in_a_new_round_only(asked: PromotionRequest, maya: Person, dora: Person) -> None:
    def wanted(request: PromotionRequest) -> Any:
        return request_waiver(
            actor=maya,
            request=request,
            criterion_id="selection-gap",
            justification="The register is being completed.",
            compensating_control="A nurse checks each call.",
            expires_at=timezone.now() + timedelta(days=10),
        )

    blocked = measure(asked, result(gap(0.45)))
    decide_waiver(
        actor=dora,
        waiver=wanted(blocked),
        granted=True,
        role="data_protection_officer",
        reason="short",
        password=PASSWORD,
    )
    with pytest.raises(WaiverRenewalError):
        wanted(blocked)
    assert wanted(measure(rerun_checks(actor=maya, request=blocked, reason="again"), result(gap(0.45)))).round == 2


# -- Going back, going out --------------------------------------------------------------------------------------------
@pytest.fixture
def two_versions(
    policy: PolicyVersion, world: World, maya: Person, victor: Person, rosa: Person, mel: Person
) -> list[ModelVersion]:
    """Version 1 was in staging, version 2 is."""
    versions = []
    for content in (b"model one", b"model two"):
        version = world.version(content)
        request = measure(ask(maya, version))
        approve(request, victor, "model_validator")
        approve(request, rosa, "risk_officer")
        complete(actor=mel, request=request)
        versions.append(version)
    return versions


def test_an_earlier_version_returns_in_one_verb(two_versions: list[ModelVersion], world: World, mel: Person) -> None:
    stages.roll_back(actor=mel, model=world.model, stage="staging", reason="Calls went to the wrong people.")
    assert in_production(two_versions[0])
    assert not in_production(two_versions[1])


def test_an_earlier_version_whose_gate_is_closed_does_not_return(
    two_versions: list[ModelVersion], world: World, mel: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    later(monkeypatch, days=31)
    with pytest.raises(GateClosedError):
        stages.roll_back(actor=mel, model=world.model, stage="staging", reason="x", to=1)
    assert in_production(two_versions[1])


def test_what_was_in_a_stage_at_any_moment_is_one_query(
    two_versions: list[ModelVersion], world: World, mel: Person, django_assert_num_queries: Any
) -> None:
    first, second = StageAssignment.objects.filter(stage="staging").order_by("sequence")
    stages.roll_back(actor=mel, model=world.model, stage="staging", reason="x")
    moments = [
        (first.assigned_at - timedelta(microseconds=1), None),
        (first.assigned_at, 1),
        (second.assigned_at - timedelta(microseconds=1), 1),
        (second.assigned_at, 2),
        (timezone.now(), 1),
    ]
    for moment, number in moments:
        with django_assert_num_queries(1):
            there = list(StageAssignment.objects.as_of(moment).filter(stage="staging").select_related("version"))
        assert [row.version.number for row in there if row.version] == ([] if number is None else [number])


def test_versions_stand_side_by_side_where_the_stage_is_not_exclusive(
    carla: Person, rosa: Person, victor: Person, maya: Person, mel: Person, world: World, ada: Person
) -> None:
    rules(carla, rosa, ("{name: staging, exclusive: true}", "{name: staging}"))
    versions = [world.version(content) for content in (b"one", b"two")]
    for version in versions:
        request = measure(ask(maya, version))
        approve(request, victor, "model_validator")
        approve(request, rosa, "risk_officer")
        complete(actor=mel, request=request)
    assert all(in_production(version) for version in versions)
    stages.retire_version(actor=carla, version=versions[0], stage="staging", reason="too old")
    assert [in_production(version) for version in versions] == [False, True]


def test_a_retired_stage_is_empty_and_a_version_is_retired_once(
    two_versions: list[ModelVersion], carla: Person, maya: Person
) -> None:
    with pytest.raises(PermissionRefusedError):
        stages.retire_version(actor=maya, version=two_versions[1], stage="staging", reason="x")
    stages.retire_version(actor=carla, version=two_versions[1], stage="staging", reason="no longer used")
    assert StageAssignment.objects.current().get(stage="staging").version is None
    assert not StageAssignment.objects.as_of(timezone.now()).exists()
    with pytest.raises(WrongStateError):
        stages.retire_version(actor=carla, version=two_versions[1], stage="staging", reason="again")


def test_a_decommissioned_version_is_out_everywhere_for_good(
    two_versions: list[ModelVersion], world: World, carla: Person, mel: Person
) -> None:
    newest = two_versions[1]
    stages.decommission_version(actor=carla, version=newest, reason="harm was found", password=PASSWORD)
    assert Decommission.objects.get().version == newest
    assert not in_production(newest)
    answer = ask_gate(version=newest, stage="staging")
    assert "version-decommissioned" in [entry["code"] for entry in answer.blocking]
    with pytest.raises(WrongStateError):
        stages.decommission_version(actor=carla, version=newest, reason="again", password=PASSWORD)
    stages.roll_back(actor=mel, model=world.model, stage="staging", reason="the one before")
    with pytest.raises(GateClosedError):
        stages.roll_back(actor=mel, model=world.model, stage="staging", reason="never", to=2)


def test_decommissioning_ends_what_was_asked_for(
    in_review: PromotionRequest, version: ModelVersion, carla: Person
) -> None:
    stages.decommission_version(actor=carla, version=version, reason="not needed", password=PASSWORD)
    in_review.refresh_from_db()
    assert in_review.state == State.WITHDRAWN


# -- Deadlines --------------------------------------------------------------------------------------------------------
def deadline(carla: Person, rosa: Person, maya: Person, version: ModelVersion, what: str) -> PromotionRequest:
    rules(carla, rosa, (WAIVERS, f"{WAIVERS}    review_deadline_days: 10\n    on_deadline: {what}\n"))
    for reviewer in (carla, rosa, maya):
        Person.objects.filter(pk=reviewer.pk).update(email=f"{reviewer.username}@example.org")
    return measure(ask(maya, version))


def told() -> list[str]:
    work.perform_all()
    return sorted(f"{letter.to[0]}: {letter.subject}" for letter in mail.outbox)


@pytest.fixture(autouse=True)
def _no_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """The observations of these stories are given; no worker measures them again."""
    monkeypatch.setattr("audits.performers.CheckPerformer.perform", lambda *_args: lambda: None)


def test_reviewers_are_reminded_once_at_half_time(
    carla: Person, rosa: Person, maya: Person, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    deadline(carla, rosa, maya, version, "escalate")
    later(monkeypatch, days=4, hours=23)
    assert deadlines.watch() == 0
    later(monkeypatch, hours=2)
    assert deadlines.watch() == 1
    assert deadlines.watch() == 0
    assert told() == ["rosa@example.org: Your review of care-priority/1 → staging is due"]
    assert "/promotions/" in mail.outbox[0].body
    assert LedgerEntry.objects.filter(event="promotion.reminded").count() == 1


def test_at_the_deadline_more_people_are_told_and_nothing_is_approved(
    carla: Person, rosa: Person, maya: Person, version: ModelVersion, monkeypatch: pytest.MonkeyPatch
) -> None:
    request = deadline(carla, rosa, maya, version, "escalate")
    later(monkeypatch, days=10)
    assert deadlines.watch() == 1
    assert deadlines.watch() == 0
    assert told() == [
        "maya@example.org: Reviews of care-priority/1 → staging are overdue",
        "rosa@example.org: Reviews of care-priority/1 → staging are overdue",
    ]
    request.refresh_from_db()
    assert request.state == State.IN_REVIEW
    with pytest.raises(WrongStateError):
        deadlines.expire_request(request=request)


def test_at_the_deadline_a_request_expires_where_the_policy_says_so(
    carla: Person,
    rosa: Person,
    victor: Person,
    maya: Person,
    version: ModelVersion,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    request = deadline(carla, rosa, maya, version, "expire")
    with pytest.raises(WrongStateError):
        deadlines.expire_request(request=request)
    later(monkeypatch, days=10)
    assert deadlines.watch() == 1
    request.refresh_from_db()
    assert request.state == State.EXPIRED
    assert request.ended_at is not None
    assert told() == ["maya@example.org: The request for care-priority/1 → staging expired"]
    with pytest.raises(WrongStateError):
        approve(request, victor, "model_validator")
    assert ask(maya, version).state == State.AUDITING


def test_without_a_deadline_nobody_is_hurried(in_review: PromotionRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    later(monkeypatch, days=300)
    assert deadlines.watch() == 0
