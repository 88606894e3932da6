"""A legal reviewer classifies and signs; people answer for controls; the matrix says who owes what."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from audits.reports.parts import Claim, Verdict
from governance.errors import ProhibitedUseError, WrongCredentialError
from governance.law.classifications import assign_control, attest, classify_model, newest_classification
from governance.law.coverage import Row, coverage, roll_up
from governance.models import Attestation, Classification, PromotionRequest
from governance.promotions import request_promotion, rerun_checks
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.models import LedgerEntry, ModelVersion, Person
from tests.governance.law.test_classification_rules import PLAIN
from tests.people import PASSWORD, World
from tests.stories import gap, later, measure, result

HIGH = {**PLAIN, "annex_iii": ["5(b)"], "personal_data": True, "automated_decision": True}
TODAY = timezone.now().date()
CONTROL = "aia-14-1"


def classify(world: World, carla: Person, **changes: Any) -> Classification:
    given: dict[str, Any] = {"answers": HIGH, "reasons": "It scores loans.", "password": PASSWORD, **changes}
    return classify_model(actor=carla, model=world.model, **given)


def answer(world: World, who: Person, **changes: Any) -> Attestation:
    given: dict[str, Any] = {
        "control_id": CONTROL,
        "answer": "A nurse decides each case.",
        "expires_on": TODAY + timedelta(days=90),
        "password": PASSWORD,
        **changes,
    }
    return attest(actor=who, model=world.model, **given)


# -- Classifying ------------------------------------------------------------------------------------------------------
def test_a_classification_is_signed_recorded_and_drives_the_risk_class(world: World, carla: Person) -> None:
    made = classify(world, carla, answers=PLAIN)
    world.model.refresh_from_db()
    assert (made.outcome, world.model.risk_class) == ("minimal", "minimal")
    classify(world, carla)
    world.model.refresh_from_db()
    assert world.model.risk_class == "high"
    newest = newest_classification(world.model)
    assert newest is not None
    assert newest.printed_name == "Carla Conti"
    assert LedgerEntry.objects.filter(event="model.classified").count() == 2


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"password": "guess"}, WrongCredentialError),
        ({"reasons": " "}, InvalidInputError),
        ({"answers": {}}, InvalidInputError),
    ],
)
def test_a_classification_that_is_not_whole_is_refused_and_changes_nothing(
    world: World, carla: Person, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        classify(world, carla, **{"answers": PLAIN, **changes})
    world.model.refresh_from_db()
    assert world.model.risk_class == "high"
    assert not Classification.objects.exists()


def test_who_trains_models_does_not_classify_them(world: World, maya: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        classify(world, maya)
    assert LedgerEntry.objects.filter(event="action.refused").exists()


def test_a_prohibited_practice_is_promoted_nowhere(
    policy: object, world: World, version: ModelVersion, carla: Person, maya: Person
) -> None:
    classify(world, carla, answers={**PLAIN, "prohibited": ["a"]})
    with pytest.raises(ProhibitedUseError):
        request_promotion(actor=maya, version=version, to_stage="staging", reason="It is ready.")


# -- Answering --------------------------------------------------------------------------------------------------------
def test_only_the_owner_answers_for_a_control_that_was_assigned(
    world: World, carla: Person, rosa: Person, dora: Person
) -> None:
    assign_control(actor=carla, model=world.model, control_id=CONTROL, owner=rosa, due=TODAY)
    with pytest.raises(PermissionRefusedError, match="owed by Rosa Reyes"):
        answer(world, dora)
    made = answer(world, rosa)
    assert made.question.startswith("Design")
    assert LedgerEntry.objects.filter(event="control.attested").count() == 1


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"password": ""}, WrongCredentialError),
        ({"answer": ""}, InvalidInputError),
        ({"expires_on": TODAY}, InvalidInputError),
        ({"control_id": "aia-99-x"}, InvalidInputError),
        ({"control_id": "aia-10-5"}, InvalidInputError),
        ({"evidence_digest": "sha256:" + "0" * 64}, InvalidInputError),
    ],
)
def test_an_answer_that_is_not_whole_is_refused(
    world: World, rosa: Person, changes: dict[str, Any], error: type[Exception]
) -> None:
    with pytest.raises(error):
        answer(world, rosa, **changes)
    assert not Attestation.objects.exists()


def test_an_outsider_neither_answers_nor_owes(world: World, otto: Person, carla: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        answer(world, otto)
    with pytest.raises(InvalidInputError, match="may not answer"):
        assign_control(actor=carla, model=world.model, control_id=CONTROL, owner=otto, due=TODAY)


def test_nothing_is_due_in_the_past(world: World, carla: Person, rosa: Person) -> None:
    with pytest.raises(InvalidInputError, match="in the past"):
        assign_control(actor=carla, model=world.model, control_id=CONTROL, owner=rosa, due=date(2020, 1, 1))


# -- The matrix -------------------------------------------------------------------------------------------------------
def rows(version: ModelVersion, as_of: date = TODAY) -> dict[str, Row]:
    return {row.facts.id: row for row in coverage(version, as_of)}


def test_the_matrix_says_what_stands_and_who_owes_the_rest(
    world: World, in_review: PromotionRequest, carla: Person, rosa: Person
) -> None:
    version = in_review.version
    assert set(rows(version)) == {"aia-10-2-b", "aia-10-2-f"}
    classify(world, carla)
    measured = rows(version)["aia-10-2-f"]
    assert (measured.facts.verdict, measured.evidence, measured.owner) == (Verdict.SUPPORTS, ("selection-gap",), "")
    due = TODAY + timedelta(days=9)
    assign_control(actor=carla, model=world.model, control_id=CONTROL, owner=rosa, due=due)
    open_ = rows(version)[CONTROL]
    assert open_.facts.verdict in (Verdict.AWAITING_A_PERSON, Verdict.NOT_ASSESSED)
    assert (open_.owner, open_.due) == ("Rosa Reyes", due)


def test_a_signed_answer_stands_until_it_ends(
    world: World, in_review: PromotionRequest, carla: Person, rosa: Person
) -> None:
    classify(world, carla)
    made = answer(world, rosa)
    held = rows(in_review.version)[CONTROL]
    assert (held.facts.verdict, held.facts.claim) == (Verdict.SUPPORTS, Claim.HUMAN_JUDGEMENT)
    assert held.evidence == (f"attestation:{made.pk}",)
    ended = rows(in_review.version, made.expires_on)[CONTROL]
    assert (ended.facts.verdict, ended.evidence) == (Verdict.AWAITING_A_PERSON, ())
    assert "ended on" in ended.facts.why


def test_findings_classification_and_answers_are_those_of_the_day(
    world: World, in_review: PromotionRequest, carla: Person, rosa: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    version, due = in_review.version, TODAY + timedelta(days=30)
    assert coverage(version, TODAY - timedelta(days=1)) == ()
    before = rows(version)
    later(monkeypatch, days=2)
    classify(world, carla)
    assign_control(actor=carla, model=world.model, control_id=CONTROL, owner=rosa, due=due)
    assert rows(version) == before
    answered = TODAY + timedelta(days=2)
    assert rows(version, answered)[CONTROL].due == due
    later(monkeypatch, days=2)
    answer(world, rosa)
    rerun_checks(actor=in_review.requested_by, request=in_review, reason="new rows")
    in_review.refresh_from_db()
    measure(in_review, result(gap(0.5)))
    assert rows(version, answered)[CONTROL].evidence == ()
    assert rows(version, answered)["aia-10-2-f"].facts.verdict is Verdict.SUPPORTS
    now = rows(version, TODAY + timedelta(days=4))
    assert now[CONTROL].facts.verdict is Verdict.SUPPORTS
    assert now["aia-10-2-f"].facts.verdict is Verdict.DOES_NOT_SUPPORT


def test_a_check_that_failed_is_not_outvoted_by_an_answer(
    world: World, blocked: PromotionRequest, rosa: Person
) -> None:
    answer(world, rosa, control_id="aia-10-2-f")
    assert rows(blocked.version)["aia-10-2-f"].facts.verdict is Verdict.DOES_NOT_SUPPORT


@pytest.fixture
def blocked(asked: PromotionRequest) -> PromotionRequest:
    """The gap between the groups is far too wide."""
    return measure(asked, result(gap(0.5)))


def test_the_roll_up_counts_and_gives_no_share(world: World, in_review: PromotionRequest, carla: Person) -> None:
    classify(world, carla)
    found = coverage(in_review.version, TODAY)
    counts = roll_up(found)
    assert set(counts) == {"EU AI Act", "GDPR"}
    assert sum(sum(one.values()) for one in counts.values()) == len(found)
    assert all(isinstance(count, int) for one in counts.values() for count in one.values())
