"""Gates: whether a subject may pass now, with every reason. Pure: time and every fact are arguments.

This is the front door; the rooms are `deciding` (the decision), `facts` (what it rests on and answers), `seats` and
`quorums` (who has approved), `emergencies` (broken glass), `weighing` (what a decision has established so far).
"""

from __future__ import annotations

from governance.gates.deciding import decide
from governance.gates.facts import (
    AcceptedRisk,
    BrokenGlassFact,
    Circumstances,
    ConditionFact,
    Decision,
    FindingFact,
    GateOutcome,
    MissingReview,
    Reason,
    ReasonCode,
    ReviewFact,
    Verdict,
    WaiverFact,
)

__all__ = [
    "AcceptedRisk",
    "BrokenGlassFact",
    "Circumstances",
    "ConditionFact",
    "Decision",
    "FindingFact",
    "GateOutcome",
    "MissingReview",
    "Reason",
    "ReasonCode",
    "ReviewFact",
    "Verdict",
    "WaiverFact",
    "decide",
]
