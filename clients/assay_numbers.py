"""The figures of a report, computed again from the tables of counts that stand beside them.

The arithmetic is written here anew, from the definitions in the report, so that it can disagree with the service's.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay_common import Outcome, TamperedError
from assay_shares import Counts, add, gap_of, group_figure, overall_figure, rate

TOLERANCE = 1e-9
MISSING = "(missing)"
FLOOR = 0.5  # rows that a bin of a drift holds at least

Value = Mapping[str, Any]
Compute = Callable[[str, str, str], float | None]


def check_numbers(evidence: Mapping[str, Any], outcome: Outcome) -> None:
    """Compute again every figure whose counts are in the evidence; raise on the first that disagrees.

    Every figure that a finding rests on must also be the one that its check measured.
    """
    computed = stated = 0
    measured: dict[tuple[Any, ...], Any] = {}
    for observation in evidence.get("observations") or []:
        for holder in _with_tables(observation):
            compute = _arithmetic(holder, observation.get("parameters") or {})
            for value in holder["values"]:
                stated += 1
                computed += _agrees(value, compute)
                measured[observation.get("check"), value["metric"], value["feature"], value["group"]] = value["value"]
    rested = sum(_rests_on(finding, measured) for finding in evidence.get("findings") or [])
    outcome.facts["recomputed"] = computed
    if computed:
        outcome.held.append(f"{computed} figures were computed again from their count tables and agree")
    if rested:
        outcome.held.append(f"{rested} findings rest on figures that their checks measured")
    if stated > computed:
        outcome.skipped.append(f"{stated - computed} figures that cannot be computed from counts alone")


def _with_tables(node: Any) -> Iterator[dict[str, Any]]:
    """Every object in the document that has values."""
    if isinstance(node, dict):
        if isinstance(node.get("values"), list):
            yield node
        for item in node.values():
            yield from _with_tables(item)
    elif isinstance(node, list):
        for item in node:
            yield from _with_tables(item)


def _agrees(value: Value, compute: Compute) -> bool:
    """True when the figure was computed again, False when counts do not give it. Raises when it differs."""
    try:
        metric, stated, feature, group = value["metric"], value["value"], value["feature"], value["group"]
    except (KeyError, TypeError):
        raise TamperedError("a stated figure in the evidence is malformed") from None
    if stated is None:
        return False
    where = ", ".join(filter(None, (feature + (f"={group}" if group else ""),)))
    label = f"{metric}[{where}]" if where else str(metric)
    try:
        computed = compute(metric, feature, group)
    except KeyError:
        raise TamperedError(f"{label} is stated, but its counts are not in the evidence") from None
    except (ZeroDivisionError, ValueError):
        raise TamperedError(f"{label} is stated as {stated}, but its counts give no such figure") from None
    if computed is None:
        return False
    if not isinstance(stated, int | float) or not math.isclose(computed, stated, rel_tol=TOLERANCE, abs_tol=TOLERANCE):
        raise TamperedError(f"{label} is stated as {stated}, but its counts give {computed:.12g}")
    return True


def _rests_on(finding: Mapping[str, Any], measured: Mapping[tuple[Any, ...], Any]) -> bool:
    """Whether the finding names a figure of its check; raises when that check measured another."""
    value = finding.get("measured")
    if not isinstance(value, dict):
        return False
    place = (finding.get("check"), value.get("metric"), value.get("feature"), value.get("group"))
    name = finding.get("criterion")
    if place not in measured:
        raise TamperedError(f"the finding {name} rests on {place[1]}, which its check did not measure")
    if value.get("value") != measured[place]:
        raise TamperedError(
            f"the finding {name} rests on {value.get('value')}, but its check measured {measured[place]}"
        )
    return True


def _arithmetic(holder: Mapping[str, Any], parameters: Mapping[str, Any]) -> Compute:
    """How the figures of this observation follow from its tables; tables of another form give none."""
    known = {tuple(form): build for form, build in _FORMS}
    found: list[Compute] = []
    for name, table in (holder.get("tables") or {}).items():
        if not (isinstance(table, dict) and isinstance(table.get("columns"), list)):
            continue
        columns = [column for column in table["columns"] if column not in {"weight", "squares"}]
        build = known.get((name, *columns))
        if build is None and name in {"cells", "confusion"}:
            raise TamperedError(f"the table of counts {name!r} in the evidence is malformed")
        # Only `cells` says what its rows weigh; the counts of other tables do not give weighted figures.
        if build is not None and (name == "cells" or not parameters.get("weights")):
            found.append(build(_read(table), parameters))

    def compute(metric: str, feature: str, group: str) -> float | None:
        for one in found:
            answer = one(metric, feature, group)
            if answer is not None:
                return answer
        return None

    return compute


@dataclass(frozen=True)
class Row:
    """One line of a table: what is counted, how many rows, and what they weigh."""

    keys: tuple[Any, ...]
    counts: tuple[int, ...]
    weight: float = field(default=0.0)


def _read(table: Mapping[str, Any]) -> list[Row]:
    """The lines, counts last. Raises TamperedError for a count that is none."""
    columns = table["columns"]
    counted = [at for at, name in enumerate(columns) if name in {"count", "train", "evaluation", "rows", "favoured"}]
    extra = [at for at, name in enumerate(columns) if name in {"weight", "squares"}]
    rows = []
    try:
        for line in table["rows"]:
            counts = tuple(line[at] for at in counted)
            if any(type(count) is not int or count < 0 for count in counts) or len(line) != len(columns):
                raise ValueError(f"the counts {counts!r}")  # noqa: TRY301
            keys = tuple(cell for at, cell in enumerate(line) if at not in counted and at not in extra)
            weight = float(line[columns.index("weight")]) if "weight" in columns else float(counts[0])
            rows.append(Row(keys, counts, weight))
    except (KeyError, TypeError, ValueError, IndexError) as error:
        raise TamperedError(f"a table of counts in the evidence is malformed: {error}") from None
    return rows


# -- One form of table after the other --------------------------------------------------------------------------------
def _of_cells(rows: Sequence[Row], parameters: Mapping[str, Any]) -> Compute:
    """(feature, group, label, prediction): rates of groups, each against the rest, and the gaps over all."""
    features: dict[str, dict[str, Counts]] = {}
    sizes: dict[str, dict[str, Counts]] = {}
    for row in rows:
        feature, group, label, prediction = row.keys
        for store, amount in ((features, row.weight), (sizes, float(row.counts[0]))):
            add(store.setdefault(feature, {}).setdefault(group, {}), (label, prediction), amount)
    guarded = bool(parameters.get("suppress_below"))

    def compute(metric: str, feature: str, group: str) -> float | None:
        chosen = sizes if metric == "group_size" or metric.startswith("missing_") else features
        if guarded and (group not in chosen.get(feature, {}) or metric not in _OWN):
            return None  # other groups' counts are withheld, so only a group's own rates follow
        if not feature:
            return overall_figure(metric, next(iter(chosen.values()), {}))
        groups = chosen.get(feature, {})
        if groups and group and group not in groups:
            if metric == "group_size":
                return 0.0  # a group that was declared, and does not occur
            raise KeyError(group)
        if not groups:
            return None
        return group_figure(metric, groups, group) if group else gap_of(metric, groups, MISSING)

    return compute


_OWN = {
    "group_size", "selection_rate", "true_positive_rate", "false_negative_rate", "false_positive_rate",
    "true_negative_rate", "precision", "false_discovery_rate", "negative_predictive_value", "false_omission_rate",
    "accuracy", "prevalence", "treatment_equality", "generalized_entropy", "theil_index",
}  # fmt: skip


def _of_confusion(rows: Sequence[Row], _parameters: Mapping[str, Any]) -> Compute:
    """(label, prediction) of all rows: the decisions of one binary model."""
    counts: Counts = {}
    for row in rows:
        add(counts, (row.keys[0], row.keys[1]), row.weight)

    def compute(metric: str, feature: str, group: str) -> float | None:
        if feature or group:
            return None
        if metric == "f1":
            hits = 2 * counts.get((1, 1), 0)
            return hits / (hits + counts.get((0, 1), 0) + counts.get((1, 0), 0))
        return rate({"recall": "true_positive_rate"}.get(metric, metric), counts)

    return compute


def _of_classes(rows: Sequence[Row], _parameters: Mapping[str, Any]) -> Compute:
    """(feature, group, label, prediction) of decisions between classes: each class against the others."""
    tables: dict[str, dict[str, dict[tuple[Any, Any], float]]] = {}
    for row in rows:
        feature, group, label, prediction = row.keys
        add(tables.setdefault(feature, {}).setdefault(group, {}), (label, prediction), row.weight)

    def compute(metric: str, feature: str, group: str) -> float | None:
        name, _, asked = feature.partition(" | ")
        if name not in tables or (group and group not in tables[name]):
            return None
        one = asked.partition("=")[2]
        groups = {member: _against(own, one) for member, own in tables[name].items()}
        if asked:
            return group_figure(metric, groups, group) if group else gap_of(metric, groups, MISSING)
        if metric == "accuracy" and group:
            return rate("accuracy", groups[group])
        return gap_of(metric, groups, MISSING) if metric == "accuracy_equality_difference" else None

    return compute


def _against(own: Mapping[tuple[Any, Any], float], one: str) -> Counts:
    """The class `one` against all others; without one, right decisions against wrong ones."""
    counts: Counts = {}
    for (label, prediction), amount in own.items():
        if one:
            add(counts, tuple(None if side is None else int(side == one) for side in (label, prediction)), amount)
        elif label is not None and prediction is not None:
            add(counts, (1, int(label == prediction)), amount)
    return counts


def _of_impact(rows: Sequence[Row], parameters: Mapping[str, Any]) -> Compute:
    """(feature, category, …): shares, rates, and each rate over the highest of those large enough."""
    groups: dict[str, dict[str, tuple[int, int]]] = {}
    for row in rows:
        groups.setdefault(row.keys[0], {})[row.keys[1]] = (row.counts[0], row.counts[1])
    left_out = {(row.keys[0], row.keys[1]) for row in rows if row.keys[-1]}

    def compute(metric: str, feature: str, group: str) -> float | None:
        own = groups.get(feature, {})
        kept = {name: hits / total for name, (total, hits) in own.items() if (feature, name) not in left_out}
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

    del parameters
    return compute


def _of_bins(rows: Sequence[Row], _parameters: Mapping[str, Any]) -> Compute:
    """(feature, bin) before and after: population stability index and Jensen-Shannon divergence."""
    bins: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        bins.setdefault(row.keys[0], []).append((row.counts[0], row.counts[1]))

    def compute(metric: str, feature: str, group: str) -> float | None:
        if metric == "worst_drift_psi" and not feature:
            return max(_psi(own) for own in bins.values())
        if group or feature not in bins:
            return None
        return {"drift_psi": _psi, "drift_js": _js}.get(metric, lambda _own: None)(bins[feature])

    return compute


def _shares(counts: list[tuple[int, int]]) -> list[tuple[float, float]]:
    floored = [(max(before, FLOOR), max(after, FLOOR)) for before, after in counts]
    whole = [sum(side) for side in zip(*floored, strict=True)]
    return [(before / whole[0], after / whole[1]) for before, after in floored]


def _psi(counts: list[tuple[int, int]]) -> float:
    return sum((q - p) * math.log(q / p) for p, q in _shares(counts))


def _js(counts: list[tuple[int, int]]) -> float:
    total = 0.0
    for p, q in _shares(counts):
        middle = (p + q) / 2
        total += (p * math.log2(p / middle) + q * math.log2(q / middle)) / 2
    return total


def _of_errors(rows: Sequence[Row], _parameters: Mapping[str, Any]) -> Compute:
    """(new_wrong, current_wrong): what two versions get wrong on the same rows."""
    cells = {(row.keys[0], row.keys[1]): row.counts[0] for row in rows}
    total = sum(cells.values())

    def compute(metric: str, feature: str, group: str) -> float | None:
        if feature or group:
            return None
        if metric == "error_increase":
            return (cells.get((1, 0), 0) - cells.get((0, 1), 0)) / total
        return (cells.get((1, 0), 0) + cells.get((0, 1), 0)) / total if metric == "disagreement" else None

    return compute


_FORMS: list[tuple[tuple[str, ...], Callable[[Sequence[Row], Mapping[str, Any]], Compute]]] = [
    (("cells", "feature", "group", "label", "prediction", "count"), _of_cells),
    (("confusion", "label", "prediction", "count"), _of_confusion),
    (("confusion", "feature", "group", "label", "prediction", "count"), _of_classes),
    (
        (
            "impact_ratios",
            "feature",
            "category",
            "rows",
            "favoured",
            "share",
            "rate",
            "impact_ratio",
            "left_out_because",
        ),
        _of_impact,
    ),
    (("bins", "feature", "bin", "train", "evaluation"), _of_bins),
    (("errors", "new_wrong", "current_wrong", "count"), _of_errors),
]
