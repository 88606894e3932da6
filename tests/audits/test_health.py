"""The record of a check tells whether it would ever stop anybody."""

from __future__ import annotations

import io
import pickle

import pytest
from django.utils import timezone

from audits.health import ENOUGH, CheckHealth, Condition, check_health
from audits.models import AuditRun, Finding, Observation
from registry.errors import ArtifactRefusedError
from registry.models import LedgerEntry, ModelVersion, Person
from registry.versions import store_artifact

CHECK = "fairness.group_metrics"


@pytest.mark.parametrize(
    ("facts", "condition"),
    [
        ({}, Condition.NEVER_RAN),
        ({"attempts": 3}, Condition.NEVER_MEASURED),
        ({"attempts": 9, "measured": 9, "self_tests_failed": 1, "satisfied": 90}, Condition.SELF_TEST_FAILED),
        ({"attempts": 9, "measured": 9, "satisfied": ENOUGH - 1}, Condition.TOO_EARLY),
        ({"attempts": 9, "measured": 9, "satisfied": ENOUGH}, Condition.NEVER_FAILED),
        ({"attempts": 9, "measured": 9, "not_satisfied": ENOUGH}, Condition.ALWAYS_FAILED),
        ({"attempts": 9, "measured": 9, "satisfied": ENOUGH, "not_satisfied": 1}, Condition.ALIVE),
        ({"attempts": 9, "measured": 9, "inconclusive": 50}, Condition.TOO_EARLY),
    ],
)
def test_the_first_thing_to_worry_about(facts: dict[str, int], condition: Condition) -> None:
    assert CheckHealth(check=CHECK, **facts).condition is condition


def observe(version: ModelVersion, status: str, outcome: str, reason: str = "") -> None:
    now = timezone.now()
    run = AuditRun.objects.create(version=version, plan={}, plan_digest="sha256:1", opened_at=now)
    document = {"measurement": {"values": [{"not_estimable": reason}]}}
    common = {"run": run, "document": document, "digest": "sha256:2", "measured_at": now}
    Observation(check_id=CHECK, check_version="1", status=status, duration_seconds=1.0, **common).save()
    common["document"] = {"criterion": {"check": CHECK}}
    Finding(criterion_id="c", outcome=outcome, explanation="", **common).save()


def test_the_record_is_counted_by_check(version: ModelVersion) -> None:
    observe(version, "measured", "satisfied")
    observe(version, "measured", "not-satisfied")
    observe(version, "error", "inconclusive")
    observe(version, "measured", "inconclusive", "the self-test of the check failed at x: y")
    never, ran = check_health(["explainability.shap"])
    assert never == CheckHealth(check="explainability.shap")
    assert ran == CheckHealth(
        check=CHECK, attempts=4, measured=3, self_tests_failed=1, satisfied=1, not_satisfied=1, inconclusive=2
    )


def test_two_queries_answer_for_all_checks(version: ModelVersion, django_assert_num_queries: object) -> None:
    observe(version, "measured", "satisfied")
    with django_assert_num_queries(2):  # type: ignore[operator]
        check_health([CHECK, "a.b", "c.d"])


def test_a_refused_artifact_is_in_the_ledger(version: ModelVersion, maya: Person) -> None:
    with pytest.raises(ArtifactRefusedError):
        store_artifact(actor=maya, version=version, content=io.BytesIO(pickle.dumps({"a": 1})))
    entry = LedgerEntry.objects.order_by("-index").first()
    assert entry is not None
    assert entry.event == "action.refused"
    assert b'"code":"artifact-refused"' in bytes(entry.body)
