"""The audit of `fairness.slices`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy import stats

from audits.checks.fairness_slices import WorstSlices
from audits.evidence import Evidence
from tests.audits.checks.metrics.audited import SECOND_FORMULA, Audited, Figures, Rows, Subject, Tags, written

TAGS: Tags = {
    "y": ("integer", ("target",)),
    "p": ("integer", ("prediction",)),
    "g": ("string", ("feature",)),
    "h": ("string", ("feature",)),
}
LEAST, RATE = 40, 0.05


def small(path: Path) -> Evidence:
    """20 of 40 decisions about u are wrong, 4 of 40 about v."""
    columns: dict[str, Any] = {
        "y": [1] * 80,
        "p": [0] * 20 + [1] * 20 + [0] * 4 + [1] * 36,
        "g": ["u"] * 40 + ["v"] * 40,
    }
    return written(path, columns, {name: TAGS[name] for name in columns})


def rows(*, weighted: bool) -> Rows:
    random = np.random.default_rng(20)
    g, h = random.choice(["a", "ß", "c"], 800), random.choice(["x", "y & z"], 800)
    y = random.binomial(1, 0.5, 800).astype(float)
    wrong = random.binomial(1, 0.15 + 0.3 * ((g == "a") & (h == "x")))
    y[[3, 4, 5]] = np.nan
    w = np.round(random.uniform(0.5, 2, 800), 3) if weighted else np.ones(800)
    return Rows({"g": g, "h": h, "y": y, "p": np.abs(np.where(np.isnan(y), 0, y) - wrong), "w": w}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    y = np.array([None if np.isnan(value) else int(value) for value in held["y"]], dtype=object)
    columns = {**held.columns, "y": y, "p": held["p"].astype(int)}
    return written(path, columns, {**TAGS, "w": ("number", ("weight",))} if held.weighted else TAGS)


def tested(people: Rows) -> dict[tuple[str, str], tuple[float, float]]:
    """Excess and one-sided p-value (pooled test of two proportions) of each slice that is large enough."""
    found = {}
    for where, own, rest in people.known("y").by_group():
        if min(len(own), len(rest)) < LEAST:
            continue
        shares, sizes = [], []
        for part in (own, rest):
            shares.append(float(np.average(part["y"] != part["p"], weights=part["w"])))
            sizes.append(float(part["w"].sum() ** 2 / (part["w"] ** 2).sum()))
        pooled = np.average(shares, weights=sizes)
        spread = np.sqrt(pooled * (1 - pooled) * (1 / sizes[0] + 1 / sizes[1]))
        found[where] = shares[0] - shares[1], float(stats.norm.sf((shares[0] - shares[1]) / spread))
    return found


def remaining(people: Rows) -> Figures:
    found = tested(people)
    adjusted = stats.false_discovery_control([p for _, p in found.values()])
    return {where: found[where][0] for where, p in zip(found, adjusted, strict=True) if p <= RATE}


def of_all(value: float) -> Figures:
    return {("", ""): value}


METRICS = {
    "missing_fraction": Audited(
        of_all(0.0), lambda people: of_all(1 - len(people.known("y")) / len(people)), SECOND_FORMULA
    ),
    "slices_tested": Audited(of_all(2), lambda people: of_all(len(tested(people))), SECOND_FORMULA),
    "slices_found": Audited(
        of_all(1), lambda people: of_all(len(remaining(people))), "SciPy 1.17.1 (control of false discoveries)"
    ),
    "slice_excess": Audited({("g", "u"): 0.4}, remaining, SECOND_FORMULA),
    "largest_excess": Audited(
        of_all(0.4), lambda people: of_all(max(excess for excess, _ in tested(people).values())), SECOND_FORMULA
    ),
}

SUBJECTS = [
    Subject(
        WorstSlices(),
        small,
        drawn,
        rows,
        METRICS,
        parameters={"least_rows": LEAST, "discovery_rate": RATE},
    )
]
