"""The admin shows every record and changes none."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.db.models import Model
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from governance.access.roles import group_for
from governance.access.tokens import find_token, issue_token
from governance.models import AccessToken, GateDecision, PromotionRequest
from governance.models.access import Role
from governance.promotions import request_promotion
from registry.models import DatasetVersion, LedgerEntry, Person, RegisteredModel
from registry.models.immutable import Record
from tests.governance.pages.conftest import Browser
from tests.people import World
from tests.stories import measure

OURS = [model for model in admin.site._registry if model._meta.app_label in {"registry", "audits", "governance"}]
READ_ONLY = [model for model in OURS if model not in {Person, RegisteredModel} and model.__name__ != "RoleGroup"]


def address(model: type[Model], what: str, *arguments: Any) -> str:
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{what}", args=arguments)


def row_of(model: type[Model], request: pytest.FixtureRequest) -> Any:
    """A row of the story, which is told further where it has none yet."""
    if not model._default_manager.exists():
        request.getfixturevalue("exceptional")
    return model._default_manager.first()


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_every_list_and_page_of_the_admin_opens(
    full: PromotionRequest, ada: Person, signed_in: Browser, model: type[Model], request: pytest.FixtureRequest
) -> None:
    row = row_of(model, request)
    client = signed_in(ada)
    listed = client.get(address(model, "changelist"))
    assert listed.status_code == 200
    assert client.get(address(model, "changelist") + "?q=care").status_code in (200, 302)

    assert client.get(address(model, "change", row.pk)).status_code == 200


@pytest.mark.parametrize("model", READ_ONLY, ids=lambda model: model._meta.label)
def test_even_a_superuser_changes_and_deletes_no_record(
    full: PromotionRequest, ada: Person, signed_in: Browser, model: type[Model], request: pytest.FixtureRequest
) -> None:
    client = signed_in(ada)
    row = row_of(model, request)
    before = set(model._default_manager.values_list("pk", flat=True))

    assert client.post(address(model, "change", row.pk), {"state": "approved"}).status_code == 403
    assert client.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == 403
    bulk = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
    assert client.post(address(model, "changelist"), bulk).status_code == 403

    # The ledger has grown by the refusals; nothing is gone anywhere.
    assert before <= set(model._default_manager.values_list("pk", flat=True))
    assert model is LedgerEntry or len(before) == model._default_manager.count()


@pytest.mark.parametrize(
    "model", [model for model in OURS if issubclass(model, Record)], ids=lambda model: model._meta.label
)
def test_no_record_is_added_by_hand(ada: Person, signed_in: Browser, model: type[Model]) -> None:
    # Drafting a policy leads to its page; everything else is refused.
    assert signed_in(ada).get(address(model, "add")).status_code in (302, 403)


def test_the_page_of_a_model_keeps_nothing_of_what_is_posted(
    full: PromotionRequest, ada: Person, signed_in: Browser
) -> None:
    model = full.version.model
    signed_in(ada).post(address(RegisteredModel, "change", model.pk), {"risk_class": "minimal", "slug": "other"})

    model.refresh_from_db()
    assert (model.slug, model.risk_class) == ("care-priority", "high")


@pytest.mark.parametrize("model", OURS, ids=lambda model: model._meta.label)
def test_otto_opens_no_list(otto: Person, signed_in: Browser, model: type[Model]) -> None:
    assert signed_in(otto).get(address(model, "changelist")).status_code == 403


def test_a_list_costs_the_same_however_long_it_is(
    full: PromotionRequest, world: World, maya: Person, ada: Person, signed_in: Browser
) -> None:
    client = signed_in(ada)
    lists = [address(model, "changelist") for model in OURS]

    def costs() -> list[int]:
        found = []
        for url in lists:
            with CaptureQueriesContext(connection) as queries:
                client.get(url)
            found.append(len(queries))
        return found

    costs()  # fills the caches of content types
    few = costs()
    for number in range(3):
        version = world.version(f"model {number}".encode(), datasets={})
        measure(request_promotion(actor=maya, version=version, to_stage="staging", reason="more"))
        issue_token(actor=ada, owner=ada, label=f"token {number}", scopes=["gate:read"])

    assert costs() == few


def test_a_token_is_shown_once_and_kept_as_a_digest(ada: Person, pia: Person, signed_in: Browser) -> None:
    client = signed_in(ada)
    ends = timezone.now() + timedelta(days=5)
    answer = client.post(
        address(AccessToken, "add"),
        {
            "person": pia.pk,
            "label": "deploy",
            "scopes": ["gate:read"],
            "expires_at_0": ends.date().isoformat(),
            "expires_at_1": "12:00:00",
        },
    )

    assert answer.status_code == 200
    assert "no-store" in answer["Cache-Control"]
    secret = answer.context["secret"]
    assert secret in answer.content.decode()
    token = find_token(secret)
    assert token is not None
    assert token.person == pia
    assert secret not in client.get(address(AccessToken, "change", token.pk)).content.decode()

    client.post(address(AccessToken, "changelist"), {"action": "revoke", "_selected_action": [token.pk]})
    assert find_token(secret) is None


def test_a_token_that_would_live_too_long_is_refused_beside_the_date(
    ada: Person, pia: Person, signed_in: Browser
) -> None:
    told = {"person": pia.pk, "label": "deploy", "scopes": ["gate:read"]}
    ends = {"expires_at_0": "2099-01-01", "expires_at_1": "12:00:00"}

    answer = signed_in(ada).post(address(AccessToken, "add"), told | ends)

    assert "A token lives" in answer.content.decode()
    assert not AccessToken.objects.exists()


def test_a_group_given_in_the_admin_is_written_into_the_ledger(ada: Person, otto: Person, signed_in: Browser) -> None:
    told = {"username": "otto", "is_active": "on", "is_staff": "on", "groups": [group_for(Role.AUDITOR).pk]}

    answer = signed_in(ada).post(address(Person, "change", otto.pk), told)

    assert answer.status_code == 302, answer.context["adminform"].errors
    entry = LedgerEntry.objects.get(event="role.granted")
    assert entry.subject == f"person:{otto.pseudonym}"


def test_ada_cannot_give_herself_a_vote(ada: Person, signed_in: Browser) -> None:
    told = {"username": "ada", "is_active": "on", "is_staff": "on", "groups": [group_for(Role.RISK_OFFICER).pk]}

    signed_in(ada).post(address(Person, "change", ada.pk), told)

    assert [group.name for group in ada.groups.all()] == ["administrator"]


def test_the_columns_of_a_dataset_are_a_table(full: PromotionRequest, ada: Person, signed_in: Browser) -> None:
    version = DatasetVersion.objects.filter(columns__0__name__isnull=False)[0]

    page = signed_in(ada).get(address(DatasetVersion, "change", version.pk)).content.decode()

    for column in version.columns:
        tags = ", ".join(f"<code>{tag}</code>" for tag in column["tags"]) or "–"
        assert f"<td><code>{column['name']}</code></td><td><code>{column['type']}</code></td><td>{tags}</td>" in page


def test_the_overview_shows_what_waits_and_what_is_where(
    full: PromotionRequest, world: World, maya: Person, victor: Person, signed_in: Browser
) -> None:
    waiting = measure(
        request_promotion(actor=maya, version=world.version(b"next", datasets={}), to_stage="staging", reason="next")
    )

    text = signed_in(victor).get(reverse("admin:index")).content.decode()

    assert reverse("promotion-review", args=[waiting.pk]) in text
    # The data of the version in staging was withdrawn, so its gate is closed although the decision was open.
    assert GateDecision.objects.filter(outcome="open", version=full.version).exists()
    assert "patients/1 has been withdrawn" in text


def test_the_overview_of_otto_is_empty(full: PromotionRequest, otto: Person, signed_in: Browser) -> None:
    assert "care-priority" not in signed_in(otto).get(reverse("admin:index")).content.decode()
