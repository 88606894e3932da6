"""Several classes against scikit-learn and fairlearn, class by class."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fairlearn.metrics import demographic_parity_difference, equal_opportunity_difference
from sklearn.metrics import accuracy_score, f1_score, recall_score

from audits.checks.base import EvidenceError
from audits.checks.fairness_multiclass import MulticlassFairness
from audits.evidence import Evidence
from tests.audits.checks.evidence_files import dataset, evidence, measured, number, the

CHECK = MulticlassFairness()


def graded(path: Path, y: Any, p: Any, g: Any, kind: str = "string") -> Evidence:
    declared: dict[str, tuple[str, tuple[str, ...]]] = {
        "y": (kind, ("target",)),
        "p": (kind, ("prediction",)),
        "g": ("string", ("sensitive",)),
    }
    rows = dataset(path / "m.csv", {"y": y, "p": p, "g": g}, declared, "evaluation")
    return evidence(rows, signature={"task": "multiclass_classification", "positive_label": None})


@pytest.fixture
def drawn() -> tuple[Any, Any, Any]:
    random = np.random.default_rng(1)
    y, g = random.choice(["A", "B", "Ç d"], 500), random.choice(["f", "m", "x"], 500)
    return y, np.where(random.random(500) < 0.6, y, random.choice(["A", "B", "Ç d"], 500)), g


def test_every_class_is_fairlearns_two_way_decision(tmp_path: Path, drawn: tuple[Any, Any, Any]) -> None:
    y, p, g = drawn
    answer = measured(CHECK, graded(tmp_path, y, p, g))
    for one in ("A", "B", "Ç d"):
        ours = f"g | y={one}"
        parity = demographic_parity_difference(y == one, p == one, sensitive_features=g)
        chance = equal_opportunity_difference(y == one, p == one, sensitive_features=g)
        assert number(answer, "demographic_parity_difference", ours) == pytest.approx(parity, abs=1e-9)
        assert number(answer, "equal_opportunity_difference", ours) == pytest.approx(chance, abs=1e-9)


def test_accuracy_and_the_means_over_classes_are_scikit_learns(tmp_path: Path, drawn: tuple[Any, Any, Any]) -> None:
    y, p, g = drawn
    answer = measured(CHECK, graded(tmp_path, y, p, g))
    for group in "fmx":
        own = g == group
        assert number(answer, "accuracy", "g", group) == pytest.approx(accuracy_score(y[own], p[own]), abs=1e-9)
        for metric, reference in (("macro_recall", recall_score), ("macro_f1", f1_score)):
            value = the(answer, metric, "g", group)
            assert value.value == pytest.approx(reference(y[own], p[own], average="macro"), abs=1e-9)
            assert value.interval is not None
            assert value.interval.low is not None
            assert value.interval.low < (value.value or 0)


def test_numbers_may_name_classes_and_probabilities_may_not(tmp_path: Path) -> None:
    answer = measured(CHECK, graded(tmp_path, [0, 1, 2, 2], [0, 1, 2, 1], list("aabb"), kind="integer"))
    assert number(answer, "true_positive_rate", "g | y=2", "b") == 0.5
    chances = np.random.default_rng(1).random(300)
    with pytest.raises(EvidenceError, match="p: holds 300 different values"):
        measured(CHECK, graded(tmp_path, [0, 1, 2] * 100, chances, ["a", "b"] * 150, kind="number"))
    with pytest.raises(EvidenceError, match="shares no class with the labels"):
        measured(CHECK, graded(tmp_path, list("xyz"), list("abc"), list("ffm")))


def test_a_group_without_a_class_shows_no_gap_for_it(tmp_path: Path) -> None:
    answer = measured(CHECK, graded(tmp_path, list("xxyyxx"), list("xyyyxx"), list("aaaabb")))
    assert the(answer, "equal_opportunity_difference", "g | y=y").value is None
    assert number(answer, "demographic_parity_difference", "g | y=y") == 0.75


def test_missing_predictions_bar_everything(tmp_path: Path) -> None:
    answer = measured(CHECK, graded(tmp_path, list("xxyy"), ["x", None, "y", "y"], list("aabb")))
    assert the(answer, "accuracy_equality_difference", "g").value is None
    assert the(answer, "macro_recall", "g", "a").value is None
