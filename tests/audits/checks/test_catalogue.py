"""The allow-list of checks: what it accepts, what it refuses, and how little it costs the web process."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any

import pytest

from audits.checks import CheckLoadError, dotted_path, load_checks
from audits.checks.lineage_completeness import LineageCompleteness

SHIPPED = (
    "audits.checks.fairness_group_metrics.GroupMetrics",
    "audits.checks.performance_metrics.PerformanceMetrics",
    "audits.checks.data_quality_columns.ColumnQuality",
    "audits.checks.lineage_completeness.LineageCompleteness",
    "audits.checks.explainability_shap.ShapExplanation",
)
LINEAGE = SHIPPED[3]


class Named:
    """Has an id and nothing else."""

    id = "test.named"


@dataclass
class NoParameters:
    """For checks that take none."""


class Twin(LineageCompleteness):
    """Another class with an id that is taken."""


class Shouting(LineageCompleteness):
    """An id that no policy may use."""

    id = "Lineage"


HERE = __name__


def test_the_five_shipped_checks_are_found_by_their_ids() -> None:
    assert list(load_checks(SHIPPED)) == [
        "fairness.group_metrics",
        "performance.metrics",
        "data_quality.columns",
        "lineage.completeness",
        "explainability.shap",
    ]


def test_the_dotted_path_finds_the_check_again() -> None:
    for path, check in zip(SHIPPED, load_checks(SHIPPED).values(), strict=True):
        assert dotted_path(check) == path


@pytest.mark.parametrize(
    ("paths", "problem"),
    [
        (["GroupMetrics"], "must be a dotted path"),
        (["audits.checks.nowhere.Check"], "module cannot be imported"),
        (["audits.checks.base.Nothing"], "has no class Nothing"),
        (["audits.checks.catalogue.load_checks"], "has no class load_checks"),
        ([f"{HERE}.Named"], "id must be <family>.<name>|version must be"),
        ([f"{HERE}.NoParameters"], "id must be"),
        ([f"{HERE}.Shouting"], "id must be"),
        ([LINEAGE, f"{HERE}.Twin"], "already taken by audits.checks.lineage_completeness"),
        ([LINEAGE, LINEAGE], "already taken"),
    ],
)
def test_what_is_no_check_is_refused_with_its_path(paths: list[str], problem: str) -> None:
    with pytest.raises(CheckLoadError, match=problem) as refusal:
        load_checks(paths)
    assert refusal.value.path == paths[-1]


def test_every_metric_of_every_check_has_a_sentence() -> None:
    for check in load_checks(SHIPPED).values():
        described: dict[str, Any] = dict(check.metrics)
        assert all(sentence.endswith(".") for sentence in described.values()), check.id
        assert check.Parameters() == check.Parameters()


def test_loading_the_checks_imports_no_numeric_library() -> None:
    program = (
        "import sys\n"
        "from audits.checks import load_checks\n"
        "from audits import sandbox\n"
        f"load_checks({SHIPPED!r})\n"
        "heavy = {'numpy', 'pandas', 'scipy', 'sklearn', 'shap', 'skops', 'duckdb', 'numba', 'django'}\n"
        "print(sorted(heavy & set(sys.modules)))\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "[]"
