"""A report is replayed: its checks are measured again, really, and every figure is held against the one it shows."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from django.db import transaction
from django.utils import timezone

from audits import runs
from audits.agreement import Agreement
from audits.limits import DecideOn
from audits.models import Observation, Report
from audits.plans import AuditPlan
from audits.remeasuring import remeasure
from audits.sandbox import ObservationResult
from governance.models import PromotionRequest
from governance.promotions import rerun_checks
from governance.reports.document import build_document
from governance.reports.replays import Replay, find_report, replay_report
from registry import storage
from registry.canonical import canonical_json
from registry.datasets import withdraw_dataset_version
from registry.errors import EvidenceMissingError, UnknownSubjectError
from registry.models import LedgerEntry, Person
from tests import intruder
from tests.people import World
from tests.stories import approve

Doctor = Callable[[str, ObservationResult], ObservationResult]


def reported(
    request: PromotionRequest, victor: Person, rosa: Person, doctor: Doctor = lambda _, result: result
) -> Report:
    """Measure for real, let the doctor have a hand in it, approve, and issue the report (its PDF is not needed)."""
    for planned in AuditPlan.from_document(request.run.plan).checks:
        result = doctor(planned.check, runs.measure(request.run, planned.check))
        with transaction.atomic():
            runs.record_observation(run_id=request.run_id, check_id=planned.check, result=result)
    request.refresh_from_db()
    if request.state == PromotionRequest.State.IN_REVIEW:
        approve(request, victor, "model_validator")
        approve(request, rosa, "risk_officer")
    decision = request.decisions.latest("decided_at")
    document = build_document(decision, number="AR-1", as_of=decision.decided_at.date())
    evidence = storage.store_bytes(canonical_json(document.to_evidence()), media_type="application/json")
    sealed = storage.store_bytes(b"%PDF- a stand-in", media_type="application/pdf")
    report = Report(
        number="AR-1",
        subject=f"promotion:{request.pk}",
        as_of=timezone.now().date(),
        file_digest=sealed.digest,
        evidence_digest=evidence.digest,
        created_at=timezone.now(),
    )
    report.save()
    return report


def of(replay: Replay, check: str = "fairness.group_metrics") -> Any:
    return next(entry for entry in replay.checks if entry.check == check)


def scaled(factor: float) -> Doctor:
    """A doctor who touches one figure."""

    def doctor(check: str, result: ObservationResult) -> ObservationResult:
        if check != "fairness.group_metrics":
            return result
        assert result.measurement is not None, result.message
        values = list(result.measurement.values)
        place, figure = next((i, value.value) for i, value in enumerate(values) if value.value)
        values[place] = dataclasses.replace(values[place], value=figure * factor)
        return dataclasses.replace(result, measurement=dataclasses.replace(result.measurement, values=tuple(values)))

    return doctor


# -- What agrees ------------------------------------------------------------------------------------------------------
def test_an_honest_report_is_identical(
    asked: PromotionRequest, victor: Person, rosa: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    report = reported(asked, victor, rosa)
    call_command("replay", report.number)
    told = capsys.readouterr().out
    assert "[1/2] fairness.group_metrics: identical" in told
    assert "AR-1: every figure and judgement is the one that the report shows" in told
    entry = json.loads(bytes(LedgerEntry.objects.get(event="report.replayed").body))
    assert entry["facts"]["agreement"] == "identical"


def test_what_happened_since_changes_no_answer(
    asked: PromotionRequest, victor: Person, rosa: Person, maya: Person, dora: Person, world: World
) -> None:
    report = reported(asked, victor, rosa)
    rerun_checks(actor=maya, request=asked, reason="newer data")
    withdraw_dataset_version(actor=dora, version=world.evaluation, reason="consent was withdrawn")
    assert replay_report(report).agreement is Agreement.IDENTICAL


def test_a_check_that_hashes_content_is_given_the_content_again(asked: PromotionRequest, maya: Person) -> None:
    before = AuditPlan.from_document(asked.run.plan)
    planned = dataclasses.replace(before.checks[0], check="lineage.digests", parameters={})
    criterion = dataclasses.replace(
        before.criteria[0],
        check=planned.check,
        metric="digest_mismatches",
        feature=None,
        group=None,
        at_least=None,
        at_most=Decimal(0),
        decide_on=DecideOn.POINT,
    )
    plan = dataclasses.replace(before, checks=(planned,), criteria=(criterion,))
    with transaction.atomic():
        run = runs.open_run(version=asked.version, plan=plan, actor=maya)
        runs.record_observation(run_id=run.pk, check_id=planned.check, result=runs.measure(run, planned.check))
    observation = Observation.objects.get(run=run)
    values = {value["metric"]: value["value"] for value in observation.document["measurement"]["values"]}
    assert values["contents_recomputed"] > 0
    assert remeasure(observation).agreement is Agreement.IDENTICAL


def test_other_libraries_are_told_and_not_guessed_about(
    asked: PromotionRequest, victor: Person, rosa: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    def doctor(_: str, result: ObservationResult) -> ObservationResult:
        libraries = {**result.environment["libraries"], "numpy": "1.0.0"}
        return dataclasses.replace(result, environment={**result.environment, "libraries": libraries})

    report = reported(asked, victor, rosa, doctor)
    call_command("replay", report.number, "--json")
    told = json.loads(capsys.readouterr().out)
    assert told["agreement"] == "identical"
    assert any("numpy is" in note and "was 1.0.0 then" in note for note in told["checks"][0]["caveats"])


def test_a_last_digit_is_within_tolerance_and_named(
    asked: PromotionRequest, victor: Person, rosa: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    report = reported(asked, victor, rosa, scaled(1 + 1e-12))
    call_command("replay", report.number)
    told = capsys.readouterr().out
    assert "fairness.group_metrics: within tolerance" in told
    assert "tolerated: " in told


# -- What does not ----------------------------------------------------------------------------------------------------
def test_a_doctored_figure_is_found_and_named(
    asked: PromotionRequest, victor: Person, rosa: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    report = reported(asked, victor, rosa, scaled(0.99))
    with pytest.raises(CommandError, match="is not what the report shows") as ended:
        call_command("replay", report.number)
    assert ended.value.returncode == 1
    assert ", value: " in capsys.readouterr().out
    call_command("replay", report.number, "--tolerance", "0.05")


def test_an_observation_changed_in_the_database_is_not_what_the_report_shows(
    asked: PromotionRequest, victor: Person, rosa: Person
) -> None:
    report = reported(asked, victor, rosa)
    for observation in Observation.objects.all():
        text = json.dumps(observation.document).replace("0.95", "0.99")
        intruder.run("UPDATE audits_observation SET document = %s WHERE id = %s", text, observation.pk)
    found = replay_report(report)
    assert found.agreement is Agreement.DIFFERENT
    assert of(found).differences[0].figure == "digest of the stored observation"
    assert any("interval, level" in difference.figure for difference in of(found).differences)


def test_a_judgement_that_is_not_the_same_is_a_difference(
    asked: PromotionRequest, victor: Person, rosa: Person
) -> None:
    report = reported(asked, victor, rosa)
    intruder.run("UPDATE audits_finding SET outcome = 'inconclusive' WHERE criterion_id = 'selection-gap'")
    (found,) = of(replay_report(report)).differences
    assert (found.figure, found.recorded, found.again) == ("criterion selection-gap", "inconclusive", "satisfied")


# -- What cannot be repeated ------------------------------------------------------------------------------------------
def test_data_that_is_gone_is_named(
    asked: PromotionRequest,
    victor: Person,
    rosa: Person,
    world: World,
    capsys: pytest.CaptureFixture[str],
) -> None:
    report = reported(asked, victor, rosa)
    hexadecimal = world.evaluation.digest.removeprefix("sha256:")
    default_storage.delete(f"sha256/{hexadecimal[:2]}/{hexadecimal}")
    with pytest.raises(CommandError, match="not every check could be repeated") as ended:
        call_command("replay", report.number)
    assert ended.value.returncode == 2
    assert f"The evidence store has no {world.evaluation.digest}" in capsys.readouterr().out


def test_a_check_that_is_no_longer_run_here_is_named(
    asked: PromotionRequest, victor: Person, rosa: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = reported(asked, victor, rosa)
    monkeypatch.setattr(runs, "known_checks", dict)
    found = of(replay_report(report))
    assert (found.agreement, found.problem) == (
        Agreement.NOT_REPEATED,
        "fairness.group_metrics is not among the checks run here.",
    )


def test_a_check_that_measures_now_and_did_not_then_is_a_difference(
    asked: PromotionRequest, victor: Person, rosa: Person
) -> None:
    def doctor(check: str, result: ObservationResult) -> ObservationResult:
        return ObservationResult.not_run("check-unknown", "It was not run.") if check.startswith("f") else result

    found = of(replay_report(reported(asked, victor, rosa, doctor)))
    first = found.differences[0]
    assert (first.figure, first.recorded, first.again) == (
        "how it ended",
        "not-run check-unknown",
        "measured",
    )


def test_evidence_of_a_report_that_is_gone_is_an_error(asked: PromotionRequest, victor: Person, rosa: Person) -> None:
    report = reported(asked, victor, rosa)
    hexadecimal = report.evidence_digest.removeprefix("sha256:")
    default_storage.delete(f"sha256/{hexadecimal[:2]}/{hexadecimal}")
    with pytest.raises(EvidenceMissingError):
        replay_report(report)
    with pytest.raises(CommandError) as ended:
        call_command("replay", report.number)
    assert ended.value.returncode == 2


# -- Which report -----------------------------------------------------------------------------------------------------
def test_a_report_is_found_by_number_by_promotion_and_by_its_file(
    asked: PromotionRequest, victor: Person, rosa: Person, tmp_path: Path
) -> None:
    report = reported(asked, victor, rosa)
    (tmp_path / "report.pdf").write_bytes(storage.read_bytes(report.file_digest))
    (tmp_path / "evidence.json").write_bytes(storage.read_bytes(report.evidence_digest))
    for named in (report.number, str(asked.pk), tmp_path / "report.pdf", tmp_path / "evidence.json"):
        assert find_report(str(named)) == report


@pytest.mark.parametrize("named", ["AR-0", "00000000-0000-0000-0000-000000000000", ""])
def test_what_is_no_report_is_not_found(db: None, named: str) -> None:
    with pytest.raises(UnknownSubjectError):
        find_report(named)


def test_a_file_that_was_changed_is_not_found(
    asked: PromotionRequest, victor: Person, rosa: Person, tmp_path: Path
) -> None:
    report = reported(asked, victor, rosa)
    (tmp_path / "report.pdf").write_bytes(storage.read_bytes(report.file_digest) + b" ")
    with pytest.raises(CommandError, match=r"assay_verify\.py") as ended:
        call_command("replay", str(tmp_path / "report.pdf"))
    assert ended.value.returncode == 2


@pytest.mark.parametrize("tolerance", ["-1", "1", "much"])
def test_a_tolerance_is_a_small_part(db: None, tolerance: str) -> None:
    with pytest.raises(CommandError, match="below 1"):
        call_command("replay", "AR-1", "--tolerance", tolerance)
