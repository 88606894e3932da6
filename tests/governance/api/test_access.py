from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone
from guardian.shortcuts import assign_perm
from rest_framework.test import APIClient

from governance.access.roles import group_for
from governance.access.tokens import Scope, issue_token, revoke_token
from governance.models import AccessToken
from governance.models.access import Role
from registry.models import LedgerEntry, Person, RegisteredModel
from registry.versions import register_model
from tests.governance.api.conftest import Connect, refused
from tests.people import World

MODEL: dict[str, Any] = {
    "slug": "triage",
    "name": "Triage",
    "intended_purpose": "Sort letters.",
    "risk_class": "minimal",
}


def test_a_token_with_the_scope_opens_the_door(connect: Connect, maya: Person) -> None:
    assert connect(maya, Scope.REGISTRY_WRITE).post("/api/v1/models/", MODEL, format="json").status_code == 201


def test_nobody_gets_in_without_credentials(db: None) -> None:
    answer = APIClient().get("/api/v1/models/")
    refused(answer, 401, "not-authenticated")
    assert answer["WWW-Authenticate"] == 'Bearer realm="assay"'


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Bearer wrong", "Bearer assay_wrong", "bearer assay_ü"])
def test_a_wrong_token_is_refused(db: None, header: str) -> None:
    refused(APIClient().get("/api/v1/models/", HTTP_AUTHORIZATION=header), 401, "token-invalid")


