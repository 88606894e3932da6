"""The audit of `fairness.impact_ratios`, once by decisions and once by scores."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
from fairlearn.metrics import selection_rate

from audits.checks.fairness_impact_ratios import ImpactRatios
from audits.evidence import Evidence
from tests.audits.checks.metrics.audited import (
    FAIRLEARN,
    SECOND_FORMULA,
    Audited,
    Figures,
    Rows,
    Subject,
    Tags,
    drawn_people,
    written,
)

TAGS: Tags = {
    "p": ("integer", ("prediction",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
}
SCORED: Tags = {**TAGS, "s": ("number", ("score",))}


def small(path: Path) -> Evidence:
    """40 of 100 of a, 15 of 50 of b, 2 of 3 of tiny, which holds less than 2 % of the 153, and 7 unknown."""
    counts = {"a": (40, 100), "b": (15, 50), "tiny": (2, 3), None: (1, 7)}
    columns = {
        "p": [bit for hits, total in counts.values() for bit in [1] * hits + [0] * (total - hits)],
        "g": [name for name, (_, total) in counts.items() for _ in range(total)],
    }
    return written(path, columns, {name: TAGS[name] for name in columns})


def small_scores(path: Path) -> Evidence:
    """The median is 0.5, and what is at the median is not above it."""
    columns = {"s": [0.1, 0.5, 0.5, 0.9, 0.2, 0.5, 0.8, 0.95], "g": list("aaaabbbb")}
    return written(path, columns, {name: SCORED[name] for name in columns})


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(17, 900, weighted=weighted)
    random = np.random.default_rng(18)
    p = random.binomial(1, 0.3 + 0.2 * (people["g"] == "a")).astype(float)
    p[[1, 5]] = np.nan
    return Rows({**people, "p": p, "s": np.round(random.uniform(0, 1, 900), 2)}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    p = np.array([None if np.isnan(value) else int(value) for value in held["p"]], dtype=object)
    return written(path, {**held.columns, "p": p}, {**TAGS, "w": ("number", ("weight",))} if held.weighted else TAGS)


def drawn_scores(path: Path, held: Rows) -> Evidence:
    tags = {name: SCORED[name] for name in ("s", "g", "h")}
    return written(path, held.columns, {**tags, "w": ("number", ("weight",))} if held.weighted else tags)


def favoured(people: Rows) -> Rows:
    """Decided, with the decision as `f`."""
    own = people.known("p")
    return dataclasses.replace(own, columns={**own.columns, "f": own["p"]})


def above(people: Rows) -> Rows:
    """With `f` for a score above the median, found by walking through the people in order."""
    order = np.argsort(people["s"], kind="stable")
    reached, half = np.cumsum(people["w"][order]), people["w"].sum() / 2
    lower = people["s"][order][np.argmax(reached >= half - 1e-9)]
    upper = people["s"][order][np.argmax(reached > half + 1e-9)]
    return dataclasses.replace(
        people, columns={**people.columns, "f": (people["s"] > (lower + upper) / 2).astype(float)}
    )


Favour = Callable[[Rows], Rows]


def known(people: Rows, favour: Favour) -> dict[tuple[str, str], Rows]:
    """The people of each category; whoever has none is in no category."""
    return {where: own for where, own, _ in favour(people).by_group() if "(missing)" not in where[1].split(" & ")}


def shares(favour: Favour) -> Callable[[Rows], Figures]:
    def reference(people: Rows) -> Figures:
        found = known(people, favour)
        whole = {feature: sum(own["w"].sum() for (f, _), own in found.items() if f == feature) for feature, _ in found}
        return {where: float(own["w"].sum() / whole[where[0]]) for where, own in found.items()}

    return reference


def rates(favour: Favour) -> Callable[[Rows], Figures]:
    return lambda people: {
        where: float(selection_rate(own["f"], own["f"], sample_weight=own["w"]))
        for where, own in known(people, favour).items()
    }


def ratios(favour: Favour) -> Callable[[Rows], Figures]:
    """To the highest rate; every drawn category holds more than 2 %."""

    def reference(people: Rows) -> Figures:
        found, parts = rates(favour)(people), shares(favour)(people)
        assert min(parts.values()) > 0.02
        best = {feature: max(rate for (f, _), rate in found.items() if f == feature) for feature, _ in found}
        return {where: rate / best[where[0]] for where, rate in found.items()}

    return reference


def lowest(favour: Favour) -> Callable[[Rows], Figures]:
    def reference(people: Rows) -> Figures:
        found = ratios(favour)(people)
        return {(feature, ""): min(v for (f, _), v in found.items() if f == feature) for feature, _ in found}

    return reference


def unknown(favour: Favour) -> Callable[[Rows], Figures]:
    def reference(people: Rows) -> Figures:
        return {
            (feature, ""): float(sum("(missing)" in name.split(" & ") for name in names))
            for feature, names in favour(people).features().items()
        }

    return reference


def absent(name: str) -> Callable[[Rows], Figures]:
    return lambda people: {("", ""): float(np.isnan(people[name]).mean())}


A, B, BOTH = ("g", "a"), ("g", "b"), ("g", "")

BY_DECISION = {
    "missing_prediction_fraction": Audited({("", ""): 0.0}, absent("p"), SECOND_FORMULA),
    "category_share": Audited({A: 100 / 153, B: 50 / 153, ("g", "tiny"): 3 / 153}, shares(favoured), SECOND_FORMULA),
    "unknown_category_count": Audited({BOTH: 7}, unknown(favoured), SECOND_FORMULA),
    "selection_rate": Audited({A: 0.4, B: 0.3, ("g", "tiny"): 2 / 3}, rates(favoured), FAIRLEARN),
    "impact_ratio": Audited({A: 1.0, B: 0.75}, ratios(favoured), FAIRLEARN),
    "lowest_impact_ratio": Audited({BOTH: 0.75}, lowest(favoured), FAIRLEARN),
}
BY_SCORE = {
    "missing_prediction_fraction": Audited({("", ""): 0.0}, absent("s"), SECOND_FORMULA),
    "category_share": Audited({A: 0.5}, shares(above), SECOND_FORMULA),
    "unknown_category_count": Audited({BOTH: 0}, unknown(above), SECOND_FORMULA),
    "scoring_rate": Audited({A: 0.25, B: 0.5}, rates(above), FAIRLEARN),
    "impact_ratio": Audited({A: 0.5, B: 1.0}, ratios(above), FAIRLEARN),
    "lowest_impact_ratio": Audited({BOTH: 0.5}, lowest(above), FAIRLEARN),
}

SUBJECTS = [
    Subject(ImpactRatios(), small, drawn, rows, BY_DECISION, name="fairness.impact_ratios, selection"),
    Subject(
        ImpactRatios(),
        small_scores,
        drawn_scores,
        rows,
        BY_SCORE,
        parameters={"mode": "scoring"},
        small_parameters={"mode": "scoring"},
        name="fairness.impact_ratios, scoring",
    ),
]
