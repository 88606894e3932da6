"""A report shows the evidence its decision was made on, whatever was measured, said or withdrawn since."""

from __future__ import annotations

from typing import Any

import pytest

from governance.basis import basis_now, basis_of
from governance.models import GateDecision, PromotionRequest
from governance.promotions import rerun_checks
from governance.reports.document import build_document
from registry import ledger
from registry.datasets import withdraw_dataset_version
from registry.errors import EvidenceMissingError
from registry.models import Person
from tests.people import World
from tests.stories import approve, gap, measure, result


def newest(request: PromotionRequest) -> GateDecision:
    made = request.decisions.order_by("-decided_at", "-pk").first()
    assert made is not None
    return made


def told(decision: GateDecision) -> dict[str, Any]:
    """Everything the report says but when it was made and under which checkpoint."""
    ledger.publish_checkpoint()
    document = build_document(decision, number="R", as_of=decision.decided_at.date()).to_evidence()
    del document["report"]
    document["ledger"] = [entry["index"] for entry in document["ledger"]["entries"]]
    return document


def test_a_report_ordered_after_a_rerun_shows_what_was_decided_on(
    approved: PromotionRequest, maya: Person, victor: Person
) -> None:
    decision = newest(approved)
    before = told(decision)
    assert decision.document["run"] == {"id": approved.run_id, "digest": approved.run.digest}
    rerun_checks(actor=maya, request=approved, reason="newer data")
    approved.refresh_from_db()
    measure(approved, result(gap(0.6)))
    approve(approved, victor, "model_validator", verdict="reject", meaning="rejected")
    decision.refresh_from_db()
    assert told(decision) == before
    assert {finding["outcome"] for finding in before["findings"]} == {"satisfied"}
    again = told(newest(approved))
    assert "not-satisfied" in {finding["outcome"] for finding in again["findings"]}
    assert again["decision"]["outcome"] == "closed"
    assert [review["why_not"] for review in again["reviews"]].count("given in an earlier round") == 2


def test_a_role_that_was_lost_later_changes_no_report(approved: PromotionRequest, victor: Person) -> None:
    decision = newest(approved)
    before = told(decision)
    victor.groups.clear()
    assert told(decision)["reviews"] == before["reviews"]
    assert all(review["counts"] for review in before["reviews"])


def test_data_withdrawn_since_is_told_as_withdrawn_later(
    approved: PromotionRequest, world: World, dora: Person
) -> None:
    decision = newest(approved)
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent was withdrawn")
    problems = {node["problem"] for node in told(decision)["lineage"]["nodes"]}
    assert problems == {"", "withdrawn later"}


def test_an_older_decision_finds_its_run_by_its_round(approved: PromotionRequest, maya: Person) -> None:
    decision = newest(approved)
    del decision.document["run"]
    first = approved.run
    rerun_checks(actor=maya, request=approved, reason="newer data")
    assert basis_of(decision).run == first


@pytest.mark.parametrize("changes", [{"run": {"id": 0, "digest": ""}}, {"round": 7}])
def test_a_report_is_not_written_on_other_evidence(approved: PromotionRequest, changes: dict[str, Any]) -> None:
    decision = newest(approved)
    decision.document |= changes
    with pytest.raises(EvidenceMissingError):
        build_document(decision, number="R", as_of=decision.decided_at.date())


def test_what_is_in_front_of_the_gate_now_is_the_newest_round(approved: PromotionRequest, maya: Person) -> None:
    rerun_checks(actor=maya, request=approved, reason="newer data")
    approved.refresh_from_db()
    assert (basis_now(approved).round, basis_now(approved).run) == (2, approved.run)
