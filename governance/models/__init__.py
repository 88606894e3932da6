"""Who may what, what was asked, what was decided."""

from governance.models.access import AccessToken, IdempotencyKey, RoleGroup
from governance.models.decisions import GateDecision
from governance.models.policies import Policy, PolicyStatusChange, PolicyVersion
from governance.models.promotions import PromotionRequest
from governance.models.reviews import Review, Waiver, WaiverDecision

__all__ = [
    "AccessToken",
    "GateDecision",
    "IdempotencyKey",
    "Policy",
    "PolicyStatusChange",
    "PolicyVersion",
    "PromotionRequest",
    "Review",
    "RoleGroup",
    "Waiver",
    "WaiverDecision",
]
