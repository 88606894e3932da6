"""Policies: what they say, how they are read, and which one applies. Pure: no database, no clock.

A policy says which stages there are and what has to be true to pass from one to another. It is written as YAML,
checked against `schema.json`, then against itself, and, when it is drafted, against the checks, controls and
roles of this installation. Nothing that could not hold a version back is accepted: no gate without criteria, none
without reviewers, none whose requester may approve.

This is the front door; the rooms are `text` (YAML), `documents` (validation), `values`, `choosing` (which one applies),
`diffs` (what changed) and `metric_choice` with its `metric_tree`.
"""

from __future__ import annotations

from governance.policies.choosing import gate_for, plan_for, select_policy
from governance.policies.documents import REVIEWING_ROLES, Vocabulary, parse_policy, policy_from_document
from governance.policies.text import (
    PolicyAlteredError,
    PolicyContradictionError,
    PolicyError,
    PolicyShapeError,
    PolicyUnknownNameError,
    PolicyUnreadableError,
)
from governance.policies.values import (
    BreakGlassRule,
    Exclusion,
    Gate,
    IncidentRule,
    Mode,
    OnDeadline,
    Policy,
    Quorum,
    Selection,
    Stage,
    WaiverRule,
)

__all__ = [
    "REVIEWING_ROLES",
    "BreakGlassRule",
    "Exclusion",
    "Gate",
    "IncidentRule",
    "Mode",
    "OnDeadline",
    "Policy",
    "PolicyAlteredError",
    "PolicyContradictionError",
    "PolicyError",
    "PolicyShapeError",
    "PolicyUnknownNameError",
    "PolicyUnreadableError",
    "Quorum",
    "Selection",
    "Stage",
    "Vocabulary",
    "WaiverRule",
    "gate_for",
    "parse_policy",
    "plan_for",
    "policy_from_document",
    "select_policy",
]
