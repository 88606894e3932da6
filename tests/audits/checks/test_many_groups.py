"""10,000 groups in one column, as postcodes give them: refused unless the policy asks, then measured by every check.

Group metrics have theirs among their own tests.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from audits.checks.base import Check, EvidenceError, parse_parameters
from audits.checks.fairness_calibration import Calibration
from audits.checks.fairness_conditional_parity import ConditionalParity
from audits.checks.fairness_dataset_bias import DatasetBias
from audits.checks.fairness_impact_ratios import ImpactRatios
from audits.checks.fairness_multiclass import MulticlassFairness
from audits.checks.fairness_ranking import RankingFairness
from audits.checks.fairness_regression import RegressionFairness
from audits.checks.fairness_slices import WorstSlices
from audits.evidence import Column, DatasetEvidence, Evidence
from registry.canonical import digest_file
from tests.audits.checks.evidence_files import evidence

GROUPS, ROWS = 10_000, 200_000

TYPES = {
    "y": ("integer", "target"),
    "p": ("integer", "prediction"),
    "s": ("number", "score"),
    "t": ("string", "stratum"),
    "q": ("string", "query"),
    "g": ("string", "sensitive"),
}

#: Check, the signature of its task, the columns it is given, its parameters, and the metric that every group has.
CASES: Mapping[str, tuple[Check, Mapping[str, Any], str, Mapping[str, Any], str]] = {
    "calibration": (Calibration(), {"threshold": 0.5}, "ysg", {}, "brier"),
    "conditional parity": (ConditionalParity(), {}, "ypgt", {"strata": ("t",)}, "conditional_selection_difference"),
    "dataset bias": (DatasetBias(), {}, "yg", {}, "class_imbalance"),
    "impact ratios": (ImpactRatios(), {}, "pg", {}, "impact_ratio"),
    "multiclass": (MulticlassFairness(), {"task": "multiclass_classification"}, "ypg", {}, "accuracy"),
    "regression": (RegressionFairness(), {"task": "regression"}, "ypg", {}, "mean_error"),
    "ranking": (RankingFairness(), {"task": "ranking"}, "ysqg", {"query": "q"}, "exposure_ratio"),
}


@pytest.fixture(scope="module")
def rows(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("many") / "rows.parquet"
    duckdb.execute(
        "COPY (SELECT (hash(i) % 2)::INT AS y, (hash(i + 7) % 2)::INT AS p, (hash(i + 9) % 1000) / 1000.0 AS s, "
        f"'t' || (i % 3) AS t, 'q' || (i % 400) AS q, 'группа ' || (hash(i * 3) % {GROUPS}) AS g "
        f"FROM range({ROWS}) t(i)) TO ? (FORMAT parquet)",
        [str(path)],
    )
    return path


def given(path: Path, check: Check, signature: Mapping[str, Any], columns: str) -> Evidence:
    declared = tuple(Column(name, TYPES[name][0], (TYPES[name][1],)) for name in columns)
    [role] = check.needs
    held = DatasetEvidence(
        role=role,
        name=f"{role}/1",
        digest=digest_file(path),
        path=path,
        media_type="application/vnd.apache.parquet",
        columns=declared,
    )
    return evidence(held, signature=signature)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_many_groups_are_refused_unless_asked_for_and_then_measured(rows: Path, name: str) -> None:
    check, signature, columns, parameters, metric = CASES[name]
    data = given(rows, check, signature, columns)
    with pytest.raises(EvidenceError, match="more than the 1000 of most_groups"):
        check.measure(data, parse_parameters(check, parameters))
    answer = check.measure(data, parse_parameters(check, {**parameters, "most_groups": GROUPS}))
    measured = {value.group for value in answer.of(metric) if value.group}
    assert len(measured) == GROUPS


def test_slices_are_not_sought_among_them(rows: Path) -> None:
    check = WorstSlices()
    data = given(rows, check, {}, "ypg")
    with pytest.raises(EvidenceError, match="columns: no column has few enough values to slice by"):
        check.measure(data, parse_parameters(check, {}))
