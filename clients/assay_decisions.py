"""Figures of decisions from counts of (label, prediction), and from counts of who was favoured."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from assay_chance import fair_coin, normal_quantile
from assay_common import TamperedError
from assay_shares import Counts, add, gap_of, group_figure, overall_figure, rate
from assay_tables import Compute, Line, Tables, require, weight

MISSING = "(missing)"
POWER = 0.8

_OWN = {
    "group_size", "selection_rate", "true_positive_rate", "false_negative_rate", "false_positive_rate",
    "true_negative_rate", "precision", "false_discovery_rate", "negative_predictive_value", "false_omission_rate",
    "accuracy", "prevalence", "treatment_equality", "generalized_entropy", "theil_index",
}  # fmt: skip


def of_cells(tables: Tables) -> Compute | None:
    """`cells`: rates of groups, each against the rest, and the gaps over all."""
    lines = tables.lines("cells", "feature", "group", "label", "prediction", "count")
    if not lines:
        _refuse_unreadable(tables, "cells")
        return None
    return _Cells(tables, lines)


class _Cells:
    """Weights, numbers of rows, and squares of weights by feature, group, label and prediction."""

    def __init__(self, tables: Tables, lines: Iterable[Line]) -> None:
        self.guarded, self.level = tables.guarded, tables.number("level", 0.95)
        self.weights: dict[str, dict[str, Counts]] = {}
        self.sizes: dict[str, dict[str, Counts]] = {}
        self.squares: dict[str, dict[str, Counts]] = {}
        for line in lines:
            squares = line["count"] if line.get("squares") is None else line["squares"]
            amounts = (self.weights, weight(line)), (self.sizes, float(line["count"])), (self.squares, float(squares))
            for store, amount in amounts:
                own = store.setdefault(line["feature"], {}).setdefault(line["group"], {})
                add(own, (line["label"], line["prediction"]), amount)

    def __call__(self, metric: str, feature: str, group: str) -> float | None:
        """Where other groups' counts are withheld, only a group's own rates follow."""
        chosen = self.sizes if metric == "group_size" or metric.startswith("missing_") else self.weights
        groups = chosen.get(feature, {})
        if self.guarded and (group not in groups or metric not in _OWN):
            return None
        if not feature:
            return overall_figure(metric, next(iter(chosen.values()), {}))
        if groups and group and group not in groups:
            return self._absent(metric, group)
        if metric == "minimum_detectable_difference" and group:
            return self._detectable(feature, group)
        if not groups:
            return None
        return group_figure(metric, groups, group) if group else gap_of(metric, groups, MISSING)

    def _absent(self, metric: str, group: str) -> float:
        """A group that was declared, and does not occur."""
        if metric == "group_size":
            return 0.0
        raise KeyError(group)

    def _detectable(self, feature: str, group: str) -> float:
        """The difference of selection rates that such numbers show with power 0.8 (Fleiss, Levin & Paik 2003)."""
        members = set(self.weights[feature])
        (hits, own), (others, rest) = self._selected(feature, {group}), self._selected(feature, members - {group})
        pooled = (hits + others) / (own + rest)
        inside = min(max(pooled, 0.5 / (own + rest)), 1 - 0.5 / (own + rest))
        reach = normal_quantile(0.5 + self.level / 2) + normal_quantile(POWER)
        return min(1.0, reach * math.sqrt(inside * (1 - inside) * (1 / own + 1 / rest)))

    def _selected(self, feature: str, members: Collection[str]) -> tuple[float, float]:
        """Selected and all with a prediction, in effective numbers (Kish)."""
        hits, total, squares = (
            sum(n for name in members for (_, p), n in store[feature][name].items() if p in sides)
            for store, sides in ((self.weights, (1,)), (self.weights, (0, 1)), (self.squares, (0, 1)))
        )
        effective = total * total / squares
        return hits / total * effective, effective


def _refuse_unreadable(tables: Tables, name: str) -> None:
    """Only this verifier's own checks have tables of these names, so one that it cannot read was changed."""
    if name in tables.tables:
        raise TamperedError(f"the table of counts {name!r} in the evidence is malformed")


def of_confusion(tables: Tables) -> Compute | None:
    """`confusion`: the decisions of one binary model, or, with groups, those between classes."""
    if tables.lines("confusion", "feature", "group", "label", "prediction", "count"):
        return _of_classes(tables)
    lines = tables.lines("confusion", "label", "prediction", "count")
    if not lines:
        _refuse_unreadable(tables, "confusion")
        return None
    counts: Counts = {}
    for line in lines:
        add(counts, (line["label"], line["prediction"]), weight(line))

    def compute(metric: str, feature: str, group: str) -> float | None:
        if feature or group:
            return None
        if metric == "f1":
            hits = 2 * counts.get((1, 1), 0)
            return hits / (hits + counts.get((0, 1), 0) + counts.get((1, 0), 0))
        return rate({"recall": "true_positive_rate"}.get(metric, metric), counts)

    return compute


_OF_ACCURACY = {"accuracy_equality_difference", "worst_group_accuracy"}
_Classes = Mapping[tuple[Any, Any], float]


