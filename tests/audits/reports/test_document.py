"""The report document: what it refuses, and what it hands to the independent verifier."""

from __future__ import annotations

import base64
import dataclasses
import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone

import pytest

from audits.criteria import Outcome
from audits.measurements import ObservationStatus
from audits.reports.document import ReportDocument, plain
from audits.reports.parts import ControlFacts, Decision, DocumentError, FindingFacts, MissingReview
from registry.canonical import canonical_json

NAIVE = datetime(2026, 11, 20, 12)  # noqa: DTZ001 - the point of the test


def decision(**parts: object) -> Decision:
    given = {"outcome": "open", "decided_at": NAIVE, "valid_until": None, "digest": "sha256:0", "enforced": True}
    return Decision(**{**given, **parts})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "blocking", [{"blocking": ("auc",)}, {"missing_reviews": (MissingReview(role="risk_officer"),)}]
)
def test_an_open_gate_with_something_blocking_never_reaches_paper(blocking: dict[str, object]) -> None:
    with pytest.raises(DocumentError, match=r"decision\.blocking"):
        decision(**blocking)


def test_a_gate_that_only_warns_may_be_open_although_something_would_block() -> None:
    assert decision(enforced=False, blocking=("auc",)).blocking == ("auc",)


@pytest.mark.parametrize("word", ["passed", "", "OPEN", "compliant"])
def test_a_gate_is_open_or_closed_and_nothing_else(word: str) -> None:
    with pytest.raises(DocumentError, match="neither open nor closed"):
        decision(outcome=word)


@pytest.mark.parametrize("word", ["compliant", "pass", "supports", ""])
def test_a_control_has_only_the_five_verdict_words(word: str) -> None:
    with pytest.raises(ValueError, match="is not a valid Verdict"):
        ControlFacts(id="x", framework="GDPR", reference="Art. 5", title="", duty="", effective="", verdict=word)  # type: ignore[arg-type]


def test_an_unknown_outcome_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a valid Outcome"):
        FindingFacts(
            criterion="auc", title="", check="x.y", metric="auc", limit="", explanation="", reason="", set_by="",
            outcome="pass",  # type: ignore[arg-type]
        )  # fmt: skip


def test_a_time_without_its_zone_is_not_evidence() -> None:
    with pytest.raises(DocumentError, match="no time zone"):
        plain(NAIVE)


def test_a_type_that_json_does_not_know_is_refused() -> None:
    with pytest.raises(DocumentError, match="set has no place"):
        plain({"a": {1}})


def test_times_are_written_in_utc() -> None:
    assert plain(NAIVE.replace(tzinfo=timezone(timedelta(hours=2)))) == "2026-11-20T10:00:00Z"


def test_the_evidence_is_canonical_json_with_the_names_that_the_verifier_reads(closed_document: ReportDocument) -> None:
    evidence = json.loads(canonical_json(closed_document.to_evidence()))
    assert evidence["schema"] == "assay.report/1"
    observation = evidence["observations"][0]
    assert observation["check"] == "fairness.group_metrics"
    assert observation["check_version"] == "1"
    assert observation["status"] == ObservationStatus.MEASURED
    assert observation["tables"]["cells"]["columns"][:2] == ["feature", "group"]
    assert observation["tables"]["cells"]["rows"][0] == ["sex", "female", 38, 14, 9, 83, 144]
    assert observation["values"][0]["interval"]["method"] == "newcombe"
    assert evidence["findings"][1]["outcome"] == "not-satisfied"
    assert evidence["ledger"]["checkpoint"].startswith("assay.example/ledger\n48\n")
    entry = evidence["ledger"]["entries"][0]
    assert base64.b64decode(entry["body"]) == closed_document.ledger.entries[0].body
    assert all(len(bytes.fromhex(sibling)) == 32 for sibling in entry["proof"])


def test_the_selection_rates_recompute_from_the_cells(closed_document: ReportDocument) -> None:
    observation = closed_document.to_evidence()["observations"][0]
    rates = {(v["feature"], v["group"]): v for v in observation["values"] if v["metric"] == "selection_rate"}
    for feature, group, tp, fp, fn, tn, n in observation["tables"]["cells"]["rows"]:
        assert rates[feature, group]["value"] == (tp + fp) / n
        assert rates[feature, group]["n"] == tp + fp + fn + tn


def test_counts_are_of_the_findings_that_came_out_so(closed_document: ReportDocument) -> None:
    assert [closed_document.count(outcome) for outcome in Outcome] == [2, 1, 1, 0, 1, 0]


def test_evidence_changes_when_one_fact_does(bare: Callable[..., ReportDocument]) -> None:
    before = bare()
    after = dataclasses.replace(before, request=dataclasses.replace(before.request, reason="another"))
    assert canonical_json(before.to_evidence()) != canonical_json(after.to_evidence())
