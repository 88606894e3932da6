"""Drift of single features between two datasets, as effect sizes with intervals. Worker only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from audits.checks._disclosure import pooled_strata
from audits.checks._rows import NUMERIC, Rows, literal, quoted
from audits.checks.base import EvidenceError
from audits.checks.data_quality_columns import QualityParameters
from audits.measurements import Interval, MetricValue, Table

DECILES = tuple(step / 10 for step in range(1, 10))
MOST_FREQUENT = 20
OTHER, MISSING, SMALL_BINS = "(other)", "(missing)", "(small bins together)"

Array = np.ndarray[Any, Any]


def drift(rows: Rows, train: Rows, parameters: QualityParameters, seed: int) -> tuple[list[MetricValue], Table]:
    """PSI and JS of every feature both hold, and the counts they come from as (feature, bin, train, evaluation)."""
    declared = {column.name: column.type for column in train.dataset.columns}
    features = [name for name in rows.dataset.tagged("feature") if name in declared]
    if not features:
        reason = "the two share no column tagged feature"
        absent = ("drift_psi", "drift_js", "worst_drift_psi")
        return [MetricValue(metric=m, value=None, n=rows.total, not_estimable=reason) for m in absent], Table((), ())
    values: list[MetricValue] = []
    counted: list[tuple[Any, ...]] = []
    for name in features:
        if declared[name] != rows.column(name).type:
            raise EvidenceError(
                name, f"is declared {rows.column(name).type} here and {declared[name]} in {train.where}"
            )
        bins = _bins(train, name)
        before, after = _histogram(train, name, bins), _histogram(rows, name, bins)
        labels = sorted(before.keys() | after.keys())
        reference = np.array([before.get(label, 0) for label in labels])
        current = np.array([after.get(label, 0) for label in labels])
        counted += _published(name, before, after, parameters.suppress_below)
        values += _distances(name, reference, current, parameters, seed)
    worst = max((value for value in values if value.metric == "drift_psi"), key=lambda value: value.value or 0.0)
    values.append(MetricValue(metric="worst_drift_psi", value=worst.value, n=worst.n, interval=worst.interval))
    return values, Table(("feature", "bin", "train", "evaluation"), tuple(counted))


def _published(name: str, before: Mapping[str, int], after: Mapping[str, int], threshold: int) -> list[tuple[Any, ...]]:
    """The counts of each bin, bins with few rows as one."""
    labels = sorted({*before, *after})
    layers = {label: {"train": before.get(label, 0), "evaluation": after.get(label, 0)} for label in labels}
    pooled = pooled_strata(layers, threshold) if threshold > 1 else set()
    rows: list[tuple[Any, ...]] = [(name, label, *layers[label].values()) for label in labels if label not in pooled]
    if pooled:
        joined = [sum(layers[label][side] for label in pooled) for side in ("train", "evaluation")]
        rows.append((name, SMALL_BINS, *joined))
    return rows


def _bins(train: Rows, name: str) -> str:
    """SQL that names the bin of a row, decided by the training data alone."""
    place = quoted(name)
    if train.column(name).type in NUMERIC:
        [(cuts,)] = train.ask(f"SELECT quantile_disc({place}, {list(DECILES)}) FROM typed")
        edges = sorted({float(cut) for cut in cuts or ()})
        cases = [f"WHEN {place} < {edge!r} THEN '{index:02d}: below {edge:g}'" for index, edge in enumerate(edges)]
        rest = f"'{len(edges):02d}: {edges[-1]:g} and above'" if edges else f"'{OTHER}'"
        return f"CASE WHEN {place} IS NULL THEN '{MISSING}' {' '.join(cases)} ELSE {rest} END"
    text = train.as_text(name)
    frequent = train.ask(
        f"SELECT {text} FROM typed WHERE {place} IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT {MOST_FREQUENT}"
    )
    kept = ", ".join(literal(label) for (label,) in frequent) or "NULL"
    return f"CASE WHEN {place} IS NULL THEN '{MISSING}' WHEN {text} IN ({kept}) THEN {text} ELSE '{OTHER}' END"


def _histogram(rows: Rows, name: str, bins: str) -> dict[str, int]:
    rows.column(name)
    return {str(label): int(count) for label, count in rows.ask(f"SELECT {bins}, count(*) FROM typed GROUP BY 1")}


def _shares(counts: Array) -> Array:
    """Along the last axis; a bin holds at least half a row."""
    floored = np.maximum(counts, 0.5)
    shares: Array = floored / floored.sum(axis=-1, keepdims=True)
    return shares


def _psi(reference: Array, current: Array) -> Array:
    p, q = _shares(reference), _shares(current)
    total: Array = ((q - p) * np.log(q / p)).sum(axis=-1)
    return total


def _js(reference: Array, current: Array) -> Array:
    p, q = _shares(reference), _shares(current)
    middle = (p + q) / 2
    total: Array = ((p * np.log2(p / middle) + q * np.log2(q / middle)) / 2).sum(axis=-1)
    return total


def _distances(
    name: str, reference: Array, current: Array, parameters: QualityParameters, seed: int
) -> list[MetricValue]:
    """Both grow with noise, so the plain percentiles of resampled values lie above the truth by that bias.

    The reversed percentiles (2·point - draw) take it off again; they are cut at 0 and widened to hold the point.
    """
    generator = np.random.default_rng(seed)
    n = int(min(reference.sum(), current.sum()))
    drawn = [
        generator.multinomial(int(counts.sum()), counts / counts.sum(), size=parameters.resamples)
        for counts in (reference, current)
    ]
    values = []
    for metric, distance in (("drift_psi", _psi), ("drift_js", _js)):
        point = float(distance(reference, current))
        tails = np.quantile(distance(*drawn), [(1 - parameters.level) / 2, (1 + parameters.level) / 2])
        low, high = max(0.0, 2 * point - float(tails[1])), max(0.0, 2 * point - float(tails[0]))
        interval = Interval(min(low, point), max(high, point), parameters.level, "multinomial-reversed")
        values.append(MetricValue(metric=metric, value=point, n=n, feature=name, interval=interval))
    return values
