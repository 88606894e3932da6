"""Policies: what they say, how they are read, and which one applies. Pure: no database, no clock.

A policy says which stages there are and what has to be true to pass from one to another. It is written as YAML,
checked against `policy_schema.json`, then against itself, and, when it is drafted, against the checks, controls and
roles of this installation. Nothing that could not hold a version back is accepted: no gate without criteria, none
without reviewers, none whose requester may approve.

This module is the front door; the rooms are `policy_text` (YAML), `policy_documents` (validation), `policy_values`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

from audits.plans import AuditPlan
from governance.errors import NoPolicyError
from governance.policy_documents import REVIEWING_ROLES, Vocabulary, parse_policy, policy_from_document
from governance.policy_text import (
    PolicyAlteredError,
    PolicyContradictionError,
    PolicyError,
    PolicyShapeError,
    PolicyUnknownNameError,
    PolicyUnreadableError,
)
from governance.policy_values import (
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


def plan_for(gate: Gate) -> AuditPlan:
    """What is measured and judged for the gate, with a digest."""
    return gate.plan


def gate_for(policy: Policy, from_stage: str, to_stage: str) -> Gate | None:
    """The gate between two stages, or None: where there is no gate there is no way."""
    for gate in policy.gates:
        if (gate.from_stage, gate.to_stage) == (from_stage, to_stage):
            return gate
    return None


def select_policy(policies: Iterable[Policy], *, risk_class: str, tags: Collection[str], model: str) -> Policy:
    """The one policy for this model. Raises NoPolicyError when there is none, or more than one.

    A policy that names models goes before one that names tags, and that before one that knows only the risk class;
    among equals there is no choice to be made by a machine.
    """
    matching = [policy for policy in policies if policy.selects.matches(risk_class=risk_class, tags=tags, model=model)]
    described = f"model {model} (risk class {risk_class}, tags {', '.join(sorted(tags)) or 'none'})"
    if not matching:
        raise NoPolicyError(f"No policy in force is for {described}; activate one that selects it.", field="model")
    closest = max(policy.selects.precision for policy in matching)
    chosen = [policy for policy in matching if policy.selects.precision == closest]
    if len(chosen) > 1:
        names = ", ".join(sorted(policy.slug for policy in chosen))
        raise NoPolicyError(
            f"{len(chosen)} policies are equally for {described}: {names}; narrow what they select.", field="model"
        )
    return chosen[0]
