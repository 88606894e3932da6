"""Every way around the workflow that we know, by name. Each is refused with a stable code and the refusal recorded.

What goes around the verbs by SQL is refused by the database itself; nothing is left there that could write a record.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from guardian.shortcuts import assign_perm

from governance import enrolments, stages
from governance.broken_glass import break_glass, review_broken_glass
from governance.delegations import delegate_role, end_delegation
from governance.models import (
    Condition,
    GateDecision,
    PolicyVersion,
    PromotionRequest,
    Review,
    RoleGroup,
    Waiver,
)
from governance.models.access import Role
from governance.policy_versions import activate_policy, draft_policy, recall_policy
from governance.promotions import complete, request_promotion, rerun_checks, withdraw_request
from governance.reviews import NewCondition, confirm_condition
from governance.roles import group_for
from governance.waivers import decide_waiver, request_waiver
from registry.datasets import withdraw_dataset_version
from registry.errors import AssayError
from registry.models import LedgerEntry, ModelVersion, Person, RegisteredModel, StageAssignment
from tests.people import PASSWORD, World, dataset_version, fair_rows, person
from tests.stories import POLICY, approve, gap, measure, result

State = PromotionRequest.State
STRICT = POLICY.replace(
    "exclude: [requester, version_author]", "exclude: [requester, version_author, run_author]"
).replace(
    "    waivers: {allowed: true, max_days: 20}\n",
    "    waivers: {allowed: true, max_days: 20}\n    break_glass: {allowed: true, max_hours: 8, review_days: 2}\n",
)


@dataclass
class Scene:
    """The people, a version that Mel registered and Tom trained, and Maya's request for staging."""

    fixtures: pytest.FixtureRequest
    monkeypatch: pytest.MonkeyPatch
    version: ModelVersion
    request: PromotionRequest

    def __getattr__(self, name: str) -> Any:
        return self.fixtures.getfixturevalue(name)

    @property
    def model(self) -> RegisteredModel:
        return self.version.model

    def reviewing(self) -> PromotionRequest:
        """The checks found nothing wrong."""
        return measure(self.request)

    def blocked(self) -> PromotionRequest:
        """The checks found too wide a gap."""
        return measure(self.request, result(gap(0.45)))

    def again(self) -> PromotionRequest:
        """Maya has the checks run again: a new round."""
        self.request = rerun_checks(actor=self.maya, request=self.request, reason="again")
        return self.request

    def approved(self) -> PromotionRequest:
        """Victor and Rosa approved."""
        self.reviewing()
        approve(self.request, self.victor, "model_validator")
        approve(self.request, self.rosa, "risk_officer")
        self.request.refresh_from_db()
        return self.request

    def waiver(self, days: int = 10) -> Waiver:
        """Maya asked for a waiver of the gap."""
        return request_waiver(
            actor=self.maya,
            request=self.blocked() if self.request.state == State.AUDITING else self.request,
            criterion_id="selection-gap",
            justification="The register is being completed.",
            compensating_control="A nurse checks each call.",
            expires_at=timezone.now() + timedelta(days=days),
        )

    def granted(self) -> Waiver:
        """Dora granted it."""
        waiver = self.waiver()
        decide_waiver(
            actor=self.dora,
            waiver=waiver,
            granted=True,
            role=Role.DATA_PROTECTION_OFFICER,
            reason="short",
            password=PASSWORD,
        )
        self.request.refresh_from_db()
        return waiver

    def delegated(self, delegator: Person, delegate: Person, role: Role = Role.MODEL_VALIDATOR) -> Any:
        """`delegator` is away for a week."""
        return delegate_role(
            actor=delegator,
            delegate=delegate,
            role=role,
            ends_at=timezone.now() + timedelta(days=7),
            reason="on leave",
            password=PASSWORD,
        )

    def later(self, **delta: float) -> None:
        """The clock goes on, or back."""
        moment = timezone.now() + timedelta(**delta)
        self.monkeypatch.setattr("django.utils.timezone.now", lambda: moment)

    def sql(self, statement: str, *values: Any) -> None:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement, values)


