"""Ways to have kinder rules."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.models import (
    PolicyVersion,
    PromotionRequest,
)
from governance.policy_versions import activate_policy, draft_policy, recall_policy
from governance.promotions import complete
from tests.governance.bypasses.scene import LAX, Attempts, Scene, must_be_refused
from tests.people import PASSWORD
from tests.stories import approve

State = PromotionRequest.State
ATTEMPTS = Attempts()


@ATTEMPTS("separation-of-duties", "a policy is put into force by its author")
def _(scene: Scene) -> None:
    activate_policy(actor=scene.carla, policy_version=draft_policy(actor=scene.carla, source=LAX), password=PASSWORD)


@ATTEMPTS("permission-refused", "the requester drafts a kinder policy")
def _(scene: Scene) -> None:
    draft_policy(actor=scene.maya, source=LAX)


@ATTEMPTS("wrong-state", "a kinder policy is put into force while the request is open")
def _(scene: Scene) -> None:
    scene.blocked()
    activate_policy(actor=scene.rosa, policy_version=draft_policy(actor=scene.carla, source=LAX), password=PASSWORD)
    approve(scene.request, scene.victor, "model_validator")


@ATTEMPTS("gate-closed", "an approval under a policy is used after the policy was recalled")
def _(scene: Scene) -> None:
    scene.approved()
    recall_policy(
        actor=scene.carla, policy_version=PolicyVersion.objects.get(), password=PASSWORD, reason="a typing error"
    )
    complete(actor=scene.mel, request=scene.request)


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
