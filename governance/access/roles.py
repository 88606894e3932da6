"""Which roles there are, what each may do by default, and who holds one on a given model."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from django.apps import AppConfig, apps
from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet
from django.db.models.signals import post_migrate
from guardian.models import GroupObjectPermission

from governance.models import RoleGroup
from governance.models.access import Role
from registry.authority import groups_permitting
from registry.models import Person, RegisteredModel

_REGISTER = (
    "registry.add_registeredmodel",
    "registry.add_dataset",
    "registry.add_datasetversion",
    "registry.add_datasetcard",
    "registry.add_lineageevent",
)
_BUILD = (
    *_REGISTER,
    "registry.register_version",
    "registry.request_promotion",
    "registry.request_waiver",
    "registry.report_incident",
)
_READ = (
    "registry.read_gate",
    "registry.read_report",
    "registry.view_registeredmodel",
    "registry.view_modelversion",
    "registry.view_dataset",
    "registry.view_datasetversion",
    "registry.view_datasetcard",
    "registry.view_stageassignment",
    "registry.view_ledgerentry",
    "audits.view_auditrun",
    "audits.view_observation",
    "audits.view_finding",
    "audits.view_report",
    "governance.view_policy",
    "governance.view_policyversion",
    "governance.view_promotionrequest",
    "governance.view_review",
    "governance.view_waiver",
    "governance.view_waiverdecision",
    "governance.view_condition",
    "governance.view_breakglass",
    "governance.view_incident",
    "governance.view_breakglassreview",
    "governance.view_gatedecision",
    "governance.view_classification",
    "governance.view_controlassignment",
    "governance.view_attestation",
)
_REVIEW = ("registry.review_promotion", "registry.report_incident")

#: The shipped defaults, on every model. An organisation narrows them: take a permission from the shipped group and give
#: it, through guardian, to a group of its own on single models.
DEFAULT_PERMISSIONS: dict[Role, tuple[str, ...]] = {
    Role.DATA_SCIENTIST: (*_READ, *_BUILD),
    Role.ML_ENGINEER: (*_READ, *_BUILD, "registry.complete_promotion"),
    Role.MODEL_OWNER: (
        *_READ,
        *_BUILD,
        *_REVIEW,
        "registry.complete_promotion",
        "registry.retire_version",
        "governance.attest_control",
    ),
    Role.MODEL_VALIDATOR: (*_READ, *_REVIEW),
    Role.RISK_OFFICER: (
        *_READ,
        *_REVIEW,
        "registry.decide_waiver",
        "registry.break_glass",
        "registry.close_incident",
        "registry.retire_version",
        "governance.draft_policy",
        "governance.activate_policy",
        "governance.attest_control",
    ),
    Role.DATA_PROTECTION_OFFICER: (
        *_READ,
        *_REVIEW,
        "registry.decide_waiver",
        "registry.add_datasetcard",
        "registry.add_datasetwithdrawal",
        "registry.accept_risk",
        "governance.attest_control",
        "governance.erase_person",
    ),
    Role.COMPLIANCE_OFFICER: (
        *_READ,
        *_REVIEW,
        "registry.decide_waiver",
        "registry.close_incident",
        "registry.retire_version",
        "governance.draft_policy",
        "governance.activate_policy",
        "governance.classify_model",
        "governance.attest_control",
    ),
    Role.BUSINESS_OWNER: (*_READ, *_REVIEW, "governance.attest_control"),
    Role.AUDITOR: _READ,
    Role.OPERATOR: (
        "registry.read_gate",
        "registry.read_report",
        "registry.view_registeredmodel",
        "registry.view_modelversion",
        "registry.register_version",
        "registry.request_promotion",
        "registry.report_incident",
        "registry.complete_promotion",
        *_REGISTER,
        "governance.add_accesstoken",
        "governance.change_accesstoken",
        "governance.view_accesstoken",
    ),
    Role.ADMINISTRATOR: (
        *_READ,
        "registry.view_person",
        "registry.add_person",
        "registry.change_person",
        "governance.erase_person",
        "auth.view_group",
        "auth.add_group",
        "auth.change_group",
        "governance.view_rolegroup",
        "governance.add_rolegroup",
        "governance.change_rolegroup",
        "governance.add_accesstoken",
        "governance.change_accesstoken",
        "governance.view_accesstoken",
    ),
}


def roles_of(person: Person, permission: str, model: RegisteredModel) -> set[str]:
    """The roles in which `person` holds `permission` on `model`. Empty for a person who cannot sign in."""
    return roles_by_person({person}, permission, model)[person.pk]


def roles_by_person(people: Collection[Person], permission: str, model: RegisteredModel) -> dict[int, set[str]]:
    """`roles_of` each of the people, by key, in one query."""
    held: dict[int, set[str]] = {person.pk: set() for person in people}
    active = [person.pk for person in people if person.is_active]
    if active:
        found = RoleGroup.objects.filter(group__in=groups_permitting(permission, model), group__user__in=active)
        for key, role in found.values_list("group__user", "role"):
            held[key].add(role)
    return held


def roles_anywhere(person: Person, permission: str) -> set[str]:
    """The roles in which `person` holds `permission` on every model, or on any one."""
    if not person.is_active:
        return set()
    codename = permission.split(".")[1]
    groups = Group.objects.filter(user=person).filter(
        Q(pk__in=groups_permitting(permission).values("pk"))
        | Q(pk__in=GroupObjectPermission.objects.filter(permission__codename=codename).values("group"))
    )
    return set(RoleGroup.objects.filter(group__in=groups).values_list("role", flat=True))


@dataclass(frozen=True, slots=True)
class HeldRoles:
    """The roles in which a person holds one permission: on every model, and on single ones by primary key."""

    everywhere: frozenset[str]
    on_model: dict[int, frozenset[str]]

    def models_for(self, roles: set[str]) -> list[int]:
        """Models on which one of `roles` is held."""
        return [pk for pk, held in self.on_model.items() if held & roles]


def held_roles(person: Person, permission: str) -> HeldRoles:
    """The roles of all the person's groups that carry `permission` (`<app>.<codename>`); none for a service account."""
    if not person.is_active or person.is_service:
        return HeldRoles(frozenset(), {})
    app, codename = permission.split(".")
    everywhere = RoleGroup.objects.filter(
        group__user=person, group__permissions__codename=codename, group__permissions__content_type__app_label=app
    ).values_list("role", flat=True)
    single = GroupObjectPermission.objects.filter(
        group__user=person,
        permission__codename=codename,
        content_type=ContentType.objects.get_for_model(RegisteredModel),
        group__role_group__isnull=False,
    ).values_list("object_pk", "group__role_group__role")
    on_model: dict[int, set[str]] = defaultdict(set)
    for key, role in single:
        on_model[int(key)].add(role)
    return HeldRoles(frozenset(everywhere), {pk: frozenset(roles) for pk, roles in on_model.items()})


def people_with(role: str, permission: str, model: RegisteredModel) -> QuerySet[Person]:
    """Active human beings who hold `permission` on `model` in `role`."""
    groups = groups_permitting(permission, model).filter(role_group__role=role)
    return Person.objects.filter(groups__in=groups, is_active=True, is_service=False).distinct()


def group_for(role: Role) -> Group:
    """The shipped group of a role."""
    return Group.objects.get(name=role.label)


def ensure_roles(**_signal: Any) -> None:
    """Make the shipped groups. Runs after each migrate and leaves a group that exists as the organisation edited it."""
    for role, names in DEFAULT_PERMISSIONS.items():
        group, created = Group.objects.get_or_create(name=role.label)
        RoleGroup.objects.get_or_create(group=group, defaults={"role": role})
        if created:
            group.permissions.set([_permission(name) for name in names])


def connect() -> None:
    """Have `ensure_roles` run once the permissions of all apps exist."""
    last: AppConfig = apps.get_app_config("governance")
    post_migrate.connect(ensure_roles, sender=last, dispatch_uid="governance.access.roles")


def _permission(name: str) -> Permission:
    app, codename = name.split(".")
    return Permission.objects.get(codename=codename, content_type__app_label=app)
