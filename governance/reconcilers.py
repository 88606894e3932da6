"""The tables of this app, and those that say who may do what, that the ledger answers for. Loaded with the apps."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from guardian.models import GroupObjectPermission

from governance.models import (
    AccessToken,
    GateDecision,
    Policy,
    PolicyStatusChange,
    PolicyVersion,
    PromotionRequest,
    Review,
    RoleGroup,
    Waiver,
    WaiverDecision,
)
from registry.rows import reconciles


def _models_of(token: AccessToken) -> dict[str, Any]:
    return {"models": sorted(token.registered_models.values_list("slug", flat=True))}


def _permissions_of(group: Group) -> dict[str, Any]:
    held = group.permissions.values_list("content_type__app_label", "codename")
    return {"permissions": sorted(f"{app}.{codename}" for app, codename in held)}


reconciles(Policy)
reconciles(PolicyVersion)
reconciles(PolicyStatusChange, texts=("reason",))
reconciles(PromotionRequest, texts=("reason",))
reconciles(Review, texts=("printed_name", "reason"))
reconciles(Waiver, texts=("justification", "compensating_control"))
reconciles(WaiverDecision, texts=("printed_name", "reason"))
reconciles(GateDecision)
reconciles(AccessToken, also=_models_of, relations=(AccessToken.registered_models.through,))
reconciles(RoleGroup)
reconciles(Group, also=_permissions_of, relations=(Group.permissions.through,))
reconciles(GroupObjectPermission)