def _of_classes(tables: Tables) -> Compute:
    """Each class against the others, right decisions against wrong ones, and means over the classes."""
    features: dict[str, dict[str, dict[tuple[Any, Any], float]]] = {}
    for line in tables.lines("confusion", "feature", "group", "label", "prediction", "count"):
        own = features.setdefault(line["feature"], {}).setdefault(line["group"], {})
        add(own, (line["label"], line["prediction"]), weight(line))

    def compute(metric: str, feature: str, group: str) -> float | None:
        name, _, asked = feature.partition(" | ")
        if name not in features or (group and group not in features[name]):
            return None
        if metric in {"macro_recall", "macro_f1"} and group and not asked:
            return _macro(metric, features[name][group])
        one = asked.partition("=")[2]
        groups = {member: _against(own, one) for member, own in features[name].items()}
        if asked:
            return group_figure(metric, groups, group) if group else gap_of(metric, groups, MISSING)
        if metric == "accuracy" and group:
            return rate("accuracy", groups[group])
        return gap_of(metric, groups, MISSING) if metric in _OF_ACCURACY and not group else None

    return compute


def _against(own: _Classes, one: str) -> Counts:
    """The class `one` against all others; without one, right decisions against wrong ones."""
    counts: Counts = {}
    for (label, prediction), amount in own.items():
        if one:
            add(counts, tuple(None if side is None else int(side == one) for side in (label, prediction)), amount)
        elif label is not None and prediction is not None:
            add(counts, (1, int(label == prediction)), amount)
    return counts


def _macro(metric: str, own: _Classes) -> float:
    """The mean over the classes that occur among the labels of rows that have both."""
    known = {pair: amount for pair, amount in own.items() if None not in pair}
    found = []
    for one in {label for (label, _), amount in known.items() if amount}:
        actual = sum(amount for (label, _), amount in known.items() if label == one)
        called = sum(amount for (_, prediction), amount in known.items() if prediction == one)
        right = known.get((one, one), 0.0)
        found.append(right / actual if metric == "macro_recall" else 2 * right / (actual + called))
    return math.fsum(found) / len(found)


def of_impact(tables: Tables) -> Compute | None:
    """`impact_ratios`: shares, rates, and each rate over the highest of those large enough; its own columns too."""
    lines = tables.lines("impact_ratios", *_IMPACT)
    if not lines:
        return None
    compute = _Impact(lines)
    for line in lines:
        place = line["feature"], line["category"]
        for column, metric in (
            ("share", "category_share"),
            ("rate", "selection_rate"),
            ("impact_ratio", "impact_ratio"),
        ):
            found = compute(metric, *place) if line[column] is not None else None
            if found is not None:
                require(f"{column} of {place[0]}={place[1]} in the table impact_ratios", line[column], found)
    return compute


_IMPACT = ("feature", "category", "rows", "favoured", "share", "rate", "impact_ratio", "left_out_because")


class _Impact:
    """All and favoured of each category, and the categories that are too small to be compared."""

    def __init__(self, lines: Iterable[Line]) -> None:
        self.groups: dict[str, dict[str, tuple[float, float]]] = {}
        self.small = {(line["feature"], line["category"]) for line in lines if line["left_out_because"]}
        for line in lines:
            hits = line["favoured"] if line.get("favoured_weight") is None else line["favoured_weight"]
            self.groups.setdefault(line["feature"], {})[line["category"]] = (weight(line, "rows"), float(hits))

    def __call__(self, metric: str, feature: str, group: str) -> float | None:
        """A figure of one category, or the lowest ratio of all."""
        own = self.groups.get(feature, {})
        kept = {name: hits / total for name, (total, hits) in own.items() if (feature, name) not in self.small}
        if metric == "lowest_impact_ratio" and not group and kept:
            return min(kept.values()) / max(kept.values())
        if group not in own:
            return None
        total, hits = own[group]
        if metric == "category_share":
            return total / sum(rows for rows, _ in own.values())
        if metric in {"selection_rate", "scoring_rate"}:
            return hits / total
        return kept[group] / max(kept.values()) if metric == "impact_ratio" and group in kept else None


def of_errors(tables: Tables) -> Compute | None:
    """`errors`: what two versions get wrong on the same rows."""
    lines = tables.lines("errors", "new_wrong", "current_wrong", "count")
    cells = {(line["new_wrong"], line["current_wrong"]): line["count"] for line in lines}
    weights = {(line["new_wrong"], line["current_wrong"]): weight(line) for line in lines}
    total, only_new, only_old = sum(weights.values()), weights.get((1, 0), 0), weights.get((0, 1), 0)

    def compute(metric: str, feature: str, group: str) -> float | None:
        if feature or group:
            return None
        if metric == "mcnemar_p_value":
            return fair_coin(cells.get((1, 0), 0), cells.get((0, 1), 0))
        if metric == "error_increase":
            return float((only_new - only_old) / total)
        return float((only_new + only_old) / total) if metric == "disagreement" else None

    return compute if lines else None
