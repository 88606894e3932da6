"""Bytes that are not what was declared are found, whoever declared it."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from django.core.files.storage import default_storage

from audits.checks.base import EvidenceError
from audits.checks.lineage_digests import Digests
from audits.evidence import Evidence, HeldContent
from audits.runs import contents_of
from audits.sandbox import measure_in_child
from registry.canonical import digest_file
from registry.models import ModelVersion
from tests.audits.checks.evidence_files import evidence, measured, number, the
from tests.people import World

CHECK = Digests()
OTHER = "sha256:" + "7" * 64


def given(path: Path, *, held: bool = True, **facts: Any) -> Evidence:
    record = {
        "root": "model:risk/1",
        "nodes": [
            {"id": "dataset:patients/1", "kind": "dataset", "facts": {"digest": digest_file(path), **facts}},
            {"id": "model:risk/1", "kind": "model", "facts": {"digest": OTHER}},
        ],
        "edges": [{"source": "dataset:patients/1", "target": "model:risk/1", "role": "train"}],
    }
    content = HeldContent(node="dataset:patients/1", digest=digest_file(path), path=path)
    return dataclasses.replace(evidence(lineage=record), contents=(content,) if held else ())


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "patients.csv"
    path.write_bytes(b"a\n1\n")
    return path


def test_content_as_declared(file: Path) -> None:
    answer = measured(CHECK, given(file))
    assert [value.value for value in answer.values] == [2, 1, 1, 0, 0, 0]
    assert answer.inputs["dataset:patients/1"] == digest_file(file)


@pytest.mark.parametrize(
    ("facts", "counts"),
    [
        ({"digest": OTHER}, (1, 0, 0)),
        ({"digests": [OTHER]}, (1, 1, 0)),
        ({"digests": ["md5:0cc175b9c0f1b6a831c399e269772661"]}, (0, 0, 1)),
    ],
)
def test_declarations_that_do_not_hold(file: Path, facts: dict[str, Any], counts: tuple[int, ...]) -> None:
    answer = measured(CHECK, given(file, **facts))
    metrics = ("digest_mismatches", "contradictory_declarations", "incomparable_declarations")
    assert tuple(number(answer, metric) for metric in metrics) == counts


def test_content_that_is_not_held_is_counted_not_forgiven(file: Path) -> None:
    answer = measured(CHECK, given(file, held=False))
    assert (number(answer, "contents_not_held"), number(answer, "contents_recomputed")) == (2, 0)


def test_a_file_that_went_away_is_an_error(file: Path) -> None:
    entered = given(file)
    file.unlink()
    with pytest.raises(EvidenceError):
        measured(CHECK, entered)


def test_no_inputs_is_unknown() -> None:
    empty = {"root": "m", "nodes": [{"id": "m", "kind": "model", "facts": {}}], "edges": []}
    assert the(measured(CHECK, evidence(lineage=empty)), "digest_mismatches").value is None


def test_bytes_changed_in_the_store_are_found_in_the_confined_child(world: World, version: ModelVersion) -> None:
    stored = default_storage.path(f"sha256/{world.evaluation.digest[7:9]}/{world.evaluation.digest[7:]}")
    before = Path(stored).read_bytes()
    try:
        Path(stored).write_bytes(before + b"x")
        with contents_of(version, seed=1) as evidence:
            result = measure_in_child(CHECK, CHECK.Parameters(), evidence, timeout_seconds=60, memory_mb=1024)
    finally:
        Path(stored).write_bytes(before)
    assert result.measurement is not None, result
    assert number(result.measurement, "digest_mismatches") == 1
    assert result.measurement.tables["mismatches"].rows[0][0] == "dataset:patients/1"
