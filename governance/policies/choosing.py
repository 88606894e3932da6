"""Which policy is for a model, which gate lies between two stages, and what it measures. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from audits.plans import AuditPlan
from governance.errors import NoPolicyError
from governance.policies.values import Gate, Policy


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