@pytest.fixture
def scene(
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    world: World,
    carla: Person,
    rosa: Person,
    mel: Person,
) -> Scene:
    rules = draft_policy(actor=carla, source=STRICT)
    activate_policy(actor=rosa, policy_version=rules, password=PASSWORD, reason="agreed")
    tom = person("tom", Role.MODEL_VALIDATOR, full_name="Tom Trainer")
    author = World(world.model, world.evaluation, mel)
    version = author.version(run_author=tom)
    asked = request_promotion(
        actor=request.getfixturevalue("maya"), version=version, to_stage="staging", reason="It is ready."
    )
    return Scene(request, monkeypatch, version, asked)


ATTACKS: list[tuple[str, str, Callable[[Scene], None]]] = []
DATABASE = "database"
IN_PYTHON = ("immutable",)


def attack(code: str, name: str) -> Callable[[Callable[[Scene], None]], Callable[[Scene], None]]:
    def add(told: Callable[[Scene], None]) -> Callable[[Scene], None]:
        ATTACKS.append((name, code, told))
        return told

    return add


# -- Who reviews ------------------------------------------------------------------------------------------------------
@attack("separation-of-duties", "the requester approves")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    approve(scene.reviewing(), scene.maya, "model_validator")


@attack("separation-of-duties", "the requester approves through a group made for this model")
def _(scene: Scene) -> None:
    team = Group.objects.create(name="validators of care-priority")
    RoleGroup.objects.create(group=team, role=Role.MODEL_VALIDATOR)
    assign_perm("registry.review_promotion", team, scene.model)
    scene.maya.groups.add(team)
    approve(scene.reviewing(), scene.maya, "model_validator")


@attack("role-not-held", "a superuser without the role approves")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.ada, "model_validator")


@attack("role-not-held", "somebody holds the permission by themselves and not by a group")
def _(scene: Scene) -> None:
    scene.otto.user_permissions.add(Permission.objects.get(codename="review_promotion"))
    approve(scene.reviewing(), scene.otto, "model_validator")


@attack("role-not-held", "a group carries the role, without the permission")
def _(scene: Scene) -> None:
    team = Group.objects.create(name="validators in name")
    RoleGroup.objects.create(group=team, role=Role.MODEL_VALIDATOR)
    scene.otto.groups.add(team)
    approve(scene.reviewing(), scene.otto, "model_validator")


@attack("separation-of-duties", "the author of the version approves")
def _(scene: Scene) -> None:
    scene.mel.groups.add(group_for(Role.MODEL_VALIDATOR))
    approve(scene.reviewing(), scene.mel, "model_validator")


@attack("separation-of-duties", "the author of the training run approves")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), Person.objects.get(username="tom"), "model_validator")


@attack("double-review", "one person approves in two roles")
def _(scene: Scene) -> None:
    scene.victor.groups.add(group_for(Role.RISK_OFFICER))
    approve(scene.reviewing(), scene.victor, "model_validator")
    approve(scene.request, scene.victor, "risk_officer")


@attack("double-review", "one person approves twice")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator")
    approve(scene.request, scene.victor, "model_validator")


@attack("double-review", "one person abstains with a conflict of interest, and approves after all")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="abstain", meaning="reviewed")
    approve(scene.request, scene.victor, "model_validator")


@attack("gate-closed", "a role is removed after its holder voted")
def _(scene: Scene) -> None:
    scene.approved()
    scene.victor.groups.clear()
    complete(actor=scene.mel, request=scene.request)


@attack("gate-closed", "a reviewer's account is closed after the vote")
def _(scene: Scene) -> None:
    scene.approved()
    Person.objects.filter(pk=scene.victor.pk).update(is_active=False)
    complete(actor=scene.mel, request=scene.request)


