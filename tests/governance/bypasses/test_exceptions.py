"""Ways to bend conditions, emergencies and the way back."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance import stages
from governance.access.roles import group_for
from governance.broken_glass import break_glass, review_broken_glass
from governance.models import (
    Condition,
    PromotionRequest,
)
from governance.models.access import Role
from governance.promotions import complete
from governance.reviews import confirm_condition
from governance.signatures.reviews import NewCondition
from registry.datasets import withdraw_dataset_version
from registry.models import Person
from tests.governance.bypasses.scene import Attempts, Scene, must_be_refused
from tests.people import PASSWORD
from tests.stories import approve, measure

State = PromotionRequest.State
ATTEMPTS = Attempts()


@ATTEMPTS("gate-closed", "an approval is used although its condition fell due")
def _(scene: Scene) -> None:
    due = NewCondition("Retrain with the new codes.", timezone.now() + timedelta(days=2))
    approve(scene.reviewing(), scene.victor, "model_validator", conditions=(due,))
    approve(scene.request, scene.rosa, "risk_officer")
    scene.later(days=3)
    complete(actor=scene.mel, request=scene.request)


@ATTEMPTS("separation-of-duties", "the requester confirms the condition of an approval")
def _(scene: Scene) -> None:
    due = NewCondition("Retrain with the new codes.", timezone.now() + timedelta(days=2))
    approve(scene.reviewing(), scene.victor, "model_validator", conditions=(due,))
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    confirm_condition(actor=scene.maya, condition=Condition.objects.get(), evidence="done", password=PASSWORD)


def _break(scene: Scene, who: Person, hours: int = 4) -> Any:
    return break_glass(actor=who, request=scene.request, justification="Patients wait.", hours=hours, password=PASSWORD)


@ATTEMPTS("permission-refused", "the glass is broken by somebody without that permission")
def _(scene: Scene) -> None:
    scene.blocked()
    _break(scene, scene.victor)


@ATTEMPTS("invalid-input", "the glass is broken for longer than the policy allows")
def _(scene: Scene) -> None:
    scene.blocked()
    _break(scene, scene.rosa, hours=9)


@ATTEMPTS("break-glass-refused", "the glass is broken over withdrawn data")
def _(scene: Scene) -> None:
    scene.blocked()
    withdraw_dataset_version(actor=scene.dora, version=scene.world.evaluation, reason="consent was withdrawn")
    scene.request.refresh_from_db()
    measure(scene.request)
    _break(scene, scene.rosa)


@ATTEMPTS("separation-of-duties", "an emergency is upheld by who declared it")
def _(scene: Scene) -> None:
    scene.blocked()
    broken = _break(scene, scene.rosa)
    review_broken_glass(
        actor=scene.rosa, broken=broken, upheld=True, role=Role.RISK_OFFICER, reason="fine", password=PASSWORD
    )


@ATTEMPTS("gate-closed", "an emergency is used after it ended")
def _(scene: Scene) -> None:
    scene.blocked()
    _break(scene, scene.rosa)
    scene.later(hours=5)
    complete(actor=scene.mel, request=scene.request)


@ATTEMPTS("wrong-state", "a version is brought back to a stage in which it never was")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.approved())
    stages.roll_back(actor=scene.mel, model=scene.model, stage="staging", reason="why not", to=2)


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
