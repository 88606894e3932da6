"""The independent verifier: honest reports pass; what the evidence contradicts is called by its name."""

from __future__ import annotations

import base64
import copy
import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import assay_verify
from audits.reports.seal import seal_pdf
from registry.keys import Keyring
from tests.clients.desk import AUTHENTIC, LOG, STATED, TAMPERED, UNVERIFIABLE, Desk, Log, evidence_of, pdf_of

CLIENTS = Path(assay_verify.__file__).parent


# -- Honest reports ---------------------------------------------------------------------------------------------------
def test_an_honest_report_is_authentic_and_everything_in_it_was_checked(desk: Desk) -> None:
    kept = desk.keep(LOG.note(8, desk.keyring))
    outcome = desk.verify(desk.report, "--keys", desk.keys, "--checkpoint", kept)
    assert (outcome.exit_code, outcome.problem) == (AUTHENTIC, "")
    assert outcome.facts["recomputed"] == len(STATED)
    assert outcome.skipped[-1] == "1 figures have no table beside them that this verifier knows"
    assert outcome.facts["decision"] == "open"
    assert outcome.facts["development"] is True


def test_what_was_not_checked_is_said(desk: Desk) -> None:
    outcome = desk.verify(desk.report)
    assert outcome.exit_code == AUTHENTIC
    assert [word for word in ("--keys", "--checkpoint") if word in " ".join(outcome.skipped)] == [
        "--keys",
        "--checkpoint",
    ]


def test_a_copy_of_the_folder_runs_alone_and_answers_by_its_exit_code(desk: Desk, tmp_path: Path) -> None:
    for part in CLIENTS.glob("assay_*.py"):
        (tmp_path / part.name).write_bytes(part.read_bytes())
    (tmp_path / "report.pdf").write_bytes(desk.report)
    changed = bytearray(desk.report)
    changed[len(changed) // 3] ^= 1
    (tmp_path / "changed.pdf").write_bytes(changed)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-I", "assay_verify.py", *arguments]
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)

    trust = ("--trust", str(desk.folder / "ca.pem"))
    assert run("report.pdf", *trust).returncode == AUTHENTIC
    assert "AUTHENTIC" in run("report.pdf", *trust).stdout
    ran = run("changed.pdf", *trust, "--json")
    assert (ran.returncode, json.loads(ran.stdout)["verdict"]) == (TAMPERED, "tampered")
    assert "--trust" in run("report.pdf").stdout
    assert run("report.pdf").returncode == UNVERIFIABLE
    assert run("nothing.pdf", *trust).returncode == UNVERIFIABLE


def test_it_imports_nothing_of_the_product() -> None:
    for part in CLIENTS.glob("assay_*.py"):
        imported = re.findall(r"^\s*(?:from|import) (\w+)", part.read_text(), re.MULTILINE)
        assert not {"registry", "audits", "governance", "django"} & set(imported), part.name


# -- Sealed, but the evidence disagrees with itself -------------------------------------------------------------------
def _changed(evidence: dict[str, Any], change: Callable[[dict[str, Any]], Any]) -> dict[str, Any]:
    changed = copy.deepcopy(evidence)
    change(changed)
    assert changed != evidence
    return changed


def _values(evidence: dict[str, Any]) -> Any:
    return evidence["observations"][0]["values"]


def _entry(evidence: dict[str, Any]) -> Any:
    return evidence["ledger"]["entries"][1]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda e: _values(e)[3].update(value=0.26), "selection_rate[sex=f] is stated as 0.26"),
        (lambda e: _values(e)[3].update(value=0.25 + 1e-8), "selection_rate[sex=f]"),
        (lambda e: _values(e)[3].update(value="0.25"), "selection_rate[sex=f]"),
        (lambda e: _values(e)[3].update(group="x"), "counts are not in the evidence"),
        (lambda e: _values(e)[-4].update(value=0.3), "equalized_odds_difference[sex]"),
        (lambda e: e["observations"][0]["tables"]["cells"]["rows"][0].__setitem__(4, 9), "is stated as"),
        (lambda e: e["observations"][0]["tables"]["cells"]["rows"][0].__setitem__(4, -8), "malformed"),
        (lambda e: e["observations"][0]["tables"]["cells"]["columns"].pop(), "malformed"),
        (lambda e: _entry(e).update(body=base64.b64encode(LOG.body(11, 11)).decode()), "ledger entry 11"),
        (lambda e: _entry(e).update(index=12), "ledger entry 12"),
        (lambda e: _entry(e).update(index=23), "outside the log of 23"),
        (lambda e: _entry(e)["proof"].pop(), "ledger entry 11"),
        (lambda e: _entry(e)["proof"].append("00" * 32), "too long"),
        (lambda e: _entry(e)["proof"].__setitem__(0, "zz"), "malformed"),
        (lambda e: _entry(e).pop("body"), "malformed"),
        (lambda e: e["ledger"].update(checkpoint="nonsense"), "not a checkpoint"),
    ],
)
def test_evidence_that_disagrees_with_itself_is_found(
    desk: Desk, change: Callable[[dict[str, Any]], Any], words: str
) -> None:
    outcome = desk.verify_evidence(_changed(evidence_of(desk.keyring), change))
    assert outcome.exit_code == TAMPERED
    assert words in outcome.problem


def test_a_checkpoint_by_another_key_is_found(desk: Desk, tmp_path: Path) -> None:
    stranger = Keyring.open(tmp_path / "keys", create=True)
    evidence = _changed(evidence_of(desk.keyring), lambda e: e["ledger"].update(checkpoint=LOG.note(23, stranger)))
    assert desk.verify_evidence(evidence).exit_code == AUTHENTIC
    outcome = desk.verify_evidence(evidence, "--keys", desk.keys)
    assert outcome.exit_code == TAMPERED
    assert "not signed by a key of the log" in outcome.problem


@pytest.mark.parametrize(
    ("size", "changed", "exit_code", "words"),
    [
        (23, -1, AUTHENTIC, ""),
        (8, -1, AUTHENTIC, ""),
        (23, 4, TAMPERED, "two histories"),
        (8, 4, TAMPERED, "two histories"),
        (9, -1, UNVERIFIABLE, "no proof that one continues the other"),
        (30, -1, UNVERIFIABLE, "no proof that one continues the other"),
    ],
)
def test_a_rewritten_history_is_found_by_whoever_kept_a_checkpoint(
    desk: Desk, size: int, changed: int, exit_code: int, words: str
) -> None:
    kept = desk.keep(Log(30, changed).note(size, desk.keyring))
    outcome = desk.verify(desk.report, "--checkpoint", kept)
    assert outcome.exit_code == exit_code, outcome.problem
    assert words in outcome.problem


@pytest.mark.parametrize("note", ["", "other.example\n23\n" + "A" * 43 + "=\n\n", "x\n-1\nAAAA\n"])
def test_a_kept_checkpoint_that_is_none_cannot_answer(desk: Desk, note: str) -> None:
    assert desk.verify(desk.report, "--checkpoint", desk.keep(note)).exit_code == UNVERIFIABLE


@pytest.mark.parametrize(
    ("evidence", "name"),
    [({"schema": "assay.report/2"}, "evidence.json"), ([], "evidence.json"), ({"schema": "assay.report/1"}, "x.json")],
)
def test_evidence_of_another_form_cannot_be_verified(desk: Desk, evidence: Any, name: str) -> None:
    sealed = seal_pdf(pdf_of(evidence, name), keyring=desk.keyring, reason="Report")
    assert desk.verify(sealed).exit_code == UNVERIFIABLE
