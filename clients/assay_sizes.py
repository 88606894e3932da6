"""How many rows stand behind figures of groups, of sums and of bins; `assay_rows` holds those of decisions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping

from assay_mean_bounds import sizes_of
from assay_orders import largest_excess_sizes
from assay_strata import effective_sides
from assay_tables import Line, Tables

#: Metric, feature and group to the number of rows, or to several that it may be; None where no table counts them.
Rows = Callable[[str, str, str], "float | tuple[float, ...] | None"]


def _of_members(
    sizes: Mapping[tuple[str, str], float], alone: set[str], over: set[str], beside: frozenset[str] = frozenset()
) -> Rows | None:
    """A group's own rows, the smallest group's, or the smaller of a group and everybody else."""

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric in alone:
            return sizes[feature, group]
        members = {name: size for (of, name), size in sizes.items() if of == feature}
        if metric in over:
            return min(members.values())
        return min(members[group], sum(members.values()) - members[group]) if metric in beside else None

    return rows if sizes else None


def _sizes(lines: Iterable[Line], count: str = "n") -> dict[tuple[str, str], float]:
    found: defaultdict[tuple[str, str], float] = defaultdict(float)
    for line in lines:
        found[line["feature"], line["group"]] += line[count]
    return dict(found)


def rows_of_reliability(tables: Tables) -> Rows | None:
    """`reliability`: the rows of all bins of a group."""
    sizes = _sizes(tables.lines("reliability", "feature", "group", "bin", "n"))
    alone = {"calibration_gap", "brier", "expected_calibration_error"}
    over = {"calibration_gap_difference", "brier_difference", "worst_group_brier"}
    return _of_members(sizes, alone, over | {"worst_group_expected_calibration_error"})


def rows_of_regression(tables: Tables) -> Rows | None:
    """`errors`: each group's rows; distances of distributions in effective numbers, as they are stated."""
    lines = tables.lines("errors", "feature", "group", "n", "mean_error")
    alone = {"mean_error", "mean_absolute_error", "root_mean_squared_error", "mean_prediction"}
    over = {f"{name}_difference" for name in alone} | {"worst_group_mean_absolute_error"}
    rows = _of_members(_sizes(lines), alone, over)
    distances = {f"{of}_{distance}" for of in ("error", "prediction") for distance in ("ks", "wasserstein")}
    effective = _of_members(sizes_of(lines), set(), set(), frozenset(distances))
    if rows is None or effective is None:
        return None
    return lambda metric, feature, group: (effective if metric in distances else rows)(metric, feature, group)


def rows_of_labels(tables: Tables) -> Rows | None:
    """`labels`: those that have a label."""
    lines = tables.lines("labels", "feature", "stratum", "group", "label", "count")
    sizes = _sizes((line for line in lines if line["label"] is not None), "count")
    sizes = {**{(line["feature"], line["group"]): 0.0 for line in lines}, **sizes}
    distances = {"kullback_leibler", "jensen_shannon", "lp_norm", "total_variation", "kolmogorov_smirnov"}
    members = _of_members(sizes, set(), {"label_difference_range"}, frozenset({*distances, "label_difference"}))

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric in {"class_imbalance", "conditional_disparity"}:
            return sum(size for (of, _), size in sizes.items() if of == feature)
        return members(metric, feature, group) if members else None

    return rows if sizes else None


def rows_of_areas(tables: Tables) -> Rows | None:
    """`areas`: the smaller side; effective numbers of weighted rows by their label stand in no table."""
    if any("weight" in tables.columns(name) for name in ("reliability", "confusion")) or tables.guarded:
        return None
    sides = {
        (line["metric"], line["feature"], line["group"]): min(line["positives"], line["negatives"])
        for line in tables.lines("areas", "metric", "feature", "group", "positives", "negatives")
    }

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric == "xauc_difference":
            return float(min(sides[name, feature, group] for name in ("xauc", "xauc_reverse")))
        if metric in {"auc_difference", "worst_group_auc"}:
            return float(min(n for (name, of, _), n in sides.items() if (name, of) == ("auc", feature)))
        return sides.get((metric, feature, group))

    return rows if sides else None


def rows_of_exposure(tables: Tables) -> Rows | None:
    """`exposure`: rows of each group, and places at the top; `places`: those that NDKL looks at."""
    lines = tables.lines("exposure", "feature", "group", "n", "among_the_top")
    members = _of_members(_sizes(lines), {"exposure"}, {"lowest_exposure_ratio"}, frozenset({"exposure_ratio"}))
    places = Counter(line["feature"] for line in tables.lines("places", "feature", "list", "place", "group"))

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric.startswith("top_"):
            return sum(float(line["among_the_top"]) for line in lines if line["feature"] == feature)
        if metric.startswith("ndkl"):
            return places[feature] or None
        return members(metric, feature, group) if members else None

    return rows if lines else None


