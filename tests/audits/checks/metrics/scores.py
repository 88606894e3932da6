"""The audit of `fairness.calibration`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from sklearn.metrics import brier_score_loss, roc_auc_score

from audits.checks.fairness_calibration import Calibration
from audits.evidence import Evidence
from tests.audits.checks.metrics.audited import (
    SECOND_FORMULA,
    SKLEARN,
    Audited,
    Figures,
    Rows,
    Subject,
    Tags,
    beside_rest,
    drawn_people,
    means,
    over_groups,
    span,
    written,
)

TAGS: Tags = {
    "y": ("integer", ("target",)),
    "s": ("number", ("score",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
}
BINS = 7


def small(path: Path) -> Evidence:
    columns = {"y": [1, 0, 1, 1, 1, 0], "s": [0.1, 0.2, 0.9, 0.8, 0.6, 0.3], "g": list("aaaabb")}
    return written(path, columns, {name: TAGS[name] for name in columns})


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(5, 900, weighted=weighted)
    random = np.random.default_rng(6)
    s = np.round(random.uniform(0.05, 0.95, 900), 2)
    return Rows({**people, "s": s, "y": random.binomial(1, s * 0.9)}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    return written(path, held.columns, {**TAGS, "w": ("number", ("weight",))} if held.weighted else TAGS)


def gap(people: Rows) -> float:
    return float(np.average(people["s"], weights=people["w"]) - np.average(people["y"], weights=people["w"]))


def brier(people: Rows) -> float:
    return float(brier_score_loss(people["y"], people["s"], sample_weight=people["w"]))


def error(people: Rows) -> float:
    """Row by row into equal bins, then the weighted distance of both means."""
    places: dict[int, list[int]] = {}
    for place, score in enumerate(people["s"]):
        places.setdefault(min(BINS - 1, int(np.floor(score * BINS))), []).append(place)
    distance = 0.0
    for own in places.values():
        weights = people["w"][own]
        means_of = [np.average(people[name][own], weights=weights) for name in ("y", "s")]
        distance += weights.sum() * abs(means_of[0] - means_of[1])
    return float(distance / people["w"].sum())


def auc(people: Rows) -> float:
    return float(roc_auc_score(people["y"], people["s"], sample_weight=people["w"]))


def above(ones: Rows, zeros: Rows) -> float:
    """Chance that a positive of the first stands above a negative of the second, pair by pair."""
    ones, zeros = ones.only(ones["y"] == 1), zeros.only(zeros["y"] == 0)
    pairs = np.outer(ones["w"], zeros["w"])
    gaps = ones["s"][:, None] - zeros["s"][None, :]
    return float((pairs * ((gaps > 0) + 0.5 * (gaps == 0))).sum() / pairs.sum())


def absent(people: Rows) -> Figures:
    return {("", ""): float(np.isnan(people["s"]).mean())}


A, B, BOTH = ("g", "a"), ("g", "b"), ("g", "")

METRICS = {
    "missing_fraction": Audited({("", ""): 0.0}, absent, SECOND_FORMULA),
    "calibration_gap": Audited({A: -0.25, B: -0.05, ("", ""): -1.1 / 6}, means(gap), SECOND_FORMULA),
    "brier": Audited({A: 0.225, B: 0.125}, means(brier), SKLEARN),
    "expected_calibration_error": Audited({A: 0.25, B: 0.35}, means(error), SECOND_FORMULA),
    "auc": Audited({A: 2 / 3, B: 1.0}, means(auc), SKLEARN),
    "xauc": Audited({A: 2 / 3, B: 1.0}, beside_rest(above), f"{SECOND_FORMULA} (pair by pair)"),
    "xauc_reverse": Audited(
        {A: 1.0, B: 2 / 3}, beside_rest(lambda own, rest: above(rest, own)), f"{SECOND_FORMULA} (pair by pair)"
    ),
    "xauc_difference": Audited(
        {A: -1 / 3, B: 1 / 3},
        beside_rest(lambda own, rest: above(own, rest) - above(rest, own)),
        f"{SECOND_FORMULA} (pair by pair)",
    ),
    "calibration_gap_difference": Audited({BOTH: 0.2}, over_groups(span, gap), SECOND_FORMULA),
    "brier_difference": Audited({BOTH: 0.1}, over_groups(span, brier), SKLEARN),
    "auc_difference": Audited({BOTH: 1 / 3}, over_groups(span, auc), SKLEARN),
    "worst_group_expected_calibration_error": Audited({BOTH: 0.35}, over_groups(max, error), SECOND_FORMULA),
    "worst_group_brier": Audited({BOTH: 0.225}, over_groups(max, brier), SKLEARN),
    "worst_group_auc": Audited({BOTH: 2 / 3}, over_groups(min, auc), SKLEARN),
}

SUBJECTS = [
    Subject(
        Calibration(),
        small,
        drawn,
        rows,
        METRICS,
        parameters={"depth": 2, "bins": BINS},
        small_parameters={"bins": 2},
    )
]