@attack("role-not-held", "somebody who is no reviewer rejects")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.otto, "model_validator", verdict="reject", meaning="rejected")


@attack("role-not-asked", "a reviewer rejects in a role that the gate does not ask for")
def _(scene: Scene) -> None:
    role = "data_protection_officer"
    approve(scene.reviewing(), scene.dora, role, verdict="reject", meaning="rejected")


@attack("service-account", "a pipeline's account approves")
def _(scene: Scene) -> None:
    scene.pia.groups.add(group_for(Role.MODEL_VALIDATOR))
    approve(scene.reviewing(), scene.pia, "model_validator")


# -- Standing in for somebody -----------------------------------------------------------------------------------------
@attack("separation-of-duties", "a delegate of the requester approves")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    scene.delegated(scene.maya, scene.otto)
    approve(scene.reviewing(), scene.otto, "model_validator")


@attack("separation-of-duties", "a delegate of the requester approves in a role of their own")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    scene.delegated(scene.maya, scene.victor)
    approve(scene.reviewing(), scene.victor, "model_validator")


@attack("separation-of-duties", "the requester ends the delegation just before the delegate approves")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    delegation = scene.delegated(scene.maya, scene.victor)
    end_delegation(actor=scene.maya, delegation=delegation)
    approve(scene.reviewing(), scene.victor, "model_validator")


@attack("separation-of-duties", "a delegate of the version's author approves")
def _(scene: Scene) -> None:
    scene.mel.groups.add(group_for(Role.MODEL_VALIDATOR))
    scene.delegated(scene.mel, scene.otto)
    approve(scene.reviewing(), scene.otto, "model_validator")


@attack("double-review", "a delegate approves after the person they stand in for")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    approve(scene.reviewing(), scene.victor, "model_validator")
    approve(scene.request, scene.otto, "model_validator")


@attack("double-review", "two delegates of one person approve")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.delegated(scene.victor, scene.dora)
    approve(scene.reviewing(), scene.otto, "model_validator")
    approve(scene.request, scene.dora, "model_validator")


@attack("role-not-held", "a delegation has run out")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.reviewing()
    scene.later(days=8)
    approve(scene.request, scene.otto, "model_validator")


@attack("role-not-held", "the delegator lost the role")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.victor.groups.clear()
    approve(scene.reviewing(), scene.otto, "model_validator")


@attack("not-delegable", "a delegate passes the role on")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.delegated(scene.otto, scene.dora)


@attack("not-delegable", "a role is delegated to a pipeline")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.pia)


# -- What is signed, and with what ------------------------------------------------------------------------------------
@attack("wrong-credential", "somebody at an unattended browser approves without a password")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", password="")


@attack("wrong-credential", "somebody guesses the password")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", password="12345678")


@attack("too-many-attempts", "somebody keeps on guessing until it is right")
def _(scene: Scene) -> None:
    scene.reviewing()
    for guess in range(10):
        with pytest.raises(AssayError):
            approve(scene.request, scene.victor, "model_validator", password=f"guess {guess}")
    approve(scene.request, scene.victor, "model_validator")


@attack("separation-of-duties", "somebody confirms their own authenticator")
def _(scene: Scene) -> None:
    enrolment = enrolments.enrol_authenticator(actor=scene.ada, password=PASSWORD)
    enrolments.confirm_authenticator(actor=scene.ada, device=enrolment.device, code="000000", password=PASSWORD)


@attack("stale-subject", "the evidence was exchanged between reading and signing")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", subject_digest="sha256:" + "0" * 64)


@attack("stale-subject", "a review of an earlier round is handed in")
def _(scene: Scene) -> None:
    old = scene.reviewing().subject_digest
    measure(scene.again())
    approve(scene.request, scene.victor, "model_validator", subject_digest=old)


@attack("wrong-state", "a blocked request is approved")
def _(scene: Scene) -> None:
    approve(scene.blocked(), scene.victor, "model_validator")


