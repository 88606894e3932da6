"""Who may what, what was asked, what was decided."""

from governance.models.access import AccessToken, IdempotencyKey, RoleGroup
from governance.models.assurance import Attestation, Classification, ControlAssignment
from governance.models.break_glass import BreakGlass, BreakGlassReview
from governance.models.conditions import Condition, ConditionMet
from governance.models.credentials import FailedCredential, PendingStatement, SecurityKey, TotpDevice
from governance.models.decisions import Decommission, GateDecision
from governance.models.delegations import Delegation, DelegationEnd
from governance.models.erasures import Erasure, ErasureRequest
from governance.models.incidents import Incident, IncidentEnd
from governance.models.policies import Policy, PolicyStatusChange, PolicyVersion
from governance.models.promotions import PromotionRequest, PromotionRound
from governance.models.reviews import Review, Waiver, WaiverDecision

__all__ = [
    "AccessToken",
    "Attestation",
    "BreakGlass",
    "BreakGlassReview",
    "Classification",
    "Condition",
    "ConditionMet",
    "ControlAssignment",
    "Decommission",
    "Delegation",
    "DelegationEnd",
    "Erasure",
    "ErasureRequest",
    "FailedCredential",
    "GateDecision",
    "IdempotencyKey",
    "Incident",
    "IncidentEnd",
    "PendingStatement",
    "Policy",
    "PolicyStatusChange",
    "PolicyVersion",
    "PromotionRequest",
    "PromotionRound",
    "Review",
    "RoleGroup",
    "SecurityKey",
    "TotpDevice",
    "Waiver",
    "WaiverDecision",
]
