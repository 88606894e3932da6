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
from audits.checks.fairness_slices import WorstSlices
from audits.checks.performance_metrics import PerformanceMetrics
from audits.criteria import Criterion, Outcome, judge
from audits.evidence import Evidence
from audits.measurements import Measurement, ObservationStatus
from tests.audits.checks.evidence_files import dataset, evidence, measured

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
    "scoring": (
        ImpactRatios(),
        "lowest_impact_ratio",
        "least",
        "binary_classification",
        {"mode": "scoring"},
        "evaluation",
    ),
    "slices": (WorstSlices(), "largest_excess", "most", "binary_classification", {"least_rows": 2}, "evaluation"),
    "performance": (PerformanceMetrics(), "accuracy", "least", "binary_classification", {}, "evaluation"),
    "loss": (PerformanceMetrics(), "log_loss", "most", "binary_classification", {}, "evaluation"),
    "numbers": (PerformanceMetrics(), "mae", "most", "regression", {}, "evaluation"),
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
UNLABELLED = {"group", "ratio", "impact", "conditional", "ranking", "scoring"}
OF_EVERYBODY = {"slices", "performance", "loss", "numbers"}
HARMLESS = {
    (case, name)
    for case in BAD
    for name in CHECKS
    if ("scor" in case and name not in {"calibration", "error", "ranking", "scoring", "loss"})
    or ("decision" in case and name in {"calibration", "error", "ranking", "dataset", "scoring"})
    or (("label" in case or "NaN" in case) and name in UNLABELLED)
    # Of everybody at once, whoever the groups are; labels and decisions may all be alike.
    or (name in OF_EVERYBODY and ("group" in case or "sensitive" in case or "constant" in case))
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


#: What every row needs, what is said to be missing, and every metric that then has no value.
NEEDED: Mapping[str, tuple[str, str, set[str]]] = {
    "impact": ("p", "decision", {"impact_ratio", "lowest_impact_ratio"}),
    "scoring": ("s", "score", {"impact_ratio", "lowest_impact_ratio"}),
    "conditional": ("p", "decision", {*ConditionalParity.metrics} - {"missing_prediction_fraction"}),
    "dataset": ("y", "label", {*DatasetBias.metrics} - {"missing_label_fraction", "conditional_disparity"}),
    "slices": ("p", "lack label or prediction", {"slices_found", "largest_excess"}),
}


@pytest.mark.parametrize("name", NEEDED)
def test_rows_that_are_left_out_are_counted_and_too_many_bar_the_comparison(tmp_path: Path, name: str) -> None:
    check, _, _, task, parameters, role = CHECKS[name]
    column, words, barred = NEEDED[name]
    columns = {key: list(values) for key, values in CLEAN.items()}
    columns[column][-3:] = [None] * 3
    declared = {key: tags for key, tags in TAGS.items() if role != "train" or key not in {"p", "s"}}
    held = {key: values for key, values in columns.items() if key in declared}
    given = evidence(dataset(tmp_path / "e.csv", held, declared, role), signature={"task": task, "threshold": 0.5})
    answer = measured(check, given, **parameters)
    [share] = [value for value in answer.values if value.metric.startswith("missing")]
    assert (share.value, share.n) == (3 / ROWS, ROWS)
    found = [value for value in answer.values if value.metric in barred]
    assert {value.metric for value in found} == barred
    assert all(value.value is None and words in value.not_estimable for value in found)
    tolerated = measured(check, given, missing_tolerated=0.2, **parameters)
    assert all(
        value.value is not None for value in tolerated.values if value.metric in barred - {"homogeneity_p_value"}
    )


@pytest.mark.parametrize("task", ["binary_classification", "regression"])
def test_the_median_of_a_counted_table_is_that_of_its_rows(tmp_path: Path, task: str) -> None:
    column = "s" if task == "binary_classification" else "p"
    tags: Declared = {column: ("number", TAGS[column][1]), "g": ("string", ("sensitive",))}
    columns: Columns = {column: [0.1, 0.2, 0.6, 0.9, 0.3], "g": list("aabbb")}
    times = [9, 2, 4, 1, 6]
    counted = {**columns, "n": times}
    spread = {
        name: [one for one, often in zip(values, times, strict=True) for _ in range(often)]
        for name, values in columns.items()
    }
    signature = {"task": task, "threshold": 0.5}
    by_rows = evidence(dataset(tmp_path / "r.csv", spread, tags, "evaluation"), signature=signature)
    weighed = {**tags, "n": ("integer", ("weight",))}
    by_counts = evidence(dataset(tmp_path / "c.csv", counted, weighed, "evaluation"), signature=signature)
    answers = (
        measured(ImpactRatios(), by_rows, mode="scoring"),
        measured(ImpactRatios(), by_counts, mode="scoring", weights="counts"),
    )
    assert answers[0].values == answers[1].values
    assert "above the median, 0.25" in " ".join(answers[0].notes)


@pytest.mark.parametrize("weights", ["sampling", "counts"])
@pytest.mark.parametrize("name", [name for name in CHECKS if name not in {"ranking", *OF_EVERYBODY}])
def test_a_group_whose_rows_weigh_nothing_is_named_or_undecided(tmp_path: Path, name: str, weights: str) -> None:
    check, metric, _, task, parameters, role = CHECKS[name]
    declared: Declared = {key: tags for key, tags in TAGS.items() if role != "train" or key not in {"p", "s"}}
    columns: Columns = {**{key: CLEAN[key] for key in declared}, "w": [1] * 20 + [0] * 20}
    held = dataset(tmp_path / "e.csv", columns, {**declared, "w": ("integer", ("weight",))}, role)
    positive = {} if task == "binary_classification" else {"positive_label": None}
    given = evidence(held, signature={"task": task, "threshold": 0.5, **positive})
    answer, problem = attempt(check, given, {**parameters, "weights": weights})
    if answer is None:
        assert problem == "w"
        return
    [gap] = [value for value in answer.of(metric) if not value.group and value.feature in {"g", "g | y=1"}][:1]
    assert gap.value is None