@attack("wrong-state", "somebody votes before the checks are done")
def _(scene: Scene) -> None:
    approve(scene.request, scene.victor, "model_validator", subject_digest="")


@attack("wrong-state", "somebody votes after the request was rejected")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="reject", meaning="rejected")
    approve(scene.request, scene.rosa, "risk_officer")


@attack("wrong-state", "somebody votes after the request was withdrawn")
def _(scene: Scene) -> None:
    withdraw_request(actor=scene.maya, request=scene.reviewing(), reason="not needed")
    approve(scene.request, scene.victor, "model_validator")


# -- Passing without an approval --------------------------------------------------------------------------------------
@attack("wrong-state", "a request is completed before it is approved")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.reviewing())


@attack("permission-refused", "somebody completes who may only ask")
def _(scene: Scene) -> None:
    complete(actor=scene.maya, request=scene.approved())


@attack("wrong-state", "an approval is used twice")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.approved())
    complete(actor=scene.mel, request=scene.request)


@attack("no-gate", "a stage is skipped")
def _(scene: Scene) -> None:
    request_promotion(actor=scene.maya, version=scene.version, to_stage="production", reason="quickly")


@attack("request-open-already", "a second request is opened to find kinder reviewers")
def _(scene: Scene) -> None:
    request_promotion(actor=scene.maya, version=scene.version, to_stage="staging", reason="again")


@attack("gate-closed", "a version goes on whose data was withdrawn after the approval")
def _(scene: Scene) -> None:
    scene.approved()
    withdraw_dataset_version(actor=scene.dora, version=scene.world.evaluation, reason="consent was withdrawn")
    complete(actor=scene.mel, request=scene.request)


@attack("gate-closed", "an approval is used after its evidence has aged")
def _(scene: Scene) -> None:
    scene.approved()
    scene.later(days=31)
    complete(actor=scene.mel, request=scene.request)


@attack("gate-closed", "the clock is set back before the approval")
def _(scene: Scene) -> None:
    scene.approved()
    scene.later(hours=-1)
    complete(actor=scene.mel, request=scene.request)


# -- Policies ---------------------------------------------------------------------------------------------------------
LAX = STRICT.replace('at_most: "0.20"', 'at_most: "0.90"')


@attack("separation-of-duties", "a policy is put into force by its author")
def _(scene: Scene) -> None:
    activate_policy(actor=scene.carla, policy_version=draft_policy(actor=scene.carla, source=LAX), password=PASSWORD)


@attack("permission-refused", "the requester drafts a kinder policy")
def _(scene: Scene) -> None:
    draft_policy(actor=scene.maya, source=LAX)


@attack("wrong-state", "a kinder policy is put into force while the request is open")
def _(scene: Scene) -> None:
    scene.blocked()
    activate_policy(actor=scene.rosa, policy_version=draft_policy(actor=scene.carla, source=LAX), password=PASSWORD)
    approve(scene.request, scene.victor, "model_validator")


@attack("gate-closed", "an approval under a policy is used after the policy was recalled")
def _(scene: Scene) -> None:
    scene.approved()
    recall_policy(
        actor=scene.carla, policy_version=PolicyVersion.objects.get(), password=PASSWORD, reason="a typing error"
    )
    complete(actor=scene.mel, request=scene.request)


# -- Waivers ----------------------------------------------------------------------------------------------------------
def _grant(scene: Scene, waiver: Waiver, who: Person, role: Role) -> None:
    decide_waiver(actor=who, waiver=waiver, granted=True, role=role, reason="fine", password=PASSWORD)


@attack("separation-of-duties", "a waiver is granted by who asked for it")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.RISK_OFFICER))
    _grant(scene, scene.waiver(), scene.maya, Role.RISK_OFFICER)


@attack("separation-of-duties", "a waiver is granted by the version's author")
def _(scene: Scene) -> None:
    scene.mel.groups.add(group_for(Role.RISK_OFFICER))
    _grant(scene, scene.waiver(), scene.mel, Role.RISK_OFFICER)


