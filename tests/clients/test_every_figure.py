"""Every figure of every shipped check is computed again from its tables, or told with the reason why it cannot be.

The measurements are real ones: of the planted cases of each check, and of rows with weights, strata and small groups.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from django.conf import settings

import assay_numbers
from assay_common import Outcome, TamperedError
from assay_numbers import check_numbers
from audits.checks.base import Check
from audits.checks.catalogue import load_check
from audits.checks.planted import controls_of
from tests.audits.checks.evidence_files import SIGNATURE, dataset, evidence, measured
from tests.clients.desk import AUTHENTIC, TAMPERED, Desk, evidence_of

Document = dict[str, Any]
CHECKS = {check.id: check for check in map(load_check, settings.ASSAY_CHECKS)}


def observation(check: Check, given: Any, parameters: dict[str, Any]) -> Document:
    document = measured(check, given, **parameters).to_document()
    document = {"check": check.id, "check_version": check.version, "parameters": parameters, **document}
    return dict(json.loads(json.dumps(document)))


@pytest.fixture(scope="session")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """The observations of the planted cases of a check, measured once."""

    @cache
    def of(check_id: str) -> tuple[Document, ...]:
        controls = controls_of(CHECKS[check_id], tmp_path_factory.mktemp("planted"))
        return tuple(
            observation(CHECKS[check_id], given, dict(control.parameters))
            for control in controls
            for given in (control.good, control.bad)
        )

    return of


def outcome_of(*observations: Document) -> Outcome:
    outcome = Outcome()
    check_numbers({"observations": list(observations)}, outcome)
    return outcome


def changed(one: Document, at: int, by: float) -> Document:
    copied = copy.deepcopy(one)
    copied["values"][at]["value"] += by
    return copied


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_every_figure_is_computed_again_or_told_why_not(check_id: str, planted: Any) -> None:
    for one in planted(check_id):
        outcome = outcome_of(one)
        assert not [line for line in outcome.skipped if assay_numbers._UNKNOWN in line], outcome.skipped


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_any_one_figure_that_is_changed_is_found_and_named(check_id: str, planted: Any) -> None:
    for one in planted(check_id):
        found = 0
        for at, value in enumerate(one["values"]):
            if value["value"] is None or value["metric"] in assay_numbers._WHY:
                continue
            with pytest.raises(TamperedError, match=value["metric"]):
                outcome_of(changed(one, at, 1e-6))
            found += 1
        assert found == outcome_of(one).facts["recomputed"] or check_id in _ALSO_COUNTED


#: Checks of which a counted figure is computed again as well, from another table.
_ALSO_COUNTED = {"performance.metrics"}


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_a_report_with_one_figure_changed_on_paper_and_in_the_evidence_and_sealed_anew_is_found(
    check_id: str, planted: Any, desk: Desk
) -> None:
    one = next(found for found in planted(check_id) if outcome_of(found).facts["recomputed"])
    honest = {**evidence_of(desk.keyring), "observations": [one]}
    at = next(
        at for at, v in enumerate(one["values"]) if v["value"] is not None and v["metric"] not in assay_numbers._WHY
    )
    forged = {**honest, "observations": [changed(one, at, 0.01)]}
    assert desk.verify_evidence(honest, "--keys", desk.keys).exit_code == AUTHENTIC
    outcome = desk.verify_evidence(forged, "--keys", desk.keys)
    assert outcome.exit_code == TAMPERED
    assert one["values"][at]["metric"] in outcome.problem


# -- Weights, strata and small groups ----------------------------------------------------------------------------------
ROWS = 900
DECLARED = {
    "row": ("string", ("identifier",)),
    "area": ("string", ("feature",)),
    "sex": ("string", ("feature", "sensitive")),
    "age": ("number", ("feature",)),
    "y": ("integer", ("target",)),
    "p": ("integer", ("prediction",)),
    "s": ("number", ("score",)),
    "w": ("number", ("weight",)),
}


def people(folder: Path, role: str = "evaluation", **changed: Any) -> Any:
    """Rows in which three groups fare differently in four areas; a fourth group has six rows."""
    chance = np.random.default_rng(11)
    sex = np.array(["f", "m", "x"])[chance.integers(0, 3, ROWS)]
    sex[:6] = "few"
    area = np.array(["n", "e", "s", "w"])[chance.integers(0, 4, ROWS)]
    score = np.clip(chance.beta(2, 2, ROWS) + 0.1 * (sex == "m") - 0.05 * (area == "n"), 0.01, 0.99).round(3)
    columns = {
        "row": [str(n) for n in range(ROWS)],
        "area": area.tolist(),
        "sex": sex.tolist(),
        "age": chance.integers(20, 70, ROWS).astype(float).tolist(),
        "y": (chance.random(ROWS) < score).astype(int).tolist(),
        "p": (score > 0.5).astype(int).tolist(),
        "s": score.tolist(),
        "w": chance.uniform(0.5, 3, ROWS).round(2).tolist(),
    }
    columns |= changed
    declared = {name: DECLARED[name] for name in columns}
    return dataset(folder / f"{role}.csv", columns, declared, role)


MULTICLASS = {"task": "multiclass_classification", "positive_label": None}
CASES: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
    ("fairness.group_metrics", {}, {}),
    ("fairness.group_metrics", {"suppress_below": 10}, {}),
    ("fairness.conditional_parity", {"strata": ["area"]}, {}),
    ("fairness.conditional_parity", {"strata": ["area"], "weights": "ignored"}, {}),
    ("fairness.conditional_parity", {"strata": ["area"], "suppress_below": 10}, {}),
    ("fairness.dataset_bias", {"strata": ["area"]}, {}),
    ("fairness.dataset_bias", {"strata": ["area"], "suppress_below": 10}, {}),
    ("fairness.impact_ratios", {}, {}),
    ("fairness.impact_ratios", {"mode": "scoring"}, {}),
    ("fairness.multiclass", {}, MULTICLASS),
    ("fairness.calibration", {}, {}),
    ("fairness.calibration", {"suppress_below": 10}, {}),
    ("fairness.calibration", {"weights": "counts"}, {}),
    ("fairness.regression", {}, {"task": "regression", "positive_label": None}),
    ("fairness.ranking", {"weights": "ignored"}, {}),
    ("fairness.ranking", {"weights": "ignored", "query": "area", "suppress_below": 10}, {}),
    ("fairness.slices", {}, {}),
    ("fairness.slices", {"weights": "ignored", "aim": "rejection"}, {}),
    ("performance.metrics", {}, {}),
    ("performance.metrics", {"quantile": 0.9}, {"task": "regression", "positive_label": None}),
    ("data_quality.columns", {"population": ["sex:f=0.4,m=0.4,x=0.2"], "suppress_below": 10}, {}),
]


def of_people(
    check_id: str, parameters: dict[str, Any], signature: dict[str, Any], folder: Path, **changed: Any
) -> Document:
    """What the check measures of `people`; weights that are counts are whole numbers."""
    if parameters.get("weights") == "counts":
        changed = {"w": [1 + n % 3 for n in range(ROWS)], **changed}
    given = evidence(
        people(folder, **changed), people(folder, "train", **changed), signature={**SIGNATURE, **signature}
    )
    return observation(CHECKS[check_id], given, parameters)


@pytest.mark.parametrize(("check_id", "parameters", "signature"), CASES)
def test_weighted_rows_strata_and_small_groups_raise_no_alarm_and_hide_no_change(
    check_id: str, parameters: dict[str, Any], signature: dict[str, Any], tmp_path: Path
) -> None:
    one = of_people(check_id, parameters, signature, tmp_path)
    outcome = outcome_of(one)
    assert outcome.facts["recomputed"] >= 3
    assert not [line for line in outcome.skipped if assay_numbers._UNKNOWN in line], outcome.skipped
    found = 0
    for at, value in enumerate(one["values"]):
        if value["value"] is not None:
            try:
                outcome_of(changed(one, at, 1e-6))
            except TamperedError as error:
                found += value["metric"] in str(error)
    assert found >= outcome.facts["recomputed"]


# -- Bounds and p-values -----------------------------------------------------------------------------------------------
#: Bounds that only a new drawing, or every single row, gives again. All others are computed from the tables.
DRAWN = {"multinomial", "multinomial-reversed", "bootstrap"}
OF_ROWS = {
    "delong-logit", "delong-mover", "delong-mover-tukey", "delong-bonferroni", "delta-log", "welch", "fieller",
    "fieller-bonferroni", "order-statistics",
}  # fmt: skip
#: Metric to why its bounds do not follow, though their method is one of counts or of means.
BEYOND = {
    "root_mean_squared_error", "mean_prediction", "mean_prediction_difference", "exposure", "error_wasserstein",
    "prediction_wasserstein", "shift_drop", "deletion_area", "insertion_area", "random_deletion_area",
    "faithfulness_gain", "randomisation_correlation", "top_reasons_stability", "proxy_auc", "worst_proxy_auc",
}  # fmt: skip


#: Where only the mean of the squared error stands in a table, not how it is spread.
OF_SQUARES = {"brier", "worst_group_brier", "brier_difference"}


def moved(one: Document, at: int, end: str, by: float) -> Document:
    copied = copy.deepcopy(one)
    copied["values"][at]["interval"][end] += by
    return copied


def follow(value: Document, check: str = "") -> bool:
    """Whether bounds of this value are promised to be computed again."""
    interval = value["interval"]
    beyond = BEYOND | (OF_SQUARES if check == "fairness.calibration" else set())
    return bool(interval) and interval["method"] not in DRAWN | OF_ROWS and value["metric"] not in beyond


def problem_of(one: Document) -> str:
    """What is found wrong; "" for nothing."""
    try:
        outcome_of(one)
    except TamperedError as error:
        return str(error)
    return ""


def require_bounds_told(one: Document) -> int:
    """Move every bound: each is found and named, or was told as taken; how many were found."""
    told = " ".join(line for line in outcome_of(one).skipped if line.startswith("bounds taken as given"))
    found = 0
    for at, value in enumerate(one["values"]):
        for end in ("low", "high"):
            if not value["interval"] or value["interval"][end] is None:
                continue
            problem = problem_of(moved(one, at, end, 1e-3))
            if problem:
                assert f"the interval of {value['metric']}" in problem
                found += 1
            else:
                assert value["metric"] in told
                assert not follow(value, one["check"]) or one["parameters"].get("suppress_below")
    return found


@pytest.mark.parametrize("check_id", sorted(CHECKS))
def test_any_one_bound_that_is_moved_is_found_and_named_or_was_told_as_taken(check_id: str, planted: Any) -> None:
    for one in planted(check_id):
        outcome = outcome_of(one)
        ends = [v["interval"][end] for v in one["values"] if follow(v, check_id) for end in ("low", "high")]
        assert require_bounds_told(one) >= sum(end is not None for end in ends)
        assert outcome.facts["recomputed_bounds"] >= sum(follow(value, check_id) for value in one["values"])


@pytest.mark.parametrize(("check_id", "parameters", "signature"), CASES)
def test_bounds_of_weighted_rows_strata_and_small_groups_raise_no_alarm_and_hide_no_change(
    check_id: str, parameters: dict[str, Any], signature: dict[str, Any], tmp_path: Path
) -> None:
    require_bounds_told(of_people(check_id, parameters, signature, tmp_path))


def of_many_groups(tmp_path: Path, check_id: str = "fairness.group_metrics") -> Document:
    """Thirty groups: too many for score intervals of every pair."""
    names = [f"g{n % 30:02}" for n in range(ROWS)]
    return of_people(check_id, {"weights": "ignored"}, {}, tmp_path, sex=names)


def test_bounds_over_many_groups_are_those_of_newcombe_and_walter(tmp_path: Path) -> None:
    one = of_many_groups(tmp_path)
    methods = {value["interval"]["method"] for value in one["values"] if value["interval"]}
    assert {"newcombe-tukey", "adjusted-log-tukey"} <= methods
    assert outcome_of(one).facts["recomputed_bounds"] > 300
    for at, value in enumerate(one["values"]):
        if not value["group"] and follow(value):
            with pytest.raises(TamperedError, match=f"the interval of {value['metric']}"):
                outcome_of(moved(one, at, "high", 1e-3))


def test_a_bound_that_is_told_at_another_level_is_found(planted: Any) -> None:
    one = copy.deepcopy(planted("fairness.group_metrics")[0])
    next(value for value in one["values"] if follow(value))["interval"]["level"] = 0.5
    with pytest.raises(TamperedError, match="asked at"):
        outcome_of(one)


P_COLUMNS = ("p", "p_holm", "p_benjamini_hochberg")


def of_tests(one: Document, change: Callable[[list[list[Any]]], None]) -> Document:
    copied = copy.deepcopy(one)
    change(copied["tables"]["tests"]["rows"])
    return copied


def multiply(at: int, place: int, by: float, rows: list[list[Any]]) -> None:
    rows[at][place] *= by


@pytest.mark.parametrize("weights", ["sampling", "ignored", "counts"])
@pytest.mark.parametrize("column", P_COLUMNS)
def test_any_one_p_value_that_is_changed_is_found_and_named(weights: str, column: str, tmp_path: Path) -> None:
    one = of_people("fairness.group_metrics", {"weights": weights}, {}, tmp_path)
    table = one["tables"]["tests"]
    assert any("p-values" in line for line in outcome_of(one).held)
    place = table["columns"].index(column)
    for at, row in enumerate(table["rows"]):
        for by in (1.001, 0.999):
            if row[place] * by > 1e-9:
                forged = of_tests(one, partial(multiply, at, place, by))
                with pytest.raises(TamperedError, match=f"{column} of {row[1]} of {row[0]}={row[2]}"):
                    outcome_of(forged)


def test_a_test_that_is_left_out_or_made_up_is_found(tmp_path: Path) -> None:
    one = of_people("fairness.group_metrics", {}, {}, tmp_path)
    with pytest.raises(TamperedError, match="does not hold"):
        outcome_of(of_tests(one, list.clear))
    with pytest.raises(TamperedError, match="twice"):
        outcome_of(of_tests(one, lambda rows: rows.append(rows[0])))
    with pytest.raises(TamperedError, match="which is not compared"):
        outcome_of(of_tests(one, lambda rows: rows.append(["sex", "prevalence", "f", 0.5, 0.5, 0.5])))


def test_p_values_of_groups_that_are_partly_withheld_are_told_as_taken(tmp_path: Path) -> None:
    one = of_people("fairness.group_metrics", {"suppress_below": 10}, {}, tmp_path)
    assert any("p-values" in line for line in outcome_of(one).skipped)
