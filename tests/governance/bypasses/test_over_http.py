"""Ways around the verbs over the API: each answered with a problem, each told by the ledger."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from governance.access.roles import group_for
from governance.access.tokens import Scope, issue_token, revoke_token
from governance.models import PromotionRequest
from governance.models.access import Role
from governance.policy_versions import draft_policy
from governance.promotions import withdraw_request
from registry.models import Person, RegisteredModel
from tests.governance.bypasses.scene import LAX, Scene, refusals, standing
from tests.people import PASSWORD
from tests.stories import approve, measure

V1 = "/api/v1"
Sent = Callable[[Scene], Any]
ATTEMPTS: list[Any] = []


def sends(status: int, code: str, name: str) -> Callable[[Sent], Sent]:
    """Add the request below, which is answered with `status` and `code`."""

    def add(sent: Sent) -> Sent:
        ATTEMPTS.append(pytest.param(status, code, sent, id=name))
        return sent

    return add


def client(person: Person, *scopes: Scope, models: tuple[RegisteredModel, ...] = ()) -> APIClient:
    issued = issue_token(actor=person, owner=person, label="story", scopes=scopes or tuple(Scope), models=models)
    made = APIClient()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
    return made


def path(request: PromotionRequest, *rest: object) -> str:
    return "/".join([f"{V1}/promotions", str(request.pk), *map(str, rest), ""])


def review(request: PromotionRequest, **changes: Any) -> dict[str, Any]:
    return {
        "verdict": "approve",
        "role": "model_validator",
        "meaning": "approved",
        "reason": "I read the evidence.",
        "subject_digest": request.subject_digest,
        "password": PASSWORD,
        **changes,
    }


def vote(scene: Scene, who: Person, **changes: Any) -> Any:
    return client(who).post(path(scene.request, "reviews"), review(scene.request, **changes), format="json")


# -- Who speaks -------------------------------------------------------------------------------------------------------
@sends(400, "malformed", "the body names another actor")
def _(scene: Scene) -> Any:
    scene.reviewing()
    return vote(scene, scene.maya, actor="victor")


@sends(400, "malformed", "the body names another reviewer")
def _(scene: Scene) -> Any:
    scene.reviewing()
    return vote(scene, scene.maya, reviewer=scene.victor.pk)


@sends(403, "separation-of-duties", "the requester approves over the API")
def _(scene: Scene) -> Any:
    scene.reviewing()
    scene.maya.groups.add(group_for(Role.MODEL_VALIDATOR))
    return vote(scene, scene.maya)


@sends(403, "service-account", "a pipeline's token approves")
def _(scene: Scene) -> Any:
    scene.reviewing()
    scene.pia.groups.add(group_for(Role.MODEL_VALIDATOR))
    return vote(scene, scene.pia)


@sends(403, "role-not-held", "somebody who is no reviewer rejects over the API")
def _(scene: Scene) -> Any:
    scene.reviewing()
    return vote(scene, scene.otto, verdict="reject", meaning="rejected")


@sends(409, "double-review", "a person votes in a second role over the API")
def _(scene: Scene) -> Any:
    scene.victor.groups.add(group_for(Role.RISK_OFFICER))
    approve(scene.reviewing(), scene.victor, "model_validator")
    return vote(scene, scene.victor, role="risk_officer")


@sends(409, "wrong-state", "somebody votes after the end over the API")
def _(scene: Scene) -> Any:
    withdraw_request(actor=scene.maya, request=scene.reviewing(), reason="not needed")
    return vote(scene, scene.victor)


@sends(409, "stale-subject", "a review of an old round is sent")
def _(scene: Scene) -> Any:
    old = scene.reviewing().subject_digest
    measure(scene.again())
    return vote(scene, scene.victor, subject_digest=old)


# -- What a token is for ----------------------------------------------------------------------------------------------
def _another_model(scene: Scene) -> RegisteredModel:
    return RegisteredModel.objects.create(
        slug="other", name="Other", owner=scene.maya, intended_purpose="x", risk_class="high"
    )


@sends(403, "token-not-for-model", "a pipeline's token asks for another model")
def _(scene: Scene) -> Any:
    tied = client(scene.pia, models=(_another_model(scene),))
    body = {"model": "care-priority", "version": 1, "to_stage": "staging", "reason": "x"}
    return tied.post(f"{V1}/promotions/", body, format="json")


@sends(403, "token-not-for-model", "a pipeline's token reads the gate of another model")
def _(scene: Scene) -> Any:
    tied = client(scene.pia, models=(_another_model(scene),))
    return tied.get(f"{V1}/gates/staging/?model=care-priority&version=1")


@sends(403, "token-not-for-model", "a pipeline's token completes for another model")
def _(scene: Scene) -> Any:
    tied = client(scene.mel, models=(_another_model(scene),))
    return tied.post(path(scene.approved(), "complete"), {}, format="json")


@sends(403, "token-not-for-model", "a token for one model makes itself one for all")
def _(scene: Scene) -> Any:
    tied = client(scene.maya, models=(scene.model,))
    return tied.post(f"{V1}/tokens/", {"label": "more", "scopes": ["admin"]}, format="json")


@sends(403, "scope-missing", "a token without the scope reviews")
def _(scene: Scene) -> Any:
    narrow = client(scene.victor, Scope.GATE_READ)
    return narrow.post(path(scene.reviewing(), "reviews"), review(scene.request), format="json")


@sends(401, "token-invalid", "a revoked token is used")
def _(scene: Scene) -> Any:
    issued = issue_token(actor=scene.mel, owner=scene.mel, label="story", scopes=list(Scope))
    revoke_token(actor=scene.mel, token=issued.token)
    made = APIClient()
    made.credentials(HTTP_AUTHORIZATION=f"Bearer {issued.secret}")
    return made.post(path(scene.approved(), "complete"), {}, format="json")


@sends(401, "not-authenticated", "nobody approves")
def _(scene: Scene) -> Any:
    return APIClient().post(path(scene.reviewing(), "reviews"), review(scene.request), format="json")


@sends(403, "csrf-failed", "another site has a signed-in browser approve")
def _(scene: Scene) -> Any:
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(scene.victor, backend="django.contrib.auth.backends.ModelBackend")
    where = path(scene.reviewing(), "reviews")
    return browser.post(where, review(scene.request), content_type="application/json")


# -- Resources that do not change -------------------------------------------------------------------------------------
@pytest.mark.parametrize("method", ["patch", "put", "delete"])
@pytest.mark.parametrize(
    "where",
    [
        "promotions/{request.pk}/",
        "promotions/{request.pk}/reviews/",
        "models/care-priority/",
        "models/care-priority/versions/1/",
        "models/care-priority/stages/",
        "policies/house_rules/versions/1/",
        "decisions/{request.pk}/attestation/",
        "ledger/entries/1",
    ],
)
def test_nothing_is_patched_put_or_deleted(scene: Scene, method: str, where: str) -> None:
    before, told = standing(), refusals("method-not-allowed")
    url = f"{V1}/{where.format(request=scene.reviewing())}"
    answer = getattr(client(scene.ada), method)(url, {"state": "approved"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (405, "method-not-allowed")
    assert (standing(), refusals("method-not-allowed")) == (before, told + 1)


# -- Rules and exceptions ---------------------------------------------------------------------------------------------
@sends(403, "separation-of-duties", "a policy is put into force by its author over the API")
def _(scene: Scene) -> Any:
    draft = draft_policy(actor=scene.carla, source=LAX)
    where = f"{V1}/policies/house_rules/versions/{draft.number}/activate/"
    return client(scene.carla).post(where, {"reason": "mine", "password": PASSWORD}, format="json")


@sends(403, "permission-refused", "the requester drafts a kinder policy over the API")
def _(scene: Scene) -> Any:
    return client(scene.maya).post(f"{V1}/policies/", {"source": LAX}, format="json")


def _decide(scene: Scene, who: Person, role: str) -> Any:
    where = path(scene.request, "waivers", scene.waiver().pk, "decision")
    body = {"granted": True, "role": role, "reason": "fine", "password": PASSWORD}
    return client(who).post(where, body, format="json")


@sends(403, "separation-of-duties", "a waiver is granted by its requester over the API")
def _(scene: Scene) -> Any:
    scene.maya.groups.add(group_for(Role.RISK_OFFICER))
    return _decide(scene, scene.maya, "risk_officer")


@sends(409, "waiver-renewal", "a waiver is renewed silently over the API")
def _(scene: Scene) -> Any:
    scene.granted()
    body = {
        "criterion_id": "selection-gap",
        "justification": "A little longer.",
        "compensating_control": "As before.",
        "expires_at": (timezone.now() + timedelta(days=19)).isoformat(),
    }
    return client(scene.maya).post(path(scene.request, "waivers"), body, format="json")


@sends(404, "unknown-subject", "a waiver of another request is granted")
def _(scene: Scene) -> Any:
    scene.reviewing()
    body = {"granted": True, "role": "data_protection_officer", "reason": "fine", "password": PASSWORD}
    return client(scene.dora).post(path(scene.request, "waivers", 77, "decision"), body, format="json")


@sends(409, "gate-closed", "an approval is used over the API after its waiver expired")
def _(scene: Scene) -> Any:
    scene.granted()
    approve(scene.request, scene.victor, "model_validator")
    approve(scene.request, scene.rosa, "risk_officer")
    mel = client(scene.mel)
    scene.later(days=11)
    return mel.post(path(scene.request, "complete"), {}, format="json")


@sends(403, "permission-refused", "an outsider reads a request")
def _(scene: Scene) -> Any:
    return client(scene.otto).get(path(scene.request))


@pytest.mark.parametrize(("status", "code", "sent"), ATTEMPTS)
def test_is_refused(status: int, code: str, sent: Sent, scene: Scene) -> None:
    told = refusals(code)
    answer = sent(scene)
    assert (answer.status_code, answer.json()["code"]) == (status, code), answer.json()
    assert refusals(code) == told + 1
