"""Inside the child process: read one job, confine, verify the evidence, measure, answer, be gone.

The job is JSON on one descriptor, the answer JSON on another; standard output and error go nowhere that matters, so
nothing a library prints can be taken for an answer. `python -m audits.child <answer-fd> [<line-fd>]` reads the job on
stdin.
"""

from __future__ import annotations

import importlib.metadata
import json
import math
import os
import platform
import random
import sys
import tempfile
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits import questions
from audits.checks.base import (
    Check,
    EvidenceError,
    ParameterError,
    ReferenceDisagreementError,
    parse_parameters,
)
from audits.checks.catalogue import CheckLoadError, load_check
from audits.checks.planted import controls_of
from audits.confinement import confine, folder_variables
from audits.controls import measure_beside_controls
from audits.evidence import Evidence
from registry.canonical import digest_file

RECORDED_LIBRARIES = (
    "numpy",
    "scipy",
    "pandas",
    "scikit-learn",
    "fairlearn",
    "skops",
    "onnxruntime",
    "xgboost-cpu",
    "lightgbm",
    "shap",
    "duckdb",
)


def main() -> None:
    """Entry of a spawned child."""
    run_job(sys.stdin.fileno(), *map(int, sys.argv[1:]))


def run_job(job_descriptor: int, answer_descriptor: int, line: int | None = None) -> None:
    """One job from one descriptor to the other. Ends without an answer only if the process dies.

    On `line` a model that answers elsewhere can be asked.
    """
    if line is not None:
        questions.connect(line)
    with open(job_descriptor, encoding="utf-8", closefd=False) as stream:
        job = json.load(stream)
    folder = job["folder"]
    os.chdir(folder)
    os.environ.update(folder_variables(folder))
    tempfile.tempdir = folder
    _silence(folder)
    check = _loaded(job["check"])
    barriers = confine(
        memory_mb=job["memory_mb"],
        cpu_seconds=math.ceil(2 * job["timeout_seconds"]) + 5,
        folder=folder,
        readable=[*_evidence_files(job["evidence"]), *_packages(job["check"])],
    )
    answer = _answer(job, check)
    answer["environment"] = {**environment(), **{name: str(barrier) for name, barrier in barriers.items()}}
    with open(answer_descriptor, "w", encoding="utf-8") as stream:
        json.dump(answer, stream, allow_nan=False)


def _silence(folder: str) -> None:
    """Standard input is empty; output goes to a file whose tail may explain a crash."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    said = os.open(os.path.join(folder, "said.txt"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)  # noqa: PTH118
    for source, target in ((nothing, 0), (said, 1), (said, 2)):
        os.dup2(source, target)


def environment() -> dict[str, Any]:
    """What the numbers depend on besides evidence, parameters and seed."""
    versions = {}
    for name in RECORDED_LIBRARIES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return {"python": platform.python_version(), "machine": platform.machine(), "libraries": versions}


def _loaded(path: str) -> Check | CheckLoadError:
    """The check, loaded while its package can still be read wherever it lies: it is one of ours by the allow-list."""
    try:
        return load_check(path)
    except CheckLoadError as error:
        return error


def _evidence_files(evidence: Mapping[str, Any]) -> list[Path]:
    """The files the job names; a malformed job names none, and is reported when it is read in full."""
    try:
        entries = [evidence["model"], *evidence["datasets"].values(), *evidence.get("contents", ())]
        entries += [evidence["reference_model"]] if evidence.get("reference_model") else []
        return [Path(entry["path"]) for entry in entries if entry["path"] is not None]
    except (KeyError, TypeError, AttributeError):
        return []


def _packages(check: str) -> list[Path]:
    """Where the check's own package lies, from which it may import more when it measures."""
    package = sys.modules.get(check.partition(".")[0])
    return [Path(path) for path in getattr(package, "__path__", ())]


def _answer(job: Mapping[str, Any], check: Check | CheckLoadError) -> dict[str, Any]:  # noqa: PLR0911 - one line for each way to end
    """The measurement, or an error with a stable code; every exception of a check ends here."""
    try:
        if isinstance(check, CheckLoadError):
            return _error("check-not-loadable", str(check))
        parameters = parse_parameters(check, job["parameters"])
        evidence = Evidence.from_document(job["evidence"])
        _verify(evidence)
        random.seed(evidence.seed)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            measurement = measure_beside_controls(
                check, evidence, parameters, lambda: controls_of(check, Path(job["folder"], "controls"))
            )
            return {"measurement": measurement.to_document()}
    except ParameterError as error:
        return _error("parameter-invalid", str(error))
    except _DigestMismatch as error:
        return _error("digest-mismatch", str(error))
    except EvidenceError as error:
        return _error("evidence-invalid", str(error))
    except ReferenceDisagreementError as error:
        return _error("reference-disagrees", str(error))
    except MemoryError:
        return _error("out-of-memory", f"more than the allowed {job['memory_mb']} MB were needed")
    except Exception as error:  # noqa: BLE001 - a crash of a check is an observation, not a crash of the run
        return _error("check-failed", f"{type(error).__name__}: {error}"[:2000])


class _DigestMismatch(Exception):  # noqa: N818 - private, never leaves this module
    """A file is not the one that was named."""


def _verify(evidence: Evidence) -> None:
    """Every file is the one whose digest the record names, checked in the process that is about to read it."""
    files: list[tuple[str, str, Path]] = [
        (f"dataset:{role}", dataset.digest, dataset.path) for role, dataset in evidence.datasets.items()
    ]
    if evidence.model.path is not None:
        files.append(("model", evidence.model.digest, evidence.model.path))
    other = evidence.reference_model
    if other is not None and other.path is not None:
        files.append(("reference_model", other.digest, other.path))
    for name, expected, path in files:
        try:
            found = digest_file(path)
        except OSError as error:
            raise EvidenceError(name, f"cannot be opened: {error.strerror}") from error
        if found != expected:
            raise _DigestMismatch(f"{name}: the record names {expected}, the file is {found}")


def _error(code: str, message: str) -> dict[str, Any]:
    return {"error": {"code": code, "message": message}}


if __name__ == "__main__":
    main()
