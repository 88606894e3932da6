from __future__ import annotations

import json

import pytest
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import reverse

from governance.access.roles import group_for
from governance.models.access import Role
from registry.authority import permits
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.model_permissions import permissions_on, set_permissions
from registry.models import LedgerEntry, Person
from tests.people import World

REVIEW = "review_promotion"


@pytest.fixture
def team(otto: Person) -> Group:
    """Otto's team, which may do nothing yet."""
    made = Group.objects.create(name="validators of care-priority")
    otto.groups.add(made)
    return made


def told(event: str) -> list[dict[str, str]]:
    return [json.loads(bytes(entry.body))["facts"] for entry in LedgerEntry.objects.filter(event=event)]


def test_each_permission_given_or_taken_is_an_entry_of_its_own(
    world: World, team: Group, ada: Person, otto: Person
) -> None:
    set_permissions(actor=ada, group=team, model=world.model, codenames=[REVIEW, "read_gate"])
    assert permits(otto, f"registry.{REVIEW}", world.model)
    set_permissions(actor=ada, group=team, model=world.model, codenames=["read_gate"])
    assert permissions_on(world.model, team) == {"read_gate"}
    assert not permits(otto, f"registry.{REVIEW}", world.model)
    name = team.name
    assert told("permission.granted") == [
        {"group": name, "permission": "registry.read_gate"},
        {"group": name, "permission": f"registry.{REVIEW}"},
    ]
    assert told("permission.withdrawn") == [{"group": name, "permission": f"registry.{REVIEW}"}]


def test_who_manages_no_groups_gives_nothing(world: World, team: Group, maya: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        set_permissions(actor=maya, group=team, model=world.model, codenames=[REVIEW])


def test_nobody_gives_themselves_a_voice(world: World, team: Group, ada: Person) -> None:
    ada.groups.add(team)
    with pytest.raises(PermissionRefusedError):
        set_permissions(actor=ada, group=team, model=world.model, codenames=[REVIEW])
    assert permissions_on(world.model, team) == set()


def test_what_is_no_permission_on_models_is_refused(world: World, team: Group, ada: Person) -> None:
    with pytest.raises(InvalidInputError):
        set_permissions(actor=ada, group=team, model=world.model, codenames=["delete_ledgerentry"])


class TestInTheAdmin:
    def client(self, person: Person) -> Client:
        made = Client()
        made.force_login(person, backend="django.contrib.auth.backends.ModelBackend")
        return made

    def test_the_page_calls_the_verb(self, world: World, team: Group, ada: Person) -> None:
        where = reverse("admin:registry_registeredmodel_permissions_manage_group", args=[world.model.pk, team.pk])
        answer = self.client(ada).post(where, {"permissions": [REVIEW]})
        assert answer.status_code == 302
        assert told("permission.granted") == [{"group": team.name, "permission": f"registry.{REVIEW}"}]

    def test_the_page_gives_nobody_a_voice_of_their_own(self, world: World, team: Group, ada: Person) -> None:
        ada.groups.add(team)
        where = reverse("admin:registry_registeredmodel_permissions_manage_group", args=[world.model.pk, team.pk])
        assert self.client(ada).post(where, {"permissions": [REVIEW]}).status_code == 403
        assert permissions_on(world.model, team) == set()

    def test_permissions_go_to_groups_only(self, world: World, otto: Person, ada: Person) -> None:
        where = reverse("admin:registry_registeredmodel_permissions_manage_user", args=[world.model.pk, otto.pk])
        assert self.client(ada).post(where, {"permissions": [REVIEW]}).status_code == 403

    def test_a_group_that_gets_a_permission_on_all_models_is_told_too(self, team: Group, ada: Person) -> None:
        auditors = group_for(Role.AUDITOR)
        some = auditors.permissions.get(codename="read_gate")
        where = reverse("admin:auth_group_change", args=[team.pk])
        assert self.client(ada).post(where, {"name": team.name, "permissions": [some.pk]}).status_code == 302
        assert told("permission.granted") == [{"group": team.name, "permission": "registry.read_gate"}]

    def test_nobody_edits_a_group_of_their_own(self, team: Group, ada: Person) -> None:
        ada.groups.add(team)
        some = group_for(Role.AUDITOR).permissions.get(codename="read_gate")
        where = reverse("admin:auth_group_change", args=[team.pk])
        self.client(ada).post(where, {"name": team.name, "permissions": [some.pk]})
        assert not team.permissions.exists()
