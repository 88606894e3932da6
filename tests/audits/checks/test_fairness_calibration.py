"""Calibration and areas per group against scikit-learn, counting pairs, and planted miscalibration."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import brier_score_loss, roc_auc_score

from audits.checks.base import EvidenceError, ParameterError, parse_parameters
from audits.checks.fairness_calibration import Calibration
from audits.evidence import Evidence
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

CHECK = Calibration()


def scored(path: Path, y: Any, s: Any, g: Any, **more: Any) -> Evidence:
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": ("integer", ("target",)),
        "s": ("number", ("score",)),
        "g": ("string", ("sensitive",)),
        **dict.fromkeys(more, ("number", ("weight",))),
    }
    rows = dataset(path / "e.csv", {"y": y, "s": s, "g": g, **more}, declared, "evaluation")
    return evidence(rows, signature={"threshold": 0.5})


def drawn(seed: int, size: int = 900, shift: float = 0.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores that are true chances, except that those of group b are `shift` too high."""
    random = np.random.default_rng(seed)
    chance = random.uniform(0.05, 0.75, size)
    groups = random.choice(["a", "b"], size)
    return random.binomial(1, chance), chance + shift * (groups == "b"), groups


@pytest.mark.parametrize("seed", range(3))
def test_brier_and_areas_are_those_of_scikit_learn(tmp_path: Path, seed: int) -> None:
    y, s, g = drawn(seed)
    answer = measured(CHECK, scored(tmp_path, y, s, g))
    for group in "ab":
        own = g == group
        assert number(answer, "brier", "g", group) == pytest.approx(brier_score_loss(y[own], s[own]), abs=1e-9)
        assert number(answer, "auc", "g", group) == pytest.approx(roc_auc_score(y[own], s[own]), abs=1e-9)
        positives, others = s[own & (y == 1)], s[~own & (y == 0)]
        cross = (positives[:, None] > others[None, :]).mean() + (positives[:, None] == others[None, :]).mean() / 2
        assert number(answer, "xauc", "g", group) == pytest.approx(cross, abs=1e-9)
    assert number(answer, "auc") == pytest.approx(roc_auc_score(y, s), abs=1e-9)
    gap = abs(number(answer, "auc", "g", "a") - number(answer, "auc", "g", "b"))
    assert number(answer, "auc_difference", "g") == pytest.approx(gap, abs=1e-12)
    assert number(answer, "xauc_difference", "g", "a") == pytest.approx(-number(answer, "xauc_difference", "g", "b"))


def test_the_calibration_error_by_hand(tmp_path: Path) -> None:
    y, s, g = [1, 0, 1, 1], [0.1, 0.2, 0.9, 0.8], ["a"] * 4
    answer = measured(CHECK, scored(tmp_path, y, s, g), bins=2)
    expected = 0.5 * abs(0.5 - 0.15) + 0.5 * abs(1 - 0.85)
    assert number(answer, "expected_calibration_error", "g", "a") == pytest.approx(expected)
    assert number(answer, "calibration_gap", "g", "a") == pytest.approx(0.5 - 0.75)
    assert [row[2:6] for row in answer.tables["reliability"].rows if row[1] == "a"] == [
        (0, 2, pytest.approx(0.15), 0.5),
        (1, 2, pytest.approx(0.85), 1.0),
    ]


def test_a_calibrated_score_is_not_blamed_for_chance(tmp_path: Path) -> None:
    blamed = 0
    for seed in range(20):
        answer = measured(CHECK, scored(tmp_path, *drawn(seed, 400)))
        interval = the(answer, "worst_group_expected_calibration_error", "g").interval
        assert interval is not None
        assert interval.low is not None
        blamed += interval.low > 0.0
    assert blamed <= 3


def test_a_group_whose_scores_are_too_high_is_found(tmp_path: Path) -> None:
    answer = measured(CHECK, scored(tmp_path, *drawn(1, 3000, shift=0.2)))
    gap = the(answer, "calibration_gap_difference", "g")
    assert gap.interval is not None
    assert gap.interval.low is not None
    assert gap.interval.low > 0.1
    error = the(answer, "expected_calibration_error", "g", "b").interval
    assert error is not None
    assert error.low is not None
    assert error.low > 0.1
    shifted = the(answer, "xauc_difference", "g", "b").interval
    assert shifted is not None
    assert shifted.low is not None
    assert shifted.low > 0.1


def test_weights_that_repeat_rows_give_what_the_repeated_rows_give(tmp_path: Path) -> None:
    y, s, g = drawn(5, 300)
    times = np.random.default_rng(6).integers(1, 4, 300)
    counted = measured(CHECK, scored(tmp_path, y, s, g, w=times), weights="counts")
    repeated = measured(CHECK, scored(tmp_path, *(np.repeat(one, times) for one in (y, s, g))))
    for ours, theirs in zip(counted.values[1:], repeated.values[1:], strict=True):
        assert ours.value == pytest.approx(theirs.value, abs=1e-9), ours.label
        assert ours.n == theirs.n, ours.label
        assert ours.interval is not None
        assert theirs.interval is not None
        assert ours.interval.low == pytest.approx(theirs.interval.low, abs=1e-9), ours.label


def test_a_single_member_of_a_group_has_no_area_and_neither_has_the_gap(tmp_path: Path) -> None:
    answer = measured(CHECK, scored(tmp_path, [0, 1, 0], [0.2, 0.9, 0.6], ["a", "a", "b"]))
    assert the(answer, "auc", "g", "b").value is None
    assert the(answer, "auc_difference", "g").not_estimable == "positives or negatives are missing in b"


def test_scores_that_are_no_probabilities_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"score: reaches from -1 to 3; probabilities lie in \[0, 1\]"):
        measured(CHECK, scored(tmp_path, [0, 1, 0], [-1, 3, 0.5], ["a", "a", "b"]))


def test_decisions_alone_cannot_be_calibrated(tmp_path: Path) -> None:
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": ("integer", ("target",)),
        "p": ("integer", ("prediction",)),
        "g": ("string", ("sensitive",)),
    }
    rows = dataset(tmp_path / "e.csv", {"y": [0, 1], "p": [0, 1], "g": ["a", "b"]}, declared, "evaluation")
    with pytest.raises(EvidenceError, match="no column is tagged score"):
        measured(CHECK, evidence(rows))


def test_missing_scores_bar_everything_above_the_tolerated_share(tmp_path: Path) -> None:
    given = scored(tmp_path, [0, 1, 0, 1], [0.1, None, 0.5, 0.7], ["a", "a", "b", "b"])
    answer = measured(CHECK, given)
    assert number(answer, "missing_fraction") == 0.25
    assert all(value.value is None for value in answer.values if value.metric != "missing_fraction")
    assert number(measured(CHECK, given, missing_tolerated=0.5), "auc", "g", "b") == 1.0


@pytest.mark.parametrize(
    ("name", "value"), [("bins", 1), ("missing_tolerated", 1.0), ("depth", 9), ("weights", "some")]
)
def test_wrong_parameters_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(ParameterError, match=name):
        parse_parameters(CHECK, {name: value})
