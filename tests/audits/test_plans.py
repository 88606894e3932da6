"""The plan of an audit: fixed before anything is measured, with one digest."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from audits.criteria import Criterion
from audits.plans import AuditPlan, PlanError, PlannedCheck


def criterion(name: str = "age", check: str = "performance.metrics", limit: str = "0.20") -> Criterion:
    """A criterion on that check."""
    return Criterion(
        id=name, check=check, metric="accuracy", at_least=Decimal(limit), reason="Agreed.", set_by="Rosa, risk officer"
    )


def plan(**changes: Any) -> AuditPlan:
    """One check, one criterion."""
    fields: dict[str, Any] = {
        "checks": (PlannedCheck(check="performance.metrics", parameters={"level": 0.95}),),
        "criteria": (criterion(),),
    }
    return AuditPlan(**{**fields, **changes})


def test_a_plan_comes_back_from_its_document_with_the_same_digest() -> None:
    again = AuditPlan.from_document(plan().to_document())
    assert again == plan()
    assert again.digest == plan().digest
    assert plan().digest.startswith("sha256:")


@pytest.mark.parametrize(
    "changed",
    [
        plan(criteria=(criterion(limit="0.21"),)),
        plan(criteria=(criterion(name="sex"),)),
        plan(checks=(PlannedCheck(check="performance.metrics", parameters={"level": 0.9}),)),
        plan(checks=(PlannedCheck(check="performance.metrics", parameters={"level": 0.95}, timeout_seconds=1),)),
        plan(checks=(PlannedCheck(check="performance.metrics", parameters={"level": 0.95}, memory_mb=1),)),
    ],
    ids=["limit", "criterion", "parameter", "time", "memory"],
)
def test_any_change_changes_the_digest(changed: AuditPlan) -> None:
    assert changed.digest != plan().digest


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"checks": ()}, "checks: a plan without checks"),
        ({"criteria": ()}, "criteria: a plan without criteria"),
        ({"criteria": (criterion(), criterion())}, "criteria: age is listed 2 times"),
        ({"checks": (PlannedCheck(check="a"), PlannedCheck(check="a"))}, "checks: a is listed 2 times"),
        ({"criteria": (criterion(check="a"),)}, "criteria: age judges a, which is not planned"),
    ],
)
def test_a_plan_that_proves_nothing_is_not_built(changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PlanError, match=words):
        plan(**changes)


@pytest.mark.parametrize("field", ["timeout_seconds", "memory_mb"])
def test_a_check_needs_time_and_memory(field: str) -> None:
    with pytest.raises(PlanError) as refusal:
        PlannedCheck.from_document({"check": "a", field: 0})
    assert refusal.value.field == field
    assert PlannedCheck.from_document({"check": "a", field: 1}).check == "a"


def test_lookups_by_check() -> None:
    both = plan(
        checks=(PlannedCheck(check="a"), PlannedCheck(check="b")),
        criteria=(criterion("one", "b"), criterion("two", "a"), criterion("three", "b")),
    )
    assert both.check("b").check == "b"
    assert [entry.id for entry in both.criteria_of("b")] == ["one", "three"]
    assert both.criteria_of("c") == ()
    with pytest.raises(KeyError):
        both.check("c")