def test_an_expired_token_is_refused(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    AccessToken.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    refused(client.get("/api/v1/models/"), 401, "token-invalid")


def test_a_revoked_token_is_refused_from_then_on(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    assert client.get("/api/v1/models/").status_code == 200
    revoke_token(actor=maya, token=AccessToken.objects.get())
    refused(client.get("/api/v1/models/"), 401, "token-invalid")


def test_the_token_of_somebody_who_left_is_refused(connect: Connect, maya: Person) -> None:
    client = connect(maya)
    Person.objects.filter(pk=maya.pk).update(is_active=False)
    refused(client.get("/api/v1/models/"), 401, "token-invalid")


@pytest.mark.parametrize(
    ("scope", "method", "path"),
    [
        (Scope.GATE_READ, "post", "/api/v1/models/"),
        (Scope.GATE_READ, "get", "/api/v1/models/"),
        (Scope.GATE_READ, "get", "/api/v1/ledger/entries/0"),
        (Scope.REPORT_READ, "get", "/api/v1/gates/production/?model=care-priority&version=1"),
        (Scope.REPORT_READ, "post", "/api/v1/datasets/"),
        (Scope.REGISTRY_WRITE, "post", "/api/v1/promotions/"),
        (Scope.REGISTRY_WRITE, "post", "/api/v1/policies/"),
        (Scope.PROMOTION_REQUEST, "post", "/api/v1/promotions/00000000-0000-4000-8000-000000000000/reviews/"),
        (Scope.REVIEW_WRITE, "post", "/api/v1/promotions/00000000-0000-4000-8000-000000000000/complete/"),
        (Scope.POLICY_WRITE, "post", "/api/v1/tokens/"),
    ],
)
def test_a_token_without_the_scope_is_refused(
    connect: Connect, maya: Person, scope: Scope, method: str, path: str
) -> None:
    refused(getattr(connect(maya, scope), method)(path), 403, "scope-missing")


def test_a_scope_gives_no_more_than_the_person_may_do(connect: Connect, otto: Person) -> None:
    refused(connect(otto).post("/api/v1/models/", MODEL, format="json"), 403, "permission-refused")
    assert not RegisteredModel.objects.exists()


def test_being_superuser_opens_nothing(connect: Connect, ada: Person) -> None:
    refused(connect(ada).post("/api/v1/models/", MODEL, format="json"), 403, "permission-refused")


class TestTiedTokens:
    def test_reach_their_own_model(self, connect: Connect, maya: Person, world: World) -> None:
        client = connect(maya, models=[world.model])
        assert client.get("/api/v1/models/care-priority/").status_code == 200
        assert [row["slug"] for row in client.get("/api/v1/models/").json()["results"]] == ["care-priority"]

    def test_reach_no_other_model_whether_it_exists_or_not(self, connect: Connect, maya: Person, world: World) -> None:
        register_model(actor=maya, **MODEL)
        client = connect(maya, models=[world.model])
        for slug in ("triage", "never-registered"):
            refused(client.get(f"/api/v1/models/{slug}/"), 403, "token-not-for-model", "model")
            refused(client.get(f"/api/v1/gates/staging/?model={slug}&version=1"), 403, "token-not-for-model", "model")
            body = {"model": slug, "version": 1, "to_stage": "staging", "reason": "x"}
            refused(client.post("/api/v1/promotions/", body, format="json"), 403, "token-not-for-model", "model")
        listed = [row["slug"] for row in client.get("/api/v1/models/").json()["results"]]
        assert listed == ["care-priority"]

    def test_reach_nothing_that_concerns_all_models(self, connect: Connect, maya: Person, world: World) -> None:
        client = connect(maya, models=[world.model])
        for path in ("models/", "policies/", "tokens/", "datasets/patients/versions/1/withdraw/"):
            refused(client.post(f"/api/v1/{path}", {}, format="json"), 403, "token-not-for-model")


def test_a_permission_on_one_model_shows_that_one_only(connect: Connect, maya: Person, world: World) -> None:
    register_model(actor=maya, **MODEL)
    group_for(Role.DATA_SCIENTIST).permissions.remove(
        *group_for(Role.DATA_SCIENTIST).permissions.filter(codename="view_registeredmodel")
    )
    assign_perm("registry.view_registeredmodel", group_for(Role.DATA_SCIENTIST), world.model)
    client = connect(maya)
    assert [row["slug"] for row in client.get("/api/v1/models/").json()["results"]] == ["care-priority"]
    assert client.get("/api/v1/models/care-priority/").status_code == 200
    refused(client.get("/api/v1/models/triage/"), 403, "permission-refused")


class TestSessions:
    def test_may_read(self, maya: Person) -> None:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(maya)
        assert client.get("/api/v1/models/").status_code == 200

    def test_may_not_write_without_the_csrf_token(self, maya: Person) -> None:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(maya)
        refused(client.post("/api/v1/models/", MODEL, format="json"), 403, "csrf-failed")
        assert not RegisteredModel.objects.exists()

    def test_may_write_with_it(self, maya: Person) -> None:
        client = APIClient(enforce_csrf_checks=True)
        client.force_login(maya)
        client.cookies["csrftoken"] = "a" * 32
        answer = client.post("/api/v1/models/", MODEL, format="json", HTTP_X_CSRFTOKEN="a" * 32)
        assert answer.status_code == 201


class TestMakingTokens:
    def test_shows_the_secret_once_and_keeps_only_its_digest(self, connect: Connect, maya: Person) -> None:
        client = connect(maya, Scope.ADMIN)
        body = {"label": "deploy", "scopes": ["gate:read"]}
        secret = client.post("/api/v1/tokens/", body, format="json").json()["secret"]
        assert secret not in str(list(AccessToken.objects.values())) + client.get("/api/v1/tokens/").content.decode()
        fresh = APIClient()
        fresh.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        assert fresh.get("/api/v1/gates/staging/?model=x&version=1").status_code == 200

    def test_for_somebody_else_needs_a_permission(self, connect: Connect, maya: Person, pia: Person) -> None:
        body = {"label": "deploy", "scopes": ["gate:read"], "owner": "pia"}
        refused(connect(maya).post("/api/v1/tokens/", body, format="json"), 403, "permission-refused")
        assert not pia.access_tokens.exists()

    @pytest.mark.parametrize(
        ("change", "field"),
        [
            ({"scopes": ["gate:open"]}, "scopes"),
            ({"models": ["nothing"]}, "models[0]"),
            ({"owner": "nobody"}, "owner"),
            ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ],
    )
    def test_names_the_field_at_fault(
        self, connect: Connect, maya: Person, change: dict[str, object], field: str
    ) -> None:
        body = {"label": "deploy", "scopes": ["gate:read"], **change}
        refused(connect(maya).post("/api/v1/tokens/", body, format="json"), 422, "invalid-input", field)
        assert AccessToken.objects.count() == 1

    def test_revoking_ends_it(self, connect: Connect, maya: Person) -> None:
        client = connect(maya)
        made = client.post("/api/v1/tokens/", {"label": "x", "scopes": ["gate:read"]}, format="json").json()
        assert client.post(f"/api/v1/tokens/{made['id']}/revoke/").json()["revoked_at"]
        refused(
            APIClient(headers={"Authorization": f"Bearer {made['secret']}"}).get("/api/v1/models/"),
            401,
            "token-invalid",
        )

    def test_only_the_owner_and_the_operator_revoke(self, connect: Connect, maya: Person, otto: Person) -> None:
        token = issue_token(actor=maya, owner=maya, label="mine", scopes=["gate:read"]).token
        refused(connect(otto).post(f"/api/v1/tokens/{token.pk}/revoke/"), 403, "permission-refused")
        token.refresh_from_db()
        assert token.revoked_at is None

    def test_a_refusal_is_in_the_ledger(self, connect: Connect, maya: Person, pia: Person) -> None:
        body = {"label": "deploy", "scopes": ["gate:read"], "owner": "pia"}
        connect(maya).post("/api/v1/tokens/", body, format="json", HTTP_IDEMPOTENCY_KEY="one")
        assert LedgerEntry.objects.filter(event="action.refused").count() == 1


def test_a_token_whose_last_model_is_gone_opens_nothing(connect: Connect, world: World, maya: Person) -> None:
    gone = RegisteredModel.objects.create(slug="gone", name="Gone", owner=maya, intended_purpose="x", risk_class="high")
    client = connect(maya, models=[gone])
    gone.delete()
    assert AccessToken.objects.get().registered_models.count() == 0
    refused(client.get("/api/v1/models/care-priority/"), 403, "token-not-for-model", "model")
    assert client.get("/api/v1/models/").json()["count"] == 0
    refused(client.post("/api/v1/policies/", {"source": "x"}, format="json"), 403, "token-not-for-model")
