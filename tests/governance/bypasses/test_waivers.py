"""Ways to have a finding set aside."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from governance.access.roles import group_for
from governance.models import (
    PromotionRequest,
    Waiver,
)
from governance.models.access import Role
from governance.promotions import complete
from governance.waivers import decide_waiver, request_waiver
from registry.models import Person
from tests.governance.bypasses.scene import Attempts, Scene, must_be_refused
from tests.people import PASSWORD
from tests.stories import approve, gap, measure, result

State = PromotionRequest.State
ATTEMPTS = Attempts()


def _grant(scene: Scene, waiver: Waiver, who: Person, role: Role) -> None:
    decide_waiver(actor=who, waiver=waiver, granted=True, role=role, reason="fine", password=PASSWORD)


@ATTEMPTS("separation-of-duties", "a waiver is granted by who asked for it")
def _(scene: Scene) -> None:
    scene.maya.groups.add(group_for(Role.RISK_OFFICER))
    _grant(scene, scene.waiver(), scene.maya, Role.RISK_OFFICER)


@ATTEMPTS("separation-of-duties", "a waiver is granted by the version's author")
def _(scene: Scene) -> None:
    scene.mel.groups.add(group_for(Role.RISK_OFFICER))
    _grant(scene, scene.waiver(), scene.mel, Role.RISK_OFFICER)


@ATTEMPTS("role-not-held", "a waiver is granted by somebody who only reviews")
def _(scene: Scene) -> None:
    _grant(scene, scene.waiver(), scene.victor, Role.MODEL_VALIDATOR)


@ATTEMPTS("wrong-state", "a refused waiver is decided again")
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


@ATTEMPTS("waiver-renewal", "a waiver is renewed silently while it lasts")
def _(scene: Scene) -> None:
    scene.granted()
    scene.waiver(days=20)


@ATTEMPTS("waiver-renewal", "a waiver is renewed silently after it ran out")
def _(scene: Scene) -> None:
    scene.granted()
    scene.later(days=11)
    scene.waiver(days=20)


@ATTEMPTS("invalid-input", "a waiver is asked for longer than the policy allows")
def _(scene: Scene) -> None:
    scene.waiver(days=21)


@ATTEMPTS("not-waivable", "a finding is waived that the policy does not let anybody waive")
def _(scene: Scene) -> None:
    request_waiver(
        actor=scene.maya,
        request=scene.blocked(),
        criterion_id="known-origin",
        justification="x",
        compensating_control="y",
        expires_at=timezone.now() + timedelta(days=1),
    )


@ATTEMPTS("stale-subject", "a waiver of an earlier round is granted")
def _(scene: Scene) -> None:
    waiver = scene.waiver()
    measure(scene.again(), result(gap(0.45)))
    _grant(scene, waiver, scene.dora, Role.DATA_PROTECTION_OFFICER)


@ATTEMPTS("gate-closed", "an approval is used after its waiver expired")
def _(scene: Scene) -> None:
    scene.granted()
    approve(scene.request, scene.victor, "model_validator")
    approve(scene.request, scene.rosa, "risk_officer")
    scene.later(days=11)
    complete(actor=scene.mel, request=scene.request)


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
