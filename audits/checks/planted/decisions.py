"""Planted decisions, scores and labels: alike for two groups, and apart."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from audits.checks.planted.cases import ROWS, Columns, Plant, Tags, dataset, evidence, lot
from audits.controls import Control

GROUPS = ["a", "b"] * (ROWS // 2)
LABELS = [0, 0, 1, 1] * (ROWS // 4)
_WRONG = [1 - label for label in LABELS]
_OF_A = [int(group == "a") for group in GROUPS]
_LABELLED: Columns = {"y": LABELS, "g": GROUPS}
_TAGS: Tags = {"y": ("integer", "target"), "p": ("integer", "prediction"), "g": ("string", "sensitive")}
_SCORED: Tags = {"y": ("integer", "target"), "s": ("number", "score"), "g": ("string", "sensitive")}


def _pair(folder: Path, common: Columns, good: Columns, bad: Columns, tags: Tags, **more: Any) -> tuple[Control]:
    """One control by group `g`. `role` is that of the data, `told` goes to the signature, the rest to the control."""
    role, told = more.pop("role", "evaluation"), more.pop("told", {})
    cases = {
        name: evidence(dataset(folder / f"{name}.csv", {**common, **columns}, tags, role), **told)
        for name, columns in (("good", good), ("bad", bad))
    }
    return (Control(good=cases["good"], bad=cases["bad"], **{"feature": "g", **more}),)


def _selection(metric: str, apart: float, **parameters: Any) -> Plant:
    """Decisions that are right, so alike for both groups, and decisions by group alone."""

    def plant(folder: Path) -> tuple[Control, ...]:
        dice = lot()
        common: Columns = {**_LABELLED, "t": [dice.choice("uv") for _ in GROUPS]}
        tags: Tags = {**_TAGS, "t": ("string", "feature")}
        return _pair(
            folder, common, {"p": LABELS}, {"p": _OF_A}, tags, metric=metric, apart=apart, parameters=parameters
        )

    return plant


def _labels(folder: Path) -> tuple[Control, ...]:
    """Labels alike for both groups, and labels by group alone."""
    tags = {name: _TAGS[name] for name in ("y", "g")}
    good: Columns = {"y": LABELS}
    return _pair(folder, _LABELLED, good, {"y": _OF_A}, tags, metric="label_difference_range", apart=0.5, role="train")


def _scores(folder: Path) -> tuple[Control, ...]:
    """Scores that keep what they promise in both groups, and in one only."""
    dice = lot()
    kept = [round(dice.uniform(0.05, 0.95), 3) for _ in GROUPS]
    common: Columns = {"y": [int(dice.random() < score) for score in kept], "g": GROUPS}
    lowered = [score / 3 if group == "b" else score for score, group in zip(kept, GROUPS, strict=True)]
    return _pair(folder, common, {"s": kept}, {"s": lowered}, _SCORED, metric="calibration_gap_difference", apart=0.15)


def _order(folder: Path) -> tuple[Control, ...]:
    """Groups that take turns in a ranking, and one that stands behind the other."""
    turns = [1 - place / ROWS for place in range(ROWS)]
    behind = [score / 2 + (0.5 if group == "a" else 0.0) for score, group in zip(turns, GROUPS, strict=True)]
    return _pair(folder, _LABELLED, {"s": turns}, {"s": behind}, _SCORED, metric="lowest_exposure_ratio", apart=-0.15)


def _classes(folder: Path) -> tuple[Control, ...]:
    """Three classes, two of them recognised in both groups, and in one only."""
    grades = ["x", "y", "z"] * (ROWS // 3)
    most = ["x" if grade == "z" else grade for grade in grades]
    missed = ["z" if group == "b" else grade for grade, group in zip(most, GROUPS, strict=True)]
    tags: Tags = {"y": ("string", "target"), "p": ("string", "prediction"), "g": ("string", "sensitive")}
    return _pair(
        folder,
        {"y": grades, "g": GROUPS},
        {"p": most},
        {"p": missed},
        tags,
        metric="accuracy_equality_difference",
        apart=0.3,
        told={"task": "multiclass_classification"},
    )


def _numbers(folder: Path) -> tuple[Control, ...]:
    """Predicted numbers that hit in both groups, and that fall short by one in one of them."""
    dice = lot()
    true = [round(dice.gauss(0, 1), 3) for _ in GROUPS]
    short = [number - (group == "b") for number, group in zip(true, GROUPS, strict=True)]
    tags: Tags = {"y": ("number", "target"), "p": ("number", "prediction"), "g": ("string", "sensitive")}
    return _pair(
        folder,
        {"y": true, "g": GROUPS},
        {"p": true},
        {"p": short},
        tags,
        metric="mean_error_difference",
        apart=0.5,
        told={"task": "regression"},
    )


def _slices(folder: Path) -> tuple[Control, ...]:
    """Every decision right, and every decision about one group wrong."""
    wrong = [no if group == "b" else yes for yes, no, group in zip(LABELS, _WRONG, GROUPS, strict=True)]
    good: Columns = {"p": LABELS}
    return _pair(folder, _LABELLED, good, {"p": wrong}, _TAGS, metric="largest_excess", apart=0.5, feature="")


def _performance(folder: Path) -> tuple[Control, ...]:
    """Every decision right, and every decision wrong."""
    good: Columns = {"p": LABELS}
    return _pair(folder, _LABELLED, good, {"p": _WRONG}, _TAGS, metric="accuracy", apart=-0.5, feature="")


PLANTED: Mapping[str, Plant] = {
    "fairness.group_metrics": _selection("demographic_parity_difference", 0.5),
    "fairness.calibration": _scores,
    "fairness.conditional_parity": _selection("largest_conditional_difference", 0.5, strata=["t"]),
    "fairness.dataset_bias": _labels,
    "fairness.impact_ratios": _selection("lowest_impact_ratio", -0.5),
    "fairness.multiclass": _classes,
    "fairness.ranking": _order,
    "fairness.regression": _numbers,
    "fairness.slices": _slices,
    "performance.metrics": _performance,
}
