"""Where the terms of the data do not carry the use, the place is named; where they do, nothing is."""

from __future__ import annotations

from typing import Any

import pytest

from audits.checks._terms import conflict, forbids_commerce, says_nothing
from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.lineage_purpose import Purpose
from tests.audits.checks.evidence_files import evidence, measured, number, the

CHECK = Purpose()
CARD: dict[str, Any] = {
    "personal_data": True,
    "purposes": ["care planning"],
    "legal_basis": "6(1)(e)",
    "licence": "CC-BY-4.0",
    "retention_until": "2099-12-31",
    "regions": ["DE"],
}
COUNTED = [metric for metric in CHECK.metrics if metric != "datasets_for_other_purposes"]


def record(register: dict[str, Any] | None = None, cohort: dict[str, Any] | None = None, role: str = "train") -> Any:
    """register -> job -> cohort -> the model."""
    nodes = {
        "dataset:register/1": ("dataset", {**CARD, **(register or {})}),
        "job:split": ("job", {}),
        "dataset:cohort/1": ("dataset", {**CARD, **(cohort or {})}),
        "model:risk/1": ("model", {}),
    }
    steps = [("dataset:register/1", "job:split", "input"), ("job:split", "dataset:cohort/1", "output")]
    steps.append(("dataset:cohort/1", "model:risk/1", role))
    return {
        "root": "model:risk/1",
        "nodes": [{"id": name, "kind": kind, "facts": facts} for name, (kind, facts) in nodes.items()],
        "edges": [{"source": source, "target": target, "role": word} for source, target, word in steps],
    }


def test_terms_that_carry_the_use_count_nothing() -> None:
    answer = measured(CHECK, evidence(lineage=record()), purposes=["Care Planning"])
    assert {metric: number(answer, metric) for metric in CHECK.metrics} == dict.fromkeys(CHECK.metrics, 0.0)


@pytest.mark.parametrize(
    ("register", "cohort", "metric", "place"),
    [
        ({}, {"purposes": []}, "datasets_without_purpose", "dataset:cohort/1"),
        ({}, {"purposes": ["marketing"]}, "purposes_widened", "dataset:register/1 -> dataset:cohort/1"),
        ({"legal_basis": ""}, {"legal_basis": ""}, "legal_bases_missing", "dataset:register/1"),
        ({}, {"legal_basis": "6(1)(a)"}, "legal_bases_changed", "dataset:register/1 -> dataset:cohort/1"),
        ({}, {"special_categories": True}, "special_data_without_exception", "dataset:cohort/1"),
        ({"special_exception": "4a"}, {}, "bias_data_in_training", "dataset:register/1"),
        ({}, {"licence": "LicenseRef-unknown"}, "licences_unknown", "dataset:cohort/1"),
        ({}, {"licence": "as agreed"}, "licences_unknown", "dataset:cohort/1"),
        ({"licence": "CC-BY-ND-4.0"}, {}, "licence_conflicts", "dataset:register/1 -> dataset:cohort/1"),
        ({"licence": "CC-BY-SA-4.0"}, {}, "licence_conflicts", "dataset:register/1 -> dataset:cohort/1"),
        ({}, {"licence": "CC-BY-NC-4.0"}, "licence_conflicts", "dataset:cohort/1"),
        ({}, {"retention_until": None}, "retention_missing", "dataset:cohort/1"),
        ({}, {"retention_passed": True}, "retention_passed", "dataset:cohort/1"),
        ({"regions": []}, {}, "regions_missing", "dataset:register/1"),
        ({}, {"regions": ["DE", "US"]}, "transfers_without_safeguard", "dataset:register/1 -> dataset:cohort/1"),
        ({"withdrawn": True}, {}, "withdrawn_or_dropped", "dataset:register/1"),
        ({"lifecycle": "DROP"}, {}, "withdrawn_or_dropped", "dataset:register/1"),
    ],
)
def test_each_planted_fault_is_counted_at_its_place(
    register: dict[str, Any], cohort: dict[str, Any], metric: str, place: str
) -> None:
    answer = measured(CHECK, evidence(lineage=record(register, cohort)))
    assert (metric, place) in answer.tables["places"].rows
    others = [name for name in COUNTED if name != metric]
    assert [name for name in others if number(answer, name)] == []


