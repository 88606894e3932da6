"""How many rows each figure rests on, counted again from the tables beside it.

A policy may ask for so many rows at least, so a number of rows that is too high opens what should have waited.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from assay_common import Outcome, TamperedError
from assay_shares import BOTH, GAPS, ODDS, RATES, RATIOS, WORST
from assay_sizes import (
    Rows,
    rows_of_areas,
    rows_of_bins,
    rows_of_exposure,
    rows_of_group_errors,
    rows_of_importance,
    rows_of_labels,
    rows_of_population,
    rows_of_regression,
    rows_of_reliability,
    rows_of_shares,
    rows_of_slices,
    rows_of_strata,
    rows_of_sums,
)
from assay_tables import Line, Tables

#: (label, prediction) to rows.
Cells = Mapping[tuple[Any, ...], int]

_BOTH_RATES = {"equalized_odds_difference", "equalized_odds_mean_difference", "equalized_odds_ratio"}
_OF_SELECTION = {"selection_rate_ratio_to_rest", "minimum_detectable_difference"}
_NEAR = 0.5 + 1e-6  # effective numbers are stated rounded


class Counted:
    """What was counted again so far, and the metrics whose rows no table counts."""

    def __init__(self) -> None:
        self.agreed = 0
        self.left: set[str] = set()

    def check(self, tables: Tables, values: Iterable[Mapping[str, Any]]) -> None:
        """All values of one observation. Raises TamperedError where one is of another number of rows."""
        try:
            found = [one for form in _FORMS if (one := form(tables)) is not None]
        except (KeyError, TypeError, ValueError, ZeroDivisionError, IndexError) as error:
            raise TamperedError(f"a table of counts in the evidence is malformed: {error!r}") from None
        for value in values:
            if value["value"] is None:
                continue
            rows = _first(value, found)
            if rows is None:
                self.left.add(value["metric"])
                continue
            allowed = rows if isinstance(rows, tuple) else (rows,)
            if all(abs(value["n"] - one) > _NEAR for one in allowed):
                told = f"{_label(value)} is said to rest on {value['n']} rows"
                raise TamperedError(f"{told}, but its tables hold {' or '.join(f'{one:g}' for one in allowed)}")
            self.agreed += 1

    def tell(self, outcome: Outcome) -> None:
        """Say what held, and what was taken as given."""
        outcome.facts["recounted"] = self.agreed
        if self.agreed:
            outcome.held.append(f"{self.agreed} numbers of rows were counted again in their tables and agree")
        if self.left:
            outcome.skipped.append(
                f"numbers of rows taken as given, because no table counts them: {', '.join(sorted(self.left))}"
            )


def _label(value: Mapping[str, Any]) -> str:
    where = value["feature"] + (f"={value['group']}" if value["group"] else "")
    return f"{value['metric']}[{where}]" if where else str(value["metric"])


def _first(value: Mapping[str, Any], found: Iterable[Rows]) -> float | tuple[float, ...] | None:
    n = value.get("n")
    if isinstance(n, bool) or not isinstance(n, int) or n < 0:
        raise TamperedError(f"the number of rows of {_label(value)} in the evidence is malformed: {n!r}")
    try:
        for rows in found:
            answer = rows(value["metric"], value["feature"], value["group"])
            if answer is not None:
                return answer
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        raise TamperedError(f"{_label(value)} is stated, but its rows are not in the evidence") from None
    return None


# -- Decisions ---------------------------------------------------------------------------------------------------------
def _cells(lines: Iterable[Line]) -> dict[str, dict[str, dict[tuple[Any, ...], int]]]:
    found: dict[str, dict[str, dict[tuple[Any, ...], int]]] = {}
    for line in lines:
        own = found.setdefault(line["feature"], {}).setdefault(line["group"], {})
        key = line["label"], line["prediction"]
        own[key] = own.get(key, 0) + line["count"]
    return found


def _alone(metric: str, cells: Cells) -> int | None:
    """Of a figure of these rows."""
    if metric == "group_size":
        return sum(cells.values())
    if metric == "treatment_equality":
        return cells.get((1, 0), 0) + cells.get((0, 1), 0)
    if metric == "f1":
        return sum(n for pair, n in cells.items() if pair != (0, 0))
    if metric in {"accuracy", "generalized_entropy", "theil_index"}:
        labels, predictions = BOTH, BOTH
    elif metric in RATES:
        _, _, labels, predictions = RATES[metric]
    else:
        return None
    return sum(n for (y, p), n in cells.items() if y in labels and p in predictions)


def _summed(many: Iterable[Cells]) -> Cells:
    total: Counter[tuple[Any, ...]] = Counter()
    for cells in many:
        total.update(cells)
    return total


def _fewest(metrics: Iterable[str], sides: Iterable[Cells]) -> int | None:
    sides = list(sides)
    found = [rows for metric in metrics for cells in sides if (rows := _alone(metric, cells)) is not None]
    return min(found) if found else None


def _of_group(metric: str, own: Cells, rest: Cells) -> int | None:
    """Of a figure of one group, alone or beside everybody else: the smaller side."""
    if metric in _OF_SELECTION:
        return _fewest(["selection_rate"], [own, rest])
    if metric == "average_odds_difference":
        return _fewest(ODDS, [own, rest])
    base = metric.removesuffix("_difference")
    return _alone(metric, own) if base == metric else _fewest([base], [own, rest])


def _over(metric: str, groups: Mapping[str, Cells]) -> int | None:
    """Of a figure over all groups: the smallest of them."""
    if metric == "missing_sensitive_fraction":
        return sum(sum(cells.values()) for cells in groups.values())
    if metric in _BOTH_RATES:
        return _fewest(ODDS, groups.values())
    base = GAPS.get(metric) or RATIOS.get(metric) or WORST.get(metric, ("", min))[0]
    return _fewest([base], groups.values())


def _rows_of_cells(tables: Tables) -> Rows | None:
    features = _cells(tables.lines("cells", "feature", "group", "label", "prediction", "count"))
    everybody = {feature: _summed(groups.values()) for feature, groups in features.items()}

    def rows(metric: str, feature: str, group: str) -> int | None:
        groups = features.get(feature, {})
        own = groups.get(group)
        if tables.guarded:  # the rest of a group, and all groups, may hold counts that are withheld
            alone = metric in RATES or metric in _OWN
            return _alone(metric, own) if own is not None and alone else None
        if not feature:
            return _alone(metric, next(iter(everybody.values())))
        if not group:
            return _over(metric, groups)
        if own is None:
            return 0 if metric == "group_size" else None
        rest = {pair: n - own.get(pair, 0) for pair, n in everybody[feature].items()}
        return _of_group(metric, own, rest)

    return rows if features else None


_OWN = {"group_size", "accuracy", "treatment_equality", "generalized_entropy", "theil_index"}


def _rows_of_confusion(tables: Tables) -> Rows | None:
    classes = _cells(tables.lines("confusion", "feature", "group", "label", "prediction", "count"))
    if classes:
        return _rows_of_classes(classes)
    lines = tables.lines("confusion", "label", "prediction", "count")
    cells = _cells({**line, "feature": "", "group": ""} for line in lines).get("", {}).get("", {})
    names = {"recall": "true_positive_rate"}
    return (lambda metric, _feature, _group: _alone(names.get(metric, metric), cells)) if cells else None


def _rows_of_classes(features: Mapping[str, Mapping[str, Cells]]) -> Rows:
    seen: dict[str, dict[str, Cells]] = {}

    def rows(metric: str, feature: str, group: str) -> int | None:
        name, _, asked = feature.partition(" | ")
        if name not in features:
            return None
        if feature not in seen:
            seen[feature] = {member: _against(own, asked.partition("=")[2]) for member, own in features[name].items()}
        groups = seen[feature]
        if metric in {"macro_recall", "macro_f1"}:
            return _alone("accuracy", groups[group])
        if not group:
            return _over(metric, groups)
        return _of_group(metric, groups[group], _summed(own for member, own in groups.items() if member != group))

    return rows


def _against(own: Cells, one: str) -> Cells:
    """The class against all others; without one, right decisions against wrong ones."""
    found: Counter[tuple[Any, ...]] = Counter()
    for pair, n in own.items():
        if one:
            found[tuple(None if side is None else int(side == one) for side in pair)] += n
        elif None not in pair:
            found[1, int(pair[0] == pair[1])] += n
    return found


def _rows_of_impact(tables: Tables) -> Rows | None:
    features: dict[str, dict[str, Line]] = {}
    sizes: dict[tuple[str, str], int] = {}
    columns = ("feature", "category", "rows", "rate", "left_out_because")
    for line in tables.lines("impact_ratios", *columns):
        features.setdefault(line["feature"], {})[line["category"]] = line
        sizes[line["feature"], line["category"]] = line["rows"]

    def rows(metric: str, feature: str, group: str) -> float | None:
        own = features.get(feature, {})
        kept = [name for name in sorted(own) if not own[name]["left_out_because"]]
        if metric == "category_share":
            return sum(sizes[feature, name] for name in own)
        if metric == "unknown_category_count":
            return sum(sizes[feature, name] for name in own) + float(tables.stated[metric, feature, group])
        if metric == "lowest_impact_ratio":
            return min(sizes[feature, name] for name in kept)
        if metric in {"selection_rate", "scoring_rate"}:
            return sizes[feature, group]
        if metric != "impact_ratio":
            return None
        best = max(kept, key=lambda name: own[name]["rate"])
        return min(sizes[feature, name] for name in (group, best))

    return rows if features else None


def _rows_of_errors(tables: Tables) -> Rows | None:
    lines = tables.lines("errors", "new_wrong", "current_wrong", "count")
    whole = sum(line["count"] for line in lines)
    named = {"disagreement", "mcnemar_p_value", "error_increase"}
    return (lambda metric, _feature, _group: whole if metric in named else None) if lines else None


_FORMS: tuple[Callable[[Tables], Rows | None], ...] = (
    _rows_of_cells,
    _rows_of_confusion,
    _rows_of_impact,
    _rows_of_errors,
    rows_of_strata,
    rows_of_labels,
    rows_of_reliability,
    rows_of_areas,
    rows_of_regression,
    rows_of_sums,
    rows_of_shares,
    rows_of_group_errors,
    rows_of_bins,
    rows_of_population,
    rows_of_exposure,
    rows_of_slices,
    rows_of_importance,
)