@attack("role-not-held", "a waiver is granted by somebody who only reviews")
def _(scene: Scene) -> None:
    _grant(scene, scene.waiver(), scene.victor, Role.MODEL_VALIDATOR)


@attack("wrong-state", "a refused waiver is decided again")
def _(scene: Scene) -> None:
    waiver = scene.waiver()
    decide_waiver(
        actor=scene.dora,
        waiver=waiver,
        granted=False,
        role=Role.DATA_PROTECTION_OFFICER,
        reason="no",
        password=PASSWORD,
    )
    _grant(scene, waiver, scene.rosa, Role.RISK_OFFICER)


@attack("waiver-renewal", "a waiver is renewed silently while it lasts")
def _(scene: Scene) -> None:
    scene.granted()
    scene.waiver(days=20)


@attack("waiver-renewal", "a waiver is renewed silently after it ran out")
def _(scene: Scene) -> None:
    scene.granted()
    scene.later(days=11)
    scene.waiver(days=20)


@attack("invalid-input", "a waiver is asked for longer than the policy allows")
def _(scene: Scene) -> None:
    scene.waiver(days=21)


@attack("not-waivable", "a finding is waived that the policy does not let anybody waive")
def _(scene: Scene) -> None:
    request_waiver(
        actor=scene.maya,
        request=scene.blocked(),
        criterion_id="known-origin",
        justification="x",
        compensating_control="y",
        expires_at=timezone.now() + timedelta(days=1),
    )


@attack("stale-subject", "a waiver of an earlier round is granted")
def _(scene: Scene) -> None:
    waiver = scene.waiver()
    measure(scene.again(), result(gap(0.45)))
    _grant(scene, waiver, scene.dora, Role.DATA_PROTECTION_OFFICER)


@attack("gate-closed", "an approval is used after its waiver expired")
def _(scene: Scene) -> None:
    scene.granted()
    approve(scene.request, scene.victor, "model_validator")
    approve(scene.request, scene.rosa, "risk_officer")
    scene.later(days=11)
    complete(actor=scene.mel, request=scene.request)


# -- Conditions, emergencies, going back ------------------------------------------------------------------------------
@attack("gate-closed", "an approval is used although its condition fell due")
def _(scene: Scene) -> None:
    due = NewCondition("Retrain with the new codes.", timezone.now() + timedelta(days=2))
    approve(scene.reviewing(), scene.victor, "model_validator", conditions=(due,))
    approve(scene.request, scene.rosa, "risk_officer")
    scene.later(days=3)
    complete(actor=scene.mel, request=scene.request)


@attack("separation-of-duties", "the requester confirms the condition of an approval")
def _(scene: Scene) -> None:
    due = NewCondition("Retrain with the new codes.", timezone.now() + timedelta(days=2))
    approve(scene.reviewing(), scene.victor, "model_validator", conditions=(due,))
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    confirm_condition(actor=scene.maya, condition=Condition.objects.get(), evidence="done", password=PASSWORD)


def _break(scene: Scene, who: Person, hours: int = 4) -> Any:
    return break_glass(actor=who, request=scene.request, justification="Patients wait.", hours=hours, password=PASSWORD)


@attack("permission-refused", "the glass is broken by somebody without that permission")
def _(scene: Scene) -> None:
    scene.blocked()
    _break(scene, scene.victor)


@attack("invalid-input", "the glass is broken for longer than the policy allows")
def _(scene: Scene) -> None:
    scene.blocked()
    _break(scene, scene.rosa, hours=9)


@attack("break-glass-refused", "the glass is broken over withdrawn data")
def _(scene: Scene) -> None:
    scene.blocked()
    withdraw_dataset_version(actor=scene.dora, version=scene.world.evaluation, reason="consent was withdrawn")
    scene.request.refresh_from_db()
    measure(scene.request)
    _break(scene, scene.rosa)