def rows_of_strata(tables: Tables) -> Rows | None:
    """`strata`: the smaller side over the strata that hold both, in effective numbers."""
    compared = {
        "conditional_selection_difference",
        "conditional_odds_ratio",
        "conditional_p_value",
        "homogeneity_p_value",
        "largest_conditional_difference",
    }
    sides = effective_sides(tables)

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric not in compared or feature not in sides:
            return None
        groups = sides[feature]
        return min(groups[group] if group else min(groups.values()))

    return rows if sides else None


# -- Sums, shares, bins ------------------------------------------------------------------------------------------------
def rows_of_sums(tables: Tables) -> Rows | None:
    """`sums`: the rows of each mean."""
    lines = {
        (line["metric"], line["feature"], line["group"]): line["rows"]
        for line in tables.lines("sums", "metric", "feature", "group", "rows")
    }
    behind = {"rmse": "squared_error", "r2": "spread"}
    return (lambda metric, feature, group: lines.get((behind.get(metric, metric), feature, group))) if lines else None


def rows_of_shares(tables: Tables) -> Rows | None:
    """`shares`: what each is a share of."""
    lines = tables.lines("shares", "metric", "feature", "group", "count", "total")
    found = {(line["metric"], line["feature"], line["group"]): line for line in lines}

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric == "worst_missing_fraction":
            return tuple(line["total"] for (name, of, _), line in found.items() if name == "missing_fraction" and of)
        place = ("missing_fraction", "", "") if metric == "rows_scored" else (metric, feature, group)
        return found[place]["total"] if place in found else None

    return rows if found else None


def rows_of_group_errors(tables: Tables) -> Rows | None:
    """`errors_by_group`: the rows of each group."""
    sizes = _sizes(tables.lines("errors_by_group", "feature", "group", "rows", "error"), "rows")
    return _of_members(sizes, {"shift_drop"}, set())


def rows_of_bins(tables: Tables) -> Rows | None:
    """`bins`: the smaller of both sides; of the worst drift, those of the feature with the largest that is stated."""
    sides: defaultdict[str, list[int]] = defaultdict(lambda: [0, 0])
    for line in tables.lines("bins", "feature", "bin", "train", "evaluation"):
        sides[line["feature"]][0] += line["train"]
        sides[line["feature"]][1] += line["evaluation"]
    stated = {feature: value for (metric, feature, _), value in tables.stated.items() if metric == "drift_psi"}

    def rows(metric: str, feature: str, _group: str) -> float | tuple[float, ...] | None:
        if metric == "worst_drift_psi":
            most = max(stated.values())
            return tuple(min(sides[name]) for name, value in stated.items() if value == most)
        return min(sides[feature]) if metric in {"drift_psi", "drift_js"} else None

    return rows if sides else None


def rows_of_population(tables: Tables) -> Rows | None:
    """`population`: those of whom the group is known."""
    lines = tables.lines("population", "feature", "group", "rows", "known", "expected")
    known = {(line["feature"], line["group"]): line["known"] for line in lines}
    ratios = {
        (line["feature"], line["group"]): line["rows"] / line["known"] / line["expected"]
        for line in lines
        if line["known"] and line["expected"]
    }

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric == "worst_representation_ratio":
            least = min(ratios.values())
            return tuple(known[place] for place, one in ratios.items() if one == least)
        return known[feature, group] if metric == "representation_ratio" else None

    return rows if known else None


# -- Slices and explanations -------------------------------------------------------------------------------------------
def rows_of_slices(tables: Tables) -> Rows | None:
    """`everybody` and `slices`: the smaller of inside and outside."""
    everybody = tables.lines("everybody", "n", "wrong")
    if not everybody:
        return None
    whole = float(everybody[0]["n"])
    shown = {
        (line["feature"], line["slice"]): float(line["n"]) for line in tables.lines("slices", "feature", "slice", "n")
    }

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric in {"slices_tested", "slices_found"}:
            return whole
        if metric == "slice_excess":
            return min(shown[feature, group], whole - shown[feature, group])
        return largest_excess_sizes(tables) or None if metric == "largest_excess" else None

    return rows


_OF_ALL_EXPLAINED = {
    "rows_explained",
    "mean_abs_shap_share",
    "top_feature_share",
    "effective_features",
    "sensitive_share",
    "proxy_share",
}


def rows_of_importance(tables: Tables) -> Rows | None:
    """`importance`: every row that was explained, as the check says; `importance_by_group`: those of a group."""
    explained = tables.stated.get(("rows_explained", "", ""))
    if not isinstance(explained, int | float) or not tables.lines("importance", "feature", "mean_abs"):
        return None
    groups = {
        (line["column"], line["group"]): line["rows"]
        for line in tables.lines("importance_by_group", "column", "group", "rows")
    }

    def rows(metric: str, feature: str, group: str) -> float | tuple[float, ...] | None:
        if metric == "group_share_difference":
            return groups.get((feature, group))
        return explained if metric in _OF_ALL_EXPLAINED else None

    return rows
