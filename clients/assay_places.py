"""Figures that are the number of places listed in a table, or that follow from other figures of the same check."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable

from assay_tables import Compute, Tables

#: Tables of (metric, place), and the metrics that count their rows.
_LISTED = {
    "gaps": (
        "place",
        {
            "paths_without_declared_source", "nodes_missing_digest", "nodes_missing_owner",
            "personal_datasets_missing_legal_basis", "datasets_undeclared_personal_data", "datasets_missing_licence",
            "withdrawn_inputs", "cycles", "orphans", "dangling_edges", "features_without_column",
        },
    ),
    "places": (
        "place",
        {
            "datasets_without_purpose", "datasets_for_other_purposes", "purposes_widened", "legal_bases_missing",
            "legal_bases_changed", "special_data_without_exception", "bias_data_in_training", "licences_unknown",
            "licence_conflicts", "retention_missing", "retention_passed", "regions_missing",
            "transfers_without_safeguard", "withdrawn_or_dropped",
        },
    ),
    "columns": (
        "column",
        {
            "special_features", "personal_features", "sensitive_features", "suspected_features", "tags_lost",
            "tags_selecting", "tags_masked", "followed_by_name", "untold_features",
        },
    ),
}  # fmt: skip

#: A figure over all, from those of the single columns or groups.
_OVER: dict[str, tuple[str, Callable[[Iterable[float]], float]]] = {
    "worst_missing_fraction": ("missing_fraction", max),
    "type_violations_total": ("type_violations", sum),
    "range_violations_total": ("range_violations", sum),
    "worst_target_auc": ("target_auc", max),
    "worst_proxy_auc": ("proxy_auc", max),
}


def of_lists(tables: Tables) -> Compute | None:
    """`gaps`, `places`, `columns`, `mismatches`: each place is named, so they can be counted."""
    counted: dict[str, float] = {}
    for name, (column, metrics) in _LISTED.items():
        table = tables.tables.get(name)
        if isinstance(table, dict) and table.get("columns") == ["metric", column]:
            found = Counter(line["metric"] for line in tables.lines(name, "metric", column))
            counted |= {metric: float(found[metric]) for metric in metrics}
    wrong = tables.tables.get("mismatches")
    if isinstance(wrong, dict) and wrong.get("columns") == ["node", "declared", "recomputed"]:
        counted["digest_mismatches"] = float(len({line["node"] for line in tables.lines("mismatches", "node")}))
    return (lambda metric, feature, _group: None if feature else counted.get(metric)) if counted else None


def of_figures(tables: Tables) -> Compute | None:
    """The worst of several figures, and the sum of several."""

    def compute(metric: str, feature: str, group: str) -> float | None:
        if feature or group:
            return None
        if metric == "contents_not_held":
            held, named = (_stated(tables, name) for name in ("contents_recomputed", "nodes_with_digest"))
            return named[0] - held[0] if held and named else None
        if metric not in _OVER:
            return None
        single, over = _OVER[metric]
        found = _stated(tables, single)
        return over(found) if found else (0.0 if over is sum else None)

    return compute


def _stated(tables: Tables, metric: str) -> list[float]:
    return [value for (name, _, _), value in tables.stated.items() if name == metric and isinstance(value, int | float)]
