"""Ways to vote through somebody else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.access.delegations import end_delegation
from governance.access.roles import group_for
from governance.models import (
    PromotionRequest,
)
from governance.models.access import Role
from tests.governance.bypasses.scene import Attempts, Scene, must_be_refused
from tests.stories import approve

State = PromotionRequest.State
ATTEMPTS = Attempts()


@ATTEMPTS("separation-of-duties", "a delegate of the requester approves")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    scene.delegated(scene.maya, scene.otto)
    approve(scene.reviewing(), scene.otto, "model_validator")


@ATTEMPTS("separation-of-duties", "a delegate of the requester approves in a role of their own")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    scene.delegated(scene.maya, scene.victor)
    approve(scene.reviewing(), scene.victor, "model_validator")


@ATTEMPTS("separation-of-duties", "the requester ends the delegation just before the delegate approves")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    delegation = scene.delegated(scene.maya, scene.victor)
    end_delegation(actor=scene.maya, delegation=delegation)
    approve(scene.reviewing(), scene.victor, "model_validator")


@ATTEMPTS("separation-of-duties", "a delegate of the version's author approves")
def _(scene: Scene) -> None:
    scene.mel.groups.add(group_for(Role.MODEL_VALIDATOR))
    scene.delegated(scene.mel, scene.otto)
    approve(scene.reviewing(), scene.otto, "model_validator")


@ATTEMPTS("double-review", "a delegate approves after the person they stand in for")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    approve(scene.reviewing(), scene.victor, "model_validator")
    approve(scene.request, scene.otto, "model_validator")


@ATTEMPTS("double-review", "two delegates of one person approve")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.delegated(scene.victor, scene.dora)
    approve(scene.reviewing(), scene.otto, "model_validator")
    approve(scene.request, scene.dora, "model_validator")


@ATTEMPTS("role-not-held", "a delegation has run out")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.reviewing()
    scene.later(days=8)
    approve(scene.request, scene.otto, "model_validator")


@ATTEMPTS("role-not-held", "the delegator lost the role")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.victor.groups.clear()
    approve(scene.reviewing(), scene.otto, "model_validator")


@ATTEMPTS("not-delegable", "a delegate passes the role on")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.otto)
    scene.delegated(scene.otto, scene.dora)


@ATTEMPTS("not-delegable", "a role is delegated to a pipeline")
def _(scene: Scene) -> None:
    scene.delegated(scene.victor, scene.pia)


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
