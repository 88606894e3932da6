"""Ways to have a signature that is not one, or of something else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.models import (
    PromotionRequest,
)
from governance.promotions import withdraw_request
from governance.signatures import enrolments
from registry.errors import AssayError
from tests.governance.bypasses.scene import Attempts, Scene, must_be_refused
from tests.people import PASSWORD
from tests.stories import approve, measure

State = PromotionRequest.State
ATTEMPTS = Attempts()


@ATTEMPTS("wrong-credential", "somebody at an unattended browser approves without a password")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", password="")


@ATTEMPTS("wrong-credential", "somebody guesses the password")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", password="12345678")


@ATTEMPTS("too-many-attempts", "somebody keeps on guessing until it is right")
def _(scene: Scene) -> None:
    scene.reviewing()
    for guess in range(10):
        with pytest.raises(AssayError):
            approve(scene.request, scene.victor, "model_validator", password=f"guess {guess}")
    approve(scene.request, scene.victor, "model_validator")


@ATTEMPTS("separation-of-duties", "somebody confirms their own authenticator")
def _(scene: Scene) -> None:
    enrolment = enrolments.enrol_authenticator(actor=scene.ada, password=PASSWORD)
    enrolments.confirm_authenticator(actor=scene.ada, device=enrolment.device, code="000000", password=PASSWORD)


@ATTEMPTS("stale-subject", "the evidence was exchanged between reading and signing")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", subject_digest="sha256:" + "0" * 64)


@ATTEMPTS("stale-subject", "a review of an earlier round is handed in")
def _(scene: Scene) -> None:
    old = scene.reviewing().subject_digest
    measure(scene.again())
    approve(scene.request, scene.victor, "model_validator", subject_digest=old)


@ATTEMPTS("wrong-state", "a blocked request is approved")
def _(scene: Scene) -> None:
    approve(scene.blocked(), scene.victor, "model_validator")


@ATTEMPTS("wrong-state", "somebody votes before the checks are done")
def _(scene: Scene) -> None:
    approve(scene.request, scene.victor, "model_validator", subject_digest="")


@ATTEMPTS("wrong-state", "somebody votes after the request was rejected")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="reject", meaning="rejected")
    approve(scene.request, scene.rosa, "risk_officer")


@ATTEMPTS("wrong-state", "somebody votes after the request was withdrawn")
def _(scene: Scene) -> None:
    withdraw_request(actor=scene.maya, request=scene.reviewing(), reason="not needed")
    approve(scene.request, scene.victor, "model_validator")


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