@pytest.mark.parametrize(
    ("register", "cohort", "metric"),
    [
        ({}, {"purposes": ["marketing"], "compatibility": "assessed on 3 May"}, "purposes_widened"),
        ({}, {"legal_basis": "6(1)(a)", "compatibility": "assessed on 3 May"}, "legal_bases_changed"),
        ({}, {"special_categories": True, "special_exception": "9(2)(h)"}, "special_data_without_exception"),
        ({}, {"regions": ["US"], "transfer_safeguard": "46"}, "transfers_without_safeguard"),
        ({"withdrawn": True, "risk_accepted_until": "2099-01-01"}, {}, "withdrawn_or_dropped"),
        ({"personal_data": False, "regions": [], "legal_basis": ""}, {}, "legal_bases_missing"),
        ({"licence": "CC-BY-SA-4.0"}, {"licence": "CC-BY-SA-4.0"}, "licence_conflicts"),
        ({"licence": "CC-BY-ND-4.0 OR MIT"}, {}, "licence_conflicts"),
    ],
)
def test_what_is_written_on_the_card_counts_for_it(register: Any, cohort: Any, metric: str) -> None:
    assert number(measured(CHECK, evidence(lineage=record(register, cohort))), metric) == 0


def test_data_for_bias_may_be_measured_with_but_not_trained_on() -> None:
    answer = measured(CHECK, evidence(lineage=record({"special_exception": "4a"}, role="evaluation")))
    assert number(answer, "bias_data_in_training") == 0


def test_the_purposes_and_bases_of_the_policy_decide() -> None:
    answer = measured(CHECK, evidence(lineage=record()), purposes=["credit scoring"], legal_bases=["6(1)(a)"])
    assert number(answer, "datasets_for_other_purposes") == 2
    assert number(answer, "legal_bases_missing") == 2


def test_without_purposes_in_the_policy_nobody_knows() -> None:
    assert the(measured(CHECK, evidence(lineage=record())), "datasets_for_other_purposes").value is None


def test_a_non_commercial_use_may_take_non_commercial_data() -> None:
    given = evidence(lineage=record({}, {"licence": "CC-BY-NC-4.0"}))
    assert number(measured(CHECK, given, non_commercial=True), "licence_conflicts") == 0


def test_no_inputs_is_unknown_never_clean() -> None:
    empty = {"root": "m", "nodes": [{"id": "m", "kind": "model", "facts": {}}], "edges": []}
    assert {value.value for value in measured(CHECK, evidence(lineage=empty)).values} == {None}


def test_what_is_no_graph_is_an_error() -> None:
    with pytest.raises(EvidenceError):
        measured(CHECK, evidence(lineage={"root": "m"}))


def test_a_basis_the_law_does_not_know_is_refused() -> None:
    with pytest.raises(ParameterError):
        parse_parameters(CHECK, {"legal_bases": ["6(1)(z)"]})


@pytest.mark.parametrize(
    ("source", "derived", "conflicts"),
    [
        ("CC-BY-4.0", "MIT", False),
        ("CC-BY-ND-4.0", "CC-BY-ND-4.0", True),
        ("CC-BY-SA-4.0", "CC-BY-4.0", True),
        ("ODbL-1.0", "ODbL-1.0 AND CC-BY-4.0", False),
        ("GPL-3.0-only OR MIT", "MIT", False),
        ("CC-BY-SA-4.0 AND ODbL-1.0", "ODbL-1.0", True),
        ("", "MIT", False),
        ("LicenseRef-contract", "MIT", False),
    ],
)
def test_terms_of_the_source_on_what_is_derived(source: str, derived: str, conflicts: object) -> None:
    assert conflict(source, derived) is conflicts


def test_commerce_and_silence() -> None:
    assert forbids_commerce("CC-BY-NC-SA-4.0")
    assert not forbids_commerce("CC-BY-NC-4.0 OR CC-BY-4.0")
    assert [says_nothing(words) for words in ("", "NOASSERTION", "free", "MIT")] == [True, True, True, False]