@attack("separation-of-duties", "an emergency is upheld by who declared it")
def _(scene: Scene) -> None:
    scene.blocked()
    broken = _break(scene, scene.rosa)
    review_broken_glass(
        actor=scene.rosa, broken=broken, upheld=True, role=Role.RISK_OFFICER, reason="fine", password=PASSWORD
    )


@attack("gate-closed", "an emergency is used after it ended")
def _(scene: Scene) -> None:
    scene.blocked()
    _break(scene, scene.rosa)
    scene.later(hours=5)
    complete(actor=scene.mel, request=scene.request)


@attack("wrong-state", "a version is brought back to a stage in which it never was")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.approved())
    stages.roll_back(actor=scene.mel, model=scene.model, stage="staging", reason="why not", to=2)


# -- Around the verbs, in Python --------------------------------------------------------------------------------------
@attack("immutable", "queryset.update")
def _(scene: Scene) -> None:
    PromotionRequest.objects.filter(pk=scene.request.pk).update(state=State.APPROVED)


@attack("immutable", "bulk_update, as a list_editable form does")
def _(scene: Scene) -> None:
    scene.request.state = State.APPROVED
    PromotionRequest.objects.bulk_update([scene.request], ["state"])


@attack("immutable", "a raw save()")
def _(scene: Scene) -> None:
    scene.request.state = State.APPROVED
    scene.request.save(update_fields=["state"])


@attack("immutable", "an admin bulk action that deletes")
def _(scene: Scene) -> None:
    PromotionRequest.objects.all().delete()


@attack("immutable", "a review is changed after it was signed")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="request_changes", meaning="reviewed")
    Review.objects.update(verdict="approve")


# -- Around the verbs, in SQL -----------------------------------------------------------------------------------------
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


@attack(DATABASE, "SQL puts a version into a stage without any decision")
def _(scene: Scene) -> None:
    _hand_written(scene, "sha256:" + "0" * 64).save()


@attack(DATABASE, "SQL puts a version into a stage with the closed decision it got")
def _(scene: Scene) -> None:
    scene.blocked()
    _hand_written(scene, GateDecision.objects.get().digest).save()


@attack(DATABASE, "SQL puts an approved version into a stage without the ledger")
def _(scene: Scene) -> None:
    scene.approved()
    _hand_written(scene, GateDecision.objects.get(outcome="open").digest).save()


@attack(DATABASE, "SQL puts another version into a stage with a decision and an entry that exist")
def _(scene: Scene) -> None:
    assignment = complete(actor=scene.mel, request=scene.approved())
    other = World(scene.model, scene.world.evaluation, scene.mel).version(b"model two")
    _hand_written(scene, assignment.decision_digest, version=other, sequence=2, entry=assignment.entry).save()


@attack(DATABASE, "SQL repeats an assignment that was right once")
def _(scene: Scene) -> None:
    assignment = complete(actor=scene.mel, request=scene.approved())
    _hand_written(scene, assignment.decision_digest, sequence=2, entry=assignment.entry).save()


@attack(DATABASE, "SQL rewrites what was in a stage")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.approved())
    scene.sql("UPDATE registry_stageassignment SET version_id = NULL")


@attack(DATABASE, "SQL approves a request")
def _(scene: Scene) -> None:
    scene.sql("UPDATE governance_promotionrequest SET state = 'approved'")


@attack(DATABASE, "SQL completes an approved request without its stage")
def _(scene: Scene) -> None:
    scene.approved()
    scene.sql("UPDATE governance_promotionrequest SET state = 'completed', entry = entry + 1")


@attack(DATABASE, "SQL opens a request again that was rejected")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="reject", meaning="rejected")
    scene.sql("UPDATE governance_promotionrequest SET state = 'in_review', ended_at = NULL")


@attack(DATABASE, "SQL pins a kinder policy to an open request")
def _(scene: Scene) -> None:
    lax = draft_policy(actor=scene.carla, source=LAX)
    scene.sql("UPDATE governance_promotionrequest SET policy_version_id = %s", lax.pk)


