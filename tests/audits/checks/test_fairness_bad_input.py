"""Whatever is given, a check of groups names what is wrong or does not decide: it never passes and never crashes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from audits.checks.base import Check, EvidenceError, parse_parameters
from audits.checks.fairness_calibration import Calibration
from audits.checks.fairness_conditional_parity import ConditionalParity
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.fairness_group_metrics import GroupMetrics
from audits.checks.fairness_impact_ratios import ImpactRatios
from audits.checks.fairness_multiclass import MulticlassFairness
from audits.checks.fairness_ranking import RankingFairness
from audits.checks.fairness_regression import RegressionFairness
from audits.criteria import Criterion, Outcome, judge
from audits.evidence import Evidence
from audits.measurements import Measurement, ObservationStatus
from tests.audits.checks.evidence_files import dataset, evidence

Columns = dict[str, list[Any]]
Declared = dict[str, tuple[str, tuple[str, ...]]]

ROWS = 40
CLEAN: Columns = {
    "y": [0, 1] * 20,
    "p": [0, 1, 1, 0] * 10,
    "s": [0.2, 0.7, 0.6, 0.4] * 10,
    "g": ["a"] * 20 + ["b"] * 20,
    "t": ["x", "z"] * 20,
}
TAGS: Declared = {
    "y": ("integer", ("target",)),
    "p": ("integer", ("prediction",)),
    "s": ("number", ("score",)),
    "g": ("string", ("sensitive",)),
    "t": ("string", ("feature",)),
}

#: check, its gap metric, direction, task, parameters, role
CHECKS: Mapping[str, tuple[Check, str, str, str, dict[str, Any], str]] = {
    "group": (GroupMetrics(), "demographic_parity_difference", "most", "binary_classification", {}, "evaluation"),
    "odds": (GroupMetrics(), "equalized_odds_difference", "most", "binary_classification", {}, "evaluation"),
    "ratio": (GroupMetrics(), "selection_rate_ratio", "least", "binary_classification", {}, "evaluation"),
    "calibration": (Calibration(), "auc_difference", "most", "binary_classification", {}, "evaluation"),
    "error": (
        Calibration(),
        "worst_group_expected_calibration_error",
        "most",
        "binary_classification",
        {},
        "evaluation",
    ),
    "impact": (ImpactRatios(), "lowest_impact_ratio", "least", "binary_classification", {}, "evaluation"),
    "conditional": (
        ConditionalParity(),
        "largest_conditional_difference",
        "most",
        "binary_classification",
        {"strata": ["t"]},
        "evaluation",
    ),
    "multiclass": (
        MulticlassFairness(),
        "accuracy_equality_difference",
        "most",
        "multiclass_classification",
        {},
        "evaluation",
    ),
    "regression": (RegressionFairness(), "mean_error_difference", "most", "regression", {}, "evaluation"),
    "ranking": (RankingFairness(), "lowest_exposure_ratio", "least", "ranking", {}, "evaluation"),
    "dataset": (DatasetBias(), "label_difference_range", "most", "binary_classification", {}, "train"),
}


def spoilt(name: str, values: Any) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        columns[name] = list(values)

    return change


def absent(name: str) -> Callable[[Columns], None]:
    def change(columns: Columns) -> None:
        del columns[name]

    return change


BAD: Mapping[str, Callable[[Columns], None]] = {
    "a declared column is absent": absent("g"),
    "every sensitive value is missing": spoilt("g", [None] * ROWS),
    "there is one group": spoilt("g", ["a"] * ROWS),
    "every label is missing": spoilt("y", [None] * ROWS),
    "every decision is missing": spoilt("p", [None] * ROWS),
    "every score is missing": spoilt("s", [None] * ROWS),
    "a third are NaN": spoilt("y", [0, 1, "nan", 1] * 10),
    "labels are mixed with text": spoilt("y", [0, "yes", "n/a", 1] * 10),
    "decisions are probabilities": spoilt("p", [0.2, 0.7, 0.6, 0.4] * 10),
    "scores are no probabilities": spoilt("s", [-3, 5, 0.5, 100] * 10),
    "scores are infinite": spoilt("s", ["inf", "-inf", 0.5, 0.1] * 10),
    "a group has one member": spoilt("g", ["a"] * 39 + ["b"]),
    "every person is a group": spoilt("g", [f"p{i}" for i in range(ROWS)]),
    "labels are constant": spoilt("y", [1] * ROWS),
    "decisions are constant": spoilt("p", [0] * ROWS),
}

#: Where an input is harmless for a check, because the check does not look at it or may rightly decide.
HARMLESS = {("every label is missing", name) for name in ("group", "ratio", "impact", "conditional", "ranking")} | {
    (case, name)
    for case in BAD
    for name in CHECKS
    if ("scor" in case and name not in {"calibration", "error", "ranking"})
    or ("decision" in case and name in {"calibration", "error", "ranking", "dataset"})
    or (("label" in case or "NaN" in case) and name in {"ranking", "group", "ratio", "impact", "conditional"})
}


def attempt(check: Check, given: Evidence, parameters: dict[str, Any]) -> tuple[Measurement | None, str]:
    """The measurement, or the input that the error names."""
    try:
        return check.measure(given, parse_parameters(check, parameters)), ""
    except EvidenceError as error:
        return None, error.field


@pytest.mark.parametrize("name", CHECKS)
@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_named_or_undecided_and_never_passes(tmp_path: Path, case: str, name: str) -> None:
    check, metric, direction, task, parameters, role = CHECKS[name]
    columns = {key: list(values) for key, values in CLEAN.items()}
    BAD[case](columns)
    declared = {key: tags for key, tags in TAGS.items() if role != "train" or key not in {"p", "s"}}
    held = {key: values for key, values in columns.items() if key in declared}
    binary = {"positive_label": 1} if task == "binary_classification" else {"positive_label": None}
    given: Evidence = evidence(
        dataset(tmp_path / "e.csv", held, declared, role), signature={"task": task, "threshold": 0.5, **binary}
    )
    limit = Criterion(
        id="c",
        check=check.id,
        metric=metric,
        reason="r",
        set_by="s",
        minimum_n=5,
        at_most=Decimal("0.2") if direction == "most" else None,
        at_least=Decimal("0.8") if direction == "least" else None,
    )
    answer, problem = attempt(check, given, parameters)
    if answer is None:
        assert problem
        return
    outcome = judge(ObservationStatus.MEASURED, answer, limit).outcome
    if (case, name) not in HARMLESS:
        assert outcome is not Outcome.SATISFIED
