"""The plan of one audit: which checks run, with which parameters, time and memory, and how they are judged.

The plan is fixed and its digest recorded before anything is measured, so that nobody can choose the limit after seeing
the number. Pure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from audits.criteria import Criterion
from registry.canonical import digest_of


class PlanError(ValueError):
    """A plan that could not be carried out as written. `field` names the part that is wrong."""

    code = "plan-invalid"

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(f"{field}: {problem}")
        self.field = field
        self.problem = problem


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedCheck:
    """One check to run. `parameters` are policy data for `checks.base.parse_parameters`; time is wall-clock seconds."""

    check: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    timeout_seconds: int = 120
    memory_mb: int = 2048

    def __post_init__(self) -> None:
        """A check without time or memory could only ever fail, and would do so late."""
        for name in ("timeout_seconds", "memory_mb"):
            if getattr(self, name) < 1:
                raise PlanError(name, "must be at least 1")

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form; `from_document` is its inverse."""
        return {
            "check": self.check,
            "parameters": dict(self.parameters),
            "timeout_seconds": self.timeout_seconds,
            "memory_mb": self.memory_mb,
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> PlannedCheck:
        """Rebuild from `to_document`, or from policy data. Raises PlanError, or TypeError on unknown fields."""
        return cls(**document)


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditPlan:
    """What will be assessed. Raises PlanError when empty, when it repeats a name, or when it judges the unplanned."""

    checks: tuple[PlannedCheck, ...]
    criteria: tuple[Criterion, ...]

    def __post_init__(self) -> None:
        """Every criterion must find its check, and an empty plan would prove nothing."""
        if not self.checks:
            raise PlanError("checks", "a plan without checks measures nothing")
        if not self.criteria:
            raise PlanError("criteria", "a plan without criteria judges nothing")
        _refuse_repeated("checks", [planned.check for planned in self.checks])
        _refuse_repeated("criteria", [criterion.id for criterion in self.criteria])
        planned = {check.check for check in self.checks}
        for criterion in self.criteria:
            if criterion.check not in planned:
                raise PlanError("criteria", f"{criterion.id} judges {criterion.check}, which is not planned")

    @property
    def digest(self) -> str:
        """The digest of the canonical JSON of the plan."""
        return digest_of(self.to_document())

    def check(self, name: str) -> PlannedCheck:
        """The planned check of that id. Raises KeyError."""
        return {planned.check: planned for planned in self.checks}[name]

    def criteria_of(self, name: str) -> tuple[Criterion, ...]:
        """The criteria that judge the check of that id, in planned order."""
        return tuple(criterion for criterion in self.criteria if criterion.check == name)

    def to_document(self) -> dict[str, Any]:
        """JSON-ready form; `from_document` is its inverse."""
        return {
            "checks": [check.to_document() for check in self.checks],
            "criteria": [criterion.to_document() for criterion in self.criteria],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any]) -> AuditPlan:
        """Rebuild from `to_document`. Raises PlanError, CriterionError, or KeyError and TypeError when malformed."""
        return cls(
            checks=tuple(PlannedCheck.from_document(entry) for entry in document["checks"]),
            criteria=tuple(Criterion.from_document(entry) for entry in document["criteria"]),
        )


def _refuse_repeated(field: str, names: list[str]) -> None:
    """Raise PlanError when a name occurs twice."""
    for name, times in Counter(names).items():
        if times > 1:
            raise PlanError(field, f"{name} is listed {times} times")