@attack(DATABASE, "SQL makes somebody else the requester")
def _(scene: Scene) -> None:
    scene.sql("UPDATE governance_promotionrequest SET requested_by_id = %s", scene.otto.pk)


@attack(DATABASE, "SQL turns the round back to one that was approved")
def _(scene: Scene) -> None:
    scene.approved()
    scene.again()
    scene.sql("UPDATE governance_promotionrequest SET round = 1, state = 'approved'")


@attack(DATABASE, "SQL deletes a request")
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


@attack(DATABASE, "SQL forges a review")
def _(scene: Scene) -> None:
    scene.reviewing()
    _forged_review(scene, scene.victor).save()


@attack(DATABASE, "SQL forges a second review from the entry of the first")
def _(scene: Scene) -> None:
    real = approve(scene.reviewing(), scene.victor, "model_validator")
    _forged_review(scene, scene.vera, entry=real.entry).save()


@attack(DATABASE, "SQL turns a rejection into an approval")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="request_changes", meaning="reviewed")
    scene.sql("UPDATE governance_review SET verdict = 'approve'")


@attack(DATABASE, "SQL grants a waiver to who asked for it")
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


@attack(DATABASE, "SQL puts a policy into force for its author")
def _(scene: Scene) -> None:
    lax = draft_policy(actor=scene.carla, source=LAX)
    scene.sql(
        "INSERT INTO governance_policystatuschange (policy_version_id, status, changed_by_id, reason, changed_at)"
        " VALUES (%s, 'active', %s, '', %s)",
        lax.pk,
        scene.carla.pk,
        timezone.now(),
    )


@attack(DATABASE, "SQL makes a waiver last longer")
def _(scene: Scene) -> None:
    scene.granted()
    scene.sql("UPDATE governance_waiver SET expires_at = %s", timezone.now() + timedelta(days=900))


@attack(DATABASE, "SQL removes the refusal from the ledger")
def _(scene: Scene) -> None:
    scene.sql("DELETE FROM registry_ledgerentry")


# -- The table --------------------------------------------------------------------------------------------------------
def _refusals(code: str) -> int:
    marks = (f'"code":"{code}"'.encode(), f'"code": "{code}"'.encode())
    return sum(
        any(mark in bytes(entry.body) for mark in marks) for entry in LedgerEntry.objects.filter(event="action.refused")
    )


def _standing() -> tuple[Any, ...]:
    """What an attack must not have changed."""
    return (
        list(StageAssignment.objects.values_list("version", "stage", "sequence")),
        Review.objects.filter(verdict="approve").count(),
    )


@pytest.mark.parametrize(("code", "told"), [pytest.param(*entry[1:], id=entry[0]) for entry in ATTACKS])
def test_every_known_way_around_is_refused(code: str, told: Callable[[Scene], None], scene: Scene) -> None:
    if code == DATABASE:
        with pytest.raises(DatabaseError, match=r"is held by the workflow|is part of the record"), transaction.atomic():
            told(scene)
        return
    with pytest.raises(AssayError) as caught:
        told(scene)
    assert caught.value.code == code
    assert caught.value.problem
    assert _refusals(code) == 1 or code in IN_PYTHON


def test_the_table_is_as_long_as_was_promised() -> None:
    assert len(ATTACKS) >= 80
    assert len({name for name, _, _ in ATTACKS}) == len(ATTACKS)


def test_a_dataset_that_changed_is_another_version_and_never_the_same_subject(scene: Scene) -> None:
    before = scene.approved().subject_digest
    changed = dataset_version(scene.maya, "patients-2", fair_rows(402))
    author = World(scene.model, changed, scene.mel)
    other = request_promotion(
        actor=scene.maya, version=author.version(b"model two"), to_stage="staging", reason="new data"
    )
    assert measure(other).subject_digest != before
