"""The tables of this app, and those that say who may do what, that the ledger answers for. Loaded with the apps."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group
from guardian.models import GroupObjectPermission

from governance.models import (
    AccessToken,
    Attestation,
    BreakGlass,
    BreakGlassReview,
    Classification,
    Condition,
    ConditionMet,
    ControlAssignment,
    Decommission,
    Delegation,
    DelegationEnd,
    Erasure,
    ErasureRequest,
    GateDecision,
    Incident,
    IncidentEnd,
    Policy,
    PolicyStatusChange,
    PolicyVersion,
    PromotionRequest,
    PromotionRound,
    Review,
    RoleGroup,
    SecurityKey,
    TotpDevice,
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
reconciles(PromotionRound, texts=("reason",))
reconciles(Review, texts=("printed_name", "reason"))
reconciles(Condition, texts=("text",))
reconciles(ConditionMet, texts=("evidence",))
reconciles(Waiver, texts=("justification", "compensating_control"))
reconciles(WaiverDecision, texts=("printed_name", "reason"))
reconciles(BreakGlass, texts=("justification", "printed_name"))
reconciles(BreakGlassReview, texts=("reason", "printed_name"))
reconciles(Incident, texts=("title", "description"))
reconciles(IncidentEnd, texts=("reason", "printed_name"))
reconciles(GateDecision)
reconciles(Decommission, texts=("reason", "printed_name"))
reconciles(Classification, texts=("reasons", "printed_name"))
reconciles(ControlAssignment)
reconciles(Attestation, texts=("answer", "printed_name"))
reconciles(Delegation, texts=("reason",))
reconciles(DelegationEnd)
reconciles(ErasureRequest, texts=("ground",))
reconciles(Erasure)
reconciles(SecurityKey, omits=("sign_count",))  # each use moves it on; an older one would only refuse
reconciles(TotpDevice, omits=("last_step",))  # each code used moves it on; an older one would only refuse
reconciles(AccessToken, also=_models_of, relations=(AccessToken.registered_models.through,))
reconciles(RoleGroup)
reconciles(Group, also=_permissions_of, relations=(Group.permissions.through,))
reconciles(GroupObjectPermission)
