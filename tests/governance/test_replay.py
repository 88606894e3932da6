"""Random sequences of verbs: no state without its reviews, nothing opens by a bad finding or a lost review, and the
ledger alone tells the same story as the tables."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from audits.criteria import Outcome
from governance import replay, stages
from governance.access.roles import group_for
from governance.decisions import ask_gate, evaluate
from governance.gates import FindingFact
from governance.models import GateDecision, PromotionRequest, Review
from governance.models.access import Role
from governance.policy_versions import activate_policy, draft_policy
from governance.promotions import complete, request_promotion, rerun_checks, withdraw_request
from registry import ledger
from registry.datasets import withdraw_dataset_version
from registry.errors import AssayError
from registry.models import ModelVersion, StageAssignment
from registry.versions import register_model
from tests.people import PASSWORD, World, dataset_version, fair_rows, person
from tests.stories import POLICY, approve, gap, measure, result

State = PromotionRequest.State
PEOPLE = {
    "maya": (Role.DATA_SCIENTIST, Role.MODEL_VALIDATOR),
    "victor": (Role.MODEL_VALIDATOR,),
    "vera": (Role.MODEL_VALIDATOR, Role.RISK_OFFICER),
    "rosa": (Role.RISK_OFFICER,),
    "dora": (Role.DATA_PROTECTION_OFFICER,),
    "carla": (Role.COMPLIANCE_OFFICER,),
    "mel": (Role.ML_ENGINEER,),
    "otto": (),
}
NAMES = st.sampled_from(sorted(PEOPLE))
ROLES = st.sampled_from(["model_validator", "risk_officer", "data_protection_officer"])


class Workflow(RuleBasedStateMachine):
    """People do what they can think of, in any order; refusals are part of life."""

    def __init__(self) -> None:
        super().__init__()
        self.transaction = transaction.atomic()
        self.transaction.__enter__()
        self.requests: list[PromotionRequest] = []
        self.versions: list[ModelVersion] = []

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.transaction.__exit__(None, None, None)

    @initialize()
    def begin(self) -> None:
        self.people = {name: person(name, *roles) for name, roles in PEOPLE.items()}
        maya = self.people["maya"]
        model = register_model(
            actor=maya, slug="m", name="M", intended_purpose="x", risk_class="high", affected_persons="y"
        )
        self.world = World(model, dataset_version(maya, "d", fair_rows(60)), maya)
        self.versions = [self.world.version(content) for content in (b"1", b"2")]
        rules = draft_policy(actor=self.people["carla"], source=POLICY)
        activate_policy(actor=self.people["rosa"], policy_version=rules, password=PASSWORD)

    def tried(self, verb: Any, **facts: Any) -> Any:
        with suppress(AssayError):
            return verb(**facts)
        return None

    @rule(who=NAMES, number=st.integers(0, 1))
    def ask(self, who: str, number: int) -> None:
        request = self.tried(
            request_promotion,
            actor=self.people[who],
            version=self.versions[number],
            to_stage="staging",
            reason="x",
        )
        if request is not None:
            self.requests.append(request)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), value=st.sampled_from([0.05, 0.05, 0.05, 0.19, 0.45]))
    def checks_finish(self, data: st.DataObject, value: float) -> None:
        request = self._one(data)
        if request.state == State.AUDITING:
            measure(request, result(gap(value)))

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), who=NAMES, role=ROLES, verdict=st.sampled_from(["approve"] * 5 + list(Review.Verdict)))
    def review(self, data: st.DataObject, who: str, role: str, verdict: str) -> None:
        meaning = {"approve": "approved"}.get(verdict, "rejected")
        facts = {"reviewer": self.people[who], "role": role, "verdict": str(verdict), "meaning": meaning}
        self.tried(approve, request=self._one(data), **facts)

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), who=NAMES)
    def put_into_the_stage(self, data: st.DataObject, who: str) -> None:
        self.tried(complete, actor=self.people[who], request=self._one(data))

    @precondition(lambda self: self.requests)
    @rule(data=st.data(), who=NAMES, verb=st.sampled_from([rerun_checks, withdraw_request]))
    def go_back(self, data: st.DataObject, who: str, verb: Any) -> None:
        self.tried(verb, actor=self.people[who], request=self._one(data), reason="x")

    @rule(who=NAMES)
    def roll_back(self, who: str) -> None:
        self.tried(stages.roll_back, actor=self.people[who], model=self.world.model, stage="staging", reason="x")

    @rule(who=NAMES, role=st.sampled_from([Role.MODEL_VALIDATOR, Role.RISK_OFFICER]))
    def lose_a_role(self, who: str, role: Role) -> None:
        self.people[who].groups.remove(group_for(role))

    @rule(really=st.integers(0, 9))
    def withdraw_the_data(self, really: int) -> None:
        if really == 0:
            self.tried(
                withdraw_dataset_version, actor=self.people["dora"], version=self.world.evaluation, reason="consent"
            )

    def _one(self, data: st.DataObject) -> PromotionRequest:
        return PromotionRequest.objects.get(pk=data.draw(st.sampled_from(self.requests)).pk)

    # -- What holds at every moment -----------------------------------------------------------------------------------
    @invariant()
    def the_ledger_tells_the_same_story(self) -> None:
        assert replay.contradictions() == []

    @invariant()
    def no_approval_without_two_people_in_two_roles(self) -> None:
        for decision in GateDecision.objects.filter(outcome="open").select_related("request"):
            reviews = Review.objects.filter(
                request=decision.request, subject_digest=decision.subject_digest, verdict="approve"
            )
            by_role = {role: set(reviews.filter(role=role).values_list("reviewer", flat=True)) for role in ROLE_PAIR}
            first, second = by_role.values()
            assert first
            assert second
            assert len(first | second) >= 2
            assert decision.request.requested_by_id not in first | second

    @invariant()
    def every_version_in_a_stage_came_through_its_gate(self) -> None:
        for row in StageAssignment.objects.exclude(version=None):
            assert GateDecision.objects.filter(
                digest=row.decision_digest, outcome="open", version=row.version, stage=row.stage
            ).exists()
        assert StageAssignment.objects.current().filter(stage="staging", version__isnull=False).count() <= 1

    @invariant()
    def a_bad_finding_or_a_lost_review_never_opens(self) -> None:
        for request in self.requests:
            now = PromotionRequest.objects.get(pk=request.pk)
            answer = ask_gate(version=now.version, stage="staging")
            if not answer.is_open:
                continue
            for review in now.reviews.filter(round=now.round, verdict="approve"):
                assert review.subject_digest == now.subject_digest


ROLE_PAIR = ("model_validator", "risk_officer")


@pytest.mark.slow
@pytest.mark.usefixtures("db")
def test_no_sequence_of_verbs_gets_around_the_rules() -> None:
    before = ledger.size()
    run_state_machine_as_test(
        Workflow,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
    assert ledger.size() == before  # every example was rolled back


def test_removing_a_review_or_adding_a_bad_finding_closes(
    approved: PromotionRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The pure property is in test_gate_properties; here it holds through the database."""
    from governance import evaluation

    request = PromotionRequest.objects.get(pk=approved.pk)
    now = Review.objects.latest("created_at").created_at
    facts = evaluation._reviews(request)
    for left_out in range(len(facts)):
        rest = facts[:left_out] + facts[left_out + 1 :]
        with monkeypatch.context() as patch:
            patch.setattr(evaluation, "_reviews", lambda _request, rest=rest: rest)
            assert not evaluate(request, now).is_open
    bad = FindingFact(criterion_id="known-origin", outcome=Outcome.ERROR, explanation="x", measured_at=now)
    findings = [entry for entry in evaluation._findings(request) if entry.criterion_id != "known-origin"]
    monkeypatch.setattr(evaluation, "_findings", lambda _request: [*findings, bad])
    assert not evaluate(request, now).is_open


def test_a_row_changed_without_the_ledger_is_told(approved: PromotionRequest) -> None:
    assert replay.contradictions() == []
    with connection.cursor() as cursor:
        if connection.vendor == "postgresql":
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
            cursor.execute("ALTER TABLE governance_promotionrequest DISABLE TRIGGER USER")
        else:
            cursor.execute("DROP TRIGGER governance_promotionrequest_guard_update")
        cursor.execute("UPDATE governance_promotionrequest SET state = 'rejected'")
    (problem,) = replay.contradictions()
    assert "approved" in problem
    assert "rejected" in problem
