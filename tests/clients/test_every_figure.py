"""Every figure of every shipped check is computed again from its tables, or told with the reason why it cannot be.

The measurements are real ones: of the planted cases of each check, and of rows with weights, strata and small groups.
"""

from __future__ import annotations

import copy
import json
from functools import cache
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
    document = {"check": check.id, "parameters": parameters, **document}
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


@pytest.mark.parametrize(("check_id", "parameters", "signature"), CASES)
def test_weighted_rows_strata_and_small_groups_raise_no_alarm_and_hide_no_change(
    check_id: str, parameters: dict[str, Any], signature: dict[str, Any], tmp_path: Path
) -> None:
    counts: dict[str, Any] = {"w": [1 + n % 3 for n in range(ROWS)]} if parameters.get("weights") == "counts" else {}
    given = evidence(
        people(tmp_path, **counts), people(tmp_path, "train", **counts), signature={**SIGNATURE, **signature}
    )
    one = observation(CHECKS[check_id], given, parameters)
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
