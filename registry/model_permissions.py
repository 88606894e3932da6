"""The verb on permissions: what a group may do on one model."""

from __future__ import annotations

from collections.abc import Collection

from django.contrib.auth.models import Group, Permission
from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from guardian.shortcuts import assign_perm, remove_perm

from registry import ledger
from registry.errors import InvalidInputError, PermissionRefusedError
from registry.events import Event
from registry.models import Person, RegisteredModel

MANAGE = "auth.change_group"


def permissions_on(model: RegisteredModel, group: Group) -> set[str]:
    """Codenames that the group holds on this model beside those it holds on all."""
    held = Permission.objects.filter(
        groupobjectpermission__group=group,
        groupobjectpermission__object_pk=str(model.pk),
        groupobjectpermission__content_type=ContentType.objects.get_for_model(RegisteredModel),
    )
    return set(held.values_list("codename", flat=True))


@transaction.atomic
def set_permissions(*, actor: Person, group: Group, model: RegisteredModel, codenames: Collection[str]) -> None:
    """Give `group` exactly `codenames` on `model`; each one given or taken is an entry of the ledger.

    Raises PermissionRefusedError unless the actor manages groups and does not belong to this one: nobody gives
    themselves a voice. Raises InvalidInputError for what is no permission on models.
    """
    model = RegisteredModel.objects.select_for_update().get(pk=model.pk)
    if not actor.has_perm(MANAGE):
        raise PermissionRefusedError(f"{actor.get_username()} does not manage groups.")
    if group.user_set.filter(pk=actor.pk).exists():
        raise PermissionRefusedError("You belong to this group, so somebody else must change what it may do.")
    known = Permission.objects.filter(content_type=ContentType.objects.get_for_model(RegisteredModel))
    unknown = set(codenames) - set(known.values_list("codename", flat=True))
    if unknown:
        raise InvalidInputError(f"No permission on models: {', '.join(sorted(unknown))}.", field="permissions")
    before, after = permissions_on(model, group), set(codenames)
    for change, event, names in (
        (assign_perm, Event.PERMISSION_GRANTED, after - before),
        (remove_perm, Event.PERMISSION_WITHDRAWN, before - after),
    ):
        for name in sorted(names):
            change(f"registry.{name}", group, model)
            ledger.append(
                event,
                subject=f"model:{model.slug}",
                actor=actor,
                facts={"group": group.name, "permission": f"registry.{name}"},
            )
