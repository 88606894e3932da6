"""Ways around the verbs, in Python."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from governance.models import (
    PromotionRequest,
    Review,
)
from tests.governance.bypasses.scene import Attempts, Scene, must_be_refused
from tests.stories import approve

State = PromotionRequest.State
ATTEMPTS = Attempts()


@ATTEMPTS("immutable", "queryset.update")
def _(scene: Scene) -> None:
    PromotionRequest.objects.filter(pk=scene.request.pk).update(state=State.APPROVED)


@ATTEMPTS("immutable", "bulk_update, as a list_editable form does")
def _(scene: Scene) -> None:
    scene.request.state = State.APPROVED
    PromotionRequest.objects.bulk_update([scene.request], ["state"])


@ATTEMPTS("immutable", "a raw save()")
def _(scene: Scene) -> None:
    scene.request.state = State.APPROVED
    scene.request.save(update_fields=["state"])


@ATTEMPTS("immutable", "an admin bulk action that deletes")
def _(scene: Scene) -> None:
    PromotionRequest.objects.all().delete()


@ATTEMPTS("immutable", "a review is changed after it was signed")
def _(scene: Scene) -> None:
    approve(scene.reviewing(), scene.victor, "model_validator", verdict="request_changes", meaning="reviewed")
    Review.objects.update(verdict="approve")


@pytest.mark.parametrize(("code", "attempt"), ATTEMPTS.params())
def test_is_refused(code: str, attempt: Callable[[Scene], Any], scene: Scene) -> None:
    must_be_refused(scene, code, attempt)
