"""Every gap in the record is counted once, and an empty record is unknown, never complete."""

from __future__ import annotations

from typing import Any

import pytest

from audits.checks.base import EvidenceError
from audits.checks.lineage_completeness import LineageCompleteness
from tests.audits.checks.evidence_files import evidence, measured, number, the

CHECK = LineageCompleteness()
GAPS = [metric for metric in CHECK.metrics if metric not in ("nodes_total", "datasets_total")]

PATIENTS = {
    "digest": "sha256:" + "1" * 64,
    "owner": "p-1",
    "licence": "internal use",
    "legal_basis": "GDPR 9(2)(h)",
    "source": "hospital export",
    "personal_data": True,
    "withdrawn": False,
}


def record(patients: dict[str, Any] | None = None, **changes: Any) -> dict[str, Any]:
    """patients -> clean -> cohort -> the model, complete but for what is changed."""
    document = {
        "root": "model:risk/1",
        "nodes": [
            {"id": "dataset:patients/1", "kind": "dataset", "facts": {**PATIENTS, **(patients or {})}},
            {"id": "job:clean", "kind": "job", "facts": {}},
            {"id": "dataset:cohort/1", "kind": "dataset", "facts": {**PATIENTS, "source": ""}},
            {"id": "model:risk/1", "kind": "model", "facts": {"digest": "sha256:" + "2" * 64, "owner": "p-2"}},
        ],
        "edges": [
            {"source": "dataset:patients/1", "target": "job:clean", "role": "input"},
            {"source": "job:clean", "target": "dataset:cohort/1", "role": "output"},
            {"source": "dataset:cohort/1", "target": "model:risk/1", "role": "train"},
        ],
    }
    return document | changes


def test_a_complete_record_has_no_gap() -> None:
    answer = measured(CHECK, evidence(lineage=record()))
    assert {metric: number(answer, metric) for metric in GAPS} == dict.fromkeys(GAPS, 0.0)
    assert number(answer, "nodes_total") == 4
    assert number(answer, "datasets_total") == 2
    assert answer.inputs["lineage"].startswith("sha256:")


@pytest.mark.parametrize(
    ("change", "metric"),
    [
        ({"source": ""}, "paths_without_declared_source"),
        ({"digest": None}, "nodes_missing_digest"),
        ({"owner": ""}, "nodes_missing_owner"),
        ({"legal_basis": ""}, "personal_datasets_missing_legal_basis"),
        (
            {"personal_data": False, "special_categories": True, "legal_basis": ""},
            "personal_datasets_missing_legal_basis",
        ),
        ({"personal_data": None}, "datasets_undeclared_personal_data"),
        ({"licence": None}, "datasets_missing_licence"),
        ({"withdrawn": True}, "withdrawn_inputs"),
    ],
)
def test_each_planted_gap_is_counted_and_named(change: Any, metric: str) -> None:
    answer = measured(CHECK, evidence(lineage=record(change)))
    assert number(answer, metric) == 1.0
    assert (metric, "dataset:patients/1") in answer.tables["gaps"].rows
    others = [gap for gap in GAPS if gap != metric]
    assert all(number(answer, other) == 0.0 for other in others)


def test_a_source_that_the_same_content_has_elsewhere_is_named_and_not_taken_over() -> None:
    answer = measured(CHECK, evidence(lineage=record({"source": "", "source_stated_by": ["dataset:register/2"]})))
    assert number(answer, "paths_without_declared_source") == 1.0
    (note,) = answer.notes
    assert note.startswith("dataset:patients/1 states no source; dataset:register/2 of the same content states one")
    assert measured(CHECK, evidence(lineage=record({"source": ""}))).notes == ()


def test_data_without_personal_data_needs_no_legal_basis() -> None:
    answer = measured(CHECK, evidence(lineage=record({"personal_data": False, "legal_basis": ""})))
    assert number(answer, "personal_datasets_missing_legal_basis") == 0.0


def test_an_edge_from_nowhere_is_a_gap_twice_over() -> None:
    document = record()
    document["edges"].append({"source": "dataset:lost/1", "target": "job:clean", "role": "input"})
    answer = measured(CHECK, evidence(lineage=document))
    assert number(answer, "dangling_edges") == 1.0
    assert number(answer, "paths_without_declared_source") == 1.0


def test_a_job_without_inputs_is_not_an_origin() -> None:
    document = record()
    del document["edges"][0]
    answer = measured(CHECK, evidence(lineage=document))
    assert ("paths_without_declared_source", "job:clean") in answer.tables["gaps"].rows


def test_a_dataset_that_is_its_own_ancestor_is_found() -> None:
    document = record()
    document["edges"].append({"source": "dataset:cohort/1", "target": "dataset:patients/1", "role": "derived"})
    assert number(measured(CHECK, evidence(lineage=document)), "cycles") == 1.0


def test_what_does_not_lead_to_the_version_does_not_count() -> None:
    document = record()
    document["nodes"].append({"id": "dataset:other/1", "kind": "dataset", "facts": {}})
    answer = measured(CHECK, evidence(lineage=document))
    assert number(answer, "nodes_missing_owner") == 0.0
    assert number(answer, "nodes_total") == 4


def test_a_version_without_recorded_inputs_is_unknown_not_complete() -> None:
    document = record()
    document["edges"] = []
    answer = measured(CHECK, evidence(lineage=document))
    for metric in CHECK.metrics:
        assert the(answer, metric).value is None
        assert "its origin is unknown" in the(answer, metric).not_estimable


def test_a_document_that_is_no_graph_is_an_error() -> None:
    with pytest.raises(EvidenceError, match="lineage: root"):
        measured(CHECK, evidence(lineage={"nodes": []}))
