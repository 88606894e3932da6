"""The same rows, the same numbers as Aequitas, AIF360, SageMaker Clarify's library and statsmodels.

Their answers were recorded by references/record.py and references/record_statistics.py.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from audits.checks.fairness_conditional_parity import ConditionalParity
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.evidence import Evidence
from audits.measurements import Measurement
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

FOLDER = Path(__file__).parent / "references"
RECORDED: dict[str, Any] = json.loads((FOLDER / "recorded.json").read_text())
STATISTICS: dict[str, Any] = json.loads((FOLDER / "recorded_statistics.json").read_text())

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


CLARIFY = {
    "CI": "class_imbalance",
    "DPL": "label_difference",
    "KL": "kullback_leibler",
    "JS": "jensen_shannon",
    "LP": "lp_norm",
    "TVD": "total_variation",
    "KS": "kolmogorov_smirnov",
    "CDDL": "conditional_disparity",
}
TAGS: dict[str, tuple[str, tuple[str, ...]]] = {
    "g": ("string", ("sensitive",)),
    "t": ("string", ("feature",)),
    "y": ("integer", ("target",)),
    "p": ("integer", ("prediction",)),
}


def stratified(folder: Path, role: str, *names: str) -> Evidence:
    columns = {name: STATISTICS["rows"][name] for name in names}
    return evidence(dataset(folder / f"{role}.csv", columns, {name: TAGS[name] for name in names}, role))


def test_the_list_before_training_is_that_of_clarify(tmp_path: Path) -> None:
    answer = measured(DatasetBias(), stratified(tmp_path, "train", "g", "t", "y"), strata=["t"])
    for group, figures in STATISTICS["clarify"].items():
        for theirs, ours in CLARIFY.items():
            assert number(answer, ours, "g", group) == pytest.approx(figures[theirs], abs=1e-9), (group, theirs)


def test_the_comparison_within_strata_is_that_of_statsmodels(tmp_path: Path) -> None:
    answer = measured(ConditionalParity(), stratified(tmp_path, "evaluation", "g", "t", "p"), strata=["t"])
    for group, figures in STATISTICS["statsmodels"].items():
        odds = the(answer, "conditional_odds_ratio", "g", group)
        assert odds.value == pytest.approx(figures["odds_ratio"], abs=1e-9)
        assert odds.interval is not None
        assert odds.interval.low == pytest.approx(figures["low"], abs=1e-9)
        assert odds.interval.high == pytest.approx(figures["high"], abs=1e-9)
        assert number(answer, "conditional_p_value", "g", group) == pytest.approx(figures["p_value"], abs=1e-9)
        assert number(answer, "homogeneity_p_value", "g", group) == pytest.approx(figures["homogeneity"], abs=1e-9)
