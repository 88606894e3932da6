"""Ways past a gate without its approval."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.models import (
    PromotionRequest,
)
from governance.promotions import complete, request_promotion
from registry.datasets import withdraw_dataset_version
from tests.governance.bypasses.scene import Attempts, Scene, must_be_refused

State = PromotionRequest.State
ATTEMPTS = Attempts()


@ATTEMPTS("wrong-state", "a request is completed before it is approved")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.reviewing())


@ATTEMPTS("permission-refused", "somebody completes who may only ask")
def _(scene: Scene) -> None:
    complete(actor=scene.maya, request=scene.approved())


@ATTEMPTS("wrong-state", "an approval is used twice")
def _(scene: Scene) -> None:
    complete(actor=scene.mel, request=scene.approved())
    complete(actor=scene.mel, request=scene.request)


@ATTEMPTS("no-gate", "a stage is skipped")
def _(scene: Scene) -> None:
    request_promotion(actor=scene.maya, version=scene.version, to_stage="production", reason="quickly")


@ATTEMPTS("request-open-already", "a second request is opened to find kinder reviewers")
def _(scene: Scene) -> None:
    request_promotion(actor=scene.maya, version=scene.version, to_stage="staging", reason="again")


@ATTEMPTS("gate-closed", "a version goes on whose data was withdrawn after the approval")
def _(scene: Scene) -> None:
    scene.approved()
    withdraw_dataset_version(actor=scene.dora, version=scene.world.evaluation, reason="consent was withdrawn")
    complete(actor=scene.mel, request=scene.request)


@ATTEMPTS("gate-closed", "an approval is used after its evidence has aged")
def _(scene: Scene) -> None:
    scene.approved()
    scene.later(days=31)
    complete(actor=scene.mel, request=scene.request)


@ATTEMPTS("gate-closed", "the clock is set back before the approval")
def _(scene: Scene) -> None:
    scene.approved()
    scene.later(hours=-1)
    complete(actor=scene.mel, request=scene.request)


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
