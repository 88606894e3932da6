"""Ways around the verbs in the administration and on the pages, also for a superuser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from governance.access.roles import group_for
from governance.models import (
    AccessToken,
    BreakGlass,
    GateDecision,
    PolicyVersion,
    PromotionRequest,
    Review,
    Waiver,
    WaiverDecision,
)
from governance.models.access import Role
from registry.models import LedgerEntry, ModelVersion, Person, StageAssignment
from tests.governance.bypasses.scene import Scene, refusals, standing
from tests.people import PASSWORD

Sent = Callable[[Scene, Client], Any]
ATTEMPTS: list[Any] = []
RECORDS = [
    AccessToken,
    BreakGlass,
    GateDecision,
    LedgerEntry,
    ModelVersion,
    PolicyVersion,
    PromotionRequest,
    Review,
    StageAssignment,
    Waiver,
    WaiverDecision,
]


def sends(status: int, name: str) -> Callable[[Sent], Sent]:
    """Add the form below, which is answered with `status`."""

    def add(sent: Sent) -> Sent:
        ATTEMPTS.append(pytest.param(status, sent, id=name))
        return sent

    return add


def signed_in(person: Person) -> Client:
    browser = Client()
    browser.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
    return browser


def address(model: type[Any], what: str, *args: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=args)


@sends(403, "a form changes a request")
def _(scene: Scene, ada: Client) -> Any:
    return ada.post(address(PromotionRequest, "change", scene.request.pk), {"state": "approved"})


@sends(403, "list_editable changes a request")
def _(scene: Scene, ada: Client) -> Any:
    form = {
        "form-TOTAL_FORMS": "1",
        "form-INITIAL_FORMS": "1",
        "form-0-id": str(scene.request.pk),
        "form-0-state": "approved",
        "_save": "Save",
    }
    return ada.post(address(PromotionRequest, "changelist"), form)


@sends(403, "a form deletes a request")
def _(scene: Scene, ada: Client) -> Any:
    return ada.post(address(PromotionRequest, "delete", scene.request.pk), {"post": "yes"})


@sends(403, "a form adds a review")
def _(scene: Scene, ada: Client) -> Any:
    form = {"request": str(scene.reviewing().pk), "reviewer": str(scene.victor.pk), "verdict": "approve"}
    return ada.post(address(Review, "add"), form)


@sends(403, "a form puts a version into a stage")
def _(scene: Scene, ada: Client) -> Any:
    return ada.post(address(StageAssignment, "add"), {"version": str(scene.version.pk), "stage": "staging"})


@pytest.mark.parametrize("model", RECORDS, ids=lambda model: model.__name__)
def test_no_bulk_action_touches_a_record(model: type[Any], scene: Scene) -> None:
    scene.approved()
    ada = signed_in(scene.ada)
    before, told, count = standing(), refusals("permission-refused"), model._default_manager.count()
    chosen = list(model._default_manager.values_list("pk", flat=True)[:5]) or ["1"]
    form = {"action": "delete_selected", "_selected_action": chosen, "post": "yes"}
    answer = ada.post(address(model, "changelist"), form)
    assert answer.status_code == 403
    assert refusals("permission-refused") == told + 1
    assert standing() == before
    assert model._default_manager.count() - count == (1 if model is LedgerEntry else 0)


# -- Pages ------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["put", "patch", "delete"])
def test_a_page_takes_forms_only(scene: Scene, method: str) -> None:
    told = refusals("method-not-allowed")
    where = reverse("promotion-review", args=[scene.reviewing().pk])
    assert getattr(signed_in(scene.victor), method)(where).status_code == 405
    assert refusals("method-not-allowed") == told + 1


def test_an_outsider_posts_to_a_page_that_is_not_there_for_them(scene: Scene) -> None:
    told = refusals("unknown-path")
    where = reverse("promotion-review", args=[scene.reviewing().pk])
    assert signed_in(scene.otto).post(where, {"verdict": "approve"}).status_code == 404
    assert refusals("unknown-path") == told + 1
    assert not Review.objects.exists()


def test_a_form_names_somebody_else_and_is_still_mayas(scene: Scene) -> None:
    scene.reviewing()
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    told = refusals("separation-of-duties")
    form = {
        "verdict": "approve",
        "role": "model_validator",
        "meaning": "approved",
        "reason": "fine",
        "password": PASSWORD,
        "subject_digest": scene.request.subject_digest,
        "actor": str(scene.victor.pk),
        "reviewer": "victor",
    }
    answer = signed_in(scene.maya).post(reverse("promotion-review", args=[scene.request.pk]), form)
    assert answer.status_code == 422
    assert refusals("separation-of-duties") == told + 1
    assert not Review.objects.exists()


@pytest.mark.parametrize(("status", "sent"), ATTEMPTS)
def test_is_refused(status: int, sent: Sent, scene: Scene) -> None:
    scene.request.refresh_from_db()
    before, told = standing(), refusals("permission-refused")
    assert sent(scene, signed_in(scene.ada)).status_code == status
    assert (standing(), refusals("permission-refused")) == (before, told + 1)
