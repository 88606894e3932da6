"""What a hostile model could try once it runs: each attack is refused or contained, and the service stays up."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from audits.measurements import ObservationStatus
from audits.sandbox import ObservationResult, measure_in_child
from tests.audits.checks.evidence_files import evidence
from tests.audits.deeds import Deed, DeedParameters

Do = Callable[..., ObservationResult]
NOT_PERMITTED, DENIED = "Operation not permitted", "Permission denied"


@pytest.fixture(params=[True, False], ids=["warm", "cold"])
def do(request: pytest.FixtureRequest) -> Do:
    def run(deed: str, target: str = "") -> ObservationResult:
        return measure_in_child(
            Deed(), DeedParameters(deed, target), evidence(), timeout_seconds=20, memory_mb=1024, warm=request.param
        )

    return run


def said(result: ObservationResult) -> str:
    assert result.status is ObservationStatus.MEASURED, result.message
    assert result.measurement is not None
    return result.measurement.notes[0]


def needs(result: ObservationResult, what: str, barrier: str) -> None:
    if result.environment[what] != barrier:
        pytest.skip(f"this kernel has no {barrier}, so only the audit hook holds")


def test_how_everything_was_barred_is_recorded(do: Do) -> None:
    recorded = do("answer").environment
    assert recorded["network"] in {"network namespace", "audit hook only"}
    assert recorded["files"] in {"landlock", "audit hook only"}
    assert recorded["calls"] in {"seccomp", "audit hook only"}


def test_twenty_gigabytes_are_not_given(do: Do) -> None:
    result = do("allocate")
    assert (result.status, result.code) == (ObservationStatus.ERROR, "out-of-memory")


@pytest.mark.parametrize("deed", ["fork_bomb", "run_program"])
def test_no_process_can_be_made_below_python(do: Do, deed: str) -> None:
    needs(do("answer"), "calls", "seccomp")
    assert said(do(deed)) == NOT_PERMITTED


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the numbers of the calls are those of x86-64")
def test_no_process_can_be_made_by_system_call(do: Do) -> None:
    needs(do("answer"), "calls", "seccomp")
    assert said(do("clone_bomb")) == "[-1, -1]"


def test_threads_may_still_be_started(do: Do) -> None:
    assert said(do("thread")) == "threads run"


def test_the_service_cannot_be_signalled(do: Do) -> None:
    needs(do("answer"), "calls", "seccomp")
    assert said(do("signal_parent", str(os.getpid()))) == NOT_PERMITTED


@pytest.mark.parametrize("deed", ["write_outside", "link", "write_below_python"])
def test_nothing_is_written_outside_of_the_folder(do: Do, deed: str, tmp_path: Path) -> None:
    target = tmp_path / "mark"
    result = do(deed, str(target))
    assert not target.exists()
    if deed == "write_outside":
        assert (result.status, result.code) == (ObservationStatus.ERROR, "check-failed")
        assert "may not do this: write outside" in result.message
        return
    needs(result, "files", "landlock")
    assert said(result) == DENIED


def test_evidence_cannot_be_changed(do: Do, tmp_path: Path) -> None:
    target = tmp_path / "evidence.csv"
    target.write_text("y\n1\n")
    assert do("write_outside", str(target)).status is ObservationStatus.ERROR
    assert target.read_text() == "y\n1\n"


@pytest.mark.parametrize("deed", ["read", "read_below_python"])
def test_files_of_the_service_and_of_the_system_cannot_be_read(do: Do, deed: str, tmp_path: Path) -> None:
    secret = tmp_path / "signing.key"
    secret.write_text("secret")
    for target in (str(secret), "/etc/passwd"):
        result = do(deed, target)
        needs(do("answer"), "files", "landlock")
        if deed == "read":
            assert result.status is ObservationStatus.ERROR
            assert DENIED in result.message
        else:
            assert said(result) == DENIED


def test_the_environment_of_the_service_cannot_be_read(do: Do) -> None:
    result = do("environment_of", str(os.getpid()))
    needs(do("answer"), "files", "landlock")
    assert result.status is ObservationStatus.ERROR
    assert DENIED in result.message


def test_the_web_process_imports_nothing_that_models_need() -> None:
    heavy = {"sklearn", "shap", "numba", "numpy", "pandas", "onnxruntime", "xgboost", "lightgbm", "duckdb", "skops"}
    code = (
        "import sys, audits.sandbox, audits.checks.catalogue as c; from audits.checks import explainability_shap; "
        "print(' '.join(sorted(set(sys.modules))))"
    )
    import subprocess

    found = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True).stdout.split()
    assert heavy.isdisjoint(found)
