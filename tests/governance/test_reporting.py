"""Reports as people order and read them: sealed, dated, in one bundle; the law of another day on order."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from datetime import date
from pathlib import Path
from typing import Any

import pytest

import assay_bundle
import assay_verify
from audits.models import Report
from audits.oscal import dangling
from audits.reports.seal_parts import parts_of
from governance import performers, reporting
from governance.models import GateDecision, PolicyVersion, PromotionRequest
from governance.policy_versions import activate_policy, draft_policy
from governance.reports.document import build_document
from registry import storage
from registry.errors import InvalidInputError, PermissionRefusedError, UnknownSubjectError
from registry.models import LedgerEntry, Person, WorkItem
from registry.notes import Receipt
from registry.signing import keyring
from tests.people import PASSWORD
from tests.stories import POLICY

BEFORE, AFTER = date(2026, 6, 30), date(2026, 8, 1)
#: One control of each fate: deferred, repealed, new, unsettled, and one that the amendment left alone.
CONTROLS = "[aia-10-2-f, aia-10-5, aia-4a-1-b, aia-86-1, gdpr-5-1-d]"


@pytest.fixture
def policy(carla: Person, rosa: Person) -> PolicyVersion:
    """House rules that name controls which the amendment of 2026 treated differently."""
    version = draft_policy(actor=carla, source=POLICY.replace("controls: [aia-10-2-f]", f"controls: {CONTROLS}"))
    return activate_policy(actor=rosa, policy_version=version, password=PASSWORD, reason="agreed")


@pytest.fixture
def decision(approved: PromotionRequest) -> GateDecision:
    made = approved.decisions.order_by("-decided_at", "-pk").first()
    assert made is not None
    return made


def controls(decision: GateDecision, as_of: date) -> dict[str, dict[str, Any]]:
    document = build_document(decision, number="R", as_of=as_of).to_evidence()
    assert document["report"]["as_of"] == as_of.isoformat()
    return {control["id"]: control for control in document["controls"]}


# -- The law of a day -------------------------------------------------------------------------------------------------
def test_reports_of_two_days_differ_exactly_where_the_law_did(decision: GateDecision) -> None:
    before, after = controls(decision, BEFORE), controls(decision, AFTER)
    assert {name for name in before if before[name] != after[name]} == {
        "aia-10-2-b",
        "aia-10-2-f",
        "aia-10-5",
        "aia-4a-1-b",
        "aia-86-1",
    }
    dates = "upcoming, applies from {} (Annex III) and {} (Annex I)"
    assert before["aia-10-2-f"]["effective"] == dates.format("2 August 2026", "2 August 2027")
    assert after["aia-10-2-f"]["effective"] == dates.format("2 December 2027", "2 August 2028")
    assert before["aia-10-5"]["verdict"] == "evidence supports"
    assert (after["aia-10-5"]["verdict"], after["aia-10-5"]["why"]) == (
        "not applicable",
        "repealed since 27 July 2026; see Art. 4a(1)",
    )
    assert (before["aia-4a-1-b"]["verdict"], before["aia-4a-1-b"]["why"]) == (
        "not applicable",
        "not law on 30 June 2026",
    )
    assert after["aia-4a-1-b"]["verdict"] == "evidence supports"
    assert before["aia-86-1"]["effective"] == "upcoming, applies from 2 August 2026"
    assert after["aia-86-1"]["effective"].startswith("date unsettled: ")


def test_a_report_tells_the_law_of_the_day_of_its_decision(decision: GateDecision) -> None:
    assert reporting.report_number(decision, as_of=decision.decided_at.date()) == reporting.report_number(decision)


# -- Ordering ---------------------------------------------------------------------------------------------------------
def test_a_report_with_the_law_of_another_day_is_ordered_once(approved: PromotionRequest, maya: Person) -> None:
    number = reporting.order_report(actor=maya, request=approved, as_of=BEFORE)
    assert number.endswith("-L20260630")
    assert reporting.order_report(actor=maya, request=approved, as_of=BEFORE) == number
    item = WorkItem.objects.get(key=f"report:{number}")
    assert item.payload["as_of"] == "2026-06-30"


@pytest.mark.parametrize(
    ("as_of", "language", "field"),
    [
        (date(2016, 5, 23), "en", "as_of"),
        (date(2099, 1, 1), "en", "as_of"),
        (AFTER, "fr", "language"),
        (AFTER, "", "language"),
    ],
)
def test_what_cannot_be_written_is_not_ordered(
    approved: PromotionRequest, maya: Person, as_of: date, language: str, field: str
) -> None:
    with pytest.raises(InvalidInputError) as refusal:
        reporting.order_report(actor=maya, request=approved, as_of=as_of, language=language)
    assert refusal.value.field == field


def test_an_outsider_orders_none(approved: PromotionRequest, otto: Person) -> None:
    with pytest.raises(PermissionRefusedError):
        reporting.order_report(actor=otto, request=approved, as_of=AFTER)
    assert LedgerEntry.objects.filter(event="action.refused").exists()


def test_nothing_is_reported_before_it_is_decided(asked: PromotionRequest, maya: Person) -> None:
    with pytest.raises(UnknownSubjectError, match="Nothing has been decided"):
        reporting.order_report(actor=maya, request=asked, as_of=AFTER)


# -- Issuing ----------------------------------------------------------------------------------------------------------
@pytest.mark.slow
def test_an_ordered_report_is_sealed_bundled_and_found(
    approved: PromotionRequest, decision: GateDecision, maya: Person, tmp_path: Path
) -> None:
    reporting.order_report(actor=maya, request=approved, as_of=BEFORE)
    performers.ReportPerformer().perform({"decision": str(decision.pk)})
    performers.ReportPerformer().perform({"decision": str(decision.pk), "as_of": "2026-06-30", "language": "en"})
    usual, ordered = reporting.newest_report(approved), reporting.newest_report(approved, as_of=BEFORE)
    assert usual is not None
    assert ordered is not None
    assert (usual.number, ordered.number) == (
        reporting.report_number(decision),
        reporting.report_number(decision, as_of=BEFORE),
    )
    packed = reporting.read_bundle(actor=maya, report=ordered)
    assert LedgerEntry.objects.filter(event="report.read").count() == 1
    (tmp_path / "bundle.zip").write_bytes(packed)
    (tmp_path / "ca.pem").write_bytes(keyring().anchor_pem)
    assert assay_bundle.main([str(tmp_path / "bundle.zip"), "--trust", str(tmp_path / "ca.pem")]) == 0
    with zipfile.ZipFile(io.BytesIO(packed)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    (tmp_path / "report.pdf").write_bytes(files["report.pdf"])
    # In a process of its own, as a reader would: the verifier silences the logs of the libraries it uses.
    asked = [sys.executable, assay_verify.__file__, str(tmp_path / "report.pdf"), "--trust", str(tmp_path / "ca.pem")]
    told = json.loads(subprocess.run([*asked, "--json"], check=False, capture_output=True).stdout)
    assert [
        word for word in ("one seal over every byte", "entries are in the log") if word in " ".join(told["held"])
    ] == [
        "one seal over every byte",
        "entries are in the log",
    ]
    assert "the table cells that fairness.group_metrics puts beside it is left out" in told["problem"]  # a stand-in
    assert files["evidence.json"] == storage.read_bytes(ordered.evidence_digest)
    assert files["report.pdf"] == storage.read_bytes(ordered.file_digest)
    assert files["checkpoint"] == Receipt.parse(files["decision.tlog-proof"].decode()).checkpoint.encode()
    assert parts_of(files["report.pdf"]).items() <= files.items()
    rows = [line.split("|")[1] for line in files["VERIFY.md"].decode().splitlines() if line.startswith("|")]
    explained = {name.strip() for row in rows for name in row.split(",")}
    assert {name for name in files if not name.startswith(("assay_", "MANIFEST", "VERIFY"))} <= explained
    catalog = json.loads(files["oscal-catalog.json"])
    known = {entry["id"] for group in catalog["catalog"]["groups"] for entry in group["controls"]}
    known |= {f"{name}_smt" for name in known}
    assert dangling(json.loads(files["oscal-assessment-results.json"]), known) == ()


@pytest.mark.slow
def test_a_report_is_issued_once_under_its_number(decision: GateDecision) -> None:
    first, _ = reporting.issue_report(decision)
    again, _ = reporting.issue_report(decision)
    assert first.pk == again.pk
    assert Report.objects.count() == 1
