"""Whatever a check does, the service stays up and the observation says what happened."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from audits import children
from audits.checks import load_checks
from audits.evidence import Evidence
from audits.measurements import ObservationStatus
from audits.sandbox import ObservationResult, measure_in_child
from tests.audits.checks.evidence_files import dataset, evidence
from tests.audits.deeds import Deed, DeedParameters

LINEAGE = {"root": "model:risk/1", "nodes": [{"id": "model:risk/1", "kind": "model", "facts": {}}], "edges": []}


Do = Callable[..., ObservationResult]


@pytest.fixture(params=[True, False], ids=["warm", "cold"])
def do(request: pytest.FixtureRequest) -> Do:
    def run(deed: str, target: str = "", *, timeout: float = 20, memory: int = 1024) -> ObservationResult:
        return measure_in_child(
            Deed(),
            DeedParameters(deed, target),
            evidence(lineage=LINEAGE),
            timeout_seconds=timeout,
            memory_mb=memory,
            warm=request.param,
        )

    return run


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


def said(result: ObservationResult) -> str:
    assert result.status is ObservationStatus.MEASURED, result.message
    assert result.measurement is not None
    return result.measurement.notes[0]


def test_an_honest_check_is_measured_with_its_environment(do: Do) -> None:
    result = do("answer")
    assert said(result) == "done"
    assert result.environment["python"].startswith("3.")
    assert result.environment["libraries"]["skops"]
    assert result.seed == 7
    assert result.duration_seconds > 0
    assert "error" not in result.to_document()
    assert do("answer").to_document() == result.to_document()


@pytest.mark.parametrize("deed", ["sleep", "spin"])
def test_a_check_without_end_is_stopped_in_time(do: Do, deed: str) -> None:
    started = time.monotonic()
    result = do(deed, timeout=1.5)
    assert result.status is ObservationStatus.TIMED_OUT
    assert result.code == "timed-out"
    assert time.monotonic() - started < 15


@pytest.mark.parametrize(
    ("deed", "code", "words"),
    [
        ("crash", "crashed", "by signal 6"),
        ("leave", "crashed", "exit code 3"),
        ("exit", "crashed", "without an answer"),
        ("fail", "check-failed", "RuntimeError: no such luck"),
        ("disagree", "reference-disagrees", "rate[sex=f]: is 0.5 here and 0.4 by somebody else"),
        ("swallow", "out-of-memory", "1024 MB"),
        ("start", "check-failed", "a check may not do this: subprocess.Popen"),
        ("fill", "check-failed", "File too large"),
    ],
)
def test_what_a_check_must_not_do_ends_as_an_error(do: Do, deed: str, code: str, words: str) -> None:
    result = do(deed)
    assert result.status is ObservationStatus.ERROR
    assert result.code == code
    assert words in result.message
    assert result.to_document()["error"]["code"] == code
    assert "measurement" not in result.to_document()


def test_the_network_is_out_of_reach(do: Do, listener: int) -> None:
    socket.create_connection(("127.0.0.1", listener), timeout=2).close()
    result = do("connect", str(listener))
    assert result.status is ObservationStatus.ERROR
    assert "may not do this" in result.message


def test_the_network_is_out_of_reach_below_python_too(do: Do, listener: int) -> None:
    result = do("connect_below_python", str(listener))
    if result.environment["network"] != "network namespace":
        pytest.skip("this kernel permits no network namespace, so only the audit hook holds")
    assert said(result) == "-1"


def test_no_secret_is_in_the_environment(do: Do, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET_KEY", "do not tell")
    children._nursery.close()
    seen = said(do("secrets")).split(",")
    assert "SECRET_KEY" not in seen
    assert "OMP_NUM_THREADS" in seen


def test_the_folder_is_gone_afterwards(do: Do) -> None:
    folder = Path(said(do("write")))
    assert folder != Path.cwd()
    assert not folder.exists()


def test_what_is_printed_is_not_taken_for_the_answer(do: Do) -> None:
    assert said(do("print")) == "printed"
    assert said(do("warn")) == "warned"


def test_a_dead_zygote_is_replaced() -> None:
    given = evidence(lineage=LINEAGE)
    for _attempt in range(2):
        result = measure_in_child(Deed(), {}, given, timeout_seconds=20, memory_mb=1024)
        assert result.status is ObservationStatus.MEASURED
        zygote = children._nursery._zygote
        assert zygote is not None
        children.kill_group(zygote._process.pid)
        zygote._process.wait()


def test_a_fork_of_the_service_does_not_use_the_zygote_of_its_parent() -> None:
    given = evidence(lineage=LINEAGE)
    measure_in_child(Deed(), {}, given, timeout_seconds=20, memory_mb=1024)
    process = os.fork()
    if process == 0:
        forgotten = children._nursery._zygote is None
        os._exit(0 if forgotten else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert measure_in_child(Deed(), {}, given, timeout_seconds=20, memory_mb=1024).status is ObservationStatus.MEASURED


# Evidence -------------------------------------------------------------------------------------------------------------

CHECKS = load_checks(
    [
        "audits.checks.fairness_group_metrics.GroupMetrics",
        "audits.checks.lineage_completeness.LineageCompleteness",
        "audits.checks.explainability_shap.ShapExplanation",
    ]
)


def decisions(folder: Path) -> Evidence:
    declared = {"y": ("integer", ("target",)), "p": ("integer", ("prediction",)), "g": ("string", ("sensitive",))}
    columns: dict[str, list[Any]] = {"y": [0, 1, 0, 1], "p": [0, 1, 1, 1], "g": list("aabb")}
    return evidence(dataset(folder / "e.csv", columns, declared, "evaluation"))


def run(check: str, given: Evidence, **parameters: Any) -> ObservationResult:
    return measure_in_child(CHECKS[check], parameters, given, timeout_seconds=30, memory_mb=1024)


def test_a_shipped_check_measures_in_the_child_what_it_measures_here(tmp_path: Path) -> None:
    given = decisions(tmp_path)
    check = CHECKS["fairness.group_metrics"]
    measured = run(check.id, given).measurement
    assert measured is not None
    here = check.measure(given, check.Parameters())
    assert (measured.values, measured.inputs) == (here.values, here.inputs)
    assert set(measured.tables) == {*here.tables, "controls"}


@pytest.mark.parametrize(
    ("check", "words"),
    [
        ("fairness.group_metrics", "needs the evaluation data of risk/1"),
        ("lineage.completeness", "needs a lineage record"),
        ("explainability.shap", "needs the evaluation data"),
    ],
)
def test_without_the_needed_evidence_a_check_is_not_run_and_says_why(check: str, words: str) -> None:
    result = run(check, evidence())
    assert result.status is ObservationStatus.NOT_RUN
    assert result.code == "evidence-missing"
    assert words in result.message


def test_an_explanation_without_an_artifact_is_not_run(tmp_path: Path) -> None:
    result = run("explainability.shap", decisions(tmp_path))
    assert result.status is ObservationStatus.NOT_RUN
    assert "needs the artifact" in result.message


def test_a_file_that_was_changed_after_it_was_recorded_is_not_measured(tmp_path: Path) -> None:
    given = decisions(tmp_path)
    with (tmp_path / "e.csv").open("a") as stream:
        stream.write("1,0,b\n")
    result = run("fairness.group_metrics", given)
    assert (result.status, result.code) == (ObservationStatus.ERROR, "digest-mismatch")
    assert "dataset:evaluation" in result.message


def test_evidence_that_cannot_be_measured_is_an_error_naming_it(tmp_path: Path) -> None:
    result = run("fairness.group_metrics", decisions(tmp_path), sensitive=["gender"])
    assert (result.status, result.code) == (ObservationStatus.ERROR, "evidence-invalid")
    assert "gender" in result.message


def test_a_parameter_of_the_wrong_kind_is_an_error_naming_it(tmp_path: Path) -> None:
    result = run("fairness.group_metrics", decisions(tmp_path), level=7)
    assert (result.status, result.code) == (ObservationStatus.ERROR, "parameter-invalid")


def test_a_failed_result_can_never_be_measured() -> None:
    with pytest.raises(ValueError, match="cannot be measured"):
        ObservationResult.failed(ObservationStatus.MEASURED, "x", "y")
