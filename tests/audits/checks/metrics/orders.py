"""The audit of `fairness.ranking`, whose rows have no weights."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from audits.checks.fairness_ranking import RankingFairness
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
    means,
    over_groups,
    written,
)

TAGS: Tags = {
    "s": ("number", ("score",)),
    "g": ("string", ("sensitive",)),
    "h": ("string", ("sensitive",)),
    "q": ("string", ()),
}
TOP, PREFIX = 5, 30


def small(path: Path) -> Evidence:
    columns = {"s": [9, 8, 7, 6], "g": list("aabb")}
    return written(path, columns, {name: TAGS[name] for name in columns}, task="ranking")


def rows(*, weighted: bool) -> Rows:
    people = drawn_people(9, 240, weighted=weighted)
    random = np.random.default_rng(10)
    columns = {**people, "s": np.round(random.normal(size=240), 6), "q": random.choice(["i", "ii", "iii"], 240)}
    return Rows({**columns, "attention": _attention(columns), "top": _top(columns)}, weighted)


def drawn(path: Path, held: Rows) -> Evidence:
    return written(path, held.columns, TAGS, task="ranking")


def _places(columns: dict[str, np.ndarray]) -> Iterator[tuple[int, int]]:
    """Row and rank, list by list; no two scores are equal."""
    for one in np.unique(columns["q"]):
        members = [place for place in range(240) if columns["q"][place] == one]
        for rank, place in enumerate(sorted(members, key=lambda row: -columns["s"][row]), 1):
            yield place, rank


def _attention(columns: dict[str, np.ndarray]) -> np.ndarray:
    found = np.zeros(240)
    for place, rank in _places(columns):
        found[place] = 1 / math.log2(rank + 1)
    return found


def _top(columns: dict[str, np.ndarray]) -> np.ndarray:
    found = np.zeros(240)
    for place, rank in _places(columns):
        found[place] = rank <= TOP
    return found


def exposure(people: Rows) -> float:
    return float(people["attention"].mean())


def share(own: Rows, rest: Rows) -> float:
    return float(own["top"].sum() / (own["top"].sum() + rest["top"].sum()))


def part(own: Rows, rest: Rows) -> float:
    return len(own) / (len(own) + len(rest))


def divergence(order: list[str], wanted: dict[str, float]) -> float:
    """Geyik, Ambler & Kenthapadi 2019, definition 2, prefix by prefix."""
    total = discounts = 0.0
    for length in range(1, len(order) + 1):
        seen = {group: order[:length].count(group) / length for group in set(order[:length])}
        discount = 1 / math.log2(length + 1)
        total += discount * sum(p * math.log(p / wanted[group]) for group, p in seen.items())
        discounts += discount
    return total / discounts


def ndkl(people: Rows) -> Figures:
    found = {}
    for feature, names in people.features().items():
        wanted = {str(group): float((names == group).mean()) for group in np.unique(names)}
        lists = []
        for one in np.unique(people["q"]):
            members = sorted(np.flatnonzero(people["q"] == one), key=lambda row: -people["s"][row])
            lists.append(divergence([str(names[row]) for row in members[:PREFIX]], wanted))
        found[feature, ""] = float(np.mean(lists))
    return found


def chance(people: Rows) -> Figures:
    """Orders drawn by another generator."""
    random = np.random.default_rng(99)
    seen, reached = ndkl(people), dict.fromkeys(ndkl(people), 0)
    for _ in range(200):
        shuffled = Rows({**people.columns, "s": random.random(len(people))})
        reached = {where: reached[where] + (value >= seen[where]) for where, value in ndkl(shuffled).items()}
    return {where: count / 200 for where, count in reached.items()}


A, B, BOTH = ("g", "a"), ("g", "b"), ("g", "")
FIRST, SECOND = (1 + 1 / math.log2(3)) / 2, (1 / 2 + 1 / math.log2(5)) / 2
HALVES = {"a": 0.5, "b": 0.5}
#: The chance of the small case, over all orders of two and two.
ORDERS = [divergence(list(order), HALVES) for order in itertools.permutations("aabb")]
AS_FAR = sum(one >= divergence(list("aabb"), HALVES) - 1e-12 for one in ORDERS) / len(ORDERS)

METRICS = {
    "exposure": Audited({A: FIRST, B: SECOND}, means(exposure, everybody=False), SECOND_FORMULA),
    "exposure_ratio": Audited(
        {A: FIRST / SECOND, B: SECOND / FIRST}, beside_rest(lambda a, b: exposure(a) / exposure(b)), SECOND_FORMULA
    ),
    "top_share": Audited({A: 1.0, B: 0.0}, beside_rest(share), SECOND_FORMULA),
    "top_share_difference": Audited(
        {A: 0.5, B: -0.5}, beside_rest(lambda a, b: share(a, b) - part(a, b)), SECOND_FORMULA
    ),
    "top_skew": Audited({A: 2.0, B: 0.0}, beside_rest(lambda a, b: share(a, b) / part(a, b)), SECOND_FORMULA),
    "lowest_exposure_ratio": Audited(
        {BOTH: SECOND / FIRST}, over_groups(lambda found: min(found) / max(found), exposure), SECOND_FORMULA
    ),
    "ndkl": Audited(
        {
            BOTH: (math.log(2) * (1 + 1 / math.log2(3)) + (2 / 3 * math.log(4 / 3) + 1 / 3 * math.log(2 / 3)) / 2)
            / (1 + 1 / math.log2(3) + 1 / 2 + 1 / math.log2(5))
        },
        ndkl,
        SECOND_FORMULA,
    ),
    # A share of random orders: as near as so many orders come to it.
    "ndkl_p_value": Audited(
        {BOTH: AS_FAR}, chance, f"{SECOND_FORMULA}, other random orders", tolerance=0.15, by_hand_within=0.09
    ),
}

SUBJECTS = [
    Subject(
        RankingFairness(),
        small,
        drawn,
        rows,
        METRICS,
        parameters={"depth": 2, "top": TOP, "prefix": PREFIX, "query": "q"},
        small_parameters={"top": 2},
        weighs=False,
    )
]
