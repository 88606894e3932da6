"""The same rows, the same numbers as Aequitas and AIF360, whose answers were recorded by references/record.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audits.checks.fairness_group_metrics import GroupMetrics
from audits.measurements import Measurement
from tests.audits.checks.evidence_files import dataset, evidence, measured, number

RECORDED: dict[str, Any] = json.loads((Path(__file__).parent / "references" / "recorded.json").read_text())

AEQUITAS = {
    "tpr": "true_positive_rate",
    "tnr": "true_negative_rate",
    "fpr": "false_positive_rate",
    "fnr": "false_negative_rate",
    "for": "false_omission_rate",
    "fdr": "false_discovery_rate",
    "precision": "precision",
    "npv": "negative_predictive_value",
    "pprev": "selection_rate",
    "prev": "prevalence",
    "group_size": "group_size",
}
AIF360 = {
    "mean_difference": ("selection_rate_difference", "g", "0"),
    "disparate_impact": ("selection_rate_ratio_to_rest", "g", "0"),
    "average_odds_difference": ("average_odds_difference", "g", "0"),
    "equal_opportunity_difference": ("true_positive_rate_difference", "g", "0"),
    "true_positive_rate_difference": ("true_positive_rate_difference", "g", "0"),
    "false_positive_rate_difference": ("false_positive_rate_difference", "g", "0"),
    "generalized_entropy_index": ("generalized_entropy", "", ""),
    "theil_index": ("theil_index", "", ""),
}


@pytest.fixture(scope="module")
def answer(tmp_path_factory: pytest.TempPathFactory) -> Measurement:
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "g": ("integer", ("sensitive",)),
    }
    path = tmp_path_factory.mktemp("references") / "e.csv"
    return measured(GroupMetrics(), evidence(dataset(path, RECORDED["rows"], declared, "evaluation")))


@pytest.mark.parametrize("theirs", AEQUITAS)
def test_every_group_rate_is_that_of_aequitas(answer: Measurement, theirs: str) -> None:
    for group, rates in RECORDED["aequitas"].items():
        assert number(answer, AEQUITAS[theirs], "g", group) == pytest.approx(rates[theirs], abs=1e-9)


@pytest.mark.parametrize("theirs", AIF360)
def test_every_difference_is_that_of_aif360(answer: Measurement, theirs: str) -> None:
    assert number(answer, *AIF360[theirs]) == pytest.approx(RECORDED["aif360"][theirs], abs=1e-9)
