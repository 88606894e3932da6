from __future__ import annotations

import pytest
from django.contrib.auth.models import Group
from guardian.shortcuts import assign_perm
from pytest_django import DjangoAssertNumQueries

from governance.access.roles import group_for, people_with, roles_by_person, roles_of
from governance.models import RoleGroup
from governance.models.access import Role
from registry.authority import models_permitting, permits, require
from registry.errors import PermissionRefusedError
from registry.models import Person, RegisteredModel
from registry.versions import register_model
from tests.people import World

REVIEW = "registry.review_promotion"


@pytest.fixture
def other(world: World) -> RegisteredModel:
    """A second model of Maya's."""
    return register_model(
        actor=world.author, slug="bed-planning", name="Beds", intended_purpose="Plan beds.", risk_class="high"
    )


@pytest.fixture
def team(world: World, otto: Person) -> Group:
    """Otto's team validates `care-priority`, and nothing else."""
    group = Group.objects.create(name="care validators")
    RoleGroup.objects.create(group=group, role=Role.MODEL_VALIDATOR)
    assign_perm(REVIEW, group, world.model)
    otto.groups.add(group)
    return group


def test_a_team_may_act_on_its_own_model_only(team: Group, world: World, other: RegisteredModel, otto: Person) -> None:
    assert roles_of(otto, REVIEW, world.model) == {Role.MODEL_VALIDATOR}
    assert roles_of(otto, REVIEW, other) == set()
    assert list(models_permitting(otto, REVIEW)) == [world.model]
    assert otto in people_with(Role.MODEL_VALIDATOR, REVIEW, world.model)
    with pytest.raises(PermissionRefusedError, match="bed-planning"):
        require(otto, REVIEW, other)


def test_a_shipped_role_acts_on_every_model(world: World, other: RegisteredModel, victor: Person) -> None:
    assert permits(victor, REVIEW, world.model)
    assert permits(victor, REVIEW, other)
    assert set(models_permitting(victor, REVIEW)) == {world.model, other}


def test_many_are_asked_in_one_question_and_each_is_given_their_own_roles(
    team: Group,
    world: World,
    other: RegisteredModel,
    otto: Person,
    victor: Person,
    rosa: Person,
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    victor.groups.add(group_for(Role.RISK_OFFICER))
    gone = Person.objects.create_user("gone")
    gone.groups.add(group_for(Role.RISK_OFFICER))
    gone.is_active = False
    people = [otto, victor, rosa, gone, world.author]
    roles_by_person(people, REVIEW, world.model)  # content types are read once a process
    with django_assert_num_queries(1):
        found = roles_by_person(people, REVIEW, world.model)
    assert found == {
        otto.pk: {Role.MODEL_VALIDATOR},
        victor.pk: {Role.MODEL_VALIDATOR, Role.RISK_OFFICER},
        rosa.pk: {Role.RISK_OFFICER},
        gone.pk: set(),
        world.author.pk: set(),
    }
    assert roles_by_person(people, REVIEW, other)[otto.pk] == set()
    with django_assert_num_queries(0):
        assert roles_by_person([], REVIEW, world.model) == {}


def test_an_organisation_can_narrow_a_shipped_role(team: Group, world: World, victor: Person, otto: Person) -> None:
    shipped = group_for(Role.MODEL_VALIDATOR)
    shipped.permissions.remove(*shipped.permissions.filter(codename="review_promotion"))
    assert not permits(victor, REVIEW, world.model)
    assert permits(otto, REVIEW, world.model)


def test_a_superuser_without_a_group_may_nothing(world: World) -> None:
    root = Person.objects.create_superuser("root")
    assert root.has_perm(REVIEW, world.model), "Django says yes, which is why nobody here asks it"
    assert not permits(root, REVIEW, world.model)


def test_whoever_cannot_sign_in_may_nothing(world: World, victor: Person) -> None:
    victor.is_active = False
    victor.save()
    assert not permits(victor, REVIEW, world.model)
    assert roles_of(victor, REVIEW, world.model) == set()
    assert not models_permitting(victor, REVIEW).exists()


def test_a_permission_of_one_person_counts_for_nothing(world: World, otto: Person) -> None:
    assign_perm(REVIEW, otto, world.model)
    assert not permits(otto, REVIEW, world.model), "permissions go to groups, so that a team can answer for them"
