"""Drawing sample and background, and measuring the explanation. Worker only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import rankdata

from audits.checks import _intervals
from audits.checks._attribute import Attribution, attribute
from audits.checks._models import Task, feature_frame, load_model, read_task
from audits.checks._rows import open_rows
from audits.checks.base import EvidenceError
from audits.checks.explainability_shap import ExplanationParameters
from audits.evidence import Evidence
from audits.measurements import Interval, Measurement, MetricValue, Table
from registry.canonical import digest

Array = np.ndarray[Any, Any]

EVALUATION, TRAIN = "evaluation", "train"
_RANKABLE = 3
_SMALLEST = 20


def measure_explanation(evidence: Evidence, parameters: ExplanationParameters) -> Measurement:
    """Everything about the explanation; see `explainability_shap`."""
    task = read_task(evidence.model)
    model = load_model(evidence.model)
    rows = open_rows(evidence.datasets[EVALUATION])
    inputs = {"model": evidence.model.digest, **rows.inputs}
    source = rows
    if TRAIN in evidence.datasets:
        source = open_rows(evidence.datasets[TRAIN])
        inputs |= source.inputs
    generator = np.random.default_rng(evidence.seed)
    sample = _drawn(feature_frame(rows, task), parameters.sample_rows, generator)
    background = _drawn(feature_frame(source, task), parameters.background_rows, generator)
    if len(sample) < _SMALLEST:
        raise EvidenceError(rows.where, f"has {len(sample)} rows; an explanation needs {_SMALLEST}")
    inputs["background"] = digest(background.to_csv(index=False).encode())
    explained = attribute(model, task, sample, background, evidence.seed)
    if not (np.isfinite(explained.values).all() and np.isfinite(explained.outputs).all()):
        raise EvidenceError("model", "has attributions or outputs that are not finite numbers")
    sensitive = set(parameters.sensitive or evidence.datasets[EVALUATION].tagged("sensitive"))
    values, table = _shares(explained, task, sensitive, parameters, evidence.seed)
    halves = _halves(model, task, sample, background, evidence.seed)
    return Measurement(
        values=(
            MetricValue(metric="rows_explained", value=float(len(sample)), n=len(sample)),
            MetricValue(metric="additivity_error", value=explained.additivity_error, n=len(sample)),
            MetricValue(
                metric="features_covered",
                value=len(explained.covered & set(task.features)) / len(task.features),
                n=len(task.features),
            ),
            *values,
            _rank_stability(halves, task.features, parameters, evidence.seed),
        ),
        inputs=inputs,
        tables={"importance": table},
        notes=(
            f"Method: {explained.method}; output space: {explained.space}; base value {explained.base:.6g}.",
            (
                f"{len(sample)} of {rows.total} rows explained against {len(background)} of {source.total} rows of "
                f"{source.where}, seed {evidence.seed}."
            ),
        ),
    )


def _drawn(frame: pd.DataFrame, wanted: int, generator: np.random.Generator) -> pd.DataFrame:
    """`wanted` rows without replacement, in file order; all where there are no more."""
    if len(frame) <= wanted:
        return frame
    chosen = np.sort(generator.choice(len(frame), size=wanted, replace=False))
    return frame.iloc[chosen].reset_index(drop=True)


def _shares(
    explained: Attribution, task: Task, sensitive: set[str], parameters: ExplanationParameters, seed: int
) -> tuple[list[MetricValue], Table]:
    """Share of each feature, the largest, and that of the sensitive ones, with row-bootstrap intervals."""
    size = len(explained.outputs)
    absolute = np.abs(explained.values)
    weights = _bootstrap_weights(size, parameters.resamples, seed)
    means = absolute.mean(axis=0)
    total = float(means.sum())
    names = ("mean_abs_shap_share", "top_feature_share", "sensitive_share")
    if total == 0.0:
        reason = "the model answers the same whatever the features are"
        return [MetricValue(metric=m, value=None, n=size, not_estimable=reason) for m in names], Table((), ())
    drawn = weights @ absolute
    sums = drawn.sum(axis=1, keepdims=True)
    drawn = np.divide(drawn, sums, out=np.zeros_like(drawn), where=sums > 0)
    shares = means / total
    values, rows = [], []
    for index in np.argsort(-shares, kind="stable"):
        name, share = task.features[index], float(shares[index])
        interval = _intervals.percentile(drawn[:, index], share, parameters.level, "bootstrap")
        values.append(MetricValue(metric="mean_abs_shap_share", value=share, n=size, feature=name, interval=interval))
        signed = float(np.mean(explained.values, axis=0)[index])
        rows.append((name, float(means[index]), share, interval.low, interval.high, signed, name in sensitive))
    top = float(shares.max())
    widest = _intervals.percentile(drawn.max(axis=1), top, parameters.level, "bootstrap")
    values.append(MetricValue(metric="top_feature_share", value=top, n=size, interval=widest))
    values.append(_sensitive_share(drawn, shares, task, sensitive, parameters.level, size))
    columns = ("feature", "mean_abs", "share", "share_low", "share_high", "mean", "sensitive")
    return values, Table(columns, tuple(rows))


def _sensitive_share(
    drawn: Array, shares: Array, task: Task, sensitive: set[str], level: float, size: int
) -> MetricValue:
    """0 where the model is not given any of the sensitive columns; unknown where nobody said which they are."""
    if not sensitive:
        reason = "no column is tagged sensitive and none is named"
        return MetricValue(metric="sensitive_share", value=None, n=size, not_estimable=reason)
    chosen = [index for index, name in enumerate(task.features) if name in sensitive]
    share = min(1.0, float(shares[chosen].sum()))
    interval = _intervals.percentile(drawn[:, chosen].sum(axis=1), share, level, "bootstrap")
    bounded = Interval(max(0.0, interval.low or 0.0), min(1.0, interval.high or 0.0), level, interval.method)
    return MetricValue(metric="sensitive_share", value=share, n=size, interval=bounded)


def _bootstrap_weights(size: int, resamples: int, seed: int) -> Array:
    weights: Array = np.random.default_rng(seed).multinomial(size, np.full(size, 1 / size), size=resamples) / size
    return weights


def _halves(model: Any, task: Task, sample: pd.DataFrame, background: pd.DataFrame, seed: int) -> list[Array]:
    """Absolute attributions of two disjoint halves of the rows, each against its own half of the background."""
    generator = np.random.default_rng(seed + 1)
    parts = [_cut(frame, generator) for frame in (sample, background)]
    return [
        np.abs(attribute(model, task, rows, reference, seed + 1 + index).values)
        for index, (rows, reference) in enumerate(zip(*parts, strict=True))
    ]


def _cut(frame: pd.DataFrame, generator: np.random.Generator) -> Iterator[pd.DataFrame]:
    order = generator.permutation(len(frame))
    for chosen in np.array_split(order, 2):
        yield frame.iloc[np.sort(chosen)].reset_index(drop=True)


def _rank_stability(
    halves: Sequence[Array], features: Sequence[str], parameters: ExplanationParameters, seed: int
) -> MetricValue:
    """Spearman's correlation of the two halves' mean |attribution|; the interval resamples the rows of both."""
    metric, n = "rank_stability", sum(len(half) for half in halves)
    if len(features) < _RANKABLE:
        reason = f"{len(features)} features have no ranking to compare"
        return MetricValue(metric=metric, value=None, n=n, not_estimable=reason)
    point = float(_spearman(*(half.mean(axis=0, keepdims=True) for half in halves))[0])
    if np.isnan(point):
        return MetricValue(metric=metric, value=None, n=n, not_estimable="all features matter equally little")
    drawn = _spearman(
        *(_bootstrap_weights(len(half), parameters.resamples, seed + index) @ half for index, half in enumerate(halves))
    )
    interval = _intervals.percentile(drawn[~np.isnan(drawn)], point, parameters.level, "bootstrap")
    return MetricValue(metric=metric, value=point, n=n, interval=interval)


def _spearman(first: Array, second: Array) -> Array:
    """Row by row; NaN where a row has no order."""
    a, b = (rankdata(part, axis=1) for part in (first, second))
    a, b = a - a.mean(axis=1, keepdims=True), b - b.mean(axis=1, keepdims=True)
    below = np.sqrt((a**2).sum(axis=1) * (b**2).sum(axis=1))
    correlation: Array = np.divide((a * b).sum(axis=1), below, out=np.full(len(a), np.nan), where=below > 0)
    return correlation
