"""Whether a person may do something to a model: the one question every verb asks.

Django's `has_perm` says yes to every superuser, and a superuser without a role has no voice here. So this module asks
the groups only: a group's permission on all models, or guardian's on this one.
"""

from __future__ import annotations

from django.contrib.auth.models import Group
from django.contrib.contenttypes.models import ContentType
from django.db.models import BigIntegerField, Q, QuerySet
from django.db.models.functions import Cast
from guardian.models import GroupObjectPermission

from registry.errors import PermissionRefusedError
from registry.models import Person, RegisteredModel


def groups_permitting(permission: str, model: RegisteredModel | None = None) -> QuerySet[Group]:
    """Groups that hold `<app>.<codename>` on every model, or on `model`."""
    app, codename = permission.split(".")
    everywhere = Q(permissions__codename=codename, permissions__content_type__app_label=app)
    if model is None:
        return Group.objects.filter(everywhere).distinct()
    here = GroupObjectPermission.objects.filter(
        object_pk=str(model.pk),
        content_type=ContentType.objects.get_for_model(RegisteredModel),
        permission__codename=codename,
    )
    return Group.objects.filter(everywhere | Q(pk__in=here.values("group"))).distinct()


def permits(person: Person, permission: str, model: RegisteredModel | None = None) -> bool:
    """Whether an active `person` belongs to a group that holds the permission. Being superuser changes nothing."""
    return person.is_active and groups_permitting(permission, model).filter(user=person).exists()


def require(person: Person, permission: str, model: RegisteredModel | None = None) -> None:
    """Raises PermissionRefusedError unless `permits`."""
    if not permits(person, permission, model):
        where = f" on {model.slug}" if model else ""
        raise PermissionRefusedError(f"No group of {person.get_username()} holds {permission}{where}.")


def models_permitting(person: Person, permission: str) -> QuerySet[RegisteredModel]:
    """The models on which `permits` is true, as one query for lists."""
    if permits(person, permission):
        return RegisteredModel.objects.all()
    here = GroupObjectPermission.objects.filter(
        group__user=person,
        content_type=ContentType.objects.get_for_model(RegisteredModel),
        permission__codename=permission.split(".")[1],
    )
    if not person.is_active:
        here = here.none()
    return RegisteredModel.objects.filter(pk__in=here.annotate(key=Cast("object_pk", BigIntegerField())).values("key"))
