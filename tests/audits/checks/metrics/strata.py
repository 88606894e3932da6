"""The audit of `fairness.conditional_parity`."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy import optimize, stats

from audits.checks.fairness_conditional_parity import ConditionalParity
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
    written,
)

TAGS: Tags = {
    "p": ("integer", ("prediction",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
    "t": ("string", ("feature",)),
}
STATSMODELS = f"{SECOND_FORMULA}; statsmodels 0.15.0, recorded"


def small(path: Path) -> Evidence:
    """In u a has 2 of 4 and b 1 of 4, in v 1 of 2 and 1 of 4."""
    columns = {
        "p": [1, 1, 0, 0, 1, 0, 0, 0, 1, 0, 1, 0, 0, 0],
        "g": list("aaaabbbbaabbbb"),
        "t": list("uuuuuuuuvvvvvv"),
    }
    return written(path, columns, {name: TAGS[name] for name in columns})


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(15, 1500, weighted=weighted)
    random = np.random.default_rng(16)
    t = random.choice(["u", "v", "w"], 1500)
    p = random.binomial(1, 0.3 + 0.2 * (t == "u") + 0.1 * (people["g"] == "a")).astype(float)
    p[[2, 6, 40]] = np.nan
    return Rows({**people, "p": p, "t": t}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    p = np.array([None if np.isnan(value) else int(value) for value in held["p"]], dtype=object)
    return written(path, {**held.columns, "p": p}, {**TAGS, "w": ("number", ("weight",))} if held.weighted else TAGS)


def tables(own: Rows, rest: Rows) -> Iterator[tuple[float, float, float, float]]:
    """(a, b, c, d) of each stratum: selected and not in the group, selected and not outside, in effective numbers."""
    for stratum in ("u", "v", "w"):
        cells: list[float] = []
        for people in (own.known("p"), rest.known("p")):
            inside = people.only(people["t"] == stratum)
            size = inside["w"].sum() ** 2 / (inside["w"] ** 2).sum()
            rate = np.average(inside["p"], weights=inside["w"])
            cells += [rate * size, (1 - rate) * size]
        yield cells[0], cells[1], cells[2], cells[3]


def difference(own: Rows, rest: Rows) -> float:
    top = bottom = 0.0
    for a, b, c, d in tables(own, rest):
        weight = (a + b) * (c + d) / (a + b + c + d)
        top += weight * (a / (a + b) - c / (c + d))
        bottom += weight
    return top / bottom


def odds(own: Rows, rest: Rows) -> float:
    held = list(tables(own, rest))
    return sum(a * d / (a + b + c + d) for a, b, c, d in held) / sum(b * c / (a + b + c + d) for a, b, c, d in held)


def alike(own: Rows, rest: Rows) -> float:
    """Cochran, Mantel and Haenszel, without correction."""
    top = bottom = 0.0
    for a, b, c, d in tables(own, rest):
        whole = a + b + c + d
        top += a - (a + b) * (a + c) / whole
        bottom += (a + b) * (c + d) * (a + c) * (b + d) / (whole**2 * (whole - 1))
    return float(stats.chi2.sf(top**2 / bottom, 1))


def homogeneous(own: Rows, rest: Rows) -> float:
    """Breslow and Day, with Tarone's correction; the expected count by a search."""
    ratio, held = odds(own, rest), list(tables(own, rest))
    statistic = apart = spread = 0.0
    for a, b, c, d in held:
        size, hits, others = a + b, a + c, c + d

        def imbalance(at: float, size: float = size, hits: float = hits, others: float = others) -> float:
            return at * (others - hits + at) - ratio * (size - at) * (hits - at)

        expected = optimize.brentq(imbalance, max(0.0, hits - others), min(size, hits), xtol=1e-13, rtol=1e-14)
        parts = expected, size - expected, hits - expected, others - hits + expected
        variance = 1 / sum(1 / part for part in parts)
        statistic += (a - expected) ** 2 / variance
        apart, spread = apart + a - expected, spread + variance
    return float(stats.chi2.sf(statistic - apart**2 / spread, len(held) - 1))


def largest(people: Rows) -> Figures:
    found: dict[str, float] = {}
    for (feature, _), own, rest in people.by_group():
        found[feature] = max(found.get(feature, 0.0), abs(difference(own, rest)))
    return {(feature, ""): value for feature, value in found.items()}


def absent(people: Rows) -> Figures:
    return {("", ""): float(np.isnan(people["p"]).mean())}


A, B = ("g", "a"), ("g", "b")
#: Expected 1.5 and 2/3, variances 240/448 and 64/180.
STATISTIC = (3 - 1.5 - 2 / 3) ** 2 / (240 / 448 + 64 / 180)

METRICS = {
    "missing_prediction_fraction": Audited({("", ""): 0.0}, absent, SECOND_FORMULA),
    "conditional_selection_difference": Audited({A: 0.25, B: -0.25}, beside_rest(difference), SECOND_FORMULA),
    "conditional_odds_ratio": Audited(
        {A: (6 / 8 + 3 / 6) / (2 / 8 + 1 / 6)}, beside_rest(odds), f"{STATSMODELS}; R's UCBAdmissions, published"
    ),
    "conditional_p_value": Audited({A: math.erfc(math.sqrt(STATISTIC / 2))}, beside_rest(alike), STATSMODELS),
    # Both strata have the odds ratio 3, which is the common one.
    "homogeneity_p_value": Audited({A: 1.0}, beside_rest(homogeneous), STATSMODELS, by_hand_within=1e-7),
    "largest_conditional_difference": Audited({("g", ""): 0.25}, largest, SECOND_FORMULA),
}

SUBJECTS = [
    Subject(
        ConditionalParity(),
        small,
        drawn,
        rows,
        METRICS,
        parameters={"depth": 2, "strata": ["t"]},
        small_parameters={"strata": ["t"]},
    )
]
