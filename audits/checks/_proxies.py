"""Which features carry a tag, and how well the others stand in for a sensitive attribute. Worker only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from audits.checks import _single
from audits.checks._feature_tags import FeatureTags
from audits.checks._lineage import read_graph
from audits.checks._prints import cells
from audits.checks._rows import Rows, open_rows
from audits.checks.lineage_special_categories import SpecialParameters
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue
from audits.statistics import roc
from audits.statistics.resampling import redrawn

Array = np.ndarray[Any, Any]
MOST_GROUPS = 10


def measure_special(evidence: Evidence, parameters: SpecialParameters) -> Measurement:
    """Everything; see `lineage_special_categories`."""
    graph, inputs = read_graph(evidence)
    rows = open_rows(evidence.datasets["evaluation"])
    features = _features(evidence, rows)
    tags = FeatureTags(graph, {name: frozenset(rows.column(name).tags) for name in features})
    values = [*tags.values(), *_proxies(rows, features, parameters, evidence.seed)]
    inputs = {**inputs, **rows.inputs}
    return Measurement(values=tuple(values), inputs=inputs, tables=tags.tables(), notes=tags.notes())


def _features(evidence: Evidence, rows: Rows) -> list[str]:
    """What the model asks for, as far as the data holds it; the tags of the data where the model does not say."""
    held = {column.name for column in rows.dataset.columns}
    asked = [str(name) for name in evidence.model.signature.get("features", ()) if name in held]
    return asked or list(rows.dataset.tagged("feature"))


def _proxies(rows: Rows, features: list[str], parameters: SpecialParameters, seed: int) -> list[MetricValue]:
    attributes = list(dict.fromkeys((*rows.dataset.tagged("sensitive"), *rows.dataset.tagged("special_category"))))
    others = [name for name in features if name not in attributes]
    if not attributes or not others:
        reason = "no column is tagged sensitive or special_category" if others else "every feature is itself sensitive"
        return [MetricValue(metric="worst_proxy_auc", value=None, n=rows.total, not_estimable=reason)]
    generator = np.random.default_rng(seed)
    fold = generator.permutation(np.arange(rows.total) % parameters.folds)
    found: list[MetricValue] = []
    for attribute in attributes:
        groups = _groups(rows, attribute)
        for name in others:
            found += _proxy(name, attribute, cells(rows, name), groups, fold, parameters, seed)
    areas = [value for value in found if value.metric == "proxy_auc" and value.value is not None]
    if not areas:
        reason = f"no group has {parameters.minimum_group} rows on both sides"
        return [*found, MetricValue(metric="worst_proxy_auc", value=None, n=rows.total, not_estimable=reason)]
    worst = max(areas, key=lambda value: value.value or 0.0)
    overall = MetricValue(metric="worst_proxy_auc", value=worst.value, n=worst.n, interval=worst.interval)
    return [*found, overall]


def _groups(rows: Rows, attribute: str) -> Array:
    """A number for the group of each row, -1 where it is not known."""
    values = cells(rows, attribute)
    if values.dtype != np.float64:
        missing = rows.arrays(f"SELECT {rows.as_text(attribute)} IS NULL AS missing FROM typed")["missing"]
        _, groups = np.unique(values, return_inverse=True)
        return np.where(np.asarray(missing, dtype=bool), -1, groups)
    known = values[~np.isnan(values)]
    distinct = np.unique(known)
    edges = distinct[1:] if distinct.size <= MOST_GROUPS else np.unique(np.quantile(known, (0.25, 0.5, 0.75)))
    return np.where(np.isnan(values), -1, np.searchsorted(edges, values, side="right"))


def _proxy(
    name: str, attribute: str, values: Array, groups: Array, fold: Array, parameters: SpecialParameters, seed: int
) -> Iterator[MetricValue]:
    known = groups >= 0
    bins, _ = _single.bins_of(values, values, parameters.bins)
    bins, groups, fold = bins[known], groups[known], fold[known]
    sizes = np.bincount(groups) if groups.size else np.zeros(0, dtype=int)
    least = parameters.minimum_group
    told_apart = [group for group in range(sizes.size) if least <= sizes[group] <= groups.size - least]
    if not told_apart:
        reason = f"no group has {least} rows on both sides"
        for metric in ("proxy_auc", "proxy_information"):
            yield MetricValue(
                metric=metric, value=None, n=int(groups.size), feature=name, group=attribute, not_estimable=reason
            )
        return
    level = 1 - (1 - parameters.level) / len(told_apart)
    areas = [_cross_validated(bins, groups == group, fold, parameters.folds) for group in told_apart]
    folded = [_single.folded(area, level) for area in areas if area is not None]
    value, interval = max(folded, key=lambda one: one[0])
    yield MetricValue(
        metric="proxy_auc", value=value, n=int(groups.size), feature=name, group=attribute, interval=interval
    )
    share, bounds = _information(bins, groups, parameters, seed)
    yield MetricValue(
        metric="proxy_information", value=share, n=int(groups.size), feature=name, group=attribute, interval=bounds
    )


def _cross_validated(bins: Array, member: Array, fold: Array, folds: int) -> roc.Area | None:
    """The area of out-of-fold scores, all folds together."""
    scores = np.zeros(bins.size)
    size = int(bins.max()) + 1
    for number in range(folds):
        out = fold == number
        total = np.bincount(bins[~out], minlength=size).astype(float)
        hits = np.bincount(bins[~out], weights=member[~out].astype(float), minlength=size)
        prior = hits.sum() / max(1.0, total.sum())
        scores[out] = ((hits + prior) / (total + 1))[bins[out]]
    return roc.of_scores(scores[member], scores[~member])


def _information(bins: Array, groups: Array, parameters: SpecialParameters, seed: int) -> tuple[float, Interval]:
    """Mutual information over the entropy of the groups, and its interval by redrawing the table."""
    shape = int(bins.max()) + 1, int(groups.max()) + 1
    table = np.bincount(bins * shape[1] + groups, minlength=shape[0] * shape[1])
    point = float(_share(table[None, :], shape)[0])
    draws = _share(redrawn(table, parameters.resamples, seed), shape)
    tails = np.quantile(draws, [(1 - parameters.level) / 2, (1 + parameters.level) / 2])
    # Redrawing adds as much bias as drawing did: the reversed percentiles take it off again.
    low, high = np.clip((2 * point - tails[1], 2 * point - tails[0]), 0.0, 1.0)
    return point, Interval(min(float(low), point), max(float(high), point), parameters.level, "multinomial-reversed")


def _share(tables: Array, shape: tuple[int, int]) -> Array:
    """Along the last axis: (mutual information - its bias) / entropy, cut to 0-1."""
    cells = tables.reshape(-1, *shape).astype(float)
    n = cells.sum(axis=(1, 2))
    joint = _entropy(cells.reshape(cells.shape[0], -1), n)
    rows, columns = cells.sum(axis=2), cells.sum(axis=1)
    entropy = _entropy(columns, n)
    bias = ((cells > 0).sum(axis=(1, 2)) - (rows > 0).sum(axis=1) - (columns > 0).sum(axis=1) + 1) / (2 * n)
    share: Array = np.clip((_entropy(rows, n) + entropy - joint - bias) / np.maximum(entropy, 1e-12), 0.0, 1.0)
    return share


def _entropy(counts: Array, n: Array) -> Array:
    """In nats."""
    p = counts / n[:, None]
    found: Array = -(p * np.log(np.where(p > 0, p, 1.0))).sum(axis=1)
    return found
