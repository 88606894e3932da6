"""Ways to vote that one does not have."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission
from guardian.shortcuts import assign_perm

from governance.access.roles import group_for
from governance.models import (
    PromotionRequest,
    RoleGroup,
)
from governance.models.access import Role
from governance.promotions import complete
from registry.models import Person
from tests.governance.bypasses.scene import Attempts, Scene, must_be_refused
from tests.stories import approve

State = PromotionRequest.State
ATTEMPTS = Attempts()


@ATTEMPTS("separation-of-duties", "the requester approves")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    approve(scene.reviewing(), scene.maya, "model_validator")


@ATTEMPTS("separation-of-duties", "the requester approves through a group made for this model")
def _(scene: Scene) -> None:
    team = Group.objects.create(name="validators of care-priority")
    RoleGroup.objects.create(group=team, role=Role.MODEL_VALIDATOR)
    assign_perm("registry.review_promotion", team, scene.model)
    scene.maya.groups.add(team)
    approve(scene.reviewing(), scene.maya, "model_validator")


@ATTEMPTS("role-not-held", "a superuser without the role approves")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.ada, "model_validator")


@ATTEMPTS("role-not-held", "somebody holds the permission by themselves and not by a group")
def _(scene: Scene) -> None:
    scene.otto.user_permissions.add(Permission.objects.get(codename="review_promotion"))
    approve(scene.reviewing(), scene.otto, "model_validator")


@ATTEMPTS("role-not-held", "a group carries the role, without the permission")
def _(scene: Scene) -> None:
    team = Group.objects.create(name="validators in name")
    RoleGroup.objects.create(group=team, role=Role.MODEL_VALIDATOR)
    scene.otto.groups.add(team)
    approve(scene.reviewing(), scene.otto, "model_validator")


@ATTEMPTS("separation-of-duties", "the author of the version approves")
def _(scene: Scene) -> None:
    scene.mel.groups.add(group_for(Role.MODEL_VALIDATOR))
    approve(scene.reviewing(), scene.mel, "model_validator")


@ATTEMPTS("separation-of-duties", "the author of the training run approves")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), Person.objects.get(username="tom"), "model_validator")


@ATTEMPTS("double-review", "one person approves in two roles")
def _(scene: Scene) -> None:
    scene.victor.groups.add(group_for(Role.RISK_OFFICER))
    approve(scene.reviewing(), scene.victor, "model_validator")
    approve(scene.request, scene.victor, "risk_officer")


@ATTEMPTS("double-review", "one person approves twice")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator")
    approve(scene.request, scene.victor, "model_validator")


@ATTEMPTS("double-review", "one person abstains with a conflict of interest, and approves after all")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="abstain", meaning="reviewed")
    approve(scene.request, scene.victor, "model_validator")


@ATTEMPTS("gate-closed", "a role is removed after its holder voted")
def _(scene: Scene) -> None:
    scene.approved()
    scene.victor.groups.clear()
    complete(actor=scene.mel, request=scene.request)


@ATTEMPTS("gate-closed", "a reviewer's account is closed after the vote")
def _(scene: Scene) -> None:
    scene.approved()
    Person.objects.filter(pk=scene.victor.pk).update(is_active=False)
    complete(actor=scene.mel, request=scene.request)


@ATTEMPTS("role-not-held", "somebody who is no reviewer rejects")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.otto, "model_validator", verdict="reject", meaning="rejected")


@ATTEMPTS("role-not-asked", "a reviewer rejects in a role that the gate does not ask for")
def _(scene: Scene) -> None:
    role = "data_protection_officer"
    approve(scene.reviewing(), scene.dora, role, verdict="reject", meaning="rejected")


@ATTEMPTS("service-account", "a pipeline's account approves")
def _(scene: Scene) -> None:
    scene.pia.groups.add(group_for(Role.MODEL_VALIDATOR))
    approve(scene.reviewing(), scene.pia, "model_validator")


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
