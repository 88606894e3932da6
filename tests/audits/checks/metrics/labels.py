"""The audit of `fairness.dataset_bias`."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats
from scipy.spatial.distance import jensenshannon, minkowski

from audits.checks.fairness_dataset_bias import DatasetBias
from audits.evidence import Evidence
from tests.audits.checks.metrics.audited import (
    SECOND_FORMULA,
    Audited,
    Figures,
    Rows,
    Subject,
    Tags,
    beside_rest,
    drawn_people,
    over_groups,
    span,
    written,
)

TAGS: Tags = {
    "y": ("integer", ("target",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
    "t": ("string", ("feature",)),
}
CLARIFY = "smclarify 0.5, recorded"
SCIPY = f"SciPy 1.17.1; {CLARIFY}"


def small(path: Path) -> Evidence:
    """12 of a with 6 positives, 8 of d with 2; half of each in either stratum."""
    columns = {"y": [1] * 6 + [0] * 6 + [1] * 2 + [0] * 6, "g": list("a" * 12 + "d" * 8), "t": list("uv" * 10)}
    return written(path, columns, {name: TAGS[name] for name in columns}, "train")


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(13, 900, weighted=weighted)
    random = np.random.default_rng(14)
    y = random.binomial(1, 0.35 + 0.2 * (people["g"] == "a")).astype(float)
    y[[4, 8]] = np.nan
    return Rows({**people, "y": y, "t": random.choice(["u", "v", "w"], 900)}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    y = np.array([None if np.isnan(value) else int(value) for value in held["y"]], dtype=object)
    tags = {**TAGS, "w": ("number", ("weight",))} if held.weighted else TAGS
    return written(path, {**held.columns, "y": y}, tags, "train")


def positive(people: Rows) -> float:
    own = people.known("y")
    return float(np.average(own["y"], weights=own["w"]))


def imbalance(own: Rows, rest: Rows) -> float:
    few, others = own.known("y")["w"].sum(), rest.known("y")["w"].sum()
    return float((others - few) / (others + few))


def apart(distance: Callable[[Any, Any], float]) -> Callable[[Rows], Figures]:
    """Of the labels' distributions, the rest's first."""

    def value(own: Rows, rest: Rows) -> float:
        first, second = positive(rest), positive(own)
        return float(distance(np.array([1 - first, first]), np.array([1 - second, second])))

    return beside_rest(value)


def conditional(own: Rows, rest: Rows) -> float:
    """Clarify's CDD: the strata's disparities weighed by their size."""
    own, rest = own.known("y"), rest.known("y")
    total = disparity = 0.0
    for stratum in np.unique(np.concatenate([own["t"], rest["t"]])):
        inside, outside = own.only(own["t"] == stratum), rest.only(rest["t"] == stratum)
        shares = []
        for label in (0, 1):
            mine, theirs = (part["w"][part["y"] == label].sum() for part in (inside, outside))
            shares.append(mine / (mine + theirs))
        size = inside["w"].sum() + outside["w"].sum()
        disparity += size * (shares[0] - shares[1])
        total += size
    return float(disparity / total)


def absent(people: Rows) -> Figures:
    return {("", ""): float(np.isnan(people["y"]).mean())}


D, BOTH = ("g", "d"), ("g", "")
MIDDLE = (0.625, 0.375)

METRICS = {
    "missing_label_fraction": Audited({("", ""): 0.0}, absent, SECOND_FORMULA),
    "class_imbalance": Audited(
        {D: 4 / 20, ("g", "a"): -4 / 20}, beside_rest(imbalance), f"{SECOND_FORMULA}; {CLARIFY}"
    ),
    "label_difference": Audited(
        {D: 0.25}, beside_rest(lambda own, rest: positive(rest) - positive(own)), f"{SECOND_FORMULA}; {CLARIFY}"
    ),
    "kullback_leibler": Audited(
        {D: 0.5 * math.log(0.5 / 0.75) + 0.5 * math.log(0.5 / 0.25)}, apart(stats.entropy), SCIPY
    ),
    "jensen_shannon": Audited(
        {
            D: (
                0.5 * math.log(0.5 / MIDDLE[0])
                + 0.5 * math.log(0.5 / MIDDLE[1])
                + 0.75 * math.log(0.75 / MIDDLE[0])
                + 0.25 * math.log(0.25 / MIDDLE[1])
            )
            / 2
        },
        apart(lambda first, second: jensenshannon(first, second) ** 2),
        SCIPY,
    ),
    "lp_norm": Audited({D: 0.25 * math.sqrt(2)}, apart(lambda first, second: minkowski(first, second, 2)), SCIPY),
    "total_variation": Audited({D: 0.25}, apart(lambda first, second: minkowski(first, second, 1) / 2), SCIPY),
    "kolmogorov_smirnov": Audited({D: 0.25}, apart(lambda first, second: minkowski(first, second, math.inf)), SCIPY),
    "conditional_disparity": Audited({D: 6 / 12 - 2 / 8}, beside_rest(conditional), f"{SECOND_FORMULA}; {CLARIFY}"),
    "label_difference_range": Audited({BOTH: 0.25}, over_groups(span, positive), SECOND_FORMULA),
}

SUBJECTS = [
    Subject(
        DatasetBias(),
        small,
        drawn,
        rows,
        METRICS,
        parameters={"depth": 2, "strata": ["t"]},
        small_parameters={"strata": ["t"]},
    )
]
